// A token's life is shorter than a page's: what ends under an open page.
import { until } from "../tap.mjs";

const REFRESH = /POST .*\/auth\/refresh$/;

/**
 * From here on the server refuses the token that the page has, as it does when
 * the token's life is over: until the page comes with another.
 */
async function expire(seat) {
  const over = seat.bearer;
  const expired = await seat.stage.hands("expired", { bearer: over });

  await seat.context.unroute("**/api/v1/**");
  await seat.context.route("**/api/v1/**", (route) => {
    const headers = route.request().headers();

    return headers.authorization === over
      ? route.continue({ headers: { ...headers, authorization: `Bearer ${expired}` } })
      : route.continue();
  });
}

/** Answers that come from now on, as "status path". */
function answers(seat) {
  const got = [];

  seat.page.on("response", (r) => {
    const { pathname, search } = new URL(r.url());

    if (pathname.startsWith("/api/v1/")) {
      got.push(`${r.status()} ${r.request().method()} ${pathname}${search}`);
    }
  });
  return got;
}

/** Where the first message that is seen stands. */
function standing() {
  const log = document.getElementById("log");
  const edge = log.getBoundingClientRect().top + 40;
  const seen = [...log.querySelectorAll('[id^="m-"]')].find(
    (el) => el.getBoundingClientRect().bottom > edge,
  );

  return { id: seen.id, top: Math.round(seen.getBoundingClientRect().top) };
}

/** The token's life ends: nobody notices, and nothing is lost or doubled. */
export async function tokenEnds(t, stage, w) {
  const { desk } = w;
  const { page } = desk;
  const who = stage.customer("Téo Vence");

  await who.say("antes do fim");
  const id = await who.conversation();

  await stage.hands("fill", { conversation: id, count: 300, user: desk.user.id });
  await desk.go(`/inbox/${id}`);
  await desk.log.getByText("antes do fim").waitFor();
  await desk.box.fill("isto fica aqui");
  await expire(desk);

  const from = desk.requests.length;
  const { sockets } = desk;
  const got = answers(desk);

  /* Older ones are asked for with a token that is over. */
  await page.evaluate(() => document.getElementById("log").scrollTo(0, 600));
  const before = await page.evaluate(standing);

  await t.comes(
    () => got.some((line) => line.startsWith("200 GET") && line.includes("cursor=")),
    "what was asked for with a token that is over comes after all",
  );
  await page.locator(`#${before.id}`).waitFor();
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done))));
  t.eq(await page.evaluate(standing), before, "and what is read stays where it was");
  const older = got.filter((line) => line.includes("cursor="));

  t.eq(
    older.slice(0, 2).map((line) => line.slice(0, 3)),
    ["401", "200"],
    "refused, and repeated once",
  );
  t.eq(older[0]?.slice(3), older[1]?.slice(3), "as it was");
  t.eq(desk.asked(REFRESH, from), 1, "for one new token");
  t.eq(await desk.box.inputValue(), "isto fica aqui", "the draft is in the box");
  t.eq(desk.sockets, sockets, "the socket stays");
  await who.say("depois do fim");
  await t.seen(desk.log.getByText("depois do fim"), "and tells what a customer writes");

  /* Three things at once, all with a token that is over. */
  await expire(desk);
  const again = desk.requests.length;

  await desk.send("com outro token");
  await desk.press(page.locator('[aria-keyshortcuts="a"]'));
  await desk.press(page.getByRole("menuitem", { name: desk.words.assignToMe }));
  await t.seen(page.getByText(desk.words.doneAssignedMe), "an action goes through");
  await t.comes(async () => (await who.texts()).length > 0, "and a message");
  await t.seen(desk.tick(desk.words.read), "with its ticks");
  t.eq(await who.texts(), ["com outro token"], "once");
  t.eq(await desk.log.getByText("com outro token").count(), 1, "once in the thread, too");
  t.eq(desk.asked(REFRESH, again), 1, "for one new token again");
  t.eq(desk.sockets, sockets, "on the same socket");
  t.eq(await page.getByRole("dialog").count(), 0, "nobody is asked to sign in");
  await desk.context.unroute("**/api/v1/**");
}

/** A life of a minute, lived to its end with the real clock. */
export async function tokenLife(t, stage) {
  await stage.hands("lifetime", { life: "1m" });

  const seat = await (await stage.seat("otto")).enter();
  const who = stage.customer("Ivo Minuto");

  await who.say("um minuto");
  await seat.openRow(who.name);
  await seat.box.fill("escrito no primeiro minuto");
  await seat.log.waitFor();

  const { sockets } = seat;
  const from = seat.requests.length;
  const began = Date.now();
  const life = stage.facts.long ? 200_000 : 75_000;
  const lives = life / 60_000;

  await until(() => Date.now() - began > life, life + 10_000);
  await who.say("e mais um pouco");
  await t.seen(seat.log.getByText("e mais um pouco"), "after its life the socket still tells");
  await seat.send("respondo depois do minuto");
  await t.comes(async () => (await who.texts()).length > 0, "and a message goes out");
  t.eq(await who.texts(), ["respondo depois do minuto"], "once");
  t.eq(seat.sockets, sockets, "on the socket that was open at the beginning");

  const renewed = seat.asked(REFRESH, from);

  t.ok(
    renewed >= Math.floor(lives) && renewed <= 3 * lives + 2,
    "a token is renewed once or twice in its life",
    `${renewed} times in ${life / 1000} s`,
  );
  t.note(`${renewed} new tokens in ${life / 1000} s`);
  t.eq(await seat.page.getByRole("dialog").count(), 0, "nobody is asked to sign in");
  await stage.hands("lifetime", { life: "24h" });
  await seat.context.close();
}

/** The session itself is over: what was under way waits for the password. */
export async function sessionRevoked(t, stage, w) {
  const { desk } = w;
  const { page, words } = desk;
  const [a, b] = [stage.customer("Ada Rascunho"), stage.customer("Beto Envio")];

  await a.say("deixo aberto");
  await b.say("espero resposta");
  await desk.row(b.name).waitFor();
  await desk.openRow(a.name);
  await desk.box.fill("pela metade");
  await desk.openRow(b.name);

  /* Ended while a message is on its way. */
  let revoked = false;

  await page.route("**/messages", async (route) => {
    if (!revoked && route.request().method() === "POST") {
      revoked = true;
      await stage.hands("revoke", { bearer: desk.bearer });
    }
    await route.continue();
  });
  await desk.send("no meio do caminho");

  const dialog = page.getByRole("dialog", { name: words.ended });

  await t.seen(dialog, "a session that was revoked: a dialog says so");
  await page.unroute("**/messages");
  t.eq(await b.texts(), [], "what was under way is not sent");
  await page.keyboard.press("Escape");
  t.eq(await dialog.count(), 1, "and does not let go");
  await again(desk, dialog);
  await t.gone(dialog, "signed in again, the dialog goes");
  await t.comes(async () => (await b.texts()).length > 0, "what was under way goes out");
  t.eq(await b.texts(), ["no meio do caminho"], "once");
  await b.say("chegou, obrigada");
  await t.seen(desk.log.getByText("chegou, obrigada"), "events come again");
  t.eq(await desk.log.getByText("no meio do caminho").count(), 1, "once in the thread, too");
  await desk.openRow(a.name);
  t.eq(await desk.box.inputValue(), "pela metade", "what was typed elsewhere is kept");
  await desk.box.fill("");
  await revokedAtOpening(t, desk, dialog);
}

async function again(seat, dialog) {
  await dialog.locator("input[type=password]").fill(seat.user.password);
  await dialog.locator("button[type=submit]").click();
}

/** Ended while a conversation is opened. */
async function revokedAtOpening(t, desk, dialog) {
  const { page, stage } = desk;
  const who = stage.customer("Clara Abre");
  let revoked = false;

  await who.say("abre comigo");
  await desk.row(who.name).waitFor();
  await page.route("**/messages?*", async (route) => {
    if (!revoked) {
      revoked = true;
      await stage.hands("revoke", { bearer: desk.bearer });
    }
    await route.continue();
  });
  await desk.press(desk.row(who.name).first());
  await t.seen(dialog, "revoked while a conversation is opened: the dialog");
  await page.unroute("**/messages?*");
  await again(desk, dialog);
  await t.seen(desk.log.getByText("abre comigo"), "and after it the conversation");
}

/** Two tabs renew at the same moment, under locks and without them. */
export async function tabs(t, stage) {
  for (const locks of [true, false]) {
    const how = locks ? "with locks" : "without locks";
    const one = await stage.seat("otto");

    if (!locks) {
      /* A page that came by plain HTTP from elsewhere has none. */
      await one.context.addInitScript(() =>
        Object.defineProperty(navigator, "locks", { value: undefined }),
      );
    }
    await one.enter();

    const two = await one.secondTab();

    await two.page.goto("/inbox");
    await two.page.getByRole("navigation", { name: two.words.queues }).waitFor();
    await two.list.waitFor();

    const who = stage.customer(`Duda ${how}`);
    const [x, y] = [one.requests.length, two.requests.length];

    await who.say("qual das duas?");
    await one.row(who.name).waitFor();
    await expireBoth(one, two);
    await Promise.all([one.openRow(who.name), two.openRow(who.name)]);
    await t.seen(one.log.getByText("qual das duas?"), `${how}: one tab goes on`);
    await t.seen(two.log.getByText("qual das duas?"), "and so does the other");
    const renewed = one.asked(REFRESH, x) + two.asked(REFRESH, y);

    t.ok(
      locks ? renewed === 1 : renewed >= 1 && renewed <= 2,
      locks ? "one renews for both" : "each may renew for itself",
      `${renewed} times`,
    );
    await one.context.unroute("**/api/v1/**");
    await one.send("da primeira");
    await two.send("da segunda");
    await t.comes(async () => (await who.texts()).length >= 2, "both write");
    t.eq((await who.texts()).sort(), ["da primeira", "da segunda"], "each once");
    await one.page.reload();
    await t.seen(one.box, "and the cookie is good for a reload");
    t.eq(await two.page.getByRole("dialog").count(), 0, "which ends nothing in the other");

    await two.box.fill("rascunho da segunda");
    await one.press(one.button(one.words.account(one.user.name)).locator("visible=true"));
    await one.press(one.page.getByRole("menuitem", { name: one.words.signOut }));
    await t.seen(one.page.locator("input[type=email]"), "one signs out");
    await t.seen(two.page.locator("input[type=email]"), "and is out in the other");
    await two.enter();
    await t.seen(one.page.getByRole("navigation", { name: one.words.queues }), "in again, in both");
    await two.box.waitFor();
    t.eq(await two.box.inputValue(), "rascunho da segunda", "with the draft");
    await two.box.fill("");
    await one.context.close();
  }
}

/** Both tabs' tokens are over; each may have one of its own. */
async function expireBoth(one, two) {
  const over = new Set([one.bearer, two.bearer]);
  const expired = await one.stage.hands("expired", { bearer: one.bearer });

  await one.context.route("**/api/v1/**", (route) => {
    const headers = route.request().headers();

    return over.has(headers.authorization)
      ? route.continue({ headers: { ...headers, authorization: `Bearer ${expired}` } })
      : route.continue();
  });
}
