/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_fault.h: named fault points, for tests alone.  -DPYTAKE_FAULTS compiles
 * them in; a release has none of them.
 *
 *     PT_FAULT("publish.before");
 *
 * The environment says which one acts: PYTAKE_FAULT="name:action[:n]".  The
 * actions are kill (SIGKILL to the process itself), abort, and delay (for n
 * milliseconds, 100 by default).  For kill and abort n is the passage that
 * acts; by default it is the first.
 */

#ifndef PT_FAULT_H
#define PT_FAULT_H

#ifdef PYTAKE_FAULTS

#define PT_FAULT(name) pt_fault_hit(name)

/* Acts when the environment names this point.  It looks there each time, so
 * that a test can change it. */
void pt_fault_hit(const char *name);

#else

#define PT_FAULT(name) ((void) 0)

#endif

#endif
