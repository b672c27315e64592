# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""jwt: verification of one access token, the core's against libjwt's."""

import json
import os
import statistics
import subprocess
import time

import rig
from rig import say


def bench():
    info = rig.machine()
    now = int(time.time())
    secret = rig.stacklib.JWT_SECRET
    token = rig.stacklib.jwt({
        "sub": rig.uid("user", 0), "tenant_id": rig.uid("tenant", 0),
        "role": "agent", "sid": rig.uid("session", 0), "iat": now,
        "exp": now + 900, "jti": rig.uid("contact", 0), "iss": "pytake",
        "aud": "pytake"})
    say("== jwt: HS256, %d bytes" % len(token))
    say(rig.machine_line(info))
    pairs = json.loads(subprocess.check_output(
        [os.path.join(rig.OUT, "jwt_bench"), secret, token, str(now),
         str(4 * rig.ROUNDS)], timeout=120))
    ours, theirs = ([p[i] / 1000 for p in pairs] for i in (0, 1))
    say("ours %s us, libjwt %s us" % (rig.spread(ours, "%.2f"),
                                      rig.spread(theirs, "%.2f")))
    v = [rig.verdict("jwt: libjwt's time / ours",
                     [b / a for a, b in pairs], 4.0, 4.0)]
    say("a verification: %.2f us (aim 1.50)" % statistics.median(ours))
    rig.keep("jwt", {"machine": info, "pairs_ns": pairs, "verdicts": v})
    return v
