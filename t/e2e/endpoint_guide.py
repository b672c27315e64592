#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""docs/adding-an-endpoint.md is true: its patch applies, is under sixty
lines, builds, and the new endpoint answers."""

import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))

import openapi
import stack
import tap
import wa

PATCH = os.path.join(stack.TOP, "docs", "adding-an-endpoint.patch")
GUIDE = os.path.join(stack.TOP, "docs", "adding-an-endpoint.md")


def main(t):
    with open(PATCH) as f:
        patch = f.read()
    added = [line for line in patch.splitlines()
             if line.startswith("+") and not line.startswith("+++")]
    t.ok(0 < len(added) < 60, "under sixty lines", "%d" % len(added))
    with open(GUIDE) as f:
        guide = f.read()
    t.ok("adding-an-endpoint.patch" in guide, "the guide names its patch")
    touched = re.findall(r"^\+\+\+ (?:b/)?(\S+)", patch, re.M)
    t.ok(all(x in guide for x in touched if x != "/dev/null"),
         "the guide tells of every file it touches",
         [x for x in touched if x not in guide])

    copy = tempfile.mkdtemp(prefix="pt-guide-", dir="/tmp")
    try:
        applied(t, copy, patch)
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def applied(t, copy, patch):
    src = os.path.join(copy, "src")
    shutil.copytree(stack.TOP, src, symlinks=True,
                    ignore=lambda top, names: [
                        n for n in names
                        if n == ".git" or n.startswith((".pytake", "build-"))
                        or (n == "build" and top == stack.TOP)
                        or n == "servroot"])
    p = subprocess.run(["patch", "-p1", "--no-backup-if-mismatch",
                        "--fuzz=2"], cwd=src, input=patch, text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if not t.ok(p.returncode == 0, "the patch applies", p.stdout):
        return
    p = subprocess.run(["make", "-s", "-j2", "lib", "module", "pytake"],
                       cwd=src, text=True, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT)
    if not t.ok(p.returncode == 0, "it builds", p.stdout[-3000:]):
        return
    old = openapi.Document()
    new = openapi.Document(os.path.join(src, "schema", "openapi.yaml"))
    have = {(o.method, o.path) for o in old.operations()}
    ops = [o for o in new.operations() if (o.method, o.path) not in have]
    if not t.ok(len(ops) == 1, "openapi.yaml has one operation more",
                [(o.method, o.path) for o in ops]):
        return
    with stack.Stack(build=os.path.join(src, "build")) as s:
        called(t, s, new, ops[0])
        s.check_logs(t)


def called(t, s, doc, o):
    ten = s.tenants[0]
    c = s.login(ten.agent)
    s.say(ten, wa.phone(), "hi")
    conv = c.get("/api/v1/conversations").json["data"][0]

    def ids(name):
        for kind, v in (("contact", conv["contact"]["id"]),
                        ("user", ten.agent.id), ("config", ten.config)):
            if kind in name:
                return v
        if "/contacts" in o.path:
            return conv["contact"]["id"]
        if "/users" in o.path:
            return ten.agent.id
        return conv["id"]

    r = c.request(o.method, o.target(ids), json=o.body(ids))
    t.ok(r.status in (200, 201, 204), "%s %s answers" % (o.method, o.path),
         r)
    declared, schema = o.response(r.status, r.headers.get("content-type",
                                                          ""))
    t.ok(declared, "as declared", r)
    if schema is not None:
        e = doc.fits(schema, r.json)
        t.ok(e is None, "and its body fits", e)
    r = c.request(o.method, o.target(ids), json=o.body(ids), auth=False)
    t.eq(r.status, 401, "not without a token")
    if o.params:
        other = s.login(s.tenants[1].agent)
        r = other.request(o.method, o.target(ids), json=o.body(ids))
        t.eq(r.status, 404, "404 for another tenant")
    r = c.request("PATCH", o.target(ids))
    t.ok(r.status == 405 or o.method == "PATCH", "405 for another verb", r)


tap.run(main)
