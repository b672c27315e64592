/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_fault.h: named fault points, for tests only.  Compiled in by
 * -DPYTAKE_FAULTS; in a release they are nothing at all.
 *
 *     PT_FAULT("publish.before");
 *
 * The environment chooses: PYTAKE_FAULT="name:action[:n]", with the actions
 * kill (SIGKILL to itself), abort, and delay (n milliseconds, default 100).
 * For kill and abort n is which passage acts (default 1, the first).
 */

#ifndef PT_FAULT_H
#define PT_FAULT_H

#ifdef PYTAKE_FAULTS

#define PT_FAULT(name) pt_fault_hit(name)

/* name: literal.  Looks at the environment each time. */
void pt_fault_hit(const char *name);

#else

#define PT_FAULT(name) ((void) 0)

#endif

#endif
