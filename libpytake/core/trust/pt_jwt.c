/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* The functions of SHA-256 itself are used, because the way through libcrypto's
 * EVP costs more than the hash of a short text.  They are deprecated since
 * OpenSSL 3.0 and still there in 3.5. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "pt_jwt.h"
#include "core/base/pt_json.h"

#include <assert.h>

#include <openssl/crypto.h>
#include <openssl/sha.h>

#define PT_JWT_BLOCK 64 /* bytes of SHA-256's block */
#define PT_JWT_MAC 32
#define PT_JWT_MAC_CHARS 43
#define PT_JWT_I64_DIGITS 18 /* the parser reads a longer one */

/* The header that we write, {"alg":"HS256","typ":"JWT"}.  The parser reads any
 * other. */
#define PT_JWT_HEADER "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"

/* The names in the payload that we write, which is read in place.  The parser
 * reads any other payload. */
#define PT_JWT_SUB "{\"sub\":"
#define PT_JWT_TENANT ",\"tenant_id\":"
#define PT_JWT_ROLE ",\"role\":"
#define PT_JWT_SID ",\"sid\":"
#define PT_JWT_IAT ",\"iat\":"
#define PT_JWT_EXP ",\"exp\":"
#define PT_JWT_JTI ",\"jti\":"
#define PT_JWT_END ",\"iss\":\"" PT_JWT_ISS "\",\"aud\":\"" PT_JWT_AUD "\"}"
#define PT_JWT_PAYLOAD_MAX                                                     \
    (sizeof(PT_JWT_SUB PT_JWT_TENANT PT_JWT_ROLE PT_JWT_SID PT_JWT_IAT         \
                PT_JWT_EXP PT_JWT_JTI PT_JWT_END)                              \
     + 4 * PT_JP_UUID + 6 * PT_ROLE_MAX + 2 * PT_JP_I64)

#define PT_JWT_TAKE(s, lit) pt_jwt_take((s), "" lit, sizeof(lit) - 1)


struct pt_jwt_s {
    pt_mem_t   mem;
    SHA256_CTX inner; /* the state after key ^ ipad (RFC 2104) */
    SHA256_CTX outer; /* the state after key ^ opad */
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
static pt_err_t pt_jwt_text(pt_arena_t *a, pt_str_t part, pt_str_t *out);
static pt_err_t pt_jwt_parse(pt_arena_t *a, pt_str_t text, pt_json_t **out);
static pt_err_t pt_jwt_header(pt_arena_t *a, pt_str_t header);
static bool     pt_jwt_scan(pt_str_t s, pt_claims_t *out);
static bool     pt_jwt_take(pt_str_t *s, const char *lit, size_t len);
static bool     pt_jwt_take_uuid(pt_str_t *s, pt_uuid_t *out);
static bool     pt_jwt_take_role(pt_str_t *s, char role[PT_ROLE_MAX]);
static bool     pt_jwt_take_i64(pt_str_t *s, int64_t *out);
static pt_err_t pt_jwt_claims(pt_arena_t *a, pt_str_t text, int64_t now_s,
                              pt_claims_t *out);
static pt_err_t pt_jwt_when(const pt_claims_t *c, int64_t now_s);
static bool     pt_jwt_audience(const pt_json_t *obj);
static bool pt_jwt_uuid(const pt_json_t *obj, const char *name, pt_uuid_t *out);
static bool pt_jwt_role(pt_str_t s, char role[PT_ROLE_MAX]);


/* A token of ours has ten claims, none of them nested, but for an audience that
 * may be a list. */
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
    pt_str_t       text;
    pt_claims_t    c;
    pt_jwt_parts_t parts;

    if (!pt_jwt_split(token, &parts)) {
        return PT_ETOKEN;
    }

    /* got has room for the 35 bytes that the parser may write. */
    if (!pt_base64url_parse(parts.mac, got, &len) || len != PT_JWT_MAC) {
        return PT_ETOKEN;
    }

    err = pt_jwt_mac(j, parts.signed_part, want);
    if (err != PT_OK) {
        return err;
    }

    /* The signature is compared first, so that nothing of a token is parsed
     * that is not ours. */
    if (!pt_hash_equal(want, got, PT_JWT_MAC)) {
        return PT_ETOKEN;
    }

    err = pt_jwt_header(a, parts.header);
    if (err != PT_OK) {
        return err;
    }

    err = pt_jwt_text(a, parts.payload, &text);
    if (err == PT_OK && !pt_jwt_scan(text, &c)) {
        err = pt_jwt_claims(a, text, now_s, &c);
    }
    if (err == PT_OK) {
        err = pt_jwt_when(&c, now_s);
    }
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
 * Computes the HMAC's two states that depend on the key alone (RFC 2104).  They
 * are computed once and by hand, because this is faster than libcrypto's HMAC.
 */
static bool
pt_jwt_key(pt_jwt_t *j, pt_str_t secret)
{
    bool    ok;
    uint8_t key[PT_JWT_BLOCK] = { 0 };

    if (secret.len > sizeof(key)) {
        if (pt_hash_sha256(secret.data, secret.len, key) != PT_OK) {
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
    char         json[PT_JWT_PAYLOAD_MAX], *p = json;
    pt_jp_text_t role;

    assert(memchr(claims->role, '\0', sizeof(claims->role)) != NULL);

    role = pt_jp_text((pt_str_t){ claims->role, strlen(claims->role) });

    p = pt_jp_lit(p, PT_JWT_SUB);
    p = pt_jp_uuid(p, &claims->sub);
    p = pt_jp_lit(p, PT_JWT_TENANT);
    p = pt_jp_uuid(p, &claims->tenant_id);
    p = pt_jp_lit(p, PT_JWT_ROLE);
    p = pt_jp_str(p, &role);
    p = pt_jp_lit(p, PT_JWT_SID);
    p = pt_jp_uuid(p, &claims->sid);
    p = pt_jp_lit(p, PT_JWT_IAT);
    p = pt_jp_i64(p, claims->iat);
    p = pt_jp_lit(p, PT_JWT_EXP);
    p = pt_jp_i64(p, claims->exp);
    p = pt_jp_lit(p, PT_JWT_JTI);
    p = pt_jp_uuid(p, &claims->jti);
    p = pt_jp_lit(p, PT_JWT_END);

    assert(p <= json + sizeof(json));

    return pt_base64url_build(a, (const uint8_t *) json, (size_t) (p - json),
                              out);
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
    parts->mac.data = second + 1; /* a third dot is not in its alphabet */
    parts->mac.len = PT_JWT_MAC_CHARS;

    return true;
}


/* Decodes one part of a token to the arena.  Errors: PT_ETOKEN when it is no
 * base64url, PT_ENOMEM. */
static pt_err_t
pt_jwt_text(pt_arena_t *a, pt_str_t part, pt_str_t *out)
{
    size_t   len;
    uint8_t *raw;

    raw = pt_arena_alloc(a, part.len * 3 / 4 + 3);
    if (raw == NULL) {
        return PT_ENOMEM;
    }

    if (!pt_base64url_parse(part, raw, &len)) {
        return PT_ETOKEN;
    }

    *out = (pt_str_t){ (const char *) raw, len };

    return PT_OK;
}


/* Parses a decoded part as a JSON object; PT_ETOKEN when it is none. */
static pt_err_t
pt_jwt_parse(pt_arena_t *a, pt_str_t text, pt_json_t **out)
{
    pt_err_t err;

    err = pt_json_parse(a, text, &pt_jwt_limits, out);
    if (err != PT_OK) {
        return err == PT_ENOMEM ? PT_ENOMEM : PT_ETOKEN;
    }

    /* A repeated key or a changed string is refused, so that no other reader of
     * the token can understand it in another way. */
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
    pt_str_t         alg, text;
    pt_json_t       *obj;
    const pt_json_t *typ;

    if (pt_str_is(header, PT_JWT_HEADER)) {
        return PT_OK;
    }

    err = pt_jwt_text(a, header, &text);
    if (err == PT_OK) {
        err = pt_jwt_parse(a, text, &obj);
    }
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

    /* An extension that a token calls critical must not be ignored (RFC 7515,
     * section 4.1.11), and we know none. */
    return pt_json_find(obj, "crit") == NULL ? PT_OK : PT_ETOKEN;
}


/*
 * Reads the claims of a payload that is, but for its values, byte for byte as
 * we write it.  false says nothing against the token: the parser then decides.
 */
static bool
pt_jwt_scan(pt_str_t s, pt_claims_t *out)
{
    return PT_JWT_TAKE(&s, PT_JWT_SUB) && pt_jwt_take_uuid(&s, &out->sub)
           && PT_JWT_TAKE(&s, PT_JWT_TENANT)
           && pt_jwt_take_uuid(&s, &out->tenant_id)
           && PT_JWT_TAKE(&s, PT_JWT_ROLE) && pt_jwt_take_role(&s, out->role)
           && PT_JWT_TAKE(&s, PT_JWT_SID) && pt_jwt_take_uuid(&s, &out->sid)
           && PT_JWT_TAKE(&s, PT_JWT_IAT) && pt_jwt_take_i64(&s, &out->iat)
           && PT_JWT_TAKE(&s, PT_JWT_EXP) && pt_jwt_take_i64(&s, &out->exp)
           && PT_JWT_TAKE(&s, PT_JWT_JTI) && pt_jwt_take_uuid(&s, &out->jti)
           && PT_JWT_TAKE(&s, PT_JWT_END) && s.len == 0;
}


static bool
pt_jwt_take(pt_str_t *s, const char *lit, size_t len)
{
    if (s->len < len || memcmp(s->data, lit, len) != 0) {
        return false;
    }

    s->data += len;
    s->len -= len;

    return true;
}


static bool
pt_jwt_take_uuid(pt_str_t *s, pt_uuid_t *out)
{
    pt_str_t id;

    if (!PT_JWT_TAKE(s, "\"") || s->len < PT_UUID_LEN) {
        return false;
    }

    id = (pt_str_t){ s->data, PT_UUID_LEN };
    s->data += PT_UUID_LEN;
    s->len -= PT_UUID_LEN;

    return pt_uuid_parse(id, out) && PT_JWT_TAKE(s, "\"");
}


static bool
pt_jwt_take_role(pt_str_t *s, char role[PT_ROLE_MAX])
{
    size_t      len;
    const char *end;

    if (!PT_JWT_TAKE(s, "\"")) {
        return false;
    }

    end = memchr(s->data, '"', s->len);
    if (end == NULL) {
        return false;
    }

    len = (size_t) (end - s->data);
    if (!pt_jwt_role((pt_str_t){ s->data, len }, role)) {
        return false;
    }

    s->data += len + 1;
    s->len -= len + 1;

    return true;
}


static bool
pt_jwt_take_i64(pt_str_t *s, int64_t *out)
{
    size_t  n;
    int64_t v = 0;

    for (n = 0; n < s->len && s->data[n] >= '0' && s->data[n] <= '9'; n++) {
        if (n == PT_JWT_I64_DIGITS) {
            return false;
        }
        v = v * 10 + (s->data[n] - '0');
    }

    /* JSON has no numbers with a zero in front (RFC 8259, section 6). */
    if (n == 0 || (s->data[0] == '0' && n != 1)) {
        return false;
    }

    *out = v;
    s->data += n;
    s->len -= n;

    return true;
}


/* Reads the claims of any other payload, and checks nbf, which is not kept. */
static pt_err_t
pt_jwt_claims(pt_arena_t *a, pt_str_t text, int64_t now_s, pt_claims_t *out)
{
    int64_t    nbf;
    pt_err_t   err;
    pt_str_t   iss, role;
    pt_json_t *obj;

    err = pt_jwt_parse(a, text, &obj);
    if (err != PT_OK) {
        return err;
    }

    if (!pt_json_find_str(obj, "iss", &iss) || !pt_str_is(iss, PT_JWT_ISS)
        || !pt_jwt_audience(obj))
    {
        return PT_ETOKEN;
    }

    if (!pt_jwt_uuid(obj, "sub", &out->sub)
        || !pt_jwt_uuid(obj, "tenant_id", &out->tenant_id)
        || !pt_jwt_uuid(obj, "sid", &out->sid)
        || !pt_jwt_uuid(obj, "jti", &out->jti)
        || !pt_json_find_str(obj, "role", &role)
        || !pt_jwt_role(role, out->role))
    {
        return PT_ETOKEN;
    }

    if (!pt_json_find_i64(obj, "iat", &out->iat)
        || !pt_json_find_i64(obj, "exp", &out->exp))
    {
        return PT_ETOKEN;
    }

    if (pt_json_find(obj, "nbf") != NULL
        && (!pt_json_find_i64(obj, "nbf", &nbf)
            || nbf > now_s + PT_JWT_LEEWAY_S))
    {
        return PT_ETOKEN;
    }

    return PT_OK;
}


static pt_err_t
pt_jwt_when(const pt_claims_t *c, int64_t now_s)
{
    assert(now_s >= 0);

    if (c->iat < 0 || c->iat > now_s + PT_JWT_LEEWAY_S) {
        return PT_ETOKEN;
    }

    /* The expiry comes last, because only a token that is good otherwise is
     * called expired. */
    if (c->exp <= now_s - PT_JWT_LEEWAY_S) {
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
pt_jwt_role(pt_str_t s, char role[PT_ROLE_MAX])
{
    size_t i;

    if (s.len == 0 || s.len >= PT_ROLE_MAX) {
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
