# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""The named statements, as tools/gen_stmts.pl compiled them."""

import json
import os

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))


class Statement:
    """params and columns: names and PostgreSQL's types, in order; declared:
    the columns with whether they may be null."""

    def __init__(self, d):
        self.name = d["name"]
        self.file = os.path.basename(d["file"])
        self.sql = d["sql"]
        self.types = [p["type"] for p in d["params"]]
        self.declared = d["columns"]
        self.columns = [(c["name"], c["type"]) for c in d["columns"]]

    def prepare(self, name=None):
        types = "(%s)" % ", ".join(self.types) if self.types else ""
        return "PREPARE %s%s AS %s" % (name or self.name, types, self.sql)


def read():
    """By name, in the order of the files."""
    with open(os.path.join(TOP, "build", "gen", "statements.json")) as f:
        return {d["name"]: Statement(d) for d in json.load(f)}
