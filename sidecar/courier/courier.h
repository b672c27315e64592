/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * courier.h: the courier as other parts of the program see it.
 */

#ifndef COURIER_H
#define COURIER_H

#include "base/part.h"

typedef struct courier_s courier_t;

extern const part_t courier_part;

/* Prometheus text.  Errors stick in out. */
void courier_metrics_write(const courier_t *c, pt_buf_t *out);

#endif
