/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_bus.h: who may be believed on Redis.  Everybody who reaches Redis can
 * publish there, so a text that sockets may hear is signed: HMAC-SHA256 with
 * a key derived from the JWT secret, over the channel, the text and the time.
 *
 *     <text> <time> <mac>
 *
 * time: unix microseconds, 16 hex digits; mac: the first 16 bytes, 32 hex
 * digits.
 */

#ifndef PT_BUS_H
#define PT_BUS_H

#include "pt_util.h"

#define PT_BUS_KEY 32
#define PT_BUS_TIME 16
#define PT_BUS_MAC 16
#define PT_BUS_SEAL (1 + PT_BUS_TIME + 1 + 2 * PT_BUS_MAC)
#define PT_BUS_CHANNEL_MAX 64
#define PT_BUS_TEXT_MAX (PT_PUBLISH_FRAME_MAX + 64)
/* How far its time may be from ours: what is older may be a recording. */
#define PT_BUS_FRESH_US INT64_C(30000000)

pt_err_t pt_bus_key(pt_str_t jwt_secret, uint8_t key[PT_BUS_KEY]) PT_MUST_CHECK;

/* What is put behind the text.  PT_ELIMIT: channel or text is too long. */
pt_err_t pt_bus_sign(const uint8_t key[PT_BUS_KEY], pt_str_t channel,
                     pt_str_t text, int64_t now_us,
                     char seal[PT_BUS_SEAL]) PT_MUST_CHECK;

/* Whether payload was signed for that channel, with our key, lately; then
 * *text is what was said, and *at_us when. */
bool pt_bus_verify(const uint8_t key[PT_BUS_KEY], pt_str_t channel,
                   pt_str_t payload, int64_t now_us, pt_str_t *text,
                   int64_t *at_us);

#endif
