/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_envelope.h: writes the envelope of every event
 *
 *     {"event","data","timestamp","conversation_id","seq","id"}
 *
 * as a template.  The core writes a frame, in which a mark stands for whatever
 * only SQL knows.  A mark is one raw control character, which no other part of
 * a JSON text can hold, and the statement that inserts the event replaces it
 * with replace().
 */

#ifndef PT_ENVELOPE_H
#define PT_ENVELOPE_H

#include "core/base/pt_json.h"

#define PT_MARK_CONVERSATION "\x01" /* the conversation's id, no quotes */
#define PT_MARK_REPLY_TO "\x02"     /* the quoted message: "id", or null */
#define PT_MARK_BRIEF "\x03"        /* the JSON "conversation" */
#define PT_MARK_SEQ "\x04"          /* the event's seq, a number */
#define PT_MARK_MESSAGE "\x05"      /* a message's id, no quotes */
#define PT_MARK_MEMBERS "\x06"      /* a conversation's members, no braces */

/* The size of a frame at most, in bytes. */
#define PT_ENVELOPE_FRAME_MAX (256u * 1024)

/* A mark that SQL replaces within the quotes of a JSON string. */
#define PT_ENVELOPE_QUOTED(mark) PT_STR("\"" mark "\"")

/*
 * Write the envelope around data of the caller's own: pt_envelope_begin(), then
 * exactly one value (pt_jw_*), then pt_envelope_end().  event is the event's
 * name, a string literal.  id is an id of version 7 that was made with the
 * event's created_at; the envelope's timestamp is the time inside it, in
 * milliseconds.  Errors stick to the writer's buffer.
 */
void pt_envelope_begin(pt_jw_t *w, const char *event);
void pt_envelope_end(pt_jw_t *w, const pt_uuid_t *id);

/* Cuts a time in microseconds to the milliseconds that an id can hold, so that
 * event_log.created_at and the time inside the event's id are the same. */
int64_t pt_envelope_time(int64_t now_us);

#endif
