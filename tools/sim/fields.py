# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""What the members of the simulator's requests may be."""

import re

from door import Refused

TYPE_RE = re.compile(r"[a-z][a-z_]{0,31}")
ADDRESS_RE = re.compile(r"[0-9]{6,20}|[A-Z]{2}\.[A-Za-z0-9.]{1,128}")
RESERVED = {"from", "user_id", "id", "timestamp", "type", "name", "username",
            "context", "phone_number_id"}
FAULTS = ("error", "5xx", "accept_5xx", "timeout", "drop", "slow", "late",
          "failed")


def is_type(v):
    return (isinstance(v, str) and TYPE_RE.fullmatch(v) is not None
            and v not in RESERVED)


def is_address(v):
    return isinstance(v, str) and ADDRESS_RE.fullmatch(v) is not None


def text(limit, pattern=None):
    def check(v):
        return (isinstance(v, str) and len(v) <= limit
                and (pattern is None or re.fullmatch(pattern, v) is not None))
    return check


def number(low, high):
    def check(v):
        return (isinstance(v, int) and not isinstance(v, bool)
                and low <= v <= high)
    return check


def null_or(inner):
    return lambda v: v is None or inner(v)


def one_of(*values):
    return lambda v: isinstance(v, str) and v in values


def is_bool(v):
    return isinstance(v, bool)


def is_object(v):
    return isinstance(v, dict)


def is_time(v):
    return number(0, 9999999999)(v) or text(10, r"[0-9]{1,10}")(v)


WORD = text(256, r"[!-~]+")
DELAY = null_or(number(0, 3600000))

# name: (check, is required)
CUSTOMER = {"from": (text(30, r"[0-9+() -]*[0-9][0-9+() -]*"), False),
            "user_id": (text(131, r"[A-Z]{2}\.[A-Za-z0-9.]{1,128}"), False),
            "text": (text(4096), False), "name": (text(256), False),
            "username": (text(256), False), "id": (WORD, False),
            "phone_number_id": (WORD, False), "timestamp": (is_time, False),
            "type": (is_type, False), "context": (null_or(WORD), False)}
STATUS = {"id": (WORD, True),
          "status": (one_of("sent", "delivered", "read"), True)}
NUMBER = {"phone_number_id": (WORD, True),
          "access_token": (text(4096, r"[!-~]+"), True)}
CONFIG = {"sent_ms": (DELAY, False), "delivered_ms": (DELAY, False),
          "read_ms": (DELAY, False), "duplicates": (number(1, 100), False),
          "reorder": (is_bool, False), "batch_ms": (number(0, 60000), False),
          "retry_ms": (number(1, 3600000), False),
          "fault": (null_or(is_object), False)}
FAULT = {"kind": (one_of(*FAULTS), True), "times": (number(-1, 10**9), False),
         "code": (number(0, 10**9), False), "http": (number(200, 599), False),
         "ms": (number(0, 600000), False), "to": (WORD, False)}
STATE = {"since": (text(19, r"-?[0-9]{1,18}"), False),
         "wait": (text(8, r"[0-9]{1,4}(\.[0-9]{1,3})?"), False)}


def check(obj, spec, kind=None):
    """The object itself, with only the members that it may have.  kind: the
    type of a message, whose object or array goes by that name."""
    for name, (good, required) in spec.items():
        if name in obj and not good(obj[name]):
            raise Refused(422, "invalid_field", "%s: is not valid" % name)
        if required and name not in obj:
            raise Refused(422, "invalid_field", "%s: is required" % name)
    known = set(spec)
    if kind is not None and kind != "text":
        known.add(kind)
        want = list if kind == "contacts" else dict
        if not isinstance(obj.get(kind, want()), want):
            raise Refused(422, "invalid_field", "%s: is not valid" % kind)
    unknown = sorted(set(obj) - known)
    if unknown:
        raise Refused(422, "invalid_field", "%s: is not known"
                      % unknown[0][:64])
    return obj
