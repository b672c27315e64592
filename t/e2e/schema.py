#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""What the schema itself promises: tenants are apart, whatever statement is
run; every named statement prepares on a fresh schema; none reads a tenant's
table from end to end."""

import json
import os
import re
import subprocess
import sys
import uuid

import psycopg2

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import cluster  # noqa: E402
import statements  # noqa: E402
import tap  # noqa: E402
from cluster import connect, one, sql  # noqa: E402

TENANTS = 20
ROWS = 2000  # conversations in all; messages and events are three times that

# No tenant's data, or kept small by the housekeeping that reads it.
FREE = {"schema_migrations", "schema_functions"}

# Tables that a look-up may read whole, and why.
MAY_SCAN = {
    "tenants": "one row a company",
    "tenant_event_head": "one row a company",
    "whatsapp_configs": "one row a phone number",
}

# Partial indexes that a statement may walk without a condition, and why: they
# hold only what still waits, which the couriers keep short, in the order that
# is asked for, and the statement stops at its LIMIT.
MAY_WALK = {
    "outbox_count": {"outbox_due", "outbox_unknown"},
}

# Statements of the sidecar, which sees all tenants.
SERVICE = {"jobs.sql", "courier.sql", "hub.sql"}

# Statements of the operator's commands, run once each by whoever types them:
# they list whole tables, and the catalogue.
COMMANDS = {"cmd_tenant.sql", "cmd_user.sql", "cmd_number.sql", "demo.sql",
            "doctor.sql", "migrate.sql", "backup.sql", "restore.sql"}


def tables(url):
    """name -> (kind, is partition, has tenant_id)"""
    return {r[0]: r[1:] for r in sql(url, """
        SELECT c.relname, c.relkind::text, c.relispartition,
               EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid
                       AND a.attname = 'tenant_id')
        FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace
        AND c.relkind IN ('r', 'p')""")}


def seed(url):
    """Enough rows that a plan is a choice."""
    c = connect(url)
    cur = c.cursor()
    cur.execute("""
        INSERT INTO tenants (id, name)
        SELECT ('01900000-0000-7000-8000-' || lpad(t::text, 12, '0'))::uuid,
               'tenant ' || t FROM generate_series(1, %s) t""", (TENANTS,))
    cur.execute("""
        INSERT INTO users (tenant_id, id, email, name, role, password_hash)
        SELECT t.id, gen_random_uuid(), 'u' || n || '@' || t.id, 'U',
               'agent', 'x' FROM tenants t, generate_series(1, 50) n;
        INSERT INTO sessions (id, tenant_id, user_id, expires_at)
        SELECT gen_random_uuid(), tenant_id, id, now() + interval '1 day'
        FROM users;
        INSERT INTO refresh_tokens (token_hash, tenant_id, session_id,
            expires_at)
        SELECT sha256(id::text::bytea), tenant_id, id, expires_at
        FROM sessions;
        INSERT INTO whatsapp_configs (tenant_id, id, name, phone_number_id,
            waba_id, display_phone_number)
        SELECT id, gen_random_uuid(), 'n', right(id::text, 12), '1', '+1'
        FROM tenants""")
    cur.execute("SELECT to_regclass('tags') IS NOT NULL")
    if cur.fetchone()[0]:  # a database of before has none
        cur.execute("""
            INSERT INTO tags (tenant_id, id, name, created_at, updated_at)
            SELECT t.id, gen_random_uuid(), 'tag ' || n, now(), now()
            FROM tenants t, generate_series(1, 50) n;
            INSERT INTO quick_replies (tenant_id, id, shortcut, content,
                created_at, updated_at)
            SELECT t.id, gen_random_uuid(), 'reply ' || n, 'x', now(), now()
            FROM tenants t, generate_series(1, 50) n""")
    cur.execute("""
        INSERT INTO contacts (tenant_id, id, name, phone, wa_id)
        SELECT t.id, gen_random_uuid(), 'c', '+1' || n, '1' || n
        FROM tenants t, generate_series(1, %s) n""", (ROWS // TENANTS,))
    cur.execute("""
        INSERT INTO contact_identities (tenant_id, kind, value, contact_id)
        SELECT tenant_id, 'phone', wa_id, id FROM contacts;
        INSERT INTO conversations (tenant_id, id, contact_id,
            whatsapp_config_id, activity_at, created_at, updated_at,
            assigned_to)
        SELECT k.tenant_id, gen_random_uuid(), k.id, w.id,
               now() - random() * interval '10 days', now(), now(),
               (SELECT u.id FROM users u WHERE u.tenant_id = k.tenant_id
                AND k.id IS NOT NULL ORDER BY u.id LIMIT 1)
        FROM contacts k JOIN whatsapp_configs w
             ON w.tenant_id = k.tenant_id;
        INSERT INTO conversation_tags (tenant_id, conversation_id, tag)
        SELECT tenant_id, id, 'tag' FROM conversations;
        INSERT INTO messages (tenant_id, id, conversation_id, sender_type,
            content, whatsapp_message_id, created_at, received_at)
        SELECT v.tenant_id,
               overlay(pytake_uuid_floor(now() - n * interval '1 minute')
                   ::text PLACING right(gen_random_uuid()::text, 12)
                   FROM 25)::uuid,
               v.id, 'contact', 'hello', 'wamid.' || v.id || n, now(), now()
        FROM conversations v, generate_series(1, 3) n;
        INSERT INTO message_receipts (tenant_id, whatsapp_message_id, status,
            occurred_at, message_id, raw, received_at)
        SELECT tenant_id, whatsapp_message_id, 'sent', now(), id, '{}', now()
        FROM messages;
        INSERT INTO outbox (tenant_id, message_id, conversation_id,
            whatsapp_config_id, next_attempt_at, created_at)
        SELECT m.tenant_id, m.id, m.conversation_id, v.whatsapp_config_id,
               now(), now()
        FROM messages m JOIN conversations v ON v.tenant_id = m.tenant_id
             AND v.id = m.conversation_id;
        INSERT INTO event_log (tenant_id, seq, id, created_at, event, frame)
        SELECT tenant_id, row_number() OVER (PARTITION BY tenant_id), id,
               now(), 'message_received', '{}' FROM messages;
        UPDATE tenant_event_head h SET seq = (SELECT max(seq) FROM event_log e
            WHERE e.tenant_id = h.tenant_id);
        INSERT INTO idempotency_keys (tenant_id, scope, key, body_hash,
            status, response, created_at)
        SELECT tenant_id, 's', id::text, '', 201, '', now() FROM messages;
        INSERT INTO login_networks (tenant_id, user_id, network)
        SELECT tenant_id, id, substr(sha256(id::text::bytea), 1, 16)
        FROM users;
        INSERT INTO audit_log (tenant_id, id, action)
        SELECT tenant_id, id, 'x' FROM messages;
        INSERT INTO webhook_errors (tenant_id, item_hash, raw_id, path, code,
            detail, item, received_at)
        SELECT tenant_id, sha256(id::text::bytea), id, '', '', '', '', now()
        FROM messages;
        INSERT INTO webhook_raw (id, received_at, request_id, body, summary)
        SELECT gen_random_uuid(), now(), 'r', '', '{}'
        FROM generate_series(1, 200);
        ANALYZE""")
    c.close()


def as_role(url, role, tenant=None):
    """A transaction of that role, in that tenant."""
    c = psycopg2.connect(url)
    cur = c.cursor()
    cluster.enter(cur, role)
    if tenant is not None:
        cur.execute("SELECT set_config('pytake.tenant_id', %s, true)",
                    (tenant,))
    return c, cur


def attempt(cur, text, params=None):
    """(rows, None) or (None, SQLSTATE); the transaction goes on."""
    cur.execute("SAVEPOINT s")
    try:
        cur.execute(text, params)
        rows = cur.fetchall() if cur.description else cur.rowcount
        cur.execute("RELEASE s")
        return rows, None
    except psycopg2.Error as e:
        cur.execute("ROLLBACK TO s")
        return None, e.pgcode


def test_security(t, url):
    found = tables(url)
    wrong = [r[0] for r in sql(url, """
        SELECT relname FROM pg_class
        WHERE relnamespace = 'public'::regnamespace
        AND relkind IN ('r', 'p') AND NOT relispartition
        AND NOT (relrowsecurity AND relforcerowsecurity)""")]
    t.eq(sorted(set(wrong) - FREE), [], "every table forces row security")

    unscoped = [n for n, (k, part, has) in found.items()
                if not part and not has and n not in FREE
                and n not in ("tenants", "webhook_raw")]
    t.eq(unscoped, [], "every other table has a tenant_id")

    views = [r[0] for r in sql(url, """
        SELECT relname FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'v'
        AND NOT coalesce('security_invoker=true' = ANY (reloptions),
                         false)""")]
    t.eq(views, [], "every view looks with its caller's eyes")

    definers = sql(url, """
        SELECT p.proname, r.rolname FROM pg_proc p
        JOIN pg_roles r ON r.oid = p.proowner
        WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef
        AND (has_function_privilege('public', p.oid, 'EXECUTE')
             OR NOT coalesce(array_to_string(p.proconfig, ' ')
                             LIKE '%search_path=%', false))""")
    t.eq(definers, [], "definer functions: not for everybody, fixed path")

    for role in ("app", "service", "lookup"):
        t.eq(sql(url, "SELECT rolsuper, rolbypassrls, rolcanlogin,"
                 " rolcreaterole, rolcreatedb FROM pg_roles"
                 " WHERE rolname = %s", cluster.role_of(url, role)),
             [(False,) * 5], role + " has no power of its own")


def test_outside(t, url):
    found = tables(url)
    c, cur = as_role(url, "app")
    seen = []
    for name, (kind, part, has) in sorted(found.items()):
        rows, code = attempt(cur, "SELECT count(*) FROM " + name)
        if part:
            t.eq((rows, code), (None, "42501"),
                 "%s cannot be read directly" % name)
        elif code != "42501" and (name in FREE or rows != [(0,)]):
            seen.append(name)
    t.eq(seen, [], "without a tenant every table is empty or shut")
    t.eq(attempt(cur, "SELECT count(*) FROM conversation_rows"),
         ([(0,)], None), "... the view, too")

    writes = []
    for name, (kind, part, has) in sorted(found.items()):
        if part:
            rows, code = attempt(cur, "DELETE FROM " + name)
            if code != "42501":
                writes.append(name)
        elif has:
            rows, code = attempt(
                cur, "UPDATE %s SET tenant_id = tenant_id" % name)
            if code != "42501" and rows != 0:
                writes.append(name)
    t.eq(writes, [], "... and nothing can be changed")
    c.rollback()

    # the setting is '' after its first use, not NULL
    cluster.enter(cur, "app")
    cur.execute("SELECT set_config('pytake.tenant_id', %s, true)",
                (str(uuid.uuid4()),))
    c.commit()
    t.eq(attempt(cur, "SELECT count(*), current_setting("
                 "'pytake.tenant_id', true) FROM contacts"),
         ([(0, "")], None), "a tenant that was left shows nothing")
    c.close()


def test_apart(t, url):
    a, b = [r[0] for r in sql(url, "SELECT id FROM tenants ORDER BY id"
                              " LIMIT 2")]
    c, cur = as_role(url, "app", a)
    for name, (kind, part, has) in sorted(tables(url).items()):
        if part or name in FREE:
            continue
        column = "tenant_id" if has else "id" if name == "tenants" else None
        if column is None:
            continue
        own, code = attempt(cur, "SELECT count(*) FROM %s" % name)
        if code == "42501":
            continue
        t.ok(own[0][0] > 0, "%s: the tenant's own rows are seen" % name, own)
        t.eq(attempt(cur, "SELECT count(*) FROM %s WHERE %s <> %%s"
                     % (name, column), (a,)), ([(0,)], None),
             "... and nobody else's")
        if not has:
            continue
        rows, code = attempt(
            cur, "UPDATE %s SET tenant_id = %%s" % name, (b,))
        t.ok(code == "42501", "... none is given away", (rows, code))
        rows, code = attempt(
            cur, "DELETE FROM %s WHERE tenant_id = %%s" % name, (b,))
        t.ok(code == "42501" or rows == 0, "... nor is theirs taken",
             (rows, code))

    for text in (
            "INSERT INTO contacts (tenant_id, id) VALUES (%s, %s)",
            "INSERT INTO audit_log (tenant_id, id, action)"
            " VALUES (%s, %s, 'x')",
            "INSERT INTO event_log (tenant_id, id, seq, created_at, event,"
            " frame) VALUES (%s, %s, 1, now(), 'x', '')"):
        rows, code = attempt(cur, text, (b, str(uuid.uuid4())))
        t.eq(code, "42501", "no row for another: " + text.split()[2])
    t.eq(attempt(cur, "SELECT count(*) FROM conversation_rows"
                 " WHERE tenant_id <> %s", (a,)), ([(0,)], None),
         "the view shows the tenant's own")
    c.close()

    c, cur = as_role(url, "service")
    t.eq(attempt(cur, "SELECT count(DISTINCT tenant_id) FROM messages"),
         ([(TENANTS,)], None), "the service sees all of them")
    for name in ("messages_default",):
        t.eq(attempt(cur, "SELECT 1 FROM " + name)[1], "42501",
             "... but no partition")
    c.close()

    c, cur = as_role(url, "app", a)
    for column, table in (("password_hash", "users"),
                          ("access_token_sealed", "whatsapp_configs")):
        t.eq(attempt(cur, "SELECT %s FROM %s" % (column, table))[1], "42501",
             "the app does not read %s, not even its tenant's" % column)
    for call in ("pytake_partitions_make()", "pytake_partitions_drop(0, 0)",
                 "pytake_days_make()", "pytake_months_make()",
                 "pytake_day_drop('event_log', 0)"):
        t.eq(attempt(cur, "SELECT " + call)[1], "42501",
             "the app may not " + call)
    c.close()
    test_tenants(t, url, a, b)


def test_tenants(t, url, a, b):
    """The app changes its own tenant's settings, and nothing else of any."""
    c, cur = as_role(url, "app", a)
    may = [r[0] for r in sql(url, """
        SELECT attname FROM pg_attribute WHERE attrelid = 'tenants'::regclass
        AND attnum > 0 AND NOT attisdropped AND has_column_privilege(%s,
            attrelid, attnum, 'UPDATE') ORDER BY 1""",
                             cluster.role_of(url, "app"))]
    t.eq(may, ["locale", "name", "time_zone", "updated_at", "version"],
         "the app writes a tenant's settings alone")
    for column in ("status = 'suspended'", "id = gen_random_uuid()",
                   "created_at = now()"):
        t.eq(attempt(cur, "UPDATE tenants SET " + column)[1], "42501",
             "... not " + column)
    for text in ("DELETE FROM tenants",
                 "INSERT INTO tenants (id, name) VALUES"
                 " (gen_random_uuid(), 'x')"):
        t.eq(attempt(cur, text)[1], "42501", "... nor " + text[:19])
    t.eq(attempt(cur, "UPDATE tenants SET locale = 'en'"), (1, None),
         "... of its own, whoever is meant")
    t.eq(attempt(cur, "UPDATE tenants SET name = 'x', version = 2"
                 " WHERE id = %s", (b,)), (0, None),
         "... and no other tenant's")
    t.eq(attempt(cur, "UPDATE tenants SET name = upper((SELECT 'tenant 2'))"
                 " WHERE id = %s", (a,))[1], "23505",
         "another tenant's name is taken, though it is not seen")
    c.close()


SHORT = {"timestamp with time zone": "timestamptz", "integer": "int4",
         "bigint": "int8", "boolean": "bool"}


def test_statements(t, url):
    c = connect(url)
    cur = c.cursor()
    bad = []
    found = statements.read().values()
    for s in found:
        try:
            cur.execute(s.prepare())
        except psycopg2.Error as e:
            bad.append((s.file, s.name, str(e)))
    t.eq(bad, [], "every statement prepares on a fresh schema")
    c.close()

    wrong = [(s.name, s.columns, got) for s, got in zip(
        found, described(url, found)) if [SHORT.get(x, x) for x in got]
        != [x for _, x in s.columns] and s.columns]
    t.eq(wrong, [], "its columns have the types that are declared")


def described(url, found):
    """The types of each statement's columns, as the server tells them.  It
    runs nothing: psql asks for the description."""
    lines = []
    for s in found:
        lines += ["\\echo = %s" % s.name, re.sub(
            r"\$(\d+)", lambda m, s=s: "NULL::" + s.types[
                int(m.group(1)) - 1], s.sql), "\\gdesc"]
    out = subprocess.run(["psql", "-XAt", "-v", "ON_ERROR_STOP=1", url],
                         input="\n".join(lines), capture_output=True,
                         text=True, check=True).stdout
    return [[line.split("|")[1] for line in part.split("\n")[1:] if "|" in line]
            for part in out.split("= ")[1:]]


def scans(node, out, walked=()):
    """The tables that are read from end to end: by themselves, or along an
    index without a condition on it that is not among those walked."""
    kind = node["Node Type"]
    if kind == "Seq Scan" or (kind in ("Index Scan", "Index Only Scan")
                              and "Index Cond" not in node
                              and node["Index Name"] not in walked):
        out.append(node["Relation Name"])
    for child in node.get("Plans", []):
        scans(child, out, walked)
    return out


def test_plans(t, url):
    """Generic plans, as a worker's connection has them, under row security.
    enable_seqscan = off makes whole reads dear, not impossible: a table of
    a few pages, which any planner reads whole, does not count, and what has
    no index for the question is read whole even so.  An empty partition
    beside a filled one does not count: all ways into it cost the same."""
    parts = sql(url, """
        SELECT c.relname, p.relname, c.reltuples > 0 FROM pg_inherits i
        JOIN pg_class c ON c.oid = i.inhrelid
        JOIN pg_class p ON p.oid = i.inhparent""")
    parents = {r[0]: r[1] for r in parts}
    filled = {r[1] for r in parts if r[2]}
    empty = {r[0] for r in parts if not r[2] and r[1] in filled}
    tenant = one(url, "SELECT id FROM tenants ORDER BY id LIMIT 1")

    def read(role, params, text, walked=()):
        c, cur = as_role(url, role, tenant)
        cur.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        cur.execute("SET LOCAL enable_seqscan = off")
        nulls = ", ".join("NULL" for _ in params)
        try:
            cur.execute("PREPARE q%s AS %s" % (
                "(%s)" % ", ".join(params) if params else "", text))
            cur.execute("EXPLAIN (FORMAT JSON) EXECUTE q%s" % (
                "(%s)" % nulls if params else ""))
            plan = cur.fetchone()[0][0]["Plan"]
        finally:
            c.close()
        whole = set(scans(plan, [], walked)) - empty
        return (sorted({parents.get(n, n) for n in whole} - set(MAY_SCAN)),
                json.dumps(plan, indent=1)[:4000])

    t.eq(read("service", ["text"], "SELECT id FROM messages"
              " WHERE content = $1")[0], ["messages"],
         "a whole read is noticed")
    t.eq(read("service", [], "SELECT id FROM contacts"
              " ORDER BY tenant_id, id")[0], ["contacts"],
         "... along an index, too")
    for s in statements.read().values():
        if s.file in COMMANDS:
            continue
        role = "service" if s.file in SERVICE else "app"
        whole, plan = read(role, s.types, s.sql, MAY_WALK.get(s.name, ()))
        t.ok(not whole, "%s: no table is read whole" % s.name,
             "%s\n%s" % (whole, plan))


def seed_big(url):
    """A tenant of 20,000 conversations, all of one agent but three; nothing
    is snoozed, another agent has none, all have one of twenty tags, half of
    them a common one, three a rare one, too."""
    c = connect(url)
    cur = c.cursor()
    cur.execute("""
        INSERT INTO tenants (id, name)
        VALUES ('01900000-0000-7000-8000-0000000000b1', 'big');
        INSERT INTO users (tenant_id, id, email, name, role, password_hash)
        SELECT '01900000-0000-7000-8000-0000000000b1',
               ('01900000-0000-7000-8000-00000000000' || n)::uuid,
               'big' || n, 'B', 'agent', 'x' FROM generate_series(1, 2) n;
        INSERT INTO whatsapp_configs (tenant_id, id, name, phone_number_id,
            display_phone_number)
        VALUES ('01900000-0000-7000-8000-0000000000b1', gen_random_uuid(),
            'n', 'big', '+1');
        INSERT INTO contacts (tenant_id, id, name, phone)
        SELECT '01900000-0000-7000-8000-0000000000b1',
               ('01900000-0000-7000-9000-' || lpad(n::text, 12, '0'))::uuid,
               'c', '+2' || n FROM generate_series(1, 20000) n;
        INSERT INTO conversations (tenant_id, id, contact_id,
            whatsapp_config_id, activity_at, created_at, updated_at, status,
            assigned_to)
        SELECT k.tenant_id, k.id, k.id, w.id,
               now() - right(k.id::text, 5)::int * interval '1 minute',
               now(), now(),
               CASE WHEN right(k.id::text, 1) = '7' THEN 'active'
                    ELSE 'closed' END,
               CASE WHEN right(k.id::text, 5)::int > 3 THEN
                   '01900000-0000-7000-8000-000000000001'::uuid END
        FROM contacts k JOIN whatsapp_configs w ON w.tenant_id = k.tenant_id
        WHERE w.phone_number_id = 'big';
        INSERT INTO conversation_tags (tenant_id, conversation_id, tag)
        SELECT v.tenant_id, v.id, 'tag ' || right(v.id::text, 2)::int % 20
        FROM conversations v
        WHERE v.tenant_id = '01900000-0000-7000-8000-0000000000b1'
        UNION ALL
        SELECT v.tenant_id, v.id, 'rare' FROM conversations v
        WHERE v.tenant_id = '01900000-0000-7000-8000-0000000000b1'
          AND right(v.id::text, 5)::int BETWEEN 2000 AND 2002
        UNION ALL
        SELECT v.tenant_id, v.id, 'half' FROM conversations v
        WHERE v.tenant_id = '01900000-0000-7000-8000-0000000000b1'
          AND right(v.id::text, 1)::int % 2 = 0""")
    cur.execute("VACUUM (ANALYZE) conversations, conversation_tags, contacts")
    c.close()


def touched(node):
    """Rows that a plan looked at: those it got and those it dropped."""
    n = sum(touched(child) for child in node.get("Plans", []))
    if "Scan" in node["Node Type"]:
        n += node["Actual Loops"] * (
            node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
            + node.get("Rows Removed by Index Recheck", 0))
    return n


def test_lists(t, url):
    """A page is as dear as what it shows, whatever the tenant has; of a tag
    it is counted first how common it is."""
    seed_big(url)
    some = "01900000-0000-7000-8000-00000000000"
    every = ["active", "pending", "snoozed", "closed"]
    cases = (
        ("conv_list", "all", (), 21),
        ("conv_list_status", "status", ("closed",), 21),
        ("conv_list_status", "a status that nothing has", ("snoozed",), 0),
        ("conv_list_statuses", "several statuses", (every,), 21),
        ("conv_list_statuses", "statuses that nothing has",
         (["snoozed", "pending"],), 0),
        ("conv_list_assigned", "assigned", (every, some + "1"), 21),
        ("conv_list_assigned", "assigned, a status that nothing has",
         (["snoozed"], some + "1"), 0),
        ("conv_list_assigned", "assigned to one who has none",
         (every, some + "2"), 0),
        ("conv_list_unassigned", "unassigned", (every,), 3),
        ("conv_list_unassigned", "unassigned, a status that nothing has",
         (["active"],), 0),
        ("conv_list_tag", "a tag", (every, None, False, "rare"), 3),
        ("conv_list_tag", "a tag that half of them have",
         (every, None, False, "half"), 21),
        ("conv_list_tag", "a tag that nothing has",
         (every, None, False, "none"), 0),
        ("conv_list_of_contact", "a contact",
         (every, None, False, None, some.replace("8000-0", "9000-0") + "9"),
         1))
    found = statements.read()
    t.eq(sorted({x for x in found if x.startswith("conv_list")}),
         sorted({x[0] for x in cases}), "every list is asked")
    c, cur = as_role(url, "app",
                     "01900000-0000-7000-8000-0000000000b1")
    cur.execute("SET LOCAL plan_cache_mode = force_generic_plan")
    for name, what, more, want in cases:
        args = ("infinity", "f" * 32, 21) + more
        cur.execute(found[name].prepare("q"))
        call = "EXECUTE q (%s)" % ", ".join(["%s"] * len(args))
        cur.execute(call, args)
        t.eq(len(cur.fetchall()), want, "%s: %d rows" % (what, want))
        cur.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + call, args)
        plan = cur.fetchone()[0][0]["Plan"]
        n = touched(plan)
        each = 16 if name == "conv_list_tag" else 8  # looked at twice
        t.ok(n <= each * want + 8 + 2000 * ("half" in more),
             "... and %d were looked at" % n,
             json.dumps(plan, indent=1)[:6000])
        cur.execute("DEALLOCATE q")
    c.close()


def main(t):
    with cluster.Cluster("schema") as here:
        url = here.database()
        p = subprocess.run([cluster.pytake(), "migrate", "--database-url",
                            url], capture_output=True, text=True, timeout=60)
        if not t.ok(p.returncode == 0, "migrate", p.stdout + p.stderr):
            return
        test_statements(t, url)
        test_security(t, url)
        seed(url)
        test_outside(t, url)
        test_apart(t, url)
        test_plans(t, url)
        test_lists(t, url)


if __name__ == "__main__":
    tap.run(main)
