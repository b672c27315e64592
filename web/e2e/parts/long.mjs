// Threads and lists that are long.

const SLOW_MS = 100;

/** In the page: how far frames are apart from here on. */
function frames() {
  const seen = { frames: 0, apart: 0, on: true };
  let last = performance.now();
  const tick = () => {
    const now = performance.now();

    seen.apart = Math.max(seen.apart, now - last);
    seen.frames++;
    last = now;
    if (seen.on) {
      requestAnimationFrame(tick);
    }
  };

  requestAnimationFrame(tick);
  window.pytakeFrames = seen;
}

/** The longest tasks of the pages' main threads, in ms of their processor time. */
function longest(trace) {
  const { traceEvents } = JSON.parse(trace.toString());
  const mains = new Set(
    traceEvents
      .filter((e) => e.name === "thread_name" && e.args.name === "CrRendererMain")
      .map((e) => `${e.pid} ${e.tid}`),
  );

  return traceEvents
    .filter((e) => e.ph === "X" && e.tdur !== undefined && mains.has(`${e.pid} ${e.tid}`))
    .map((e) => Math.round(e.tdur / 1000))
    .sort((x, y) => y - x)
    .slice(0, 5);
}

/**
 * Does `work`, and looks how long the page was busy at a time.  What is checked
 * is processor time, which other work on the machine does not lengthen; how far
 * frames were apart is told.
 */
async function smooth(t, stage, page, name, work) {
  if (stage.facts.long) {
    await stage.browser.startTracing(page, { categories: ["toplevel"] });
  }
  await page.evaluate(frames);

  const got = await work();
  const seen = await page.evaluate(() => {
    window.pytakeFrames.on = false;
    return window.pytakeFrames;
  });

  t.note(`${name}: ${seen.frames} frames, ${seen.apart.toFixed(0)} ms apart at most`);
  if (stage.facts.long) {
    const tasks = longest(await stage.browser.stopTracing());

    t.ok(tasks.length > 0 && tasks[0] <= SLOW_MS, `${name}: no frame over ${SLOW_MS} ms`, tasks);
    t.note(`${name}: the longest tasks took ${tasks.join(", ")} ms`);
  }
  return got;
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

  await smooth(t, stage, page, "loading older ones", async () => {
    for (let i = 0; i < rounds; i++) {
      const got = await page.evaluate(older);

      moved.push(got.moved);
      most = Math.max(most, got.nodes);
    }
  });
  t.ok(
    moved.every((px) => px !== null && Math.abs(px) < 0.5),
    `${rounds} times older ones, the view moved 0 px`,
    moved.map((px, i) => [i, px]).filter(([, px]) => px === null || Math.abs(px) >= 0.5),
  );
  t.ok(most > 0 && most < 4000, "the page stays small", `${most} elements`);
  t.note(`${most} elements at most`);
  if (stage.facts.long) {
    await t.seen(desk.log.getByText("line 1 ", { exact: false }), "the first line of all is there");
  }

  const walk = await smooth(t, stage, page, "scrolling down", () => page.evaluate(down));

  t.ok(walk.end && walk.nodes < 4000, "scrolled down to the end the page stays small", walk);

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
  const most = await smooth(t, stage, page, "walking the list", () =>
    page.evaluate(walked, wanted),
  );

  t.ok(most.rows >= wanted, `a list of ${count} is walked`, most);
  t.ok(most.nodes < 3000, "the page stays small", most);
  t.note(JSON.stringify(most));
  await late.context.close();
}

/** In the page: to the end of the list, and on when more has come. */
async function walked(wanted) {
  const list = document.querySelector("ul[aria-label]").parentElement;
  let nodes = 0;
  let rows = 0;

  for (let end = Date.now() + 300_000; rows < wanted && Date.now() < end; ) {
    list.scrollTop = list.scrollHeight;
    await new Promise((done) => requestAnimationFrame(done));
    nodes = Math.max(nodes, document.querySelectorAll("*").length);
    rows = Number(document.querySelector("li[aria-posinset]:last-child")?.ariaPosInSet ?? 0);
  }
  return { nodes, rows };
}
