/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * What is published after COMMIT: events, revoked sessions, the outbox's bell.
 */

#include "pt_op_parts.h"
#include "core/base/pt_bus.h"

#include <assert.h>

#define PT_PUBLISH_EV "ev:"

static pt_err_t pt_publish_add(pytake_op_t *op, pt_str_t kind,
                               const pt_uuid_t *tenant, pt_str_t payload);
static pt_err_t pt_publish_reserve(pytake_op_t *op);


pt_err_t
pt_publish_event(pytake_op_t *op, const pt_uuid_t *tenant, int64_t seq,
                 pt_str_t frame)
{
    char     channel[sizeof(PT_PUBLISH_EV) - 1 + PT_UUID_LEN];
    char     seal[PT_BUS_SEAL];
    pt_buf_t b;
    pt_err_t err;
    pt_str_t payload;

    pt_buf_init(&b, op->arena, PT_PUBLISH_FRAME_MAX + 32 + PT_BUS_SEAL);
    pt_buf_i64(&b, seq);
    if (frame.len <= PT_PUBLISH_FRAME_MAX) {
        pt_buf_char(&b, ' ');
        pt_buf_str_add(&b, frame);

        err = pt_buf_get(&b, &payload);
        if (err != PT_OK) {
            return err;
        }

        memcpy(channel, PT_PUBLISH_EV, sizeof(PT_PUBLISH_EV) - 1);
        pt_uuid_build(tenant, channel + sizeof(PT_PUBLISH_EV) - 1);

        err =
            pt_bus_sign(op->pt->bus_key, (pt_str_t){ channel, sizeof(channel) },
                        payload, op->now_us, seal);
        if (err != PT_OK) {
            return err;
        }

        pt_buf_add(&b, seal, sizeof(seal));
    }

    err = pt_buf_get(&b, &payload);
    if (err != PT_OK) {
        return err;
    }

    return pt_publish_add(op, PT_STR(PT_PUBLISH_EV), tenant, payload);
}


pt_err_t
pt_publish_revoke(pytake_op_t *op, const pt_uuid_t *tenant,
                  const pt_uuid_t *session)
{
    char     text[sizeof("revoke ") - 1 + PT_UUID_LEN];
    pt_err_t err;
    pt_str_t payload;

    memcpy(text, "revoke ", sizeof("revoke ") - 1);
    pt_uuid_build(session, text + sizeof("revoke ") - 1);

    err = pt_arena_dup(op->arena, (pt_str_t){ text, sizeof(text) }, &payload);
    if (err != PT_OK) {
        return err;
    }

    return pt_publish_add(op, PT_STR("ctl:"), tenant, payload);
}


pt_err_t
pt_publish_outbox(pytake_op_t *op)
{
    pt_err_t err;

    err = pt_publish_reserve(op);
    if (err != PT_OK) {
        return err;
    }

    op->publish[op->npublish].channel = PT_STR("outbox");
    op->publish[op->npublish].payload = PT_STR("");
    op->npublish++;

    return PT_OK;
}


pt_err_t
pt_publish_rows(pytake_op_t *op, const pt_uuid_t *tenant,
                const pytake_rows_t *rows)
{
    uint32_t i;
    pt_err_t err;

    for (i = 0; i < rows->nrows; i++) {
        err = pt_publish_event(op, tenant, pt_cell_i64(rows, i, 0),
                               pt_cell_text(rows, i, 1));
        if (err != PT_OK) {
            return err;
        }
    }

    return PT_OK;
}


static pt_err_t
pt_publish_add(pytake_op_t *op, pt_str_t kind, const pt_uuid_t *tenant,
               pt_str_t payload)
{
    char    *channel;
    pt_err_t err;

    err = pt_publish_reserve(op);
    if (err != PT_OK) {
        return err;
    }

    channel = pt_arena_alloc(op->arena, kind.len + PT_UUID_LEN);
    if (channel == NULL) {
        return PT_ENOMEM;
    }
    memcpy(channel, kind.data, kind.len);
    pt_uuid_build(tenant, channel + kind.len);

    op->publish[op->npublish].channel =
        (pt_str_t){ channel, kind.len + PT_UUID_LEN };
    op->publish[op->npublish].payload = payload;
    op->npublish++;

    return PT_OK;
}


static pt_err_t
pt_publish_reserve(pytake_op_t *op)
{
    uint32_t        cap;
    pytake_redis_t *p;

    /* What is queued is of the batch before, and was published. */
    if (op->published == op->npublish) {
        op->published = 0;
        op->npublish = 0;
    }

    if (op->npublish < op->publish_cap) {
        return PT_OK;
    }

    if (op->npublish == PT_OP_PUBLISH_MAX) {
        return PT_ELIMIT;
    }

    cap = op->publish_cap == 0 ? 2 : op->publish_cap * 2;
    if (cap > PT_OP_PUBLISH_MAX) {
        cap = PT_OP_PUBLISH_MAX;
    }

    p = pt_arena_calloc(op->arena, cap, sizeof(pytake_redis_t));
    if (p == NULL) {
        return PT_ENOMEM;
    }

    if (op->npublish != 0) {
        memcpy(p, op->publish, op->npublish * sizeof(pytake_redis_t));
    }

    op->publish = p;
    op->publish_cap = cap;

    return PT_OK;
}
