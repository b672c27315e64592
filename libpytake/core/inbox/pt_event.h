/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_event.h: the events of the inbox, messages and conversations, as
 * templates (core/op/pt_envelope.h tells what a template is).
 */

#ifndef PT_EVENT_H
#define PT_EVENT_H

#include "pt_msg.h"
#include "core/op/pt_envelope.h"

/* event: "message_received" or "message_sent".  The template is on the
 * arena.  PT_ENOMEM, PT_ELIMIT. */
pt_err_t pt_event_message(pt_arena_t *a, const char *event, const pt_uuid_t *id,
                          const pt_msg_t *m, pt_str_t *out) PT_MUST_CHECK;

/* "message_status_updated"; error: JSON, data NULL: null. */
pt_err_t pt_event_status(pt_arena_t *a, const pt_uuid_t *id, pt_str_t wamid,
                         pt_str_t status, pt_str_t error,
                         pt_str_t *out) PT_MUST_CHECK;

/* "conversation_updated" with "changes":[...]; each a literal. */
pt_err_t pt_event_conv(pt_arena_t *a, const pt_uuid_t *id,
                       const char *const *changes, size_t n,
                       pt_str_t *out) PT_MUST_CHECK;

/* "conversation_closed", by that user. */
pt_err_t pt_event_closed(pt_arena_t *a, const pt_uuid_t *id,
                         const pt_uuid_t *by, pt_str_t *out) PT_MUST_CHECK;

/* "agent_assigned": who looks after it now (NULL: nobody), by whom.  Who did
 * before is PT_MARK_REPLY_TO's kind of mark: JSON, an id or null. */
pt_err_t pt_event_assigned(pt_arena_t *a, const pt_uuid_t *id,
                           const pt_uuid_t *user, const pt_uuid_t *by,
                           pt_str_t *out) PT_MUST_CHECK;

#endif
