// Several people at the same time: colleagues, a viewer, somebody else's.
import { until } from "../tap.mjs";

/** Two agents in one conversation: one at a desk, one with a phone. */
export async function together(t, stage, w) {
  const { desk, phone } = w;
  const who = stage.customer("Nina Torres");

  await who.say("alguém pode me ajudar?");
  await desk.row(who.name).waitFor();
  await phone.toList();
  await desk.openRow(who.name);
  await phone.openRow(who.name);
  await t.seen(
    desk.page.getByText(desk.words.viewing(phone.user.name)),
    "a colleague who looks is seen",
  );
  await t.seen(
    phone.page.getByText(phone.words.viewing(desk.user.name)),
    "from the other side, too",
  );
  await phone.box.pressSequentially("um mom");
  await t.seen(
    desk.page.getByText(desk.words.isTyping(phone.user.name)),
    "a colleague who types is seen above the box",
  );
  await t.seen(desk.row(who.name).getByText(desk.words.typing), "and in the list");
  await phone.box.fill("");
  await t.gone(
    desk.page.getByText(desk.words.isTyping(phone.user.name)),
    "and no more when the box is empty",
  );

  await desk.press(desk.button(desk.words.assign));
  await desk.press(desk.page.getByRole("menuitem", { name: desk.words.assignToMe }));
  await t.seen(desk.page.getByText(desk.words.doneAssignedMe), "assigned");
  await t.seen(phone.button(phone.words.assignee(desk.user.name)), "the colleague sees it at once");
  await phone.send("eu respondo");
  await t.seen(desk.log.getByText("eu respondo"), "a colleague's answer is there at once");
  await t.seen(desk.log.getByText(phone.user.name), "with the name");
  await t.comes(async () => (await who.texts()).length === 1, "and is sent once");
}

/** Nothing of one tenant is anything to another. */
export async function foreign(t, stage, w) {
  const { foreign: seat, desk } = w;
  const id = new URL(desk.page.url()).pathname.split("/").at(-1);

  t.eq(await seat.list.getByRole("listitem").count(), 1, "another tenant's list has its own alone");
  t.ok(
    !(await seat.page.content()).includes("Nina Torres"),
    "and no word of what happened elsewhere",
  );

  /* It lay idle since it was opened: at least for this long. */
  const idle = stage.facts.long ? 120_000 : 15_000;

  await until(() => Date.now() - w.settledAt > idle, idle + 10_000);
  t.eq(seat.requests.slice(w.settled), [], "an idle inbox asked for nothing all the while");
  t.eq(seat.said.slice(w.said), [], "nor by its socket");
  t.note(`${((Date.now() - w.settledAt) / 1000).toFixed(1)} s`);
  await seat.go(`/inbox/${id}`);
  await t.seen(seat.page.getByText(seat.words.notFound), "a foreign address holds nothing");
  t.eq(await seat.violations(), [], "axe, a foreign address");
  await seat.go("/inbox");
}

/** Whoever may only read has nothing to write with. */
export async function viewer(t, _stage, w) {
  const { viewer: seat } = w;

  await seat.openRow("Nina Torres");
  await t.seen(seat.page.getByText(seat.words.viewerNote), "a viewer is told so");
  t.eq(await seat.box.count(), 0, "has no box");
  t.eq(
    await seat.page.locator('[aria-keyshortcuts="e"],[aria-keyshortcuts="a"]').count(),
    0,
    "and no action",
  );
  for (const key of ["e", "a", "i", "r"]) {
    await seat.page.keyboard.press(key);
  }
  t.eq(await seat.page.getByRole("menu").count(), 0, "keys do nothing either");
  t.eq(
    seat.requests.filter((r) => /^POST .*\/(messages|assign|close|reopen|read)$/.test(r)),
    [],
    "nothing is written",
  );
}

/** From j to the answer on the phone without a pointer. */
export async function keys(t, stage, w) {
  const { desk } = w;
  const { page } = desk;
  const [first, second] = [stage.customer("Tecla Um"), stage.customer("Tecla Dois")];
  const focused = () => page.evaluate(() => document.activeElement?.textContent ?? "");
  const at = () => page.evaluate(() => document.activeElement?.id ?? "");

  await desk.go("/inbox");
  await second.say("a segunda");
  await desk.row(second.name).waitFor();
  await first.say("a primeira");
  await desk.row(first.name).waitFor();
  await page.evaluate(() => document.activeElement?.blur());
  await page.keyboard.press("j");
  await t.comes(async () => (await focused()).includes(first.name), "j: the first row");
  await page.keyboard.press("j");
  await t.comes(async () => (await focused()).includes(second.name), "j: the second");
  await page.keyboard.press("k");
  await t.comes(async () => (await focused()).includes(first.name), "k: the first again");
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await t.seen(desk.log.getByText("a segunda"), "Enter opens it");
  await page.keyboard.press("r");
  await t.comes(async () => (await at()) === "composer", "r: into the box");
  await page.keyboard.type("sem mouse");
  await page.keyboard.press("Enter");
  await t.comes(async () => (await second.texts()).includes("sem mouse"), "Enter sends it");
  await page.keyboard.press("Escape");
  await t.comes(async () => (await at()) === "log", "Esc: to the thread");
  await page.keyboard.press("Escape");
  await t.comes(async () => (await at()).startsWith("row-"), "Esc: to the list");
  await page.keyboard.press("?");
  await t.seen(page.getByRole("dialog", { name: desk.words.keys }), "?: the sheet");
  t.eq(await desk.violations(), [], "axe, the sheet");
  await page.keyboard.press("Escape");
  await t.gone(page.getByRole("dialog"), "Esc closes it");
  await page.keyboard.press("i");
  await t.seen(desk.button(desk.words.assignee("você")), "i: assigned to me");
  await page.keyboard.press("a");
  await t.seen(page.getByRole("menu"), "a: the menu of colleagues");
  await page.keyboard.press("Escape");
  await page.keyboard.press("/");
  await page.keyboard.type("tecla um");
  await t.comes(async () => (await desk.list.getByRole("link").count()) === 1, "/: finds");
  await page.keyboard.press("Escape");
  await t.comes(async () => (await desk.list.getByRole("link").count()) > 1, "Esc: all again");

  /* Closing leads to the next one, which nobody has read by that. */
  const third = stage.customer("Tecla Três");
  const reads = () => desk.asked(/\/read$/);

  await page.evaluate(() => document.activeElement?.blur());
  await desk.openRow(first.name);
  await second.say("e mais uma");
  await desk.row(second.name).getByText(desk.words.unread).waitFor();
  await third.say("a terceira");
  await desk.row(third.name).waitFor();
  await desk.openRow(third.name);
  await t.comes(
    async () => (await desk.row(third.name).getByText(desk.words.unread).count()) === 0,
    "what is opened is read",
  );
  const before = reads();

  await page.keyboard.press("e");
  await t.seen(page.getByText(desk.words.closedDone), "e: closed");
  await t.seen(desk.log.getByText("e mais uma"), "and the next one opens");
  t.eq(reads(), before, "unread as it was");
  await page.keyboard.press("r");
  await t.comes(() => reads() > before, "until something is done in it");
  await page.keyboard.press("Escape");
  await page.keyboard.press("g");
  await page.keyboard.press("i");
  await t.comes(() => new URL(page.url()).pathname === "/inbox", "g i: the inbox");
}
