/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_signature.h: X-Hub-Signature-256, WhatsApp's proof of a webhook body.
 */

#ifndef PT_SIGNATURE_H
#define PT_SIGNATURE_H

#include "core/base/pt_base.h"

/* Whether it looks like one: "sha256=" and 64 hex digits. */
bool pt_signature_is(pt_str_t header);

/*
 * header: "sha256=" and the 64 hex digits of HMAC-SHA256(secret, body), over
 * the bytes as they came.  Compared in constant time.  PT_ESIGNATURE when it
 * is absent, malformed or wrong, or when there is no secret; PT_ECRYPTO.
 */
pt_err_t pt_signature_check(pt_str_t secret, pt_str_t header,
                            pt_str_t body) PT_MUST_CHECK;

#endif
