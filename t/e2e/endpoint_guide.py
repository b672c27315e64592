#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""docs/adding-an-endpoint.md is true: its patches apply, are as short as it
says, build, and what they add answers."""

import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))

import stack
import tap

DOCS = os.path.join(stack.TOP, "docs")

CALL = """
import sys
sys.path.insert(0, "t/lib")
import stack, tap

def main(t):
    with stack.Stack() as s:
        c = s.login(s.add_tenant("Field", roles=("owner",)).users[0])
        r = c.post("/api/v1/tags", {"name": "a", "icon": "x"})
        t.eq((r.status, r.json["icon"]), (201, "x"), "written")
        url = r.headers["location"]
        t.eq([len(c.get("/api/v1/tags?icon=" + i).json["data"])
              for i in "xy"], [1, 0], "filtered by")
        t.eq(c.patch(url, {"icon": None}).json["icon"], None, "cleared")
        t.eq(c.get(url).json["icon"], None, "read")

tap.run(main)
"""


def main(t):
    with open(os.path.join(DOCS, "adding-an-endpoint.md")) as f:
        guide = f.read()
    noun, field = [patch(name) for name in ("adding-an-endpoint.patch",
                                            "adding-a-field.patch")]
    t.ok(added(noun) <= 150, "a noun in 150 lines", added(noun))
    t.ok(added(noun, ".c") <= 40, "... 40 of C", added(noun, ".c"))
    t.ok(added(field) <= 15, "a field in 15", added(field))
    touched = re.findall(r"^\+\+\+ (?:b/)?(\S+)", noun, re.M)
    t.eq([x for x in touched if x not in guide], [],
         "the guide tells of every file that the noun touches")

    copy = tempfile.mkdtemp(prefix="pt-guide-", dir="/tmp")
    try:
        src = copied(copy)
        if build(t, src, noun, "the noun"):
            t.eq(run(src, "t/e2e/links.py"), 0, "it is listed, made, got, "
                 "changed and taken away")
        src = copied(copy)
        if build(t, src, field, "the field"):
            t.eq(run(src, "-c", CALL), 0, "it is read, written, filtered by")
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def patch(name):
    with open(os.path.join(DOCS, name)) as f:
        return f.read()


def added(text, end=""):
    """Lines that are added to files of that ending."""
    return sum(1 for part in text.split("\ndiff --git ")
               if part.split("\n")[0].endswith(end)
               for line in part.split("\n")
               if line.startswith("+") and not line.startswith("+++"))


def copied(copy):
    src = os.path.join(copy, "src")
    shutil.rmtree(src, ignore_errors=True)
    shutil.copytree(stack.TOP, src, symlinks=True,
                    ignore=lambda top, names: [
                        n for n in names
                        if n in (".git", "node_modules", ".next", "servroot")
                        or n.startswith((".pytake", "build-"))
                        or (n == "build" and top == stack.TOP)])
    return src


def build(t, src, text, what):
    p = subprocess.run(["patch", "-p1", "--no-backup-if-mismatch",
                        "--fuzz=2"], cwd=src, input=text, text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if not t.ok(p.returncode == 0, what + ": the patch applies", p.stdout):
        return False
    p = subprocess.run(["make", "-s", "-j2"], cwd=src, text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if not t.ok(p.returncode == 0, what + " builds", p.stdout[-3000:]):
        return False
    p = subprocess.run(["tools/gen_openapi"], cwd=src, text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return t.ok(p.returncode == 0, what + " is in openapi.yaml",
                p.stdout[-3000:])


def run(src, *args):
    """0, or what it printed."""
    p = subprocess.run([sys.executable, *args], cwd=src, text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return p.returncode or ("not ok" in p.stdout and p.stdout[-3000:]) or 0


tap.run(main)
