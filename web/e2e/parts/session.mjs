// A session outlives the page: by a cookie that no script can read.

/** A reload, a second tab, and the end of it in both. */
export async function session(t, stage, w) {
  const { desk } = w;
  const { words } = desk;
  const who = stage.customer("Sara Volta");
  const cookies = await desk.context.cookies();

  t.ok(
    cookies.length > 0 && cookies.every((c) => c.httpOnly && c.sameSite === "Strict"),
    "what is kept is an HttpOnly, SameSite=Strict cookie",
    cookies.map((c) => ({ ...c, value: "..." })),
  );
  await who.say("recarrega");
  await desk.openRow(who.name);
  await desk.box.fill("meio escrito");
  await desk.page.reload();
  await t.seen(desk.log.getByText("recarrega"), "a reload comes back to the conversation");
  t.eq(await desk.box.inputValue(), "meio escrito", "with its draft");
  t.eq(
    await desk.page.evaluate(() =>
      [...Object.values(localStorage), ...Object.values(sessionStorage), document.cookie].filter(
        (v) => /eyJ|refresh/.test(v),
      ),
    ),
    [],
    "no token is at rest, or within a script's reach",
  );

  const second = await desk.context.newPage();

  await second.goto("/inbox");
  await t.seen(second.getByRole("list", { name: words.conversations }), "a second tab is in");
  await desk.page.reload();
  await t.seen(desk.box, "and the first stays in");
  await ended(t, desk);
  await t.seen(
    second.getByRole("list", { name: words.conversations }),
    "the second tab is in again, too",
  );
  await desk.press(desk.account);
  await desk.press(desk.page.getByRole("menuitem", { name: words.signOut }));
  await t.seen(desk.page.locator("input[type=email]"), "signed out");
  await t.seen(second.locator("input[type=email]"), "in every tab");
  await desk.page.reload();
  await t.seen(desk.page.locator("input[type=email]"), "and a reload brings nobody back");
  await second.close();
}

/** Ended from elsewhere: a dialog, under which all stays as it was. */
async function ended(t, desk) {
  const { page, words } = desk;
  const answer = await fetch(`${desk.stage.facts.url}/api/v1/auth/logout`, {
    method: "POST",
    headers: { Authorization: desk.bearer },
  });

  t.ok(answer.ok, "the session is ended from elsewhere", `status ${answer.status}`);
  const dialog = page.getByRole("dialog", { name: words.ended });

  await t.seen(dialog, "a dialog says so", 20_000);
  await t.seen(dialog.getByText(/meio escrito/), "and that the draft is kept");
  t.eq(await desk.violations(), [], "axe, a session that ended");
  await dialog.locator("input[type=password]").fill(desk.user.password);
  await dialog.locator("button[type=submit]").click();
  await t.gone(dialog, "signed in again, the dialog goes");
  t.eq(await desk.box.inputValue(), "meio escrito", "and the draft is in the box");
}
