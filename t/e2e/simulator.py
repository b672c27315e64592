#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""The WhatsApp simulator: who may call it, on its own port and through NGINX;
what it makes of bad input; the 24-hour window; and that the demo's customers
have on their phones what the inbox has."""

import json
import os
import random
import re
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))

import conf
import procs
import sim as simlib
import stack
import tap
import wa
import web
from procs import wait_until

CONV = "/api/v1/conversations"
GRAPH = "/v23.0/%s/messages"
JSON = {"Content-Type": "application/json"}
DAY_S = 24 * 3600
FOREIGN_HOSTS = ("evil.example", "evil.example:8080", "127.0.0.1.evil.example",
                 "localhost.evil.example", "10.0.0.1", "127.0.0.1@evil.example")
FOREIGN_ORIGINS = ("http://evil.example", "null", "http://localhost:1",
                   "http://localhost", "file://", "https://evil.example:443")

# (path, body, status)
BAD = [
    ("customer", b"", 400), ("customer", b"[]", 400),
    ("customer", b"null", 400), ("customer", b"{", 400),
    ("customer", b'{"from": NaN}', 400),
    ("customer", b"[" * 40 + b"]" * 40, 400),
    ("customer", b'{"a":' * 5000 + b"1" + b"}" * 5000, 400),
    ("customer", b"[" * 200000, 400),
    ("customer", '{"from":"15550001","text":"x"}'.encode("utf-16"), 400),
    ("customer", b'{"from":"15550001","text":"\\ud800"}', 400),
    ("customer", b'{"from":"15550001","text":"\xff"}', 400),
    ("customer", b'{"from":15550001,"text":"x"}', 422),
    ("customer", b'{"from":"15550001","text":["x"]}', 422),
    ("customer", b'{"from":"15550001","text":""}', 422),
    ("customer", b'{"from":"15550001"}', 422),
    ("customer", b'{"from":"1","text":"x"}', 422),
    ("customer", b'{"from":"\xd9\xa1\xd9\xa2\xd9\xa3\xd9\xa4\xd9\xa5\xd9\xa6",'
                 b'"text":"x"}', 422),
    ("customer", b'{"text":"x"}', 422),
    ("customer", b'{"from":"15550001","text":"x","phone_number_id":[]}', 422),
    ("customer", b'{"from":"15550001","text":"x","phone_number_id":"7"}', 404),
    ("customer", b'{"from":"15550001","text":"x","id":{}}', 422),
    ("customer", b'{"from":"15550001","text":"x","timestamp":"soon"}', 422),
    ("customer", b'{"from":"15550001","text":"x","timestamp":-1}', 422),
    ("customer", b'{"from":"15550001","text":"x","type":["text"]}', 422),
    ("customer", b'{"from":"15550001","type":"from"}', 422),
    ("customer", b'{"from":"15550001","type":"image","image":"x"}', 422),
    ("customer", b'{"from":"15550001","text":"x","more":1}', 422),
    ("customer", b'{"from":"15550001","text":"%s"}' % (b"x" * 4097), 422),
    ("customer", b'{"user_id":"BR.","text":"x"}', 422),
    ("config", b'{"duplicates":"many"}', 422),
    ("config", b'{"duplicates":1e9}', 422),
    ("config", b'{"duplicates":true}', 422),
    ("config", b'{"sent_ms":"soon"}', 422), ("config", b'{"sent_ms":-1}', 422),
    ("config", b'{"retry_ms":null}', 422), ("config", b'{"reorder":1}', 422),
    ("config", b'{"fault":"error"}', 422),
    ("config", b'{"fault":{"kind":[]}}', 422),
    ("config", b'{"fault":{"kind":"error"}}', 422),
    ("config", b'{"fault":{"kind":"5xx","http":"abc"}}', 422),
    ("config", b'{"fault":{"kind":"slow","ms":"1"}}', 422),
    ("config", b'{"nosuch":1}', 422),
    ("number", b'{"phone_number_id":["1"],"access_token":"x"}', 422),
    ("number", b'{"phone_number_id":"7","access_token":"x"}', 404),
    ("number", b'{"access_token":"x"}', 422),
    ("status", b'{"id":[],"status":"read"}', 422),
    ("status", b'{"id":"wamid.none","status":"read"}', 404),
    ("status", b'{"id":"x","status":["read"]}', 422),
    ("nosuch", b"{}", 404),
]


def ask(port, method, path, headers=None, body=None, host=None):
    conn = web.Conn(port)
    try:
        conn.send(web.request_bytes(method, path, headers, body,
                                    host or "localhost:%d" % port))
        return conn.read(method)
    finally:
        conn.close()


def raw(port, head, body=b""):
    """The answer to these bytes; "{host}" is a good one."""
    conn = web.Conn(port)
    try:
        conn.send(head.replace("{host}", "localhost:%d" % port)
                  .replace("\n", "\r\n").encode("latin-1") + body)
        return conn.read("GET")
    finally:
        conn.close()


def main(t):
    port = procs.free_port()
    with stack.Stack(conf_edit=conf.add_location(location(port))) as s:
        sim = simlib.Sim(s, port)
        try:
            silent = socket.create_connection(("127.0.0.1", port))
            silent.sendall(b"GET /sim/ HTTP/1.1\r\nHost: loc")
            for name, where in (("its own port", port), ("NGINX", s.port)):
                t.head("through " + name)
                callers(t, where)
                bodies(t, sim, where, where == port)
            page(t, s.port)
            direct(t, sim)
            graph(t, s, sim)
            window(t, s, sim)
            t.head("silence")
            silent.settimeout(40)
            t.eq(silent.recv(100), b"", "a head that never ends is not kept")
            silent.close()
            s.check_logs(t)
        finally:
            sim.stop()
    with stack.Stack() as s:
        demo(t, s)


def location(port):
    """The location that tools/state.sh writes."""
    with open(os.path.join(stack.TOP, "tools", "state.sh")) as f:
        block = re.search(r"^location /sim/ \{.*?^\}", f.read(),
                          re.DOTALL | re.MULTILINE).group(0)
    return block.replace("$SIM_PORT", str(port)).replace("\\$", "$")


# ---- who may call ----

def callers(t, port):
    body = b'{"from":"15550009","text":"forged"}'
    own = "localhost:%d" % port
    for host in FOREIGN_HOSTS:
        got = [ask(port, "GET", "/sim/api/state", host=host).status,
               ask(port, "GET", "/sim/", host=host).status,
               ask(port, "POST", "/sim/api/customer", JSON, body,
                   host).status]
        # 421: NGINX has no server of that name
        t.ok(all(x in (400, 403, 421) for x in got), "Host %s" % host, got)
    for host in ("localhost", own, "127.0.0.1", "127.0.0.1:1", "127.8.9.1",
                 "[::1]:8080", "LOCALHOST"):
        t.eq(ask(port, "GET", "/sim/api/health", host=host).status, 200,
             "Host %s is loopback" % host)
    for origin in FOREIGN_ORIGINS:
        got = [ask(port, method, "/sim/api/" + path,
                   dict(JSON, Origin=origin), data).code
               for method, path, data in (("GET", "state", None),
                                          ("POST", "customer", body))]
        t.eq(got, ["origin_not_allowed"] * 2, "Origin %s" % origin)
    for site in ("cross-site", "same-site"):
        got = [ask(port, method, "/sim/api/" + path,
                   dict(JSON, **{"Sec-Fetch-Site": site}), data).code
               for method, path, data in (("GET", "state", None),
                                          ("POST", "customer", body))]
        t.eq(got, ["origin_not_allowed"] * 2, "Sec-Fetch-Site " + site)
    t.eq(ask(port, "POST", "/sim/api/customer",
             dict(JSON, **{"Sec-Fetch-Site": "none"}), body).status, 403,
         "a write is nobody's address bar")
    t.eq(ask(port, "GET", "/sim/api/health",
             {"Origin": "http://" + own, "Sec-Fetch-Site": "same-origin"}
             ).status, 200, "the page's own requests pass")

    for kind in ("text/plain", "application/x-www-form-urlencoded",
                 "multipart/form-data; boundary=x", "application/jsonx",
                 "text/plain; x=application/json", None):
        r = ask(port, "POST", "/sim/api/customer",
                {"Content-Type": kind} if kind else {}, body)
        t.eq((r.status, r.code), (415, "unsupported_media_type"),
             "Content-Type %s" % kind)
    for method, path in (("GET", "customer"), ("GET", "config"),
                         ("DELETE", "config"), ("PUT", "number"),
                         ("OPTIONS", "customer"), ("POST", "state"),
                         ("PATCH", "status"), ("HEAD", "customer")):
        r = ask(port, method, "/sim/api/" + path)
        t.eq((r.status, r.headers.get("allow")),
             (405, "GET" if path == "state" else "POST"),
             "%s on %s" % (method, path))
    t.eq(ask(port, "POST", "/sim/", JSON, b"{}").status, 405, "POST of a page")
    for query in ("wait=nan", "wait=x", "wait=-1", "since=x", "since=1&x=y",
                  "since=" + "9" * 30):
        t.eq(ask(port, "GET", "/sim/api/state?" + query).status, 422,
             "state?" + query)


def bodies(t, sim, port, own):
    before = sim.state()["phones"]
    rss = procs.rss_kb(sim.proc.pid)
    for path, body, status in BAD:
        r = ask(port, "POST", "/sim/api/" + path, JSON, body)
        t.ok(r.status == status and r.json["status"] == status,
             "%s %.60r: %d" % (path, body, status), r)
    r = ask(port, "POST", "/sim/api/customer", JSON,
            b'{"from":"15550001","text":"%s"}' % (b"x" * 300000))
    t.eq((r.status, r.code), (413, "body_too_large"), "300 kB")
    for length in ("-1", "-9999", "+5", "5x", "0x5", "1" * 25, "5, 5"):
        r = raw(port, "POST /sim/api/customer HTTP/1.1\nHost: {host}\n"
                "Content-Type: application/json\nContent-Length: %s\n\n"
                % length, b"{}   ")
        t.ok(r.status in (400, 413), "Content-Length %s" % length, r)
    # NGINX keeps no body back: the simulator itself bounds unfinished ones
    r = raw(port, "POST /sim/api/customer HTTP/1.1\nHost: {host}\n"
            "Content-Type: text/plain\nContent-Length: 100000\n\n", b"x")
    t.eq(r.status, 415, "refused before its body is whole")
    for head in ("Content-Length: 2\nContent-Length: 2\n",
                 "Host: localhost\nContent-Length: 2\n"):
        r = raw(port, "POST /sim/api/customer HTTP/1.1\nHost: {host}\n"
                "Content-Type: application/json\n%s\n" % head, b"{}")
        t.eq(r.status, 400, "twice: %r" % head)
    r = raw(port, "GET /sim/ HTTP/1.1\nHost: {host}\nX: %s\n\n"
            % ("x" * 40000))
    t.ok(r.status in (400, 431), "40 kB of headers", r)
    grown = procs.rss_kb(sim.proc.pid) - rss
    t.ok(grown < 32 * 1024, "memory does not follow the input", grown)
    t.eq((sim.proc.poll(), sim.state()["phones"]), (None, before),
         "and nothing was taken")
    if own:
        r = raw(port, "POST /sim/api/customer HTTP/1.1\nHost: {host}\n"
                "Content-Type: application/json\n"
                "Transfer-Encoding: chunked\n\n", b"2\r\n{}\r\n0\r\n\r\n")
        t.eq(r.status, 411, "chunks")


def page(t, port):
    t.head("the page")
    r = ask(port, "GET", "/sim/")
    html = r.body.decode()
    policy = r.headers.get("content-security-policy", "")
    t.ok(all(x in policy for x in (
        "default-src 'none'", "frame-ancestors 'none'", "script-src 'self'",
        "base-uri 'none'")) and "unsafe" not in policy, "its policy", policy)
    t.eq(r.headers.get("x-content-type-options"), "nosniff", "nosniff")
    t.ok(not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=",
                       html), "no inline script or style")
    files = re.findall(r'(?:src|href)="([^"#:]+)"', html)
    got = {f: ask(port, "GET", "/sim/" + f) for f in files}
    t.eq(sorted((f, r.status, r.headers["content-type"],
                 r.headers["x-content-type-options"])
                for f, r in got.items()),
         [("phone.css", 200, "text/css; charset=utf-8", "nosniff"),
          ("phone.js", 200, "text/javascript; charset=utf-8", "nosniff")],
         "its files")
    for path in ("/sim/sim.py", "/sim/../sim.py", "/sim/%2e%2e/sim.py",
                 "/sim//etc/passwd", "/sim/nosuch"):
        t.ok(ask(port, "GET", path).status in (400, 404), path)


def direct(t, sim):
    t.head("many connections")
    conns = [socket.create_connection(("127.0.0.1", sim.port))
             for _ in range(600)]

    def refused():
        got = 0
        for c in conns:
            c.setblocking(False)
            try:
                got += c.recv(100, socket.MSG_PEEK).startswith(
                    b"HTTP/1.1 503")
            except OSError:
                pass
        return got
    wait_until(lambda: refused() >= 80, 20, "refusals")
    for c in conns:
        c.close()

    def back():
        try:
            return ask(sim.port, "GET", "/sim/api/health").status == 200
        except (OSError, web.Closed):
            return False
    t.ok(wait_until(back, 20, "the simulator"),
         "more than its share is refused, and it is back")


# ---- the Graph side ----

def graph(t, s, sim):
    t.head("the Graph side")
    path = GRAPH % s.tenants[0].number
    good = dict(JSON, Authorization="Bearer " + simlib.TOKEN)

    def post(body, headers=None, to=path):
        r = ask(sim.port, "POST", to, headers or good, body)
        return r.status, r.json["error"]["code"]

    t.eq(post(b"{}", JSON), (401, 190), "no token")
    t.eq(post(b"{}", dict(JSON, Authorization="Bearer \xe9")), (401, 190),
         "a token that is no ASCII")
    t.eq(post(b"{}", good, GRAPH % "7"), (400, 100), "no such number")
    r = raw(sim.port, "POST %s HTTP/1.1\nHost: {host}\n"
            "Authorization: Bearer wrong\nContent-Length: 200000\n\n" % path)
    t.eq(r.status, 401, "the token is asked for before the body")
    for body in (b"", b"[]", b"{", b'{"a":' * 99 + b"1" + b"}" * 99,
                 b"\xff\xfe", b'{"to":"\\udfff"}'):
        t.eq(post(body), (400, 100), "%.30r" % body)
    t.eq(post(b"{}", dict(good, **{"Content-Type": "text/plain"})),
         (415, 100), "text/plain")
    t.eq(post(b" " * 300000), (413, 100), "300 kB")
    t.eq(ask(sim.port, "GET", path, good).status, 405, "GET")

    rng = random.Random(7)
    base = {"messaging_product": "whatsapp", "to": "+15550077",
            "recipient": "BR.1", "type": "text", "text": {"body": "x"},
            "context": {"message_id": "w"}, "status": "sent",
            "biz_opaque_callback_data": "x"}
    odd = (None, True, 0, -1, 1.5, "", "x" * 5000, [], [[]], {}, {"body": []},
           {"message_id": []}, "\u0661\u0662\u0663", "contacts", "__class__")
    seen = set()
    for _ in range(tap.size(600, 6000)):
        req = dict(base)
        for key in rng.sample(sorted(base), rng.randint(1, 3)):
            req[key] = rng.choice(odd)
        if rng.random() < 0.3:
            req.pop(rng.choice(sorted(req)))
        seen.add(post(json.dumps(req).encode())[0])
    t.eq(seen, {400}, "odd members are refused, whatever they are")


def window(t, s, sim):
    t.head("24 hours")
    ten = s.tenants[0]
    path = GRAPH % ten.number
    good = dict(JSON, Authorization="Bearer " + simlib.TOKEN)

    def send(to, kind="text", **part):
        part = part or {"body": "hello"}
        to = {"to": "+" + to} if to.isdigit() else {"recipient": to}
        r = ask(sim.port, "POST", path, good, json.dumps(dict(
            to, messaging_product="whatsapp", type=kind,
            **{kind: part})).encode())
        return r.status, r.json

    template = {"name": "hello", "language": {"code": "pt_BR"}}
    now = int(time.time())
    who = [wa.phone() for _ in range(3)] + ["BR.77", "BR.78"]
    status, body = send(who[0])
    error = body["error"]
    t.ok(error.pop("fbtrace_id") and (status, error) == (400, {
        "message": "(#131047) Re-engagement message",
        "type": "OAuthException", "code": 131047,
        "error_data": {"messaging_product": "whatsapp", "details":
                       "Message failed to send because more than 24 hours "
                       "have passed since the customer last replied to this "
                       "number."}}),
         "who never wrote gets no free text, in Meta's shape", body)
    t.eq([send(who[0], kind, **part)[1]["error"]["code"] for kind, part in (
        ("image", {"id": "1"}), ("reaction", {"message_id": "w",
                                              "emoji": "x"}))],
         [131047, 131047], "nor a picture or a reaction")
    t.eq(send(who[0], "template", **template)[0], 200, "a template passes")
    sim.customer(ten, who[0], "hi")
    t.eq(send(who[0])[0], 200, "who wrote is answered")
    sim.customer(ten, who[1], "hi", timestamp=now - DAY_S - 60)
    t.eq(send(who[1])[1]["error"]["code"], 131047, "24 hours and a minute")
    sim.customer(ten, who[2], "hi", timestamp=now - DAY_S + 600)
    t.eq(send(who[2])[0], 200, "ten minutes before")
    t.eq(send(who[3])[1]["error"]["code"], 131047, "the same without a number")
    sim.post("customer", {"phone_number_id": ten.number, "user_id": who[3],
                          "username": "ana", "name": "Ana", "text": "oi"})
    t.eq(send(who[3])[0], 200, "and answered")

    s.serve(roles="courier,jobs")
    agent = s.client(s.token(ten.agent))

    def conversation():
        for c in agent.get(CONV + "?limit=100").json["data"]:
            if c["contact"]["phone"] == "+" + who[1]:
                return c["id"]
        return None
    conv = wait_until(conversation, 20, "the conversation")
    mid = agent.post("%s/%s/messages" % (CONV, conv),
                     {"content": "too late"}).json["id"]

    def failed():
        m = agent.get("%s/%s/messages" % (CONV, conv)).json["data"][0]
        return m if m["id"] == mid and m["status"] == "failed" else None
    m = wait_until(failed, 20, "the failure")
    t.eq((m["error"]["code"], sim.texts(ten, who[1])), (131047, []),
         "an agent's late answer fails and is not on the phone")


# ---- the demo ----

def demo(t, s):
    t.head("the demo")
    file = os.path.join(s.dir, "demo-state.json")
    out = s.pytake("demo", "--state", file)
    t.eq(s.pytake("demo", "--state", file), out, "a second time is the same")
    tenants = json.loads(out)
    with open(file) as f:
        tokens = json.load(f)["access_tokens"]
    numbers = [{"phone_number_id": x["phone_number_id"],
                "display_phone_number": x["display_phone_number"],
                "name": x["name"], "contacts": x["contacts"],
                "access_token": tokens[x["phone_number_id"]]}
               for x in tenants]
    sim = simlib.Sim(s, numbers=numbers)
    try:
        for ten in tenants:
            user = next(u for u in ten["users"] if u["role"] == "agent")
            c = s.client(s.client().post(
                "/api/v1/auth/login", {"email": user["email"], "password":
                                       user["password"]})
                .json["access_token"])
            inbox = read_inbox(c)
            phones = [p for p in sim.state()["phones"]
                      if p["phone_number_id"] == ten["phone_number_id"]]
            t.eq(sorted(map(on_phone, phones)), sorted(in_inbox(inbox)),
                 "%s: every phone has what the inbox has" % ten["name"])
            if ten is tenants[0]:
                alive(t, inbox)
                both_ways(t, s, sim, ten, c)
    finally:
        sim.stop()


def read_inbox(c):
    """[(conversation, its messages, oldest first)], all of them."""
    return [(v, list(reversed(c.get("%s/%s/messages?limit=100"
                                    % (CONV, v["id"])).json["data"])))
            for v in c.get(CONV + "?limit=100").json["data"]]


def on_phone(p):
    return (p["wa_id"] and "+" + p["wa_id"], p["name"],
            [(m["id"], m["direction"] == "out", m["type"], m["text"],
              m["status"] if m["direction"] == "in" else "",
              (m.get("error") or {}).get("code"), m.get("reply_to"))
             for m in p["messages"]])


def in_inbox(inbox):
    for v, messages in inbox:
        wamids = {m["id"]: m["whatsapp_message_id"] for m in messages}
        yield (v["contact"]["phone"] or "", v["contact"]["name"],
               [(m["whatsapp_message_id"], m["sender_type"] == "contact",
                 m["message_type"], m["content"],
                 m["status"] if m["sender_type"] == "agent" else "",
                 (m["error"] or {}).get("code"), wamids.get(m["reply_to"]))
                for m in messages])


def alive(t, inbox):
    """What a newcomer opens first shows what an inbox is for."""
    now = time.time()
    said = [m for _, messages in inbox for m in messages]
    convs = [v for v, _ in inbox]

    def at(text):
        return time.mktime(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) \
            - time.timezone

    missing = {"text", "image", "audio", "document", "location", "contacts",
               "button", "reaction", "sticker", "template"} - {
                   m["message_type"] for m in said}
    t.eq(missing, set(), "messages of every kind")
    t.eq({m["status"] for m in said if m["sender_type"] == "agent"},
         {"sent", "delivered", "read", "failed"}, "ticks of every kind")
    t.eq({(m["error"] or {}).get("code") for m in said
          if m["status"] == "failed"}, {131026, 131047}, "real failures")
    t.ok(any(at(v["window_expires_at"]) < now for v in convs),
         "a window that is closed")
    t.ok(any(v["status"] == "closed" for v in convs), "a closed one")
    t.ok(any(v["assigned_to"] is None for v in convs)
         and len({v["assigned_to"] for v in convs} - {None}) >= 3,
         "unassigned, and of three agents")
    t.ok(any(v["unread_count"] > 1 for v in convs)
         and any(v["unread_count"] == 0 for v in convs), "read and unread")
    t.ok(len({x for v in convs for x in v["tags"]}) >= 5, "tags")
    t.ok(sum(v["contact"]["phone"] is None for v in convs) >= 2,
         "customers who show no number")
    t.ok(any(v["unread_count"] and messages[-1]["sender_type"] == "contact"
             and at(messages[0]["created_at"]) < now - 3 * 3600
             and v["status"] != "closed" for v, messages in inbox),
         "somebody waits for hours")


def both_ways(t, s, sim, ten, c):
    """A customer without a number goes on in their conversation."""
    s.serve(roles="courier,jobs")
    contact = next(x for x in ten["contacts"] if x.get("username") ==
                   "rafa.doces")
    wamid = sim.post("customer", {
        "phone_number_id": ten["phone_number_id"], "text": "oi de novo",
        "user_id": contact["user_id"], "name": contact["name"]})["id"]

    def there():
        for v in c.get(CONV + "?limit=100").json["data"]:
            if v["contact"]["name"] == contact["name"]:
                m = c.get("%s/%s/messages" % (CONV, v["id"])).json["data"]
                return v["id"] if m[0]["whatsapp_message_id"] == wamid \
                    else None
        return None
    conv = wait_until(there, 20, "the message")
    c.post("%s/%s/messages" % (CONV, conv), {"content": "Oi, Rafa!"})

    def answered():
        for p in sim.state()["phones"]:
            if p["user_id"] == contact["user_id"]:
                return any(m["text"] == "Oi, Rafa!" and m["status"] == "read"
                           for m in p["messages"])
        return False
    t.ok(wait_until(answered, 20, "the answer"),
         "a customer without a number writes and is answered")


tap.run(main)
