# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""Clients that read, send, post webhooks and ask for health all the time,
and count what is not as it should be."""

import threading

import stack
import wa
import web

API = "/api/v1"
CONV = API + "/conversations"
HOOK = API + "/webhooks/whatsapp"


class _Worker(threading.Thread):
    """new: a connection each request; else keep-alive, retrying only a
    closed idle connection."""

    def __init__(self, s, ten, new, conv, token):
        super().__init__(daemon=True)
        self.s, self.ten, self.new, self.conv = s, ten, new, conv
        self.client = s.client(token)
        self.going, self.done, self.bad = True, 0, []
        self.rows = []  # ids of messages, WhatsApp's of what came in

    def run(self):
        while self.going:
            try:
                self.once()
            except (OSError, web.Closed) as e:
                self.bad.append(repr(e))

    def once(self):
        m = wa.text(wa.phone(), "w")
        raw = wa.dump(wa.body(wa.value(self.ten.number, [m])))
        self.ask(200, "GET", CONV + "?limit=5")
        r = self.ask(201, "POST", "%s/%s/messages" % (CONV, self.conv),
                     body=b'{"content":"r"}',
                     headers={"Idempotency-Key": stack.uuid7()})
        if r is not None:
            self.rows.append(r.id)
        r = self.ask(200, "POST", HOOK, body=raw, headers={
            "X-Hub-Signature-256": wa.sign(self.s.app_secret, raw)})
        if r is not None:
            self.rows.append(m["id"])
        self.ask(200, "GET", "/health/live")

    def ask(self, good, *args, **more):
        """The answer; None when it is not a good one."""
        r = self.client.request(*args, **more)
        self.done += 1
        if r.status != good:
            self.bad.append(repr(r))
        if self.new:
            self.client.close()
        return r if r.status == good else None


class Traffic:
    """Eight clients in a tenant's conversation, from here to check(); nobody
    else writes messages of that tenant."""

    def __init__(self, s, ten):
        self.s, self.ten = s, ten
        token = s.token(ten.agent)
        s.say(ten, wa.phone(), "hi")
        conv = s.client(token).get(CONV).json["data"][0]["id"]
        self.before = self.rows()
        self.workers = [_Worker(s, ten, i % 2 == 0, conv, token)
                        for i in range(8)]
        for w in self.workers:
            w.start()
        stack.wait_until(lambda: all(w.done > 20 for w in self.workers), 30,
                         "the load")

    def rows(self):
        """id -> WhatsApp's id of what came in, ours of what is sent."""
        return dict(self.s.sql(
            "SELECT id::text, CASE sender_type WHEN 'contact' THEN"
            " whatsapp_message_id ELSE id::text END FROM messages"
            " WHERE tenant_id = %s", (self.ten.id,)))

    def done(self):
        return sum(w.done for w in self.workers)

    def more(self, count, what):
        """Until so many more requests were answered."""
        before = self.done()
        stack.wait_until(lambda: self.done() > before + count, 30, what)

    def check(self, t, name):
        """Ends it: nothing failed, nothing is lost or doubled."""
        for w in self.workers:
            w.going = False
        for w in self.workers:
            w.join(30)
        for what, new in (("new connections", True),
                          ("clients that retry a closed idle one", False)):
            bad = [x for w in self.workers if w.new == new for x in w.bad]
            t.ok(not bad, "%sno failed request on %s, of %d"
                 % (name, what, self.done()), bad[:5])
        rows = self.rows()
        t.ok(all(rows.get(k) == v for k, v in self.before.items()),
             name + "every message of before is there")
        t.eq(sorted(v for k, v in rows.items() if k not in self.before),
             sorted(x for w in self.workers for x in w.rows),
             name + "every answer has its row, once; every row its answer")
        self.s.check_events(t, self.ten, name + "the event log is dense")
        for w in self.workers:
            w.client.close()
