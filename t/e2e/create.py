#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""Creating conversations: what SQL writes of one (events, kept answers) is
what the core writes of it, and twins make one."""

import json
import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))

import stack
import tap

CONV = "/api/v1/conversations"
TWINS = 12
NAME = "Zo\u00eb \"Z\" \u2028 \U0001f600 \\ \x01"


def main(t):
    with stack.Stack() as s:
        ten = s.tenants[0]
        c = s.login(ten.agent)
        t.head("one_definition")
        one_definition(t, s, ten, c)
        t.head("twins")
        twins(t, s, ten, c)
        s.check_logs(t)


def one_definition(t, s, ten, c):
    body = json.dumps({"contact_id": s.add_contact(ten, NAME),
                       "initial_message": {"content": NAME}}).encode()
    key = {"Idempotency-Key": "one"}
    made = c.request("POST", CONV, body=body, headers=key)
    t.eq(made.status, 201, "made")
    path = made.headers.get("location")
    t.eq(path, CONV + "/" + made.json["id"], "Location names it")
    t.eq(c.get(path).json, made.json, "kept answer and row are one")
    again = c.request("POST", CONV, body=body, headers=key)
    t.eq((again.status, again.body, again.headers.get("location"),
          again.headers.get("idempotent-replayed")),
         (201, made.body, path, "true"), "replayed to the byte")

    s.sql("UPDATE conversations SET metadata = '{\"a\": [1.50, null]}', "
          "window_expires_at = now(), assigned_to = %s WHERE id = %s",
          (ten.agent.id, made.json["id"]))
    s.sql("INSERT INTO conversation_tags (tenant_id, conversation_id, tag) "
          "VALUES (%s, %s, 'vip'), (%s, %s, 'a \"b\"')",
          (ten.id, made.json["id"], ten.id, made.json["id"]))
    said = s.sql("SELECT pytake_conv_json(%s)", (made.json["id"],))[0][0]
    t.eq(json.loads(said), c.get(path).json, "with everything in it, too")

    rows = s.sql("SELECT event, frame FROM event_log WHERE conversation_id "
                 "= %s ORDER BY seq", (made.json["id"],))
    t.eq([r[0] for r in rows], ["conversation_updated", "message_sent"],
         "its events, in order")
    data = json.loads(rows[0][1])["data"]
    t.eq(data.pop("changes"), ["created"], "what changed")
    before = dict(made.json, last_message=None, last_message_time=None)
    t.eq(data, before, "the event is the conversation, before the message")


def twins(t, s, ten, c):
    """Clicks at once, with and without a key, open one conversation."""
    contact = s.add_contact(ten)
    body = json.dumps({"contact_id": contact,
                       "initial_message": "hi"}).encode()
    answers = []

    def post(i):
        key = {"Idempotency-Key": "twin"} if i % 2 else None
        answers.append(c.request("POST", CONV, body=body, headers=key))

    threads = [threading.Thread(target=post, args=(i,))
               for i in range(TWINS)]
    for th in threads:
        th.start()
    for th in threads:
        th.join()
    t.eq(sorted({a.status for a in answers} - {200}), [201],
         "made or found")
    t.eq(len({a.json["id"] for a in answers}), 1, "one conversation")
    sent = s.sql("SELECT count(*) FROM messages m JOIN conversations c "
                 "ON c.id = m.conversation_id WHERE c.contact_id = %s",
                 (contact,))[0][0]
    t.eq(sent, TWINS // 2 + 1, "one message a click, the keyed ones one")


tap.run(main)
