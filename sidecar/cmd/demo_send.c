/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * What the demo's WhatsApp and agents send: signed webhooks and requests,
 * given to the core as a worker would.
 */

#include "demo_play.h"

#include <stdio.h>

#include "cmd_op.h"

#define DEMO_ERROR_AWAY                                                        \
    "[{\"code\":131026,\"title\":\"Message undeliverable\","                   \
    "\"message\":\"Message undeliverable\",\"error_data\":{\"details\":"       \
    "\"Message Undeliverable.\"}}]"
#define DEMO_ERROR_WINDOW                                                      \
    "[{\"code\":131047,\"title\":\"Re-engagement message\","                   \
    "\"message\":\"Re-engagement message\",\"error_data\":{\"details\":"       \
    "\"Message failed to send because more than 24 hours have passed since "   \
    "the customer last replied to this number.\"}}]"

static int demo_send_run(demo_play_t *t, const pytake_request_t *req,
                         int status, int64_t now_us, pt_json_t **out);


int
demo_send_status(demo_play_t *t, const demo_line_t *l, const char *status,
                 pt_str_t id, int64_t at_us)
{
    char                  seconds[24];
    pt_jw_t               w;
    pt_buf_t              b;
    pt_str_t              wamid;
    const demo_contact_t *k = &demo_script_contacts[t->which][l->contact];

    if (demo_send_wamid(t, l, &wamid) != PT_OK) {
        return cmd_no_memory();
    }
    snprintf(seconds, sizeof(seconds), "%lld", (long long) (at_us / 1000000));

    demo_send_body_begin(t, &b, &w);
    pt_jw_key(&w, "statuses");
    pt_jw_array(&w);
    pt_jw_object(&w);
    pt_jw_key(&w, "id");
    pt_jw_str(&w, wamid);
    demo_send_str(&w, "status", status);
    demo_send_str(&w, "timestamp", seconds);
    demo_send_str(&w, "recipient_id", k->wa_id);
    demo_send_str(&w, "recipient_user_id", k->user_id);
    pt_jw_key(&w, "biz_opaque_callback_data");
    pt_jw_str(&w, id);
    if (strcmp(status, "failed") == 0) {
        pt_jw_key(&w, "errors");
        pt_jw_raw(&w, l->kind == DEMO_REENGAGE ? PT_STR(DEMO_ERROR_WINDOW)
                                               : PT_STR(DEMO_ERROR_AWAY));
    }
    pt_jw_object_end(&w);
    pt_jw_array_end(&w);

    return demo_send_webhook(t, &b, &w, at_us);
}


/* Down to within "value", behind its metadata. */
void
demo_send_body_begin(demo_play_t *t, pt_buf_t *b, pt_jw_t *w)
{
    pt_buf_init(b, t->cmd->arena, DEMO_BODY_MAX);
    pt_jw_init(w, b);
    pt_jw_object(w);
    demo_send_str(w, "object", "whatsapp_business_account");
    pt_jw_key(w, "entry");
    pt_jw_array(w);
    pt_jw_object(w);
    demo_send_str(w, "id", t->cast->waba_id);
    pt_jw_key(w, "changes");
    pt_jw_array(w);
    pt_jw_object(w);
    demo_send_str(w, "field", "messages");
    pt_jw_key(w, "value");
    pt_jw_object(w);
    demo_send_str(w, "messaging_product", "whatsapp");
    pt_jw_key(w, "metadata");
    pt_jw_object(w);
    demo_send_str(w, "display_phone_number", t->cast->display);
    demo_send_str(w, "phone_number_id", t->cast->phone_number_id);
    pt_jw_object_end(w);
}


/* Closes the body, signs it, delivers it. */
int
demo_send_webhook(demo_play_t *t, pt_buf_t *b, pt_jw_t *w, int64_t now_us)
{
    char             signature[7 + 64];
    uint8_t          mac[32];
    pytake_request_t req;

    pt_jw_object_end(w);
    pt_jw_object_end(w);
    pt_jw_array_end(w);
    pt_jw_object_end(w);
    pt_jw_array_end(w);
    pt_jw_object_end(w);

    memset(&req, 0, sizeof(req));

    if (pt_buf_get(b, &req.body) != PT_OK
        || pt_hash_hmac_sha256(
               (pt_str_t){ (const char *) t->secret, sizeof(t->secret) },
               req.body, mac)
               != PT_OK)
    {
        return cmd_no_memory();
    }
    memcpy(signature, "sha256=", 7);
    pt_hex_build(mac, sizeof(mac), signature + 7);

    req.method = PYTAKE_POST;
    req.path = PT_STR("/api/v1/webhooks/whatsapp");
    req.content_type = PT_STR("application/json");
    req.signature = (pt_str_t){ signature, sizeof(signature) };

    return demo_send_run(t, &req, 200, now_us, NULL);
}


int
demo_send_post(demo_play_t *t, const char *path, pt_str_t body, pt_str_t bearer,
               int status, int64_t now_us, pt_json_t **out)
{
    pytake_request_t req;

    memset(&req, 0, sizeof(req));
    req.method = PYTAKE_POST;
    req.path = (pt_str_t){ path, strlen(path) };
    req.authorization = bearer;
    req.body = body;
    if (body.data != NULL) {
        req.content_type = PT_STR("application/json");
    }

    return demo_send_run(t, &req, status, now_us, out);
}


static int
demo_send_run(demo_play_t *t, const pytake_request_t *req, int status,
              int64_t now_us, pt_json_t **out)
{
    cmd_reply_t reply;

    if (cmd_op_run(t->cmd, t->pt, &t->app, req, now_us, &reply) != PT_OK) {
        return cmd_error("the demo's talk stopped at %.*s", (int) req->path.len,
                         req->path.data);
    }

    if (reply.status != status) {
        return cmd_error("the demo's talk stopped at %.*s: status %d%s%s",
                         (int) req->path.len, req->path.data, reply.status,
                         t->app.error[0] != '\0' ? ", " : "", t->app.error);
    }

    if (out != NULL
        && pt_json_parse(t->cmd->arena, reply.body, &pt_json_limits_api, out)
               != PT_OK)
    {
        return cmd_error("the demo's talk: an answer is not JSON");
    }

    return 0;
}


pt_err_t
demo_send_wamid(const demo_play_t *t, const demo_line_t *l, pt_str_t *out)
{
    return pt_arena_fmt(t->cmd->arena, out, "wamid.demo.%s.%u",
                        t->cast->phone_number_id,
                        (unsigned) (l - demo_script_lines[t->which]) + 1);
}


void
demo_send_str(pt_jw_t *w, const char *key, const char *value)
{
    if (value != NULL) {
        pt_jw_key(w, key);
        pt_jw_str(w, (pt_str_t){ value, strlen(value) });
    }
}
