// Lighthouse on a desk, signed out and in.  It has packages of its own, which
// "tools/web modules e2e" installs.
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { chromium } from "playwright-core";
import { ARGS } from "../stage.mjs";

/* A figure that depends on how busy the machine is: it is told in the long form. */
const TIMED = "performance";
const WANTED = { accessibility: 100, "best-practices": 100 };

function freePort() {
  return new Promise((done) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();

      server.close(() => done(port));
    });
  });
}

/** Scores by category, and what took points. */
async function score(url, port, categories) {
  const { default: run, desktopConfig } = await import("lighthouse");
  const flags = {
    port,
    onlyCategories: categories,
    disableStorageReset: true,
    logLevel: "error",
    output: "json",
  };
  const { lhr } = await run(url, flags, desktopConfig);
  const lost = [];

  for (const { auditRefs } of Object.values(lhr.categories)) {
    for (const { id, weight } of auditRefs) {
      const audit = lhr.audits[id];

      if (weight > 0 && audit.score !== null && audit.score < 1) {
        lost.push(
          `${id}: ${audit.score} ${JSON.stringify(audit.details?.items ?? []).slice(0, 400)}`,
        );
      }
    }
  }
  return {
    error: lhr.runtimeError,
    at: lhr.finalDisplayedUrl,
    lost,
    points: Object.fromEntries(
      Object.entries(lhr.categories).map(([name, c]) => [name, Math.round(c.score * 100)]),
    ),
  };
}

export async function lighthouse(t, stage) {
  const { facts } = stage;
  const port = await freePort();
  const profile = mkdtempSync(path.join(tmpdir(), "pytake-lighthouse-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: facts.chromium,
    args: [...ARGS, `--remote-debugging-port=${port}`],
    locale: "pt-BR",
    viewport: null,
  });
  const categories = [...Object.keys(WANTED), ...(facts.long ? [TIMED] : [])];
  const check = async (name, address) => {
    const got = await score(facts.url + address, port, categories);

    t.eq(got.error, undefined, `${name}: Lighthouse has looked at it`);
    for (const [category, points] of Object.entries(WANTED)) {
      t.ok(got.points[category] === points, `${name}: ${category} ${points}`, got);
    }
    t.note(`${name}: ${JSON.stringify(got.points)}`);
    if (facts.long) {
      t.note(`${name}: ${TIMED} lost by ${JSON.stringify(got.lost)}`);
    }
  };

  try {
    await check("sign-in", "/inbox");

    /* By the form, so that the browser knows of it. */
    const page = await context.newPage();
    const { email, password } = facts.users.otto;

    await page.goto(`${facts.url}/inbox`);
    await page.locator("input[type=email]").fill(email);
    await page.locator("input[type=password]").fill(password);
    await page.locator("button[type=submit]").click();
    await page.getByRole("navigation").first().waitFor();
    await page.close();

    const who = stage.customer("Luz Farol");

    await who.say("tudo certo por aqui?");
    await check("the inbox", `/inbox/${await who.conversation()}`);
  } finally {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  }
}
