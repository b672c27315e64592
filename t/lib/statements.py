# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""The named statements, as tools/gen_stmts.pl reads them."""

import os
import re

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
QUERIES = os.path.join(TOP, "schema", "queries")


def read():
    """(file, name, parameter types, sql) of each."""
    found, fragments = [], {}
    for base in sorted(os.listdir(QUERIES)):
        if not base.endswith(".sql"):
            continue
        kind = name = params = None
        body = []
        with open(os.path.join(QUERIES, base)) as f:
            for line in f:
                m = re.match(r"-- (name|fragment|params): (.*?)\s*$", line)
                if m and m.group(1) == "params":
                    params = m.group(2).split()
                elif m:
                    kind, name = m.groups()
                    params, body = [], []
                elif name and not line.startswith("--"):
                    body.append(re.sub(r"@(\w+)",
                                       lambda m: fragments[m.group(1)], line))
                    if line.rstrip().endswith(";"):
                        text = "".join(body)
                        if kind == "fragment":
                            fragments[name] = text.rstrip().rstrip(";")
                        else:
                            found.append((base, name, params, text))
                        name = None
    return found
