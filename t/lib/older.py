# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""PyTake as it was before schema/migrations/0012_schema.sql: the commit that
t/schema/COMMIT names, whose migrations are the twelve of t/schema.  Built once,
in build/old/ under the commit's name."""

import fcntl
import os
import shutil
import subprocess

from cluster import TOP

with open(os.path.join(TOP, "t", "schema", "COMMIT")) as f:
    COMMIT = f.read().strip()


class Missing(Exception):
    """Why the commit cannot be had here."""


def tree():
    """The folder of its files, with its program and its module in build/."""
    folder = os.path.join(TOP, "build", "old", COMMIT)
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    with open(folder + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(folder):
            export(folder)
        with open(folder + ".log", "w") as log:
            p = subprocess.run(
                ["make", "-s", "-j%d" % os.cpu_count(), "-C", folder,
                 "BUILD=build", "pytake", "module"], stdout=log, stderr=log,
                env={k: v for k, v in os.environ.items()
                     if k in ("PATH", "HOME", "LC_ALL")})
    if p.returncode != 0:
        raise RuntimeError("the commit before does not build: see %s.log"
                           % folder)
    return folder


def export(folder):
    # A folder that is there is whole.
    new = folder + ".new"
    files = git("archive", COMMIT)
    shutil.rmtree(new, ignore_errors=True)
    os.mkdir(new)
    subprocess.run(["tar", "-x", "-C", new], input=files, check=True)
    os.rename(new, folder)


def git(*args):
    try:
        # Root may test what another user has cloned.
        p = subprocess.run(["git", "-c", "safe.directory=" + TOP, "-C", TOP,
                            *args], capture_output=True)
    except FileNotFoundError:
        raise Missing("git is not installed")
    if p.returncode != 0:
        raise Missing("git does not have commit %s here (%s)" % (
            COMMIT[:12], p.stderr.decode(errors="replace").strip()
            .replace("\n", " ")))
    return p.stdout
