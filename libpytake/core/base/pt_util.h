/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_util.h: small pure helpers: numbers, times, ids, hex and base64url, UTF-8,
 * hashes, names of roles, sealed secrets.  No argument is kept: slices and
 * pointers are borrowed during the call, and results lie in the caller's memory
 * or on the arena that is passed in.
 */

#ifndef PT_UTIL_H
#define PT_UTIL_H

#include "pt_arena.h"

/* ---- numbers and times ---- */

/* Reads a slice that is, as a whole, a decimal integer in the range of int64_t.
 * false: it is none, and *out is unchanged. */
bool pt_i64_parse(pt_str_t s, int64_t *out);

#define PT_I64_LEN 20 /* "-9223372036854775808" */

/* Writes a number in decimal digits, at most PT_I64_LEN bytes and no NUL, and
 * gives their end. */
char *pt_i64_build(int64_t v, char out[PT_I64_LEN]);

#define PT_TIME_LEN 24 /* "2026-11-22T09:48:00.123Z" */

/* Writes microseconds of Unix time as RFC 3339 in UTC, with milliseconds:
 * PT_TIME_LEN bytes and no NUL.  A time outside of the years 0 to 9999 becomes
 * the nearest one within. */
void pt_time_build(int64_t unix_us, char out[PT_TIME_LEN]);

/* ---- ids ---- */

#define PT_UUID_LEN 36

/* Makes an id of version 7 (RFC 9562, section 5.7): 48 bits of Unix time in
 * milliseconds, the version, the variant, and 74 bits of rnd.  unix_us is in
 * microseconds. */
void pt_uuid_v7(int64_t unix_us, const uint8_t rnd[10], pt_uuid_t *out);

/* Gives the time inside an id of version 7, in microseconds of Unix time; its
 * last three digits are 0. */
int64_t pt_uuid_time_us(const pt_uuid_t *id);

/* Derives the id of an inbound message, so that a webhook body that comes again
 * makes the same ids: the time is WhatsApp's timestamp in seconds, the other
 * bits are of SHA-256(phone_number_id NUL wamid).  The only error is
 * PT_ECRYPTO. */
pt_err_t pt_uuid_derive(int64_t unix_s, pt_str_t phone_number_id,
                        pt_str_t wamid, pt_uuid_t *out) PT_MUST_CHECK;

/* Reads an id of 36 characters, hex digits in either case with dashes between.
 * false: it is none. */
bool pt_uuid_parse(pt_str_t s, pt_uuid_t *out);
/* Writes an id as PT_UUID_LEN characters in lower case, and no NUL. */
void pt_uuid_build(const pt_uuid_t *id, char out[PT_UUID_LEN]);
/* Whether two ids are the same, and whether an id is all zeros. */
bool pt_uuid_eq(const pt_uuid_t *a, const pt_uuid_t *b);
bool pt_uuid_is_nil(const pt_uuid_t *id);

/* ---- encodings ---- */

/* Decodes the '+' and '%xx' of application/x-www-form-urlencoded to the arena.
 * Errors: PT_EBADREQUEST when an escape is malformed or stands for NUL,
 * PT_ENOMEM. */
pt_err_t pt_url_decode(pt_arena_t *a, pt_str_t s, pt_str_t *out) PT_MUST_CHECK;
/* Encodes len bytes as base64url without padding (RFC 4648, section 5), on the
 * arena.  The only error is PT_ENOMEM. */
pt_err_t pt_base64url_build(pt_arena_t *a, const uint8_t *in, size_t len,
                            pt_str_t *out) PT_MUST_CHECK;
/* Decodes base64url without padding.  dst is the caller's and holds at least
 * (s.len * 3) / 4 + 3 bytes; *len is how many were written.  false: a
 * character is not of the alphabet, there is padding, or bits that must be
 * zero are not. */
bool pt_base64url_parse(pt_str_t s, uint8_t *dst, size_t *len);
/* Writes len bytes as 2 * len hex digits in lower case, and no NUL. */
void pt_hex_build(const uint8_t *in, size_t len, char *out);
/* Decodes 2 * out_len hex digits in either case to out_len bytes.  false: s has
 * another length or another character. */
bool pt_hex_parse(pt_str_t s, uint8_t *out, size_t out_len);

/* The value of each byte as a hex digit; PT_HEX_BAD of one that is none. */
#define PT_HEX_BAD 64u
extern const uint8_t pt_hex_values[256];

/* ---- text ---- */

/* Whether s is valid UTF-8 (RFC 3629).  NUL is valid here. */
bool pt_utf8_is(pt_str_t s);
/* Gives the longest prefix of s that has at most n characters (code points),
 * borrowed from s. */
pt_str_t pt_utf8_prefix(pt_str_t s, size_t n);
/* Counts the characters (code points) of valid UTF-8. */
size_t pt_utf8_count(pt_str_t s);

/* Gives s without the blanks and tabs at its ends, borrowed from s. */
pt_str_t pt_utf8_trim(pt_str_t s);

/* Takes the first character off *rest, which is valid UTF-8 and not empty, and
 * gives its code point. */
uint32_t pt_utf8_next(pt_str_t *rest);
/* Whether a character shows nothing by itself: a control character, white
 * space, a blank, or what Unicode calls default ignorable. */
bool pt_utf8_char_is_blank(uint32_t c);
/* Whether s, which is valid UTF-8, has such characters alone or none at all. */
bool pt_utf8_is_blank(pt_str_t s);
/* Whether a character has no place in a name of one line: a control character,
 * the end of a line or of a paragraph, or an invisible character that does not
 * shape its neighbours, as marks of direction are. */
bool pt_utf8_char_is_hidden(uint32_t c);

/* Copies s to the arena, with U+FFFD in the place of NUL and of each invalid
 * sequence.  *changed says whether there was one.  The only error is
 * PT_ENOMEM. */
pt_err_t pt_utf8_clean(pt_arena_t *a, pt_str_t s, pt_str_t *out,
                       bool *changed) PT_MUST_CHECK;

/* ---- hashes (libcrypto) ---- */

/* SHA-256 (FIPS 180-4) of len bytes, and HMAC-SHA256 (RFC 2104) of a message
 * under a key.  out is the caller's.  The only error is PT_ECRYPTO. */
pt_err_t pt_hash_sha256(const void *data, size_t len,
                        uint8_t out[32]) PT_MUST_CHECK;
pt_err_t pt_hash_hmac_sha256(pt_str_t key, pt_str_t msg,
                             uint8_t out[32]) PT_MUST_CHECK;
/* Compares len bytes in a time that does not depend on where they differ. */
bool pt_hash_equal(const void *a, const void *b, size_t len);

/* A stream of random bytes that is computed from a seed of 32 bytes (SHA-256 of
 * seed and counter), because the core never asks the system for randomness. */
typedef struct {
    uint8_t  seed[32];
    uint64_t counter;
} pt_rand_t;

/* Takes the next len bytes of the stream.  The only error is PT_ECRYPTO. */
pt_err_t pt_rand_get(pt_rand_t *r, uint8_t *out, size_t len) PT_MUST_CHECK;
/* Makes an id of version 7 with the next bytes of the stream.  The only error
 * is PT_ECRYPTO. */
pt_err_t pt_rand_uuid(pt_rand_t *r, int64_t unix_us,
                      pt_uuid_t *out) PT_MUST_CHECK;

/* ---- roles of a database (docs/schema.md) ---- */

#define PT_DBROLE_MAX 63 /* bytes of a name in PostgreSQL (NAMEDATALEN - 1) */
#define PT_DBROLE_PREFIX_MAX (PT_DBROLE_MAX - 8) /* "_service" follows */

typedef enum { PT_DBROLE_APP, PT_DBROLE_SERVICE, PT_DBROLE_LOOKUP } pt_dbrole_e;

/* Whether s may begin the names of roles: it has 1 to PT_DBROLE_PREFIX_MAX
 * characters, each of them one of a-z, 0-9 and _, the first one no digit, and
 * does not begin with "pg_", which PostgreSQL keeps for itself. */
bool pt_dbrole_prefix_is(pt_str_t s);

/* Writes what the names of a database's roles begin with, with a NUL behind, to
 * out, which is the caller's.  For the database "pytake" it is "pytake", else
 * "pytake_" and the database's name.  Of a name that is long or would have to
 * be quoted it is a part and a hash.  The only error is PT_ECRYPTO. */
pt_err_t pt_dbrole_prefix(pt_str_t database,
                          char     out[PT_DBROLE_PREFIX_MAX + 1]) PT_MUST_CHECK;

/* Writes the whole name of a role, with a NUL behind, to out, which is the
 * caller's.  prefix is one that pt_dbrole_prefix_is() accepts. */
void pt_dbrole_build(const char *prefix, pt_dbrole_e kind,
                     char out[PT_DBROLE_MAX + 1]);

/* ---- sealed secrets ---- */
/* Encrypts a secret, as WhatsApp's tokens are kept, with AES-256-GCM (NIST SP
 * 800-38D): *out, on the arena, is nonce(12) || ciphertext || tag(16).  The
 * nonce must be a new one for each call under a key; aad binds the secret to
 * the row that it is kept in.  Errors: PT_ELIMIT, PT_ENOMEM, PT_ECRYPTO. */
pt_err_t pt_seal(pt_arena_t *a, const uint8_t key[32], const uint8_t nonce[12],
                 pt_str_t aad, pt_str_t plain, pt_str_t *out) PT_MUST_CHECK;
/* Decrypts what pt_seal() made with the same key and aad, to the arena.
 * Errors: PT_ECRYPTO when it is too short, or was changed, or key or aad is
 * another one; PT_ENOMEM. */
pt_err_t pt_seal_open(pt_arena_t *a, const uint8_t key[32], pt_str_t aad,
                      pt_str_t sealed, pt_str_t *out) PT_MUST_CHECK;

#endif
