#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""Runs a program with a private PostgreSQL of its own as DATABASE_URL:

    t/lib/with_cluster.py PROGRAM [ARGUMENT ...]
"""

import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
os.environ.pop("DATABASE_URL", None)

import cluster  # noqa: E402 (DATABASE_URL chooses)

with cluster.Cluster("io", ssl=True) as c:
    rc = subprocess.run(sys.argv[1:], check=False,
                        env=dict(os.environ, DATABASE_URL=c.url)).returncode

sys.exit(128 - rc if rc < 0 else rc)
