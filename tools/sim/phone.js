/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * The customers' phones.  The address's fragment says which is open, so the
 * browser's Back works; the state comes from /sim/api/state, which answers
 * when something changed.
 */

"use strict";

const $ = (id) => document.getElementById(id);
const DAY_MS = 24 * 3600 * 1000;
const WINDOW_MS = DAY_MS;
/* what is shown of a type: its name, and an icon drawn in 24 by 24 */
const KINDS = {
  image: ["Photo", "M4 6h16v12H4zM4 16l5-5 4 4 3-3 4 4M15.5 9.5h.01"],
  video: ["Video", "M4 6h11v12H4zM15 11l5-3v8l-5-3"],
  audio: ["Audio", "M12 4a2.5 2.5 0 0 0-2.5 2.5v5a2.5 2.5 0 0 0 5 0v-5"
    + "A2.5 2.5 0 0 0 12 4zM6.5 11.5a5.5 5.5 0 0 0 11 0M12 17v3"],
  document: ["Document", "M7 3h7l4 4v14H7zM14 3v4h4M10 12h5M10 16h5"],
  location: ["Location", "M12 21s6-6.5 6-11a6 6 0 0 0-12 0c0 4.5 6 11 6 11"
    + "zM12 12a2 2 0 1 0 0-4 2 2 0 0 0 0 4z"],
  contacts: ["Contact", "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20"
    + "c1-4 4-5.5 7.5-5.5s6.5 1.5 7.5 5.5"],
  sticker: ["Sticker", "M5 4h14v9l-6 7H5zM13 20v-7h6M9 9h.01M15 9h.01"],
  template: ["Template", "M6 3h12v18l-3-2-3 2-3-2-3 2zM9 8h6M9 12h6"],
  interactive: ["Choice", "M4 4h16v16H4zM8 12l3 3 5-6"],
  button: ["Choice", "M4 4h16v16H4zM8 12l3 3 5-6"],
  order: ["Order", "M4 5h2l2 10h9l2-7H7M9 19h.01M16 19h.01"],
};
const TICKS = { sent: "✓", delivered: "✓✓", read: "✓✓", failed: "⚠" };

/* as the inbox in English writes them: hours of 24 */
const LANG = "en-GB";

let state = null;
let extra = []; /* phones that were opened here and have not written yet */
let shown = { key: null, rows: new Map() };

const key = (p) => p.phone_number_id + "/" + p.address;
const wide = () => matchMedia("(min-width: 701px)").matches;
const title = (p) => p.name || (p.username ? "@" + p.username
  : p.wa_id ? "+" + p.wa_id : p.address);

function make(tag, className, ...content) {
  const e = document.createElement(tag);
  if (className) { e.className = className; }
  e.append(...content);
  return e;
}

function phones() {
  const known = new Set(state.phones.map(key));
  extra = extra.filter((p) => !known.has(key(p)));
  const last = (p) => p.messages.length ? p.messages.at(-1).time : Infinity;
  return state.phones.concat(extra).sort((a, b) => last(b) - last(a));
}

/* Whoever wrote last to the first company. */
function first() {
  const all = phones();
  return all.find((p) => p.phone_number_id
    === state.numbers[0]?.phone_number_id) || all[0];
}

function open() {
  const want = decodeURIComponent(location.hash.slice(1));
  return phones().find((p) => key(p) === want)
    || (wide() ? first() : undefined);
}

function company(p) {
  const n = state.numbers.find((x) =>
    x.phone_number_id === p.phone_number_id);
  return n ? n.name : p.phone_number_id;
}

/* ---- faces and times ---- */

function face(e, p) {
  const letters = title(p).replace(/[^\p{L}\p{N} ]/gu, "").split(" ")
    .filter(Boolean);
  let sum = 0;
  for (const c of key(p)) { sum = (sum * 31 + c.codePointAt(0)) % 6007; }
  e.className = "face c" + sum % 6;
  e.textContent = ([...(letters[0] || "?")][0]
    + (letters.length > 1 ? [...letters.at(-1)][0] : "")).toUpperCase();
  return e;
}

const clock = (t) => new Date(t * 1000).toLocaleTimeString(LANG,
  { hour: "2-digit", minute: "2-digit" });
const date = (t, form) => new Date(t * 1000).toLocaleDateString(LANG, form);
const thisYear = (t) => new Date(t * 1000).getFullYear()
  === new Date().getFullYear();

/* Whole local days that a moment is ago. */
const daysAgo = (t) => Math.round((new Date().setHours(0, 0, 0, 0)
  - new Date(t * 1000).setHours(0, 0, 0, 0)) / DAY_MS);

/* Between the messages of two days. */
function day(t) {
  const ago = daysAgo(t);
  return ago <= 0 ? "Today" : ago === 1 ? "Yesterday"
    : date(t, thisYear(t)
      ? { weekday: "long", day: "numeric", month: "long" }
      : { day: "numeric", month: "short", year: "numeric" });
}

/* In the list. */
function when(t) {
  const ago = daysAgo(t);
  return ago <= 0 ? clock(t) : ago === 1 ? "yesterday"
    : ago < 7 ? date(t, { weekday: "short" })
      : date(t, { day: "numeric", month: "short",
        ...(thisYear(t) ? {} : { year: "numeric" }) });
}

/* ---- the list ---- */

function summary(m) {
  const kind = KINDS[m.type];
  return m.type === "reaction" ? "Reacted " + (m.text || "no more")
    : !kind ? m.text || "[" + m.type + "]"
      : m.text && m.type !== "template" ? kind[0] + ": " + m.text
        : m.text || kind[0];
}

function preview(m) {
  return !m ? "Has not written yet"
    : (m.direction === "out" ? "" : "↩ ") + summary(m);
}

function drawList(current) {
  const focused = document.activeElement.dataset.key;
  $("phones").replaceChildren(...phones().map((p) => {
    const last = p.messages.at(-1);
    const a = make("a", "", face(make("span"), p), make("b", "", title(p)),
      make("time", "", last ? when(last.time) : ""),
      make("span", "last", preview(last)),
      make("span", "to", "to " + company(p)));
    a.firstChild.setAttribute("aria-hidden", "true");
    a.href = "#" + encodeURIComponent(key(p));
    a.dataset.key = key(p);
    if (current && key(p) === key(current)) {
      a.setAttribute("aria-current", "true");
    }
    return make("li", "", a);
  }));
  if (focused) {
    document.querySelector("[data-key=" + CSS.escape(focused) + "]")?.focus();
  }
}

/* ---- the thread ---- */

function icon(d) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS(svg.namespaceURI, "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", d);
  svg.append(path);
  return svg;
}

function attachment(m) {
  const kind = KINDS[m.type];
  const o = m.object || {};
  const notes = {
    document: o.filename, location: o.address, template: o.name,
    audio: o.voice ? "Voice message" : "",
    contacts: Array.isArray(o) ? (o[0]?.phones?.[0]?.phone || "") : "",
  };
  return make("div", "what", icon(kind[1]), make("span", "", kind[0],
    notes[m.type] ? make("small", "", notes[m.type]) : ""));
}

function bubble(m, byId) {
  const e = make("article", "m " + m.direction + " " + m.type);
  const quoted = byId.get(m.reply_to);
  if (quoted) { e.append(make("div", "quote", summary(quoted))); }
  if (KINDS[m.type]) { e.append(attachment(m)); }
  if (m.text && !(m.type === "template" && m.object?.name === m.text)) {
    e.append(make("p", "", m.text));
  } else if (!KINDS[m.type]) {
    e.append(make("p", "", m.text || "[" + m.type + "]"));
  }
  e.append(make("footer"));
  return e;
}

function ticks(e, m) {
  const footer = e.querySelector("footer");
  const what = clock(m.time) + (m.direction === "in" ? m.status : "");
  e.classList.toggle("failed", m.status === "failed");
  if (footer.dataset.what === what) { return; }
  footer.dataset.what = what;
  footer.replaceChildren(clock(m.time));
  if (m.direction === "in" && TICKS[m.status]) {
    const t = make("span", "ticks " + m.status, TICKS[m.status]);
    t.setAttribute("role", "img");
    t.setAttribute("aria-label", m.status);
    t.title = m.status;
    footer.append(" ", t);
    if (m.status === "failed") {
      footer.append(" not delivered"
        + (m.error?.code ? " (" + m.error.code + ")" : ""));
    }
  }
}

function react(e, emoji) {
  let chip = e.querySelector(".react");
  e.classList.toggle("reacted", Boolean(emoji));
  if (!emoji) { chip?.remove(); return; }
  if (!chip) { chip = make("span", "react"); e.append(chip); }
  if (chip.textContent !== emoji) { chip.textContent = emoji; }
}

function drawThread(p) {
  const box = $("thread");
  const fresh = shown.key !== (p && key(p));
  const low = box.scrollHeight - box.scrollTop - box.clientHeight < 80;
  const byId = new Map((p ? p.messages : []).map((m) => [m.id, m]));
  const reactions = new Map();
  if (fresh) {
    shown = { key: p && key(p), rows: new Map(), day: "", from: "" };
    box.replaceChildren();
  }
  for (const m of byId.values()) {
    if (m.type === "reaction") {
      reactions.set(m.object?.message_id || m.reply_to, m.text);
      continue;
    }
    let e = shown.rows.get(m.id);
    if (!e) {
      if (day(m.time) !== shown.day) {
        shown.day = day(m.time);
        box.append(make("div", "day", shown.day));
      }
      e = bubble(m, byId);
      e.classList.toggle("turn", shown.from !== m.direction);
      shown.from = m.direction;
      shown.rows.set(m.id, e);
      box.append(e);
    }
    ticks(e, m);
  }
  for (const [id, e] of shown.rows) { react(e, reactions.get(id)); }
  if (fresh || low) { box.scrollTop = box.scrollHeight; }
}

/* ---- all of it ---- */

function note(text, bad) {
  $("note").className = bad ? "bad" : "";
  if ($("note").textContent !== text) { $("note").textContent = text; }
}

function draw() {
  if (!state) { return; }
  const p = open();
  document.body.dataset.view = p ? "thread" : "list";
  drawList(p);
  drawThread(p);
  $("title").textContent = p ? title(p) : "Choose a phone";
  $("sub").textContent = !p ? "" : [p.wa_id ? "+" + p.wa_id
    : p.username ? "@" + p.username + ", number hidden" : "number hidden",
  "writes to " + company(p)].join(" · ");
  if (p) { face($("face"), p); }
  if (p && Date.now() - p.wrote * 1000 > WINDOW_MS) {
    note(p.wrote ? "Last wrote more than 24 hours ago: the company can send "
      + "only a template now." : "Has not written yet: the company can send "
      + "only a template.");
  } else {
    note("");
  }
  if (!$("num").options.length) {
    $("num").replaceChildren(...state.numbers.map((n) =>
      new Option(n.name + " (" + n.display_phone_number + ")",
        n.phone_number_id)));
  }
}

/* The first sight is a conversation, on a small screen, too; from there on
 * the fragment is the visitor's. */
let begun = location.hash !== "";

function begin() {
  const p = begun ? undefined : first();
  if (p) {
    begun = true;
    history.replaceState(null, "", "#" + encodeURIComponent(key(p)));
  }
}

async function poll() {
  for (;;) {
    try {
      const r = await fetch("/sim/api/state?wait=20&since="
        + (state ? state.version : -1));
      if (!r.ok) { throw new Error((await r.json()).detail); }
      const next = await r.json();
      if (!state || next.version !== state.version) {
        state = next;
        begin();
        draw();
      }
    } catch (e) {
      note("The simulator does not answer: trying again.", true);
      state = null;
      await new Promise((go) => setTimeout(go, 1000));
    }
  }
}

async function say(p, text) {
  const who = p.wa_id ? { from: p.wa_id } : { user_id: p.user_id };
  const r = await fetch("/sim/api/customer", { method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ...who, text, ...(p.name ? { name: p.name } : {}),
      phone_number_id: p.phone_number_id }) });
  if (!r.ok) { throw new Error((await r.json()).detail); }
}

$("say").addEventListener("submit", async (e) => {
  e.preventDefault();
  const p = state && open();
  const text = $("text").value.trim();
  if (!p || !text) { return; }
  $("text").value = "";
  try {
    await say(p, text);
    $("thread").scrollTop = $("thread").scrollHeight;
  } catch (why) {
    $("text").value = text;
    note("Not sent: " + why.message, true);
  }
});

$("text").addEventListener("keydown", (e) => {
  if (e.key === "Enter" && !e.shiftKey && !e.isComposing) {
    e.preventDefault();
    $("say").requestSubmit();
  }
});

$("new").addEventListener("submit", (e) => {
  e.preventDefault();
  const wa_id = $("wa").value.replace(/[^0-9]/g, "");
  const p = { phone_number_id: $("num").value, messages: [], wa_id,
    address: wa_id, user_id: "", username: "", name: $("name").value.trim(),
    wrote: 0 };
  extra.push(p);
  $("more").open = false;
  $("new").reset();
  location.hash = "#" + encodeURIComponent(key(p));
});

addEventListener("hashchange", () => {
  const before = shown.key;
  draw();
  if (state && open()) {
    $("text").focus();
  } else if (before) {
    document.querySelector("[data-key=" + CSS.escape(before) + "]")?.focus();
  }
});
matchMedia("(min-width: 701px)").addEventListener("change", draw);

poll();
