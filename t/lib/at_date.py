#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""Runs a program at another date, and all that it starts:

    t/lib/at_date.py WHEN PROGRAM [ARGUMENT ...]

    -40d, +16d            so many days from now
    month-end             15 s before the end of a month, in UTC
    leap-day              noon of the next 29 February
    change:Europe/Berlin  15 s before the zone's next change of clocks but N:
    change:Europe/Berlin:N   the server's processes have that zone, too

The wall clock is moved and goes on (clock.c, preloaded), the monotonic one is
the real one.  procs.clock() hands it on where a test makes an environment."""

import calendar
import datetime
import os
import re
import sys
import time
import zoneinfo

UTC = datetime.timezone.utc
TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
LIBRARY = os.path.join(TOP, "build", "t", "clock.so")
BEFORE_S = 15


def month_end(now):
    """The next one that is a day away at least."""
    at = now + datetime.timedelta(days=1)
    last = calendar.monthrange(at.year, at.month)[1]
    return at.replace(day=last, hour=23, minute=59, second=60 - BEFORE_S)


def leap_day(now):
    year = now.year + 1
    while not calendar.isleap(year):
        year += 1
    return now.replace(year=year, month=2, day=29, hour=12)


def change(now, zone, skip):
    """Changes come at full quarters of an hour."""
    zone = zoneinfo.ZoneInfo(zone)
    at = now.replace(minute=0, second=0, microsecond=0)
    step = datetime.timedelta(minutes=15)
    for _ in range(4 * 24 * 800):
        was = at.astimezone(zone).utcoffset()
        at += step
        if at.astimezone(zone).utcoffset() != was:
            if skip == 0:
                return at - datetime.timedelta(seconds=BEFORE_S)
            skip -= 1
    raise SystemExit("%s: its clocks do not change" % zone)


def moment(when, now):
    """When it is to be, and in which zone."""
    days = re.fullmatch(r"([+-]\d+)d", when)
    if days:
        return now + datetime.timedelta(days=int(days[1])), "UTC"
    if when == "month-end":
        return month_end(now), "UTC"
    if when == "leap-day":
        return leap_day(now), "UTC"
    named = re.fullmatch(r"change:([\w/]+)(?::(\d))?", when)
    if named:
        return change(now, named[1], int(named[2] or 0)), named[1]
    raise SystemExit("%s: not a date that is known here" % when)


def main():
    if not os.path.exists(LIBRARY):
        raise SystemExit(LIBRARY + " is missing: make dates")
    now = datetime.datetime.now(UTC)
    at, zone = moment(sys.argv[1], now)
    print("# %s is %s" % (sys.argv[1], at.isoformat(" ", "seconds")),
          flush=True)
    os.environ.update({
        "LD_PRELOAD": LIBRARY, "TZ": zone,
        "PYTAKE_TEST_CLOCK": "%d" % (at.timestamp() - time.time())})
    os.execv(sys.argv[2], sys.argv[2:])


main()
