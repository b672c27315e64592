/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_part.h: the hub as a part of "pytake serve" (base/part.h).
 */

#ifndef HUB_PART_H
#define HUB_PART_H

#include "base/part.h"

/* The part "hub": WebSockets, see docs/hub.md. */
extern const part_t hub_part;

#endif
