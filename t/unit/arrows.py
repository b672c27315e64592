#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""tools/check_arrows.pl finds what it is for.  The house is copied, objects
and all; each time one fault is built into the copy and taken out again."""

import os
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "t", "lib"))

import tap  # noqa: E402

CORE = "libpytake/core/"
HUB = "sidecar/hub/"
PLAIN = "extern void %s(void);\nvoid %s_calls(void);\n" \
        "void %s_calls(void) { %s(); }\n"


class House:
    def __init__(self, path):
        self.path = path
        for part in ("libpytake", "ngx", "sidecar", "tools"):
            shutil.copytree(os.path.join(TOP, part), self.at(part))
        shutil.copy(os.path.join(TOP, "ngx_pytake_module.c"), path)
        for part in ("gen", "obj", "nginx/objs/addon"):
            shutil.copytree(os.path.join(TOP, "build", part),
                            self.at("build/" + part))

    def at(self, file):
        return os.path.join(self.path, file)

    def check(self):
        p = subprocess.run(
            ["perl", "tools/check_arrows.pl", "cc",
             "-Ilibpytake -Ibuild/gen", "build"],
            cwd=self.path, capture_output=True, text=True)
        return p.returncode, p.stdout + p.stderr

    def append(self, file, text):
        with open(self.at(file), "a") as out:
            out.write(text)

    def calls(self, file, symbol):
        """The object of file calls symbol from here on, too."""
        o = self.at("build/obj/" + file[:-1] + "o")
        name = os.path.basename(file)[:-2]
        more, plus = self.at("build/more.c"), self.at("build/more.o")
        with open(more, "w") as out:
            out.write(PLAIN % (symbol, name, name, symbol))
        subprocess.run(["cc", "-c", "-fPIC", "-o", plus, more],
                       check=True)
        subprocess.run(["ld", "-r", "-o", self.at("build/both.o"), o, plus],
                       check=True)
        shutil.move(self.at("build/both.o"), o)


def finds(t, house, name, fault, *files):
    """fault: what is done to the house, and what the check must say."""
    do, says = fault
    for f in files:
        shutil.copy(house.at(f), house.at("kept." + f.replace("/", ".")))
    do()
    status, text = house.check()
    t.ok(status != 0 and says in text, name, text)
    for f in files:
        shutil.move(house.at("kept." + f.replace("/", ".")), house.at(f))


def obj(file):
    return "build/obj/" + file[:-1] + "o"


def circles(t, h):
    arrows = "tools/arrows.txt"
    ring, page = HUB + "hub_ring.c", HUB + "hub_page.c"

    def both():
        h.calls(ring, "hub_page_find")
        h.calls(page, "hub_ring_find")

    finds(t, h, "two files of a layer that call each other",
          (both, "hub_page -> hub_ring -> hub_page"), obj(ring), obj(page))
    finds(t, h, "a call upwards",
          (lambda: h.calls(ring, "hub_resume"), "hub_resume is above it"),
          obj(ring))
    finds(t, h, "an include upwards",
          (lambda: h.append(HUB + "hub_ws.c", '#include "hub_ring.h"\n'),
           "hub_ring is above it"), HUB + "hub_ws.c")
    finds(t, h, "headers that include each other",
          (lambda: h.append(HUB + "hub_ws.h", '#include "hub_frame.h"\n'),
           "headers in a circle"), HUB + "hub_ws.h")
    finds(t, h, "a file without a layer",
          (lambda: (h.append(HUB + "hub_new.c", ""),
                    shutil.copy(h.at(obj(ring)),
                                h.at(obj(HUB + "hub_new.c")))),
           "hub_new.c is in no layer"))
    os.remove(h.at(HUB + "hub_new.c"))
    finds(t, h, "an exception that nobody needs",
          (lambda: h.append(arrows, "except hub_ring hub_page: of old\n"),
           '"hub_ring hub_page" is not needed'), arrows)

    shutil.copy(h.at(obj(ring)), h.at("kept.o"))
    h.calls(ring, "hub_resume")
    h.append(arrows, "except hub_ring hub_resume: for this test\n")
    status, text = h.check()
    t.ok(status == 0, "an exception that is needed is let pass", text)
    shutil.move(h.at("kept.o"), h.at(obj(ring)))
    shutil.copy(os.path.join(TOP, arrows), h.at(arrows))


def rooms(t, h):
    pool, batch = "libpytake/io/pt_pool.c", "sidecar/base/batch.c"

    finds(t, h, "a driver that includes the sidecar",
          (lambda: h.append(pool, '#include "base/loop.h"\n'),
           "libpytake/io may not know sidecar/base"), pool)
    finds(t, h, "a base that calls the hub",
          (lambda: h.calls(batch, "hub_flush"),
           "sidecar/base may not know sidecar/hub: hub_flush"), obj(batch))
    finds(t, h, "a module that includes the sidecar",
          (lambda: h.append("ngx/ngx_pytake_op.c", '#include "hub/hub.h"\n'),
           "ngx may not know sidecar/hub"), "ngx/ngx_pytake_op.c")


    op, event = CORE + "op/pt_op.c", CORE + "inbox/pt_event.c"
    finds(t, h, "an engine that knows a resource",
          (lambda: h.calls(op, "pt_msg_members"),
           CORE + "op may not know " + CORE + "inbox: pt_msg_members"),
          obj(op))
    finds(t, h, "an inbox that knows WhatsApp's bodies",
          (lambda: h.append(event, '#include "core/whatsapp/pt_wa.h"\n'),
           CORE + "inbox may not know " + CORE + "whatsapp"), event)


def pure(t, h):
    arena, hub = "libpytake/core/base/pt_buf.c", HUB + "hub.c"

    finds(t, h, "a core that asks what time it is",
          (lambda: h.calls(arena, "clock_gettime"),
           "core may not call clock_gettime"), obj(arena))
    finds(t, h, "a core that includes a socket",
          (lambda: h.append(arena, "#include <sys/socket.h>\n"),
           "core may not include sys/socket.h"), arena)
    finds(t, h, "a core that reaches a driver",
          (lambda: h.append(arena, "#include <hiredis/hiredis.h>\n"),
           "reaches /usr/include/hiredis/hiredis.h"), arena)
    finds(t, h, "logic of the hub that asks the database itself",
          (lambda: h.calls(hub, "PQexec"), "logic may not call PQexec"),
          obj(hub))
    finds(t, h, "logic of the hub that includes libpq",
          (lambda: h.append(hub, "#include <libpq-fe.h>\n"),
           "logic reaches <libpq-fe.h>"), hub)
    finds(t, h, "logic of the hub that knows its glue",
          (lambda: h.append(hub, '#include "hub_glue.h"\n'),
           "logic may not know sidecar/base/batch.h"), hub)


def main(t):
    with tempfile.TemporaryDirectory() as path:
        h = House(path)
        status, text = h.check()
        t.ok(status == 0, "the house as it is", text)
        for part in tap.parts(circles, rooms, pure):
            part(t, h)
        status, text = h.check()
        t.ok(status == 0, "and when all faults are taken out", text)


tap.run(main)
