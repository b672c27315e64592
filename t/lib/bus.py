# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""What goes over Redis, signed as workers, courier and hubs do it (see
libpytake/core/base/pt_bus.h)."""

import hashlib
import hmac
import time

SEAL = 50  # " <time> <mac>"


def key(secret):
    return hmac.new(secret.encode(), b"pytake bus 1", hashlib.sha256).digest()


def sign(secret, channel, text, when=None):
    """text with its seal; when: seconds, instead of now."""
    if isinstance(text, str):
        text = text.encode()
    text += b" %016x" % int((time.time() if when is None else when) * 1e6)
    mac = hmac.new(key(secret), channel.encode() + b"\0" + text,
                   hashlib.sha256).digest()
    return text + b" " + mac[:16].hex().encode()


def open_seal(secret, channel, payload):
    """The text, when the seal is good; else None."""
    text, mac = payload[:-33], payload[-32:]
    want = hmac.new(key(secret), channel.encode() + b"\0" + text,
                    hashlib.sha256).digest()[:16].hex().encode()
    return payload[:-SEAL] if hmac.compare_digest(mac, want) else None
