// Every screen under axe-core, and lists that are long.
import { DESK, PHONE } from "../stage.mjs";

const flip = { light: "dark", dark: "light" };

/** Both themes: all rules in the first, what depends on colours in the other. */
async function clean(t, seat, name) {
  t.eq(await seat.violations(), [], `axe, ${seat.view.name} ${seat.view.scheme}: ${name}`);
  const other = flip[seat.view.scheme];

  await seat.page.emulateMedia({ colorScheme: other });
  await seat.page.locator(`html[data-theme=${other}]`).waitFor();
  t.eq(await seat.violations(["color-contrast"]), [], `axe, ${seat.view.name} ${other}: ${name}`);
  await seat.page.emulateMedia({ colorScheme: seat.view.scheme });
  await seat.page.locator(`html[data-theme=${seat.view.scheme}]`).waitFor();
}

export async function axe(t, stage, w) {
  for (const view of [DESK, PHONE]) {
    const seat = w[view.name];
    const { page, words } = seat;
    const out = await stage.seat("ana", view);

    await out.page.goto("/inbox");
    await out.page.locator("input[type=email]").waitFor();
    await clean(t, out, "sign-in");
    await out.context.close();

    await seat.go("/inbox");
    await seat.list.waitFor();
    await clean(t, seat, "the list");
    await seat.press(seat.tab(0));
    await seat.press(seat.button(words.find));
    await page.getByRole("searchbox").fill("ninguém assim");
    await page.getByText(words.nothingFound("ninguém assim")).waitFor();
    await clean(t, seat, "a search without a hit");
    await page.getByRole("searchbox").press("Escape");
    await seat.press(seat.tab(2));

    const who = stage.customer(`Iva ${view.name}`);

    await who.say("uma conversa com https://example.test/link");
    await seat.row(who.name).waitFor();
    await seat.openRow(who.name);
    await seat.send("e a resposta");
    await seat.tick(words.read).waitFor();
    await clean(t, seat, "a thread");
    await seat.press(page.locator('[aria-keyshortcuts="a"]'));
    await page.getByRole("menu").waitFor();
    await clean(t, seat, "the menu of colleagues");
    await page.keyboard.press("Escape");
    await page.getByRole("menu").waitFor({ state: "hidden" });
    if (view === PHONE) {
      await seat.press(seat.button(words.contactPanel));
      await page.getByRole("complementary").waitFor();
      await clean(t, seat, "the contact");
      await seat.press(page.getByRole("complementary").getByRole("button", { name: words.close }));
    }
    await stage.sim("config", { fault: { kind: "failed", code: 131026, times: 1 } });
    await seat.send("isto falha");
    await t.seen(page.getByText(words.failedWhy), `${view.name}: a failure in plain words`);
    await t.seen(seat.log.getByRole("button", { name: words.again }), "with a remedy");
    await clean(t, seat, "a failed message");
    await seat.go(`/inbox/${w[`old ${view.name}`]}`);
    await page.getByText(words.windowClosed).waitFor();
    await clean(t, seat, "a closed window");
    await seat.toList();
    await seat.press(seat.account);
    await page.getByRole("menu").waitFor();
    await clean(t, seat, "the account menu");
    await page.keyboard.press("Escape");
    await seat.go("/inbox/nothing-here");
    await page.getByText(words.notFound).waitFor();
    await clean(t, seat, "an address of nothing");
    await seat.go("/inbox");
  }
}

/** A long history stays small in the page, and older ones move nothing. */
export async function longThread(t, stage, w) {
  const { desk } = w;
  const count = stage.facts.long ? 20_000 : 2_000;
  const rounds = stage.facts.long ? 100 : 12;
  const who = stage.customer("Vasco Longo");

  await who.say("a última linha");
  const id = await who.conversation();

  await stage.hands("fill", { conversation: id, count, user: desk.user.id });
  await desk.go(`/inbox/${id}`);
  await t.seen(desk.log.getByText("a última linha"), `a thread of ${count} opens at its end`);

  const moved = [];
  let most = 0;
  let slow = 0;

  for (let i = 0; i < rounds; i++) {
    const got = await desk.page.evaluate(older);

    moved.push(got.moved);
    most = Math.max(most, got.nodes);
    slow = Math.max(slow, got.slow);
  }
  t.ok(
    moved.every((px) => px !== null && Math.abs(px) < 0.5),
    `${rounds} times older ones, the view moved 0 px`,
    moved,
  );
  t.ok(most > 0 && most < 4000, "the page stays small", `${most} elements`);
  t.note(`${most} elements at most, the longest frame ${slow.toFixed(0)} ms`);
  if (stage.facts.long) {
    t.ok(slow <= 100, "no frame over 100 ms", `${slow} ms`);
  }

  await who.say("nova enquanto leio");
  await t.seen(desk.page.getByRole("button", { name: /1 mensagem nova/ }), "below: one is new");
  await desk.press(desk.page.getByRole("button", { name: /1 mensagem nova/ }));
  await t.seen(desk.log.getByText("nova enquanto leio"), "and leads there");
}

/** In the page: scrolls up until older ones come; how far what was seen moved. */
async function older() {
  const log = document.getElementById("log");
  const height = log.scrollHeight;
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  let slow = 0;

  log.scrollTop = 500;
  const edge = log.getBoundingClientRect().top;
  const seen = [...log.querySelectorAll('[id^="m-"]')].find(
    (el) => el.getBoundingClientRect().bottom > edge + 40,
  );
  const top = seen.getBoundingClientRect().top;

  for (let end = Date.now() + 30_000; log.scrollHeight <= height && Date.now() < end; ) {
    const before = performance.now();

    await frame();
    slow = Math.max(slow, performance.now() - before);
  }
  for (let i = 0; i < 4; i++) {
    await frame();
  }
  return {
    moved:
      log.scrollHeight > height && seen.isConnected ? seen.getBoundingClientRect().top - top : null,
    nodes: document.querySelectorAll("*").length,
    slow,
  };
}

export async function longList(t, stage, w) {
  const { viewer: seat } = w;
  const count = stage.facts.long ? 10_000 : 2_000;

  await stage.hands("crowd", { count });

  const late = await (await stage.seat("otto")).enter();
  const { page } = late;

  await late.list.waitFor();
  const most = await page.evaluate(
    async (wanted) => {
      const list = document.querySelector("ul[aria-label]").parentElement;
      let nodes = 0;
      let rows = 0;

      for (let end = Date.now() + 120_000; rows < wanted && Date.now() < end; ) {
        list.scrollTop = list.scrollHeight;
        await new Promise((done) => requestAnimationFrame(done));
        nodes = Math.max(nodes, document.querySelectorAll("*").length);
        rows = Math.round(list.scrollHeight / 92);
      }
      return { nodes, rows };
    },
    stage.facts.long ? 8000 : 1000,
  );

  t.ok(most.rows >= (stage.facts.long ? 8000 : 1000), `a list of ${count} is walked`, most);
  t.ok(most.nodes < 3000, "the page stays small", most);
  t.note(JSON.stringify(most));
  await late.context.close();
  t.ok(seat !== undefined, "the others look on");
}
