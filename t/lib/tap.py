# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""TAP output for the end to end suites.

    import tap
    def main(t):
        t.ok(1 + 1 == 2, "sums")
    tap.run(main)

The plan comes last ("1..N").  A failed check goes on; an exception ends the
suite as one failed check with its trace.  Exit status 1 when anything failed.
"""

import json
import os
import signal
import sys
import threading
import time
import traceback

LONG = os.environ.get("PYTAKE_LONG", "") not in ("", "0")


def size(short, long):
    """The load of this run: the long form is PYTAKE_LONG=1."""
    return long if LONG else short


def parts(*all_of_them):
    """The parts of a suite: those that the command line names, else all."""
    return [p for p in all_of_them
            if len(sys.argv) == 1 or p.__name__ in sys.argv[1:]]


class Tap:
    def __init__(self, out=sys.stdout):
        self.out = out
        self.count = 0
        self.failed = 0
        self.skipped = 0
        self.lock = threading.Lock()
        self.began = time.monotonic()

    def ok(self, cond, name, detail=None):
        """One check.  detail is printed when it fails (a callable is asked
        only then).  Gives cond back."""
        cond = bool(cond)
        with self.lock:
            self.count += 1
            self._print("%s %d - %s" % ("ok" if cond else "not ok",
                                        self.count, name))
            if not cond:
                self.failed += 1
                if detail is not None:
                    self._note(detail() if callable(detail) else detail)
        return cond

    def eq(self, got, want, name):
        return self.ok(got == want, name,
                       lambda: "     got: %s\nexpected: %s"
                       % (_show(got), _show(want)))

    def skip(self, name, why):
        with self.lock:
            self.count += 1
            self.skipped += 1
            self._print("ok %d - %s # SKIP %s" % (self.count, name, why))

    def note(self, text):
        with self.lock:
            self._note(text)

    def head(self, text):
        self.note("%s (%.1f s)" % (text, time.monotonic() - self.began))

    def done(self):
        with self.lock:
            self._print("1..%d" % self.count)

    def _note(self, text):
        for line in str(text).splitlines():
            self._print("#   " + line)

    def _print(self, line):
        self.out.write(line + "\n")
        self.out.flush()


def _show(v):
    try:
        text = json.dumps(v, default=str, sort_keys=True)
    except (TypeError, ValueError):
        text = repr(v)
    return text if len(text) < 3000 else text[:3000] + "..."


def _interrupted(number, frame):
    raise KeyboardInterrupt


def run(main):
    """Runs main(tap) and exits.  A SIGTERM unwinds, so that what a suite
    started is ended."""
    t = Tap()
    signal.signal(signal.SIGTERM, _interrupted)
    t.note(os.path.basename(sys.argv[0])
           + (": long form" if LONG else ": short form"))
    try:
        main(t)
    except KeyboardInterrupt:
        t.ok(False, "not interrupted")
    except BaseException:  # a suite that dies is a failed suite
        t.ok(False, "the suite runs to its end", traceback.format_exc())
    if "contract" in sys.modules:  # of programs that ask NGINX
        sys.modules["contract"].close(t)
    t.done()
    sys.stdout.flush()
    os._exit(1 if t.failed or t.count == 0 else 0)
