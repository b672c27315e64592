#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""The edge of the API: headers that came twice, names that are not ours,
what logs show of strangers, headers that every answer has; what is kept of the
browser inbox's files."""

import json
import os
import re
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))

import conf
import stack
import tap
import wa
import web

API = "/api/v1"
CONV = API + "/conversations"
HOOK = API + "/webhooks/whatsapp"
JSON = "Content-Type: application/json"
WS = ("Upgrade: websocket\r\nConnection: upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")


def main(t):
    # the shipped level, and then all that a release can say
    with stack.Stack() as s:
        for part in (doubled, names, nosniff, said, lines):
            t.head(part.__name__)
            part(t, s)
        s.check_logs(t)
    with tempfile.TemporaryDirectory(prefix="pt-", dir="/tmp") as folder:
        os.chmod(folder, 0o755)
        with stack.Stack(conf_edit=shown(folder)) as s:
            t.head("arguments")
            arguments(t, s)
            s.check_private(t)
            t.head("files")
            files(t, s, folder)


def shown(folder):
    """Every line of the log, and the inbox's files from this folder."""
    with open(os.path.join(stack.TOP, "conf", "pytake-web.conf")) as f:
        block = re.search(r"^location /_next/static/ \{.*?^\}", f.read(),
                          re.DOTALL | re.MULTILINE).group(0)
    add = conf.add_location(block.replace("/usr/share/pytake/web", folder))

    def change(name, text):
        return add(name, conf.log_all(name, text))
    return change


def ask(s, method, target, *lines, body=b"", host="localhost"):
    """A request of these very lines."""
    c = web.Conn(s.port)
    text = "\r\n".join(["%s %s HTTP/1.1" % (method, target)]
                       + (["Host: " + host] if host is not None else [])
                       + list(lines) + ["Connection: close", "", ""])
    c.send(text.encode("latin-1") + body)
    try:
        return c.read(method)
    finally:
        c.sock.close()


def doubled(t, s):
    """Which of two would count?  None does."""
    ten = s.tenants[0]
    auth = "Authorization: Bearer " + s.token(ten.agent)
    other = "Authorization: Bearer " + s.token(s.add_user(ten, "viewer"))
    s.say(ten, wa.phone(), "hi")
    conv = s.client(auth[22:]).get(CONV).json["data"][0]["id"]
    msgs = "%s/%s/messages" % (CONV, conv)
    body = b'{"content":"x"}'
    length = "Content-Length: %d" % len(body)
    hook = wa.dump(wa.body(wa.value(ten.number, [wa.text(wa.phone())])))
    sign = "X-Hub-Signature-256: " + wa.sign(s.app_secret, hook)
    before = s.one("SELECT count(*) FROM messages")
    for what, lines in (
            ("Content-Type", (auth, JSON, "content-type: text/plain")),
            ("Idempotency-Key", (auth, JSON, "Idempotency-Key: a",
                                 "Idempotency-Key: b")),
            ("Idempotency-Key", (auth, JSON, "Idempotency-Key: a",
                                 "IDEMPOTENCY-KEY: a"))):
        r = ask(s, "POST", msgs, length, *lines, body=body)
        t.eq((r.status, r.code), (400, "duplicate_header"), "twice " + what)
        t.ok(what in r.json["detail"], "... and told so", r)
    # these NGINX refuses itself, before there is a location
    for what, method, target, lines in (
            ("Authorization", "POST", msgs, (auth, other, JSON, length)),
            ("Authorization", "GET", CONV, (auth, other)),
            ("Authorization", "GET", CONV + "/ws", (WS, auth, other)),
            ("If-Match", "POST", msgs, (auth, JSON, length, 'If-Match: "1"',
                                        'If-Match: "2"'))):
        r = ask(s, method, target, *lines, body=body)
        t.eq((r.status, r.code), (400, "bad_request"),
             "twice %s at %s" % (what, target.replace(conv, "{id}")))
    for second in (sign, "x-hub-signature-256: sha256=00"):
        r = ask(s, "POST", HOOK, "Content-Length: %d" % len(hook), sign,
                second, body=hook)
        t.eq((r.status, r.code), (400, "duplicate_header"),
             "twice X-Hub-Signature-256")
    t.eq(s.one("SELECT count(*) FROM messages"), before,
         "nothing was written")
    r = ask(s, "POST", msgs, JSON, length, auth, "Idempotency-Key: a",
            body=body)
    t.eq(r.status, 201, "once is well")


def names(t, s):
    """A page may have a name of its own point here: it is not answered."""
    token = "Authorization: Bearer " + s.token(s.tenants[0].agent)
    for host in ("evil.example", "evil.example:%d" % s.port,
                 "127.0.0.1.evil.example", "localhost.evil.example",
                 "1.2.3.4.nip.io", "0x7f.1"):
        for target, lines in (
                ("/metrics", ()), ("/health", ()), (CONV, (token,)),
                (CONV + "/ws", (WS, token, "Origin: http://" + host))):
            r = ask(s, "GET", target, *lines, host=host)
            t.eq((r.status, r.code), (421, "misdirected_request"),
                 "%s of %s" % (target, host))
    for host in ("localhost", "localhost:%d" % s.port, "LocalHost",
                 "127.0.0.1", "127.0.0.1:%d" % s.port, "[::1]",
                 "[::1]:%d" % s.port, "10.1.2.3"):
        t.eq(ask(s, "GET", "/metrics", host=host).status, 200,
             "/metrics of " + host)
    c = web.Conn(s.port)
    c.send(b"GET /health/live HTTP/1.0\r\n\r\n")
    t.eq(c.read().status, 200, "of no name: a balancer's HTTP/1.0")


def nosniff(t, s):
    """An answer is what it says it is."""
    token = "Authorization: Bearer " + s.token(s.tenants[0].agent)
    verify = (HOOK + "?hub.mode=subscribe&hub.challenge=%3Cscript%3E&"
              "hub.verify_token=" + s.verify_token)
    for what, r, status in (
            ("a good answer", ask(s, "GET", CONV, token), 200),
            ("a refusal", ask(s, "GET", CONV), 401),
            ("a refusal before its body",
             ask(s, "POST", CONV, JSON, "Content-Length: 9"), 401),
            ("no route", ask(s, "GET", API + "/nope"), 404),
            ("no location", ask(s, "GET", "/nope"), 404),
            ("another name", ask(s, "GET", "/nope", host="x.example"), 421),
            ("what NGINX refuses", ask(s, "GET", "/%zz"), 400),
            ("health", ask(s, "GET", "/health"), 200),
            ("metrics", ask(s, "GET", "/metrics"), 200),
            ("no upgrade", ask(s, "GET", CONV + "/ws"), 426),
            ("a webhook", s.hook(b"{}", conn=web.Conn(s.port)), 200),
            ("the challenge", ask(s, "GET", verify), 200)):
        t.eq((r.status, r.headers.get("x-content-type-options")),
             (status, "nosniff"), "nosniff: " + what)
        if what == "the challenge":
            t.eq((r.headers["content-type"].split(";")[0], r.body),
                 ("text/plain", b"<script>"), "the challenge is text")


def said(t, s):
    """What an operator should hear of is in the error log as it is shipped:
    a line, however often it happens, and nothing in it that is secret."""
    number = "1" + "9" * 14
    phone = wa.phone()
    mark = "Rosebud"
    for _ in range(20):
        s.hook({"object": mark}, sign=wa.sign("another secret", b"x"))
        ask(s, "GET", HOOK + "?hub.mode=subscribe&hub.challenge=1&"
            "hub.verify_token=" + mark)
        s.hook(wa.body(wa.value(number, [wa.text(phone, mark)])))
        ask(s, "GET", CONV + "/ws", WS, "Origin: https://shop.example")
        ask(s, "GET", CONV + "/ws", WS, "Origin: \x1b[31m" + mark)
    for what in ("its signature is not of this app secret",
                 "another verify token, or none",
                 "a phone_number_id that no tenant has",
                 'origin is not allowed "https://shop.example"'):
        lines = s.nginx.log_lines(r"\[notice\].*" + re.escape(what))
        t.ok(lines, "at notice: " + what)
        t.ok(len(lines) <= 2 * s.workers, "... and not once a request",
             len(lines))
    text = s.nginx.log_text()
    t.eq([x for x in (mark, number, phone, "\x1b", s.verify_token)
          if x in text], [], "and no word of a stranger's")
    codes = [json.loads(line).get("code") for line in log(s)]
    for code in ("invalid_signature", "verify_token_mismatch"):
        t.ok(codes.count(code) >= 20, "the access log has the code " + code)


def log(s):
    with open(s.nginx.access_log, "rb") as f:
        return f.read().decode("utf-8").splitlines()


def lines(t, s):
    """Whatever comes, every line of the access log is JSON in UTF-8."""
    every = "".join(map(chr, range(1, 256)))
    for c in every:
        if c in "\0\n\r ":
            continue
        ask(s, "GET", API + "/x" + c + "y?z=" + c, "User-Agent: " + c + "a",
            "Referer: http://" + c, "X-Request-Id: " + c)
    ask(s, "GET", API + '/\xff\xc3\xa4"\\\xf0\x9f\x98\x80')
    c = web.Conn(s.port)
    c.send(b"\xff\xfe /\xff HTTP/1.1\r\n\r\n")
    c.read()
    stack.wait_until(lambda: any("%FF%C3" in x for x in log(s)), 10,
                     "the last line")
    bad = []
    for line in log(s):
        try:
            json.loads(line)
        except ValueError as e:
            bad.append((str(e), line))
    t.eq(bad, [], "every line is JSON, in UTF-8")
    t.ok(any(json.loads(x)["uri"] == API
             + "/%FF%C3%A4%22%5C%F0%9F%98%80" for x in log(s)),
         "bytes that are no text are escaped",
         [json.loads(x)["uri"] for x in log(s)][-3:])


def arguments(t, s):
    """The error log has no arguments of a request, whatever it says of it,
    nor of the page that it came from."""
    mark = "Rosebud"
    token = "Authorization: Bearer " + s.token(s.tenants[0].agent)
    referer = "Referer: https://app.example/?" + mark
    for _ in range(3):
        ask(s, "GET", HOOK + "?hub.mode=subscribe&hub.challenge=1&"
            "hub.verify_token=" + mark, referer)
        ask(s, "GET", "%s?cursor=%s" % (CONV, mark), token, referer)
        # no hub: NGINX's own line about its upstream
        r = ask(s, "GET", CONV + "/ws?token=" + mark, WS, token, referer)
    t.eq(r.status, 503, "no hub")
    text = s.nginx.log_text()
    t.ok('request: "GET %s/ws", upstream:' % CONV in text,
         "NGINX tells of the request ...", text[-600:])
    t.ok(mark not in text, "... without its arguments",
         [x for x in text.splitlines() if mark in x][:3])


def files(t, s, folder):
    """A browser keeps a file with a digest in its name for good: so it is
    whole, and what is no such file is not kept."""
    text = "".join("let x%d;\n" % i for i in range(400)).encode()
    path = "/_next/static/chunk.0123456789abcdef.js"
    os.makedirs(folder + "/_next/static")
    with open(folder + path, "wb") as f:
        f.write(text)
    r = ask(s, "GET", path)
    t.eq((r.status, r.body == text, r.headers.get("accept-ranges")),
         (200, True, None), "a file, of which no ranges are offered")
    t.ok("immutable" in r.headers["cache-control"], "... is kept", r)
    tag = "If-Range: " + r.headers["etag"]
    for what in ("bytes=0-9", "bytes=-5", "bytes=0-1,5-6", "bytes=100000-",
                 "bytes=5-2", "lines=1-2"):
        for more in ((), (tag,)):
            r = ask(s, "GET", path, "Range: " + what, *more)
            t.eq((r.status, r.body == text, r.headers.get("content-range")),
                 (200, True, None),
                 "whole for Range: %s%s" % (what, " of this one" * len(more)))
    r = ask(s, "GET", "/_next/static/gone.0123456789abcdef.js",
            "Range: bytes=100000-")
    t.eq((r.status, r.headers.get("cache-control", "").count("immutable")),
         (404, 0), "one that is not there is not kept as such")


tap.run(main)
