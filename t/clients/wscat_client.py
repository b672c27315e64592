#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""npm's wscat, a program for people: one process a socket, typed into by a
pipe and read off a terminal (elsewhere it does not tell how it ended)."""

import asyncio
import os
import pty
import re
import sys

import lines

NOISE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
PING = re.compile(r'Received (ping|pong) \(data: "(.*)"\)$')
CLOSE = re.compile(r"Disconnected \(code: (\d+)")


class Conn(lines.Conn):
    async def open(self, url):
        master, slave = pty.openpty()
        self.proc = await asyncio.create_subprocess_exec(
            "node", sys.argv[1], "--no-color", "-P", "--slash", "-c", url,
            stdin=asyncio.subprocess.PIPE, stdout=slave, stderr=slave,
            env=dict(os.environ, TERM="dumb"))
        os.close(slave)
        self.reader = asyncio.StreamReader(limit=1 << 20)
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(self.reader),
            os.fdopen(master, "rb", buffering=0))
        self.task = asyncio.ensure_future(self.read())

    async def read(self):
        code = 1006
        while True:
            try:
                raw = await self.reader.readline()
            except OSError:  # a terminal without its last user
                raw = b""
            if not raw:
                break
            line = NOISE.sub("", raw.decode().rstrip("\r\n"))
            line = line.rsplit("\r", 1)[-1]
            code = self.line(line) or code
        await self.proc.wait()
        self.say("close", code)

    def line(self, line):
        """What one line of the screen says; a close code or None."""
        m = CLOSE.search(line)
        if m:
            return int(m.group(1))
        if line.startswith("Connected "):
            self.say("open")
        elif line.startswith("< "):
            m = PING.match(line[2:])
            if m:
                self.say(m.group(1), m.group(2))
            else:
                self.say("text", line[2:])
        elif "error: " in line:
            self.say("failed", line)
        return None

    async def type(self, line):
        self.proc.stdin.write(line.encode() + b"\n")
        await self.proc.stdin.drain()

    async def text(self, data):
        await self.type(data)

    async def ping(self, data):
        await self.type("/ping " + data)

    async def close(self, code):
        await self.type("/close %d" % code)


lines.main(Conn)
