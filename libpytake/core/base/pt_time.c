/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Times in the proleptic Gregorian calendar, in UTC and without leap seconds,
 * as PostgreSQL and Unix time have it.  Days are counted in years that begin on
 * the first of March, so that the leap day comes last.
 */

#include "pt_util.h"

#include <assert.h>

#define PT_TIME_DAY_S 86400
#define PT_TIME_MIN_S INT64_C(-62167219200) /* 0000-01-01T00:00:00Z */
#define PT_TIME_MAX_S INT64_C(253402300799) /* 9999-12-31T23:59:59Z */


static void pt_time_date(uint32_t day, char *out);
static void pt_time_put(char *dst, uint32_t v);


void
pt_time_build(int64_t unix_us, char out[PT_TIME_LEN])
{
    int64_t  s, us;
    uint32_t sod, ms;

    s = unix_us / 1000000;
    us = unix_us % 1000000;
    if (us < 0) {
        us += 1000000;
        s--;
    }

    if (s < PT_TIME_MIN_S) {
        s = PT_TIME_MIN_S;
        us = 0;
    } else if (s > PT_TIME_MAX_S) {
        s = PT_TIME_MAX_S;
        us = 999999;
    }

    s -= PT_TIME_MIN_S;
    sod = (uint32_t) (s % PT_TIME_DAY_S);
    ms = (uint32_t) us / 1000;

    memcpy(out, "0000-00-00T00:00:00.000Z", PT_TIME_LEN);
    pt_time_date((uint32_t) (s / PT_TIME_DAY_S), out);
    pt_time_put(out + 11, sod / 3600);
    pt_time_put(out + 14, sod / 60 % 60);
    pt_time_put(out + 17, sod % 60);
    pt_time_put(out + 20, ms / 10);
    out[22] = (char) ('0' + ms % 10);
}


/* Writes the date of a day, counted from 0000-01-01.  It follows Neri and
 * Schneider, "Euclidean affine functions and their application to calendar
 * algorithms": the usual divisions by 1461 and 153 are multiplications. */
static void
pt_time_date(uint32_t day, char *out)
{
    bool     next;
    uint32_t n, century, year, doy, month;
    uint64_t scaled;

    /* Days are counted from the March 400 years earlier, so that nothing is
     * negative. */
    n = 4 * (day + 146097 - 60) + 3;
    century = n / 146097;

    scaled = UINT64_C(2939745) * (n % 146097 | 3); /* 2^32 / 1461, rounded */
    year = (uint32_t) (scaled >> 32);
    doy = (uint32_t) scaled / 2939745 / 4;

    month = 2141 * doy + 197913;
    next = doy >= 306; /* the day is in January or February */
    year += 100 * (century - 4) + next;

    assert(year <= 9999);

    pt_time_put(out, year / 100);
    pt_time_put(out + 2, year % 100);
    pt_time_put(out + 5, (month >> 16) - (next ? 12 : 0));
    pt_time_put(out + 8, (month & 0xffff) / 2141 + 1);
}


static void
pt_time_put(char *dst, uint32_t v)
{
    static const char digits[] = "0001020304050607080910111213141516171819"
                                 "2021222324252627282930313233343536373839"
                                 "4041424344454647484950515253545556575859"
                                 "6061626364656667686970717273747576777879"
                                 "8081828384858687888990919293949596979899";

    assert(v < 100);

    memcpy(dst, digits + (size_t) 2 * v, 2);
}
