# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""The simulator's HTTP server.

What a request may be is judged here, before anything is done with it: which
host it names, which page sent it, its method, its length, its media type, its
JSON.  A web page of another origin is refused, also when its name was made to
point here (DNS rebinding).  Every refusal is a problem+json document, or an
error in Meta's shape on the Graph side.
"""

import http.client
import http.server
import ipaddress
import json
import os
import re
import socket
import socketserver
import threading
import time
import urllib.parse

BODY_MAX = 256 * 1024
HEAD_MAX = 16 * 1024      # the request line and all headers
DEPTH_MAX = 32            # levels of a JSON body
CONNECTIONS_MAX = 512
FIRST_S = 10              # from the connection to its first whole head
IDLE_S = 600              # from an answer to the next whole head
BODY_S = 20               # from the head to the whole body
ANSWER_S = 60             # for the answer to be taken
LINGER_S, LINGER_MAX = 2, 4 * 1024 * 1024

GRAPH_RE = re.compile(r"^/v\d{1,3}\.\d{1,3}/([^/]{1,64})/messages$")
STRING_RE = re.compile(rb'"(?:[^"\\]|\\.)*"')
JSON_TYPE_RE = re.compile(r'^application/json\s*(?:;\s*charset="?utf-8"?\s*)?$',
                          re.IGNORECASE)
FILES = {"/sim/": ("index.html", "text/html; charset=utf-8"),
         "/sim/phone.js": ("phone.js", "text/javascript; charset=utf-8"),
         "/sim/phone.css": ("phone.css", "text/css; charset=utf-8")}
SAFE = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; "
        "style-src 'self'; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
TITLES = {"host_not_allowed": "This host name is not the simulator's",
          "origin_not_allowed": "Pages of this origin may not use the "
                                "simulator",
          "method_not_allowed": "This path has no such method",
          "unsupported_media_type": "The body must be application/json",
          "body_too_large": "The body is too large",
          "length_required": "The body's length must be said",
          "too_many_connections": "Too many connections are open",
          "invalid_json": "The body is not valid JSON",
          "invalid_field": "A field is not what it should be",
          "limit_reached": "The simulator holds no more",
          "not_found": "There is no such thing",
          "bad_request": "The request is not valid HTTP",
          "internal_error": "The simulator failed"}


class Refused(Exception):
    """A problem+json answer."""

    def __init__(self, status, code, detail=None, headers=None):
        super().__init__(detail or TITLES[code])
        self.status, self.code = status, code
        self.detail = detail or TITLES[code]
        self.headers = headers or {}

    def body(self):
        return {"type": "https://pytake.net/problems/" + self.code,
                "title": TITLES[self.code], "status": self.status,
                "detail": self.detail, "code": self.code}


class Hosts:
    """The names by which browsers and programs may call the simulator:
    loopback's, the address that PYTAKE_LISTEN says (any address, when that is
    all of them: an address cannot be rebound), those of PYTAKE_SIM_HOSTS."""

    def __init__(self, listen="", more=""):
        self.names = {"localhost"}
        self.any_address = listen.strip("[]") in ("0.0.0.0", "*", "::")
        for name in [listen.strip("[]")] + re.split(r"[\s,]+", more):
            if name:
                self.names.add(name.lower())

    def __contains__(self, host):
        got = re.fullmatch(r"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])"
                           r"(:\d{1,5})?", host)
        if not got:
            return False
        name = got.group(1).lower().strip("[]")
        if name in self.names or host.lower() in self.names:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or self.any_address


def load_json(data):
    """An object of bounded depth, all of it UTF-8."""
    depth = 0
    for c in re.findall(rb"[\[\]{}]", STRING_RE.sub(b"", data)):
        depth += 1 if c in b"[{" else -1
        if depth > DEPTH_MAX:
            raise Refused(400, "invalid_json", "More than %d levels"
                          % DEPTH_MAX)
    try:
        obj = json.loads(data.decode("utf-8"), parse_constant=no_constant)
        json.dumps(obj, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        raise Refused(400, "invalid_json") from None
    if not isinstance(obj, dict):
        raise Refused(400, "invalid_json", "The body must be an object")
    return obj


def no_constant(name):
    raise ValueError(name)  # NaN and its kin are Python's, not JSON's


class Head:
    """Reads a request's head within its limit."""

    def __init__(self, raw):
        self.raw, self.left = raw, HEAD_MAX

    def __getattr__(self, name):
        return getattr(self.raw, name)

    def readline(self, limit=-1):
        line = self.raw.readline(self.left + 1)
        self.left -= len(line)
        if self.left < 0:
            raise http.client.LineTooLong("the head")
        return line


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server_version, sys_version = "pytake-sim", ""
    hosts = Hosts()
    api = None     # {(method, path): function of (query, body)}
    graph = None   # its admit(number, auth) and call(number, req)
    files = {}

    def log_message(self, *args):
        pass

    # ---- the connection ----

    def setup(self):
        super().setup()
        self.server.until(self.connection, FIRST_S)

    def finish(self):
        self.server.until(self.connection, None)
        try:
            super().finish()
        except OSError:
            pass  # it went away

    def handle_one_request(self):
        self.wait_100, raw = False, self.rfile
        self.command, self.request_version = "", "HTTP/1.1"
        self.requestline, self.close_connection = "", True
        self.rfile = Head(raw)
        try:
            try:
                self.raw_requestline = self.rfile.readline()
                if not self.raw_requestline or not self.parse_request():
                    return
            except http.client.LineTooLong:
                self.refuse(Refused(431, "bad_request",
                                    "The headers are too large"))
                return
            finally:
                self.rfile = raw
            self.serve()
            self.wfile.flush()
            self.server.until(self.connection, IDLE_S)
        except (OSError, ValueError):
            self.close_connection = True  # it went away

    def handle_expect_100(self):
        self.wait_100 = True  # until it is known that the body is wanted
        return True

    def send_error(self, code, message=None, explain=None):
        self.close_connection = True
        self.refuse(Refused(code, "bad_request", message))

    # ---- answers ----

    def answer(self, status, body, kind="application/json", headers=()):
        if not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        self.send_response(status)
        for name, value in {**SAFE, **dict(headers)}.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.server.until(self.connection, ANSWER_S)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        if self.close_connection:
            self.linger()

    def refuse(self, e):
        self.answer(e.status, e.body(), "application/problem+json",
                    e.headers)

    def linger(self):
        """A body that stays unread must not take the answer with it."""
        self.wfile.flush()
        self.server.until(self.connection, LINGER_S)
        self.connection.shutdown(socket.SHUT_WR)
        left = LINGER_MAX
        while left > 0:
            data = self.connection.recv(65536)
            if not data:
                break
            left -= len(data)

    # ---- judging ----

    def serve(self):
        self.server.until(self.connection, None)
        unread = self.has_body()
        number = None
        try:
            path, query = self.target()
            number = GRAPH_RE.match(path)
            self.admit(path)
            if path in self.files:
                self.method("GET", "HEAD")
                kind, data = self.files[path]
                self.close_connection |= unread
                self.answer(200, data, kind)
            elif number:
                self.serve_graph(number.group(1))
            else:
                self.serve_api(path, query)
        except Refused as e:
            self.close_connection |= unread and not self.body_read
            if number:
                e = self.graph.error(e)
            self.answer_refusal(e)
        except self.graph.Error as e:
            self.close_connection |= unread and not self.body_read
            self.answer(e.status, e.body)
        except OSError:
            raise
        except Exception as e:  # pylint: disable=broad-except
            self.close_connection = True
            self.log_failure(e)
            self.refuse(Refused(500, "internal_error"))

    def answer_refusal(self, e):
        if isinstance(e, Refused):
            self.refuse(e)
        else:
            self.answer(e.status, e.body)

    def log_failure(self, e):
        print("sim: %s %s failed: %r" % (self.command,
                                         self.path.split("?")[0][:200], e),
              flush=True)

    def has_body(self):
        """Also for what is refused: does a body come behind this head?"""
        self.body_read = False
        self.close_connection |= "Transfer-Encoding" in self.headers
        return self.headers.get("Content-Length", "0") != "0"

    def target(self):
        if not self.path.startswith("/") or not self.path.isascii():
            raise Refused(400, "bad_request", "The target must be a path")
        path, _, query = self.path.partition("?")
        try:
            args = urllib.parse.parse_qsl(query, max_num_fields=8)
        except ValueError:
            raise Refused(400, "bad_request", "Too many arguments") from None
        return ("/sim/" if path == "/sim" else path), dict(args)

    def admit(self, path):
        hosts = self.headers.get_all("Host") or []
        if len(hosts) != 1:
            raise Refused(400, "bad_request", "One Host header is needed")
        if hosts[0] not in self.hosts:
            raise Refused(403, "host_not_allowed", "Call it by its address "
                          "or by localhost; PYTAKE_SIM_HOSTS allows others")
        for origin in self.headers.get_all("Origin") or []:
            scheme, _, rest = origin.partition("://")
            if scheme not in ("http", "https") or (rest.lower()
                                                   != hosts[0].lower()):
                raise Refused(403, "origin_not_allowed")
        site = self.headers.get("Sec-Fetch-Site", "same-origin")
        if path not in self.files and (
                site != "same-origin"
                and (site != "none" or self.command != "GET")):
            raise Refused(403, "origin_not_allowed")

    def method(self, *allowed):
        if self.command not in allowed:
            raise Refused(405, "method_not_allowed", None,
                          {"Allow": ", ".join(allowed)})

    def read_json(self):
        if "Transfer-Encoding" in self.headers:
            raise Refused(411, "length_required")
        lengths = self.headers.get_all("Content-Length") or []
        if not lengths:
            raise Refused(411, "length_required")
        if len(lengths) != 1 or not re.fullmatch(r"[0-9]{1,18}", lengths[0]):
            raise Refused(400, "bad_request", "The Content-Length is no "
                          "length")
        types = self.headers.get_all("Content-Type") or []
        if (len(types) != 1 or not JSON_TYPE_RE.match(types[0])
                or "Content-Encoding" in self.headers):
            raise Refused(415, "unsupported_media_type")
        if int(lengths[0]) > BODY_MAX:
            raise Refused(413, "body_too_large", "At most %d bytes"
                          % BODY_MAX)
        if self.wait_100:
            self.send_response_only(100)
            self.end_headers()
        self.server.until(self.connection, BODY_S)
        data = self.rfile.read(int(lengths[0]))
        self.server.until(self.connection, None)
        if len(data) != int(lengths[0]):
            raise Refused(400, "bad_request", "The body ended early")
        self.body_read = True
        return load_json(data)

    def serve_api(self, path, query):
        allowed = [m for m, p in self.api if p == path]
        if not allowed:
            raise Refused(404, "not_found", "There is no such path")
        self.method(*allowed)
        req = query if self.command == "GET" else self.read_json()
        self.answer(200, self.api[(self.command, path)](req))

    def serve_graph(self, number):
        self.method("POST")
        self.graph.admit(number, self.headers.get("Authorization"))
        status, body = self.graph.call(number, self.read_json())
        if body is not None:
            self.answer(status, body)
            return
        self.close_connection = True  # accepted, and never a word
        if status == "timeout":
            time.sleep(60)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, *args):
        super().__init__(*args)
        self.lock = threading.Lock()
        self.open = {}  # connection -> when it is closed, or None
        threading.Thread(target=self.sweep, daemon=True).start()

    def until(self, conn, seconds):
        """The connection ends in so many seconds, unless told otherwise."""
        with self.lock:
            if conn in self.open:
                self.open[conn] = seconds and time.monotonic() + seconds

    def sweep(self):
        while True:
            time.sleep(0.5)
            with self.lock:
                late = [c for c, end in self.open.items()
                        if end and end < time.monotonic()]
            for conn in late:
                try:
                    conn.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def process_request(self, request, client_address):
        with self.lock:
            full = len(self.open) >= CONNECTIONS_MAX
            if not full:
                self.open[request] = None
        if not full:
            super().process_request(request, client_address)
            return
        body = json.dumps(Refused(503, "too_many_connections").body())
        try:
            request.send(("HTTP/1.1 503 Service Unavailable\r\n"
                          "Content-Type: application/problem+json\r\n"
                          "Content-Length: %d\r\nConnection: close\r\n\r\n%s"
                          % (len(body), body)).encode())
        except OSError:
            pass
        self.shutdown_request(request)

    def shutdown_request(self, request):
        with self.lock:
            self.open.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request, client_address):
        pass  # a connection that broke is nobody's concern


def load_files():
    here = os.path.dirname(os.path.abspath(__file__))
    files = {}
    for path, (name, kind) in FILES.items():
        with open(os.path.join(here, name), "rb") as f:
            files[path] = (kind, f.read())
    return files
