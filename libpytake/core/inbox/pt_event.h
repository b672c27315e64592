/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_event.h: writes the events of the inbox, about messages and conversations,
 * as templates (core/op/pt_envelope.h explains templates).  Each function
 * writes one to the arena.  Their errors are PT_ENOMEM and, when the event is
 * larger than PT_ENVELOPE_FRAME_MAX, PT_ELIMIT.
 */

#ifndef PT_EVENT_H
#define PT_EVENT_H

#include "pt_msg.h"
#include "core/op/pt_envelope.h"

/* The event of a new message; event is "message_received" or "message_sent".
 * id is the event's own id. */
pt_err_t pt_event_message(pt_arena_t *a, const char *event, const pt_uuid_t *id,
                          const pt_msg_t *m, pt_str_t *out) PT_MUST_CHECK;

/* "message_status_updated".  error is JSON; data NULL is written as null. */
pt_err_t pt_event_status(pt_arena_t *a, const pt_uuid_t *id, pt_str_t wamid,
                         pt_str_t status, pt_str_t error,
                         pt_str_t *out) PT_MUST_CHECK;

/* "conversation_updated" with "changes":[...], which are n string literals. */
pt_err_t pt_event_conv(pt_arena_t *a, const pt_uuid_t *id,
                       const char *const *changes, size_t n,
                       pt_str_t *out) PT_MUST_CHECK;

/* "conversation_closed"; `by` is the user who closed it. */
pt_err_t pt_event_closed(pt_arena_t *a, const pt_uuid_t *id,
                         const pt_uuid_t *by, pt_str_t *out) PT_MUST_CHECK;

/* "agent_assigned"; user is who looks after the conversation now (NULL:
 * nobody), `by` is who said so.  A mark stands for who looked after it before,
 * PT_MARK_REPLY_TO, which is replaced by JSON in the same way: an id in quotes,
 * or null. */
pt_err_t pt_event_assigned(pt_arena_t *a, const pt_uuid_t *id,
                           const pt_uuid_t *user, const pt_uuid_t *by,
                           pt_str_t *out) PT_MUST_CHECK;

#endif
