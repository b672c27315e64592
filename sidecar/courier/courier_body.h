/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * courier_body.h: a message as the Graph API wants it, the JSON body of
 * POST /{version}/{phone_number_id}/messages (Meta, "Cloud API, Messages").
 * These functions do no IO.
 */

#ifndef COURIER_BODY_H
#define COURIER_BODY_H

#include "core/base/pt_json.h"

#define COURIER_BODY_MAX (64u * 1024) /* bytes of a body */

/* One message of the outbox; its strings belong to the job. */
typedef struct {
    pt_uuid_t id;   /* of our table; statuses bring it back to us as
                       biz_opaque_callback_data */
    pt_str_t  type; /* "text" */
    pt_str_t  content;
    pt_str_t  wa_id;  /* the recipient's phone number, digits; or absent */
    pt_str_t  bsuid;  /* the recipient's business-scoped id; or absent */
    pt_str_t  quoted; /* wamid of the message it replies to, or absent */
} courier_msg_t;

/* Builds the body of a message in *out, which lives on the arena.  A phone
 * number goes before a bsuid.  PT_EVALIDATION: the message has neither of
 * them, or it is of a type that cannot be sent; PT_ENOMEM. */
pt_err_t courier_body_build(pt_arena_t *a, const courier_msg_t *m,
                            pt_str_t *out) PT_MUST_CHECK;

/* Builds {"code","title","detail"} in *out, on the arena: a message's error as
 * REST shows it.  The code is name when that is not NULL, else the Graph API's
 * number.  PT_ENOMEM. */
pt_err_t courier_body_error(pt_arena_t *a, int32_t code, const char *name,
                            pt_str_t title, pt_str_t detail,
                            pt_str_t *out) PT_MUST_CHECK;

#endif
