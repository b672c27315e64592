/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Cases are named after the hazard.  libjwt is the second opinion: it must
 * read what we sign, and we what it signs.
 */

#include "pt_test.h"
#include "core/trust/pt_jwt.h"
#include "core/base/pt_util.h"

#include <jwt.h>

#define JWT_NOW 1795340880
#define JWT_SECRET "ultra_secure_jwt_secret_key_256_bits"
#define JWT_HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define JWT_IDS                                                                \
    "\"sub\":\"017f22e2-79b0-7cc3-98c4-dc0c0c07398f\","                        \
    "\"tenant_id\":\"017f22e2-79b0-7cc3-98c4-dc0c0c073990\","                  \
    "\"sid\":\"017f22e2-79b0-7cc3-98c4-dc0c0c073991\","                        \
    "\"jti\":\"017f22e2-79b0-7cc3-98c4-dc0c0c073992\","
#define JWT_ROLE "\"role\":\"agent\","
#define JWT_TIMES "\"iat\":1795340000,\"exp\":1795350000,"
#define JWT_PARTIES "\"iss\":\"pytake\",\"aud\":\"pytake\""
#define JWT_CLAIMS "{" JWT_IDS JWT_ROLE JWT_TIMES JWT_PARTIES "}"
#define JWT_OURS                                                               \
    "{\"sub\":\"017f22e2-79b0-7cc3-98c4-dc0c0c07398f\","                       \
    "\"tenant_id\":\"017f22e2-79b0-7cc3-98c4-dc0c0c073990\","                  \
    "\"role\":\"agent\",\"sid\":\"017f22e2-79b0-7cc3-98c4-dc0c0c073991\","     \
    "\"iat\":1795340000,\"exp\":1795350000,"                                   \
    "\"jti\":\"017f22e2-79b0-7cc3-98c4-dc0c0c073992\"," JWT_PARTIES "}"


static pt_jwt_t *
token_key(void)
{
    pt_jwt_t *j = pt_jwt_new(&pt_test_mem, PT_STR(JWT_SECRET));

    ck_assert_ptr_nonnull(j);

    return j;
}


static void
token_claims(pt_claims_t *c)
{
    memset(c, 0, sizeof(*c));
    ck_assert(
        pt_uuid_parse(PT_STR("017f22e2-79b0-7cc3-98c4-dc0c0c07398f"), &c->sub));
    c->tenant_id = c->sub;
    c->tenant_id.b[15] = 1;
    c->sid = c->sub;
    c->sid.b[15] = 2;
    c->jti = c->sub;
    c->jti.b[15] = 3;
    memcpy(c->role, "supervisor", 11);
    c->iat = JWT_NOW;
    c->exp = JWT_NOW + 86400;
}


/* A token of any header and payload, signed with a secret. */
static pt_str_t
token_make(pt_arena_t *a, pt_str_t header, pt_str_t payload, pt_str_t secret)
{
    uint8_t  mac[32];
    pt_str_t h, p, m, out;

    ck_assert_ok(
        pt_base64url_build(a, (const uint8_t *) header.data, header.len, &h));
    ck_assert_ok(
        pt_base64url_build(a, (const uint8_t *) payload.data, payload.len, &p));
    ck_assert_ok(pt_arena_fmt(a, &out, "%.*s.%.*s", (int) h.len, h.data,
                              (int) p.len, p.data));
    ck_assert_ok(pt_hash_hmac_sha256(secret, out, mac));
    ck_assert_ok(pt_base64url_build(a, mac, sizeof(mac), &m));
    ck_assert_ok(pt_arena_fmt(a, &out, "%.*s.%.*s", (int) out.len, out.data,
                              (int) m.len, m.data));

    return out;
}


static pt_err_t
token_verify(pt_str_t token)
{
    pt_err_t    err;
    pt_jwt_t   *j = token_key();
    pt_claims_t c;
    pt_arena_t *a = pt_test_arena();

    err = pt_jwt_verify(j, a, token, JWT_NOW, &c);
    pt_arena_del(a);
    pt_jwt_del(j);

    return err;
}


/* What the verifier says of a payload that is signed as it should be. */
static pt_err_t
token_payload(const char *payload)
{
    pt_err_t    err;
    pt_arena_t *a = pt_test_arena();

    err = token_verify(token_make(a, PT_STR(JWT_HEADER), pt_test_str(payload),
                                  PT_STR(JWT_SECRET)));
    pt_arena_del(a);

    return err;
}


static pt_err_t
token_header(const char *header)
{
    pt_err_t    err;
    pt_arena_t *a = pt_test_arena();

    err = token_verify(token_make(a, pt_test_str(header), PT_STR(JWT_CLAIMS),
                                  PT_STR(JWT_SECRET)));
    pt_arena_del(a);

    return err;
}


START_TEST(round_trip)
{
    pt_str_t    s;
    pt_jwt_t   *j = token_key();
    pt_arena_t *a = pt_test_arena();
    pt_claims_t in, out;

    token_claims(&in);
    ck_assert_ok(pt_jwt_build(j, a, &in, &s));
    ck_assert_uint_lt(s.len, PT_TOKEN_MAX);
    ck_assert_ok(pt_jwt_verify(j, a, s, JWT_NOW, &out));
    ck_assert(pt_uuid_eq(&in.sub, &out.sub));
    ck_assert(pt_uuid_eq(&in.tenant_id, &out.tenant_id));
    ck_assert(pt_uuid_eq(&in.sid, &out.sid));
    ck_assert(pt_uuid_eq(&in.jti, &out.jti));
    ck_assert_str_eq(out.role, "supervisor");
    ck_assert_int_eq(in.iat, out.iat);
    ck_assert_int_eq(in.exp, out.exp);

    pt_jwt_del(j);
    pt_arena_del(a);
}
END_TEST


/* What we write is read where it stands: there is no memory for a tree. */
START_TEST(ours_is_not_parsed)
{
    pt_str_t    s;
    pt_jwt_t   *j = token_key();
    pt_arena_t *a = pt_test_arena(), *small = pt_arena_new(&pt_test_mem, 768);
    pt_claims_t in, out;

    token_claims(&in);
    ck_assert_ok(pt_jwt_build(j, a, &in, &s));
    ck_assert_ok(pt_jwt_verify(j, small, s, JWT_NOW, &out));
    ck_assert(pt_uuid_eq(&in.jti, &out.jti));

    pt_arena_del(small);
    small = pt_arena_new(&pt_test_mem, 768);
    s = token_make(a, PT_STR(JWT_HEADER), PT_STR(JWT_OURS), PT_STR(JWT_SECRET));
    ck_assert_ok(pt_jwt_verify(j, small, s, JWT_NOW, &out));

    pt_arena_del(small);
    small = pt_arena_new(&pt_test_mem, 768);
    s = token_make(a, PT_STR(JWT_HEADER), PT_STR(JWT_CLAIMS),
                   PT_STR(JWT_SECRET));
    ck_assert_int_eq(pt_jwt_verify(j, small, s, JWT_NOW, &out), PT_ENOMEM);

    pt_arena_del(small);
    pt_arena_del(a);
    pt_jwt_del(j);
}
END_TEST


/* A blank before the payload makes it one to parse: both must say the same. */
static void
token_both(const pt_jwt_t *j, const char *payload, size_t len)
{
    char        blank[sizeof(JWT_OURS) + 2] = " ";
    pt_err_t    err, want;
    pt_str_t    s;
    pt_arena_t *a = pt_test_arena();
    pt_claims_t c, parsed;

    memcpy(blank + 1, payload, len);
    memset(&c, 0, sizeof(c));
    memset(&parsed, 0, sizeof(parsed));

    s = token_make(a, PT_STR(JWT_HEADER), (pt_str_t){ payload, len },
                   PT_STR(JWT_SECRET));
    err = pt_jwt_verify(j, a, s, JWT_NOW, &c);
    s = token_make(a, PT_STR(JWT_HEADER), (pt_str_t){ blank, len + 1 },
                   PT_STR(JWT_SECRET));
    want = pt_jwt_verify(j, a, s, JWT_NOW, &parsed);

    ck_assert_msg(err == want, "%d, parsed %d: %.*s", err, want, (int) len,
                  payload);
    ck_assert(pt_uuid_eq(&c.sub, &parsed.sub) && pt_uuid_eq(&c.sid, &parsed.sid)
              && pt_uuid_eq(&c.tenant_id, &parsed.tenant_id)
              && pt_uuid_eq(&c.jti, &parsed.jti) && c.iat == parsed.iat
              && c.exp == parsed.exp && strcmp(c.role, parsed.role) == 0);
    pt_arena_del(a);
}


START_TEST(nearly_ours)
{
    char         text[sizeof(JWT_OURS) + 1];
    size_t       i, k;
    pt_jwt_t    *j = token_key();
    const size_t n = sizeof(JWT_OURS) - 1;

    static const char bytes[] = "0\0x\"\\,} -A";

    for (i = 0; i < n; i++) {
        for (k = 0; k < sizeof(bytes); k++) {
            memcpy(text, JWT_OURS, n); /* another byte */
            text[i] = bytes[k];
            token_both(j, text, n);

            memcpy(text, JWT_OURS, i); /* one more */
            text[i] = bytes[k];
            memcpy(text + i + 1, JWT_OURS + i, n - i);
            token_both(j, text, n + 1);
        }

        memcpy(text, JWT_OURS, i); /* one less */
        memcpy(text + i, JWT_OURS + i + 1, n - i - 1);
        token_both(j, text, n - 1);
        token_both(j, JWT_OURS, i); /* all from here */
    }

    pt_jwt_del(j);
}
END_TEST


START_TEST(weak_or_public_secrets_are_refused)
{
    pt_jwt_t *j;

    ck_assert_ptr_null(pt_jwt_new(&pt_test_mem, PT_STR_NULL));
    ck_assert_ptr_null(pt_jwt_new(&pt_test_mem, PT_STR("fifteen bytes 1")));
    ck_assert_ptr_null(pt_jwt_new(
        &pt_test_mem, PT_STR("-----BEGIN PUBLIC KEY-----\nMIIBIjAN")));
    ck_assert_ptr_null(pt_jwt_new(
        &pt_test_mem, PT_STR("-----BEGIN RSA PUBLIC KEY-----\nMIIBIjAN")));
    ck_assert_ptr_null(pt_jwt_new(
        &pt_test_mem, PT_STR("-----BEGIN CERTIFICATE-----\nMIIBIjAN")));

    j = pt_jwt_new(&pt_test_mem, PT_STR("sixteen bytes 12"));
    ck_assert_ptr_nonnull(j);
    pt_jwt_del(j);
    pt_jwt_del(NULL);
}
END_TEST


/* RFC 2104's key rules: shorter, as long as, and longer than a block. */
START_TEST(secrets_of_every_length)
{
    char        secret[130];
    size_t      n;
    pt_str_t    s, k;
    pt_jwt_t   *j;
    pt_arena_t *a = pt_test_arena();
    pt_claims_t c;

    for (n = 0; n < sizeof(secret); n++) {
        secret[n] = (char) (n * 37 + 1);
    }
    for (n = PT_JWT_SECRET_MIN; n <= sizeof(secret); n++) {
        k = (pt_str_t){ secret, n };
        j = pt_jwt_new(&pt_test_mem, k);
        ck_assert_ptr_nonnull(j);
        s = token_make(a, PT_STR(JWT_HEADER), PT_STR(JWT_CLAIMS), k);
        ck_assert_ok(pt_jwt_verify(j, a, s, JWT_NOW, &c));
        pt_jwt_del(j);
    }

    pt_arena_del(a);
}
END_TEST


START_TEST(libjwt_reads_ours)
{
    jwt_t      *jwt;
    pt_str_t    s;
    pt_jwt_t   *j = token_key();
    pt_arena_t *a = pt_test_arena();
    pt_claims_t c;

    token_claims(&c);
    ck_assert_ok(pt_jwt_build(j, a, &c, &s));
    ck_assert_ok(pt_arena_dup(a, s, &s));
    ck_assert_int_eq(jwt_decode(&jwt, s.data,
                                (const unsigned char *) JWT_SECRET,
                                sizeof(JWT_SECRET) - 1),
                     0);
    ck_assert_int_eq(jwt_get_alg(jwt), JWT_ALG_HS256);
    ck_assert_str_eq(jwt_get_grant(jwt, "sub"),
                     "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
    ck_assert_str_eq(jwt_get_grant(jwt, "role"), "supervisor");
    ck_assert_str_eq(jwt_get_grant(jwt, "iss"), "pytake");
    ck_assert_str_eq(jwt_get_grant(jwt, "aud"), "pytake");
    ck_assert_int_eq(jwt_get_grant_int(jwt, "exp"), JWT_NOW + 86400);
    jwt_free(jwt);

    pt_jwt_del(j);
    pt_arena_del(a);
}
END_TEST


START_TEST(we_read_libjwts)
{
    char  *s;
    jwt_t *jwt;

    ck_assert_int_eq(jwt_new(&jwt), 0);
    ck_assert_int_eq(jwt_add_grants_json(jwt, JWT_CLAIMS), 0);
    ck_assert_int_eq(jwt_set_alg(jwt, JWT_ALG_HS256,
                                 (const unsigned char *) JWT_SECRET,
                                 sizeof(JWT_SECRET) - 1),
                     0);
    s = jwt_encode_str(jwt);
    ck_assert_ptr_nonnull(s);
    ck_assert_ok(token_verify(pt_test_str(s)));
    free(s);

    /* the same key, another algorithm of its family */
    ck_assert_int_eq(jwt_set_alg(jwt, JWT_ALG_HS512,
                                 (const unsigned char *) JWT_SECRET,
                                 sizeof(JWT_SECRET) - 1),
                     0);
    s = jwt_encode_str(jwt);
    ck_assert_ptr_nonnull(s);
    ck_assert_int_eq(token_verify(pt_test_str(s)), PT_ETOKEN);
    free(s);

    /* and none at all */
    ck_assert_int_eq(jwt_set_alg(jwt, JWT_ALG_NONE, NULL, 0), 0);
    s = jwt_encode_str(jwt);
    ck_assert_ptr_nonnull(s);
    ck_assert_int_eq(token_verify(pt_test_str(s)), PT_ETOKEN);
    free(s);
    jwt_free(jwt);
}
END_TEST


/* Even with a signature of ours, the header must name our algorithm. */
START_TEST(alg_is_pinned)
{
    size_t i;

    static const char *good[] = { JWT_HEADER,
                                  "{\"typ\":\"JWT\",\"alg\":\"HS256\"}",
                                  "{\"alg\":\"HS256\"}",
                                  "{\"alg\":\"HS256\",\"kid\":\"1\"}" };
    static const char *bad[] = { "{\"alg\":\"none\"}",
                                 "{\"alg\":\"None\",\"typ\":\"JWT\"}",
                                 "{\"alg\":\"RS256\",\"typ\":\"JWT\"}",
                                 "{\"alg\":\"ES256\"}",
                                 "{\"alg\":\"HS384\"}",
                                 "{\"alg\":\"HS512\"}",
                                 "{\"alg\":\"hs256\"}",
                                 "{\"alg\":\"HS256 \"}",
                                 "{\"alg\":\"\"}",
                                 "{\"alg\":null}",
                                 "{\"alg\":256}",
                                 "{\"alg\":[\"HS256\"]}",
                                 "{\"typ\":\"JWT\"}",
                                 "{}",
                                 "[]",
                                 "\"HS256\"",
                                 "null",
                                 "",
                                 "{",
                                 "{\"alg\":\"HS256\"} x",
                                 "{\"alg\":\"HS256\",\"typ\":\"JWE\"}",
                                 "{\"alg\":\"HS256\",\"typ\":1}",
                                 "{\"alg\":\"none\",\"alg\":\"HS256\"}",
                                 "{\"alg\":\"HS256\",\"alg\":\"HS256\"}",
                                 "{\"alg\":\"HS256\",\"crit\":[\"exp\"]}",
                                 "{\"alg\":\"HS256\",\"x\":\"\\u0000\"}" };

    for (i = 0; i < PT_COUNT(good); i++) {
        ck_assert_msg(token_header(good[i]) == PT_OK, "%s", good[i]);
    }
    for (i = 0; i < PT_COUNT(bad); i++) {
        ck_assert_msg(token_header(bad[i]) == PT_ETOKEN, "%s", bad[i]);
    }
}
END_TEST


START_TEST(alg_none_without_signature)
{
    pt_str_t    h, p, s;
    pt_arena_t *a = pt_test_arena();

    ck_assert_ok(
        pt_base64url_build(a, (const uint8_t *) "{\"alg\":\"none\"}", 14, &h));
    ck_assert_ok(pt_base64url_build(a, (const uint8_t *) JWT_CLAIMS,
                                    sizeof(JWT_CLAIMS) - 1, &p));
    ck_assert_ok(pt_arena_fmt(a, &s, "%s.%s.", h.data, p.data));
    ck_assert_int_eq(token_verify(s), PT_ETOKEN);
    ck_assert_ok(pt_arena_fmt(a, &s, "%s.%s", h.data, p.data));
    ck_assert_int_eq(token_verify(s), PT_ETOKEN);

    pt_arena_del(a);
}
END_TEST


START_TEST(times)
{
    size_t i;

    static const struct {
        const char *times;
        pt_err_t    want;
    } cases[] = {
        { "\"iat\":1795340000,\"exp\":1795350000,", PT_OK },
        { "\"iat\":1795340000,\"exp\":1795340881,", PT_OK },
        { "\"iat\":1795340000,\"exp\":1795340876,", PT_OK }, /* leeway */
        { "\"iat\":1795340000,\"exp\":1795340875,", PT_EEXPIRED },
        { "\"iat\":1795340000,\"exp\":0,", PT_EEXPIRED },
        { "\"iat\":1795340000,\"exp\":-1,", PT_EEXPIRED },
        { "\"iat\":1795340885,\"exp\":1795350000,", PT_OK },
        { "\"iat\":1795340886,\"exp\":1795350000,", PT_ETOKEN },
        { "\"iat\":-1,\"exp\":1795350000,", PT_ETOKEN },
        { "\"iat\":0,\"exp\":9223372036854775807,", PT_OK },
        { "\"iat\":0,\"exp\":9223372036854775808,", PT_ETOKEN },
        { "\"iat\":0,\"exp\":1e12,", PT_ETOKEN },
        { "\"iat\":0,\"exp\":\"1795350000\",", PT_ETOKEN },
        { "\"iat\":0,\"exp\":null,", PT_ETOKEN },
        { "\"iat\":0,", PT_ETOKEN },
        { "\"exp\":1795350000,", PT_ETOKEN },
        { "\"nbf\":1795340885,\"iat\":0,\"exp\":1795350000,", PT_OK },
        { "\"nbf\":1795340886,\"iat\":0,\"exp\":1795350000,", PT_ETOKEN },
        { "\"nbf\":\"0\",\"iat\":0,\"exp\":1795350000,", PT_ETOKEN },
        { "\"nbf\":null,\"iat\":0,\"exp\":1795350000,", PT_ETOKEN }
    };

    for (i = 0; i < PT_COUNT(cases); i++) {
        char payload[1024];

        snprintf(payload, sizeof(payload), "{%s%s%s%s}", JWT_IDS, JWT_ROLE,
                 cases[i].times, JWT_PARTIES);
        ck_assert_msg(token_payload(payload) == cases[i].want, "%s",
                      cases[i].times);
    }
}
END_TEST


START_TEST(issuer_and_audience)
{
    size_t i;

    static const struct {
        const char *parties;
        pt_err_t    want;
    } cases[] = { { JWT_PARTIES, PT_OK },
                  { "\"iss\":\"pytake\",\"aud\":[\"pytake\"]", PT_OK },
                  { "\"iss\":\"pytake\",\"aud\":[\"x\",\"pytake\"]", PT_OK },
                  { "\"iss\":\"pytake\",\"aud\":[]", PT_ETOKEN },
                  { "\"iss\":\"pytake\",\"aud\":[\"x\",1,null]", PT_ETOKEN },
                  { "\"iss\":\"pytake\",\"aud\":[[\"pytake\"]]", PT_ETOKEN },
                  { "\"iss\":\"pytake\",\"aud\":\"pytake2\"", PT_ETOKEN },
                  { "\"iss\":\"pytake\",\"aud\":\"PyTake\"", PT_ETOKEN },
                  { "\"iss\":\"pytake\",\"aud\":{\"pytake\":1}", PT_ETOKEN },
                  { "\"iss\":\"pytake\"", PT_ETOKEN },
                  { "\"iss\":\"other\",\"aud\":\"pytake\"", PT_ETOKEN },
                  { "\"iss\":[\"pytake\"],\"aud\":\"pytake\"", PT_ETOKEN },
                  { "\"iss\":null,\"aud\":\"pytake\"", PT_ETOKEN },
                  { "\"aud\":\"pytake\"", PT_ETOKEN } };

    for (i = 0; i < PT_COUNT(cases); i++) {
        char payload[1024];

        snprintf(payload, sizeof(payload), "{%s%s%s%s}", JWT_IDS, JWT_ROLE,
                 JWT_TIMES, cases[i].parties);
        ck_assert_msg(token_payload(payload) == cases[i].want, "%s",
                      cases[i].parties);

        /* "expired" is not said of a token that was never good */
        snprintf(payload, sizeof(payload), "{%s%s%s%s}", JWT_IDS, JWT_ROLE,
                 "\"iat\":1,\"exp\":2,", cases[i].parties);
        ck_assert_int_eq(token_payload(payload),
                         cases[i].want == PT_OK ? PT_EEXPIRED : PT_ETOKEN);
    }
}
END_TEST


START_TEST(shape_of_claims)
{
    size_t i;

    static const char *bad[] = {
        "", "null", "[]", "{}", "\"x\"", "{", JWT_CLAIMS "{}",
        /* each claim missing */
        "{" JWT_IDS JWT_TIMES  JWT_PARTIES "}",
        "{" JWT_ROLE JWT_TIMES JWT_PARTIES "}",
        "{\"sub\":\"017f22e2-79b0-7cc3-98c4-dc0c0c07398f\"," JWT_ROLE JWT_TIMES
            JWT_PARTIES "}",
        /* bad roles */
        "{" JWT_IDS "\"role\":\"\"," JWT_TIMES                 JWT_PARTIES "}",
        "{" JWT_IDS "\"role\":\"sixteen_letters_\"," JWT_TIMES JWT_PARTIES "}",
        "{" JWT_IDS "\"role\":\"Owner\"," JWT_TIMES            JWT_PARTIES "}",
        "{" JWT_IDS "\"role\":\"a b\"," JWT_TIMES              JWT_PARTIES "}",
        "{" JWT_IDS "\"role\":1," JWT_TIMES                    JWT_PARTIES "}",
        /* twice: two readers might see two roles, two tenants */
        "{" JWT_IDS JWT_ROLE JWT_TIMES JWT_PARTIES ",\"role\":\"owner\"}",
        "{" JWT_IDS JWT_IDS JWT_ROLE JWT_TIMES JWT_PARTIES "}",
        "{" JWT_IDS JWT_ROLE JWT_TIMES JWT_PARTIES ",\"x\":\"\\ud800\"}",
        /* not a UUID */
        "{" JWT_ROLE JWT_TIMES JWT_PARTIES ",\"sub\":\"1\","
        "\"tenant_id\":\"2\",\"sid\":\"3\",\"jti\":\"4\"}",
        /* too deep */
        "{" JWT_IDS JWT_ROLE JWT_TIMES JWT_PARTIES ",\"x\":[[[[[]]]]]}"
    };

    ck_assert_ok(token_payload(JWT_CLAIMS));
    ck_assert_ok(token_payload("{" JWT_IDS JWT_ROLE JWT_TIMES JWT_PARTIES
                               ",\"more\":{\"is\":[\"fine\"]}}"));
    for (i = 0; i < PT_COUNT(bad); i++) {
        ck_assert_msg(token_payload(bad[i]) == PT_ETOKEN, "%s", bad[i]);
    }
}
END_TEST


START_TEST(tampered)
{
    char        copy[2048];
    size_t      i;
    pt_str_t    s;
    pt_jwt_t   *j = token_key();
    pt_arena_t *a = pt_test_arena();
    pt_claims_t c;

    s = token_make(a, PT_STR(JWT_HEADER), PT_STR(JWT_CLAIMS),
                   PT_STR(JWT_SECRET));
    ck_assert_uint_lt(s.len + 8, sizeof(copy));
    ck_assert_ok(pt_jwt_verify(j, a, s, JWT_NOW, &c));

    for (i = 0; i < s.len; i++) {
        memcpy(copy, s.data, s.len);
        copy[i] = copy[i] == 'A' ? 'B' : 'A';
        ck_assert_int_eq(
            pt_jwt_verify(j, a, (pt_str_t){ copy, s.len }, JWT_NOW, &c),
            PT_ETOKEN);
        ck_assert_int_eq(
            pt_jwt_verify(j, a, (pt_str_t){ s.data, i }, JWT_NOW, &c),
            PT_ETOKEN);
    }

    s = token_make(a, PT_STR(JWT_HEADER), PT_STR(JWT_CLAIMS),
                   PT_STR("ultra_secure_jwt_secret_key_256_bitS"));
    ck_assert_int_eq(pt_jwt_verify(j, a, s, JWT_NOW, &c), PT_ETOKEN);

    pt_arena_del(a);
    pt_jwt_del(j);
}
END_TEST


/* One token, one spelling: 43 characters leave two bits over. */
START_TEST(signature_is_canonical)
{
    char        copy[2048];
    size_t      i, accepted = 0;
    pt_str_t    s;
    pt_jwt_t   *j = token_key();
    pt_arena_t *a = pt_test_arena();
    pt_claims_t c;
    const char *alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuv"
                           "wxyz0123456789-_+/=. ";

    s = token_make(a, PT_STR(JWT_HEADER), PT_STR(JWT_CLAIMS),
                   PT_STR(JWT_SECRET));
    memcpy(copy, s.data, s.len);
    for (i = 0; i < strlen(alphabet); i++) {
        copy[s.len - 1] = alphabet[i];
        accepted += pt_jwt_verify(j, a, (pt_str_t){ copy, s.len }, JWT_NOW, &c)
                    == PT_OK;
    }
    ck_assert_uint_eq(accepted, 1);

    memcpy(copy, s.data, s.len);
    memcpy(copy + s.len, "=.xy", 4);
    for (i = 1; i <= 4; i++) {
        ck_assert_int_eq(
            pt_jwt_verify(j, a, (pt_str_t){ copy, s.len + i }, JWT_NOW, &c),
            PT_ETOKEN);
    }

    pt_arena_del(a);
    pt_jwt_del(j);
}
END_TEST


START_TEST(what_is_no_token)
{
    char   big[PT_TOKEN_MAX + 100];
    size_t i;

    static const char *bad[] = {
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "a.b",
        "Bearer x",
        ".."
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "a.b."
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    };

    for (i = 0; i < PT_COUNT(bad); i++) {
        ck_assert_int_eq(token_verify(pt_test_str(bad[i])), PT_ETOKEN);
    }
    ck_assert_int_eq(token_verify(PT_STR_NULL), PT_ETOKEN);

    memset(big, '.', sizeof(big));
    ck_assert_int_eq(token_verify((pt_str_t){ big, sizeof(big) }), PT_ETOKEN);
    memset(big, 'a', sizeof(big));
    ck_assert_int_eq(token_verify((pt_str_t){ big, sizeof(big) }), PT_ETOKEN);
}
END_TEST


static pt_err_t
jwt_scenario(const pt_mem_t *mem, void *user)
{
    pt_jwt_t *j;

    PT_UNUSED(user);

    j = pt_jwt_new(mem, PT_STR(JWT_SECRET));
    if (j == NULL) {
        return PT_ENOMEM;
    }
    pt_jwt_del(j);

    return PT_OK;
}


static pt_err_t
jwt_arena_scenario(pt_arena_t *a, void *user)
{
    pt_str_t    s;
    pt_err_t    err;
    pt_claims_t in, out;

    token_claims(&in);
    err = pt_jwt_build(user, a, &in, &s);
    if (err == PT_OK) {
        err = pt_jwt_verify(user, a, s, JWT_NOW, &out);
    }

    return err;
}


START_TEST(refused_allocations)
{
    pt_jwt_t *j = token_key();

    pt_test_failmalloc(jwt_scenario, NULL);
    pt_test_arena_caps(jwt_arena_scenario, j);
    pt_jwt_del(j);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, round_trip);
    PT_TEST_CASE(s, ours_is_not_parsed);
    PT_TEST_CASE(s, nearly_ours);
    PT_TEST_CASE(s, weak_or_public_secrets_are_refused);
    PT_TEST_CASE(s, secrets_of_every_length);
    PT_TEST_CASE(s, libjwt_reads_ours);
    PT_TEST_CASE(s, we_read_libjwts);
    PT_TEST_CASE(s, alg_is_pinned);
    PT_TEST_CASE(s, alg_none_without_signature);
    PT_TEST_CASE(s, times);
    PT_TEST_CASE(s, issuer_and_audience);
    PT_TEST_CASE(s, shape_of_claims);
    PT_TEST_CASE(s, tampered);
    PT_TEST_CASE(s, signature_is_canonical);
    PT_TEST_CASE(s, what_is_no_token);
    PT_TEST_CASE(s, refused_allocations);
}


PT_TEST_MAIN(jwt);
