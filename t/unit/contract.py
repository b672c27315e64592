#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""t/lib/contract.py finds what it is for: answers that do not fit
openapi.yaml, codes that nobody met."""

import json
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "lib"))

import contract  # noqa: E402
import tap  # noqa: E402

ID = "01a20610-653f-7d50-8b45-4e4151820c4c"
TIME = "2026-11-23T01:41:07.519Z"
TAG = {"id": ID, "name": "Zoe Secret", "color": None, "description": None,
       "created_at": TIME, "updated_at": TIME}
JSON = {"content-type": "application/json", "x-request-id": "r",
        "etag": '"1"', "location": "/api/v1/tags/" + ID}


def problem(code, status, **more):
    return dict({"type": "https://pytake.net/problems/" + code, "title": code,
                 "status": status, "detail": code, "code": code,
                 "request_id": "r"}, **more)


def told(method, target, status, headers, body):
    """What a new contract has against one answer."""
    c = contract.Contract()
    if not isinstance(body, (bytes, type(None))):
        body = json.dumps(body).encode()
    c.heard(method, target, status, headers, body)
    return list(c.faults)


PROBLEM = {"content-type": "application/problem+json", "x-request-id": "r",
           "www-authenticate": "Bearer", "retry-after": "1"}
TAGS, ONE = "/api/v1/tags", "/api/v1/tags/" + ID

GOOD = (
    ("POST", TAGS, 201, JSON, TAG),
    ("GET", ONE + "?x=1", 200, JSON, TAG),
    ("HEAD", ONE, 200, JSON, b""),
    ("DELETE", ONE, 204, {"x-request-id": "r"}, b""),
    ("GET", TAGS, 200, JSON, None),
    ("GET", TAGS, 401, PROBLEM, problem("token_expired", 401)),
    ("GET", TAGS, 414, PROBLEM, problem("uri_too_long", 414)),
    ("PUT", TAGS, 405, dict(PROBLEM, allow="GET"),
     problem("method_not_allowed", 405)),
    ("GET", "/api/v1/nothing", 404, PROBLEM, problem("route_not_found", 404)),
    ("GET", "/index.html", 404, {"content-type": "text/html"}, b"<p>"),
    ("GET", "/sim/api/state", 403, PROBLEM, {"code": "origin_not_allowed"}),
    ("GET", "/api/v1/conversations/ws", 101, {}, b""),
)

BAD = (
    ("a status", ("GET", TAGS, 204, JSON, b"")),
    ("no body", ("GET", ONE, 200, JSON, b"")),
    ("a body", ("DELETE", ONE, 204, {"x-request-id": "r"}, b"x")),
    ("a media type", ("GET", ONE, 200, dict(
        JSON, **{"content-type": "text/html"}), TAG)),
    ("a header that is missing", ("GET", ONE, 200, {
        k: v for k, v in JSON.items() if k != "etag"}, TAG)),
    ("a header's form", ("GET", ONE, 200, dict(JSON, etag="1"), TAG)),
    ("a field that is missing", ("GET", ONE, 200, JSON, {
        k: v for k, v in TAG.items() if k != "color"})),
    ("a field that is not declared", ("GET", ONE, 200, JSON,
                                      dict(TAG, more=1))),
    ("a type", ("GET", ONE, 200, JSON, dict(TAG, created_at="Zoe Secret"))),
    ("a code that is another operation's", (
        "GET", TAGS, 401, PROBLEM, problem("refresh_reused", 401))),
    ("a status that is another one in the body", (
        "GET", TAGS, 401, PROBLEM, problem("token_expired", 403))),
    ("a problem without its id", ("GET", TAGS, 401, PROBLEM, {
        "code": "token_expired", "status": 401})),
    ("405 without Allow", ("PUT", TAGS, 405, PROBLEM,
                           problem("method_not_allowed", 405))),
    ("a page under the API", ("GET", "/api/v1/nothing", 404,
                              {"content-type": "text/html"}, b"<p>")),
    ("an answer of nobody's", ("GET", "/api/v1/nothing", 200, JSON, TAG)),
    ("a code that nobody knows", ("GET", "/nothing", 404, PROBLEM,
                                  problem("lost", 404))),
)


def main(t):
    for answer in GOOD:
        t.eq(told(*answer), [], "%s %s: %d fits" % answer[:3])
    for what, answer in BAD:
        faults = told(*answer)
        t.ok(len(faults) == 1 and "Secret" not in faults[0],
             "found: " + what, faults)
    load(t)
    whole(t)


def load(t):
    """A load is not looked at whole, but all of it is counted."""
    c = contract.Contract()
    for _ in range(contract.FULLY + 10 * contract.SAMPLE):
        c.heard("GET", ONE, 200, JSON, json.dumps(TAG).encode())
    t.eq((c.count, c.whole), (contract.FULLY + 10 * contract.SAMPLE,
                              contract.FULLY + 10), "a load is sampled")


def whole(t):
    """What a run met, of two programs."""
    c = contract.Contract()
    with tempfile.TemporaryDirectory() as folder:
        for name, status in (("a", "401"), ("b", "404")):
            with open(os.path.join(folder, name + ".json"), "w") as f:
                json.dump({"count": 2, "whole": 1, "faults": [name],
                           "met": {"tag_get": {status: {
                               "not_found": 1, "overloaded": 1}}}}, f)
        met, count, looked, faults = contract.merged(folder)
    t.eq((count, looked, faults), (4, 2, ["a: a", "b: b"]), "reports add up")
    miss = [x for x in contract.missing(c.doc, met)
            if x.startswith("tag_get ")]
    t.ok("tag_get 401 token_expired" in miss, "a code that nobody met")
    t.ok("tag_get 404 not_found" not in miss, "one that somebody did")
    t.ok("tag_get 503 overloaded" not in miss,
         "one that stands for all operations")
    t.ok("tag_get 500 internal_error" not in miss, "one that is never met")


tap.run(main)
