/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import { backoff } from "./backoff.ts";
import { Link, type SocketLike } from "./link.ts";
import { type RealtimeOptions, type RealtimeState, SessionEnded } from "./options.ts";
import {
  CLOSE_INVALID_TOKEN,
  type ControlFrame,
  type Cursor,
  closeVerdict,
  type ServerEvent,
} from "./protocol.ts";

/** One typing_start of a conversation in this time; the hub drops more. */
export const TYPING_EVERY_MS = 3_000;

type Timer = ReturnType<typeof setTimeout>;

/**
 * A connection to PyTake that stays: it authenticates, resumes where it was,
 * drops what it has had, notices holes and dead peers, renews its token, and
 * comes back with full jitter.  One instance is one socket; `start()` and
 * `stop()` may follow each other.
 *
 * Needs a global `WebSocket` or `options.socket`.  Keeps nothing anywhere but
 * in memory.
 */
export class PytakeRealtime {
  private readonly o: RealtimeOptions;
  private readonly random: () => number;
  private readonly now: () => number;
  private readonly link: Link;
  private current: RealtimeState = { name: "idle" };
  private cursorNow: Cursor | null;
  private token = "";
  private attempt = 0;
  private tokenRefused = false;
  private retry: Timer | null = null;
  private planned: { after: number; spread: number } | null = null;
  private holeAt = -1;
  private watched: string | null = null;
  private status: "online" | "away" = "online";
  private readonly typed = new Map<string, number>();

  constructor(options: RealtimeOptions) {
    this.o = options;
    this.random = options.random ?? Math.random;
    this.now = options.now ?? Date.now;
    this.cursorNow = options.since ?? null;
    this.link = new Link({
      url: options.url,
      socket: options.socket ?? ((url) => new WebSocket(url) as unknown as SocketLike),
      now: this.now,
      onOpen: () => this.hello(),
      onFrame: (frame) => this.frame(frame),
      onClose: (code) => this.closed(code),
      onDead: () => this.die(),
    });
  }

  get state(): RealtimeState {
    return this.current;
  }

  /** The last event this client has had. */
  get cursor(): Cursor | null {
    return this.cursorNow;
  }

  /** Connects, and stays connected until `stop()`. */
  start(): void {
    if (this.current.name === "idle" || this.current.name === "ended") {
      this.attempt = 0;
      this.tokenRefused = false;
      void this.connect(false);
    }
  }

  /** Closes the socket and makes no further try. */
  stop(): void {
    this.drop();
    this.set({ name: "idle" });
  }

  /** Goes on behind `since`, e.g. the head that a REST list named. */
  rebase(since: Cursor): void {
    if (this.cursorNow === null || since.seq > this.cursorNow.seq) {
      this.setCursor(since);
    }
  }

  /**
   * To be called when the machine woke, the network came back or the page was
   * shown again: timers may have stood still.  A waiting client tries at once,
   * a quiet connection is asked whether it is still there.
   */
  wake(): void {
    if (this.current.name === "waiting") {
      this.clearRetry();
      void this.connect(false);
    } else if (this.current.name === "live") {
      this.link.probe();
    }
  }

  /** The network is known to be gone: the socket is given up without a wait. */
  lost(): void {
    if (this.current.name === "live" || this.current.name === "connecting") {
      this.drop();
      this.later();
    }
  }

  /** Says which conversation is on the screen, or none. */
  watch(conversation: string | null): void {
    if (this.watched === conversation) {
      return;
    }

    if (this.watched !== null) {
      this.link.say({ type: "unwatch", conversation_id: this.watched });
    }

    this.watched = conversation;

    if (conversation !== null) {
      this.link.say({ type: "watch", conversation_id: conversation });
    }
  }

  /** Says that the user types; at most once in 3 s a conversation. */
  typing(conversation: string): void {
    const now = this.now();

    if (now - (this.typed.get(conversation) ?? -Infinity) >= TYPING_EVERY_MS) {
      this.typed.set(conversation, now);
      this.link.say({ event: "typing_start", conversation_id: conversation });
    }
  }

  /** Says that the user stopped; nothing when nothing was said before. */
  typingStop(conversation: string): void {
    if (this.typed.delete(conversation)) {
      this.link.say({ event: "typing_stop", conversation_id: conversation });
    }
  }

  presence(status: "online" | "away"): void {
    if (this.status !== status) {
      this.status = status;
      this.link.say({ type: "presence", status });
    }
  }

  private set(state: RealtimeState): void {
    this.current = state;
    this.o.onState?.(state);
  }

  private setCursor(cursor: Cursor): void {
    this.cursorNow = cursor;
    this.o.onCursor?.(cursor);
  }

  private async connect(fresh: boolean): Promise<void> {
    const attempt = this.attempt;
    let token: string;

    this.clearRetry();
    this.set({ name: "connecting", attempt });
    const mine = this.current;

    try {
      token = await this.o.token(fresh);
    } catch (err) {
      if (this.current !== mine) {
        return;
      }
      if (err instanceof SessionEnded) {
        this.set({ name: "ended", code: CLOSE_INVALID_TOKEN });
      } else {
        this.later();
      }
      return;
    }

    if (this.current === mine) {
      this.open(token);
    }
  }

  private open(token: string): void {
    this.token = token;
    this.planned = null;
    if (!this.link.open()) {
      this.later();
    }
  }

  private hello(): Record<string, unknown> {
    const since = this.cursorNow;

    return { type: "auth", token: this.token, ...(since === null ? {} : { since }) };
  }

  private frame(frame: object): void {
    if ("event" in frame) {
      this.event(frame as ServerEvent);
    } else if ("type" in frame) {
      this.control(frame as ControlFrame);
    }
  }

  private event(ev: ServerEvent): void {
    if (typeof ev.seq !== "number") {
      this.o.onEvent?.(ev);
      return;
    }

    const had = this.cursorNow?.seq ?? ev.seq - 1;

    if (ev.seq <= had) {
      return;
    }

    /* A hole: the log is asked once for what lies in it by resuming before it. */
    if (ev.seq > had + 1 && this.holeAt !== had && this.current.name === "live") {
      this.holeAt = had;
      this.die(0);
      return;
    }

    this.setCursor({ seq: ev.seq, id: ev.id ?? null });
    this.o.onEvent?.(ev);
  }

  private control(frame: ControlFrame): void {
    const data = frame.data ?? {};

    switch (frame.type) {
      case "auth_success":
        this.authenticated(data);
        break;
      case "sync":
        this.sync(data);
        break;
      case "resync":
        this.resync(data);
        break;
      case "token_expiring":
        void this.renew();
        break;
      case "reconnect":
        this.planned = { after: num(data.after_ms), spread: num(data.spread_ms) };
        break;
      default:
        break;
    }
  }

  private authenticated(data: Record<string, unknown>): void {
    const resumes = this.cursorNow !== null;

    if (this.current.name === "live") {
      return; /* the answer to a renewed token */
    }

    this.attempt = 0;
    this.tokenRefused = false;

    if (!resumes) {
      const head = toCursor(data.since);
      if (head !== null) {
        this.setCursor(head);
      }
    }

    this.link.enter();
    this.set({ name: "live", caughtUp: !resumes });

    if (this.watched !== null) {
      this.link.say({ type: "watch", conversation_id: this.watched });
    }
    if (this.status === "away") {
      this.link.say({ type: "presence", status: "away" });
    }
  }

  private sync(data: Record<string, unknown>): void {
    const to = toCursor(data);

    if (to !== null && to.seq >= (this.cursorNow?.seq ?? 0)) {
      this.setCursor(to);
    }
    if (this.current.name === "live" && !this.current.caughtUp) {
      this.set({ name: "live", caughtUp: true });
    }
  }

  private resync(data: Record<string, unknown>): void {
    const since = toCursor(data.since) ?? { seq: 0, id: null };

    this.setCursor(since);
    this.o.onResync?.(typeof data.reason === "string" ? data.reason : "unknown", since);
    if (this.current.name === "live") {
      this.set({ name: "live", caughtUp: true });
    }
  }

  private async renew(): Promise<void> {
    try {
      const token = await this.o.token(true);
      this.link.say({ type: "auth", token });
    } catch {
      /* The server closes with 4202 at the end; that asks once more. */
    }
  }

  private closed(code: number): void {
    const verdict = closeVerdict(code);
    const plan = this.planned;

    if (verdict === "end" || (verdict === "token" && this.tokenRefused)) {
      this.set({ name: "ended", code });
      return;
    }

    if (verdict === "token") {
      this.tokenRefused = true;
      void this.connect(true);
      return;
    }

    if (verdict === "again") {
      this.later(plan === null ? this.random() * 1000 : plan.after + this.random() * plan.spread);
      return;
    }

    this.later();
  }

  private later(wait?: number): void {
    const ms = Math.round(wait ?? backoff(this.attempt, this.random()));

    this.attempt++;
    this.clearRetry();
    this.set({ name: "waiting", attempt: this.attempt, retryAt: this.now() + ms });
    this.retry = setTimeout(() => void this.connect(false), ms);
  }

  private die(wait?: number): void {
    this.drop();
    this.later(wait);
  }

  private drop(): void {
    this.link.close();
    this.clearRetry();
    this.typed.clear();
  }

  private clearRetry(): void {
    if (this.retry !== null) {
      clearTimeout(this.retry);
      this.retry = null;
    }
  }
}

function num(v: unknown): number {
  return typeof v === "number" && Number.isFinite(v) && v > 0 ? v : 0;
}

function toCursor(v: unknown): Cursor | null {
  if (typeof v !== "object" || v === null || !("seq" in v) || typeof v.seq !== "number") {
    return null;
  }

  return { seq: v.seq, id: "id" in v && typeof v.id === "string" ? v.id : null };
}
