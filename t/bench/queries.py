# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""schema/queries as pgbench scripts: the very statements that PyTake runs."""

import glob
import re

import rig


def statements():
    out = {}
    for path in sorted(glob.glob(rig.TOP + "/schema/queries/*.sql")):
        with open(path) as f:
            parts = re.split(r"(?m)^-- name: (\w+)\n", f.read())
        for name, text in zip(parts[1::2], parts[2::2]):
            text = text[:text.index(";")]
            m = re.search(r"(?m)^-- params: (.*)$", text)
            out[name] = (
                re.sub(r"(?m)^--.*\n", "", text).strip(),
                m.group(1).split() if m else [])
    return out


ALL = statements()


def put(name, *values):
    """The statement with SQL expressions (":variables" in them) in place of
    its parameters, each cast to the parameter's type."""
    text, types = ALL[name]
    if len(types) != len(values):
        raise RuntimeError("%s has %d parameters" % (name, len(types)))
    return re.sub(r"\$(\d+)", lambda m: "(%s)::%s" % (
        values[int(m.group(1)) - 1], types[int(m.group(1)) - 1]), text)


def uid(kind, var):
    """An id of the seeded rows by its number."""
    return "'%s'::text || %s" % (rig.PREFIX[kind], var)


def batch(*texts):
    """One pipeline, one Sync, one transaction: as PyTake sends it."""
    return ("\\startpipeline\n" + "".join(" ".join(t.split()) + ";\n"
            for t in texts) + "\\endpipeline\n")
