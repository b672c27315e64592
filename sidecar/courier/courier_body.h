/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * courier_body.h: a message as the Graph API wants it: the body of
 * POST /{version}/{phone_number_id}/messages.  Pure.
 */

#ifndef COURIER_BODY_H
#define COURIER_BODY_H

#include "core/base/pt_json.h"

#define COURIER_BODY_MAX (64u * 1024)

typedef struct {
    pt_uuid_t id; /* ours: travels in biz_opaque_callback_data */
    pt_str_t  type;
    pt_str_t  content;
    pt_str_t  wa_id; /* digits, or absent: then bsuid */
    pt_str_t  bsuid;
    pt_str_t  quoted; /* wamid of the message it replies to, or absent */
} courier_msg_t;

/* PT_EVALIDATION: no address, or a type that cannot be sent; PT_ENOMEM. */
pt_err_t courier_body_build(pt_arena_t *a, const courier_msg_t *m,
                            pt_str_t *out) PT_MUST_CHECK;

/* {"code","title","detail"}: a message's error as REST shows it.  name,
 * when not NULL, is the code. */
pt_err_t courier_body_error(pt_arena_t *a, int32_t code, const char *name,
                            pt_str_t title, pt_str_t detail,
                            pt_str_t *out) PT_MUST_CHECK;

#endif
