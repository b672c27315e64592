# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""schema/openapi.yaml as the tests use it: operations, samples of bodies, and
a small validator (the part of JSON Schema that the document uses)."""

import json
import os
import re
import subprocess

import yaml

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))

DESCRIBE = os.path.join(TOP, "build", "describe")

METHODS = ("get", "post", "put", "patch", "delete", "head", "options")

KNOWN = {"type", "properties", "required", "additionalProperties", "items",
         "enum", "const", "$ref", "anyOf", "oneOf", "allOf", "format",
         "pattern", "minimum", "maximum", "minLength", "maxLength",
         "minItems", "maxItems", "description", "title", "examples",
         "example", "default", "uniqueItems", "contentEncoding",
         "unevaluatedProperties", "not", "deprecated", "readOnly",
         "writeOnly", "nullable", "minProperties", "propertyNames",
         "$comment", "discriminator"}

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"
                  r"\Z")


class Operation:
    def __init__(self, doc, method, path, item, node):
        self.doc, self.method, self.path = doc, method.upper(), path
        self.node = node
        self.parameters = [doc.deref(p) for p in
                           item.get("parameters", [])
                           + node.get("parameters", [])]
        security = node.get("security", doc.root.get("security", []))
        self.public = not security or {} in security

    @property
    def params(self):
        """Names of the path's parameters."""
        return re.findall(r"\{([^}]+)\}", self.path)

    def target(self, value):
        """The path with value(name) for each parameter."""
        return re.sub(r"\{([^}]+)\}", lambda m: value(m.group(1)), self.path)

    def body_schema(self):
        body = self.doc.deref(self.node.get("requestBody", {}))
        media = body.get("content", {}).get("application/json")
        return media and media.get("schema")

    def body(self, ids):
        """A body that holds what is required; ids(name) gives UUIDs."""
        schema = self.body_schema()
        return None if schema is None else self.doc.sample(schema, ids)

    def answer(self, status):
        """What is declared of a status, or None."""
        rs = self.node.get("responses", {})
        r = rs.get(str(status)) or rs.get("default")
        return r and self.doc.deref(r)

    def response(self, status, kind):
        """(declared, schema) of a status and media type."""
        r = self.answer(status)
        if r is None:
            return False, None
        content = r.get("content", {})
        media = content.get(kind.split(";")[0].strip()) if kind else None
        return media is not None or not content, (media or {}).get("schema")

    def codes(self):
        """status -> the codes of the problems that it may have."""
        out = {}
        for status, r in self.node["responses"].items():
            media = self.doc.deref(r).get("content", {})
            for part in media.get("application/problem+json", {}).get(
                    "schema", {}).get("allOf", []):
                enum = part.get("properties", {}).get("code", {}).get("enum")
                if enum:
                    out[status] = enum
        return out


class Document:
    def __init__(self, path=None):
        with open(path or os.path.join(TOP, "schema", "openapi.yaml")) as f:
            self.root = yaml.load(f, Loader=yaml.CSafeLoader)

    def deref(self, node):
        while isinstance(node, dict) and "$ref" in node \
                and len(node) == 1:
            node = self.at(node["$ref"])
        return node

    def at(self, ref):
        node = self.root
        for part in ref.lstrip("#/").split("/"):
            node = node[part.replace("~1", "/").replace("~0", "~")]
        return node

    def operations(self):
        base = self.base()
        for path, item in self.root["paths"].items():
            for method in METHODS:
                if method in item:
                    yield Operation(self, method, base + path, item,
                                    item[method])

    def base(self):
        """The servers' path, if paths are relative to it."""
        url = (self.root.get("servers") or [{"url": "/"}])[0]["url"]
        path = re.sub(r"^https?://[^/]+", "", url).rstrip("/")
        first = next(iter(self.root["paths"]))
        return "" if first.startswith(path) else path

    def sample(self, schema, ids, name="id"):
        s = self.deref(schema)
        if "const" in s:
            return s["const"]
        if "enum" in s:
            return s["enum"][0]
        for key in ("oneOf", "anyOf"):
            if key in s and "properties" not in s:
                return self.sample(s[key][0], ids, name)
        if "allOf" in s and "properties" not in s:
            out = {}
            for sub in s["allOf"]:
                out.update(self.sample(sub, ids, name))
            return out
        kind = s.get("type", "object")
        if isinstance(kind, list):
            kind = next(k for k in kind if k != "null")
        if kind == "object":
            want = s.get("required", [])
            for key in ("oneOf", "anyOf"):
                if key in s:
                    want = want + self.deref(s[key][0]).get("required", [])
            return {k: self.sample(s["properties"][k], ids, k)
                    for k in want if k in s.get("properties", {})}
        if kind == "array":
            return [self.sample(s["items"], ids, name)
                    for _ in range(s.get("minItems", 0))]
        if kind == "string":
            if s.get("format") == "uuid":
                return ids(name)
            if s.get("format") == "email":
                return "nobody@example.test"
            return "x" * max(1, s.get("minLength", 1))
        return {"integer": 1, "number": 1, "boolean": True}.get(kind)

    def fits(self, schema, v, at="$"):
        """None, or where and how the value differs; never the value, which
        may be a customer's."""
        s = self.deref(schema)
        if s is True:
            return None
        unknown = set(s) - KNOWN
        if unknown:
            return "%s: the test does not know %s" % (at, sorted(unknown))
        if "$ref" in s:
            e = self.fits({"$ref": s["$ref"]}, v, at)
            if e:
                return e
        for sub in s.get("allOf", []):
            e = self.fits(sub, v, at)
            if e:
                return e
        for key in ("anyOf", "oneOf"):
            if key in s:
                es = [self.fits(sub, v, at) for sub in s[key]]
                good = es.count(None)
                if good == 0 or (key == "oneOf" and good != 1):
                    return "%s: %d of %s fit: %s" % (at, good, key, es)
        if "const" in s and v != s["const"]:
            return "%s: %s is not %r" % (at, kind_of(v), s["const"])
        if "enum" in s and v not in s["enum"]:
            return "%s: %s is none of %s" % (at, kind_of(v), s["enum"])
        if "type" in s:
            kinds = s["type"] if isinstance(s["type"], list) else [s["type"]]
            if not any(_is(k, v) for k in kinds):
                return "%s: %s is no %s" % (at, kind_of(v), "/".join(kinds))
        return (self._string(s, v, at) if isinstance(v, str)
                else self._array(s, v, at) if isinstance(v, list)
                else self._object(s, v, at) if isinstance(v, dict)
                else self._number(s, v, at))

    def _string(self, s, v, at):
        form = s.get("format")
        if (form == "uuid" and not UUID.match(v)
                or form == "date-time" and not TIME.match(v)
                or "pattern" in s and not re.search(s["pattern"], v)
                or len(v) > s.get("maxLength", len(v))
                or len(v) < s.get("minLength", 0)):
            return "%s: %s does not fit %s" % (at, kind_of(v), s)
        return None

    def _number(self, s, v, at):
        if isinstance(v, (int, float)) and not isinstance(v, bool):
            if v < s.get("minimum", v) or v > s.get("maximum", v):
                return "%s: a number is out of range" % at
        return None

    def _array(self, s, v, at):
        if len(v) > s.get("maxItems", len(v)):
            return "%s: too many" % at
        for i, x in enumerate(v):
            e = self.fits(s.get("items", True), x, "%s[%d]" % (at, i))
            if e:
                return e
        return None

    def _object(self, s, v, at):
        props = s.get("properties", {})
        for k in s.get("required", []):
            if k not in v:
                return "%s.%s is missing" % (at, k)
        for k, x in v.items():
            if k in props:
                e = self.fits(props[k], x, at + "." + k)
                if e:
                    return e
            elif s.get("additionalProperties") is False \
                    or s.get("unevaluatedProperties") is False \
                    and "allOf" not in s:
                return "%s has more: %s" % (at, k)
            elif isinstance(s.get("additionalProperties"), dict):
                e = self.fits(s["additionalProperties"], x, at + "." + k)
                if e:
                    return e
        return None


def kind_of(v):
    if isinstance(v, str):
        return "a text of %d characters" % len(v)
    return "null" if v is None else "a " + type(v).__name__


def _is(kind, v):
    if kind == "null":
        return v is None
    if kind == "boolean":
        return isinstance(v, bool)
    if kind == "integer":
        return isinstance(v, int) and not isinstance(v, bool)
    if kind == "number":
        return isinstance(v, (int, float)) and not isinstance(v, bool)
    return isinstance(v, {"string": str, "array": list,
                          "object": dict}[kind])


def declared():
    """What the core declares, as build/describe prints it."""
    return json.loads(subprocess.run(
        [DESCRIBE], check=True, capture_output=True).stdout)


def route_table():
    """(method, path) of the core's route table."""
    return {("GET" if o["method"] == "UPGRADE" else o["method"],
             re.sub(r"\{[^}]*\}", "{}", o["path"]))
            for o in declared()["operations"]}


def route_operations():
    """(method, operation) of the core's route table."""
    return [("GET" if o["method"] == "UPGRADE" else o["method"], o["name"])
            for o in declared()["operations"]]


def permissions():
    """operation -> the permission that its definition names, or None."""
    return {o["name"]: o["permission"] for o in declared()["operations"]}


ROLES = ("owner", "admin", "supervisor", "agent", "viewer", "other")


def permission_table():
    """permission -> the roles that have it."""
    return {perm: set(roles)
            for perm, roles in declared()["permissions"].items()}


def permissions_page():
    """The same of docs/permissions.md; its table has no column for roles that
    nobody knows."""
    with open(os.path.join(TOP, "docs", "permissions.md")) as f:
        rows = [[cell.strip() for cell in line.strip().strip("|").split("|")]
                for line in f if line.startswith("|")]
    head, said = rows[0], {}
    for row in rows[2:]:
        said[row[0].strip("`")] = dict(zip(head[2:], row[2:]))
    return said


def conf_locations():
    """Exact locations of conf/pytake-locations.conf: GET answers of the module."""
    with open(os.path.join(TOP, "conf", "pytake-locations.conf")) as f:
        return set(re.findall(r"location = (\S+) \{\s*pytake_\w+", f.read()))
