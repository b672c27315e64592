/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * courier.h: the courier as other parts of the program see it: the part of
 * "pytake serve" that sends what lies in the outbox to WhatsApp.
 */

#ifndef COURIER_H
#define COURIER_H

#include "base/part.h"

typedef struct courier_s courier_t;

extern const part_t courier_part;

/* Appends the courier's metrics to out as Prometheus text.  When out is full
 * or has no memory it remembers so, and pt_buf_get() tells. */
void courier_metrics_write(const courier_t *c, pt_buf_t *out);

#endif
