/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* The hub's requests: the end of a head is where it is, however it comes, and
 * what is taken can be answered. */

#include "pt_fuzz.h"
#include "hub/hub_http.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int        status;
    char       reply[HUB_HTTP_REPLY_MAX], *text;
    size_t     i, end, whole, from;
    hub_http_t r;

    from = 0;
    whole = hub_http_end((const char *) data, size, &from);

    for (i = 1, end = 0, from = 0; i <= size && end == 0; i++) {
        end = hub_http_end((const char *) data, i, &from);
    }

    PT_FUZZ_CHECK(end == whole);

    if (whole == 0) {
        return 0;
    }

    text = malloc(whole); /* not a byte more is read */
    memcpy(text, data, whole);
    status = hub_http_parse((pt_str_t){ text, whole }, &r);

    if (status != 0) {
        PT_FUZZ_CHECK(status >= 400 && status < 500);
        PT_FUZZ_CHECK(hub_http_refuse(status, (pt_str_t){ text, whole }, reply)
                      > 0);

    } else if (r.type == HUB_HTTP_UPGRADE) {
        PT_FUZZ_CHECK(hub_http_accept(&r, reply) > 0);
    }

    free(text);

    return 0;
}
