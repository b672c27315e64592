/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_test.h"
#include "core/base/pt_util.h"

#include <time.h>


static void
time_build_is(int64_t us, const char *want)
{
    char text[PT_TIME_LEN];

    pt_time_build(us, text);
    ck_assert_slice(((pt_str_t){ text, sizeof(text) }), pt_test_str(want));
}


START_TEST(build)
{
    time_build_is(0, "1970-01-01T00:00:00.000Z");
    time_build_is(1795340880123456, "2026-11-22T09:48:00.123Z");
    time_build_is(951782400000000, "2000-02-29T00:00:00.000Z");
    time_build_is(-1, "1969-12-31T23:59:59.999Z");
    time_build_is(-1000000, "1969-12-31T23:59:59.000Z");
    time_build_is(INT64_C(253402300799999999), "9999-12-31T23:59:59.999Z");
}
END_TEST


START_TEST(build_clamps)
{
    time_build_is(INT64_C(253402300800000000), "9999-12-31T23:59:59.999Z");
    time_build_is(INT64_MAX, "9999-12-31T23:59:59.999Z");
    time_build_is(INT64_C(-62167219200000000), "0000-01-01T00:00:00.000Z");
    time_build_is(INT64_C(-62167219200000001), "0000-01-01T00:00:00.000Z");
    time_build_is(INT64_MIN, "0000-01-01T00:00:00.000Z");
}
END_TEST


/* Against the C library, day by day, over more than one 400-year era. */
START_TEST(build_agrees_with_libc)
{
    char      text[PT_TIME_LEN], want[64];
    int64_t   day;
    time_t    t;
    struct tm tm;

    for (day = -719528; day < 400000; day += 13) {
        t = (time_t) (day * 86400 + day % 86399);
        ck_assert_ptr_nonnull(gmtime_r(&t, &tm));
        snprintf(want, sizeof(want), "%04d-%02d-%02dT%02d:%02d:%02d.000Z",
                 tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                 tm.tm_min, tm.tm_sec);
        if (tm.tm_year + 1900 < 0) {
            continue;
        }
        pt_time_build((int64_t) t * 1000000, text);
        ck_assert_slice(((pt_str_t){ text, sizeof(text) }), pt_test_str(want));
    }
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, build);
    PT_TEST_CASE(s, build_clamps);
    PT_TEST_CASE(s, build_agrees_with_libc);
}


PT_TEST_MAIN(time);
