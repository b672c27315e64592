# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""schema/queries as pgbench scripts: the very statements that PyTake runs."""

import re

import rig
import statements

ALL = statements.read()


def put(name, *values):
    """The statement with SQL expressions (":variables" in them) in place of
    its parameters, each cast to the parameter's type."""
    text, types = ALL[name].sql, ALL[name].types
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
