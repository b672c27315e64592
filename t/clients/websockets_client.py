#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""python3-websockets."""

import asyncio

import websockets

import lines


class Conn(lines.Conn):
    async def open(self, url):
        self.ws = await websockets.connect(url, ping_interval=None,
                                           close_timeout=15)
        self.say("open")
        self.task = asyncio.ensure_future(self.read())

    async def read(self):
        try:
            async for text in self.ws:
                self.say("text", text)
        except websockets.ConnectionClosed:
            pass
        self.say("close", self.ws.close_code)

    async def text(self, data):
        await self.ws.send(data)

    async def binary(self, data):
        await self.ws.send(bytes.fromhex(data))

    async def ping(self, data):
        pong = await self.ws.ping(data)
        pong.add_done_callback(lambda _: self.say("pong", data))

    async def broken(self, data):
        if not hasattr(self.ws, "write_frame"):
            raise lines.Cannot()
        await self.ws.write_frame(True, 1, bytes.fromhex(data))

    async def close(self, code):
        await self.ws.close(code)


lines.main(Conn)
