/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import {
  backoff,
  type Cursor,
  closeVerdict,
  PytakeRealtime,
  RETRY_BASE_MS,
  RETRY_CAP_MS,
  type RealtimeOptions,
  type ServerEvent,
  SessionEnded,
} from "../src/index.ts";
import { FakeSocket } from "./fake.ts";

const HEAD: Cursor = { seq: 10, id: "e10" };

function event(seq: number): ServerEvent {
  return { event: "message_received", data: { n: seq }, timestamp: "t", seq, id: `e${seq}` };
}

function setUp(options: Partial<RealtimeOptions> = {}) {
  const seen: ServerEvent[] = [];
  const states: string[] = [];
  const resyncs: string[] = [];
  const tokens: boolean[] = [];
  const rt = new PytakeRealtime({
    url: "ws://pytake.test/ws",
    token: async (fresh) => {
      tokens.push(fresh);
      return `token ${tokens.length}`;
    },
    socket: (url) => new FakeSocket(url),
    random: () => 0.5,
    onEvent: (ev) => seen.push(ev),
    onState: (s) => states.push(s.name),
    onResync: (reason) => resyncs.push(reason),
    ...options,
  });

  return { rt, seen, states, resyncs, tokens };
}

/** Lets the promises of a token go through. */
const settle = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => {
  FakeSocket.all = [];
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe("connecting", () => {
  test("authenticates in the first frame and takes the head as its place", async () => {
    const { rt, states } = setUp();

    rt.start();
    await settle();
    FakeSocket.last().enter(HEAD);

    expect(FakeSocket.last().sent[0]).toEqual({ type: "auth", token: "token 1" });
    expect(rt.cursor).toEqual(HEAD);
    expect(states).toEqual(["connecting", "live"]);
  });

  test("resumes behind the place it was given", async () => {
    const { rt } = setUp({ since: { seq: 4, id: "e4" } });

    rt.start();
    await settle();
    FakeSocket.last().open();

    expect(FakeSocket.last().sent[0]).toMatchObject({ since: { seq: 4, id: "e4" } });
  });

  test("gives up a socket that does not open", async () => {
    const { rt } = setUp();

    rt.start();
    await settle();
    await vi.advanceTimersByTimeAsync(15_000);

    expect(FakeSocket.all[0]?.closedWith).toBe(1000);
    expect(rt.state.name).toBe("waiting");
  });

  test("ends without a session", async () => {
    const { rt } = setUp({
      token: async () => {
        throw new SessionEnded();
      },
    });

    rt.start();
    await settle();

    expect(rt.state.name).toBe("ended");
    expect(FakeSocket.all).toHaveLength(0);
  });
});

describe("events", () => {
  test("come once and in order, whatever is sent twice", async () => {
    const { rt, seen } = setUp();

    rt.start();
    await settle();
    FakeSocket.last().enter(HEAD);
    for (const seq of [11, 12, 11, 12, 13]) {
      FakeSocket.last().say(event(seq));
    }

    expect(seen.map((e) => e.seq)).toEqual([11, 12, 13]);
    expect(rt.cursor).toEqual({ seq: 13, id: "e13" });
  });

  test("without a seq are passed on and move nothing", async () => {
    const { rt, seen } = setUp();

    rt.start();
    await settle();
    FakeSocket.last().enter(HEAD);
    FakeSocket.last().say({ event: "typing_start", data: {}, timestamp: "t" });

    expect(seen).toHaveLength(1);
    expect(rt.cursor).toEqual(HEAD);
  });

  test("a hole is asked for once, by resuming before it", async () => {
    const { rt, seen } = setUp();

    rt.start();
    await settle();
    FakeSocket.last().enter(HEAD);
    FakeSocket.last().say(event(12));
    await settle();

    expect(FakeSocket.all).toHaveLength(2);
    FakeSocket.last().enter({ seq: 12, id: "e12" }, true);
    expect(FakeSocket.last().sent[0]).toMatchObject({ since: HEAD });

    /* The server has nothing else there: it is taken as it is. */
    FakeSocket.last().say(event(12));
    expect(seen.map((e) => e.seq)).toEqual([12]);
    expect(FakeSocket.all).toHaveLength(2);
  });

  test("resync says so and goes on from the head that it names", async () => {
    const { rt, resyncs, seen } = setUp({ since: { seq: 99, id: "gone" } });

    rt.start();
    await settle();
    FakeSocket.last().enter(HEAD, false);
    FakeSocket.last().say({ type: "resync", data: { reason: "rewound", since: HEAD } });
    FakeSocket.last().say(event(11));

    expect(resyncs).toEqual(["rewound"]);
    expect(seen.map((e) => e.seq)).toEqual([11]);
  });

  test("sync moves the place and says that all was told", async () => {
    const { rt } = setUp({ since: { seq: 4, id: "e4" } });

    rt.start();
    await settle();
    FakeSocket.last().enter(HEAD, true);
    expect(rt.state).toEqual({ name: "live", caughtUp: false });
    FakeSocket.last().say({ type: "sync", data: HEAD });

    expect(rt.state).toEqual({ name: "live", caughtUp: true });
    expect(rt.cursor).toEqual(HEAD);
  });
});

describe("coming back", () => {
  test("waits with full jitter, longer each time, and resumes", async () => {
    const { rt, tokens } = setUp();

    rt.start();
    await settle();
    FakeSocket.last().enter(HEAD);
    FakeSocket.last().drop(1006);
    expect(rt.state).toMatchObject({ name: "waiting", attempt: 1 });

    await vi.advanceTimersByTimeAsync(RETRY_BASE_MS / 2);
    expect(FakeSocket.all).toHaveLength(2);
    FakeSocket.last().drop(1006);
    await vi.advanceTimersByTimeAsync(RETRY_BASE_MS);
    FakeSocket.last().open();

    expect(FakeSocket.all).toHaveLength(3);
    expect(FakeSocket.last().sent[0]).toMatchObject({ since: HEAD });
    expect(tokens).toEqual([false, false, false]);
  });

  test("a drain is spread as the server asks", async () => {
    const { rt } = setUp();

    rt.start();
    await settle();
    FakeSocket.last().enter(HEAD);
    FakeSocket.last().say({ type: "reconnect", data: { after_ms: 1000, spread_ms: 8000 } });
    FakeSocket.last().drop(4200);

    await vi.advanceTimersByTimeAsync(4999);
    expect(FakeSocket.all).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(FakeSocket.all).toHaveLength(2);
  });

  test("a refused token is renewed once", async () => {
    const { rt, tokens } = setUp();

    rt.start();
    await settle();
    FakeSocket.last().open();
    FakeSocket.last().drop(4002);
    await settle();
    expect(tokens).toEqual([false, true]);

    FakeSocket.last().open();
    FakeSocket.last().drop(4002);
    expect(rt.state).toEqual({ name: "ended", code: 4002 });
  });

  test("a revoked session ends it", async () => {
    const { rt } = setUp();

    rt.start();
    await settle();
    FakeSocket.last().enter(HEAD);
    FakeSocket.last().drop(4005);
    await vi.advanceTimersByTimeAsync(60_000);

    expect(rt.state).toEqual({ name: "ended", code: 4005 });
    expect(FakeSocket.all).toHaveLength(1);
  });

  test("a quiet connection is asked, and left when it does not answer", async () => {
    const { rt } = setUp();

    rt.start();
    await settle();
    FakeSocket.last().enter(HEAD);
    await vi.advanceTimersByTimeAsync(40_000);
    expect(FakeSocket.last().sent.at(-1)).toEqual({ type: "ping" });

    await vi.advanceTimersByTimeAsync(6_000);
    expect(FakeSocket.all[0]?.closedWith).toBe(1000);
    expect(rt.state.name).toBe("waiting");
  });

  test("after a sleep it asks at once, and an answer keeps it", async () => {
    const { rt } = setUp();

    rt.start();
    await settle();
    FakeSocket.last().enter(HEAD);
    rt.wake();
    FakeSocket.last().say({ type: "pong", data: { seq: 10 } });
    await vi.advanceTimersByTimeAsync(20_000);

    expect(rt.state.name).toBe("live");
  });

  test("the network's return ends the wait", async () => {
    const { rt } = setUp();

    rt.start();
    await settle();
    FakeSocket.last().enter(HEAD);
    rt.lost();
    expect(rt.state.name).toBe("waiting");
    rt.wake();
    await settle();

    expect(FakeSocket.all).toHaveLength(2);
  });

  test("stop() makes no further try", async () => {
    const { rt } = setUp();

    rt.start();
    await settle();
    FakeSocket.last().enter(HEAD);
    rt.stop();
    FakeSocket.last().drop(1000);
    await vi.advanceTimersByTimeAsync(60_000);

    expect(FakeSocket.all).toHaveLength(1);
  });
});

describe("what it says", () => {
  test("a token that expires is renewed on the socket", async () => {
    const { rt, tokens } = setUp();

    rt.start();
    await settle();
    FakeSocket.last().enter(HEAD);
    FakeSocket.last().say({ type: "token_expiring", data: { expires_in: 120 } });
    await settle();

    expect(tokens).toEqual([false, true]);
    expect(FakeSocket.last().sent.at(-1)).toEqual({ type: "auth", token: "token 2" });
    expect(rt.state.name).toBe("live");
  });

  test("what is watched is said again after a return", async () => {
    const { rt } = setUp();

    rt.start();
    await settle();
    FakeSocket.last().enter(HEAD);
    rt.watch("conversation");
    FakeSocket.last().drop(4200);
    await vi.advanceTimersByTimeAsync(1000);
    FakeSocket.last().enter(HEAD, true);

    expect(FakeSocket.last().sent.at(-1)).toEqual({
      type: "watch",
      conversation_id: "conversation",
    });
  });

  test("typing is said at most once in three seconds", async () => {
    const { rt } = setUp();

    rt.start();
    await settle();
    FakeSocket.last().enter(HEAD);
    rt.typing("c");
    rt.typing("c");
    await vi.advanceTimersByTimeAsync(3000);
    rt.typing("c");
    rt.typingStop("c");
    rt.typingStop("c");

    expect(FakeSocket.last().sent.slice(1).map((f) => f.event)).toEqual([
      "typing_start",
      "typing_start",
      "typing_stop",
    ]);
  });
});

test("the wait grows and is capped", () => {
  expect(backoff(0, 0.999)).toBeLessThanOrEqual(RETRY_BASE_MS);
  expect(backoff(3, 1)).toBe(RETRY_BASE_MS * 8);
  expect(backoff(50, 1)).toBe(RETRY_CAP_MS);
  expect(backoff(5, 0)).toBe(0);
});

test("close codes say what to do", () => {
  expect([4002, 4202].map(closeVerdict)).toEqual(["token", "token"]);
  expect([4000, 4003, 4005].map(closeVerdict)).toEqual(["end", "end", "end"]);
  expect([1006, 1013, 4004, 4006, 4100, 4102].map(closeVerdict)).toEqual(
    Array(6).fill("backoff"),
  );
  expect([4200, 4201, 4203].map(closeVerdict)).toEqual(["again", "again", "again"]);
});
