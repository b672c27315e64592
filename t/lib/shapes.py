# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""The shapes of the API, as its contract words them, checked exactly."""

import base64
import datetime
import json
import re

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[89ab][0-9a-f]{3}-"
                  r"[0-9a-f]{12}\Z")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z")


def uuid(v):
    return isinstance(v, str) and UUID.match(v) is not None


def time(v):
    return isinstance(v, str) and TIME.match(v) is not None


def text(v):
    return isinstance(v, str)


def integer(v):
    return isinstance(v, int) and not isinstance(v, bool)


def obj(v):
    return isinstance(v, dict)


def null(kind):
    return lambda v: v is None or (fits(kind, v) is None)


def of(*values):
    return lambda v: v in values


class Many:
    def __init__(self, kind):
        self.kind = kind


class Maybe:
    """A member that may be left out."""

    def __init__(self, kind):
        self.kind = kind


USER = {"id": uuid, "tenant_id": uuid, "email": text, "name": text,
        "role": of("owner", "admin", "supervisor", "agent", "viewer")}

LOGIN = {"access_token": text, "token_type": of("Bearer"),
         "expires_in": integer, "refresh_token": text, "user": USER}

CONTACT = {"id": uuid, "name": text,
           "phone": null(lambda v: re.match(r"\+\d+\Z", v))}

CONV = {"id": uuid, "contact": CONTACT, "whatsapp_config_id": uuid,
        "status": of("active", "pending", "snoozed", "closed"),
        "unread_count": integer, "last_message": null(text),
        "last_message_time": null(time), "assigned_to": null(uuid),
        "tags": Many(text), "metadata": obj, "window_expires_at": null(time),
        "created_at": time, "updated_at": time}

BRIEF = {k: CONV[k] for k in ("id", "contact", "status", "unread_count",
                              "last_message", "last_message_time",
                              "assigned_to", "window_expires_at")}

MSG = {"id": uuid, "conversation_id": uuid,
       "sender_type": of("contact", "agent", "system", "bot"),
       "sender_id": null(uuid), "content": text, "message_type": text,
       "whatsapp_message_id": null(text),
       "status": of("pending", "sent", "delivered", "read", "failed"),
       "error": null(obj), "reply_to": null(uuid), "metadata": obj,
       "created_at": time, "received_at": time}

SINCE = {"seq": integer, "id": null(uuid)}

CONV_LIST = {"data": Many(CONV), "next_cursor": null(text), "since": SINCE}
MSG_LIST = {"data": Many(MSG), "next_cursor": null(text),
            "since": Maybe(SINCE)}

PROBLEM = {"type": text, "title": text, "status": integer, "detail": text,
           "code": text, "request_id": text,
           "errors": Maybe(Many({"field": text, "code": text,
                                 "message": text}))}

EVENT = {"event": text, "data": obj, "timestamp": time,
         "conversation_id": null(uuid), "seq": integer, "id": uuid}


def fits(kind, v, at="$"):
    """None, or where and how v differs."""
    if isinstance(kind, Maybe):
        kind = kind.kind
    if isinstance(kind, Many):
        if not isinstance(v, list):
            return "%s: no array: %r" % (at, v)
        for i, x in enumerate(v):
            e = fits(kind.kind, x, "%s[%d]" % (at, i))
            if e:
                return e
        return None
    if isinstance(kind, dict):
        if not isinstance(v, dict):
            return "%s: no object: %r" % (at, v)
        for k, sub in kind.items():
            if k not in v:
                if isinstance(sub, Maybe):
                    continue
                return "%s.%s is missing" % (at, k)
            e = fits(sub, v[k], at + "." + k)
            if e:
                return e
        more = set(v) - set(kind)
        return "%s has more: %s" % (at, sorted(more)) if more else None
    return None if kind(v) else "%s: %r" % (at, v)


def check(t, kind, v, name, quiet=False):
    e = fits(kind, v)
    if not quiet or e:
        t.ok(e is None, name, e)
    return e is None


def ms(text):
    """Milliseconds of an RFC 3339 time."""
    d = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ")
    return round(d.replace(tzinfo=datetime.timezone.utc).timestamp() * 1000)


def claims(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
