/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_envelope.h: what every event is wrapped in
 *
 *     {"event","data","timestamp","conversation_id","seq","id"}
 *
 * as a template.  The core writes a frame; what only SQL knows stands in it
 * as a mark, one raw control character, which no other part of a JSON text
 * can hold, and the statement that inserts the event replace()s it.
 */

#ifndef PT_ENVELOPE_H
#define PT_ENVELOPE_H

#include "core/base/pt_json.h"

#define PT_MARK_CONVERSATION "\x01" /* its id, 36 characters, no quotes */
#define PT_MARK_REPLY_TO "\x02"     /* JSON: "id" with quotes, or null */
#define PT_MARK_BRIEF "\x03"        /* JSON: "conversation" of a message */
#define PT_MARK_SEQ "\x04"          /* the number */
#define PT_MARK_MESSAGE "\x05"      /* a message's id, no quotes */
#define PT_MARK_MEMBERS "\x06"      /* a conversation's members, no braces */

#define PT_ENVELOPE_FRAME_MAX (256u * 1024)

/* A mark that SQL replaces inside the quotes of a JSON string. */
#define PT_ENVELOPE_QUOTED(mark) PT_STR("\"" mark "\"")

/*
 * Writes the envelope around data of the caller's own: begin, then exactly
 * one value (pt_jw_*), then end.  event: a literal, the event's name.  id: a
 * version 7 id made with the event's created_at; the envelope's time is the
 * one inside it (milliseconds).
 */
void pt_envelope_begin(pt_jw_t *w, const char *event);
void pt_envelope_end(pt_jw_t *w, const pt_uuid_t *id);

/* Cuts a time in microseconds to the milliseconds that an id can hold, so
 * that event_log.created_at and the time inside the event's id are one. */
int64_t pt_envelope_time(int64_t now_us);

#endif
