// Every screen under axe-core.
import { DESK, PHONE } from "../stage.mjs";

const flip = { light: "dark", dark: "light" };

/** Both themes: all rules in the first, what depends on colours in the other. */
export async function clean(t, seat, name) {
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
    if (view === DESK) {
      const shelf = seat.button(words.showingOpen);

      await t.seen(shelf.getByText(words.openOnes, { exact: true }), "a word says what is listed");
      await seat.press(shelf);
      await t.seen(
        page.getByRole("menuitemradio", { name: words.openOnes, checked: true }),
        "and what else could be",
      );
      await clean(t, seat, "the menu of open and closed");
      await page.keyboard.press("Escape");
      await page.getByRole("menu").waitFor({ state: "hidden" });
    }
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
    t.eq(
      await page.getByRole("menuitemcheckbox", { name: words.enterSends }).count(),
      view === PHONE ? 0 : 1,
      `${view.name}: "Enter sends" is offered where it is true`,
    );
    if (view === DESK) {
      await page.setViewportSize({ width: 1366, height: 763 });
    }
    await t.comes(
      () => page.getByRole("menu").evaluate((el) => el.scrollHeight <= el.clientHeight),
      `${view.name}: the account menu is there as a whole`,
    );
    await page.setViewportSize({ width: view.width, height: view.height });
    await page.keyboard.press("Escape");
    await seat.go("/inbox/nothing-here");
    await page.getByText(words.notFound).waitFor();
    await clean(t, seat, "an address of nothing");
    await seat.go("/inbox");
  }
}
