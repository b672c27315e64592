// A picture of every screen, in both themes and sizes, into web/shots/.
//
//   t/e2e/inbox.py --shots
import { mkdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { DESK, PHONE, Stage } from "./stage.mjs";
import { Tap } from "./tap.mjs";

const folder = fileURLToPath(new URL("../shots/", import.meta.url));
const t = new Tap();
const stage = new Stage(JSON.parse(readFileSync(process.argv[2], "utf8")));
const HOUR = 3600;
const now = Math.floor(Date.now() / 1000);

/* A morning at a bakery, like that of the mock-ups. */
const TALKS = [
  ["Sônia Matos", [[27 * HOUR, "Vocês fazem entrega em Pinheiros?"]]],
  ["Grupo Escolar Aurora", [[5 * HOUR, "Precisamos de 120 lanches na sexta-feira, dá?"]]],
  ["Pedro Henrique Vasconcelos", [[22 * HOUR, "O bolo pode ser sem lactose?"]]],
  [
    "Juliana Prado",
    [
      [3 * HOUR, "Oi! Quero encomendar um bolo para sábado"],
      [2 * HOUR, "De nozes"],
    ],
  ],
  ["Tiago Nunes", [[HOUR, "Obrigado, chegou tudo certo 🙏🎂"]]],
  [
    "Dona Cida",
    [
      [1800, "Bom dia meu filho"],
      [1700, "Guarda dois pães de queijo pra mim"],
    ],
  ],
  [
    "Camila Rezende",
    [
      [900, "Bom dia! O bolo de cenoura de ontem estava ótimo"],
      [880, "Dá para fazer um maior para domingo? Somos 20 pessoas, duas com alergia a amendoim."],
      [300, "E quanto fica com entrega na Rua Aurélia, 740?"],
    ],
  ],
];

async function prepare(desk) {
  const at = {};

  for (const [name, lines] of TALKS) {
    const who = stage.customer(name);

    for (const [ago, text] of lines) {
      await who.say(text, { timestamp: now - ago });
    }
    at[name] = await who.conversation();
  }

  const kinds = stage.customer("Rafael Lima");

  await kinds.say(null, {
    type: "image",
    image: { id: "1", mime_type: "image/jpeg", caption: "Assim?" },
  });
  await kinds.say(null, { type: "audio", audio: { id: "2", mime_type: "audio/ogg", voice: true } });
  await kinds.say(null, {
    type: "document",
    document: { id: "3", mime_type: "application/pdf", filename: "orçamento-festa.pdf" },
  });
  await kinds.say(null, {
    type: "location",
    location: { latitude: -23.53, longitude: -46.69, name: "Padaria", address: "Rua Aurélia, 740" },
  });
  await kinds.say(null, {
    type: "contacts",
    contacts: [{ name: { formatted_name: "Marta" }, phones: [{ phone: "+55 11 98888-7777" }] }],
  });

  const more = stage.customer("Lívia Sampaio");

  await more.say(null, { type: "sticker", sticker: { id: "4", mime_type: "image/webp" } });
  await more.say(null, { type: "image", image: { id: "5", mime_type: "image/jpeg" } });
  await more.say(null, { type: "button", button: { payload: "1", text: "Quero reservar" } });
  await more.say(null, {
    type: "interactive",
    interactive: {
      type: "list_reply",
      list_reply: { id: "1", title: "Cesta de café", description: "Para duas pessoas" },
    },
  });
  await more.say(null, { type: "unsupported" });
  at.more = await more.conversation();
  at.kinds = await kinds.conversation();
  await stage.hands("tags", {
    conversation: at["Grupo Escolar Aurora"],
    tags: ["eventos", "escola", "recorrente"],
  });

  await desk.go(`/inbox/${at["Camila Rezende"]}`);
  await desk.log.waitFor();
  await desk.send("Bom dia, Camila! Dá sim, o de 3 kg serve 20 pessoas.");
  await desk.send("Sem amendoim, pode ficar tranquila.");
  await desk.tick(desk.words.read).waitFor();
  await stage.sim("config", { fault: { kind: "failed", code: 131026, times: 1 } });
  await desk.go(`/inbox/${at["Tiago Nunes"]}`);
  await desk.log.waitFor();
  await desk.send("Que bom! Até a próxima.");
  await desk.page.getByText(desk.words.failedWhy).waitFor();
  return at;
}

async function shoot(seat, name) {
  for (const scheme of ["light", "dark"]) {
    const file = `${name}-${seat.view.name}-${scheme}.png`;

    await seat.page.emulateMedia({ colorScheme: scheme });
    await seat.page.locator(`html[data-theme=${scheme}]`).waitFor();
    await seat.page.screenshot({ path: folder + file, animations: "disabled" });
    t.ok(true, file);
  }
}

async function screens(view, at) {
  const seat = await stage.seat("ana", { ...view, locale: "pt-BR" });
  const real = view.touch === true;
  const { page, words } = seat;

  await page.goto("/inbox");
  await page.locator("input[type=email]").waitFor();
  await shoot(seat, "sign-in");
  await seat.signIn("wrong");
  await page.getByText(words.wrong).waitFor();
  await shoot(seat, "sign-in-refused");
  await seat.enter();
  await seat.row("Camila Rezende").waitFor();
  await shoot(seat, "list");
  await seat.go(`/inbox/${at["Camila Rezende"]}`);
  await seat.log.waitFor();
  await seat.tick(words.read).waitFor();
  await shoot(seat, "thread");
  const line = seat.log.getByText("Sem amendoim");

  await (real ? line.tap() : line.hover());
  await shoot(seat, "actions");
  if (real) {
    await page.getByRole("heading", { level: 1 }).tap();
  } else {
    await page.mouse.move(view.width - 2, 2);
  }
  await seat.box.fill("O de 3 kg fica em R$ 180, com");
  await shoot(seat, "composing");
  await seat.box.fill("");
  await seat.press(page.locator('[aria-keyshortcuts="a"]'));
  await page.getByRole("menu").waitFor();
  await shoot(seat, "assign");
  await page.keyboard.press("Escape");
  await page.getByRole("menu").waitFor({ state: "hidden" });
  if (real) {
    await seat.press(seat.button(words.contactPanel));
    await page.getByRole("complementary").waitFor();
    await shoot(seat, "contact");
    await seat.press(page.getByRole("complementary").getByRole("button", { name: words.close }));
  }
  for (const [name, id] of [
    ["kinds", at.kinds],
    ["more-kinds", at.more],
    ["failed", at["Tiago Nunes"]],
  ]) {
    await seat.go(`/inbox/${id}`);
    await seat.log.waitFor();
    await shoot(seat, name);
  }
  await seat.go(`/inbox/${at["Sônia Matos"]}`);
  await page.getByText(words.windowClosed).waitFor();
  await shoot(seat, "window-closed");
  await seat.go(`/inbox/${at["Dona Cida"]}`);
  await seat.log.waitFor();
  await seat.press(page.locator('[aria-keyshortcuts="e"]'));
  await page.getByText(words.closedDone).waitFor();
  await shoot(seat, "closed");
  await seat.press(seat.button(words.undo));
  await seat.box.waitFor();
  await seat.go("/inbox/nothing");
  await page.getByText(words.notFound).waitFor();
  await shoot(seat, "not-found");
  await seat.go("/inbox");
  await seat.press(seat.tab(0));
  await page.getByText(words.nothingMine).waitFor();
  await shoot(seat, "empty-mine");
  await seat.press(seat.tab(2));
  await seat.press(seat.account);
  await page.getByRole("menu").waitFor();
  await shoot(seat, "account");
  await page.keyboard.press("Escape");
  await page.getByRole("menu").waitFor({ state: "hidden" });
  if (!real) {
    await page.keyboard.press("?");
    await page.getByRole("dialog").waitFor();
    await shoot(seat, "keys");
    await page.keyboard.press("Escape");
  }
  await seat.go(`/inbox/${at["Camila Rezende"]}`);
  await seat.log.waitFor();
  await seat.context.setOffline(true);
  await page.getByText(words.offline).waitFor();
  await seat.send("Fica em R$ 180, com entrega.");
  await seat.log
    .getByRole("img", { name: words.queued })
    .or(seat.tick(words.queued))
    .first()
    .waitFor();
  await shoot(seat, "offline");
  await seat.context.close();
}

const TAGS = [
  ["Encomenda", "teal", "Bolo, salgado ou cesta com dia marcado"],
  ["Casamento", "pink", null],
  ["Alergia", "red", "Confirmar os ingredientes antes de vender"],
  ["Fornecedor", "gray", null],
  ["Evento", "purple", "Empresas e festas, a partir de 30 pessoas"],
];
const REPLIES = [
  ["oi", "Oi, {{contact.name}}! Aqui é {{agent.name}}, da {{company.name}}.", []],
  ["horario", "Abrimos todos os dias, das 6h às 20h. No domingo, até as 13h.", []],
  ["pix", "A chave é o e-mail da padaria, em nome de {{company.name}}.", []],
  ["confirmar", "Posso confirmar, {{contact.name}}?", ["Pode confirmar", "Quero mudar"]],
];

/** The settings, empty at first, and the menu of quick replies. */
async function settings(view, at) {
  const seat = await stage.seat("ada", { ...view, locale: "pt-BR" });
  const { page, words } = seat;
  const form = page.getByRole("complementary");

  await seat.enter();
  for (const place of ["tags", "quick-replies"]) {
    await seat.go(`/settings/${place}`);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await shoot(seat, `settings-${place}${view === DESK ? "-empty" : ""}`);
    if (view === DESK) {
      const { bearer } = seat;
      const make = (body) =>
        fetch(`${stage.facts.url}/api/v1/${place}`, {
          method: "POST",
          headers: { Authorization: bearer, "Content-Type": "application/json" },
          body: JSON.stringify(body),
        });

      for (const [name, color, description] of place === "tags" ? TAGS : []) {
        await make({ name, color, description });
      }
      for (const [shortcut, content, titles] of place === "tags" ? [] : REPLIES) {
        const buttons = titles.map((title) => ({ id: title, title }));

        await make({ shortcut, content, buttons });
      }
      await page.getByRole("row").nth(4).waitFor();
      await shoot(seat, `settings-${place}`);
    }
    await seat.press(page.locator("td button").first());
    await form.waitFor();
    await shoot(seat, `settings-${place}-form`);
    await page.keyboard.press("Escape");
    await form.waitFor({ state: "hidden" });
  }
  if (view === PHONE) {
    await seat.go("/settings");
    await page.getByRole("heading", { level: 1, name: words.settings }).waitFor();
    await shoot(seat, "settings-menu");
  }
  await seat.go(`/inbox/${at["Camila Rezende"]}`);
  await seat.log.waitFor();
  await seat.box.focus();
  await page.keyboard.type("/");
  await page.getByRole("option").first().waitFor();
  await shoot(seat, "quick-replies");
  await seat.box.fill("");
  await seat.context.close();
}

/** The customers' phones of the simulator. */
async function phones(view) {
  const seat = await stage.seat("ana", view);
  const { page } = seat;

  await page.goto(stage.facts.sim.replace(/api\/$/, ""));
  await page.getByRole("log", { name: "Messages" }).locator("footer").first().waitFor();
  for (const colorScheme of ["light", "dark"]) {
    const file = `phones-${view.name}-${colorScheme}.png`;

    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: folder + file });
    t.ok(true, file);
  }
  await seat.context.close();
}

mkdirSync(folder, { recursive: true });
await stage.open();

const bruno = await (await stage.seat("bruno", DESK)).enter();
const at = await prepare(bruno);

await bruno.context.close();
await settings(DESK, at);
await settings(PHONE, at);
await screens(DESK, at);
await screens(PHONE, at);
await phones(DESK);
await phones(PHONE);
t.eq(stage.faults, [], "no error on any page");
await stage.close();
t.done();
process.exit(t.failed === 0 ? 0 : 1);
