/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_envelope.h"


void
pt_envelope_begin(pt_jw_t *w, const char *event)
{
    pt_jw_object(w);
    pt_jw_key(w, "event");
    pt_jw_str(w, (pt_str_t){ event, strlen(event) });
    pt_jw_key(w, "data");
}


void
pt_envelope_end(pt_jw_t *w, const pt_uuid_t *id)
{
    pt_jw_key(w, "timestamp");
    pt_jw_time(w, pt_uuid_time_us(id));
    pt_jw_key(w, "conversation_id");
    pt_jw_raw(w, PT_ENVELOPE_QUOTED(PT_MARK_CONVERSATION));
    pt_jw_key(w, "seq");
    pt_jw_raw(w, PT_STR(PT_MARK_SEQ));
    pt_jw_key(w, "id");
    pt_jw_uuid(w, id);
    pt_jw_object_end(w);
}


int64_t
pt_envelope_time(int64_t now_us)
{
    return now_us - now_us % 1000;
}
