#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""Sample bodies of the public, each to a tenant of its own, accounted for:
every message is stored or an error, every status is a receipt or an error.
Skipped where the samples are not."""

import csv
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))

import stack
import tap

DATA = os.path.join(HERE, "..", "..", "..", "shared", "data", "whatsapp")
FATAL = ("wrong_type", "missing", "invalid_identifier",
         "duplicate_identifier", "invalid_timestamp", "too_long", "database")


def main(t):
    path = os.path.join(DATA, "EXPECTED.tsv")
    if not os.path.exists(path):
        t.skip("samples", DATA + " is not here")
        return
    with open(path, newline="") as f:
        rows = list(csv.DictReader(f, delimiter="\t"))
    with stack.Stack() as s:
        for n, row in enumerate(rows):
            sample(t, s, n, row)
        t.ok(len(rows) >= 190, "all of them", len(rows))
        frames(t, s)
        s.check_logs(t)


def sample(t, s, n, row):
    name = row["file"]
    with open(os.path.join(DATA, "inbound", name), "rb") as f:
        raw = f.read()
    ten = s.add_tenant("Sample %d" % n, roles=(), numbers=0)
    for number in filter(None, row["phone_number_ids"].split(",")):
        s.sql("UPDATE whatsapp_configs SET phone_number_id = id::text "
              "WHERE phone_number_id = %s", (number,))
        s.sql("INSERT INTO whatsapp_configs (tenant_id, id, name, "
              "phone_number_id, display_phone_number) "
              "VALUES (%s, %s, %s, %s, '+1')",
              (ten.id, stack.uuid7(), number, number))

    statuses = [s.hook(raw).status for _ in range(2)] # a retry adds nothing

    raws = s.sql("SELECT summary::text FROM webhook_raw WHERE body = %s",
                 (raw,))
    got = dict.fromkeys(("messages", "statuses", "value_errors"), 0)
    summary = json.loads(raws[0][0]) if raws else {}
    counts = [summary.get(k) for k in
              ("entries", "messages", "statuses", "value_errors", "echoes",
               "calls")]
    want = [int(row[k]) for k in
            ("entries", "messages", "statuses", "value_errors", "echoes",
             "calls")]

    def count(table, where="true", args=()):
        return s.one("SELECT count(*) FROM %s WHERE tenant_id = %%s AND %s"
                     % (table, where), (ten.id,) + tuple(args))

    fatal = count("webhook_errors", "code = ANY (%s)", (list(FATAL),))
    unrouted = summary.get("unrouted", 0)
    got = (count("messages") + count("message_receipts") + fatal + unrouted,
           count("webhook_errors", "code = 'channel_error'"),
           count("event_log"))
    due = (want[1] + want[2],
           want[3] if row["phone_number_ids"] else 0, count("messages"))
    t.eq((statuses, len(raws) >= 2, counts, got),
         ([200, 200], True, want, due), name)


def frames(t, s):
    rows = s.sql("SELECT e.frame, m.id::text, m.message_type, m.content, "
                 "m.metadata::text FROM event_log e JOIN messages m "
                 "ON m.tenant_id = e.tenant_id AND m.id = "
                 "(e.frame::json -> 'data' ->> 'id')::uuid")
    bad = []
    for frame, mid, kind, content, metadata in rows:
        d = json.loads(frame)["data"]
        if (d["id"], d["message_type"], d["content"], d["metadata"]) != (
                mid, kind, content, json.loads(metadata)):
            bad.append(frame)
    t.ok(rows and not bad, "each event tells what is stored", bad[:2])


tap.run(main)
