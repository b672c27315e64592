// What may not break it: servers and networks that leave, and texts that mean
// harm.
import { DESK, PHONE } from "../stage.mjs";
import { until } from "../tap.mjs";

/** How long the network is away; in the short form until the page has noticed. */
const CUT_MS = 60_000;

/** What is typed while the server is away goes out once, in its order. */
export async function serverAway(t, stage, w) {
  const { desk } = w;
  const who = stage.customer("Paula Queda");

  await who.say("vocês estão aí?");
  await desk.openRow(who.name);
  await stage.hands("nginx", { run: false });
  await away(t, desk, who);
  await who.say("alô?").catch(() => null);
  await stage.hands("nginx", { run: true });
  await back(t, desk, who);
  await t.seen(desk.log.getByText("alô?"), "what the customer wrote meanwhile is there");
}

/** The same with a network that is cut, at a phone. */
export async function networkAway(t, stage, w) {
  const { phone } = w;
  const who = stage.customer("Olga Túnel");

  await who.say("você me ouve?");
  await phone.toList();
  await phone.openRow(who.name);
  await phone.context.setOffline(true);

  const cut = Date.now();

  await away(t, phone, who);
  await who.say("e agora?");
  if (stage.facts.long) {
    await until(() => Date.now() - cut > CUT_MS, CUT_MS);
    t.note(`${((Date.now() - cut) / 1000).toFixed(0)} s without a network`);
  }
  await phone.context.setOffline(false);
  await back(t, phone, who);
  await t.seen(phone.log.getByText("e agora?"), "what the customer wrote meanwhile is there");
}

async function away(t, seat, who) {
  await t.seen(seat.page.getByText(seat.words.offline), `${seat.view.name}: the banner`, 30_000);
  await seat.send("um");
  await seat.send("dois");
  await t.seen(seat.log.getByText("dois", { exact: true }), "what is typed is in the thread");
  await t.seen(seat.page.getByText(seat.words.offlineQueued), "the banner counts it");
  t.eq(await seat.violations(), [], "axe, without a connection");
  await seat.box.fill("rascunho");
  t.eq(await who.texts(), [], "nothing is on the phone");
}

async function back(t, seat, who) {
  await t.gone(seat.page.getByText(seat.words.offline), "back: the banner goes by itself", 40_000);
  await t.comes(async () => (await who.texts()).length >= 2, "what waited goes out", 40_000);
  await t.seen(seat.tick(seat.words.read), "its ticks turn", 20_000);
  t.eq(await who.texts(), ["um", "dois"], "once, in its order");
  t.eq(await seat.log.getByText("um", { exact: true }).count(), 1, "once in the thread, too");
  t.eq(await seat.box.inputValue(), "rascunho", "the draft is where it was");
  await seat.box.fill("");
}

const HARM = [
  "<script>window.harm=1</script>",
  '"><img src=x onerror="window.harm=1">',
  "<svg/onload=window.harm=1>",
  "javascript:window.harm=1",
  "<iframe srcdoc='<script>parent.harm=1</script>'></iframe>",
  "{{constructor.constructor('window.harm=1')()}}",
  "</title><script>window.harm=1</script>",
  "\u202egnp.exe <b onmouseover=window.harm=1>x</b>",
  'https://example.test/"onclick=window.harm=1//',
  '<a href="javascript:window.harm=1">x</a>',
  "$" + "{window.harm=1} `window.harm=1`",
  "<style>*{display:none}</style><form action=//example.test><input name=x>",
];

function kinds(harm) {
  return [
    { type: "document", document: { id: "1", mime_type: harm.slice(0, 60), filename: harm } },
    { type: "image", image: { id: "2", mime_type: "image/png", caption: harm } },
    {
      type: "location",
      location: { latitude: 1, longitude: 2, name: harm, address: harm, url: "javascript:harm=1" },
    },
    {
      type: "contacts",
      contacts: [{ name: { formatted_name: harm }, phones: [{ phone: harm.slice(0, 40) }] }],
    },
    { type: "button", button: { text: harm, payload: harm } },
    {
      type: "interactive",
      interactive: { type: "list_reply", list_reply: { id: "x", title: harm, description: harm } },
    },
    { type: "order", order: { catalog_id: "1", text: harm, product_items: [] } },
  ];
}

export async function hostile(t, stage, w) {
  for (const view of [DESK, PHONE]) {
    const seat = w[view.name];
    const scripts = () => seat.page.locator("script").count();
    const before = await scripts();
    let shown = 0;

    await seat.toList();
    for (const [i, harm] of HARM.entries()) {
      const who = stage.customer(harm);

      await who.say(harm);
      for (const more of view === DESK && i < 3 ? kinds(harm) : []) {
        await who.say(null, more);
      }
      await seat.go(`/inbox/${await who.conversation()}`);
      await seat.log.getByText(harm, { exact: true }).first().waitFor();
      shown +=
        (await seat.page.locator("section:has(#log) :is(h1, h2)").first().textContent()) === harm
          ? 1
          : 0;
      if (view === DESK && i < 3) {
        await t.comes(
          async () =>
            (await seat.log.getByText(harm, { exact: true }).count()) >= kinds(harm).length + 1,
          `a text in every kind of message: ${harm.slice(0, 30)}`,
        );
      }
    }
    t.eq(
      shown,
      HARM.length,
      `${view.name}: ${HARM.length} names and texts that mean harm are text`,
    );
    t.eq(await seat.page.evaluate(() => window.harm), undefined, "none of it ran");
    t.eq(await scripts(), before, "no script came");
    t.eq(
      await seat.page
        .locator('iframe,img[src="x"],form,[onerror],[onload],a[href^="javascript"]')
        .count(),
      0,
      "nor any other element",
    );
  }
}
