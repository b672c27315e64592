#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""python3-tornado."""

import tornado.httpclient
import tornado.websocket

import lines


class Conn(lines.Conn):
    async def open(self, url):
        # The compression is offered, and must be declined.
        self.ws = await tornado.websocket.websocket_connect(
            tornado.httpclient.HTTPRequest(url),
            on_message_callback=self.message, compression_options={})
        self.ws.on_ping = lambda data: self.say("ping")
        self.ws.on_pong = lambda data: self.say("pong", data.decode())
        self.say("open")

    def message(self, text):
        if text is None:
            code = self.ws.close_code
            self.say("close", 1006 if code is None else code)
        else:
            self.say("text", text)

    async def text(self, data):
        await self.ws.write_message(data)

    async def binary(self, data):
        await self.ws.write_message(bytes.fromhex(data), binary=True)

    async def ping(self, data):
        self.ws.ping(data.encode())

    async def broken(self, data):
        await self.ws.write_message(bytes.fromhex(data))

    async def close(self, code):
        self.ws.close(code)


lines.main(Conn)
