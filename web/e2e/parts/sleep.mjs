// A machine that sleeps: its timers stand still, and nobody answers for it.

/** What a seat reads of a row: the count of what is unread. */
async function unread(seat, name) {
  const label = await seat.row(name).getByText(seat.words.unread).first().textContent();

  return label.replace(/\D/g, "");
}

/** Asleep for longer than the hub waits; all that came is there on waking. */
export async function sleep(t, stage) {
  const seat = await (await stage.seat("otto", undefined, stage.facts.wire)).enter();
  const { page } = seat;
  const [open, other, late] = ["Noemi", "Ravi", "Zoé"].map((n) => stage.customer(`${n} Sono`));

  await other.say("r0");
  await open.say("n0");
  await seat.row(open.name).waitFor();
  await seat.openRow(open.name);
  await seat.log.getByText("n0", { exact: true }).waitFor();
  await seat.box.fill("antes de dormir");
  await t.comes(
    async () => (await seat.row(open.name).getByText(seat.words.unread).count()) === 0,
    "what is looked at is read",
  );

  const gone = await stage.hands("asleep");
  const { sockets } = seat;
  const cdp = await seat.context.newCDPSession(page);

  await stage.hands("wire", { mode: "blackhole" });
  await cdp.send("Page.setWebLifecycleState", { state: "frozen" });
  for (let i = 1; i <= 12; i++) {
    await open.say(`n${i}`);
  }
  for (let i = 1; i <= 3; i++) {
    await other.say(`r${i}`);
  }
  await late.say("z1");
  await t.comes(
    async () => (await stage.hands("asleep")) > gone,
    "the hub gives up who does not answer",
    150_000,
  );
  await open.say("n13");
  await late.say("z2");

  /* The road is there again; what was open on it is not. */
  await stage.hands("wire", { mode: "reset" });
  await stage.hands("wire", { mode: "pass" });

  const woken = Date.now();

  await cdp.send("Page.setWebLifecycleState", { state: "active" });
  await t.seen(seat.row(late.name).getByText("z2"), "awake: who wrote first meanwhile is there");
  t.note(`${Date.now() - woken} ms after waking`);
  await t.seen(seat.log.getByText("n13", { exact: true }), "and what came into the open thread");
  t.ok(seat.sockets > sockets, "by a new socket", `${seat.sockets - sockets}`);

  const wanted = Array.from({ length: 14 }, (_, i) => `n${i}`);
  const texts = async () =>
    (await seat.log.locator('[id^="m-"]').allInnerTexts()).map((x) => x.split(/\s/)[0]);

  const told = await texts();

  t.eq([...told].sort(), [...wanted].sort(), "all of it, once");
  /* What is new is fetched, and may be there before the last event is. */
  await t.comes(async () => (await unread(seat, other.name)) === "4", "the counts are right");
  await t.comes(async () => (await unread(seat, late.name)) === "2", "of a new one, too");
  await t.comes(
    async () =>
      (await seat.list.getByRole("link").allInnerTexts())
        .slice(0, 3)
        .map((x) => /\S+ Sono/.exec(x)?.[0])
        .join() === [late.name, open.name, other.name].join(),
    "the newest is on top",
  );
  t.eq(await seat.box.inputValue(), "antes de dormir", "the draft is in the box");
  await seat.send("bom dia");
  await t.comes(async () => (await open.texts()).length > 0, "what is written then goes out");
  t.eq(await open.texts(), ["bom dia"], "once");
  await page.reload();
  await seat.log.getByText("bom dia").waitFor();
  t.eq(await texts(), [...told, "bom"], "in the order in which the server has it");
  t.eq(await unread(seat, other.name), "4", "which has the same counts");
  await seat.context.close();
}
