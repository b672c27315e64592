/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_test.h"
#include "pt_util.h"

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
    int64_t   day, us;
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
        ck_assert(pt_time_parse((pt_str_t){ text, sizeof(text) }, &us));
        ck_assert_int_eq(us, (int64_t) t * 1000000);
    }
}
END_TEST


START_TEST(parse_good)
{
    size_t  i;
    int64_t us;

    static const struct {
        const char *text;
        int64_t     us;
    } cases[] = { { "1970-01-01T00:00:00Z", 0 },
                  { "1970-01-01t00:00:00.5z", 500000 },
                  { "2026-11-22T09:48:00.123456Z", 1795340880123456 },
                  { "2026-11-22T09:48:00.123456789Z", 1795340880123456 },
                  { "2026-11-22T06:48:00-03:00", 1795340880000000 },
                  { "2026-11-22T15:18:00+05:30", 1795340880000000 },
                  { "2000-02-29T00:00:00Z", 951782400000000 },
                  { "1990-12-31T23:59:60Z", 662688000000000 },
                  { "0000-01-01T00:00:00Z", INT64_C(-62167219200000000) } };

    for (i = 0; i < PT_COUNT(cases); i++) {
        ck_assert_msg(pt_time_parse(pt_test_str(cases[i].text), &us), "%s",
                      cases[i].text);
        ck_assert_int_eq(us, cases[i].us);
    }
}
END_TEST


START_TEST(parse_bad)
{
    size_t  i;
    int64_t us;

    static const char *bad[] = { "",
                                 "2026",
                                 "2026-11-22",
                                 "2026-11-22T09:48:00",
                                 "2026-11-22 09:48:00Z",
                                 "2026-11-22T09:48:00.Z",
                                 "2026-11-22T09:48:00.1",
                                 "2026-11-22T09:48:00ZZ",
                                 "2026-11-22T09:48:00+0300",
                                 "2026-11-22T09:48:00+24:00",
                                 "2026-11-22T09:48:00+03:60",
                                 "2026-13-22T09:48:00Z",
                                 "2026-00-22T09:48:00Z",
                                 "2026-11-31T09:48:00Z",
                                 "2026-11-00T09:48:00Z",
                                 "2026-02-29T09:48:00Z",
                                 "1900-02-29T09:48:00Z",
                                 "2026-11-22T24:00:00Z",
                                 "2026-11-22T09:60:00Z",
                                 "2026-11-22T09:48:61Z",
                                 "2026-11-22T09:48:60Z",
                                 "+026-11-22T09:48:00Z",
                                 "2026-11-22T09:48:0aZ",
                                 "2026-11-22T09:48:00X" };

    for (i = 0; i < PT_COUNT(bad); i++) {
        ck_assert_msg(!pt_time_parse(pt_test_str(bad[i]), &us), "%s", bad[i]);
    }
    ck_assert(!pt_time_parse(PT_STR_NULL, &us));
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, build);
    PT_TEST_CASE(s, build_clamps);
    PT_TEST_CASE(s, build_agrees_with_libc);
    PT_TEST_CASE(s, parse_good);
    PT_TEST_CASE(s, parse_bad);
}


PT_TEST_MAIN(time);
