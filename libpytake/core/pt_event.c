/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_event.h"

#define PT_EVENT_QUOTED(mark) PT_STR("\"" mark "\"")


void
pt_event_begin(pt_jw_t *w, const char *event)
{
    pt_jw_object(w);
    pt_jw_key(w, "event");
    pt_jw_str(w, (pt_str_t){ event, strlen(event) }); /* a literal */
    pt_jw_key(w, "data");
}


void
pt_event_end(pt_jw_t *w, const pt_uuid_t *id)
{
    pt_jw_key(w, "timestamp");
    pt_jw_time(w, pt_uuid_time_us(id));
    pt_jw_key(w, "conversation_id");
    pt_jw_raw(w, PT_EVENT_QUOTED(PT_MARK_CONVERSATION));
    pt_jw_key(w, "seq");
    pt_jw_raw(w, PT_STR(PT_MARK_SEQ));
    pt_jw_key(w, "id");
    pt_jw_uuid(w, id);
    pt_jw_object_end(w);
}


pt_err_t
pt_event_message(pt_arena_t *a, const char *event, const pt_uuid_t *id,
                 const pt_msg_t *m, pt_str_t *out)
{
    pt_jw_t  w;
    pt_buf_t b;

    pt_buf_init(&b, a, PT_EVENT_FRAME_MAX);
    pt_jw_init(&w, &b);

    pt_event_begin(&w, event);
    pt_jw_object(&w);
    pt_msg_members(&w, m);
    pt_jw_key(&w, "conversation");
    pt_jw_raw(&w, PT_STR(PT_MARK_BRIEF));
    pt_jw_object_end(&w);
    pt_event_end(&w, id);

    return pt_buf_get(&b, out);
}


pt_err_t
pt_event_status(pt_arena_t *a, const pt_uuid_t *id, pt_str_t wamid,
                pt_str_t status, pt_str_t error, pt_str_t *out)
{
    pt_jw_t  w;
    pt_buf_t b;

    pt_buf_init(&b, a, PT_EVENT_FRAME_MAX);
    pt_jw_init(&w, &b);

    pt_event_begin(&w, "message_status_updated");
    pt_jw_object(&w);
    pt_jw_key(&w, "id");
    pt_jw_raw(&w, PT_EVENT_QUOTED(PT_MARK_MESSAGE));
    pt_jw_key(&w, "conversation_id");
    pt_jw_raw(&w, PT_EVENT_QUOTED(PT_MARK_CONVERSATION));
    pt_jw_key(&w, "whatsapp_message_id");
    pt_jw_str(&w, wamid);
    pt_jw_key(&w, "status");
    pt_jw_str(&w, status);
    pt_jw_key(&w, "error");
    pt_jw_raw(&w, error);
    pt_jw_object_end(&w);
    pt_event_end(&w, id);

    return pt_buf_get(&b, out);
}


pt_err_t
pt_event_conv(pt_arena_t *a, const pt_uuid_t *id, const char *const *changes,
              size_t n, pt_str_t *out)
{
    size_t   i;
    pt_jw_t  w;
    pt_buf_t b;

    pt_buf_init(&b, a, PT_EVENT_FRAME_MAX);
    pt_jw_init(&w, &b);

    pt_event_begin(&w, "conversation_updated");
    pt_jw_object(&w);
    pt_jw_raw(&w, PT_STR(PT_MARK_MEMBERS));
    pt_jw_key(&w, "changes");
    pt_jw_array(&w);
    for (i = 0; i < n; i++) {
        pt_jw_str(&w, (pt_str_t){ changes[i], strlen(changes[i]) });
    }
    pt_jw_array_end(&w);
    pt_jw_object_end(&w);
    pt_event_end(&w, id);

    return pt_buf_get(&b, out);
}


pt_err_t
pt_event_closed(pt_arena_t *a, const pt_uuid_t *id, const pt_uuid_t *by,
                pt_str_t *out)
{
    pt_jw_t  w;
    pt_buf_t b;

    pt_buf_init(&b, a, PT_EVENT_FRAME_MAX);
    pt_jw_init(&w, &b);

    pt_event_begin(&w, "conversation_closed");
    pt_jw_object(&w);
    pt_jw_raw(&w, PT_STR(PT_MARK_MEMBERS));
    pt_jw_key(&w, "by_user_id");
    pt_jw_uuid(&w, by);
    pt_jw_object_end(&w);
    pt_event_end(&w, id);

    return pt_buf_get(&b, out);
}


pt_err_t
pt_event_assigned(pt_arena_t *a, const pt_uuid_t *id, const pt_uuid_t *user,
                  const pt_uuid_t *by, pt_str_t *out)
{
    pt_jw_t  w;
    pt_buf_t b;

    pt_buf_init(&b, a, PT_EVENT_FRAME_MAX);
    pt_jw_init(&w, &b);

    pt_event_begin(&w, "agent_assigned");
    pt_jw_object(&w);
    pt_jw_key(&w, "conversation_id");
    pt_jw_raw(&w, PT_EVENT_QUOTED(PT_MARK_CONVERSATION));
    pt_jw_key(&w, "user_id");
    pt_jw_uuid(&w, user);
    pt_jw_key(&w, "previous_user_id");
    pt_jw_raw(&w, PT_STR(PT_MARK_REPLY_TO));
    pt_jw_key(&w, "by_user_id");
    pt_jw_uuid(&w, by);
    pt_jw_object_end(&w);
    pt_event_end(&w, id);

    return pt_buf_get(&b, out);
}


int64_t
pt_event_time(int64_t now_us)
{
    return now_us - now_us % 1000;
}
