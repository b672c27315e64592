#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""python3-wsproto on a bare stream."""

import asyncio
import urllib.parse

from wsproto import ConnectionType, WSConnection, events
from wsproto.frame_protocol import FrameProtocol, Opcode

import lines


class Conn(lines.Conn):
    async def open(self, url):
        u = urllib.parse.urlsplit(url)
        self.reader, self.writer = await asyncio.open_connection(u.hostname,
                                                                 u.port)
        self.ws = WSConnection(ConnectionType.CLIENT)
        self.parts, self.code = "", None
        self.send(events.Request(host=u.netloc, target=u.path))
        self.task = asyncio.ensure_future(self.read())

    def send(self, event):
        self.writer.write(self.ws.send(event))

    async def read(self):
        while True:
            try:
                data = await self.reader.read(65536)
            except OSError:
                data = b""
            try:
                self.ws.receive_data(data or None)
                for e in self.ws.events():
                    self.event(e)
            except Exception as e:
                if data:
                    self.say("failed", repr(e))
            if not data:
                break
        self.writer.close()
        self.say("close", 1006 if self.code is None else self.code)

    def event(self, e):
        if isinstance(e, events.AcceptConnection):
            self.say("open")
        elif isinstance(e, events.RejectConnection):
            self.say("failed", "status %d" % e.status_code)
        elif isinstance(e, events.TextMessage):
            self.parts += e.data
            if e.message_finished:
                self.say("text", self.parts)
                self.parts = ""
        elif isinstance(e, events.Ping):
            self.say("ping")
            self.send(e.response())
        elif isinstance(e, events.Pong):
            self.say("pong", bytes(e.payload).decode())
        elif isinstance(e, events.CloseConnection):
            if self.code is None:
                self.code = int(e.code)
                if self.ws.state.name == "REMOTE_CLOSING":
                    self.send(e.response())

    async def text(self, data):
        self.send(events.TextMessage(data=data))

    async def binary(self, data):
        self.send(events.BytesMessage(data=bytes.fromhex(data)))

    async def ping(self, data):
        self.send(events.Ping(payload=data.encode()))

    async def broken(self, data):
        proto = FrameProtocol(True, [])
        if not hasattr(proto, "_serialize_frame"):
            raise lines.Cannot()
        self.writer.write(proto._serialize_frame(Opcode.TEXT,
                                                 bytes.fromhex(data)))

    async def close(self, code):
        self.send(events.CloseConnection(code=code))


lines.main(Conn)
