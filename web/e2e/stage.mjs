// A browser with people at it, the phones of their customers, and the hands
// that hold the servers.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";
import { until } from "./tap.mjs";
import { WORDS } from "./words.mjs";

const require = createRequire(import.meta.url);
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
export const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-background-networking",
  "--no-first-run",
  "--disable-component-update",
  "--disable-sync",
  "--disable-quic",
];

/** The two ways in which everything is looked at. */
export const DESK = { name: "desk", locale: "pt-BR", scheme: "light", width: 1440, height: 900 };
export const PHONE = {
  name: "phone",
  locale: "en",
  scheme: "dark",
  width: 390,
  height: 844,
  touch: true,
};

/* What a browser itself says of answers that are no fault of the page's. */
const EXPECTED = /Failed to load resource|WebSocket connection to/;

async function post(url, body) {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await answer.text();

  if (!answer.ok) {
    throw new Error(`${url}: ${answer.status} ${text.slice(0, 300)}`);
  }
  return text === "" ? null : JSON.parse(text);
}

let phones = 0;

export class Stage {
  /** All that must not be, of every page: errors, dialogs, policy reports. */
  faults = [];
  seats = [];
  /** Answers of the API on their way to be held against openapi.yaml. */
  heard = [];

  constructor(facts) {
    this.facts = facts;
  }

  async open() {
    this.browser = await chromium.launch({ executablePath: this.facts.chromium, args: ARGS });
  }

  async close() {
    await Promise.all(this.heard);
    await this.browser?.close();
  }

  /** A page may be gone before its answer's body is here. */
  async hear(response) {
    const url = response.url();

    if (!/^\/(?:api\/|health)/.test(new URL(url).pathname)) {
      return;
    }

    const body = await response.body().catch(() => null);

    await this.hands("heard", {
      method: response.request().method(),
      url,
      status: response.status(),
      headers: response.headers(),
      body: body?.toString("base64") ?? null,
    });
  }

  hands(verb, body = {}) {
    return post(this.facts.hands + verb, body);
  }

  sim(verb, body) {
    return post(this.facts.sim + verb, body);
  }

  /** A customer's phone with a name. */
  customer(name, number = this.facts.number) {
    phones++;
    return new Customer(this, name, `5511${String(900000000 + phones)}`, number);
  }

  /** Somebody at a browser of their own, signed out; `url`: by another road. */
  async seat(who, view = DESK, url = this.facts.url) {
    const context = await this.browser.newContext({
      baseURL: url,
      locale: view.locale,
      colorScheme: view.scheme,
      viewport: { width: view.width, height: view.height },
      hasTouch: view.touch === true,
      isMobile: view.touch === true,
      timezoneId: "America/Sao_Paulo",
    });

    context.setDefaultTimeout(30_000);
    context.on("response", (r) => this.heard.push(this.hear(r)));
    await context.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (ev) => {
        console.error(`policy: ${ev.violatedDirective} ${ev.blockedURI}`);
      });
    });

    const seat = new Seat(this, context, await context.newPage(), who, view);

    this.seats.push(seat);
    return seat;
  }
}

class Customer {
  constructor(stage, name, phone, number) {
    Object.assign(this, { stage, name, phone, number });
  }

  /** Types a text, or sends a message of another type. */
  async say(text, more = {}) {
    const body = { phone_number_id: this.number, from: this.phone, name: this.name, ...more };

    return (await this.stage.sim("customer", text === null ? body : { ...body, text })).id;
  }

  async got() {
    const state = await (await fetch(`${this.stage.facts.sim}state`)).json();
    const phone = state.phones.find(
      (p) => p.wa_id === this.phone && p.phone_number_id === this.number,
    );

    return (phone?.messages ?? []).filter((m) => m.direction === "in");
  }

  async texts() {
    return (await this.got()).map((m) => m.text);
  }

  /** The conversation's id, once it is stored. */
  async conversation() {
    const got = await until(() => this.stage.hands("conversation", { phone: this.phone }));

    return got.last;
  }
}

class Seat {
  /** Requests since the page was opened, sockets, and frames that it sent. */
  requests = [];
  sockets = 0;
  said = [];

  constructor(stage, context, page, who, view) {
    Object.assign(this, { stage, context, page, view });
    this.user = stage.facts.users[who];
    this.words = WORDS[view.locale];
    page.on("request", (r) => {
      this.requests.push(`${r.method()} ${new URL(r.url()).pathname}`);
      this.bearer = r.headers().authorization ?? this.bearer;
    });
    page.on("websocket", (socket) => {
      this.sockets++;
      socket.on("framesent", ({ payload }) => this.said.push(String(payload)));
    });
    page.on("dialog", (d) => {
      this.fault(`dialog ${d.message()}`);
      void d.dismiss();
    });
    page.on("pageerror", (err) => this.fault(`error ${err.stack ?? err}`));
    page.on("console", (m) => {
      if ((m.type() === "error" || m.type() === "warning") && !EXPECTED.test(m.text())) {
        this.fault(`console ${m.text()}`);
      }
    });
  }

  /** Another tab of the same browser, looked at as closely. */
  async secondTab() {
    const seat = new Seat(this.stage, this.context, await this.context.newPage(), null, this.view);

    seat.user = this.user;
    this.stage.seats.push(seat);
    return seat;
  }

  /** How often it asked for this, since the `from`th request. */
  asked(pattern, from = 0) {
    return this.requests.slice(from).filter((r) => pattern.test(r)).length;
  }

  fault(text) {
    this.stage.faults.push(`${this.view.name}: ${text.slice(0, 500)}`);
  }

  async signIn(password = this.user.password) {
    const { page, words } = this;

    if (page.url() === "about:blank") {
      await page.goto("/inbox");
    }
    await page.locator("input[type=email]").fill(this.user.email);
    await page.locator("input[type=password]").fill(password);
    await page.getByRole("button", { name: words.signIn, exact: true }).click();
  }

  /** Signed in, the list loaded, the socket there. */
  async enter() {
    await this.signIn();
    await this.page.getByRole("navigation", { name: this.words.queues }).waitFor();
    return this;
  }

  get list() {
    return this.page.getByRole("list", { name: this.words.conversations });
  }

  row(name) {
    return this.list.getByRole("link").filter({ hasText: name });
  }

  tab(i) {
    return this.page
      .getByRole("navigation", { name: this.words.queues })
      .getByRole("button", { name: new RegExp(`^${this.words.tabs[i]}`) });
  }

  /** The button of one's own menu. */
  get account() {
    return this.page
      .getByRole("button", { name: this.words.account(this.user.name) })
      .locator("visible=true");
  }

  /** From the open conversations to the closed ones, or back. */
  async toShelf(closed) {
    const { words } = this;
    const name = closed ? words.closedOnes : words.openOnes;
    const other = closed ? words.showingOpen : words.showingClosed;

    if (this.view.touch) {
      await this.press(this.page.getByRole("button", { name: new RegExp(`^${name}`) }));
    } else {
      await this.press(this.button(other));
      await this.press(this.page.getByRole("menuitemradio", { name, exact: true }));
    }
  }

  get log() {
    return this.page.getByRole("log", { name: this.words.messages });
  }

  get box() {
    return this.page.getByRole("textbox", { name: this.words.message, exact: true });
  }

  /** The last bubble of ours. */
  tick(label) {
    return this.log.getByRole("img", { name: label, exact: true }).last();
  }

  button(name) {
    return this.page.getByRole("button", { name, exact: true });
  }

  /** A click, after which the pointer lies nowhere; or a tap. */
  async press(locator) {
    if (this.view.touch) {
      await locator.tap();
    } else {
      await locator.click();
      await this.page.mouse.move(this.view.width - 2, 2);
    }
  }

  /** The list is on the screen: on a phone the thread gives way. */
  async toList() {
    if (this.view.touch && new URL(this.page.url()).pathname !== "/inbox") {
      await this.press(this.button(this.words.back));
      await this.page.getByRole("navigation", { name: this.words.queues }).waitFor();
    }
  }

  async openRow(name) {
    await this.toList();
    await this.press(this.row(name).first());
    await this.page.waitForURL(/\/inbox\/./);
    await this.log.waitFor();
  }

  async send(text) {
    await this.box.fill(text);
    await (this.view.touch ? this.press(this.button(this.words.send)) : this.box.press("Enter"));
  }

  /** An address inside the page, without loading it anew. */
  async go(path) {
    await this.page.evaluate((to) => history.pushState(null, "", to), path);
  }

  /** axe-core's violations, in a line each. */
  async violations(only) {
    if (!(await this.page.evaluate(() => "axe" in window))) {
      await this.page.evaluate(AXE);
    }
    /* What moves is looked at when it has come to rest. */
    await this.page.evaluate(() =>
      Promise.all(
        document
          .getAnimations()
          .filter((a) => a.effect?.getTiming().iterations !== Number.POSITIVE_INFINITY)
          .map((a) => a.finished.catch(() => null)),
      ),
    );
    const found = await this.page.evaluate(
      (rules) =>
        window.axe.run(document, {
          resultTypes: ["violations"],
          ...(rules === undefined ? {} : { runOnly: { type: "rule", values: rules } }),
        }),
      only,
    );

    return found.violations.flatMap((v) =>
      v.nodes.map((n) => `${v.id}: ${n.html.slice(0, 160)} ${n.failureSummary?.slice(0, 200)}`),
    );
  }
}
