/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_webhook.h: WhatsApp's callback (docs/webhook.md).  Its GET proves to Meta
 * that the address is ours, its POST ingests what WhatsApp tells.
 */

#ifndef PT_WEBHOOK_H
#define PT_WEBHOOK_H

#include "core/op/pt_op.h"

/* How many bytes of a challenge the answer to the GET echoes at most. */
#define PT_WEBHOOK_CHALLENGE_MAX 256u
#define PT_WEBHOOK_CHUNK_MAX 500u /* items of one transaction */

/* How many bytes of the arena must be left when a body was read, so that its
 * largest item can be stored. */
#define PT_WEBHOOK_ROOM (8u * 1024 * 1024)

extern const pt_op_def_t pt_webhook_verify;
extern const pt_op_def_t pt_webhook_ingest;

#endif
