/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import { ApiError, NetworkError, type Request, request } from "@/api/http";
import type { Session, User } from "@/api/types";
import { load, storable, store } from "@/lib/storage";

/*
 * Who is signed in.  The access token stays in this module's memory; the
 * refresh token is a cookie that no script can read.  Tabs share the cookie, so
 * they renew one after the other under a lock, and tell each other the outcome.
 */

export type SessionState =
  /** The cookie has not been asked yet; `waiting` once the server did not answer. */
  | { name: "starting"; waiting: boolean }
  | { name: "out" }
  | { name: "in"; user: User }
  /** It ended while somebody was at work: the screen stays, a dialog is over it. */
  | { name: "ended"; user: User };

export class SignedOut extends Error {
  constructor() {
    super("signed out");
    this.name = "SignedOut";
  }
}

/** A token is renewed this long before its end; a short one in its last quarter. */
const EARLY_MS = 60_000;
const EARLY_PART = 0.25;
const RETRY_MS = [500, 1000, 2000, 4000, 8000];
const BROWSER = { "X-Pytake-Browser": "1" };
const CHANNEL = "pytake.session";
/** That somebody signed in here: where nobody did, no cookie is asked. */
const HERE = "pytake.here";

interface Token {
  value: string;
  renewAt: number;
}

type Told = { what: "in"; token: Token; user: User } | { what: "out" };

let state: SessionState = { name: "starting", waiting: false };
let token: Token | null = null;
let renewing: Promise<string> | null = null;
let channel: BroadcastChannel | null = null;
const listeners = new Set<() => void>();

export function getSession(): SessionState {
  return state;
}

export function subscribeSession(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function set(next: SessionState): void {
  state = next;
  for (const listener of listeners) {
    listener();
  }
}

function tell(message: Told): void {
  channel?.postMessage(message);
}

function heard(message: Told): void {
  if (message.what === "out") {
    token = null;
    set({ name: "out" });
    return;
  }

  const mine = "user" in state ? state.user : null;

  /* Another person signed in on another tab: their token is not this tab's. */
  if (mine === null || mine.id === message.user.id) {
    token = message.token;
    set({ name: "in", user: message.user });
  }
}

function accept(session: Session): string {
  const life = session.expires_in * 1000;

  token = {
    value: session.access_token,
    renewAt: Date.now() + life - Math.min(EARLY_MS, life * EARLY_PART),
  };
  store(HERE, "1");
  set({ name: "in", user: session.user });
  tell({ what: "in", token, user: session.user });
  return token.value;
}

function over(): never {
  token = null;
  if (state.name === "in") {
    set({ name: "ended", user: state.user });
  } else if (state.name === "starting") {
    store(HERE, null);
    set({ name: "out" });
  }
  throw new SignedOut();
}

/** One tab at a time; browsers without locks rely on the server's grace of 30 s. */
async function alone<T>(work: () => Promise<T>): Promise<T> {
  return navigator.locks === undefined ? work() : navigator.locks.request(CHANNEL, work);
}

async function renew(): Promise<string> {
  const before = token;

  return alone(async () => {
    /* Another tab may have renewed it while this one waited for its turn. */
    if (token !== null && token !== before && token.renewAt > Date.now()) {
      return token.value;
    }

    try {
      return accept(
        await request<Session>("/auth/refresh", { method: "POST", headers: BROWSER, body: {} }),
      );
    } catch (err) {
      if (err instanceof ApiError && !err.transient) {
        return over();
      }
      throw err;
    }
  });
}

function renewOnce(): Promise<string> {
  renewing ??= renew().finally(() => {
    renewing = null;
  });
  return renewing;
}

/** Asks the cookie who this is; tries until the server answers. */
export async function startSession(): Promise<void> {
  if (channel === null && typeof BroadcastChannel !== "undefined") {
    channel = new BroadcastChannel(CHANNEL);
    channel.onmessage = (ev: MessageEvent<Told>) => heard(ev.data);
  }

  if (state.name === "starting" && storable() && load(HERE) === null) {
    set({ name: "out" });
  }

  for (let i = 0; state.name === "starting"; i++) {
    try {
      await renewOnce();
    } catch (err) {
      if (err instanceof SignedOut) {
        return;
      }
      set({ name: "starting", waiting: true });
      await pause(i);
    }
  }
}

function pause(i: number): Promise<void> {
  const ms = RETRY_MS[Math.min(i, RETRY_MS.length - 1)];

  return new Promise((done) => setTimeout(done, ms));
}

/** Signs in.  Throws ApiError or NetworkError. */
export async function signIn(email: string, password: string): Promise<User> {
  const session = await request<Session>("/auth/login", {
    method: "POST",
    headers: BROWSER,
    body: { email, password },
  });
  const before = "user" in state ? state.user : null;

  if (before !== null && before.id !== session.user.id) {
    /* What is on the screen is somebody else's: nothing of it may stay. */
    token = null;
    location.assign("/inbox");
    return session.user;
  }

  accept(session);
  return session.user;
}

/** Ends the session on the server, in every tab, and its sockets. */
export async function signOut(): Promise<void> {
  try {
    if (token !== null) {
      await request("/auth/logout", {
        method: "POST",
        headers: { ...BROWSER, Authorization: `Bearer ${token.value}` },
      });
    }
  } catch (err) {
    if (!(err instanceof ApiError || err instanceof NetworkError)) {
      throw err;
    }
  }

  token = null;
  store(HERE, null);
  tell({ what: "out" });
  set({ name: "out" });
}

/** The access token; `fresh` when the server refused the one at hand. */
export async function accessToken(fresh = false): Promise<string> {
  if (state.name === "out" || state.name === "ended") {
    throw new SignedOut();
  }
  if (!fresh && token !== null && token.renewAt > Date.now()) {
    return token.value;
  }
  return renewOnce();
}

/** One request as the person who is signed in; a refused token is renewed once. */
export async function api<T>(path: string, r: Request = {}): Promise<T> {
  const call = async (bearer: string) =>
    request<T>(path, { ...r, headers: { ...r.headers, Authorization: `Bearer ${bearer}` } });
  const bearer = await accessToken();

  try {
    return await call(bearer);
  } catch (err) {
    if (err instanceof ApiError && err.status === 401) {
      return call(await accessToken(token?.value === bearer));
    }
    throw err;
  }
}

/** The socket was told that the session is over; whether it goes on after all. */
export async function sessionRefused(): Promise<boolean> {
  for (let i = 0; state.name === "in"; i++) {
    try {
      await renewOnce();
      return true;
    } catch (err) {
      if (err instanceof SignedOut) {
        return false;
      }
      if (!(err instanceof ApiError || err instanceof NetworkError)) {
        throw err;
      }
      await pause(i);
    }
  }
  return false;
}
