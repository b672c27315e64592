/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_http_int.h: a head taken apart (hub_http_field.c), for hub_http.c.
 */

#ifndef HUB_HTTP_INT_H
#define HUB_HTTP_INT_H

#include "hub_http.h"

/* Slices of the head; data NULL: it is not there. */
typedef struct {
    pt_str_t method;
    pt_str_t path;
    pt_str_t query;
    pt_str_t upgrade;
    pt_str_t connection;
    pt_str_t key;
    pt_str_t version;
    pt_str_t protocol;
    pt_str_t user;
    pt_str_t tenant;
    pt_str_t session;
    pt_str_t exp;
    pt_str_t addr;
    pt_str_t worker;
    pt_str_t request_id;
} hub_http_raw_t;

/* 0, or the status to answer. */
int hub_http_lines(pt_str_t head, hub_http_raw_t *raw);

/* Up to, and without, end, which is eaten; false: there is no end. */
bool hub_http_word(pt_str_t *rest, char end, pt_str_t *out);
/* The next item of a comma-separated list, trimmed. */
bool hub_http_item(pt_str_t *rest, pt_str_t *item);
bool hub_http_list_has(pt_str_t list, const char *lower);

#endif
