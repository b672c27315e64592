# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""The WhatsApp simulator (tools/sim) beside a stack.

    sim = Sim(s)          # before s.serve(roles="courier", ...)
    sim.customer(t, "15550001", "hello")
    sim.phone(t, "15550001")
"""

import json
import os
import signal
import subprocess
import urllib.request

import procs
from stack import TOP

TOKEN = "token-of-the-tests"


class Sim:
    def __init__(self, stack, port=None, numbers=None):
        """Starts it, and gives every number of the stack a token; or with
        these numbers (what "pytake demo" printed)."""
        self.stack = stack
        self.port = port or procs.free_port()
        self.numbers = numbers
        self.phones = []  # of the run before: phones forget nothing
        self.proc = None
        self.file = os.path.join(stack.dir, "numbers.json")
        self.log = os.path.join(stack.dir, "sim.log")
        self.tokens = {}
        stack.env["WHATSAPP_API_URL"] = ("http://127.0.0.1:%d/v23.0"
                                         % self.port)
        for t in stack.tenants if numbers is None else ():
            for _, number in t.numbers:
                self.token(number, TOKEN)
        self.start()

    def start(self):
        with open(self.file, "w") as f:
            json.dump(self.numbers or
                      [{"phone_number_id": number, "access_token":
                        self.tokens.get(number, TOKEN), "name": t.name,
                        "display_phone_number": "+1 555 0100",
                        "waba_id": "1", "contacts": [
                            p for p in self.phones
                            if p["phone_number_id"] == number]}
                       for t in self.stack.tenants
                       for _, number in t.numbers], f)
        env = {"PATH": "/usr/bin:/bin", **procs.clock(),
               "WHATSAPP_APP_SECRET": self.stack.app_secret}
        out = open(self.log, "ab")
        self.proc = subprocess.Popen(
            ["/usr/bin/python3", os.path.join(TOP, "tools/sim/sim.py"),
             "--port", str(self.port), "--numbers", self.file, "--webhook",
             "http://127.0.0.1:%d/api/v1/webhooks/whatsapp"
             % self.stack.port], env=env, stdin=subprocess.DEVNULL,
            stdout=out, stderr=out)
        out.close()

        def ready():
            if self.proc.poll() is not None:
                raise RuntimeError("the simulator ended, see " + self.log)
            try:
                return self.get("health")
            except OSError:
                return False
        procs.wait_until(ready, 20, "the simulator")

    def stop(self):
        if self.proc.poll() is None:
            self.phones = self.state()["phones"]
        procs.end(self.proc, signal.SIGTERM)

    def token(self, number, token):
        """A new token in PyTake, by the operator's command."""
        path = os.path.join(self.stack.dir, "token")
        with open(path, "w") as f:
            f.write(token + "\n")
        os.chmod(path, 0o600)
        self.stack.pytake("number", "token", "--phone-number-id", number,
                          "--token-file", path)

    def expect(self, number, token):
        """A new token at WhatsApp: the old one is dead."""
        self.tokens[number] = token
        self.post("number", {"phone_number_id": number,
                             "access_token": token})

    def get(self, path):
        url = "http://127.0.0.1:%d/sim/api/%s" % (self.port, path)
        with urllib.request.urlopen(url, timeout=30) as r:
            return json.load(r)

    def post(self, path, obj):
        url = "http://127.0.0.1:%d/sim/api/%s" % (self.port, path)
        req = urllib.request.Request(url, json.dumps(obj).encode(), {
            "Content-Type": "application/json"})
        with urllib.request.urlopen(req, timeout=30) as r:
            return json.load(r)

    def config(self, **what):
        return self.post("config", what)

    def fault(self, kind, times=1, **more):
        self.config(fault=dict(more, kind=kind, times=times))

    def state(self):
        return self.get("state")

    def customer(self, tenant, wa_id, text, **more):
        return self.post("customer", dict(
            more, **{"phone_number_id": tenant.number, "from": wa_id,
                     "text": text}))["id"]

    def phone(self, tenant, wa_id, kind="in"):
        """What came to a phone ("in") or was written on it ("out")."""
        for p in self.state()["phones"]:
            if (p["phone_number_id"], p["wa_id"]) == (tenant.number, wa_id):
                return [m for m in p["messages"] if m["direction"] == kind]
        return []

    def texts(self, tenant, wa_id):
        return [m["text"] for m in self.phone(tenant, wa_id)]

    def twice(self):
        """Messages of ours that a phone got more than once."""
        seen = {}
        for p in self.state()["phones"]:
            for m in p["messages"]:
                if m["direction"] == "in":
                    seen.setdefault(m["opaque"], []).append(m["id"])
        return {k: v for k, v in seen.items() if len(v) > 1}
