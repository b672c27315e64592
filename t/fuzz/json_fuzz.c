/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Whatever is read can be written, read again to the same, and is clean:
 * valid UTF-8, no U+0000, no key twice.
 */

#include "pt_fuzz.h"
#include "core/base/pt_json.h"
#include "core/base/pt_util.h"


static pt_str_t
fuzz_write(pt_arena_t *a, const pt_json_t *v)
{
    pt_jw_t  w;
    pt_buf_t b;
    pt_str_t s;

    pt_buf_init(&b, a, PT_ARENA_WEBHOOK_MAX);
    pt_jw_init(&w, &b);
    pt_jw_value(&w, v);
    PT_FUZZ_CHECK(pt_buf_get(&b, &s) == PT_OK);

    return s;
}


static void
fuzz_small_arena(pt_str_t text, size_t cap)
{
    pt_err_t    err;
    pt_json_t  *v;
    pt_arena_t *a = pt_arena_new(&pt_fuzz_mem, cap);

    if (a == NULL) {
        return;
    }

    err = pt_json_parse(a, text, &pt_json_limits_api, &v);
    PT_FUZZ_CHECK(err == PT_OK || err == PT_EBADJSON || err == PT_ELIMIT
                  || err == PT_ENOMEM);
    pt_arena_del(a);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pt_str_t    text = { (const char *) data, size }, one, two;
    pt_err_t    err;
    pt_json_t  *v, *again;
    pt_arena_t *a = pt_fuzz_arena();

    err = pt_json_parse(a, text, &pt_json_limits_webhook, &v);
    PT_FUZZ_CHECK(err == PT_OK || err == PT_EBADJSON || err == PT_ELIMIT);

    if (err == PT_OK) {
        one = fuzz_write(a, v);
        PT_FUZZ_CHECK(pt_utf8_is(one));
        PT_FUZZ_CHECK(pt_json_parse(a, one, &pt_json_limits_webhook, &again)
                      == PT_OK);
        PT_FUZZ_CHECK(!again->cleaned && !again->duplicates);
        PT_FUZZ_CHECK(again->count == v->count);
        two = fuzz_write(a, again);
        PT_FUZZ_CHECK(pt_str_eq(one, two));
    }

    pt_arena_del(a);

    fuzz_small_arena(text, 1024 + 64 * (size % 61));

    return 0;
}
