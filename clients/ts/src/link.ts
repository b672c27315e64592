/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/** The part of a WebSocket that is used: a browser's, Node 22's, or npm's `ws`. */
export interface SocketLike {
  send(data: string): void;
  close(code?: number, reason?: string): void;
  onopen: ((ev: never) => void) | null;
  onmessage: ((ev: never) => void) | null;
  onclose: ((ev: never) => void) | null;
  onerror: ((ev: never) => void) | null;
}

/** No frame for this long: the connection is asked; the hub says `sync` every 25 s. */
export const QUIET_MS = 40_000;
/** No answer to that for this long: the connection is taken for dead. */
export const PONG_MS = 6_000;
/** A socket that is neither open nor refused by then is given up. */
export const OPEN_MS = 15_000;

export interface LinkOptions {
  url: string;
  socket: (url: string) => SocketLike;
  now: () => number;
  /** The socket is open: the first frame to say. */
  onOpen: () => Record<string, unknown>;
  onFrame: (frame: object) => void;
  /** The other side closed it. */
  onClose: (code: number) => void;
  /** It did not open in time, or does not answer any more. */
  onDead: () => void;
}

type Timer = ReturnType<typeof setTimeout>;

/** One socket after the other, each watched for silence. */
export class Link {
  private readonly o: LinkOptions;
  private ws: SocketLike | null = null;
  /** The other side let us in: from then on it must say something. */
  private entered = false;
  private lastFrame = 0;
  private watchdog: Timer | null = null;

  constructor(options: LinkOptions) {
    this.o = options;
  }

  /** False when no socket can be made. */
  open(): boolean {
    let ws: SocketLike;

    try {
      ws = this.o.socket(this.o.url);
    } catch {
      return false;
    }

    this.ws = ws;
    this.entered = false;
    this.guard(OPEN_MS, () => this.o.onDead());

    ws.onopen = () => {
      if (this.ws === ws) {
        ws.send(JSON.stringify(this.o.onOpen()));
      }
    };
    ws.onmessage = (ev: { data: unknown }) => {
      if (this.ws === ws && typeof ev.data === "string") {
        this.frame(ws, ev.data);
      }
    };
    ws.onerror = () => {};
    ws.onclose = (ev: { code?: number }) => {
      if (this.ws === ws) {
        this.ws = null;
        this.clear();
        this.o.onClose(ev.code ?? 1006);
      }
    };
    return true;
  }

  enter(): void {
    this.entered = true;
  }

  /** Says a frame, if we were let in. */
  say(frame: Record<string, unknown>): void {
    if (this.ws !== null && this.entered) {
      try {
        this.ws.send(JSON.stringify(frame));
      } catch {
        /* A closing socket: onclose follows. */
      }
    }
  }

  /** Asks a quiet connection; no answer is a lost one. */
  probe(): void {
    const asked = this.o.now();

    this.say({ type: "ping" });
    this.guard(PONG_MS, () => {
      if (this.lastFrame < asked || this.o.now() - this.lastFrame > QUIET_MS) {
        this.o.onDead();
      }
    });
  }

  /** Lets go of the socket; nothing of it is heard any more. */
  close(): void {
    const ws = this.ws;

    this.ws = null;
    this.clear();

    if (ws !== null) {
      try {
        ws.close(1000);
      } catch {
        /* It was not open yet, which is as good. */
      }
    }
  }

  private frame(ws: SocketLike, text: string): void {
    let frame: unknown;

    this.lastFrame = this.o.now();

    try {
      frame = JSON.parse(text);
    } catch {
      return;
    }

    if (typeof frame !== "object" || frame === null) {
      return;
    }

    this.o.onFrame(frame);

    if (this.ws === ws && this.entered) {
      this.guard(QUIET_MS, () => this.probe());
    }
  }

  private guard(ms: number, then: () => void): void {
    this.clear();
    this.watchdog = setTimeout(then, ms);
  }

  private clear(): void {
    if (this.watchdog !== null) {
      clearTimeout(this.watchdog);
      this.watchdog = null;
    }
  }
}
