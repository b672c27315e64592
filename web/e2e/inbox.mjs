// The browser inbox, as people use it.  Prints TAP.
//
//   node e2e/inbox.mjs FACTS.json [PART ...]
//
// t/e2e/inbox.py starts the stack and writes the facts.
import { readFileSync } from "node:fs";
import { bubble, sendAndClose } from "./parts/bubble.mjs";
import { lighthouse } from "./parts/lighthouse.mjs";
import { longList, longThread } from "./parts/long.mjs";
import { phones } from "./parts/phones.mjs";
import { release } from "./parts/release.mjs";
import { closing, drafts, list, oldWindow, reply, signIn } from "./parts/reply.mjs";
import { session } from "./parts/session.mjs";
import { quickReplies, readers, settingsPhone, slash, tags } from "./parts/settings.mjs";
import { sleep } from "./parts/sleep.mjs";
import { foreign, keys, together, viewer } from "./parts/team.mjs";
import { sessionRevoked, tabs, tokenEnds, tokenLife } from "./parts/token.mjs";
import { hostile, networkAway, serverAway } from "./parts/trouble.mjs";
import { axe } from "./parts/wide.mjs";
import { Stage } from "./stage.mjs";
import { Tap } from "./tap.mjs";

/* In the order of a day.  Up to "foreign" nothing new happens in the other
   tenant; the servers leave last. */
const PARTS = {
  list,
  reply,
  drafts,
  together,
  viewer,
  bubble,
  sendAndClose,
  closing,
  oldWindow,
  keys,
  hostile,
  axe,
  tags,
  quickReplies,
  slash,
  readers,
  settingsPhone,
  lighthouse,
  longThread,
  longList,
  foreign,
  phones,
  tokenEnds,
  sessionRevoked,
  tabs,
  sleep,
  networkAway,
  serverAway,
  release,
  session,
};

const [, , file, ...only] = process.argv;
const t = new Tap();
const stage = new Stage(JSON.parse(readFileSync(file, "utf8")));
/* More than a minute of waiting for a token's end. */
const parts = stage.facts.long ? { ...PARTS, tokenLife } : PARTS;
const w = {};

async function run(name, part) {
  t.head(name);
  try {
    await part(t, stage, w);
  } catch (err) {
    t.ok(false, `${name} runs to its end`, String(err.stack ?? err).slice(0, 2000));
    await picture(name);
  }
}

/** What everybody had on the screen when a part broke. */
async function picture(name) {
  for (const seat of stage.seats) {
    await seat.page
      .screenshot({ path: `shots/broken-${name}-${seat.view.name}.png` })
      .catch(() => null);
  }
}

await stage.open();
await run("sign-in", signIn);
w.settled = w.foreign?.requests.length;
w.said = w.foreign?.said.length;
w.settledAt = Date.now();
for (const [name, part] of Object.entries(parts)) {
  if (only.length === 0 || only.includes(name)) {
    await run(name, part);
  }
}
t.eq(stage.faults, [], "no error, no dialog, no report of the policy on any page");
await stage.close();
t.done();
process.exit(t.failed === 0 ? 0 : 1);
