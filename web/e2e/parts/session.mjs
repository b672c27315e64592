// A session outlives the page: by a cookie that no script can read.

/** Whether the server gives the cookie; the parts below stand and fall with it. */
async function hasCookie(stage) {
  const { email, password } = stage.facts.users.otto;
  const answer = await fetch(`${stage.facts.url}/api/v1/auth/login`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Pytake-Browser": "1" },
    body: JSON.stringify({ email, password }),
  });

  return answer.headers.get("set-cookie");
}

export async function session(t, stage, w) {
  const cookie = await hasCookie(stage);

  if (cookie === null) {
    t.skip("a reload keeps the session", "the server gives no cookie for refreshing yet");
    return;
  }
  t.ok(
    /;\s*HttpOnly/i.test(cookie) && /;\s*SameSite=Strict/i.test(cookie),
    "the cookie is HttpOnly and SameSite=Strict",
    cookie.replace(/=[^;]*/, "=..."),
  );

  const { desk } = w;
  const who = stage.customer("Sara Volta");

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
    "no token is at rest",
  );

  const second = await desk.context.newPage();

  await second.goto("/inbox");
  await t.seen(second.getByRole("list", { name: desk.words.conversations }), "a second tab is in");
  await desk.page.reload();
  await t.seen(desk.box, "and the first stays in");

  await desk.press(desk.button(desk.words.account(desk.user.name)).locator("visible=true"));
  await desk.press(desk.page.getByRole("menuitem", { name: desk.words.signOut }));
  await t.seen(desk.page.locator("input[type=email]"), "signed out");
  await t.seen(second.locator("input[type=email]"), "in every tab");
  await second.close();
}
