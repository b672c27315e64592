# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""What every client program here speaks: one JSON object a line.

In:   {"id": 1, "op": "open", "data": "ws://..."}, then text, binary (hex),
      ping, broken (a text frame that is no UTF-8), close (a code).
Out:  {"id": 1, "ev": "open"}, then text, ping, pong, close (a code),
      cannot (this client has no way to do it), failed.
"""

import asyncio
import json
import sys


class Cannot(Exception):
    """The library offers no way to do this."""


class Conn:
    """One WebSocket of the library under test."""

    def __init__(self, cid):
        self.id = cid

    def say(self, ev, data=None):
        sys.stdout.write(json.dumps({"id": self.id, "ev": ev, "data": data})
                         + "\n")
        sys.stdout.flush()

    async def broken(self, data):
        raise Cannot()

    ping = binary = broken


async def _serve(kind):
    reader = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    conns = {}
    while True:
        line = await reader.readline()
        if not line:
            return
        m = json.loads(line)
        c = conns.get(m["id"])
        if c is None:
            c = conns[m["id"]] = kind(m["id"])
        try:
            await getattr(c, m["op"])(m.get("data"))
        except Cannot:
            c.say("cannot", m["op"])
        except Exception as e:
            c.say("failed", "%s: %r" % (m["op"], e))


def main(kind):
    asyncio.run(_serve(kind))
