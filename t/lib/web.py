# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""A small HTTP/1.1 client over raw sockets: keep-alive, exact about what came
over the wire, able to misbehave.  And threads that start together."""

import collections
import json as jsonlib
import queue
import re
import select
import socket
import struct
import threading
import time

import contract

ASKED = re.compile(rb"([A-Z]+) (\S+) HTTP/\d\.\d\r\n")


class Closed(Exception):
    """The server closed before the answer was whole.  idle: a reused
    connection that had not answered one byte (a client may retry it)."""

    def __init__(self, what, idle=False):
        super().__init__(what)
        self.idle = idle


class Response:
    def __init__(self, status, headers, body, ms, closing, cookies):
        self.status = status
        self.headers = headers  # lower-case name -> value (last one)
        self.cookies = cookies  # every Set-Cookie
        self.body = body
        self.ms = ms
        self.closing = closing

    @property
    def json(self):
        return jsonlib.loads(self.body)

    @property
    def code(self):
        """The problem's code, or None."""
        try:
            return self.json.get("code")
        except (ValueError, AttributeError):
            return None

    @property
    def id(self):
        return self.json["id"]

    def __repr__(self):
        return "<%d %s %r>" % (self.status, self.headers.get("content-type"),
                               self.body[:300])


def request_bytes(method, target, headers=None, body=None, host="localhost"):
    lines = ["%s %s HTTP/1.1" % (method, target), "Host: " + host]
    names = {k.lower() for k in headers or {}}
    for k, v in (headers or {}).items():
        if v is not None:
            lines.append("%s: %s" % (k, v))
    if (body is not None and "content-length" not in names
            and "transfer-encoding" not in names):
        lines.append("Content-Length: %d" % len(body))
    head = "\r\n".join(lines) + "\r\n\r\n"
    return head.encode("latin-1") + (body or b"")


class Conn:
    """One connection.  send() and read() apart, or request().  source: the
    address that it comes from.  What send() begins with is taken for a
    request: the answer to it is held against openapi.yaml."""

    def __init__(self, port, host="127.0.0.1", timeout=20.0, source=None):
        self.sock = socket.create_connection(
            (host, port), timeout=timeout,
            source_address=(source, 0) if source else None)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buf = b""
        self.served = 0
        self.asked = collections.deque()  # (method, target), not answered

    def send(self, data):
        m = ASKED.match(data)
        if m:
            self.asked.append([x.decode("latin-1") for x in m.groups()])
        self.sock.sendall(data)

    def _fill(self, began=True):
        try:
            data = self.sock.recv(65536)
        except (ConnectionResetError, BrokenPipeError) as e:
            raise Closed(str(e), idle=not began and self.served > 0)
        if not data:
            raise Closed("closed by the server",
                         idle=not began and self.served > 0)
        self.buf += data

    def read(self, method="GET", since=None):
        since = since or time.monotonic()
        while b"\r\n\r\n" not in self.buf:
            self._fill(began=bool(self.buf))
        head, self.buf = self.buf.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ", 2)[1])
        if status == 100:
            return self.read(method, since)
        headers, cookies = {}, []
        for line in lines[1:]:
            k, _, v = line.partition(":")
            headers[k.strip().lower()] = v.strip()
            if k.strip().lower() == "set-cookie":
                cookies.append(v.strip())
        body = b""
        if method == "HEAD" or status in (204, 304):
            pass
        elif headers.get("transfer-encoding", "") == "chunked":
            body = self._chunked()
        elif "content-length" in headers:
            n = int(headers["content-length"])
            while len(self.buf) < n:
                self._fill()
            body, self.buf = self.buf[:n], self.buf[n:]
        else:
            try:
                while True:
                    self._fill()
            except Closed:
                body, self.buf = self.buf, b""
        self.served += 1
        r = Response(status, headers, body,
                     (time.monotonic() - since) * 1000,
                     headers.get("connection", "").lower() == "close",
                     cookies)
        if self.asked:
            contract.heard(*self.asked.popleft(), status, headers, body)
        return r

    def _chunked(self):
        out = b""
        while True:
            while b"\r\n" not in self.buf:
                self._fill()
            line, self.buf = self.buf.split(b"\r\n", 1)
            n = int(line.split(b";")[0], 16)
            while len(self.buf) < n + 2:
                self._fill()
            out += self.buf[:n]
            self.buf = self.buf[n + 2:]
            if n == 0:
                return out

    def request(self, method, target, headers=None, body=None):
        since = time.monotonic()
        try:
            self.send(request_bytes(method, target, headers, body))
        except (ConnectionResetError, BrokenPipeError) as e:
            raise Closed(str(e), idle=self.served > 0)
        return self.read(method, since)

    def reset(self):
        """Aborts: RST instead of FIN."""
        try:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                 struct.pack("ii", 1, 0))
        finally:
            self.sock.close()

    def close(self):
        self.sock.close()

    def is_quiet(self):
        """Nothing to read (a kept connection that is still good)."""
        p = select.poll()  # select() knows no descriptor above 1023
        p.register(self.sock, select.POLLIN)
        return not p.poll(0)


class Client:
    """Keep-alive per thread.  token: the access token of every request.  A
    closed idle connection is retried once, as every client does."""

    def __init__(self, port, token=None, timeout=20.0):
        self.port = port
        self.token = token
        self.timeout = timeout
        self.local = threading.local()
        self.user = None
        self.refresh_token = None

    def as_token(self, token):
        c = Client(self.port, token, self.timeout)
        c.user = self.user
        return c

    def request(self, method, target, json=None, body=None, headers=None,
                auth=True):
        h = {}
        if auth and self.token:
            h["Authorization"] = "Bearer " + self.token
        if json is not None:
            body = jsonlib.dumps(json).encode()
        if body is not None:
            h["Content-Type"] = "application/json"
        h.update(headers or {})
        for again in (True, False):
            conn = getattr(self.local, "conn", None)
            if conn is not None and not conn.is_quiet():
                conn.close()
                conn = None
            if conn is None:
                conn = self.local.conn = Conn(self.port,
                                              timeout=self.timeout)
            try:
                r = conn.request(method, target, h, body)
            except Closed as e:
                conn.close()
                self.local.conn = None
                if e.idle and again:
                    continue
                raise
            except OSError:
                conn.close()
                self.local.conn = None
                raise
            if r.closing:
                conn.close()
                self.local.conn = None
            return r

    def get(self, target, **kw):
        return self.request("GET", target, **kw)

    def post(self, target, json=None, **kw):
        return self.request("POST", target, json=json, **kw)

    def patch(self, target, json=None, **kw):
        return self.request("PATCH", target, json=json, **kw)

    def delete(self, target, **kw):
        return self.request("DELETE", target, **kw)

    def close(self):
        conn = getattr(self.local, "conn", None)
        if conn is not None:
            conn.close()
            self.local.conn = None


def parallel(n, fn, timeout=300):
    """fn(0) .. fn(n - 1) at once, in threads that start together; their
    results in order.  The first exception is raised here."""
    barrier = threading.Barrier(n)
    out = [None] * n
    errors = []

    def work(i):
        try:
            barrier.wait(30)
            out[i] = fn(i)
        except BaseException as e:
            errors.append(e)

    threads = [threading.Thread(target=work, args=(i,), daemon=True)
               for i in range(n)]
    for th in threads:
        th.start()
    end = time.monotonic() + timeout
    for th in threads:
        th.join(max(0.0, end - time.monotonic()))
        if th.is_alive():
            raise TimeoutError("a parallel job did not end")
    if errors:
        raise errors[0]
    return out


def fan(jobs, workers, fn, timeout=600):
    """fn(job) for every job over so many threads; results in order."""
    jobs = list(jobs)
    q = queue.SimpleQueue()
    for i, job in enumerate(jobs):
        q.put((i, job))
    out = [None] * len(jobs)

    def work(_):
        while True:
            try:
                i, job = q.get_nowait()
            except queue.Empty:
                return
            out[i] = fn(job)

    if jobs:
        parallel(min(workers, len(jobs)), work, timeout)
    return out


def percentile(values, p):
    v = sorted(values)
    if not v:
        return 0.0
    return v[min(len(v) - 1, int(len(v) * p / 100.0))]
