/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include <assert.h>
#include <stdio.h>

#include <libpq-fe.h>

#include "pt_fingerprint.h"
#include "pt_redis_url.h"


static pt_err_t    pt_fingerprint_one(const uint8_t key[32], const char *name,
                                      pt_str_t value,
                                      char     out[PT_FINGERPRINT_LEN + 1]);
static pt_err_t    pt_fingerprint_database(const char *conninfo, char *out);
static pt_err_t    pt_fingerprint_redis(const char *url, char *out);
static const char *pt_fingerprint_find(const PQconninfoOption *o,
                                       const char             *keyword);


const char *const pt_fingerprint_names[PT_FINGERPRINTS] = {
    "jwt_secret", "app_secret", "verify_token", "encryption_key",
    "database",   "redis",      "identity"
};


pt_err_t
pt_fingerprint_make(const pt_str_t     value[PT_FINGERPRINTS],
                    pt_fingerprints_t *out)
{
    int      i;
    char     address[PT_FINGERPRINT_ADDRESS_MAX];
    uint8_t  key[32];
    pt_err_t err;
    pt_str_t v;

    assert(PT_COUNT(pt_fingerprint_names) == PT_COUNT(out->of));
    memset(out, 0, sizeof(*out));

    if (value[PT_FINGERPRINT_JWT_SECRET].len == 0) {
        return PT_OK;
    }

    err = pt_hash_hmac_sha256(value[PT_FINGERPRINT_JWT_SECRET],
                              PT_STR("pytake fingerprint 1"), key);

    for (i = 0; i < PT_FINGERPRINTS && err == PT_OK; i++) {
        v = value[i];

        if (v.len != 0
            && (i == PT_FINGERPRINT_DATABASE || i == PT_FINGERPRINT_REDIS)) {
            err = i == PT_FINGERPRINT_DATABASE
                      ? pt_fingerprint_database(v.data, address)
                      : pt_fingerprint_redis(v.data, address);
            v = (pt_str_t){ address, strlen(address) };
        }

        if (v.len != 0 && err == PT_OK) {
            err =
                pt_fingerprint_one(key, pt_fingerprint_names[i], v, out->of[i]);
        }
    }

    return err;
}


static pt_err_t
pt_fingerprint_one(const uint8_t key[32], const char *name, pt_str_t value,
                   char out[PT_FINGERPRINT_LEN + 1])
{
    uint8_t  named[32], mac[32];
    pt_err_t err;

    err = pt_hash_hmac_sha256((pt_str_t){ (const char *) key, 32 },
                              (pt_str_t){ name, strlen(name) }, named);
    if (err == PT_OK) {
        err = pt_hash_hmac_sha256((pt_str_t){ (const char *) named, 32 }, value,
                                  mac);
    }
    if (err == PT_OK) {
        pt_hex_build(mac, PT_FINGERPRINT_LEN / 2, out);
        out[PT_FINGERPRINT_LEN] = '\0';
    }

    return err;
}


/* Writes where libpq would connect to, with the environment and its defaults
 * for what the string leaves out.  Only user and database are not taken from
 * there: a default of them is the system's user, and that differs between
 * NGINX and the sidecar. */

static pt_err_t
pt_fingerprint_database(const char *conninfo, char *out)
{
    int               n;
    size_t            i, len = 0;
    const char       *v;
    PQconninfoOption *parsed, *defs;

    static const char *const keywords[] = { "host", "hostaddr", "port", "user",
                                            "dbname" };

    out[0] = '\0';
    parsed = PQconninfoParse(conninfo, NULL);
    defs = PQconndefaults();
    if (parsed == NULL || defs == NULL) {
        PQconninfoFree(parsed);
        PQconninfoFree(defs);
        return defs == NULL ? PT_ENOMEM : PT_OK;
    }

    for (i = 0; i < PT_COUNT(keywords); i++) {
        v = pt_fingerprint_find(parsed, keywords[i]);
        if (v == NULL && i < 3) {
            v = pt_fingerprint_find(defs, keywords[i]);
        }
        n = snprintf(out + len, PT_FINGERPRINT_ADDRESS_MAX - len, "%s\n",
                     v != NULL ? v : "");
        if (n < 0 || (size_t) n >= PT_FINGERPRINT_ADDRESS_MAX - len) {
            out[0] = '\0';
            break;
        }
        len += (size_t) n;
    }

    PQconninfoFree(parsed);
    PQconninfoFree(defs);

    return PT_OK;
}


static pt_err_t
pt_fingerprint_redis(const char *url, char *out)
{
    pt_redis_url_t a;

    out[0] = '\0';
    if (pt_redis_url_parse(url, &a) == PT_OK) {
        (void) snprintf(out, PT_FINGERPRINT_ADDRESS_MAX, "%s\n%d\n%d\n%s",
                        a.host, a.is_unix ? 0 : a.port, a.db, a.user);
    }

    return PT_OK;
}


static const char *
pt_fingerprint_find(const PQconninfoOption *o, const char *keyword)
{
    for (; o->keyword != NULL; o++) {
        if (strcmp(o->keyword, keyword) == 0) {
            return o->val != NULL && o->val[0] != '\0' ? o->val : NULL;
        }
    }

    return NULL;
}
