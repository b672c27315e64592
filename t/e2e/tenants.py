#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""Tenants, users and numbers by the operator's commands: names that are
unique and show what they are, suspension, removal in steps, addresses that
the process list does not show."""

import ctypes
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import uuid

import psycopg2

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import cluster  # noqa: E402
import procs  # noqa: E402
import tap  # noqa: E402
from cluster import connect, one, sql  # noqa: E402

KEY = "5f" * 16 + "0123456789abcdef" * 2
PHONE = "+1 202-555-0199"


def environment(**more):
    env = {k: v for k, v in os.environ.items()
           if not re.match(r"(DATABASE|DB|REDIS|JWT|WHATSAPP|WEBSOCKET|CORS"
                           r"|LOG|PYTAKE)_", k) and k != "PYTAKE"}
    env.update(more)
    return env


def run(*args, url=None, stdin="", **env):
    if url is not None:
        env["DATABASE_URL"] = url
    return subprocess.run([cluster.pytake(), *args], input=stdin, timeout=60,
                          capture_output=True, text=True,
                          env=environment(**env))


def migrated(here):
    url = here.database()
    p = run("migrate", url=url)
    if p.returncode != 0:
        raise RuntimeError("migrate: " + p.stdout + p.stderr)
    return url


def refused(t, p, rc, pattern, name):
    t.ok(p.returncode == rc and re.search(pattern, p.stderr)
         and p.stderr.count("\n") == 1, name, p)


def done(t, p, name):
    return t.ok(p.returncode == 0 and p.stderr == "", name, p)


def session(url, email):
    sid = str(uuid.uuid4())
    sql(url, "INSERT INTO sessions (id, tenant_id, user_id, expires_at)"
        " SELECT %s, tenant_id, id, now() + interval '1 day' FROM users"
        " WHERE email = %s", sid, email)
    return sid


def alive(url, sid):
    rows = sql(url, "SELECT pytake_session_enter(tenant_id, id, user_id)"
               " FROM sessions WHERE id = %s", sid)
    return bool(rows) and rows[0][0]


# ---- the parts ----

def names(t, here, tmp):
    url = migrated(here)
    p = run("tenant", "add", "--name", "Padaria  Açaí", url=url)
    done(t, p, "tenant add")
    first = p.stdout.split()[0]
    for twin in ("Padaria  Açaí", "padaria açaí", " PADARIA AÇAÍ ",
                 "Padaria\u00a0Ac\u0327ai\u0301", "\uff30adaria Açaí"):
        refused(t, run("tenant", "add", "--name", twin, url=url), 1,
                "is called .* already", "a twin: %r" % twin)
    t.eq(one(url, "SELECT count(*) FROM tenants"), 1, "there is one")
    p = run("tenant", "add", "--name", "Padaria Lua", url=url)
    second = p.stdout.split()[0]

    done(t, run("user", "list", "--tenant", "padaria açaí", url=url),
         "it is found whatever the case")
    refused(t, run("tenant", "rename", "--tenant", second, "--name",
                   "PADARIA AÇAÍ", url=url), 1, "already",
            "nobody gets another's name")
    p = run("tenant", "rename", "--tenant", "padaria lua", "--name",
            "Padaria LUA", url=url)
    done(t, p, "but may write their own in another way")
    done(t, run("tenant", "rename", "--tenant", first, "--name", "Sol",
                url=url), "a new name")
    done(t, run("tenant", "add", "--name", "Padaria Açaí", url=url),
         "... frees the old one")
    t.eq([r[0] for r in sql(url, "SELECT action FROM audit_log WHERE"
                            " tenant_id = %s ORDER BY created_at", first)],
         ["tenant.add", "tenant.rename"], "... and is in the audit log")
    refused(t, run("tenant", "rename", "--tenant", "nobody", "--name", "x",
                   url=url), 1, "no tenant", "nobody of that name")
    refused(t, run("tenant", "rename", "--tenant", first, url=url), 64,
            "--name is missing", "without a name")

    # at once
    ps = [subprocess.Popen([cluster.pytake(), "tenant", "add", "--name",
                            "Race"], stdout=subprocess.PIPE, text=True,
                           stderr=subprocess.PIPE,
                           env=environment(DATABASE_URL=url))
          for _ in range(4)]
    for p in ps:
        p.communicate(timeout=60)
    t.eq(sorted(p.returncode for p in ps), [0, 1, 1, 1],
         "of four at once one is added")

    # twins of before
    sql(url, "ALTER TABLE tenants DISABLE TRIGGER USER;"
        "INSERT INTO tenants (id, name) VALUES (gen_random_uuid(), 'RACE');"
        "ALTER TABLE tenants ENABLE TRIGGER USER")
    p = run("migrate", url=url)
    t.ok(p.returncode == 0 and 'called "RACE"' in p.stderr
         and "tenant rename" in p.stderr, "migrate tells of twins", p)
    p = run("doctor", url=url)
    t.ok(re.search(r"(?m)^warn tenants: more than one is called RACE - ",
                   p.stdout), "... and so does doctor", p.stdout)
    done(t, run("user", "list", "--tenant", "Race", url=url),
         "... who is spelt exactly so is found")
    refused(t, run("user", "list", "--tenant", "rACE", url=url), 1,
            "by its id", "... and nobody else is guessed")
    t.eq(one(url, "SELECT count(*) FROM tenants WHERE lower(name) = 'race'"),
         2, "... they are not joined")


EVIL = ("a\nb", "a\x1b[2Jb", "a\rb", "a\x7fb", "a\u0085b", "a\u202eb",
        "a\u2066b", "a\u200fb", "a\u200bb", "a\u2060b", "\ufeffa", "a\u2028b",
        "\u3164", " \u00ad ", "a\U000e0001b")


def controls(t, here, tmp):
    url = migrated(here)
    run("tenant", "add", "--name", "T", url=url)
    for n, name in enumerate(EVIL):
        for args in (("tenant", "add", "--name", name),) if n else (("tenant", "add", "--name", name),
                     ("tenant", "rename", "--tenant", "T", "--name", name),
                     ("user", "add", "--tenant", "T", "--email", "a@b.c",
                      "--role", "agent", "--name", name),
                     ("number", "add", "--tenant", "T", "--phone-number-id",
                      "1", "--display", PHONE, "--name", name)):
            p = run(*args, url="postgresql://x@127.0.0.1:1/x")
            refused(t, p, 64, "--name", "%s %s: %r" % (args[0], args[1],
                                                        name))
            t.ok("\x1b" not in p.stderr and "\u202e" not in p.stderr,
                 "... and not said back as it is", p.stderr)
    for good in ("Ação & Cia.", "👩‍💻 dev", "❤️", "می‌خواهم", "東京　支店"):
        done(t, run("tenant", "add", "--name", good, url=url),
             "a good name: " + good)
    for bad in ("abc", "x", "+1 202-555-0199 x", "123", "1" * 21,
                "+1\u00a0202 555 0199", "", "555\n0199"):
        p = run("number", "add", "--tenant", "T", "--phone-number-id", "1",
                "--display", bad, url=url)
        refused(t, p, 64, "--display", "no phone: %r" % bad)

    sql(url, "UPDATE tenants SET name = E'evil\\x1b[2J\\n\\u202ename' WHERE"
        " name = 'T'")
    tid = one(url, "SELECT id FROM tenants WHERE name LIKE 'evil%%'")
    sql(url, "INSERT INTO users (tenant_id, id, email, name, role,"
        " password_hash) VALUES (%s, gen_random_uuid(), 'a@b.c',"
        " E'x\\ny', 'agent', '-')", tid)
    sql(url, "INSERT INTO whatsapp_configs (tenant_id, id, name,"
        " phone_number_id, display_phone_number) VALUES (%s,"
        " gen_random_uuid(), E'n\\tm', '1', E'+\\u202a1')", tid)
    p = run("tenant", "list", url=url)
    t.ok("evil\\u001b[2J\\u000a\\u202ename\n" in p.stdout
         and "\x1b" not in p.stdout, "tenant list escapes", p.stdout)
    p = run("user", "list", url=url)
    t.ok('"x\\u000ay"' in p.stdout and p.stdout.count("\n") == 1,
         "user list escapes", p.stdout)
    p = run("number", "list", url=url)
    t.ok('+\\u202a1 "n\\u0009m"' in p.stdout, "number list escapes", p.stdout)
    p = run("doctor", url=url)
    t.ok("\x1b" not in p.stdout and "\u202a" not in p.stdout,
         "doctor escapes", p.stdout)
    t.ok(re.search(r"(?m)^warn numbers: .*no phone number: 1 \(\+\\u202a1\) -"
                   r" .pytake number rename", p.stdout),
         "... and remarks what is no phone number", p.stdout)
    t.ok(re.search(r"(?m)^warn numbers: .*no token of 1 - .pytake number"
                   " token", p.stdout),
         "... and a number without a token", p.stdout)
    done(t, run("number", "rename", "--phone-number-id", "1", "--display",
                PHONE, "--name", "Shop", url=url), "number rename")
    p = run("number", "list", url=url)
    t.ok(PHONE + ' "Shop"' in p.stdout, "... shows", p.stdout)
    refused(t, run("number", "rename", "--phone-number-id", "1", url=url), 64,
            "--name or --display", "... into nothing")


def suspension(t, here, tmp):
    url = migrated(here)
    run("tenant", "add", "--name", "T", url=url)
    run("user", "add", "--tenant", "T", "--email", "a@b.example", "--name",
        "A", "--role", "owner", url=url)
    run("number", "add", "--tenant", "T", "--phone-number-id", "77",
        "--display", PHONE, url=url)
    sid = session(url, "a@b.example")
    t.ok(alive(url, sid), "a session")
    done(t, run("tenant", "suspend", "--tenant", "T", url=url), "suspend")
    t.ok(not alive(url, sid), "... the session has ended")
    t.eq(sql(url, "SELECT * FROM pytake_user_find('a@b.example')"), [],
         "... nobody logs in")
    t.eq(len(sql(url, "SELECT * FROM pytake_numbers_find('{77}')")), 1,
         "... what customers write is still taken")
    t.ok("suspended" in run("tenant", "list", url=url).stdout,
         "... and the list says so")
    done(t, run("tenant", "suspend", "--tenant", "T", url=url),
         "... again is no fault")
    done(t, run("tenant", "resume", "--tenant", "T", url=url), "resume")
    t.eq(len(sql(url, "SELECT * FROM pytake_user_find('a@b.example')")), 1,
         "... they log in again")
    t.ok(not alive(url, sid), "... with a new session")


def furnish(url, tenant, number, conversations, messages):
    """Conversations of a number, with messages and receipts."""
    sql(url, """
        WITH w AS (SELECT tenant_id, id FROM whatsapp_configs
                   WHERE phone_number_id = %s),
        k AS (INSERT INTO contacts (tenant_id, id, name, profile_name)
              SELECT w.tenant_id, gen_random_uuid(), 'c', 'c'
              FROM w, generate_series(1, %s) RETURNING tenant_id, id),
        i AS (INSERT INTO contact_identities (tenant_id, kind, value,
              contact_id) SELECT tenant_id, 'phone', id::text, id FROM k),
        v AS (INSERT INTO conversations (tenant_id, id, contact_id,
              whatsapp_config_id, activity_at, created_at, updated_at,
              assigned_to)
              SELECT k.tenant_id, gen_random_uuid(), k.id, w.id, now(),
              now(), now(), (SELECT u.id FROM users u WHERE u.tenant_id
              = k.tenant_id LIMIT 1) FROM k, w RETURNING tenant_id, id),
        g AS (INSERT INTO conversation_tags (tenant_id, conversation_id, tag)
              SELECT tenant_id, id, 'x' FROM v),
        m AS (INSERT INTO messages (tenant_id, id, conversation_id,
              sender_type, content, message_type, status, created_at,
              received_at, whatsapp_message_id)
              SELECT v.tenant_id, (left(pytake_uuid_floor(now())::text, 19)
              || right(gen_random_uuid()::text, 17))::uuid, v.id, 'agent',
              'x', 'text', 'sent', now(), now(), gen_random_uuid()::text
              FROM v, generate_series(1, %s)
              RETURNING tenant_id, id, whatsapp_message_id,
                        conversation_id),
        o AS (INSERT INTO outbox (tenant_id, message_id, conversation_id,
              whatsapp_config_id, next_attempt_at, created_at)
              SELECT m.tenant_id, m.id, m.conversation_id, w.id, now(),
              now() FROM m, w),
        l AS (INSERT INTO login_networks (tenant_id, user_id, network)
              SELECT u.tenant_id, u.id, substring(uuid_send(u.id) FOR 16)
              FROM w JOIN users u USING (tenant_id) ON CONFLICT DO NOTHING)
        INSERT INTO message_receipts (tenant_id, whatsapp_message_id, status,
            occurred_at, message_id, raw, received_at)
        SELECT tenant_id, whatsapp_message_id, 'sent', now(), id, '{}', now()
        FROM m""", number, conversations, messages)
    sql(url, "INSERT INTO event_log SELECT %s, n, gen_random_uuid(), now(),"
        " 'x', NULL, '{}' FROM generate_series(1, 20) n", tenant)
    sql(url, "INSERT INTO idempotency_keys VALUES (%s, 's',"
        " gen_random_uuid()::text, '', 200, NULL, '', now())", tenant)
    sql(url, "INSERT INTO webhook_errors VALUES (%s, 'h', gen_random_uuid(),"
        " 'p', 'c', 'd', '', now())", tenant)
    sql(url, "INSERT INTO tags (tenant_id, id, name, created_at, updated_at)"
        " SELECT id, gen_random_uuid(), gen_random_uuid()::text, now(), now()"
        " FROM tenants WHERE id = %s", tenant)
    sql(url, "INSERT INTO quick_replies (tenant_id, id, shortcut, content,"
        " created_at, updated_at) SELECT id, gen_random_uuid(),"
        " gen_random_uuid()::text, 'x', now(), now() FROM tenants"
        " WHERE id = %s", tenant)


HAS_TENANT = """SELECT c.relname FROM pg_class c JOIN pg_attribute a
    ON a.attrelid = c.oid AND a.attname = 'tenant_id'
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
    AND NOT c.relispartition AND c.relname <> 'audit_log'"""


def of_tenant(url, tenant):
    """How many rows each table has of a tenant."""
    return {name: one(url, "SELECT count(*) FROM %s WHERE tenant_id = '%s'"
                      % (name, tenant)) for (name,) in sql(url, HAS_TENANT)}


def people(url, name, number):
    tenant = run("tenant", "add", "--name", name, url=url).stdout.split()[0]
    run("user", "add", "--tenant", name, "--email", name + "@b.example",
        "--name", "A", "--role", "owner", url=url)
    run("number", "add", "--tenant", name, "--phone-number-id", number,
        "--display", PHONE, "--token-file", "-", url=url, stdin="EAAtoken\n",
        PYTAKE_ENCRYPTION_KEY=KEY)
    furnish(url, tenant, number, 3, 4)
    return tenant


def removal(t, here, tmp):
    url = migrated(here)
    a, b = people(url, "Away", "71"), people(url, "Bleibt", "72")
    empty = [n for n, c in of_tenant(url, a).items() if not c]
    t.eq(sorted(set(empty) - {"refresh_tokens", "sessions"}), [],
         "a tenant with something in every table")
    sid = session(url, "Away@b.example")
    other = session(url, "Bleibt@b.example")
    sql(url, "INSERT INTO refresh_tokens VALUES ('r', %s, %s, now(), now())",
        a, sid)
    stays = of_tenant(url, b)

    refused(t, run("tenant", "remove", "--tenant", "Away", url=url), 64,
            "--yes", "not without --yes")
    t.ok(alive(url, sid), "... nothing has happened")
    done(t, run("tenant", "remove", "--tenant", "Away", "--yes", url=url),
         "tenant remove")
    t.ok(not alive(url, sid) and alive(url, other),
         "its sessions have ended, others' have not")
    t.eq(sql(url, "SELECT id FROM sessions WHERE revoked_at > now() -"
             " interval '1 minute'"), [(sid,)],
         "... and the hub is told to close its sockets")
    t.eq(sql(url, "SELECT phone_number_id FROM"
             " pytake_numbers_find('{71,72}')"), [("72",)],
         "its webhooks are an unknown number's")
    t.eq(one(url, "SELECT count(*) FROM outbox_lanes WHERE tenant_id = %s",
             a), 0, "nothing is sent for it")
    t.eq(one(url, "SELECT count(*) FROM whatsapp_configs WHERE tenant_id"
             " = %s AND access_token_sealed IS NOT NULL", a), 0,
         "its token is gone")
    refused(t, run("user", "list", "--tenant", "Away", url=url), 1,
            "no tenant", "it is not found any more")
    t.ok("removed" in run("tenant", "list", url=url).stdout,
         "... but listed while its rows are there")

    # all of it is free for others
    done(t, run("tenant", "add", "--name", "away", url=url), "its name")
    done(t, run("user", "add", "--tenant", "away", "--email",
                "Away@b.example", "--name", "A", "--role", "agent", url=url),
         "... its addresses")
    done(t, run("number", "add", "--tenant", "away", "--phone-number-id",
                "71", "--display", PHONE, url=url), "... its number")
    again = one(url, "SELECT id FROM tenants WHERE name = 'away'")

    # it dies in the middle, twice
    for n in (7, 11):
        c = psycopg2.connect(url)
        c.cursor().execute("SELECT pytake_purge(%s)", (n,))
        c.rollback()
        c.close()
        sql(url, "SELECT pytake_purge(%s)", n)
    left = sum(of_tenant(url, a).values())
    t.ok(left > 0, "some steps do not do it all", left)
    p = run("partitions", url=url)
    done(t, p, "what is left goes on")
    t.eq(sum(of_tenant(url, a).values()), 0, "... to the last row")
    t.eq(one(url, "SELECT count(*) FROM tenants WHERE id = %s", a), 0,
         "... and the tenant")
    t.ok(one(url, "SELECT count(*) FROM audit_log WHERE tenant_id = %s AND"
             " action = 'tenant.remove'", a) == 1,
         "the audit log remembers")
    t.eq(of_tenant(url, b), dict(stays, sessions=1),
         "nobody else has lost anything")
    t.eq(one(url, "SELECT count(*) FROM users WHERE tenant_id = %s", again),
         1, "... nor who has its name now")


def number_removal(t, here, tmp):
    url = migrated(here)
    a = people(url, "Shop", "81")
    run("number", "add", "--tenant", "Shop", "--phone-number-id", "82",
        "--display", PHONE, url=url)
    keep = one(url, "SELECT id FROM whatsapp_configs WHERE phone_number_id"
               " = '82'")
    furnish(url, str(uuid.uuid4()), "82", 2, 2)
    refused(t, run("number", "remove", "--phone-number-id", "81", url=url),
            64, "--yes", "not without --yes")
    refused(t, run("number", "remove", "--phone-number-id", "99", "--yes",
                   url=url), 1, "no number", "nobody's number")
    sid = session(url, "Shop@b.example")
    done(t, run("number", "remove", "--phone-number-id", "81", "--yes",
                url=url), "number remove")
    t.eq(sql(url, "SELECT phone_number_id FROM"
             " pytake_numbers_find('{81,82}')"), [("82",)],
         "its webhooks are an unknown number's")
    t.ok(alive(url, sid), "its tenant works on")
    t.ok(re.search(r" 81 removed  no token ", run("number", "list",
                                                  url=url).stdout),
         "it is listed while its rows are there")
    for n in (1, 2, 3):
        c = psycopg2.connect(url)
        c.cursor().execute("SELECT pytake_purge(%s)", (n,))
        c.rollback()
        c.close()
        sql(url, "SELECT pytake_purge(%s)", n)
    done(t, run("partitions", url=url), "the housekeeping")
    t.eq(sql(url, "SELECT id FROM whatsapp_configs"), [(keep,)],
         "... the number is gone")
    t.eq(sql(url, "SELECT DISTINCT whatsapp_config_id, count(*) FROM"
             " conversations GROUP BY 1"), [(keep, 2)],
         "... with its conversations")
    t.eq([one(url, "SELECT count(*) FROM %s WHERE tenant_id = '%s'"
              % (n, a)) for n in ("messages", "message_receipts", "outbox",
                                  "conversation_tags", "contacts",
                                  "event_log")],
         [4, 4, 4, 2, 5, 20], "... and what they had, and nothing else")

    # a conversation that was on its way when the number was removed
    done(t, run("number", "remove", "--phone-number-id", "82", "--yes",
                url=url), "another")
    while one(url, "SELECT count(*) FROM conversations") > 1:
        sql(url, "SELECT pytake_purge(1)")
    sql(url, "UPDATE whatsapp_configs SET purge_after ="
        " 'ffffffff-ffff-ffff-ffff-ffffffffffff'")
    done(t, run("partitions", url=url), "behind the purge's back")
    t.eq([one(url, "SELECT count(*) FROM " + n) for n in (
        "whatsapp_configs", "conversations", "messages")], [0, 0, 0],
         "... it is found")


class Serve:
    """The sidecar with its housekeeping alone."""

    def __init__(self, url):
        self.lines = []
        self.p = subprocess.Popen(
            [cluster.pytake(), "serve", "--roles", "jobs"],
            stderr=subprocess.PIPE, text=True,
            env=environment(DATABASE_URL=url))
        self.t = threading.Thread(
            target=lambda: self.lines.extend(self.p.stderr), daemon=True)
        self.t.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.p.terminate()
        self.p.wait(timeout=20)
        self.t.join(timeout=20)


def job(t, here, tmp):
    """pytake serve deletes in steps, and live traffic does not wait."""
    url = migrated(here)
    a, b = people(url, "Away", "71"), people(url, "Live", "72")
    furnish(url, str(uuid.uuid4()), "71", 300, 4)
    run("tenant", "remove", "--tenant", "Away", "--yes", url=url)
    rows = sum(of_tenant(url, a).values())
    busy = connect(url)
    cur = busy.cursor()
    cur.execute("SET statement_timeout = '5s'")
    worst = n = 0
    with Serve(url) as s:
        def gone():
            nonlocal worst, n
            began = time.monotonic()
            cur.execute("UPDATE tenant_event_head SET seq = seq + 1 WHERE"
                        " tenant_id = %s", (b,))
            cur.execute("UPDATE conversations SET activity_at = now() WHERE"
                        " tenant_id = %s", (b,))
            worst = max(worst, time.monotonic() - began)
            n += 1
            return one(url, "SELECT count(*) FROM tenants WHERE id = %s",
                       a) == 0
        try:
            procs.wait_until(gone, 60)
            over = True
        except TimeoutError:
            over = False
        t.ok(over, "pytake serve deletes it", "".join(s.lines))
        t.ok(any("purge done" in x for x in s.lines) or procs.wait_until(
            lambda: any("purge done" in x for x in s.lines), 20),
             "... and says so", "".join(s.lines))
    t.note("%d rows, %d writes of another tenant beside, the slowest %.0f ms"
           % (rows, n, worst * 1000))
    t.eq(sum(of_tenant(url, a).values()), 0, "... all of it")
    busy.close()


def addresses(t, here, tmp):
    """Who reads the process list reads no password."""
    url = migrated(here)
    path = os.path.join(tmp, "url")
    with open(path, "w") as f:
        f.write(url + "\r\n")
    done(t, run("tenant", "list", "--database-url-file", path),
         "--database-url-file")
    done(t, run("tenant", "list", "--database-url-file=" + path,
                url="postgresql://x@127.0.0.1:1/x"),
         "... comes before the environment")
    refused(t, run("tenant", "list", "--database-url-file", path,
                   "--database-url", url), 64, "both",
            "... not with the other")
    refused(t, run("tenant", "list", "--database-url-file", path + "x"), 78,
            "cannot open", "... that is not there")
    done(t, run("tenant", "list", DATABASE_URL=url,
                DATABASE_URL_FILE="/nonexistent"),
         "DATABASE_URL of one command comes before the file of all")
    refused(t, run("tenant", "list", DATABASE_URL=url,
                   JWT_SECRET="x" * 40, JWT_SECRET_FILE=path), 78,
            "JWT_SECRET_FILE", "... but a secret is said once")

    holder = connect(url)
    holder.cursor().execute("SELECT pg_advisory_lock(7305808)")
    for args in (("--database-url", url), ("--database-url=" + url,)):
        p = subprocess.Popen([cluster.pytake(), "migrate", *args],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             env=environment())
        words = b""

        def hidden():
            nonlocal words
            with open("/proc/%d/cmdline" % p.pid, "rb") as f:
                words = f.read()
            return b"***" in words
        try:
            procs.wait_until(hidden, 20)
        except TimeoutError:
            pass
        t.ok(url.encode() not in words and b"***" in words
             and b"migrate" in words, "the process list has no address",
             words)
        p.terminate()
        p.communicate(timeout=20)
    holder.close()


def passwords(t, here, tmp):
    url = migrated(here)
    run("tenant", "add", "--name", "T", url=url)
    hashes = {}
    for n, end in enumerate(("", "\n", "\r\n", "\r\n\r\n", "\n\n")):
        p = run("user", "add", "--tenant", "T", "--email", "a%d@b.example" % n,
                "--name", "A", "--role", "agent", "--password-stdin", url=url,
                stdin="correct horse" + end)
        done(t, p, "a password that ends in %r" % end)
        hashes[n] = one(url, "SELECT password_hash FROM users WHERE email"
                        " = %s", "a%d@b.example" % n)
    lib = ctypes.CDLL("libargon2.so.1")
    for n, want in ((0, ""), (1, ""), (2, ""), (3, "\r\n"), (4, "\n")):
        word = ("correct horse" + want).encode()
        t.eq(lib.argon2id_verify(hashes[n].encode(), word, len(word)), 0,
             "... it is kept with %r behind it" % want)


VERBS = ("migrate", "doctor", "backup", "restore", "tenant", "user",
         "number", "partitions", "serve", "demo", "version")


def helps(t, here, tmp):
    whole = run("help").stdout
    for verb in VERBS:
        for word in ("--help", "-h"):
            p = run(verb, word)
            t.ok(p.returncode == 0 and p.stderr == ""
                 and "  " + verb in p.stdout
                 and p.stdout.split("\n\n", 1)[1] in whole,
                 "%s %s" % (verb, word), p)
    p = run("tenant", "rename", "--help")
    t.ok(p.returncode == 0 and "rename" in p.stdout, "of a word, too", p)
    p = run("doctor", url=here.url, WHATSAPP_APP_SECRET="0" * 32)
    t.ok(re.search("(?m)^FAIL WHATSAPP_APP_SECRET: .*App settings > Basic",
                   p.stdout) and "random" not in re.search(
                       "(?m)^FAIL WHATSAPP_APP_SECRET.*", p.stdout).group(0),
         "the app's secret is Meta's: doctor says where", p.stdout)
    p = run("doctor", url=here.url)
    t.ok(re.search("(?m)^FAIL WHATSAPP_APP_SECRET: .*App settings > Basic",
                   p.stdout), "... also when there is none", p.stdout)


def main(t):
    with cluster.Cluster("tenants") as here, \
            tempfile.TemporaryDirectory(prefix="pytake-tenants-") as tmp:
        for part in (names, controls, suspension, removal, number_removal,
                     job, addresses, passwords, helps):
            if len(sys.argv) > 1 and part.__name__ not in sys.argv[1:]:
                continue
            t.head(part.__name__)
            try:
                part(t, here, tmp)
            except Exception as e:
                t.ok(False, part.__name__ + " runs to its end", repr(e))


if __name__ == "__main__":
    tap.run(main)
