/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_webhook.h: WhatsApp's callback: GET proves that it is ours, POST
 * ingests.  docs/webhook.md.
 */

#ifndef PT_WEBHOOK_H
#define PT_WEBHOOK_H

#include "core/op/pt_op.h"

#define PT_WEBHOOK_CHALLENGE_MAX 256u
#define PT_WEBHOOK_CHUNK_MAX 500u /* events of one transaction */

/* What reading must leave of the arena: the largest item, stored. */
#define PT_WEBHOOK_ROOM (8u * 1024 * 1024)

extern const pt_op_def_t pt_webhook_verify;
extern const pt_op_def_t pt_webhook_ingest;

#endif
