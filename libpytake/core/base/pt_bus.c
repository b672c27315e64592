/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_bus.h"


static pt_err_t pt_bus_mac(const uint8_t key[PT_BUS_KEY], pt_str_t channel,
                           pt_str_t text, const char time[1 + PT_BUS_TIME],
                           uint8_t mac[PT_BUS_MAC]);
static void     pt_bus_time_build(int64_t us, char out[PT_BUS_TIME]);
static bool     pt_bus_time_parse(const char *s, int64_t *us);


pt_err_t
pt_bus_key(pt_str_t jwt_secret, uint8_t key[PT_BUS_KEY])
{
    return pt_hash_hmac_sha256(jwt_secret, PT_STR("pytake bus 1"), key);
}


pt_err_t
pt_bus_sign(const uint8_t key[PT_BUS_KEY], pt_str_t channel, pt_str_t text,
            int64_t now_us, char seal[PT_BUS_SEAL])
{
    uint8_t  mac[PT_BUS_MAC];
    pt_err_t err;

    seal[0] = ' ';
    pt_bus_time_build(now_us, seal + 1);
    seal[1 + PT_BUS_TIME] = ' ';

    err = pt_bus_mac(key, channel, text, seal, mac);
    if (err != PT_OK) {
        return err;
    }

    pt_hex_build(mac, sizeof(mac), seal + 1 + PT_BUS_TIME + 1);

    return PT_OK;
}


bool
pt_bus_verify(const uint8_t key[PT_BUS_KEY], pt_str_t channel, pt_str_t payload,
              int64_t now_us, pt_str_t *text, int64_t *at_us)
{
    int64_t     us;
    uint8_t     got[PT_BUS_MAC], want[PT_BUS_MAC];
    pt_str_t    said;
    const char *seal;

    if (payload.len < PT_BUS_SEAL) {
        return false;
    }

    said = (pt_str_t){ payload.data, payload.len - PT_BUS_SEAL };
    seal = payload.data + said.len;

    if (seal[0] != ' ' || seal[1 + PT_BUS_TIME] != ' '
        || !pt_bus_time_parse(seal + 1, &us)
        || !pt_hex_parse(
            (pt_str_t){ seal + 1 + PT_BUS_TIME + 1, 2 * PT_BUS_MAC }, got,
            sizeof(got))
        || pt_bus_mac(key, channel, said, seal, want) != PT_OK
        || !pt_hash_equal(got, want, sizeof(want))
        || us > now_us + PT_BUS_FRESH_US || us < now_us - PT_BUS_FRESH_US)
    {
        return false;
    }

    *text = said;
    *at_us = us;

    return true;
}


/* Computes the HMAC of "<channel> NUL <text> <time>".  No channel's name has a
 * NUL, so no two channels and texts make the same bytes. */
static pt_err_t
pt_bus_mac(const uint8_t key[PT_BUS_KEY], pt_str_t channel, pt_str_t text,
           const char time[1 + PT_BUS_TIME], uint8_t mac[PT_BUS_MAC])
{
    char     msg[PT_BUS_CHANNEL_MAX + 1 + PT_BUS_TEXT_MAX + 1 + PT_BUS_TIME];
    char    *p = msg;
    uint8_t  hash[32];
    pt_err_t err;

    if (channel.len > PT_BUS_CHANNEL_MAX || text.len > PT_BUS_TEXT_MAX) {
        return PT_ELIMIT;
    }

    memcpy(p, channel.data, channel.len);
    p += channel.len;
    *p++ = '\0';
    memcpy(p, text.data, text.len);
    p += text.len;
    memcpy(p, time, 1 + PT_BUS_TIME);
    p += 1 + PT_BUS_TIME;

    err = pt_hash_hmac_sha256((pt_str_t){ (const char *) key, PT_BUS_KEY },
                              (pt_str_t){ msg, (size_t) (p - msg) }, hash);
    if (err == PT_OK) {
        memcpy(mac, hash, PT_BUS_MAC);
    }

    return err;
}


static void
pt_bus_time_build(int64_t us, char out[PT_BUS_TIME])
{
    size_t  i;
    uint8_t b[PT_BUS_TIME / 2];

    for (i = 0; i < sizeof(b); i++) {
        b[i] = (uint8_t) ((uint64_t) us >> (56 - 8 * i));
    }

    pt_hex_build(b, sizeof(b), out);
}


static bool
pt_bus_time_parse(const char *s, int64_t *us)
{
    size_t   i;
    uint8_t  b[PT_BUS_TIME / 2];
    uint64_t v = 0;

    if (!pt_hex_parse((pt_str_t){ s, PT_BUS_TIME }, b, sizeof(b))) {
        return false;
    }

    for (i = 0; i < sizeof(b); i++) {
        v = v << 8 | b[i];
    }

    *us = (int64_t) v;

    return v <= INT64_MAX / 2; /* a larger one could overflow in sums */
}
