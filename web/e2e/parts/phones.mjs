// The simulator's page: the customers' phones.
import { DESK, PHONE } from "../stage.mjs";

const HOUR = 3600;

export async function phones(t, stage) {
  const now = Math.floor(Date.now() / 1000);
  const ours = stage.customer("Nara Prima");
  const theirs = stage.customer("Nilo Alheio", stage.facts.other);

  await ours.say("de ontem", { timestamp: now - 30 * HOUR });
  await ours.say("de agora");
  await theirs.say("de outra empresa, e mais tarde");

  for (const view of [DESK, PHONE]) {
    /* where people count the hours to twelve */
    const { context, page } = await stage.seat("ana", { ...view, locale: "en-US" });
    const head = page.getByRole("heading", { level: 2 });
    const log = page.getByRole("log", { name: "Messages" });
    const list = page.getByRole("navigation", { name: "Customers" });

    await page.goto(stage.facts.sim.replace(/api\/$/, ""));
    await t.seen(
      head.getByText(ours.name),
      `${view.name}: a customer of the first company is picked`,
    );
    await t.seen(log.getByText("de agora"), "with what was said");
    t.eq(
      (await log.locator(".day").allTextContents()).at(-1),
      "Today",
      "a line where another day begins",
    );
    t.eq(await log.locator(".day").count(), 2, "each day has one");
    t.eq(
      (await log.locator("footer").allTextContents()).filter((x) => !/^\d\d:\d\d$/.test(x)),
      [],
      "times are hours of 24 and minutes",
    );
    if (view === PHONE) {
      await page.getByRole("link", { name: "Back to the phones" }).tap();
    }
    await t.seen(list.getByRole("link", { name: theirs.name }), "the others are in the list");
    t.ok(
      /^\d\d:\d\d$/.test(
        await list.getByRole("link", { name: ours.name }).locator("time").textContent(),
      ),
      "with times of the same form",
    );
    await list.getByRole("link", { name: theirs.name }).click();
    await t.seen(head.getByText(theirs.name), "and open when they are chosen");
    await page.reload();
    await t.seen(head.getByText(theirs.name), "also when the page is loaded again");
    await context.close();
  }
}
