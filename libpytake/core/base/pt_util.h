/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_util.h: small pure helpers: numbers, times, ids, hex and base64url,
 * UTF-8, hashes.
 */

#ifndef PT_UTIL_H
#define PT_UTIL_H

#include "pt_arena.h"

/* ---- numbers and times ---- */

/* The whole slice is a decimal integer in int64 range. */
bool pt_parse_i64(pt_str_t s, int64_t *out);

#define PT_I64_LEN 20 /* "-9223372036854775808" */

/* Writes at most PT_I64_LEN bytes, no NUL; gives their end. */
char *pt_i64_build(int64_t v, char out[PT_I64_LEN]);

#define PT_TIME_LEN 24 /* "2026-11-22T09:48:00.123Z" */

/* Writes PT_TIME_LEN bytes, no NUL.  Years 0000..9999 (others clamp). */
void pt_time_build(int64_t unix_us, char out[PT_TIME_LEN]);

/* ---- ids ---- */

#define PT_UUID_LEN 36

/* RFC 9562 version 7: 48 bits of unix milliseconds, version, variant, and
 * 74 bits of rnd (10 bytes given). */
void pt_uuid_v7(int64_t unix_us, const uint8_t rnd[10], pt_uuid_t *out);

/* The time inside a version 7 id, in microseconds (ms resolution). */
int64_t pt_uuid_time_us(const pt_uuid_t *id);

/* The derived id of an inbound message: time from WhatsApp's timestamp
 * (seconds), the other bits from SHA-256(phone_number_id NUL wamid). */
pt_err_t pt_uuid_derive(int64_t unix_s, pt_str_t phone_number_id,
                        pt_str_t wamid, pt_uuid_t *out) PT_MUST_CHECK;

bool pt_uuid_parse(pt_str_t s, pt_uuid_t *out); /* any case, with dashes */
void pt_uuid_build(const pt_uuid_t *id, char out[PT_UUID_LEN]);
bool pt_uuid_eq(const pt_uuid_t *a, const pt_uuid_t *b);
bool pt_uuid_is_nil(const pt_uuid_t *id);

/* ---- encodings ---- */

/* out: arena; '+', '%xx' of application/x-www-form-urlencoded. */
pt_err_t pt_url_decode(pt_arena_t *a, pt_str_t s, pt_str_t *out)
    PT_MUST_CHECK; /* PT_EBADREQUEST on a bad escape or a decoded NUL */
pt_err_t pt_base64url_build(pt_arena_t *a, const uint8_t *in, size_t len,
                            pt_str_t *out) PT_MUST_CHECK; /* no padding */
/* dst holds at least (s.len * 3) / 4 + 3 bytes; *len is what was written.
 * false on a bad alphabet, padding or trailing bits. */
bool pt_base64url_parse(pt_str_t s, uint8_t *dst, size_t *len);
void pt_hex_build(const uint8_t *in, size_t len, char *out); /* 2*len */
bool pt_hex_parse(pt_str_t s, uint8_t *out, size_t out_len);

/* Of a digit its value, of any other byte PT_HEX_BAD. */
#define PT_HEX_BAD 64u
extern const uint8_t pt_hex_values[256];

/* ---- text ---- */

bool pt_utf8_is(pt_str_t s); /* valid, RFC 3629; NUL is valid here */
/* The longest prefix of at most n characters (code points). */
pt_str_t pt_utf8_prefix(pt_str_t s, size_t n);
size_t   pt_utf8_count(pt_str_t s);

/* Without the blanks and tabs at its ends. */
pt_str_t pt_trim(pt_str_t s);

/* Takes the first character off rest, which is UTF-8 and not empty. */
uint32_t pt_utf8_next(pt_str_t *rest);
/* Shows nothing by itself: a control character, white space, a blank, or
 * what Unicode calls default ignorable. */
bool pt_char_is_blank(uint32_t c);
/* Nothing of s (UTF-8) shows. */
bool pt_utf8_is_blank(pt_str_t s);
/* Has no place in a name of one line: a control character, the end of a line
 * or of a paragraph, or what is invisible and does not shape its neighbours:
 * marks of direction above all. */
bool pt_char_is_hidden(uint32_t c);

/* Replaces NUL and invalid sequences by U+FFFD; *changed tells. */
pt_err_t pt_utf8_clean(pt_arena_t *a, pt_str_t s, pt_str_t *out,
                       bool *changed) PT_MUST_CHECK;

/* ---- hashes (libcrypto) ---- */

pt_err_t pt_sha256(const void *data, size_t len, uint8_t out[32]) PT_MUST_CHECK;
pt_err_t pt_hmac_sha256(pt_str_t key, pt_str_t msg,
                        uint8_t out[32]) PT_MUST_CHECK;
bool     pt_equal_const_time(const void *a, const void *b, size_t len);

/* A stream of random bytes out of a 32-byte seed (SHA-256 counter mode):
 * the core never asks the world for randomness. */
typedef struct {
    uint8_t  seed[32];
    uint64_t counter;
} pt_rand_t;

pt_err_t pt_rand_get(pt_rand_t *r, uint8_t *out, size_t len) PT_MUST_CHECK;
pt_err_t pt_rand_uuid(pt_rand_t *r, int64_t unix_us,
                      pt_uuid_t *out) PT_MUST_CHECK; /* v7 */

/* ---- roles of a database (docs/schema.md) ---- */

#define PT_DBROLE_MAX 63 /* bytes of a name in PostgreSQL */
#define PT_DBROLE_PREFIX_MAX (PT_DBROLE_MAX - 8) /* "_service" follows */

typedef enum { PT_DBROLE_APP, PT_DBROLE_SERVICE, PT_DBROLE_LOOKUP } pt_dbrole_e;

/* May begin the names of roles: a-z, 0-9, _; PT_DBROLE_PREFIX_MAX bytes. */
bool pt_dbrole_prefix_is(pt_str_t s);

/* What the roles of the database of this name begin with: "pytake" of one
 * that is called so, else "pytake_" and the name; of a name that is long or
 * would have to be quoted a part of it and a hash.  PT_ECRYPTO. */
pt_err_t pt_dbrole_prefix(pt_str_t database,
                          char     out[PT_DBROLE_PREFIX_MAX + 1]) PT_MUST_CHECK;

/* The role's whole name, of a prefix that is one. */
void pt_dbrole_build(const char *prefix, pt_dbrole_e kind,
                     char out[PT_DBROLE_MAX + 1]);

/* ---- AES-256-GCM for WhatsApp tokens: nonce(12) || ciphertext || tag(16),
 * aad binds it to its row ---- */
pt_err_t pt_seal(pt_arena_t *a, const uint8_t key[32], const uint8_t nonce[12],
                 pt_str_t aad, pt_str_t plain, pt_str_t *out) PT_MUST_CHECK;
pt_err_t pt_unseal(pt_arena_t *a, const uint8_t key[32], pt_str_t aad,
                   pt_str_t  sealed,
                   pt_str_t *out) PT_MUST_CHECK; /* PT_ECRYPTO */

#endif
