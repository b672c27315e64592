/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import type { SocketLike } from "../src/index.ts";

/** A socket whose server is the test. */
export class FakeSocket implements SocketLike {
  static all: FakeSocket[] = [];
  onopen: ((ev: never) => void) | null = null;
  onmessage: ((ev: never) => void) | null = null;
  onclose: ((ev: never) => void) | null = null;
  onerror: ((ev: never) => void) | null = null;
  readonly sent: Record<string, unknown>[] = [];
  closedWith: number | null = null;

  constructor(readonly url: string) {
    FakeSocket.all.push(this);
  }

  static last(): FakeSocket {
    const socket = FakeSocket.all.at(-1);

    if (socket === undefined) {
      throw new Error("no socket was opened");
    }
    return socket;
  }

  send(data: string): void {
    this.sent.push(JSON.parse(data));
  }

  close(code?: number): void {
    this.closedWith = code ?? 1005;
  }

  open(): void {
    this.onopen?.({} as never);
  }

  say(frame: unknown): void {
    this.onmessage?.({ data: JSON.stringify(frame) } as never);
  }

  drop(code: number): void {
    this.onclose?.({ code } as never);
  }

  /** Opens and authenticates. */
  enter(since: unknown, resumed = false): void {
    this.open();
    this.say({ type: "auth_success", data: { connection_id: "c", since, resumed } });
  }
}
