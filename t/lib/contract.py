#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""Holds every answer that a test program gets from NGINX against
schema/openapi.yaml, where it is received:

    contract.heard("GET", "/health", 200, {"content-type": ...}, b"{...}")

web.py calls it, so programs need not.  What does not fit fails the program at
its end (tap.py).  Each program leaves a report of what it met, if t/run asks
for one (PYTAKE_CONTRACT); as a program this file merges them:

    contract.py FOLDER          whether every answer fitted
    contract.py FOLDER whole    and whether every operation, and every code
                                that openapi.yaml lists, was met
    contract.py --heard         judges answers, a JSON object a line on its
                                input, that were received elsewhere
"""

import base64
import collections
import json
import os
import re
import sys
import threading

import openapi

API = "/api/v1/"
FULLY = 200   # answers of each operation and status that are looked at whole
SAMPLE = 50   # ... then one in so many: loads must not be slowed
SHOWN = 20

# Codes that no test provokes, on any operation.
NEVER = {
    "internal_error": "a fault of ours: where a test finds one, it is mended",
    "out_of_memory": "NGINX's memory does not end at will; the unit tests of"
                     " the core have an allocator that fails",
}

# Codes that load and faults make, in code that all operations share: one
# operation that meets them stands for all.
ANYWHERE = {"overloaded", "deadline_exceeded", "outcome_unknown",
            "service_unavailable", "too_many_requests"}

# Paths that openapi.yaml does not speak of, though problems come from there.
OUTSIDE = {"/sim/": "the simulator, which has an API of its own"}

_doc = None
_lock = threading.Lock()
_where = os.environ.pop("PYTAKE_CONTRACT", None)  # not for our children


class Contract:
    def __init__(self):
        self.doc = openapi.Document()
        self.by_size = collections.defaultdict(list)
        for o in self.doc.operations():
            parts = o.path.split("/")
            self.by_size[len(parts)].append(
                (o.method, [None if p.startswith("{") else p for p in parts],
                 o))
        # "/conversations/ws" goes before "/conversations/{id}"
        for found in self.by_size.values():
            found.sort(key=lambda x: x[1].count(None))
        self.codes = {o.node["operationId"]: o.codes()
                      for o in self.doc.operations()}
        self.known = {e["code"] for e in openapi.declared()["errors"]} \
            if os.path.exists(openapi.DESCRIBE) else None
        self.lock = threading.Lock()
        self.count = self.whole = 0
        self.met = {}
        self.faults = collections.Counter()

    def find(self, method, path):
        """The operation, or None; and whether another verb has the path."""
        parts = path.split("/")
        verb = "GET" if method == "HEAD" else method
        other = False
        for m, want, o in self.by_size.get(len(parts), ()):
            if all(w is None and p or w == p for w, p in zip(want, parts)):
                if m == verb:
                    return o, False
                other = True
        return None, other

    def heard(self, method, target, status, headers, body):
        path = re.sub(r"^https?://[^/]*", "", target).split("?")[0]
        op, other = self.find(method, path)
        name = op.node["operationId"] if op else "none"
        kind = headers.get("content-type", "").split(";")[0].strip()
        json_ = None
        if body is None or method == "HEAD":
            body = None
        elif kind == "application/problem+json":
            json_ = self.parse(name, status, body)
        code = json_.get("code", "") if isinstance(json_, dict) else ""
        with self.lock:
            self.count += 1
            met = self.met.setdefault(name, {}).setdefault(str(status), {})
            n = met[code] = met.get(code, 0) + 1
            if n > FULLY and n % SAMPLE:
                return
            self.whole += 1
        fault = self.judge(op, status, kind, headers, body, json_) if op \
            else self.stranger(path, other, status, kind, headers, json_)
        if fault:
            self.fault(name if op else "%s %s" % (method, plain(path)),
                       status, fault)

    def fault(self, name, status, text):
        with self.lock:
            self.faults["%s: %d: %s" % (name, status, text)] += 1

    def parse(self, name, status, body):
        try:
            return json.loads(body)
        except ValueError:
            self.fault(name, status, "the body is no JSON")
            return None

    def judge(self, op, status, kind, headers, body, json_):
        """None, or what does not fit."""
        declared = op.answer(status)
        if declared is None:
            return "the status is not declared"
        content = declared.get("content", {})
        if body is not None and not content:
            if body:
                return "a body, and none is declared"
        elif content and kind not in content:
            return "%s is none of %s" % (kind or "no media type",
                                         sorted(content))
        fault = self.judge_headers(declared, headers)
        if fault or body is None or not content:
            return fault
        if kind == "application/problem+json":
            code = json_.get("code") if isinstance(json_, dict) else None
            codes = self.codes[op.node["operationId"]]
            listed = codes.get(str(status)) or codes.get("default", ())
            if code not in listed:
                return "the code %s is none of %s" % (code, listed)
            if json_.get("status") != status:
                return "$.status is another one"
        elif kind == "application/json":
            json_ = self.parse(op.node["operationId"], status, body)
            if json_ is None:
                return None  # it was told
        else:
            return None
        return self.doc.fits(content[kind]["schema"], json_)

    def judge_headers(self, declared, headers):
        for name, node in declared.get("headers", {}).items():
            node = self.doc.deref(node)
            value = headers.get(name.lower())
            if value is None:
                if node.get("required"):
                    return "there is no header " + name
                continue
            if node["schema"].get("type") == "integer":
                value = int(value) if re.fullmatch(r"\d+", value) else value
            e = self.doc.fits(node["schema"], value, name)
            if e:
                return e
        return None

    def stranger(self, path, other, status, kind, headers, json_):
        """What is no operation: a problem, if it is said to be one or lies
        beside the operations."""
        if any(path.startswith(x) for x in OUTSIDE):
            return None
        if kind != "application/problem+json":
            if (path + "/").startswith(API) and status != 101:
                return "an answer of no operation that is no problem"
            return None
        if json_ is None:
            return None
        if self.known is not None and json_.get("code") not in self.known:
            return "the code %s is not known" % json_.get("code")
        if status == 405 and path.startswith(API) and "allow" not in headers:
            return "405 without Allow"
        return self.doc.fits({"$ref": "#/components/schemas/Problem"}, json_)


def plain(path):
    """Without ids, and short."""
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "{id}", path)[:100]


def contract():
    global _doc
    if _doc is None:
        with _lock:
            if _doc is None:
                _doc = Contract()
    return _doc


def heard(method, target, status, headers, body):
    """An answer of NGINX's.  headers: lower-case names.  body: bytes, or None
    where it is not known."""
    contract().heard(method, target, status, headers, body)


def close(t):
    """The check at a program's end, and its report."""
    if _doc is None:
        return
    c = _doc
    faults = ["%d times %s" % (n, text)
              for text, n in c.faults.most_common(SHOWN)]
    t.ok(not faults, "%d answers fit openapi.yaml" % c.count,
         "\n".join(faults))
    if _where:
        with open(_where, "w") as f:
            json.dump({"count": c.count, "whole": c.whole, "met": c.met,
                       "faults": faults}, f)


# -- the whole run --

def listed(doc):
    """(operation, status, code) of all that openapi.yaml lists; the status
    "default" is NGINX's own refusals, of all operations together."""
    out = set()
    for o in doc.operations():
        for status, codes in o.codes().items():
            out.update((o.node["operationId"], status, c) for c in codes)
    return out


def merged(folder):
    met, count, whole, faults = {}, 0, 0, []
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name)) as f:
            r = json.load(f)
        count += r["count"]
        whole += r["whole"]
        faults += ["%s: %s" % (name[:-5], x) for x in r["faults"]]
        for op, statuses in r["met"].items():
            for status, codes in statuses.items():
                mine = met.setdefault(op, {}).setdefault(status, {})
                for code, n in codes.items():
                    mine[code] = mine.get(code, 0) + n
    return met, count, whole, faults


def missing(doc, met):
    """What openapi.yaml lists and nobody met."""
    every = {code for statuses in met.values() for codes in statuses.values()
             for code in codes}
    return sorted(
        "%s %s %s" % (op, status, code) for op, status, code in listed(doc)
        if code not in NEVER and (
            code not in every if status == "default" or code in ANYWHERE
            else code not in met.get(op, {}).get(status, {})))


def merge(t, folder, all_of_it):
    met, count, whole, faults = merged(folder)
    t.note("%d answers, %d of them looked at whole" % (count, whole))
    t.ok(not faults, "every answer fits openapi.yaml, of %d" % count,
         "\n".join(faults))
    if not all_of_it:
        return
    doc = openapi.Document()
    good = [o.node["operationId"] for o in doc.operations()
            if any(int(s) < 400 for s in met.get(o.node["operationId"], ()))]
    t.eq(sorted(o.node["operationId"] for o in doc.operations()),
         sorted(good), "every operation was met, and did well")
    t.eq([(o.node["operationId"], s) for o in doc.operations()
          for s in o.node["responses"] if s < "400"
          and s not in met.get(o.node["operationId"], {})], [],
         "every success was met")
    t.eq(missing(doc, met), [], "every code that is listed was met")
    t.eq(sorted(set(NEVER) - {c for _, _, c in listed(doc)}), [],
         "what is never met is listed somewhere")
    # Where nginx's own refusals are tried, a location answers with each code.
    t.eq(sorted(c for op, statuses in met.items() if op != "none"
                for codes in statuses.values() for c in codes if c in NEVER),
         [], "what is said never to be met was not")


def received(lines):
    """Answers that others kept, a JSON object a line; body: base64, or
    null."""
    for line in lines:
        a = json.loads(line)
        heard(a["method"], a["target"], a["status"], a["headers"],
              None if a["body"] is None else base64.b64decode(a["body"]))


def main(t):
    if sys.argv[1:] == ["--heard"]:
        received(sys.stdin)
    else:
        merge(t, sys.argv[1], sys.argv[2:] == ["whole"])


if __name__ == "__main__":
    sys.modules["contract"] = sys.modules["__main__"]
    import tap
    tap.run(main)
