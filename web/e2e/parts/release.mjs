// A release while tabs are open.

/** Somebody who is in without ever having loaded the form to sign in. */
async function inByCookie(stage) {
  const seat = await stage.seat("otto");
  const { email, password } = seat.user;
  const answer = await seat.context.request.post("/api/v1/auth/login", {
    headers: { "X-Pytake-Browser": "1" },
    data: { email, password },
  });

  await seat.context.addInitScript(() => localStorage.setItem("pytake.here", "1"));
  seat.bearer = `Bearer ${(await answer.json()).access_token}`;
  return seat;
}

const scripts = (page) =>
  page.evaluate(() => [...document.scripts].map((s) => new URL(s.src, location.href).pathname));

/** The tab of the old release works to its end, and says that it is old. */
export async function release(t, stage) {
  const seat = await inByCookie(stage);
  const { page, words } = seat;
  const who = stage.customer("Lina Versão");
  const missing = [];
  const loaded = [];

  page.on("response", (r) => {
    const { pathname } = new URL(r.url());

    if (pathname.startsWith("/_next/")) {
      (r.status() < 400 ? loaded : missing).push(pathname);
    }
  });
  await page.clock.install();
  await page.goto("/inbox");
  await seat.list.waitFor();
  await who.say("em que versão estamos?");
  await seat.openRow(who.name);
  await seat.box.fill("escrevo na velha");

  const before = await scripts(page);
  const version = await stage.hands("release");
  const served = await (await fetch(`${stage.facts.url}/version.txt`)).text();

  t.eq(served.trim(), version, "another release is served");
  await who.say("ainda aí?");
  await t.seen(seat.log.getByText("ainda aí?"), "the tab of the old one goes on");
  await seat.send("sim");
  await t.comes(async () => (await who.texts()).length === 1, "and sends");
  await seat.box.fill("escrevo na velha");

  /* The form to sign in is a part that this tab has not loaded yet. */
  loaded.length = 0;
  await stage.hands("revoke", { bearer: seat.bearer });
  const dialog = page.getByRole("dialog", { name: words.ended });

  await t.seen(dialog, "a part that was not loaded before still loads");
  t.ok(loaded.length > 0, "from the server", loaded);
  await dialog.locator("input[type=password]").fill(seat.user.password);
  await dialog.locator("button[type=submit]").click();
  await t.gone(dialog, "and works");
  t.eq(missing, [], "no file of the old release is missing");

  const notice = page.getByRole("status").filter({ hasText: words.newVersion });

  t.eq(await notice.count(), 0, "nothing is said before it is time to ask");
  await page.clock.fastForward("11:00");
  await seat.context.setOffline(true);
  await page.getByText(words.offline).waitFor();
  await seat.context.setOffline(false);
  await t.seen(notice, "back from a cut it tells of the new release");
  t.eq(await seat.box.inputValue(), "escrevo na velha", "nothing is reloaded by itself");
  t.eq(await seat.violations(), [], "axe, the notice");
  await Promise.all([
    page.waitForEvent("load"),
    seat.press(notice.getByRole("button", { name: words.reload })),
  ]);
  await seat.box.waitFor();
  t.eq(await seat.box.inputValue(), "escrevo na velha", "reloaded: the draft is kept");

  const after = await scripts(page);

  t.ok(
    after.some((name) => name.includes("/main-app")) &&
      after.every((name) => !before.includes(name)),
    "and every script is of the new one",
    after,
  );
  await seat.box.fill("");
  await page.clock.fastForward("11:00");
  await seat.context.setOffline(true);
  await page.getByText(words.offline).waitFor();

  const from = seat.requests.length;

  await seat.context.setOffline(false);
  await t.comes(() => seat.asked(/version\.txt/, from) === 1, "which asks, too");
  t.eq(await notice.count(), 0, "and has nothing to tell");
  t.eq(missing, [], "no file was missing all the while");
  await seat.context.close();
}
