# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""WhatsApp webhook bodies: built, serialised as Meta does, signed."""

import hashlib
import hmac
import itertools
import json
import os
import time

_n = itertools.count(1)
_salt = os.urandom(6).hex()


def wamid(name=None):
    """A message id nobody else has (or the same for the same name)."""
    if name is None:
        name = "%s.%d" % (_salt, next(_n))
    return "wamid.HBg" + hashlib.sha256(name.encode()).hexdigest()[:40].upper()


def phone():
    """A United States style number that no other call gives."""
    return "1555%07d" % (int(_salt[:5], 16) % 900 * 10000 + next(_n))


def contact(wa_id, name="Ann Customer"):
    return {"profile": {"name": name}, "wa_id": wa_id}


def text(sender, body="hello", mid=None, at=None, **more):
    m = {"from": sender, "id": mid or wamid(),
         "timestamp": str(int(at if at is not None else time.time())),
         "type": "text", "text": {"body": body}}
    m.update(more)
    return m


def status(mid, state, at=None, recipient="15550000000", **more):
    s = {"id": mid, "status": state,
         "timestamp": str(int(at if at is not None else time.time())),
         "recipient_id": recipient}
    if state == "failed":
        s["errors"] = [{"code": 131026, "title": "Message undeliverable",
                        "message": "Message undeliverable",
                        "error_data": {"details": "not on WhatsApp"}}]
    s.update(more)
    return s


def value(number, messages=None, statuses=None, contacts=None,
          display="15550783881"):
    v = {"messaging_product": "whatsapp",
         "metadata": {"display_phone_number": display,
                      "phone_number_id": number}}
    if messages is not None:
        if contacts is None:
            seen = dict.fromkeys(m["from"] for m in messages
                                 if isinstance(m, dict)
                                 and isinstance(m.get("from"), str))
            contacts = [contact(w, "Customer " + w[-4:]) for w in seen]
        v["contacts"] = contacts
        v["messages"] = messages
    if statuses is not None:
        v["statuses"] = statuses
    return v


def body(*values, waba="102290129340398"):
    """The envelope, one change a value, as a Python object."""
    return {"object": "whatsapp_business_account",
            "entry": [{"id": waba,
                       "changes": [{"value": v, "field": "messages"}
                                   for v in values]}]}


def dump(obj):
    """The bytes as Meta writes them: ASCII, escapes, no blanks."""
    return json.dumps(obj, ensure_ascii=True,
                      separators=(",", ":")).replace("/", "\\/").encode()


def sign(secret, raw):
    if isinstance(secret, str):
        secret = secret.encode()
    return "sha256=" + hmac.new(secret, raw, hashlib.sha256).hexdigest()
