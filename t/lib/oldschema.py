# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""A database as it was before schema/migrations/0012_schema.sql: made by the
twelve migrations of t/schema, which that file replaced."""

import hashlib
import os
import re

import psycopg2

from cluster import TOP

BASE = os.path.join(TOP, "t", "schema")
FILES = sorted(n for n in os.listdir(BASE) if n.endswith(".sql"))


def text(name):
    with open(os.path.join(BASE, name), "rb") as f:
        return f.read()


def checksum(name):
    return hashlib.sha256(text(name)).hexdigest()


def apply(url, upto=len(FILES), prefix="pytake"):
    """The first migrations, as "pytake migrate" of then did it.  prefix: of
    the roles' names."""
    c = psycopg2.connect(url)
    with c.cursor() as cur:
        cur.execute("CREATE TABLE IF NOT EXISTS public.schema_migrations ("
                    " version integer PRIMARY KEY, name text NOT NULL,"
                    " checksum text NOT NULL, applied_at timestamptz NOT NULL"
                    " DEFAULT now(), duration_ms integer NOT NULL)")
        for name in FILES[:upto]:
            cur.execute(roles(text(name).decode(), prefix))
            cur.execute("INSERT INTO schema_migrations (version, name,"
                        " checksum, duration_ms) VALUES (%s, %s, %s, 1)",
                        (int(name[:4]), name[5:-4], checksum(name)))
        cur.execute(roles("GRANT SELECT ON schema_migrations"
                          " TO pytake_service", prefix))
    c.commit()
    c.close()


def roles(text, prefix):
    return re.sub(r"\bpytake_(app|service|lookup)\b", prefix + r"_\1", text)
