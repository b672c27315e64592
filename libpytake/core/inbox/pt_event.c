/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_event.h"


pt_err_t
pt_event_message(pt_arena_t *a, const char *event, const pt_uuid_t *id,
                 const pt_msg_t *m, pt_str_t *out)
{
    pt_jw_t  w;
    pt_buf_t b;

    pt_buf_init(&b, a, PT_ENVELOPE_FRAME_MAX);
    pt_jw_init(&w, &b);

    pt_envelope_begin(&w, event);
    pt_jw_object(&w);
    pt_msg_members(&w, m);
    pt_jw_key(&w, "conversation");
    pt_jw_raw(&w, PT_STR(PT_MARK_BRIEF));
    pt_jw_object_end(&w);
    pt_envelope_end(&w, id);

    return pt_buf_get(&b, out);
}


pt_err_t
pt_event_status(pt_arena_t *a, const pt_uuid_t *id, pt_str_t wamid,
                pt_str_t status, pt_str_t error, pt_str_t *out)
{
    pt_jw_t  w;
    pt_buf_t b;

    pt_buf_init(&b, a, PT_ENVELOPE_FRAME_MAX);
    pt_jw_init(&w, &b);

    pt_envelope_begin(&w, "message_status_updated");
    pt_jw_object(&w);
    pt_jw_key(&w, "id");
    pt_jw_raw(&w, PT_ENVELOPE_QUOTED(PT_MARK_MESSAGE));
    pt_jw_key(&w, "conversation_id");
    pt_jw_raw(&w, PT_ENVELOPE_QUOTED(PT_MARK_CONVERSATION));
    pt_jw_key(&w, "whatsapp_message_id");
    pt_jw_str(&w, wamid);
    pt_jw_key(&w, "status");
    pt_jw_str(&w, status);
    pt_jw_key(&w, "error");
    pt_jw_raw(&w, error);
    pt_jw_object_end(&w);
    pt_envelope_end(&w, id);

    return pt_buf_get(&b, out);
}


pt_err_t
pt_event_conv(pt_arena_t *a, const pt_uuid_t *id, const char *const *changes,
              size_t n, pt_str_t *out)
{
    size_t   i;
    pt_jw_t  w;
    pt_buf_t b;

    pt_buf_init(&b, a, PT_ENVELOPE_FRAME_MAX);
    pt_jw_init(&w, &b);

    pt_envelope_begin(&w, "conversation_updated");
    pt_jw_object(&w);
    pt_jw_raw(&w, PT_STR(PT_MARK_MEMBERS));
    pt_jw_key(&w, "changes");
    pt_jw_array(&w);
    for (i = 0; i < n; i++) {
        pt_jw_str(&w, (pt_str_t){ changes[i], strlen(changes[i]) });
    }
    pt_jw_array_end(&w);
    pt_jw_object_end(&w);
    pt_envelope_end(&w, id);

    return pt_buf_get(&b, out);
}


pt_err_t
pt_event_closed(pt_arena_t *a, const pt_uuid_t *id, const pt_uuid_t *by,
                pt_str_t *out)
{
    pt_jw_t  w;
    pt_buf_t b;

    pt_buf_init(&b, a, PT_ENVELOPE_FRAME_MAX);
    pt_jw_init(&w, &b);

    pt_envelope_begin(&w, "conversation_closed");
    pt_jw_object(&w);
    pt_jw_raw(&w, PT_STR(PT_MARK_MEMBERS));
    pt_jw_key(&w, "by_user_id");
    pt_jw_uuid(&w, by);
    pt_jw_object_end(&w);
    pt_envelope_end(&w, id);

    return pt_buf_get(&b, out);
}


pt_err_t
pt_event_assigned(pt_arena_t *a, const pt_uuid_t *id, const pt_uuid_t *user,
                  const pt_uuid_t *by, pt_str_t *out)
{
    pt_jw_t  w;
    pt_buf_t b;

    pt_buf_init(&b, a, PT_ENVELOPE_FRAME_MAX);
    pt_jw_init(&w, &b);

    pt_envelope_begin(&w, "agent_assigned");
    pt_jw_object(&w);
    pt_jw_key(&w, "conversation_id");
    pt_jw_raw(&w, PT_ENVELOPE_QUOTED(PT_MARK_CONVERSATION));
    pt_jw_key(&w, "user_id");
    pt_jw_uuid(&w, user);
    pt_jw_key(&w, "previous_user_id");
    pt_jw_raw(&w, PT_STR(PT_MARK_REPLY_TO));
    pt_jw_key(&w, "by_user_id");
    pt_jw_uuid(&w, by);
    pt_jw_object_end(&w);
    pt_envelope_end(&w, id);

    return pt_buf_get(&b, out);
}
