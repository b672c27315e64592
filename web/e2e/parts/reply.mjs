// Sign in, read, answer: what a day is made of.
import { DESK, PHONE } from "../stage.mjs";
import { until } from "../tap.mjs";

const VIEWS = [DESK, PHONE];

/** Wrong password first; everybody that the other parts need is seated. */
export async function signIn(t, stage, w) {
  for (const view of VIEWS) {
    const seat = await stage.seat(view === DESK ? "ana" : "bruno", view);

    await seat.signIn("not the password");
    await t.seen(seat.page.getByText(seat.words.wrong), `${view.name}: a wrong password is told`);
    t.eq(await seat.violations(), [], `${view.name}: axe, a refused sign-in`);
    await seat.enter();
    await t.seen(
      seat.page.getByRole("heading", { level: 1 }),
      `${view.name}: the demo's login opens the inbox`,
    );
    t.eq(await seat.page.locator("html").getAttribute("lang"), view.locale, "in its language");
    t.eq(
      await seat.page.locator("html").getAttribute("data-theme"),
      view.scheme,
      "and in the system's theme",
    );
    w[view.name] = seat;
  }

  w.viewer = await (await stage.seat("vera")).enter();
  w.foreign = await (await stage.seat("fora")).enter();

  const theirs = stage.customer("Cliente Alheio", stage.facts.other);

  await theirs.say("isto é de outra empresa");
  await w.foreign.openRow("Cliente Alheio");
  await t.seen(w.foreign.log.getByText("isto é de outra empresa"), "another tenant has its own");
  await t.comes(
    () => w.foreign.requests.some((r) => r.endsWith("/read")),
    "and is read by being looked at",
  );
}

export async function list(t, stage, w) {
  for (const view of VIEWS) {
    const seat = w[view.name];
    const one = stage.customer(`Lia ${view.name}`);
    const nav = seat.page.getByRole("navigation", { name: seat.words.queues });

    t.eq(
      (await nav.getByRole("button").allTextContents()).map((x) => x.replace(/[\d+.,]+$/, "")),
      seat.words.tabs,
      `${view.name}: the tabs`,
    );
    await one.say("estou na lista?");
    await t.seen(seat.list, `${view.name}: a list with a name`);
    await t.seen(seat.row(one.name).getByText("estou na lista?"), "a first message makes a row");
    await seat.press(seat.tab(0));
    await t.seen(seat.page.getByText(seat.words.nothingMine), "Mine is empty, and says so");
    await seat.press(seat.tab(1));
    await t.seen(seat.row(one.name), "Unassigned has it");
    await seat.press(seat.tab(2));
    await t.seen(seat.row(one.name), "All has it");
  }

  /* Under the pointer nothing moves: a pill counts what came. */
  const { desk } = w;
  const late = stage.customer("Rui Tarde");

  await desk.row("Lia desk").hover();
  await late.say("cheguei agora");
  const pill = desk.button(desk.words.pill);

  await t.seen(pill, "under the pointer: the pill");
  t.eq(await desk.row(late.name).count(), 0, "and no new row");
  await desk.press(pill);
  await t.seen(desk.row(late.name), "which the pill brings");
  await scrolled(t, stage, desk);
}

/** WhatsApp's times are whole seconds: of one second any may stand above. */
async function nextSecond() {
  const now = Math.floor(Date.now() / 1000);

  await until(() => Math.floor(Date.now() / 1000) > now);
}

/** A list that is scrolled stays as it is: the pill counts who wrote again, too. */
async function scrolled(t, stage, desk) {
  const { page } = desk;
  const crowd = Array.from({ length: 8 }, (_, i) => stage.customer(`Fila ${i + 1}`));
  const order = () =>
    desk.list
      .getByRole("link")
      .evaluateAll((rows) => rows.map((r) => [r.id, r.getBoundingClientRect().top]));
  const top = () => desk.list.locator('li[aria-posinset="1"]');
  const to = (px) =>
    page.evaluate((y) => {
      document.querySelector("ul[aria-label]").parentElement.scrollTop = y;
    }, px);

  for (const who of crowd) {
    await who.say("primeira vez");
    await desk.row(who.name).getByText("primeira vez").waitFor();
  }
  await nextSecond();
  await crowd[0].say("de novo");
  await t.seen(
    top().getByText("de novo"),
    "at the top, nothing pointed at: who writes again is first",
  );
  await page.setViewportSize({ width: desk.view.width, height: 420 });
  await desk.openRow(crowd[2].name);
  await to(120);

  const before = await order();

  await crowd[3].say("sou cliente");
  await t.seen(desk.button(desk.words.pill), "scrolled: who writes again is counted");
  t.eq(await order(), before, "and no row moves");
  await desk.send("resposta minha");
  await to(0);
  await t.seen(top().getByText("resposta minha"), "one's own answer moves its row");
  await t.gone(desk.button(desk.words.pill), "at the top again: nothing waits");
  await to(120);
  await nextSecond();
  await crowd[4].say("eu também");
  await t.seen(desk.button(desk.words.pill), "scrolled again: counted again");
  await desk.press(desk.button(desk.words.pill));
  await t.seen(top().getByText("eu também"), "the pill leads to the top");
  await t.gone(desk.button(desk.words.pill), "and nothing waits there");
  await page.setViewportSize({ width: desk.view.width, height: desk.view.height });
  await desk.go("/inbox");
}

export async function reply(t, stage, w) {
  await stage.sim("config", { sent_ms: null, delivered_ms: null, read_ms: null });

  for (const view of VIEWS) {
    const seat = w[view.name];
    const maria = stage.customer(`Maria ${view.name}`);
    const { words } = seat;

    await maria.say("Bom dia, tem pão de queijo?");
    await seat.toList();
    await t.seen(
      seat.row(maria.name).getByText(words.unread),
      `${view.name}: a customer is in the list, unread`,
    );
    await seat.openRow(maria.name);
    await t.seen(seat.log.getByText("Bom dia, tem pão de queijo?"), "what was typed is there");

    const began = Date.now();

    await maria.say("E café?");
    await t.seen(seat.log.getByText("E café?"), "and more of it in the open thread");
    t.note(`after ${Date.now() - began} ms`);
    if (view === DESK) {
      await t.seen(seat.row(maria.name).getByText("E café?"), "and in the list");
    }
    await t.seen(seat.log.locator("[data-new]"), "a line where the new ones begin");
    await seat.send("Tem sim.\u00a0Quantos?");
    await t.seen(seat.log.getByText("Tem sim."), "the answer is in the thread");
    await t.gone(seat.log.locator("[data-new]"), "which goes when they are answered");
    t.eq(await seat.box.inputValue(), "", "the box is empty again");
    await t.comes(async () => (await maria.texts()).length > 0, "it is on the phone");
    t.eq(await maria.texts(), ["Tem sim.\u00a0Quantos?"], "once, as it was typed");
    await ticks(t, stage, seat, maria);
    if (view === PHONE) {
      await seat.page.goBack();
      await t.seen(seat.list, "Back leads to the list");
      await seat.page.goForward();
      await t.seen(seat.box, "Forward into the thread");
    }
    await seat.toList();
    await seat.row(maria.name).waitFor();
    await t.comes(
      async () => (await seat.row(maria.name).getByText(words.unread).count()) === 0,
      "what was read counts no more",
    );
  }
  await stage.sim("config", { sent_ms: 10, delivered_ms: 20, read_ms: 30 });
}

async function ticks(t, stage, seat, customer) {
  const { id } = (await customer.got()).at(-1);

  for (const status of ["sent", "delivered", "read"]) {
    await stage.sim("status", { id, status });
    await t.seen(seat.tick(seat.words[status]), `tick: ${seat.words[status]}`);
  }
}

/** A draft stays with its conversation, and shows in the list. */
export async function drafts(t, stage, w) {
  for (const view of VIEWS) {
    const seat = w[view.name];
    const [a, b] = [stage.customer(`Caio ${view.name}`), stage.customer(`Dora ${view.name}`)];

    await a.say("primeiro");
    await b.say("segundo");
    await seat.toList();
    await seat.row(b.name).waitFor();
    await seat.openRow(a.name);
    await seat.box.fill("ainda não terminei");
    await seat.openRow(b.name);
    t.eq(await seat.box.inputValue(), "", `${view.name}: another conversation, an empty box`);
    await seat.toList();
    await t.seen(seat.row(a.name).getByText(seat.words.draft), "the list marks the draft");
    await t.seen(seat.row(a.name).getByText("ainda não terminei"), "and shows it");
    await seat.openRow(a.name);
    t.eq(await seat.box.inputValue(), "ainda não terminei", "it is still there");
    await seat.box.fill("");
  }
}

/** Closing, taking it back, reopening. */
export async function closing(t, stage, w) {
  for (const view of VIEWS) {
    const seat = w[view.name];
    const who = stage.customer(`Edu ${view.name}`);
    const shut = seat.page.locator('[aria-keyshortcuts="e"]');

    await who.say("obrigado, era isso");
    await seat.toList();
    await seat.openRow(who.name);
    await seat.press(shut);
    await t.seen(seat.page.getByText(seat.words.closedDone), `${view.name}: closed`);
    await t.seen(seat.page.getByText(seat.words.closedNote), "no box, but why");
    await t.comes(() => apart(seat), "Undo covers nothing of it");
    await seat.press(seat.button(seat.words.undo));
    await t.seen(seat.box, "Undo brings the box back");
    await seat.press(shut);
    await seat.page.getByText(seat.words.closedNote).waitFor();
    await seat.toList();
    await seat.toShelf(true);
    await t.seen(seat.row(who.name), "it is among the closed ones");
    await seat.openRow(who.name);
    await seat.press(seat.button(seat.words.reopen));
    await t.seen(seat.box, "reopened");
    await seat.toList();
    await seat.toShelf(false);
    await t.seen(seat.row(who.name), "and among the open ones again");
  }
}

/** Whether the bar with Undo stands above what is in the place of the box. */
async function apart(seat) {
  const bar = await seat.button(seat.words.undo).boundingBox();
  const note = await seat.button(seat.words.reopen).boundingBox();

  return bar !== null && note !== null && bar.y + bar.height <= note.y;
}

/** A day and more after the customer's last word nothing may be sent. */
export async function oldWindow(t, stage, w) {
  for (const view of VIEWS) {
    const seat = w[view.name];
    const who = stage.customer(`Gil ${view.name}`);

    await who.say("até logo", { timestamp: Math.floor(Date.now() / 1000) - 26 * 3600 });
    const id = await who.conversation();

    await seat.go(`/inbox/${id}`);
    await t.seen(seat.page.getByText(seat.words.windowClosed), `${view.name}: closed, since when`);
    t.eq(await seat.box.count(), 0, "and no box");
    w[`old ${view.name}`] = id;
    await failedByWindow(t, stage, seat);
  }
}

/** What the closed window kept back may not be tried until the customer writes. */
async function failedByWindow(t, stage, seat) {
  const { words } = seat;
  const who = stage.customer(`Hugo ${seat.view.name}`);
  const again = seat.log.getByRole("button", { name: words.again });

  await who.say("até amanhã", { timestamp: Math.floor(Date.now() / 1000) - 26 * 3600 });
  const id = await who.conversation();

  await stage.hands("failed", { conversation: id, user: seat.user.id, code: 131047 });
  await seat.go(`/inbox/${id}`);
  await t.seen(seat.log.getByText(words.againLater), "what failed by it waits for the customer");
  t.eq(await again.count(), 0, "and cannot be tried");
  await who.say("voltei");
  await t.seen(again, "they write: it can");
}
