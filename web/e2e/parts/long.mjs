// Threads and lists that are long.

const SLOW_MS = 100;

/** In the page: how long frames and tasks take from here on. */
function watch() {
  const seen = { frames: 0, slow: 0, tasks: [], on: true };
  let last = performance.now();
  const tick = () => {
    const now = performance.now();

    seen.slow = Math.max(seen.slow, now - last);
    seen.frames++;
    last = now;
    if (seen.on) {
      requestAnimationFrame(tick);
    }
  };

  requestAnimationFrame(tick);
  seen.observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      seen.tasks.push(Math.round(entry.duration));
    }
  });
  seen.observer.observe({ type: "longtask" });
  window.pytakeSeen = seen;
}

function watched() {
  const { frames, slow, tasks, observer } = window.pytakeSeen;

  window.pytakeSeen.on = false;
  observer.disconnect();
  return { frames, slow: Math.round(slow), tasks: tasks.length, longest: Math.max(0, ...tasks) };
}

/** Short runs tell the figures, which depend on how busy the machine is. */
function smooth(t, stage, got, name) {
  t.note(`${name}: ${JSON.stringify(got)}`);
  if (stage.facts.long) {
    t.ok(got.slow <= SLOW_MS, `${name}: no frame over ${SLOW_MS} ms`, got);
    t.ok(got.longest <= SLOW_MS, `${name}: no task over ${SLOW_MS} ms`, got);
  }
}

/** A long history stays small in the page, and older ones move nothing. */
export async function longThread(t, stage, w) {
  const { desk } = w;
  const { page } = desk;
  const count = stage.facts.long ? 20_000 : 2_000;
  const rounds = stage.facts.long ? 500 : 12;
  const who = stage.customer("Vasco Longo");

  await who.say("a última linha");
  const id = await who.conversation();

  await stage.hands("fill", { conversation: id, count, user: desk.user.id });
  await desk.go(`/inbox/${id}`);
  await t.seen(desk.log.getByText("a última linha"), `a thread of ${count} opens at its end`);

  const moved = [];
  let most = 0;

  await page.evaluate(watch);
  for (let i = 0; i < rounds; i++) {
    const got = await page.evaluate(older);

    moved.push(got.moved);
    most = Math.max(most, got.nodes);
  }
  t.ok(
    moved.every((px) => px !== null && Math.abs(px) < 0.5),
    `${rounds} times older ones, the view moved 0 px`,
    moved.map((px, i) => [i, px]).filter(([, px]) => px === null || Math.abs(px) >= 0.5),
  );
  t.ok(most > 0 && most < 4000, "the page stays small", `${most} elements`);
  t.note(`${most} elements at most`);
  smooth(t, stage, await page.evaluate(watched), "loading older ones");
  if (stage.facts.long) {
    await t.seen(desk.log.getByText("line 1 ", { exact: false }), "the first line of all is there");
  }

  await page.evaluate(watch);
  const walk = await page.evaluate(down);

  t.ok(walk.end && walk.nodes < 4000, "scrolled down to the end the page stays small", walk);
  smooth(t, stage, await page.evaluate(watched), "scrolling down");

  await page.evaluate(() => document.getElementById("log").scrollBy(0, -3000));
  await who.say("nova enquanto leio");
  await t.seen(page.getByRole("button", { name: /1 mensagem nova/ }), "below: one is new");
  await desk.press(page.getByRole("button", { name: /1 mensagem nova/ }));
  await t.seen(desk.log.getByText("nova enquanto leio"), "and leads there");
}

/** In the page: scrolls up until older ones come; how far what was seen moved. */
async function older() {
  const log = document.getElementById("log");
  const height = log.scrollHeight;
  const frame = () => new Promise((done) => requestAnimationFrame(done));

  log.scrollTop = 500;
  const edge = log.getBoundingClientRect().top;
  const seen = [...log.querySelectorAll('[id^="m-"]')].find(
    (el) => el.getBoundingClientRect().bottom > edge + 40,
  );
  const top = seen.getBoundingClientRect().top;

  for (let end = Date.now() + 30_000; log.scrollHeight <= height && Date.now() < end; ) {
    await frame();
  }
  for (let i = 0; i < 4; i++) {
    await frame();
  }
  return {
    moved:
      log.scrollHeight > height && seen.isConnected ? seen.getBoundingClientRect().top - top : null,
    nodes: document.querySelectorAll("*").length,
  };
}

/** In the page: a screen a frame, down to the end. */
async function down() {
  const log = document.getElementById("log");
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const left = () => log.scrollHeight - log.scrollTop - log.clientHeight;
  let nodes = 0;

  for (let end = Date.now() + 120_000; left() > 4 && Date.now() < end; ) {
    log.scrollTop += log.clientHeight;
    await frame();
    nodes = Math.max(nodes, document.querySelectorAll("*").length);
  }
  return { end: left() <= 4, nodes };
}

/** A list that is walked to its end. */
export async function longList(t, stage) {
  const count = stage.facts.long ? 10_000 : 2_000;
  const wanted = stage.facts.long ? 10_000 : 1_000;

  await stage.hands("crowd", { count });

  const late = await (await stage.seat("otto")).enter();
  const { page } = late;

  await late.list.waitFor();
  await page.evaluate(watch);
  const most = await page.evaluate(async (rowsWanted) => {
    const list = document.querySelector("ul[aria-label]").parentElement;
    let nodes = 0;
    let rows = 0;

    for (let end = Date.now() + 300_000; rows < rowsWanted && Date.now() < end; ) {
      list.scrollTop = list.scrollHeight;
      await new Promise((done) => requestAnimationFrame(done));
      nodes = Math.max(nodes, document.querySelectorAll("*").length);
      rows = Number(document.querySelector("li[aria-posinset]:last-child")?.ariaPosInSet ?? 0);
    }
    return { nodes, rows };
  }, wanted);

  t.ok(most.rows >= wanted, `a list of ${count} is walked`, most);
  t.ok(most.nodes < 3000, "the page stays small", most);
  t.note(JSON.stringify(most));
  smooth(t, stage, await page.evaluate(watched), "walking the list");
  await late.context.close();
}
