// What is done with one message, and the key that answers and closes.
import { DESK, PHONE } from "../stage.mjs";

const VIEWS = [DESK, PHONE];

/** The bar of a message's actions, and how much of it is seen. */
function barOf(seat, text) {
  const bar = seat.log
    .locator("[id^=m-]")
    .filter({ hasText: text })
    .getByRole("toolbar", { name: seat.words.messageActions });

  return {
    bar,
    shown: async (yes) =>
      (await bar.evaluate((el) => getComputedStyle(el).opacity)) === (yes ? "1" : "0"),
  };
}

/** Nothing of it stands there until somebody is at the message. */
export async function bubble(t, stage, w) {
  for (const view of VIEWS) {
    const seat = w[view.name];
    const who = stage.customer(`Bia ${view.name}`);
    const { page, words } = seat;

    await who.say("o de nozes");
    await who.say("ou o de fubá");
    await seat.toList();
    await seat.openRow(who.name);

    await seat.log.getByText("o de nozes").waitFor();
    await seat.log.getByText("ou o de fubá").waitFor();

    /* Of two that were said in one second either may stand above. */
    const drawn = (await seat.log.locator("[id^=m-]").allInnerTexts()).join();
    const wanted =
      drawn.indexOf("o de nozes") < drawn.indexOf("ou o de fubá") ? "o de nozes" : "ou o de fubá";
    const [upper, lower] = [
      barOf(seat, wanted),
      barOf(seat, wanted === "o de nozes" ? "ou o de fubá" : "o de nozes"),
    ];

    await upper.bar.waitFor();
    await lower.bar.waitFor();
    t.ok(await upper.shown(false), `${view.name}: no actions are drawn at rest`);
    if (view.touch) {
      await seat.log.getByText(wanted).tap();
      await t.comes(() => upper.shown(true), "a tap shows them");
      await t.comes(() => lower.shown(false), "of that message alone");
      t.eq(await seat.violations(), [], "axe, with the actions");
      await page.getByRole("heading", { level: 1 }).tap();
      await t.comes(() => upper.shown(false), "a tap elsewhere hides them");
      await seat.log.getByText(wanted).tap();
      await upper.bar.getByRole("button", { name: words.quote }).tap();
    } else {
      await seat.log.getByText(wanted).hover();
      await t.comes(() => upper.shown(true), "the pointer shows them");
      await page.mouse.move(view.width - 2, 2);
      await t.comes(() => upper.shown(false), "and they go with it");
      await seat.log.focus();
      await page.keyboard.press("Enter");
      await t.comes(() => lower.shown(true), "Enter in the thread: those of the last message");
      t.eq(await seat.violations(), [], "axe, with the actions");
      await page.keyboard.press("ArrowUp");
      await t.comes(() => upper.shown(true), "up: those of the one before");
      await page.keyboard.press("ArrowRight");
      await t.comes(
        () =>
          upper.bar
            .getByRole("button", { name: words.copy })
            .evaluate((el) => el === document.activeElement),
        "right: the next action",
      );
      await page.keyboard.press("ArrowLeft");
      await page.keyboard.press("Enter");
    }
    await t.seen(seat.button(words.unquote), "the message is quoted above the box");
    await t.comes(
      () => seat.box.evaluate((el) => el === document.activeElement),
      "and the box has the focus",
    );
    await seat.send("esse sai às dez");
    await t.comes(async () => (await who.got()).length > 0, "the answer is on the phone");
    await t.seen(
      seat.log.locator("[id^=m-]").filter({ hasText: "sai às dez" }).getByText(wanted, {
        exact: true,
      }),
      "with what it answers",
    );

    const { id } = (await who.got()).at(-1);

    await who.say(null, { type: "reaction", reaction: { message_id: id, emoji: "❤" } });
    await t.seen(
      seat.log
        .locator("[id^=m-]")
        .filter({ hasText: "sai às dez" })
        .getByRole("img", { name: words.reacted(who.name) }),
      "a reaction stands at the message",
    );
    t.eq(await seat.log.locator("[id^=m-]").count(), 3, "and is no message of its own");
  }
}

/** Ctrl and Enter: the answer goes out, the conversation is closed, Undo opens it. */
export async function sendAndClose(t, stage, w) {
  const { desk } = w;
  const who = stage.customer("Cleo Fecha");
  const { page, words } = desk;

  await who.say("era só isso, obrigada");
  await desk.row(who.name).waitFor();
  await desk.openRow(who.name);
  await desk.box.fill("Nós que agradecemos");
  await desk.box.press("Control+Enter");
  await t.seen(page.getByText(words.closedDone), "Ctrl Enter: closed");
  await t.comes(
    async () => (await who.texts()).includes("Nós que agradecemos"),
    "and the answer is on the phone",
  );
  await t.gone(desk.row(who.name), "it left the list");
  await desk.press(desk.button(words.undo));
  await t.seen(desk.row(who.name), "Undo brings it back");
  t.eq(await who.texts(), ["Nós que agradecemos"], "the answer went out once");
  await desk.openRow(who.name);
  await t.seen(desk.box, "with its box");

  /* Where Enter breaks the line, Ctrl and Enter send and no more. */
  const prefer = async (on) => {
    await page.evaluate((v) => localStorage.setItem("pytake.enterSends", v), on);
    await page.reload();
    await desk.box.waitFor();
  };

  await prefer("0");
  await desk.box.fill("até");
  await desk.box.press("Enter");
  await desk.box.press("Control+Enter");
  await t.comes(async () => (await who.texts()).includes("até"), "Ctrl Enter sends");
  t.eq(await desk.box.inputValue(), "", "and the box is there, empty");
  await prefer("1");
}
