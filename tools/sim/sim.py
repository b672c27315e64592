#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""A WhatsApp Cloud API simulator for the demo and the tests.

It answers POST /vNN.N/{phone_number_id}/messages as the Graph API does
(bearer check, validation, Meta-shaped errors), plays the customers' phones
on the page /sim/, and sends signed webhooks: messages, and the statuses sent,
delivered and read, with retries.  It can be told to misbehave: see
docs/simulator.md, or POST /sim/api/config.

    sim.py --port 8090 --webhook URL --numbers FILE

Environment: WHATSAPP_APP_SECRET (or _FILE), PYTAKE_LISTEN and PYTAKE_SIM_HOSTS
(door.py).  FILE is JSON: [{"phone_number_id", "display_phone_number",
"access_token", "name", "waba_id", "contacts": [{"wa_id" or "user_id", "name",
"username", "messages": what "pytake demo" prints}]}].
"""

import argparse
import base64
import collections
import hashlib
import hmac
import json
import os
import random
import re
import secrets
import sys
import threading
import time

sys.dont_write_bytecode = True  # its folder may be another user's

import door  # noqa: E402
import fields  # noqa: E402
from door import Refused  # noqa: E402
from webhooks import Webhooks  # noqa: E402

TEXT_MAX = 4096
OPAQUE_MAX = 512
WEBHOOKS_MAX = 20000           # that wait to be sent
PHONES_MAX = 2000
PHONE_MAX = 5000               # messages kept a phone
MESSAGES_MAX = 100000
CHARS_MAX = 16 * 1024 * 1024   # of all messages kept
WINDOW_S = 24 * 3600
WAIT_MAX_S = 25

ERRORS = {
    0: (401, "AuthException"), 2: (503, "Service temporarily unavailable"),
    4: (400, "Application request limit reached"),
    100: (400, "Invalid parameter"),
    190: (401, "Invalid OAuth access token"),
    368: (403, "Temporarily blocked for policies violations"),
    80007: (400, "Rate limit issues"), 130429: (400, "Rate limit hit"),
    130472: (400, "User's number is part of an experiment"),
    131000: (500, "Something went wrong"),
    131005: (403, "Access denied"),
    131016: (500, "Service overloaded"),
    131026: (400, "Message undeliverable"),
    131031: (403, "Account has been locked"),
    131042: (400, "Business eligibility payment issue"),
    131047: (400, "Re-engagement message"),
    131048: (400, "Spam rate limit hit"),
    131056: (400, "(Business Account, Consumer Account) pair rate limit"),
    131057: (500, "Account in maintenance mode"),
}

DEFAULTS = {
    # webhook timing, milliseconds after acceptance; null: not sent
    "sent_ms": 30, "delivered_ms": 120, "read_ms": 400,
    # webhooks: how often each is sent, shuffled order, gathered in one POST
    "duplicates": 1, "reorder": False, "batch_ms": 0,
    "retry_ms": 500,
    # misbehaviour of the Graph side; "times" counts down, -1: for ever
    "fault": None,  # {"kind", "times", "code", "http", "ms", "to"}
}

def digits(s):
    return re.sub(r"[^0-9]", "", s or "")


def said_in(kind, part):
    """What a person reads of a message, as PyTake keeps it."""
    def of(obj, *keys):
        for key in keys:
            obj = obj.get(key) if isinstance(obj, dict) else None
        return obj if isinstance(obj, str) else ""

    if kind == "contacts":
        return ", ".join(filter(None, (of(c, "name", "formatted_name")
                                       for c in part)))
    if kind == "location":
        return ", ".join(filter(None, (of(part, "name"),
                                       of(part, "address"))))
    if kind == "interactive":
        return (of(part, "button_reply", "title")
                or of(part, "list_reply", "title") or of(part, "body", "text"))
    for key in {"text": ("body",), "document": ("caption", "filename"),
                "button": ("text", "payload"), "reaction": ("emoji",),
                "template": ("name",)}.get(kind, ("caption",)):
        if of(part, key):
            return of(part, key)
    return ""


class GraphError(Exception):
    """An answer in the shape of Meta's errors."""

    def __init__(self, code, details, http=None, subcode=None):
        super().__init__(details)
        status, title = ERRORS.get(code, (400, "Error"))
        self.status = http or status
        self.body = {"error": {
            "message": "(#%d) %s" % (code, title), "type": "OAuthException",
            "code": code,
            "error_data": {"messaging_product": "whatsapp",
                           "details": details},
            "fbtrace_id": secrets.token_urlsafe(8)}}
        if subcode:
            self.body["error"]["error_subcode"] = subcode


class Sim:
    Error = GraphError

    def __init__(self, numbers, hooks):
        self.hooks = hooks
        self.lock = threading.Condition()
        self.config = dict(DEFAULTS)
        self.numbers = {n["phone_number_id"]: n for n in numbers}
        self.phones = {}   # (phone_number_id, address) -> phone
        self.by_wamid = collections.OrderedDict()
        self.chars = 0
        self.version = 0
        self.calls = 0
        self.batch = {}
        for n in numbers:
            for c in n.get("contacts", []):
                self.seed(n["phone_number_id"], c)

    # ---- phones ----

    def seed(self, number, contact):
        """A phone with what was said before."""
        address = contact.get("wa_id") or contact["user_id"]
        phone = self.phone(number, address)
        phone.update({k: contact[k] for k in ("name", "username", "user_id")
                      if contact.get(k)})
        for m in contact.get("messages", []):
            self.keep(number, address, dict(m))

    def phone(self, number, address):
        """The customer's phone of that address: a wa_id, or the
        business-scoped id of somebody who shows no number."""
        phone = self.phones.get((number, address))
        if phone is None:
            if len(self.phones) >= PHONES_MAX:
                raise Refused(422, "limit_reached", "There are %d phones"
                              % PHONES_MAX)
            is_phone = address.isdigit()
            phone = self.phones[(number, address)] = {
                "phone_number_id": number, "address": address,
                "wa_id": address if is_phone else "",
                "user_id": "" if is_phone else address,
                "name": "", "username": "", "wrote": 0.0, "messages": []}
        return phone

    def keep(self, number, address, message):
        with self.lock:
            if message["id"] in self.by_wamid:
                raise Refused(422, "invalid_field", "id: is there already")
            phone = self.phone(number, address)
            phone["messages"].append(message)
            if message["direction"] == "out":
                phone["wrote"] = max(phone["wrote"], message["time"])
            self.by_wamid[message["id"]] = (number, address, message)
            self.chars += self.size(message)
            if len(phone["messages"]) > PHONE_MAX:
                self.forget(phone["messages"][0]["id"])
            while (len(self.by_wamid) > MESSAGES_MAX
                   or self.chars > CHARS_MAX):
                self.forget(next(iter(self.by_wamid)))
            self.changed()

    @staticmethod
    def size(message):
        return len(message["text"]) + len(json.dumps(message.get("object")))

    def forget(self, wamid):
        number, address, message = self.by_wamid.pop(wamid)
        self.phones[(number, address)]["messages"].remove(message)
        self.chars -= self.size(message)

    def changed(self):
        self.version += 1
        self.lock.notify_all()

    def state(self, query):
        query = fields.check(query, fields.STATE)
        since = int(query.get("since", -1))
        end = time.monotonic() + min(float(query.get("wait", 0)), WAIT_MAX_S)
        with self.lock:
            while self.version <= since and time.monotonic() < end:
                self.lock.wait(end - time.monotonic())
            return {
                "version": self.version, "config": dict(self.config),
                "calls": self.calls, "webhooks_pending":
                    self.hooks.pending(),
                "webhooks_delivered": self.hooks.delivered,
                "numbers": [{k: n.get(k) for k in (
                    "phone_number_id", "display_phone_number", "name")}
                    for n in self.numbers.values()],
                "phones": [dict(p, messages=[dict(m) for m in p["messages"]])
                           for p in self.phones.values()]}

    def customer(self, req):
        """A customer writes: one inbound message."""
        req = fields.check(req, fields.CUSTOMER, req.get("type"))
        number = req.get("phone_number_id") or next(iter(self.numbers))
        if number not in self.numbers:
            raise Refused(404, "not_found", "There is no such number")
        address = digits(req.get("from")) or req.get("user_id")
        if not fields.is_address(address):
            raise Refused(422, "invalid_field", "from: must be a phone "
                          "number")
        kind = req.get("type", "text")
        if kind == "text" and not req.get("text"):
            raise Refused(422, "invalid_field", "text: is required")
        if self.hooks.pending() > WEBHOOKS_MAX:
            raise Refused(422, "limit_reached", "There are %d webhooks that "
                          "wait to be sent" % WEBHOOKS_MAX)
        wamid = req.get("id") or self.wamid()
        said = int(req.get("timestamp") or time.time())
        part = {"body": req["text"]} if kind == "text" else req.get(kind, {})
        self.keep(number, address, {
            "id": wamid, "direction": "out", "type": kind,
            "text": said_in(kind, part), "object": part,
            "time": float(said) if "timestamp" in req else time.time(),
            "status": "sent", "reply_to": req.get("context")})
        with self.lock:
            phone = self.phones[(number, address)]
            for key in ("name", "username"):
                phone[key] = req.get(key) or phone[key]
            who = {"profile": {"name": phone["name"] or address}}
        item = {"id": wamid, "timestamp": str(said), "type": kind, kind: part}
        if phone["username"]:
            who["profile"]["username"] = phone["username"]
        if phone["wa_id"]:
            who["wa_id"] = item["from"] = address
        if phone["user_id"]:
            who["user_id"] = item["from_user_id"] = phone["user_id"]
        if req.get("context"):
            item["context"] = {"from": digits(
                self.numbers[number]["display_phone_number"]),
                "id": req["context"]}
        self.send_value(number, {"contacts": [who], "messages": [item]}, 0)
        return {"id": wamid}

    @staticmethod
    def wamid():
        return "wamid." + base64.b64encode(secrets.token_bytes(24)).decode()

    # ---- webhooks ----

    def envelope(self, number, value):
        n = self.numbers[number]
        return {"id": n.get("waba_id") or "0", "changes": [{
            "field": "messages", "value": dict({
                "messaging_product": "whatsapp",
                "metadata": {
                    "display_phone_number":
                        digits(n["display_phone_number"]),
                    "phone_number_id": number}}, **value)}]}

    def send_value(self, number, value, after_ms):
        entry = self.envelope(number, value)
        with self.lock:
            batch_ms = self.config["batch_ms"]
            copies = max(1, int(self.config["duplicates"]))
            if self.config["reorder"]:
                after_ms = random.uniform(0, max(after_ms, 1) * 2)
            if batch_ms and not after_ms:
                waiting = self.batch.setdefault("entries", [])
                waiting.append(entry)
                if len(waiting) == 1:
                    threading.Timer(batch_ms / 1000.0, self.flush).start()
                return
        self.send_entries([entry], after_ms, copies)

    def flush(self):
        with self.lock:
            entries = self.batch.pop("entries", [])
            copies = max(1, int(self.config["duplicates"]))
        if entries:
            self.send_entries(entries, 0, copies)

    def send_entries(self, entries, after_ms, copies):
        # Meta escapes what is not ASCII, and "/" as "\/".
        body = json.dumps({"object": "whatsapp_business_account",
                           "entry": entries}, separators=(",", ":"))
        body = body.replace("/", "\\/").encode("ascii")
        for _ in range(copies):
            self.hooks.add(body, after_ms / 1000.0)

    def status(self, wamid, status, after_ms, error=None):
        with self.lock:
            if wamid not in self.by_wamid:
                return
            number, address, message = self.by_wamid[wamid]
            phone = self.phones[(number, address)]
        item = {"id": wamid, "status": status,
                "timestamp": str(int(time.time() + after_ms / 1000.0))}
        if phone["wa_id"]:
            item["recipient_id"] = phone["wa_id"]
        if phone["user_id"]:
            item["recipient_user_id"] = phone["user_id"]
        if message.get("opaque"):
            item["biz_opaque_callback_data"] = message["opaque"]
        if status == "sent":
            item["conversation"] = {
                "id": hashlib.sha1(wamid.encode()).hexdigest(),
                "origin": {"type": "service"}}
        if status in ("sent", "delivered"):
            item["pricing"] = {"billable": False, "pricing_model": "PMP",
                               "type": "free_customer_service",
                               "category": "service"}
        if error:
            item["errors"] = [error]
        self.send_value(number, {"statuses": [item]}, after_ms)

    def mark(self, wamid, status):
        with self.lock:
            if wamid in self.by_wamid:
                self.by_wamid[wamid][2]["status"] = status
                self.changed()

    # ---- the Graph side ----

    def take_fault(self, to):
        with self.lock:
            fault = self.config["fault"]
            if not fault or fault.get("to", to) != to:
                return None
            times = fault.get("times", -1)
            if times == 0:
                self.config["fault"] = None
                return None
            if times > 0:
                fault["times"] = times - 1
            return dict(fault)

    def error(self, refused):
        """A refusal of the HTTP server, in Meta's shape."""
        return GraphError(100, refused.detail, refused.status)

    def admit(self, number, auth):
        with self.lock:
            self.calls += 1
            n = self.numbers.get(number)
        if n is None:
            raise GraphError(100, "Unsupported post request. Object with "
                             "ID '%s' does not exist" % number, 400, 33)
        if not hmac.compare_digest((auth or "").encode("utf-8", "replace"), (
                "Bearer " + n["access_token"]).encode("utf-8", "replace")):
            raise GraphError(190, "The access token could not be decrypted")

    def call(self, number, req):
        """Returns (status, body); body None: never answer."""
        if req.get("status") == "read":
            if not isinstance(req.get("message_id"), str):
                raise GraphError(100, "The parameter message_id is required.")
            self.mark(req["message_id"], "read")
            return 200, {"success": True}
        to, text = self.check(req)
        self.window(number, to, req)
        fault = self.take_fault(to)
        kind = fault["kind"] if fault else None
        if kind == "error":
            raise GraphError(fault["code"], "simulated", fault.get("http"))
        if kind == "5xx":
            return fault.get("http", 502), "<html>bad gateway</html>"
        if kind == "slow":
            time.sleep(fault.get("ms", 1000) / 1000.0)
        wamid = self.accept(number, to, req, text, kind == "failed"
                            and fault.get("code", 131026))
        if kind in ("timeout", "drop"):
            return kind, None
        if kind == "late":
            time.sleep(fault.get("ms", 1000) / 1000.0)
        if kind == "accept_5xx":
            return fault.get("http", 500), ""
        answer = {"messaging_product": "whatsapp",
                  "contacts": [{"input": req.get("to", to), "wa_id": to}],
                  "messages": [{"id": wamid}]}
        return 200, answer

    def check(self, req):
        if req.get("messaging_product") != "whatsapp":
            raise GraphError(100, "The parameter messaging_product is "
                             "required.")
        to = req.get("to") or req.get("recipient")
        if not isinstance(to, str) or not to:
            raise GraphError(100, "The parameter to is required.")
        to = digits(to) if "to" in req else to
        if not to:
            raise GraphError(100, "The parameter to must be a number.")
        if not fields.is_address(to):
            raise GraphError(100, "The parameter to is not valid.")
        kind = req.get("type", "text")
        if not fields.is_type(kind):
            raise GraphError(100, "The parameter type is not valid.")
        part = req.get(kind)
        if not isinstance(part, list if kind == "contacts" else dict):
            raise GraphError(100, "Parameter '%s' is required" % kind)
        context = req.get("context", {})
        if not isinstance(context, dict) or not isinstance(
                context.get("message_id", ""), str):
            raise GraphError(100, "Parameter 'context' is not valid")
        opaque = req.get("biz_opaque_callback_data", "")
        if not isinstance(opaque, str) or len(opaque) > OPAQUE_MAX:
            raise GraphError(100, "biz_opaque_callback_data is too long")
        if kind == "text":
            body = part.get("body")
            if not isinstance(body, str) or not 1 <= len(body) <= TEXT_MAX:
                raise GraphError(100, "Param text['body'] must be 1 to %d "
                                 "characters" % TEXT_MAX)
        return to, said_in(kind, part)

    def window(self, number, to, req):
        """Outside the 24 hours after a customer's last message only a
        template may be sent."""
        with self.lock:
            phone = self.phones.get((number, to))
            if phone is None and len(self.phones) >= PHONES_MAX:
                raise GraphError(131026, "The simulator has %d phones and "
                                 "takes no more" % PHONES_MAX)
            wrote = phone["wrote"] if phone else 0
        if req.get("type") != "template" and time.time() - wrote > WINDOW_S:
            raise GraphError(131047, "Message failed to send because more "
                             "than 24 hours have passed since the customer "
                             "last replied to this number.")

    def accept(self, number, to, req, text, failed_code):
        kind = req.get("type", "text")
        wamid = self.wamid()
        self.keep(number, to, {
            "id": wamid, "direction": "in", "type": kind, "text": text,
            "object": req[kind], "time": time.time(), "status": "sent",
            "opaque": req.get("biz_opaque_callback_data"),
            "reply_to": req.get("context", {}).get("message_id")})
        with self.lock:
            c = dict(self.config)
        if failed_code:
            title = ERRORS.get(failed_code, (400, "Error"))[1]
            self.mark(wamid, "failed")
            self.status(wamid, "failed", c["sent_ms"] or 0, {
                "code": failed_code, "title": title, "message": title,
                "error_data": {"details": "simulated"}})
            return wamid
        for name in ("sent", "delivered", "read"):
            if c[name + "_ms"] is not None:
                self.status(wamid, name, c[name + "_ms"])
                threading.Timer(c[name + "_ms"] / 1000.0, self.mark,
                                (wamid, name)).start()
        return wamid

    def number(self, req):
        """Changes a number's access token, as Meta's console does."""
        req = fields.check(req, fields.NUMBER)
        n = self.numbers.get(req["phone_number_id"])
        if n is None:
            raise Refused(404, "not_found", "There is no such number")
        n["access_token"] = req["access_token"]
        return {"success": True}

    def configure(self, req):
        req = fields.check(req, fields.CONFIG)
        if req.get("fault"):
            req["fault"] = fields.check(req["fault"], fields.FAULT)
            if req["fault"]["kind"] == "error" and "code" not in req["fault"]:
                raise Refused(422, "invalid_field", "code: is required")
        with self.lock:
            self.config.update(req)
            self.hooks.retry_ms = self.config["retry_ms"]
            self.changed()
            return dict(self.config)

    def told(self, req):
        """A status for a message, out of turn."""
        req = fields.check(req, fields.STATUS)
        if req["id"] not in self.by_wamid:
            raise Refused(404, "not_found", "There is no such message")
        self.mark(req["id"], req["status"])
        self.status(req["id"], req["status"], 0)
        return {"success": True}

    def paths(self):
        return {("GET", "/sim/api/state"): self.state,
                ("GET", "/sim/api/health"): lambda _: {"status": "healthy"},
                ("POST", "/sim/api/customer"): self.customer,
                ("POST", "/sim/api/config"): self.configure,
                ("POST", "/sim/api/number"): self.number,
                ("POST", "/sim/api/status"): self.told}


def secret():
    path = os.environ.get("WHATSAPP_APP_SECRET_FILE")
    if path:
        with open(path, "rb") as f:
            return f.read().rstrip(b"\n")
    return os.environ.get("WHATSAPP_APP_SECRET", "").encode()


def main():
    p = argparse.ArgumentParser(description="WhatsApp Cloud API simulator")
    p.add_argument("--host", default="127.0.0.1")
    p.add_argument("--port", type=int, default=8090)
    p.add_argument("--webhook", required=True)
    p.add_argument("--numbers", required=True)
    args = p.parse_args()
    key = secret()
    if not key:
        sys.exit("sim: set WHATSAPP_APP_SECRET or WHATSAPP_APP_SECRET_FILE")
    try:
        with open(args.numbers, encoding="utf-8") as f:
            sim = Sim(json.load(f), Webhooks(args.webhook, key))
    except (OSError, ValueError, KeyError, TypeError, Refused) as e:
        sys.exit("sim: could not read the numbers: %s" % e)
    door.Handler.api, door.Handler.graph = sim.paths(), sim
    door.Handler.files = door.load_files()
    door.Handler.hosts = door.Hosts(os.environ.get("PYTAKE_LISTEN", ""),
                                    os.environ.get("PYTAKE_SIM_HOSTS", ""))
    try:
        server = door.Server((args.host, args.port), door.Handler)
    except OSError as e:
        sys.exit("sim: could not listen on %s:%d: %s; choose another port"
                 % (args.host, args.port, e))
    print("sim: listening on http://%s:%d/sim/" % (args.host, args.port),
          flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
