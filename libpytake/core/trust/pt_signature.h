/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_signature.h: X-Hub-Signature-256, by which a webhook body proves that it
 * comes from WhatsApp (Meta's page "Webhooks, Getting Started", section
 * "Validating Payloads").
 */

#ifndef PT_SIGNATURE_H
#define PT_SIGNATURE_H

#include "core/base/pt_base.h"

/* Whether a header has the form of a signature: "sha256=" and 64 hex digits. */
bool pt_signature_is(pt_str_t header);

/*
 * Checks that header is "sha256=" and the 64 hex digits of HMAC-SHA256(secret,
 * body).  body is the bytes as they came, because a changed blank changes the
 * signature.  The comparison takes constant time.  All three slices are
 * borrowed during the call.  Errors: PT_ESIGNATURE when the header is absent,
 * malformed or wrong, or when there is no secret; PT_ECRYPTO.
 */
pt_err_t pt_signature_check(pt_str_t secret, pt_str_t header,
                            pt_str_t body) PT_MUST_CHECK;

#endif
