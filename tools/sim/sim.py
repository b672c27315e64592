#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""A WhatsApp Cloud API simulator for the demo and the tests.

It answers POST /vNN.N/{phone_number_id}/messages as the Graph API does
(bearer check, validation, Meta-shaped errors), plays the customers' phones
on the page /sim/, and sends signed webhooks: messages, and the statuses sent,
delivered and read, with retries.  It can be told to misbehave: see
docs/simulator.md, or POST /sim/api/config.

    sim.py --port 8090 --webhook URL --numbers FILE

Environment: WHATSAPP_APP_SECRET (or _FILE).  FILE is JSON:
[{"phone_number_id", "display_phone_number", "access_token", "name",
  "waba_id", "contacts": [{"wa_id", "name"}]}].
"""

import argparse
import base64
import hashlib
import hmac
import heapq
import http.client
import http.server
import itertools
import json
import os
import random
import re
import secrets
import socketserver
import sys
import threading
import time
import urllib.parse

BODY_MAX = 1024 * 1024
TEXT_MAX = 4096
OPAQUE_MAX = 512
SENDERS = 8          # threads that deliver webhooks
RETRY_MAX_S = 3600   # the longest pause between two tries
PHONE_MAX = 5000     # messages kept a phone

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

PHONE_ID_RE = re.compile(r"^/v\d+\.\d+/([^/]+)/messages$")


def now_s():
    return str(int(time.time()))


def digits(s):
    return re.sub(r"\D", "", s or "")


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


class Webhooks:
    """Sends signed webhooks, in time order, with retries."""

    def __init__(self, url, secret):
        self.url = urllib.parse.urlsplit(url)
        self.secret = secret
        self.heap = []
        self.order = itertools.count()
        self.cond = threading.Condition()
        self.delivered = 0
        self.failed_tries = 0
        self.in_flight = 0
        self.retry_ms = DEFAULTS["retry_ms"]
        for _ in range(SENDERS):
            threading.Thread(target=self.run, daemon=True).start()

    def add(self, body, after_s=0.0, tries=0):
        with self.cond:
            heapq.heappush(self.heap, (time.monotonic() + after_s,
                                       next(self.order), tries, body))
            self.cond.notify()

    def pending(self):
        with self.cond:
            return len(self.heap) + self.in_flight

    def run(self):
        conn = None
        while True:
            with self.cond:
                while True:
                    wait = None
                    if self.heap:
                        wait = self.heap[0][0] - time.monotonic()
                        if wait <= 0:
                            break
                    self.cond.wait(wait)
                _, _, tries, body = heapq.heappop(self.heap)
                self.in_flight += 1
            try:
                conn, ok = self.post(conn, body)
            finally:
                with self.cond:
                    self.in_flight -= 1
                    if ok:
                        self.delivered += 1
                    else:
                        self.failed_tries += 1
            if not ok:
                pause = self.retry_ms / 1000.0 * (2 ** min(tries, 12))
                self.add(body, min(pause, RETRY_MAX_S)
                         * random.uniform(0.7, 1.3), tries + 1)

    def post(self, conn, body):
        mac = hmac.new(self.secret, body, hashlib.sha256).hexdigest()
        for attempt in (0, 1):
            try:
                if conn is None:
                    conn = http.client.HTTPConnection(
                        self.url.hostname, self.url.port or 80, timeout=20)
                    fresh = True
                else:
                    fresh = False
                conn.request("POST", self.url.path, body, {
                    "Content-Type": "application/json",
                    "X-Hub-Signature-256": "sha256=" + mac})
                answer = conn.getresponse()
                answer.read()
                return conn, answer.status == 200
            except (OSError, http.client.HTTPException):
                conn.close()
                conn = None
                if fresh or attempt == 1:
                    return None, False
        return None, False


class Sim:
    def __init__(self, numbers, hooks):
        self.hooks = hooks
        self.lock = threading.Condition()
        self.config = dict(DEFAULTS)
        self.numbers = {n["phone_number_id"]: n for n in numbers}
        self.phones = {}   # (phone_number_id, wa_id) -> [message]
        self.names = {}
        self.by_wamid = {}
        self.version = 0
        self.calls = 0
        self.batch = {}
        for n in numbers:
            for c in n.get("contacts", []):
                self.names[c["wa_id"]] = c["name"]
                self.phones[(n["phone_number_id"], c["wa_id"])] = []

    # ---- phones ----

    def keep(self, number, wa_id, message):
        with self.lock:
            thread = self.phones.setdefault((number, wa_id), [])
            thread.append(message)
            for old in thread[:-PHONE_MAX]:
                self.by_wamid.pop(old["id"], None)
            del thread[:-PHONE_MAX]
            self.by_wamid[message["id"]] = (number, wa_id, message)
            self.version += 1
            self.lock.notify_all()

    def state(self, since, wait_s):
        end = time.monotonic() + wait_s
        with self.lock:
            while self.version <= since and time.monotonic() < end:
                self.lock.wait(end - time.monotonic())
            return {
                "version": self.version, "config": self.config,
                "calls": self.calls, "webhooks_pending":
                    self.hooks.pending(),
                "webhooks_delivered": self.hooks.delivered,
                "numbers": [{k: n.get(k) for k in (
                    "phone_number_id", "display_phone_number", "name")}
                    for n in self.numbers.values()],
                "phones": [{"phone_number_id": p, "wa_id": w,
                            "name": self.names.get(w, ""),
                            "messages": [dict(x) for x in m]}
                           for (p, w), m in self.phones.items()]}

    def customer(self, req):
        """A customer types: one inbound message."""
        number = req.get("phone_number_id") or next(iter(self.numbers))
        if number not in self.numbers:
            raise GraphError(100, "no such number", 404)
        wa_id = digits(req.get("from", ""))
        if not wa_id:
            raise GraphError(100, "from is required")
        if req.get("name"):
            self.names[wa_id] = req["name"]
        wamid = req.get("id") or "wamid." + base64.b64encode(
            secrets.token_bytes(24)).decode()
        kind = req.get("type", "text")
        item = {"from": wa_id, "id": wamid, "timestamp":
                req.get("timestamp") or now_s(), "type": kind}
        if kind == "text":
            item["text"] = {"body": str(req.get("text", ""))}
        else:
            item[kind] = req.get(kind, {})
        if req.get("context"):
            item["context"] = {"from": digits(
                self.numbers[number]["display_phone_number"]),
                "id": req["context"]}
        self.keep(number, wa_id, {
            "id": wamid, "direction": "out", "type": kind,
            "text": item.get("text", {}).get("body", "[%s]" % kind),
            "time": time.time(), "status": "sent"})
        self.send_value(number, {
            "contacts": [{"profile": {"name": self.names.get(wa_id, wa_id)},
                          "wa_id": wa_id}],
            "messages": [item]}, 0)
        return {"id": wamid}

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
            number, wa_id, message = self.by_wamid[wamid]
        item = {"id": wamid, "status": status,
                "timestamp": str(int(time.time() + after_ms / 1000.0)),
                "recipient_id": wa_id}
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
                self.version += 1
                self.lock.notify_all()

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

    def graph(self, number, auth, req):
        """Returns (status, body); body None: never answer."""
        with self.lock:
            self.calls += 1
        n = self.numbers.get(number)
        if n is None:
            raise GraphError(100, "Unsupported post request. Object with "
                             "ID '%s' does not exist" % number, 400, 33)
        if auth != "Bearer " + n["access_token"]:
            raise GraphError(190, "The access token could not be decrypted")
        if req.get("status") == "read":
            return 200, {"success": True}
        to, text = self.check(req)
        fault = self.take_fault(to)
        kind = fault["kind"] if fault else None
        if kind == "error":
            raise GraphError(int(fault["code"]), "simulated",
                             fault.get("http"))
        if kind == "5xx":
            return int(fault.get("http", 502)), "<html>bad gateway</html>"
        if kind == "slow":
            time.sleep(fault.get("ms", 1000) / 1000.0)
        wamid = self.accept(number, to, req, text, kind == "failed"
                            and int(fault.get("code", 131026)))
        if kind in ("timeout", "drop"):
            return kind, None
        if kind == "late":
            time.sleep(fault.get("ms", 1000) / 1000.0)
        if kind == "accept_5xx":
            return int(fault.get("http", 500)), ""
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
        kind = req.get("type", "text")
        part = req.get(kind)
        if not isinstance(part, dict):
            raise GraphError(100, "Parameter '%s' is required" % kind)
        opaque = req.get("biz_opaque_callback_data", "")
        if not isinstance(opaque, str) or len(opaque) > OPAQUE_MAX:
            raise GraphError(100, "biz_opaque_callback_data is too long")
        if kind == "text":
            body = part.get("body")
            if not isinstance(body, str) or not 1 <= len(body) <= TEXT_MAX:
                raise GraphError(100, "Param text['body'] must be 1 to %d "
                                 "characters" % TEXT_MAX)
            return to, body
        return to, part.get("caption") or "[%s]" % kind

    def accept(self, number, to, req, text, failed_code):
        wamid = "wamid." + base64.b64encode(
            secrets.token_bytes(24)).decode()
        self.keep(number, to, {
            "id": wamid, "direction": "in", "type": req.get("type", "text"),
            "text": text, "time": time.time(), "status": "sent",
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
        n = self.numbers.get(req.get("phone_number_id"))
        if n is None or not isinstance(req.get("access_token"), str):
            raise GraphError(100, "no such number, or no token", 404)
        n["access_token"] = req["access_token"]
        return {"success": True}

    def configure(self, req):
        unknown = set(req) - set(DEFAULTS)
        if unknown:
            raise GraphError(100, "unknown: " + ", ".join(sorted(unknown)))
        with self.lock:
            self.config.update(req)
            self.hooks.retry_ms = self.config["retry_ms"]
            self.version += 1
            self.lock.notify_all()
            return self.config


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server_version = "pytake-sim"
    sim = None
    page = b""

    def log_message(self, *args):
        pass

    def answer(self, status, body, kind="application/json"):
        if not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        args = dict(urllib.parse.parse_qsl(url.query))
        if url.path in ("/sim", "/sim/"):
            self.answer(200, self.page, "text/html; charset=utf-8")
        elif url.path == "/sim/api/state":
            self.answer(200, self.sim.state(
                int(args.get("since", -1)), min(
                    float(args.get("wait", 0)), 25.0)))
        elif url.path == "/sim/api/health":
            self.answer(200, {"status": "healthy"})
        else:
            self.answer(404, {"error": {"message": "no such page"}})

    def do_POST(self):
        try:
            status, body = self.post()
        except GraphError as e:
            status, body = e.status, e.body
        if body is None:  # accepted, and never a word
            self.close_connection = True
            if status == "timeout":
                time.sleep(60)
            return
        self.answer(status, body)

    def post(self):
        length = int(self.headers.get("Content-Length") or 0)
        if length > BODY_MAX:
            self.close_connection = True  # it stays unread
            raise GraphError(100, "body too large", 413)
        try:
            req = json.loads(self.rfile.read(length) or b"{}")
        except ValueError:
            raise GraphError(100, "not JSON") from None
        if not isinstance(req, dict):
            raise GraphError(100, "not an object")
        path = urllib.parse.urlsplit(self.path).path
        number = PHONE_ID_RE.match(path)
        if number:
            return self.sim.graph(number.group(1),
                                  self.headers.get("Authorization"), req)
        if path == "/sim/api/customer":
            return 200, self.sim.customer(req)
        if path == "/sim/api/config":
            return 200, self.sim.configure(req)
        if path == "/sim/api/number":
            return 200, self.sim.number(req)
        if path == "/sim/api/status":
            if req.get("id") not in self.sim.by_wamid:
                raise GraphError(100, "no such message", 404)
            if req.get("status") not in ("sent", "delivered", "read"):
                raise GraphError(100, "no such status")
            self.sim.mark(req["id"], req["status"])
            self.sim.status(req["id"], req["status"], 0)
            return 200, {"success": True}
        raise GraphError(100, "no such path", 404)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 256


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
            numbers = json.load(f)
    except (OSError, ValueError) as e:
        sys.exit("sim: could not read the numbers: %s" % e)
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "index.html"), "rb") as f:
        Handler.page = f.read()
    Handler.sim = Sim(numbers, Webhooks(args.webhook, key))
    try:
        server = Server((args.host, args.port), Handler)
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
