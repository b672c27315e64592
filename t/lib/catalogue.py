# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""All that a schema consists of, as the catalogues have it, so that two
databases can be compared: what differs is named.  Partitions of days and
months are left out, for they are the housekeeping's."""

import re

from cluster import role_of, sql

ACL = """(SELECT array_agg(format('%%s=%%s/%%s', CASE a.grantee WHEN 0 THEN
    'PUBLIC' ELSE a.grantee::regrole::text END, a.privilege_type ||
    CASE WHEN a.is_grantable THEN '*' ELSE '' END, a.grantor::regrole)
    ORDER BY a.grantee::regrole::text, a.privilege_type) FROM aclexplode(%s) a)::text"""

REL = """c.relnamespace = 'public'::regnamespace
    AND c.relname !~ '_[0-9]{4}_[0-9]{2}'"""

LOOKS = {
    "relation": """
        SELECT c.relname, c.relkind::text, c.relpersistence::text,
               c.relowner::regrole::text, c.reloptions::text,
               c.relrowsecurity, c.relforcerowsecurity, c.relispartition,
               pg_get_expr(c.relpartbound, c.oid), pg_get_partkeydef(c.oid),
               """ + ACL % "c.relacl" + """
        FROM pg_class c WHERE """ + REL,
    "column": """
        SELECT c.relname || '.' || a.attname, a.attnum,
               format_type(a.atttypid, a.atttypmod), a.attnotnull,
               pg_get_expr(d.adbin, d.adrelid), a.attcollation::regcollation
               ::text, a.attcompression::text, a.attstorage::text,
               a.attidentity::text, a.attgenerated::text,
               """ + ACL % "a.attacl" + """
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE a.attnum > 0 AND """ + REL,
    "constraint": """
        SELECT coalesce(c.relname, t.typname) || ' ' || n.conname,
               pg_get_constraintdef(n.oid), n.convalidated
        FROM pg_constraint n LEFT JOIN pg_class c ON c.oid = n.conrelid
        LEFT JOIN pg_type t ON t.oid = n.contypid
        WHERE n.connamespace = 'public'::regnamespace
        AND (c.oid IS NULL OR """ + REL + ")",
    "index": """
        SELECT c.relname, pg_get_indexdef(c.oid), i.indisvalid
        FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid
        WHERE """ + REL,
    "domain": """
        SELECT t.typname, format_type(t.typbasetype, t.typtypmod),
               t.typowner::regrole::text, """ + ACL % "t.typacl" + """
        FROM pg_type t WHERE t.typtype = 'd'
        AND t.typnamespace = 'public'::regnamespace""",
    "function": """
        SELECT f.oid::regprocedure::text, l.lanname, f.prosrc,
               pg_get_function_arguments(f.oid),
               pg_get_function_result(f.oid), f.proconfig::text,
               f.prosecdef, f.proisstrict, f.proleakproof,
               f.provolatile::text, f.proparallel::text, f.procost,
               f.prorows, f.proowner::regrole::text,
               """ + ACL % "coalesce(f.proacl, acldefault('f', f.proowner))"
    + """
        FROM pg_proc f JOIN pg_language l ON l.oid = f.prolang
        WHERE f.pronamespace = 'public'::regnamespace""",
    "view": """
        SELECT c.relname, pg_get_viewdef(c.oid) FROM pg_class c
        WHERE c.relkind = 'v' AND """ + REL,
    "trigger": """
        SELECT c.relname || ' ' || t.tgname, pg_get_triggerdef(t.oid),
               t.tgenabled::text
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE NOT t.tgisinternal AND """ + REL,
    "policy": """
        SELECT c.relname || ' ' || p.polname, p.polcmd::text,
               p.polpermissive, (SELECT array_agg(r::regrole::text
                   ORDER BY r::regrole::text) FROM unnest(p.polroles) r)
               ::text,
               pg_get_expr(p.polqual, p.polrelid),
               pg_get_expr(p.polwithcheck, p.polrelid)
        FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
        WHERE """ + REL,
    "comment": """
        SELECT pg_describe_object(d.classoid, d.objoid, d.objsubid),
               d.description
        FROM pg_description d JOIN pg_class c ON c.oid = d.objoid
        AND d.classoid = 'pg_class'::regclass WHERE """ + REL,
    "schema": """
        SELECT n.nspname::text, """ + ACL % "n.nspacl" + """
        FROM pg_namespace n WHERE n.nspname = 'public'""",
}


def of(url):
    """(kind, name) -> what the catalogues say, with the roles' names as a
    database has them that is called pytake."""
    ours = re.compile(r"\b%s(app|service|lookup)\b"
                      % re.escape(role_of(url, "")))
    got = {}
    for kind, look in LOOKS.items():
        for row in sql(url, look):
            got[kind, row[0]] = [ours.sub(r"pytake_\1", v)
                                 if isinstance(v, str) else v
                                 for v in row[1:]]
    return got


def differ(a, b):
    """What one has that the other has not, or has otherwise."""
    return {k: (a.get(k), b.get(k)) for k in sorted(set(a) | set(b))
            if a.get(k) != b.get(k)}


def columns(url):
    """table -> its columns, without the tables that migrate itself writes."""
    return dict(sql(url, """
        SELECT c.relname, string_agg(quote_ident(a.attname), ', '
               ORDER BY a.attnum)
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relnamespace = 'public'::regnamespace
        AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        AND c.relname NOT LIKE 'schema\\_%' GROUP BY 1"""))


def rows(url, columns):
    """table -> (how many rows, a hash of what they have in these columns)."""
    return {t: sql(url, "SELECT count(*), md5(string_agg(t::text, '|'"
                   " ORDER BY t::text)) FROM (SELECT %s FROM %s) t"
                   % (names, t))[0] for t, names in columns.items()}
