# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""A loopback TCP proxy in a process of its own, told how to fail.

    p = Proxy(target_port)          p.port
    p.set("pass")                   as a wire
    p.set("blackhole")              accepts, swallows, never answers; what is
                                    under way stops too
    p.set("refuse")                 closes the listener and every connection
    p.set("reset")                  resets every connection, new ones too
    p.set("delay", 0.2)             so many seconds each way
    p.cut()                         resets what is open, then as before
    p.close()
"""

import asyncio
import json
import os
import socket
import struct
import subprocess
import sys

import procs


class Proxy:
    def __init__(self, target, host="127.0.0.1"):
        self.proc = subprocess.Popen(
            ["/usr/bin/python3", os.path.abspath(__file__), host,
             str(target)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = json.loads(self.proc.stdout.readline())["port"]

    def _tell(self, **what):
        self.proc.stdin.write(json.dumps(what).encode() + b"\n")
        self.proc.stdin.flush()
        return json.loads(self.proc.stdout.readline())

    def set(self, mode, delay=0.0):
        return self._tell(mode=mode, delay=delay)

    def cut(self):
        return self._tell(cut=True)

    def open_count(self):
        return self._tell()["open"]

    def close(self):
        if self.proc.poll() is None:
            self.proc.kill()
        self.proc.wait()
        self.proc.stdin.close()
        self.proc.stdout.close()


class _Server:
    def __init__(self, host, target):
        self.host, self.target = host, target
        self.mode, self.delay = "pass", 0.0
        self.changed = asyncio.Event()
        self.writers = set()
        self.server = None
        self.port = procs.free_port()

    async def listen(self):
        self.server = await asyncio.start_server(
            self.serve, self.host, self.port, reuse_address=True,
            backlog=512)

    async def set(self, what):
        if what.get("cut"):
            self.abort()
        if "mode" in what:
            self.mode, self.delay = what["mode"], what.get("delay", 0.0)
            if self.mode in ("refuse", "reset"):
                self.abort()
            if self.mode == "refuse" and self.server:
                self.server.close()
                self.server = None
            elif self.mode != "refuse" and self.server is None:
                await self.listen()
            old, self.changed = self.changed, asyncio.Event()
            old.set()
        return {"mode": self.mode, "open": len(self.writers)}

    def abort(self):
        for w in list(self.writers):
            sock = w.get_extra_info("socket")
            try:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                struct.pack("ii", 1, 0))
            except OSError:
                pass
            w.transport.abort()

    async def wait_open(self):
        while self.mode == "blackhole":
            await self.changed.wait()

    async def serve(self, reader, writer):
        self.writers.add(writer)
        up = None
        try:
            if self.mode == "reset":
                self.abort()
                return
            if self.mode == "blackhole":
                while await reader.read(65536):
                    pass  # swallowed; a connection born dead stays dead
                return
            up_reader, up = await asyncio.open_connection(self.host,
                                                          self.target)
            self.writers.add(up)
            await asyncio.wait(
                [asyncio.ensure_future(self.pump(reader, up)),
                 asyncio.ensure_future(self.pump(up_reader, writer))],
                return_when=asyncio.FIRST_COMPLETED)
        except OSError:
            pass
        finally:
            for w in (writer, up):
                if w is not None:
                    self.writers.discard(w)
                    w.close()

    async def pump(self, reader, writer):
        try:
            while True:
                data = await reader.read(65536)
                if not data:
                    return
                await self.wait_open()
                if self.delay:
                    await asyncio.sleep(self.delay)
                writer.write(data)
                await writer.drain()
        except OSError:
            pass


async def _main(host, target):
    s = _Server(host, target)
    await s.listen()
    print(json.dumps({"port": s.port}), flush=True)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while True:
        line = await reader.readline()
        if not line:
            return
        print(json.dumps(await s.set(json.loads(line))), flush=True)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2])))
