/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* Keys of phone numbers, and the sort. */

#include "pt_test.h"
#include "core/whatsapp/pt_wa.h"


static int
wa_number_cmp(const void *ctx, uint32_t x, uint32_t y)
{
    const int *v = ctx;

    return (v[x] > v[y]) - (v[x] < v[y]);
}


START_TEST(phones)
{
    size_t      i;
    pt_str_t    key;
    pt_arena_t *a = pt_test_arena();

    static const char *const keys[][2] = {
        { "551187654321", "5511987654321" }, /* Brazil, mobile */
        { "5511987654321", "5511987654321" },
        { "551133334444", "551133334444" },  /* and a landline */
        { "5215512345678", "525512345678" }, /* Mexico */
        { "525512345678", "525512345678" },
        { "5491123456789", "541123456789" }, /* Argentina */
        { "541123456789", "541123456789" },
        { "+1 (650) 555-1234", "16505551234" },
        { "16505551234", "16505551234" },
        { "PHONE_NUMBER", "PHONE_NUMBER" },
        { "+", "+" },
        { "123456789012345678901", "123456789012345678901" }
    };

    for (i = 0; i < PT_COUNT(keys); i++) {
        ck_assert_ok(pt_wa_phone_build(a, pt_test_str(keys[i][0]), &key));
        ck_assert_slice(key, pt_test_str(keys[i][1]));
    }

    pt_arena_del(a);
}
END_TEST


START_TEST(sorting)
{
    int      v[97];
    uint32_t i, n, idx[97];

    for (n = 0; n < 97; n++) {
        for (i = 0; i < n; i++) {
            v[i] = (int) ((i * 7919 + n) % 31);
            idx[i] = i;
        }
        pt_wa_sort(idx, n, wa_number_cmp, v);
        for (i = 1; i < n; i++) {
            ck_assert_int_le(v[idx[i - 1]], v[idx[i]]);
        }
    }
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, phones);
    PT_TEST_CASE(s, sorting);
}


PT_TEST_MAIN(wa_fold);
