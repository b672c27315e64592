/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_http_int.h: the head of a request, split into its fields by
 * hub_http_field.c for hub_http.c.
 */

#ifndef HUB_HTTP_INT_H
#define HUB_HTTP_INT_H

#include "hub_http.h"

/* Slices of the head; data is NULL when the field did not come. */
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

/* Splits head into *raw, which the caller has zeroed.  Returns 0, or the status
 * of the refusal: 400 or 431. */
int hub_http_lines(pt_str_t head, hub_http_raw_t *raw);

/* Cuts *out off *rest, up to the first end, which is dropped.  Returns false,
 * and changes nothing, when there is none. */
bool hub_http_word(pt_str_t *rest, char end, pt_str_t *out);

/* Cuts the next item of a comma-separated list off *rest, without the blanks
 * around it.  Returns false when the list is empty. */
bool hub_http_item(pt_str_t *rest, pt_str_t *item);

/* Returns whether the list has an item equal to lower, which is in lower case,
 * in whatever case the list has it (RFC 9110, section 5.6.1). */
bool hub_http_list_has(pt_str_t list, const char *lower);

#endif
