#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""pytake migrate: a database of the twelve migrations of before becomes what a
new one is, and loses no row; a file of functions that was changed is applied,
alone; what fails leaves nothing behind; nobody waits long."""

import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import catalogue  # noqa: E402
import cluster  # noqa: E402
import oldschema  # noqa: E402
import schema  # noqa: E402
import tap  # noqa: E402
from cluster import TOP, connect, one, role_of, sql  # noqa: E402

FUNCTIONS = ["functions/" + n for n in
             sorted(os.listdir(os.path.join(TOP, "schema", "functions")))]
LATER = sorted(os.listdir(os.path.join(TOP, "schema", "migrations")))[1:]
NEWEST = int(LATER[-1][:4]) if LATER else 12
OTHER_POLICIES = ["tenant_lock"]  # a tenant's settings are written, too
MORE = "migrations__%04d_more" % (NEWEST + 1)
HOT = "messages, conversations, contacts, contact_identities, event_log, " \
    "outbox, message_receipts, webhook_raw, tenant_event_head, " \
    "idempotency_keys, sessions, refresh_tokens"


def environment(url):
    env = {k: v for k, v in os.environ.items()
           if not re.match(r"(DATABASE|DB|REDIS|JWT|WHATSAPP|WEBSOCKET|CORS"
                           r"|LOG|PYTAKE|PG)_", k) and k != "PYTAKE"}
    return dict(env, DATABASE_URL=url)


def run(url, *args, program=None):
    return subprocess.run([program or cluster.pytake(), *args], timeout=120,
                          capture_output=True, text=True,
                          env=environment(url))


def applied(p):
    """The files that a run says it applied."""
    return re.findall(r"(?m)^applied (\S+) \(\d+ ms\)$", p.stdout)


class Place:
    """Databases of one owner, who is no superuser, and programs that were
    built of other files."""

    def __init__(self, here, tmp):
        self.here, self.tmp = here, tmp
        self.owner = here.role("owner", "CREATEROLE")
        self.programs = 0

    def empty(self):
        return self.here.database(self.owner)

    def fresh(self):
        url = self.empty()
        p = run(url, "migrate")
        if p.returncode != 0:
            raise RuntimeError("migrate: " + p.stdout + p.stderr)
        return url

    def old(self, upto=len(oldschema.FILES)):
        name = self.here.name()
        url = self.here.create(name, self.owner)
        oldschema.apply(url, upto, "pytake_" + name)
        return url

    def program(self, **changes):
        """The program with some of its files changed: path within schema/,
        with _ for what no name may have, to a function of the text."""
        self.programs += 1
        room = os.path.join(self.tmp, "program%d" % self.programs)
        shutil.copytree(os.path.join(TOP, "schema"),
                        os.path.join(room, "schema"))
        for name, change in changes.items():
            path = os.path.join(room, "schema",
                                name.replace("__", "/") + ".sql")
            text = ""
            if os.path.exists(path):
                with open(path) as f:
                    text = f.read()
            with open(path, "w") as f:
                f.write(change(text))
        return build(room)


def build(room):
    files = [os.path.join(top, n) for top, _, names in os.walk(
        os.path.join(room, "schema")) for n in names if n.endswith(".sql")
        and os.path.basename(top) in ("migrations", "functions")]
    source, made = room + "/migrations.c", room + "/migrations.o"
    folder = os.path.dirname(cluster.pytake())
    subprocess.run(["perl", TOP + "/tools/gen_migrations.pl", source]
                   + files, check=True, capture_output=True)
    subprocess.run(["gcc", "-c", "-I" + os.path.join(TOP, "sidecar"), "-o",
                    made, source], check=True)
    # Linked by the Makefile's own rule, with that file in the place of its.
    subprocess.run(["make", "-s", "-C", TOP, "BUILD=" + folder,
                    *(["SAN=1"] if folder.endswith("-asan") else []),
                    "PYTAKE=%s/pytake" % room, "REL_MIG=" + made, "pytake"],
                   check=True, stdout=subprocess.DEVNULL)
    return room + "/pytake"


def append(more):
    return lambda text: text + more


def put(old, new):
    def change(text):
        if text.count(old) != 1:
            raise ValueError("not once in the file: " + old)
        return text.replace(old, new)
    return change


def files(t, place):
    """Where a function is found: in one place, with what it is for."""
    made = r"(?m)^CREATE (?:OR REPLACE )?(?:UNIQUE )?(?:%s)\b"
    for folder, what in (("migrations", "FUNCTION|VIEW|TRIGGER|POLICY"),
                         ("functions", "TABLE|INDEX|DOMAIN|SEQUENCE")):
        base = os.path.join(TOP, "schema", folder)
        for name in sorted(os.listdir(base)):
            with open(os.path.join(base, name)) as f:
                text = f.read()
            t.ok(not re.search(made % what, text),
                 "%s/%s has none of %s" % (folder, name, what))
    text = ""
    for name in FUNCTIONS:
        with open(os.path.join(TOP, "schema", name)) as f:
            text += f.read()
    t.eq([m.group(1) for m in re.finditer(
        r"(?m)(^.*)\nCREATE OR REPLACE (?:FUNCTION|VIEW)", text)
        if not m.group(1).startswith("-- ")], [],
        "every function and view has a comment above it")
    t.eq(sorted(re.findall(r"CREATE OR REPLACE FUNCTION\s+(\w+)\(", text)),
         [r[0] for r in sql(place.fresh(), "SELECT proname FROM pg_proc WHERE"
                            " pronamespace = 'public'::regnamespace"
                            " ORDER BY proname COLLATE \"C\"")],
         "the database has those of the files, each of them once")


# ---- a database of before ----

def before(t, place):
    with open(os.path.join(TOP, "schema", "migrations",
                           "0012_schema.sql")) as f:
        replaces = re.findall(r"(?m)^-- replaces: (\d{4}) (\w{64})$",
                              f.read())
    t.eq(replaces, [(n[:4], oldschema.checksum(n)) for n in oldschema.FILES],
         "the twelve files are those that 0012_schema.sql says it replaced")

    url = place.old()
    schema.seed(url)
    kept = catalogue.columns(url)
    had = catalogue.rows(url, kept)
    t.ok(all(n > 0 for n, _ in had.values()), "there is data in every table",
         had)
    policies = sql(url, "SELECT oid, xmin::text FROM pg_policy WHERE"
                   " polname <> ALL (%s) ORDER BY 1", OTHER_POLICIES)
    todo = LATER + FUNCTIONS
    p = run(url, "migrate", "status")
    t.ok(p.returncode == 0 and re.search("(?m)^0012 schema +applied ", p.stdout)
         and "%d to apply" % len(todo) in p.stdout,
         "it has 0012, and what is later is to be applied", p)
    t.ok("FAIL migrations: %d to apply" % len(todo)
         in run(url, "doctor").stdout, "doctor says so, too")

    p = run(url, "migrate")
    t.eq((p.returncode, p.stderr, sorted(applied(p))), (0, "", sorted(todo)),
         "migrate applies it")
    after = dict(sql(url, "SELECT oid, xmin::text FROM pg_policy"))
    t.eq([(oid, after.get(oid)) for oid, _ in policies], policies,
         "... and touches no policy of before that is as it should be")
    t.eq(catalogue.rows(url, kept), had, "no row is lost or changed")
    fresh = place.fresh()
    t.eq(catalogue.differ(catalogue.of(url), catalogue.of(fresh)), {},
         "its catalogue is that of a new database")
    look = "SELECT version, name, checksum FROM schema_migrations"
    t.eq(sql(url, look), sql(fresh, look),
         "... and so is what it says of its migrations")
    look = "SELECT file, checksum FROM schema_functions ORDER BY 1"
    t.eq(sql(url, look), sql(fresh, look), "... and of its functions")
    nothing(t, url)
    t.ok("ok   migrations: all applied" in run(url, "doctor").stdout,
         "doctor is content")

    sql(url, "UPDATE schema_functions SET checksum = ''")
    user = connect(url)
    user.autocommit = False
    user.cursor().execute("LOCK TABLE %s IN ROW EXCLUSIVE MODE" % HOT)
    p = run(url, "migrate")
    user.close()
    t.eq((p.returncode, p.stderr, sorted(applied(p))), (0, "", FUNCTIONS),
         "all functions are applied again while the hot tables are written")
    t.eq(catalogue.differ(catalogue.of(url), catalogue.of(fresh)), {},
         "... and are what they were")


def nothing(t, url):
    """A second run, while all tables are in use."""
    user = connect(url)
    user.autocommit = False
    cur = user.cursor()
    cur.execute("SELECT string_agg(c.oid::regclass::text, ', ') FROM pg_class"
                " c WHERE c.relnamespace = 'public'::regnamespace AND"
                " c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition")
    cur.execute("LOCK TABLE %s IN ROW EXCLUSIVE MODE" % cur.fetchone()[0])
    marks = [sql(url, "SELECT oid, xmin::text FROM %s ORDER BY 1" % c)
             for c in ("pg_proc", "pg_policy", "pg_trigger", "pg_class",
                       "pg_namespace")]
    p = run(url, "migrate")
    user.close()
    t.eq((p.returncode, p.stdout, p.stderr),
         (0, "the schema is current, nothing to do\n", ""),
         "a second migrate has nothing to do, and waits for no table")
    t.eq([sql(url, "SELECT oid, xmin::text FROM %s ORDER BY 1" % c)
          for c in ("pg_proc", "pg_policy", "pg_trigger", "pg_class",
                    "pg_namespace")], marks,
         "... and has written nothing to the catalogues")


def refused(t, place):
    url = place.old(9)
    p = run(url, "migrate")
    t.ok(p.returncode == 1 and re.fullmatch(
        "pytake: the database lacks 0010, one of the migrations that "
        "0012_schema.sql replaced: run [^\n]+\n", p.stderr),
         "one that has some of the twelve is told what to do", p)
    t.eq((one(url, "SELECT max(version) FROM schema_migrations"),
          one(url, "SELECT count(*) FROM schema_functions")), (9, 0),
         "... and nothing was done")
    t.eq(run(url, "migrate", "status").returncode, 1, "... status says so")

    url = place.old()
    sql(url, "UPDATE schema_migrations SET checksum = repeat('0', 64)"
        " WHERE version = 4")
    p = run(url, "migrate")
    t.ok(p.returncode == 1 and re.fullmatch(
        "pytake: the database's 0004 is another one than 0012_schema.sql "
        "replaced[^\n]+\n", p.stderr), "one with another 0004 is refused", p)

    url = place.old()
    sql(url, "UPDATE schema_migrations SET version = 9999 WHERE version = 3")
    p = run(url, "migrate")
    t.ok(p.returncode == 1 and "newer" in p.stderr, "a newer one, too", p)


# ---- functions ----

def one_file(t, place):
    url = place.fresh()
    was = catalogue.of(url)
    program = place.program(functions__base=put(
        "MS\"Z\"'", "US\"Z\"'"))
    p = run(url, "migrate", "--dry-run", program=program)
    t.ok(re.fullmatch(r"would apply functions/base\.sql \(\d+ statements\)\n",
                      p.stdout), "one file changed: one is to be applied", p)
    t.ok("FAIL migrations: 1 to apply" in run(
        url, "doctor", program=program).stdout, "doctor says so")
    others = "SELECT file, checksum, applied_at FROM schema_functions" \
        " WHERE file <> 'functions/base.sql' ORDER BY 1"
    stay = sql(url, others)
    p = run(url, "migrate", program=program)
    t.eq((p.returncode, applied(p)), (0, ["functions/base.sql"]),
         "that one is applied alone")
    t.eq(sql(url, others), stay, "... the others are as they were")
    t.eq([name for _, name in catalogue.differ(was, catalogue.of(url))],
         ["pytake_time(timestamp with time zone)"],
         "... one function has changed")
    t.eq(run(url, "migrate", program=program).stdout,
         "the schema is current, nothing to do\n", "then there is no more")
    t.eq(applied(run(url, "migrate")), ["functions/base.sql"],
         "the program of before puts its own back")
    t.eq(catalogue.differ(was, catalogue.of(url)), {}, "... as it was")

    program = place.program(functions__extra=append(
        "CREATE FUNCTION pytake_extra() RETURNS integer LANGUAGE sql AS"
        " 'SELECT 1';\n"))
    t.eq(applied(run(url, "migrate", program=program)),
         ["functions/extra.sql"], "a new file is applied")
    t.eq((applied(run(url, "migrate")), one(url, "SELECT pytake_extra()")),
         ([], 1), "one that is gone leaves its function where it is")


def policies(t, place):
    """Only what differs is changed; what differs is put right."""
    url = place.fresh()
    was = catalogue.of(url)
    sql(url, "ALTER POLICY tenant_only ON contacts USING (true)")
    sql(url, "DROP POLICY lookup_all ON sessions")
    sql(url, "DROP POLICY app_add ON webhook_raw")
    sql(url, "CREATE POLICY app_add ON webhook_raw USING (true)")
    sql(url, "ALTER TABLE messages NO FORCE ROW LEVEL SECURITY")
    sql(url, "UPDATE schema_functions SET checksum = '' WHERE file ="
        " 'functions/rls.sql'")
    others = "SELECT oid, xmin::text FROM pg_policy WHERE polrelid NOT IN" \
        " ('contacts'::regclass, 'sessions'::regclass," \
        " 'webhook_raw'::regclass) ORDER BY 1"
    stay = sql(url, others)
    t.eq(applied(run(url, "migrate")), ["functions/rls.sql"],
         "rls.sql is applied again")
    t.eq(catalogue.differ(was, catalogue.of(url)), {},
         "every policy is as it should be")
    t.eq(sql(url, others), stay, "... those that were are left alone")


def broken(t, place):
    url = place.fresh()
    schema.seed(url)
    was, kept = catalogue.of(url), catalogue.columns(url)
    had = catalogue.rows(url, kept)
    program = place.program(
        functions__base=put("MS\"Z\"'", "US\"Z\"'"),
        functions__session=put("        RETURN true;", "        RETURN tru"),
        **{MORE: append("CREATE TABLE more (id integer);\n"
                        "UPDATE contacts SET name = 'gone';\n")})
    p = run(url, "migrate", program=program)
    with open(os.path.join(TOP, "schema", "functions", "session.sql")) as f:
        line = f.read().split("        RETURN true;")[0].count("\n") + 1
    m = re.fullmatch(r"pytake: functions/session\.sql:(\d+): [^\n]+ \(42601\)"
                     r" - nothing was kept\n", p.stderr)
    t.ok(p.returncode == 1 and m and abs(int(m.group(1)) - line) <= 1,
         "a broken file is named, and its line", (p, line))
    t.eq(applied(p), [], "... nothing is said to be applied")
    t.eq(catalogue.differ(was, catalogue.of(url)), {},
         "the migration and the other functions are taken back")
    t.eq((catalogue.rows(url, kept), one(
        url, "SELECT max(version) FROM schema_migrations")), (had, NEWEST),
         "... and what they did to rows")
    nothing(t, url)

    program = place.program(functions__base=put(
        "RETURNS uuid LANGUAGE sql STABLE", "RETURNS text LANGUAGE sql STABLE"))
    p = run(url, "migrate", program=program)
    t.ok(p.returncode == 1 and re.match(
        r"pytake: functions/base\.sql:\d+: [^\n]+ \(42P13\)", p.stderr),
         "a function that gives something else needs another name", p)


def order(t, place):
    """needs: who comes first."""
    def generate(**files):
        room = tempfile.mkdtemp(dir=place.tmp)
        os.makedirs(room + "/functions")
        os.makedirs(room + "/migrations")
        files = dict(files, **{"migrations/0001_x": "SELECT 1;\n"})
        for name, text in files.items():
            with open("%s/%s.sql" % (room, name), "w") as f:
                f.write(text)
        p = subprocess.run(
            ["perl", TOP + "/tools/gen_migrations.pl", room + "/out.c"]
            + ["%s/%s.sql" % (room, n) for n in files],
            capture_output=True, text=True)
        if p.returncode != 0:
            return p.stderr
        with open(room + "/out.c") as f:
            return re.findall(r'"functions/(\w+)\.sql"', f.read())

    def text(needs):
        return "-- needs: %s\nSELECT 1;\n" % needs if needs else "SELECT 1;\n"

    t.eq(generate(**{"functions/a": text("c.sql b.sql"),
                     "functions/b": text("c.sql"), "functions/c": text("")}),
         ["c", "b", "a"], "what is needed comes first")
    t.ok("need each other" in generate(**{"functions/a": text("b.sql"),
                                          "functions/b": text("a.sql")}),
         "files that need each other do not build")
    t.ok("needs x.sql, which is not there" in generate(
        **{"functions/a": text("x.sql")}), "nor one that needs another")


# ---- who is in the way ----

def in_use(t, place):
    url = place.fresh()
    sql(url, "UPDATE schema_functions SET checksum = '' WHERE file ="
        " 'functions/tenants.sql'")
    user = connect(url)
    user.autocommit = False
    user.cursor().execute("LOCK TABLE tenants IN ROW EXCLUSIVE MODE")
    p = subprocess.Popen([cluster.pytake(), "migrate"],
                         env=environment(url), text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    t.eq(p.stderr.readline(), "pytake: a table is in use, waiting for it\n",
         "a table that is in use is waited for")
    other = connect(url)
    other.cursor().execute("SET lock_timeout = '5s'")
    other.cursor().execute("INSERT INTO tenants (id, name) VALUES"
                           " (gen_random_uuid(), 'meanwhile')")
    t.ok(p.poll() is None, "... and others get in before it")
    user.rollback()
    user.close()
    out, err = p.communicate(timeout=60)
    t.ok(p.returncode == 0 and "applied functions/tenants.sql" in out,
         "it goes on when the table is free", (out, err))
    other.close()


def in_use_for_long(t, place):
    """A policy that must change, and a reader that does not end."""
    url = place.fresh()
    sql(url, "UPDATE schema_functions SET checksum = '' WHERE file ="
        " 'functions/rls.sql'")
    sql(url, "ALTER POLICY tenant_only ON contacts USING (false)")
    user = connect(url)
    user.autocommit = False
    user.cursor().execute("SELECT count(*) FROM contacts")
    p = run(url, "migrate")
    t.ok(p.returncode == 1 and re.search(
        r"(?m)^pytake: functions/rls\.sql:\d+: [^\n]+ \(55P03\) - somebody "
        r"uses a table for long, nothing was kept: run it again$", p.stderr),
         "a table that does not get free: it says where it stopped", p)
    user.close()
    t.eq(applied(run(url, "migrate")), ["functions/rls.sql"],
         "run again it goes on")


# ---- backups ----

def restored(t, place):
    url = place.old()
    schema.seed(url)
    kept = catalogue.columns(url)
    had = catalogue.rows(url, kept)
    file = os.path.join(place.tmp, "old.pytake")
    t.eq(run(url, "backup", file).returncode, 0, "a backup of the twelve")
    new = place.empty()
    p = run(new, "restore", file)
    t.eq((p.returncode, p.stderr), (0, ""), "... is restored")
    t.eq(moved(catalogue.rows(new, kept)), moved(had), "... row by row")
    fresh = place.fresh()
    t.eq(catalogue.differ(catalogue.of(new), catalogue.of(fresh)), {},
         "... into what a new database is")

    url = place.old(9)
    file = os.path.join(place.tmp, "part.pytake")
    t.eq(run(url, "backup", file).returncode, 0, "one of nine of them")
    p = run(place.empty(), "restore", file)
    t.ok(p.returncode == 1 and "use the pytake that made it" in p.stderr,
         "... is refused", p)

    file = os.path.join(place.tmp, "new.pytake")
    t.eq(run(new, "backup", file).returncode, 0, "one of now")
    program = place.program(
        functions__rls=put("            ('event_log', true),\n",
                           "            ('event_log', true),\n"
                           "            ('extra', true),\n"),
        functions__extra=append(
            "CREATE OR REPLACE FUNCTION pytake_extra() RETURNS bigint"
            " LANGUAGE sql AS 'SELECT count(more) FROM contacts';\n"),
        **{MORE: append(
            "ALTER TABLE contacts ADD COLUMN more text;\n"
            "UPDATE contacts SET more = 'x';\n"
            "CREATE TABLE extra (tenant_id uuid PRIMARY KEY);\n"
            "INSERT INTO extra SELECT id FROM tenants;\n"
            "ALTER TABLE extra ENABLE ROW LEVEL SECURITY;\n")})
    last = place.empty()
    p = run(last, "restore", file, program=program)
    t.eq((p.returncode, p.stderr), (0, ""),
         "it is restored by a program that has more migrations")
    t.eq(one(last, "SELECT pytake_extra()"), had["contacts"][0],
         "... which found all rows, and whose functions are there")
    t.eq(one(last, "SELECT count(*) FROM extra"), had["tenants"][0],
         "... the owner sees its new table")
    t.ok(one(last, "SELECT bool_and(relforcerowsecurity) FROM pg_class WHERE"
             " relnamespace = 'public'::regnamespace AND relkind IN"
             " ('r', 'p') AND NOT relispartition AND relname !~ '^schema_'"),
         "... row security is forced everywhere")
    t.eq(one(last, "SELECT count(*) FROM pg_trigger WHERE tgenabled <> 'O'"),
         0, "... and every trigger is on")


def moved(rows):
    """Restored, replies that waited are not sent again: their rows differ."""
    return {k: v[0] if k == "outbox" else v for k, v in rows.items()}


def roles(t, place):
    """Other roles: all functions are applied again, for one may name them."""
    url = place.fresh()
    name = "pytake_%s_x" % place.here.tag
    env = dict(environment(url), PYTAKE_ROLE_PREFIX=name)
    p = subprocess.run([cluster.pytake(), "migrate"], env=env, text=True,
                       capture_output=True)
    t.eq((p.returncode, sorted(applied(p)), role_of(url, "")),
         (0, FUNCTIONS, name + "_"), "roles of another name")
    t.eq(catalogue.differ(catalogue.of(url), catalogue.of(place.fresh())), {},
         "... and nothing else")


def main(t):
    with cluster.Cluster("migrate") as here, \
            tempfile.TemporaryDirectory(prefix="pytake-migrate-") as tmp:
        place = Place(here, tmp)
        for part in tap.parts(files, before, refused, one_file, policies, broken,
                              order, in_use,
                              *([in_use_for_long] if tap.LONG else []),
                              restored, roles):
            t.head(part.__name__)
            part(t, place)


if __name__ == "__main__":
    tap.run(main)
