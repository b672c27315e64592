/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_part.h: the hub as "pytake serve" sees it.
 */

#ifndef HUB_PART_H
#define HUB_PART_H

#include "base/part.h"

extern const part_t hub_part;

#endif
