/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_event.h: the events' envelope
 *
 *     {"event","data","timestamp","conversation_id","seq","id"}
 *
 * as templates.  The core writes a frame; what only SQL knows stands in it
 * as a mark, one raw control character, which no other part of a JSON text
 * can hold, and the statement that inserts the event replace()s it.
 */

#ifndef PT_EVENT_H
#define PT_EVENT_H

#include "pt_msg.h"

#define PT_MARK_CONVERSATION "\x01" /* its id, 36 characters, no quotes */
#define PT_MARK_REPLY_TO "\x02"     /* JSON: "id" with quotes, or null */
#define PT_MARK_BRIEF "\x03"        /* JSON: "conversation" of a message */
#define PT_MARK_SEQ "\x04"          /* the number */
#define PT_MARK_MESSAGE "\x05"      /* a message's id, no quotes */
#define PT_MARK_MEMBERS "\x06"      /* a conversation's members, no braces */

#define PT_EVENT_FRAME_MAX (256u * 1024)

/*
 * Envelope around data of one's own: begin, one value (pt_jw_*), end.  The
 * time is the one inside id, a version 7 id made with the event's
 * created_at (milliseconds).
 */
void pt_event_begin(pt_jw_t *w, const char *event);
void pt_event_end(pt_jw_t *w, const pt_uuid_t *id);

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

/* now, cut to the milliseconds that an id can hold: event_log.created_at
 * and the time inside the event's id are one. */
int64_t pt_event_time(int64_t now_us);

#endif
