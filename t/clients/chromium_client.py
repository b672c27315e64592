#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""Chromium without a screen: the sockets are opened by a page of the same
host, so that its Origin counts.  Spoken to by --remote-debugging-pipe."""

import asyncio
import itertools
import json
import os
import sys
import urllib.parse

import lines

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
         "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", "--disable-extensions",
         "--remote-debugging-pipe")

PAGE = """
var conns = {};
function say(id, ev, data) { tell(JSON.stringify([id, ev, data])); }
var ops = {
    open: function (id, url) {
        var ws = conns[id] = new WebSocket(url);
        ws.onopen = function () { say(id, 'open'); };
        ws.onmessage = function (e) { say(id, 'text', e.data); };
        ws.onclose = function (e) { say(id, 'close', e.code); };
    },
    text: function (id, data) { conns[id].send(data); },
    binary: function (id, data) {
        conns[id].send(new Uint8Array(data.match(/../g).map(function (x) {
            return parseInt(x, 16);
        })));
    },
    close: function (id, code) { conns[id].close(code); }
};
"""


class Browser:
    """One browser and one page for all sockets."""

    ready = None

    def __init__(self):
        self.numbers = itertools.count(1)
        self.answers, self.conns = {}, {}

    async def start(self, url):
        to_r, self.to = os.pipe()
        back, back_w = os.pipe()

        def pipes():
            a, b = os.dup(to_r), os.dup(back_w)
            os.dup2(a, 3)
            os.dup2(b, 4)
        self.proc = await asyncio.create_subprocess_exec(
            sys.argv[1], *FLAGS, "--user-data-dir=" + sys.argv[2],
            "about:blank", preexec_fn=pipes, close_fds=False,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL)
        os.close(to_r)
        os.close(back_w)
        self.reader = asyncio.StreamReader(limit=1 << 24)
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(self.reader),
            os.fdopen(back, "rb", buffering=0))
        self.task = asyncio.ensure_future(self.read())
        target = await self.call("Target.createTarget", url="about:blank")
        r = await self.call("Target.attachToTarget", flatten=True,
                            targetId=target["targetId"])
        self.session = r["sessionId"]
        await self.call("Page.enable")
        self.loaded = asyncio.get_running_loop().create_future()
        await self.call("Page.navigate", url=url)
        await self.loaded
        await self.call("Runtime.enable")
        await self.call("Runtime.addBinding", name="tell")
        await self.run(PAGE)

    session = None

    async def call(self, method, **params):
        n = next(self.numbers)
        m = {"id": n, "method": method, "params": params}
        if self.session:
            m["sessionId"] = self.session
        f = self.answers[n] = asyncio.get_running_loop().create_future()
        os.write(self.to, json.dumps(m).encode() + b"\0")
        return await asyncio.wait_for(f, 30)

    async def run(self, script):
        r = await self.call("Runtime.evaluate", expression=script)
        if "exceptionDetails" in r:
            raise RuntimeError(r["exceptionDetails"]["exception"].get(
                "description", "an exception"))

    async def read(self):
        while True:
            try:
                m = json.loads((await self.reader.readuntil(b"\0"))[:-1])
            except asyncio.IncompleteReadError:
                return
            if "id" in m:
                f = self.answers.pop(m["id"])
                if "error" in m:
                    f.set_exception(RuntimeError(str(m["error"])))
                else:
                    f.set_result(m["result"])
            elif m["method"] == "Page.loadEventFired":
                if not self.loaded.done():
                    self.loaded.set_result(None)
            elif m["method"] == "Runtime.bindingCalled":
                cid, ev, *data = json.loads(m["params"]["payload"])
                self.conns[cid].say(ev, data[0] if data else None)


class Conn(lines.Conn):
    browser = Browser()

    async def open(self, url):
        b = self.browser
        if b.ready is None:
            u = urllib.parse.urlsplit(url)
            b.ready = asyncio.ensure_future(
                b.start("http://%s/health/live" % u.netloc))
        await b.ready
        b.conns[self.id] = self
        await self.op("open", url)

    async def op(self, name, data):
        await self.browser.run("ops.%s(%d, %s)" % (name, self.id,
                                                   json.dumps(data)))

    async def text(self, data):
        await self.op("text", data)

    async def binary(self, data):
        await self.op("binary", data)

    async def close(self, code):
        await self.op("close", code)


lines.main(Conn)
