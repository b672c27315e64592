/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "courier_body.h"

#include <assert.h>

#include "core/whatsapp/pt_wa.h"

typedef void (*courier_part_pt)(pt_jw_t *w, const courier_msg_t *m);

typedef struct {
    const char     *type;
    courier_part_pt part;
} courier_type_t;

static pt_err_t courier_body_phone(pt_arena_t *a, const courier_msg_t *m,
                                   pt_str_t *out);
static void     courier_part_text(pt_jw_t *w, const courier_msg_t *m);

static const courier_type_t courier_types[] = {
    { "text", courier_part_text },
};


pt_err_t
courier_body_build(pt_arena_t *a, const courier_msg_t *m, pt_str_t *out)
{
    size_t   i;
    pt_jw_t  w;
    pt_buf_t b;
    pt_err_t err;
    pt_str_t phone;

    assert(a != NULL && m != NULL && out != NULL);

    for (i = 0; i < PT_COUNT(courier_types); i++) {
        if (pt_str_is(m->type, courier_types[i].type)) {
            break;
        }
    }

    err = courier_body_phone(a, m, &phone);
    if (err != PT_OK) {
        return err;
    }

    if (i == PT_COUNT(courier_types) || (phone.len == 0 && m->bsuid.len == 0)) {
        return PT_EVALIDATION;
    }

    pt_buf_init(&b, a, COURIER_BODY_MAX);
    pt_jw_init(&w, &b);
    pt_jw_object(&w);
    pt_jw_key(&w, "messaging_product");
    pt_jw_str(&w, PT_STR("whatsapp"));
    pt_jw_key(&w, "recipient_type");
    pt_jw_str(&w, PT_STR("individual"));

    if (phone.len > 0) {
        pt_jw_key(&w, "to");
        pt_jw_str(&w, phone);

    } else {
        pt_jw_key(&w, "recipient");
        pt_jw_str(&w, m->bsuid);
    }

    pt_jw_key(&w, "type");
    pt_jw_str(&w, m->type);
    pt_jw_key(&w, courier_types[i].type);
    courier_types[i].part(&w, m);

    if (m->quoted.len > 0) {
        pt_jw_key(&w, "context");
        pt_jw_object(&w);
        pt_jw_key(&w, "message_id");
        pt_jw_str(&w, m->quoted);
        pt_jw_object_end(&w);
    }

    pt_jw_key(&w, "biz_opaque_callback_data");
    pt_jw_uuid(&w, &m->id);
    pt_jw_object_end(&w);

    return pt_buf_get(&b, out);
}


pt_err_t
courier_body_error(pt_arena_t *a, int32_t code, const char *name,
                   pt_str_t title, pt_str_t detail, pt_str_t *out)
{
    pt_jw_t  w;
    pt_buf_t b;

    assert(name == NULL || name[0] != '\0');

    pt_buf_init(&b, a, COURIER_BODY_MAX);
    pt_jw_init(&w, &b);
    pt_jw_object(&w);
    pt_jw_key(&w, "code");

    if (name == NULL) {
        pt_jw_i64(&w, code);

    } else {
        pt_jw_str(&w, (pt_str_t){ name, strlen(name) });
    }

    pt_jw_key(&w, "title");
    pt_jw_str(&w, title);
    pt_jw_key(&w, "detail");
    pt_jw_str(&w, detail);
    pt_jw_object_end(&w);

    return pt_buf_get(&b, out);
}


/* The recipient's phone number as "+" and digits, or absent.  Rows of older
 * versions may hold a number as a person wrote it.  Without the "+" Meta puts
 * the country code of the business's own number before it. */

static pt_err_t
courier_body_phone(pt_arena_t *a, const courier_msg_t *m, pt_str_t *out)
{
    pt_err_t err;
    pt_str_t digits;

    *out = PT_STR_NULL;

    err = pt_wa_digits_build(a, m->wa_id, &digits);
    if (err != PT_OK || !pt_wa_digits_is(digits)) {
        return err;
    }

    return pt_arena_fmt(a, out, "+%.*s", (int) digits.len, digits.data);
}


static void
courier_part_text(pt_jw_t *w, const courier_msg_t *m)
{
    pt_jw_object(w);
    pt_jw_key(w, "body");
    pt_jw_str(w, m->content);
    pt_jw_key(w, "preview_url");
    pt_jw_bool(w, false);
    pt_jw_object_end(w);
}
