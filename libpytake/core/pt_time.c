/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Proleptic Gregorian calendar, UTC, no leap seconds, as PostgreSQL and unix
 * time have it.  Days are counted in years that begin on the first of March,
 * so that the leap day comes last.
 */

#include "pt_util.h"

#include <assert.h>

#define PT_TIME_DAY_S 86400
#define PT_TIME_MIN_S INT64_C(-62167219200) /* 0000-01-01T00:00:00Z */
#define PT_TIME_MAX_S INT64_C(253402300799) /* 9999-12-31T23:59:59Z */
#define PT_TIME_DATE_LEN 19                 /* "2026-11-22T09:48:00" */


static int64_t pt_time_days(int64_t year, int64_t month, int64_t day);
static void    pt_time_date(uint32_t day, char *out);
static void    pt_time_put(char *dst, uint32_t v);
static bool    pt_time_digits(const char *p, int digits, int64_t *out);
static bool    pt_time_date_parse(const char *p, int64_t *unix_s);
static bool    pt_time_offset_parse(pt_str_t s, int64_t *offset_s);


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


bool
pt_time_parse(pt_str_t s, int64_t *unix_us)
{
    int64_t     unix_s, offset_s, us, unit;
    const char *p, *end;

    if (s.len < PT_TIME_DATE_LEN + 1 || s.data == NULL) {
        return false;
    }

    if (!pt_time_date_parse(s.data, &unix_s)) {
        return false;
    }

    p = s.data + PT_TIME_DATE_LEN;
    end = s.data + s.len;
    us = 0;

    if (*p == '.') {
        p++;
        if (p == end || *p < '0' || *p > '9') {
            return false;
        }
        /* digits behind the microsecond are cut */
        for (unit = 100000; p < end && *p >= '0' && *p <= '9'; p++) {
            us += (*p - '0') * unit;
            unit /= 10;
        }
    }

    if (!pt_time_offset_parse((pt_str_t){ p, (size_t) (end - p) }, &offset_s)) {
        return false;
    }

    *unix_us = (unix_s - offset_s) * 1000000 + us;

    return true;
}


static int64_t
pt_time_days(int64_t year, int64_t month, int64_t day)
{
    int64_t era, yoe, doy, doe;

    year -= month <= 2;
    era = (year >= 0 ? year : year - 399) / 400;
    yoe = year - era * 400;
    doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

    return era * 146097 + doe - 719468;
}


/* The date of a day, counted from 0000-01-01.  Neri and Schneider, "Euclidean
 * affine functions and their application to calendar algorithms": the usual
 * divisions by 1461 and 153 as multiplications. */
static void
pt_time_date(uint32_t day, char *out)
{
    bool     next;
    uint32_t n, century, year, doy, month;
    uint64_t scaled;

    /* from the March of the year 400 before, so that nothing is negative */
    n = 4 * (day + 146097 - 60) + 3;
    century = n / 146097;

    scaled = UINT64_C(2939745) * (n % 146097 | 3); /* 2^32 / 1461, rounded */
    year = (uint32_t) (scaled >> 32);
    doy = (uint32_t) scaled / 2939745 / 4;

    month = 2141 * doy + 197913;
    next = doy >= 306; /* January, February */
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


static bool
pt_time_digits(const char *p, int digits, int64_t *out)
{
    int64_t v = 0;

    for (; digits > 0; digits--, p++) {
        if (*p < '0' || *p > '9') {
            return false;
        }
        v = v * 10 + (*p - '0');
    }

    *out = v;

    return true;
}


static bool
pt_time_date_parse(const char *p, int64_t *unix_s)
{
    int64_t y, mo, d, h, mi, sec, days_max;

    static const int8_t month_days[12] = { 31, 28, 31, 30, 31, 30,
                                           31, 31, 30, 31, 30, 31 };

    if (!pt_time_digits(p, 4, &y) || p[4] != '-'
        || !pt_time_digits(p + 5, 2, &mo) || p[7] != '-'
        || !pt_time_digits(p + 8, 2, &d) || (p[10] != 'T' && p[10] != 't')
        || !pt_time_digits(p + 11, 2, &h) || p[13] != ':'
        || !pt_time_digits(p + 14, 2, &mi) || p[16] != ':'
        || !pt_time_digits(p + 17, 2, &sec))
    {
        return false;
    }

    if (mo < 1 || mo > 12 || h > 23 || mi > 59) {
        return false;
    }

    /* RFC 3339 has leap seconds; unix time counts it as the next second */
    if (sec > 60 || (sec == 60 && mi != 59)) {
        return false;
    }

    days_max = month_days[mo - 1];
    if (mo == 2 && ((y % 4 == 0 && y % 100 != 0) || y % 400 == 0)) {
        days_max = 29;
    }
    if (d < 1 || d > days_max) {
        return false;
    }

    *unix_s = pt_time_days(y, mo, d) * PT_TIME_DAY_S + h * 3600 + mi * 60 + sec;

    return true;
}


static bool
pt_time_offset_parse(pt_str_t s, int64_t *offset_s)
{
    int64_t h, m;

    if (s.len == 1 && (s.data[0] == 'Z' || s.data[0] == 'z')) {
        *offset_s = 0;
        return true;
    }

    if (s.len != 6 || (s.data[0] != '+' && s.data[0] != '-')
        || !pt_time_digits(s.data + 1, 2, &h) || s.data[3] != ':'
        || !pt_time_digits(s.data + 4, 2, &m) || h > 23 || m > 59)
    {
        return false;
    }

    *offset_s = h * 3600 + m * 60;
    if (s.data[0] == '-') {
        *offset_s = -*offset_s;
    }

    return true;
}
