/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_bus.h: signatures on Redis.  Whoever reaches Redis can publish there, so a
 * text that sockets may hear is signed: HMAC-SHA256 (RFC 2104) with a key that
 * is derived from the JWT secret, over the channel, the text and the time.  A
 * published payload reads
 *
 *     <text> <time> <mac>
 *
 * with the time as microseconds of Unix time in 16 hex digits and the first 16
 * bytes of the HMAC in 32 hex digits.
 */

#ifndef PT_BUS_H
#define PT_BUS_H

#include "pt_util.h"

/* Sizes in bytes: the key, the time's digits, the HMAC that is kept, and what
 * is put behind a text. */
#define PT_BUS_KEY 32
#define PT_BUS_TIME 16
#define PT_BUS_MAC 16
#define PT_BUS_SEAL (1 + PT_BUS_TIME + 1 + 2 * PT_BUS_MAC)
#define PT_BUS_CHANNEL_MAX 64
#define PT_BUS_TEXT_MAX (PT_PUBLISH_FRAME_MAX + 64)
/* How far the time of a payload may be from ours, either way: an older one may
 * have been recorded by somebody who sends it again. */
#define PT_BUS_FRESH_US INT64_C(30000000)

/* Derives the key from the JWT secret.  key is the caller's.  The only error is
 * PT_ECRYPTO. */
pt_err_t pt_bus_key(pt_str_t jwt_secret, uint8_t key[PT_BUS_KEY]) PT_MUST_CHECK;

/* Writes what is put behind a text that is published to a channel at now_us, to
 * seal, which is the caller's and gets no NUL.  Errors: PT_ELIMIT when channel
 * or text is longer than PT_BUS_CHANNEL_MAX or PT_BUS_TEXT_MAX, PT_ECRYPTO. */
pt_err_t pt_bus_sign(const uint8_t key[PT_BUS_KEY], pt_str_t channel,
                     pt_str_t text, int64_t now_us,
                     char seal[PT_BUS_SEAL]) PT_MUST_CHECK;

/* Whether payload was signed for that channel, with this key, and its time is
 * within PT_BUS_FRESH_US of now_us.  If so, *text is the signed text, borrowed
 * from payload, and *at_us its time. */
bool pt_bus_verify(const uint8_t key[PT_BUS_KEY], pt_str_t channel,
                   pt_str_t payload, int64_t now_us, pt_str_t *text,
                   int64_t *at_us);

#endif
