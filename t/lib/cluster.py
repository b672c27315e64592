# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""Databases of their own for suites that need PostgreSQL and no more: on the
server of DATABASE_URL (a login that may create databases and roles), else on
a private one.  What was made is dropped."""

import os
import shutil
import tempfile

import psycopg2
import psycopg2.extensions

import postgres

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))


def pytake():
    """The program under test."""
    folder = os.environ.get("PYTAKE_BUILD", os.path.join(TOP, "build"))
    return os.path.abspath(os.environ.get(
        "PYTAKE", os.path.join(folder, "pytake")))


def connect(url, role=None, **more):
    """role: entered as workers do it, by an option of the connection."""
    c = psycopg2.connect(url, options="-c timezone=UTC"
                         + (" -c role=" + role if role else ""), **more)
    c.autocommit = True
    return c


def sql(url, text, *params):
    """All rows of a statement, None when it has none."""
    c = connect(url)
    try:
        with c.cursor() as cur:
            cur.execute(text, params or None)
            return cur.fetchall() if cur.description else None
    finally:
        c.close()


def one(url, text, *params):
    return sql(url, text, *params)[0][0]


ROLE_OF = """SELECT left(r.rolname, -7) || %s FROM pg_policy p
    JOIN pg_roles r ON r.oid = ANY (p.polroles)
    WHERE p.polrelid = 'public.tenants'::regclass
    AND p.polname = 'service_all'"""


def role_of(url, kind):
    """The name of the database's role: app, service or lookup."""
    return one(url, ROLE_OF, kind)


def enter(cur, kind):
    """SET ROLE on a connection of ours."""
    cur.execute(ROLE_OF, (kind,))
    cur.execute("SET ROLE " + cur.fetchone()[0])


def quoted(name):
    return '"%s"' % name.replace('"', '""')


class Cluster:
    def __init__(self, tag, ssl=False):
        self.ssl = ssl
        self.tag = "%s_%d" % (tag, os.getpid())
        self.url = os.environ.get("DATABASE_URL")
        self.server = self.dir = None
        self.databases = []
        self.roles = []

    def __enter__(self):
        if self.url is None:
            self.dir = tempfile.mkdtemp(prefix="pt-", dir="/tmp")
            os.chmod(self.dir, 0o755)
            self.server = postgres.Postgres(
                self.dir, os.path.join(TOP, "build", "t", "cache"), self.ssl)
            try:
                self.server.create()
                self.server.start()
            except BaseException:
                self.__exit__(None, None, None)
                raise
            self.url = self.server.url(dbname="postgres")
        return self

    def __exit__(self, kind, value, trace):
        if self.server is not None:
            self.server.stop()
            shutil.rmtree(self.dir, ignore_errors=True)
            return
        for name in self.databases:
            sql(self.url, "DROP DATABASE IF EXISTS %s WITH (FORCE)"
                % quoted(name))
        for (name,) in sql(self.url, "SELECT rolname FROM pg_roles WHERE"
                           " rolname LIKE %s", "pytake_%s_%%" % self.tag):
            sql(self.url, "DROP ROLE " + name)
        for name in reversed(self.roles):
            sql(self.url, "REASSIGN OWNED BY %s TO CURRENT_USER" % name)
            sql(self.url, "DROP OWNED BY %s" % name)
            sql(self.url, "DROP ROLE %s" % name)

    def of(self, name, user=None):
        """The address of another database, and of a login of role()."""
        parts = psycopg2.extensions.parse_dsn(self.url)
        parts["dbname"] = name
        if user is not None:
            parts["user"] = parts["password"] = user
        return psycopg2.extensions.make_dsn(**parts)

    def role(self, name, options):
        name = "%s_%s" % (self.tag, name)
        sql(self.url, "CREATE ROLE %s LOGIN PASSWORD '%s' %s"
            % (name, name, options))
        self.roles.append(name)
        return name

    def name(self):
        """Of a database that is not there yet."""
        self.databases.append("%s_%d" % (self.tag, len(self.databases)))
        return self.databases[-1]

    def create(self, name, owner=None, more=""):
        sql(self.url, "CREATE DATABASE %s%s ENCODING 'UTF8' TEMPLATE"
            " template0%s" % (quoted(name), " OWNER " + owner if owner
                              else "", more))
        return self.of(name, owner)

    def database(self, owner=None):
        return self.create(self.name(), owner)
