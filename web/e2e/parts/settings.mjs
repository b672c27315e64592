// The settings: tags and quick replies, by whoever keeps them and whoever may not.
import { DESK, PHONE } from "../stage.mjs";
import { clean } from "./wide.mjs";

/** What another program does by the API, with the seat's own token. */
async function api(stage, seat, method, path, body) {
  const answer = await fetch(`${stage.facts.url}/api/v1${path}`, {
    method,
    headers: { Authorization: seat.bearer, "Content-Type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();

  if (!answer.ok) {
    throw new Error(`${method} ${path}: ${answer.status} ${text.slice(0, 300)}`);
  }
  return text === "" ? null : JSON.parse(text);
}

function field(seat, name) {
  return seat.page.getByRole("complementary").getByLabel(name, { exact: true });
}

function rowOf(seat, name) {
  return seat.page.getByRole("row").filter({ hasText: name });
}

async function settle(seat, page) {
  await seat.go(`/settings/${page}`);
  await seat.page.getByRole("heading", { level: 1 }).waitFor();
}

async function removeRow(seat, name) {
  const { page, words } = seat;

  await seat.press(seat.button(words.actionsOf(name)));
  await seat.press(page.getByRole("menuitem", { name: words.remove }));
  await page.getByRole("dialog").waitFor();
}

/** An admin's day with tags; a second tab sees all of it. */
export async function tags(t, stage, w) {
  w.admin ??= await (await stage.seat("ada")).enter();
  const { admin: desk } = w;
  const { page, words } = desk;

  await page.keyboard.press("g");
  await page.keyboard.press("s");
  await t.comes(() => new URL(page.url()).pathname.startsWith("/settings/"), "g s: the settings");
  await desk.press(page.getByRole("link", { name: new RegExp(`^${words.tags}`) }));
  await t.seen(page.getByText(words.noTags), "without a tag it says so");
  await clean(t, desk, "no tags");

  const tab = await desk.secondTab();

  await tab.page.goto("/settings/tags");
  await t.seen(tab.page.getByText(words.noTags), "its address can be loaded");

  await desk.press(page.locator("#new"));
  await desk.press(desk.button(words.create));
  await t.seen(page.getByText(words.missing), "a name that is missing is told at its field");
  t.ok(
    await field(desk, words.name).evaluate((el) => el === document.activeElement),
    "which has the focus",
  );
  await field(desk, words.name).fill("VIP");
  await page.getByRole("radio", { name: words.purple }).check();
  await clean(t, desk, "the form of a tag");
  await page.keyboard.press("Enter");
  await t.seen(rowOf(desk, "VIP"), "Enter makes it");
  await t.seen(rowOf(tab, "VIP"), "the second tab has it at once");
  await t.comes(
    () => page.evaluate(() => document.activeElement?.id === "new"),
    "the focus is back where it came from",
  );

  await desk.press(page.locator("#new"));
  await field(desk, words.name).fill("vip");
  await desk.press(desk.button(words.create));
  await t.seen(page.getByText(words.taken), "a name that is taken is told at its field");
  await page.keyboard.press("Escape");
  await t.seen(page.getByRole("dialog"), "Esc asks before it loses what was typed");
  await clean(t, desk, "the question");
  await desk.press(desk.button(words.discard));
  await t.gone(page.getByRole("complementary"), "and then closes");

  const [vip] = (await api(stage, desk, "GET", "/tags")).data;

  await desk.press(desk.button("VIP"));
  await field(desk, words.name).fill("VIP ouro");
  await api(stage, desk, "PATCH", `/tags/${vip.id}`, { color: "red" });
  await t.seen(page.getByText(words.stale), "somebody else's change is told while one edits");
  await t.seen(page.getByText(words.staleColor), "and what it was");
  await clean(t, desk, "a change in between");

  const asked = desk.requests.length;

  await desk.press(desk.button(words.save));
  await t.comes(
    () => page.evaluate(() => document.activeElement?.hasAttribute("data-stale")),
    "saved all the same, the server says 412, and the notice has the focus",
  );
  t.eq(desk.asked(/^PATCH \/api\/v1\/tags/, asked), 1, "it was asked, with the old version");
  t.eq((await api(stage, desk, "GET", `/tags/${vip.id}`)).name, "VIP", "and changed nothing");
  await desk.press(desk.button(words.keepMine));
  await desk.press(desk.button(words.save));
  await t.seen(rowOf(tab, "VIP ouro"), "one's own is kept: renamed, in both tabs");
  t.eq(
    (await api(stage, desk, "GET", `/tags/${vip.id}`)).color,
    "red",
    "and what the other one changed stays",
  );

  /* The notice offers the newest, too. */
  await desk.press(desk.button("VIP ouro"));
  await field(desk, words.name).fill("outra");
  await api(stage, desk, "PATCH", `/tags/${vip.id}`, { name: "VIP prata" });
  await desk.press(desk.button(words.useNewest));
  t.eq(await field(desk, words.name).inputValue(), "VIP prata", "the newest can be taken");
  await desk.press(page.getByRole("complementary").getByRole("button", { name: words.close }));

  await colored(t, stage, desk, tab);
  await desk.go("/settings/tags");
  await removeRow(desk, "VIP prata");
  await clean(t, desk, "the question before deleting");
  await desk.press(desk.button(words.cancel));
  t.eq(await rowOf(tab, "VIP prata").count(), 1, "cancelled, it stays");
  await removeRow(desk, "VIP prata");
  await desk.press(page.getByRole("dialog").getByRole("button", { name: words.remove }));
  await t.gone(rowOf(tab, "VIP prata"), "deleted, it is gone in both tabs");
  await t.seen(page.getByText(words.noTags), "and here");
  await tab.page.close();
}

/** A conversation's tag has the colour that the list of tags says. */
async function colored(t, stage, desk, tab) {
  const who = stage.customer("Cora Etiqueta");
  const mark = (seat) => seat.row(who.name).locator("i").first();
  const color = (seat) => mark(seat).evaluate((el) => el.style.background);

  await who.say("qual é a minha cor?");
  await stage.hands("tags", { conversation: await who.conversation(), tags: ["VIP PRATA"] });
  await who.say("e agora?");
  await tab.page.goto("/inbox");
  await tab.row(who.name).waitFor();
  await t.comes(async () => (await color(tab)) === "var(--tag-red)", "a row's tag has its colour");

  const [vip] = (await api(stage, desk, "GET", "/tags")).data;

  await api(stage, desk, "PATCH", `/tags/${vip.id}`, { color: "green" });
  await t.comes(async () => (await color(tab)) === "var(--tag-green)", "and another one at once");
  await tab.go("/settings/tags");
  await rowOf(tab, "VIP prata").waitFor();
}

export async function quickReplies(t, stage, w) {
  w.admin ??= await (await stage.seat("ada")).enter();
  const { admin: desk } = w;
  const { page, words } = desk;
  const form = page.getByRole("complementary");

  await settle(desk, "quick-replies");
  await t.seen(page.getByText(words.noReplies), "without a quick reply it says so");
  await clean(t, desk, "no quick replies");
  await desk.press(page.locator("#new"));
  await field(desk, words.shortcut).fill("/oi");
  await field(desk, words.content).fill("Oi, ! Aqui é ");
  await field(desk, words.content).evaluate((el) => el.setSelectionRange(4, 4));
  await desk.press(desk.button(words.varContact));
  await t.comes(
    async () => (await field(desk, words.content).inputValue()).includes("Oi, {{contact.name}}!"),
    "a variable stands where the cursor was",
  );
  await field(desk, words.content).press("End");
  await desk.press(desk.button(words.varAgent));
  await page.keyboard.type(" da {{loja}}");

  const preview = page.getByRole("region", { name: words.preview });

  await t.seen(
    preview.getByText(`Oi, Mariana Couto! Aqui é ${desk.user.name} da {{loja}}`),
    "the preview says what the customer reads",
  );
  await t.seen(preview.getByText(words.unknown), "and what is no variable");
  for (const title of ["Sim", "Não", ""]) {
    await desk.press(form.getByRole("button", { name: words.addButton, exact: true }));
    await field(desk, words.buttonN(await form.getByLabel(/^(Botão|Button) \d$/).count())).fill(
      title,
    );
  }
  t.eq(
    await form.getByRole("button", { name: words.addButton, exact: true }).count(),
    0,
    "three buttons are the most",
  );
  await desk.press(desk.button(words.create));
  await t.seen(form.getByText(words.missing), "a fault in a button stands at the button");
  t.ok(
    await field(desk, words.buttonN(3)).evaluate((el) => el === document.activeElement),
    "which has the focus",
  );
  await clean(t, desk, "the form of a quick reply");
  await desk.press(desk.button(words.removeButton(3)));
  await field(desk, words.content).fill("Oi, {{contact.name}}! Aqui é {{agent.name}}.");
  await desk.press(desk.button(words.create));
  await t.seen(rowOf(desk, "oi"), "made");
  await t.seen(rowOf(desk, "oi").getByText(words.twoButtons), "with its buttons");

  await desk.press(page.locator("#new"));
  await field(desk, words.shortcut).fill("OI");
  await field(desk, words.content).fill("outro");
  await desk.press(desk.button(words.create));
  await t.seen(form.getByText(words.shortcutTaken), "a shortcut that is taken is told");
  await field(desk, words.shortcut).fill("pix");
  await field(desk, words.content).fill("A chave é o e-mail da padaria.");
  await desk.press(desk.button(words.create));
  await t.seen(rowOf(desk, "pix"), "another one");

  await page.getByRole("searchbox").fill("/PI");
  await t.gone(rowOf(desk, "oi"), "the search is by shortcut");
  await t.seen(rowOf(desk, "pix"), "in any case");
  await page.getByRole("searchbox").fill("nada");
  await t.seen(page.getByText(words.noneFound("nada")), "and says when there is none");
  await desk.press(desk.button(words.showAll));
  await clean(t, desk, "quick replies");

  const [pix] = (await api(stage, desk, "GET", "/quick-replies?q=pix")).data;

  await desk.press(desk.button("pix"));
  await field(desk, words.content).fill("Só pelo app.");
  await api(stage, desk, "DELETE", `/quick-replies/${pix.id}`);
  await t.seen(form.getByText(words.gone), "what somebody deleted meanwhile is told");
  await desk.press(desk.button(words.create));
  await t.seen(rowOf(desk, "Só pelo app."), "and can be made again");
  await removeRow(desk, "pix");
  await desk.press(page.getByRole("dialog").getByRole("button", { name: words.remove }));
  await t.gone(rowOf(desk, "pix"), "deleted");
  await desk.go("/inbox");
}

/** "/" in the box: the text that the server made is sent. */
export async function slash(t, stage, w) {
  w.admin ??= await (await stage.seat("ada")).enter();
  for (const [shortcut, content] of [
    ["saudacao", "Olá, {{contact.name}}! Sou {{agent.name}}."],
    ["horario", "Abrimos das 6h às 20h."],
  ]) {
    await api(stage, w.admin, "POST", "/quick-replies", { shortcut, content });
  }
  for (const view of [DESK, PHONE]) {
    const seat = w[view.name];
    const { page, words } = seat;
    const who = stage.customer(`Zélia ${view.name}`);
    const options = page.getByRole("listbox", { name: words.quickReplies }).getByRole("option");

    await seat.go("/inbox");
    await who.say("oi");
    await seat.toList();
    await seat.row(who.name).waitFor();
    await seat.openRow(who.name);
    await seat.box.focus();
    await page.keyboard.type("/");
    await t.comes(async () => (await options.count()) >= 2, `${view.name}: / opens the menu`);
    await clean(t, seat, "the menu of quick replies");
    await page.keyboard.type("horá");
    await t.comes(async () => (await options.count()) === 1, "what is typed filters it");
    await page.keyboard.press("Escape");
    await t.gone(options, "Esc closes it");
    t.eq(await seat.box.inputValue(), "/horá", "and leaves the text");
    await seat.box.fill("");
    if (view === DESK) {
      await page.keyboard.type("/");
      await options.first().waitFor();
      const marked = () => seat.box.getAttribute("aria-activedescendant");
      const first = await marked();

      await page.keyboard.press("ArrowDown");
      await t.comes(async () => (await marked()) !== first, "an arrow marks the next one");
      await page.keyboard.press("ArrowUp");
      await t.comes(async () => (await marked()) === first, "and back");
      await page.keyboard.type("OLA, ");
      await t.comes(async () => (await options.count()) === 1, "the text is looked in, too");
      await page.keyboard.press("Enter");
    } else {
      await seat.press(seat.button(words.quickReply));
      await options.first().waitFor();
      await seat.press(options.filter({ hasText: "/saudacao" }));
    }
    const text = `Olá, ${who.name}! Sou ${seat.user.name}.`;

    await t.comes(
      async () => (await seat.box.inputValue()) === text,
      "the server's text is in the box",
    );
    t.eq(await who.texts(), [], "and not sent yet");
    await (view === PHONE ? seat.press(seat.button(words.send)) : seat.box.press("Enter"));
    await t.comes(async () => (await who.texts()).includes(text), "it is sent as it is read");
    await seat.box.fill("Sobre o horário: ");
    await seat.press(seat.button(words.quickReply));
    await options.first().waitFor();
    await seat.press(options.filter({ hasText: "/horario" }));
    await t.comes(
      async () => (await seat.box.inputValue()) === "Sobre o horário: Abrimos das 6h às 20h.",
      "the button puts it at the cursor of what is written",
    );
    await seat.box.fill("");
  }
}

/** Who may not change them sees the lists, and nothing to change them with. */
export async function readers(t, stage, w) {
  w.admin ??= await (await stage.seat("ada")).enter();
  await api(stage, w.admin, "POST", "/tags", { name: "Leitura", description: "só para ver" });
  for (const seat of [w.viewer, w.desk]) {
    const { page, words, user } = seat;

    await settle(seat, "tags");
    await t.seen(rowOf(seat, "Leitura"), `${user.name} sees the tags`);
    await t.seen(page.getByText(words.readOnly), "and who changes them");
    t.eq(
      await page.getByRole("main").getByRole("button").count(),
      0,
      "there is no button, neither to make nor to change",
    );
    await clean(t, seat, "tags of others");
    await settle(seat, "quick-replies");
    await t.seen(page.getByRole("heading", { name: words.quickReplies, level: 1 }), "and replies");
    t.eq(await page.locator("#new").count(), 0, "without a button, too");
    await seat.go("/inbox");
  }
}

/** The same on a phone: a pane at a time, and the address is the pane. */
export async function settingsPhone(t, stage) {
  const seat = await (await stage.seat("ada", PHONE)).enter();
  const { page, words } = seat;

  await seat.press(seat.account);
  await seat.press(page.getByRole("menuitem", { name: words.settings }));
  await t.seen(page.getByRole("heading", { level: 1, name: words.settings }), "phone: the menu");
  await clean(t, seat, "the settings' menu");
  await seat.press(page.getByRole("link", { name: new RegExp(`^${words.tags}`) }));
  await t.seen(page.getByRole("heading", { level: 1, name: words.tags }), "a page of its own");
  await seat.press(page.locator("#new"));
  await t.gone(
    page.getByRole("heading", { level: 1, name: words.tags, exact: true }),
    "the form takes the list's place",
  );
  await field(seat, words.name).fill("Celular");
  await clean(t, seat, "the form of a tag");
  await seat.press(seat.button(words.create));
  await t.seen(rowOf(seat, "Celular"), "made");
  await clean(t, seat, "tags");
  t.ok(
    await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
    "nothing is wider than the screen",
  );
  await seat.press(seat.button(words.actionsOf("Celular")));
  t.eq(
    await page
      .getByRole("menuitem")
      .evaluateAll((all) => all.filter((el) => el.getBoundingClientRect().height < 44).length),
    0,
    "what is tapped is 44 px high",
  );
  await page.keyboard.press("Escape");
  await page.getByRole("menu").waitFor({ state: "hidden" });
  await page.goBack();
  await t.seen(page.getByRole("heading", { level: 1, name: words.settings }), "back: the menu");
  await page.goBack();
  await t.seen(seat.list.or(page.getByRole("navigation", { name: words.queues })), "the inbox");
  await settle(seat, "quick-replies");
  await clean(t, seat, "quick replies");
  await seat.press(page.locator("#new"));
  await clean(t, seat, "the form of a quick reply");
  await seat.context.close();
}
