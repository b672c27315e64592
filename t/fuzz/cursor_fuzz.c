/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * As a cursor: never good, for nobody signed it.  As the fields of one:
 * built, read back, and refused once a byte is changed.
 */

#include "pt_fuzz.h"
#include "core/base/pt_cursor.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char        copy[PT_CURSOR_MAX];
    size_t      at;
    pt_str_t    key = PT_STR("0123456789abcdef0123456789abcdef"), s;
    pt_uuid_t   tenant = { { 7 } };
    pt_arena_t *a = pt_fuzz_arena();
    pt_cursor_t c, back;

    PT_FUZZ_CHECK(pt_cursor_parse(key, &tenant, 1, 3,
                                  (pt_str_t){ (const char *) data, size },
                                  &back)
                  == PT_ECURSOR);

    if (size >= 2 + sizeof(c.key) + sizeof(c.id)) {
        c.kind = data[0];
        memcpy(&c.key, data + 2, sizeof(c.key));
        memcpy(c.id.b, data + 2 + sizeof(c.key), sizeof(c.id.b));

        PT_FUZZ_CHECK(pt_cursor_build(a, key, &tenant, 1, &c, &s) == PT_OK);
        PT_FUZZ_CHECK(s.len <= sizeof(copy));
        PT_FUZZ_CHECK(pt_cursor_parse(key, &tenant, 1, c.kind, s, &back)
                      == PT_OK);
        PT_FUZZ_CHECK(back.kind == c.kind && back.key == c.key
                      && pt_uuid_eq(&back.id, &c.id));

        at = data[1] % s.len;
        memcpy(copy, s.data, s.len);
        copy[at] = (char) (copy[at] ^ (1 + data[0] % 127));
        PT_FUZZ_CHECK(pt_cursor_parse(key, &tenant, 1, c.kind,
                                      (pt_str_t){ copy, s.len }, &back)
                      == PT_ECURSOR);
    }

    pt_arena_del(a);

    return 0;
}
