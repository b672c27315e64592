/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* libcrypto's SHA-256 itself: the EVP way to it costs more than the hash of
 * a short text.  Deprecated in 3.0, and still in 3.5. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "pt_jwt.h"
#include "pt_json.h"

#include <assert.h>

#include <openssl/crypto.h>
#include <openssl/sha.h>

#define PT_JWT_BLOCK 64 /* bytes of SHA-256's block */
#define PT_JWT_MAC 32
#define PT_JWT_MAC_CHARS 43
#define PT_JWT_CLAIMS_MAX 1024 /* bytes we write */

/* {"alg":"HS256","typ":"JWT"}: what we write; another is parsed */
#define PT_JWT_HEADER "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"


struct pt_jwt_s {
    pt_mem_t   mem;
    SHA256_CTX inner; /* has taken key ^ ipad */
    SHA256_CTX outer; /* has taken key ^ opad */
};

typedef struct {
    pt_str_t signed_part; /* header '.' payload */
    pt_str_t header;
    pt_str_t payload;
    pt_str_t mac;
} pt_jwt_parts_t;


static bool     pt_jwt_is_public(pt_str_t secret);
static bool     pt_jwt_key(pt_jwt_t *j, pt_str_t secret);
static bool     pt_jwt_pad(SHA256_CTX *ctx, const uint8_t key[PT_JWT_BLOCK],
                           uint8_t pad);
static pt_err_t pt_jwt_payload(pt_arena_t *a, const pt_claims_t *claims,
                               pt_str_t *out);
static pt_err_t pt_jwt_mac(const pt_jwt_t *j, pt_str_t msg,
                           uint8_t mac[PT_JWT_MAC]);
static bool     pt_jwt_split(pt_str_t token, pt_jwt_parts_t *parts);
static pt_err_t pt_jwt_decode(pt_arena_t *a, pt_str_t part, pt_json_t **out);
static pt_err_t pt_jwt_header(pt_arena_t *a, pt_str_t header);
static pt_err_t pt_jwt_claims(const pt_json_t *obj, int64_t now_s,
                              pt_claims_t *out);
static bool     pt_jwt_audience(const pt_json_t *obj);
static bool pt_jwt_uuid(const pt_json_t *obj, const char *name, pt_uuid_t *out);
static bool pt_jwt_role(const pt_json_t *obj, char role[PT_ROLE_MAX]);


/* A token of ours has ten claims, flat but for an audience list. */
static const pt_json_limits_t pt_jwt_limits = { 4, 64, 16 };


pt_jwt_t *
pt_jwt_new(const pt_mem_t *mem, pt_str_t secret)
{
    pt_jwt_t *j;

    if (secret.data == NULL || secret.len < PT_JWT_SECRET_MIN
        || pt_jwt_is_public(secret))
    {
        return NULL;
    }

    j = mem->alloc(mem->user, sizeof(pt_jwt_t));
    if (j == NULL) {
        return NULL;
    }

    j->mem = *mem;

    if (!pt_jwt_key(j, secret)) {
        pt_jwt_del(j);
        return NULL;
    }

    return j;
}


void
pt_jwt_del(pt_jwt_t *j)
{
    pt_mem_t mem;

    if (j == NULL) {
        return;
    }

    mem = j->mem;
    OPENSSL_cleanse(j, sizeof(pt_jwt_t));
    mem.free(mem.user, j);
}


pt_err_t
pt_jwt_build(const pt_jwt_t *j, pt_arena_t *a, const pt_claims_t *claims,
             pt_str_t *out)
{
    uint8_t  mac[PT_JWT_MAC];
    pt_buf_t b;
    pt_str_t text;
    pt_err_t err;

    err = pt_jwt_payload(a, claims, &text);
    if (err != PT_OK) {
        return err;
    }

    pt_buf_init(&b, a, PT_TOKEN_MAX);
    pt_buf_lit(&b, PT_JWT_HEADER ".");
    pt_buf_str_add(&b, text);
    err = pt_buf_get(&b, &text);
    if (err != PT_OK) {
        return err;
    }

    err = pt_jwt_mac(j, text, mac);
    if (err != PT_OK) {
        return err;
    }

    err = pt_base64url_build(a, mac, sizeof(mac), &text);
    if (err != PT_OK) {
        return err;
    }

    pt_buf_char(&b, '.');
    pt_buf_str_add(&b, text);

    return pt_buf_get(&b, out);
}


pt_err_t
pt_jwt_verify(const pt_jwt_t *j, pt_arena_t *a, pt_str_t token, int64_t now_s,
              pt_claims_t *out)
{
    size_t         len;
    uint8_t        want[PT_JWT_MAC], got[PT_JWT_MAC_CHARS];
    pt_err_t       err;
    pt_json_t     *claims;
    pt_claims_t    c;
    pt_jwt_parts_t parts;

    if (!pt_jwt_split(token, &parts)) {
        return PT_ETOKEN;
    }

    /* got holds more than the 35 bytes that the parser may ask for */
    if (!pt_base64url_parse(parts.mac, got, &len) || len != PT_JWT_MAC) {
        return PT_ETOKEN;
    }

    err = pt_jwt_mac(j, parts.signed_part, want);
    if (err != PT_OK) {
        return err;
    }

    /* nothing of the token is parsed before it is known to be ours */
    if (!pt_equal_const_time(want, got, PT_JWT_MAC)) {
        return PT_ETOKEN;
    }

    err = pt_jwt_header(a, parts.header);
    if (err != PT_OK) {
        return err;
    }

    err = pt_jwt_decode(a, parts.payload, &claims);
    if (err != PT_OK) {
        return err;
    }

    err = pt_jwt_claims(claims, now_s, &c);
    if (err != PT_OK) {
        return err;
    }

    *out = c;

    return PT_OK;
}


static bool
pt_jwt_is_public(pt_str_t secret)
{
    size_t i;

    static const pt_str_t heads[] = { { "-----BEGIN PUBLIC KEY", 21 },
                                      { "-----BEGIN RSA PUBLIC KEY", 25 },
                                      { "-----BEGIN CERTIFICATE", 22 } };

    for (i = 0; i < PT_COUNT(heads); i++) {
        if (secret.len >= heads[i].len
            && memcmp(secret.data, heads[i].data, heads[i].len) == 0)
        {
            return true;
        }
    }

    return false;
}


/*
 * HMAC (RFC 2104) by hand, for speed: the two states that the key alone
 * decides are computed here, once.
 */
static bool
pt_jwt_key(pt_jwt_t *j, pt_str_t secret)
{
    bool    ok;
    uint8_t key[PT_JWT_BLOCK] = { 0 };

    if (secret.len > sizeof(key)) {
        if (pt_sha256(secret.data, secret.len, key) != PT_OK) {
            return false;
        }
    } else {
        memcpy(key, secret.data, secret.len);
    }

    ok = pt_jwt_pad(&j->inner, key, 0x36) && pt_jwt_pad(&j->outer, key, 0x5c);
    OPENSSL_cleanse(key, sizeof(key));

    return ok;
}


static bool
pt_jwt_pad(SHA256_CTX *ctx, const uint8_t key[PT_JWT_BLOCK], uint8_t pad)
{
    bool    ok;
    size_t  i;
    uint8_t block[PT_JWT_BLOCK];

    for (i = 0; i < sizeof(block); i++) {
        block[i] = key[i] ^ pad;
    }

    ok = SHA256_Init(ctx) == 1 && SHA256_Update(ctx, block, sizeof(block)) == 1;
    OPENSSL_cleanse(block, sizeof(block));

    return ok;
}


static pt_err_t
pt_jwt_payload(pt_arena_t *a, const pt_claims_t *claims, pt_str_t *out)
{
    pt_jw_t  w;
    pt_buf_t b;
    pt_str_t json;
    pt_err_t err;

    assert(memchr(claims->role, '\0', sizeof(claims->role)) != NULL);

    pt_buf_init(&b, a, PT_JWT_CLAIMS_MAX);
    pt_jw_init(&w, &b);
    pt_jw_object(&w);
    pt_jw_key(&w, "sub");
    pt_jw_uuid(&w, &claims->sub);
    pt_jw_key(&w, "tenant_id");
    pt_jw_uuid(&w, &claims->tenant_id);
    pt_jw_key(&w, "role");
    pt_jw_str(&w, (pt_str_t){ claims->role, strlen(claims->role) });
    pt_jw_key(&w, "sid");
    pt_jw_uuid(&w, &claims->sid);
    pt_jw_key(&w, "iat");
    pt_jw_i64(&w, claims->iat);
    pt_jw_key(&w, "exp");
    pt_jw_i64(&w, claims->exp);
    pt_jw_key(&w, "jti");
    pt_jw_uuid(&w, &claims->jti);
    pt_jw_key(&w, "iss");
    pt_jw_str(&w, PT_STR(PT_JWT_ISS));
    pt_jw_key(&w, "aud");
    pt_jw_str(&w, PT_STR(PT_JWT_AUD));
    pt_jw_object_end(&w);

    err = pt_buf_get(&b, &json);
    if (err != PT_OK) {
        return err;
    }

    return pt_base64url_build(a, (const uint8_t *) json.data, json.len, out);
}


static pt_err_t
pt_jwt_mac(const pt_jwt_t *j, pt_str_t msg, uint8_t mac[PT_JWT_MAC])
{
    bool       ok;
    uint8_t    hash[PT_JWT_MAC];
    SHA256_CTX ctx = j->inner;

    ok = SHA256_Update(&ctx, msg.data, msg.len) == 1
         && SHA256_Final(hash, &ctx) == 1;

    ctx = j->outer;
    ok = ok && SHA256_Update(&ctx, hash, sizeof(hash)) == 1
         && SHA256_Final(mac, &ctx) == 1;
    OPENSSL_cleanse(&ctx, sizeof(ctx));

    return ok ? PT_OK : PT_ECRYPTO;
}


static bool
pt_jwt_split(pt_str_t token, pt_jwt_parts_t *parts)
{
    const char *first, *second, *end;

    if (token.data == NULL || token.len > PT_TOKEN_MAX) {
        return false;
    }

    end = token.data + token.len;

    first = memchr(token.data, '.', token.len);
    if (first == NULL) {
        return false;
    }

    second = memchr(first + 1, '.', (size_t) (end - first - 1));
    if (second == NULL || end - second - 1 != PT_JWT_MAC_CHARS) {
        return false;
    }

    parts->header.data = token.data;
    parts->header.len = (size_t) (first - token.data);
    parts->payload.data = first + 1;
    parts->payload.len = (size_t) (second - first - 1);
    parts->signed_part.data = token.data;
    parts->signed_part.len = (size_t) (second - token.data);
    parts->mac.data = second + 1; /* a third dot fails its alphabet */
    parts->mac.len = PT_JWT_MAC_CHARS;

    return true;
}


/* One part as a JSON object; PT_ETOKEN when it is none. */
static pt_err_t
pt_jwt_decode(pt_arena_t *a, pt_str_t part, pt_json_t **out)
{
    size_t   len;
    uint8_t *raw;
    pt_err_t err;

    raw = pt_alloc(a, part.len * 3 / 4 + 3);
    if (raw == NULL) {
        return PT_ENOMEM;
    }

    if (!pt_base64url_parse(part, raw, &len)) {
        return PT_ETOKEN;
    }

    err = pt_json_parse(a, (pt_str_t){ (const char *) raw, len },
                        &pt_jwt_limits, out);
    if (err != PT_OK) {
        return err == PT_ENOMEM ? PT_ENOMEM : PT_ETOKEN;
    }

    /* two readers must never see two different tokens */
    if ((*out)->type != PT_JSON_OBJECT || (*out)->duplicates || (*out)->cleaned)
    {
        return PT_ETOKEN;
    }

    return PT_OK;
}


static pt_err_t
pt_jwt_header(pt_arena_t *a, pt_str_t header)
{
    pt_err_t         err;
    pt_str_t         alg;
    pt_json_t       *obj;
    const pt_json_t *typ;

    if (pt_str_is(header, PT_JWT_HEADER)) {
        return PT_OK;
    }

    err = pt_jwt_decode(a, header, &obj);
    if (err != PT_OK) {
        return err;
    }

    if (!pt_json_find_str(obj, "alg", &alg) || !pt_str_is(alg, "HS256")) {
        return PT_ETOKEN;
    }

    typ = pt_json_find(obj, "typ");
    if (typ != NULL
        && (typ->type != PT_JSON_STRING || !pt_str_is(typ->str, "JWT"))) {
        return PT_ETOKEN;
    }

    /* RFC 7515, 4.1.11: what we do not know must not be ignored */
    return pt_json_find(obj, "crit") == NULL ? PT_OK : PT_ETOKEN;
}


static pt_err_t
pt_jwt_claims(const pt_json_t *obj, int64_t now_s, pt_claims_t *out)
{
    int64_t  nbf;
    pt_str_t iss;

    assert(obj->type == PT_JSON_OBJECT && now_s >= 0);

    if (!pt_json_find_str(obj, "iss", &iss) || !pt_str_is(iss, PT_JWT_ISS)
        || !pt_jwt_audience(obj))
    {
        return PT_ETOKEN;
    }

    if (!pt_jwt_uuid(obj, "sub", &out->sub)
        || !pt_jwt_uuid(obj, "tenant_id", &out->tenant_id)
        || !pt_jwt_uuid(obj, "sid", &out->sid)
        || !pt_jwt_uuid(obj, "jti", &out->jti) || !pt_jwt_role(obj, out->role))
    {
        return PT_ETOKEN;
    }

    if (!pt_json_find_i64(obj, "iat", &out->iat)
        || !pt_json_find_i64(obj, "exp", &out->exp) || out->iat < 0
        || out->iat > now_s + PT_JWT_LEEWAY_S)
    {
        return PT_ETOKEN;
    }

    if (pt_json_find(obj, "nbf") != NULL
        && (!pt_json_find_i64(obj, "nbf", &nbf)
            || nbf > now_s + PT_JWT_LEEWAY_S))
    {
        return PT_ETOKEN;
    }

    /* last: "expired" is only said of a token that was good once */
    if (out->exp <= now_s - PT_JWT_LEEWAY_S) {
        return PT_EEXPIRED;
    }

    return PT_OK;
}


static bool
pt_jwt_audience(const pt_json_t *obj)
{
    const pt_json_t *aud = pt_json_find(obj, "aud"), *v;

    if (pt_json_is(aud, PT_JSON_STRING)) {
        return pt_str_is(aud->str, PT_JWT_AUD);
    }

    if (!pt_json_is(aud, PT_JSON_ARRAY)) {
        return false;
    }

    for (v = aud->first; v != NULL; v = v->next) {
        if (v->type == PT_JSON_STRING && pt_str_is(v->str, PT_JWT_AUD)) {
            return true;
        }
    }

    return false;
}


static bool
pt_jwt_uuid(const pt_json_t *obj, const char *name, pt_uuid_t *out)
{
    pt_str_t s;

    return pt_json_find_str(obj, name, &s) && pt_uuid_parse(s, out);
}


static bool
pt_jwt_role(const pt_json_t *obj, char role[PT_ROLE_MAX])
{
    size_t   i;
    pt_str_t s;

    if (!pt_json_find_str(obj, "role", &s) || s.len == 0
        || s.len >= PT_ROLE_MAX) {
        return false;
    }

    for (i = 0; i < s.len; i++) {
        if (s.data[i] != '_' && (s.data[i] < 'a' || s.data[i] > 'z')) {
            return false;
        }
    }

    memcpy(role, s.data, s.len);
    role[s.len] = '\0';

    return true;
}
