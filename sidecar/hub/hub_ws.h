/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_ws.h: the WebSocket protocol (RFC 6455) for a server, without IO.
 *
 * Frames that come must be masked and be text; they may be fragmented, with
 * control frames between the fragments, and their UTF-8 is checked as it comes.
 * A frame that goes out is a header in front of a payload, never fragmented and
 * never masked.  Extensions are not negotiated, so every RSV bit is an error.
 */

#ifndef HUB_WS_H
#define HUB_WS_H

#include "core/base/pt_arena.h"

#define HUB_WS_MESSAGE_MAX (16u * 1024) /* bytes of a message that comes */
#define HUB_WS_FRAGMENTS_MAX 64u        /* frames of one message */
#define HUB_WS_CONTROL_MAX 125u         /* bytes, RFC 6455, section 5.5 */
#define HUB_WS_HEADER_MAX 10u           /* bytes, of a frame that goes out */
#define HUB_WS_ACCEPT_LEN 28u           /* base64 of 20 bytes */

typedef enum {
    HUB_WS_OP_CONT = 0x0,
    HUB_WS_OP_TEXT = 0x1,
    HUB_WS_OP_BINARY = 0x2,
    HUB_WS_OP_CLOSE = 0x8,
    HUB_WS_OP_PING = 0x9,
    HUB_WS_OP_PONG = 0xa
} hub_ws_opcode_t;

typedef enum {
    HUB_WS_MORE = 0, /* all input was used, nothing is complete */
    HUB_WS_TEXT,     /* a whole text message */
    HUB_WS_PING,     /* answer with the same payload */
    HUB_WS_PONG,
    HUB_WS_CLOSE, /* the peer closes; code is its, or 1005 for none */
    HUB_WS_ERROR  /* the peer broke the protocol; close with code */
} hub_ws_event_t;

/*
 * A parser.  Zeroed memory is one that expects the first frame.  Between
 * messages it owns no memory, once hub_ws_free() was called: the buffer is
 * allocated with the first byte of a message.
 */
typedef struct {
    uint8_t *buf;     /* message so far, owned */
    uint8_t *control; /* payload of a control frame so far, owned */
    uint32_t buf_len;
    uint32_t buf_cap;
    uint32_t remaining; /* payload bytes of the frame that are to come */
    uint32_t utf8;      /* state of the UTF-8 decoder, see hub_ws.c */
    uint8_t  mask[4];
    uint8_t  mask_at;  /* index into mask for the next byte */
    uint8_t  head[14]; /* header of the frame so far */
    uint8_t  head_len;
    uint8_t  head_need; /* bytes the header has; 0: none has begun */
    uint8_t  opcode;    /* of the current frame */
    uint8_t  fragments; /* frames of the current message */
    uint8_t  control_len;
    bool     fin : 1;        /* the current frame ends its message */
    bool     in_frame : 1;   /* the payload of a frame is to come */
    bool     in_message : 1; /* a text message is not complete */
    bool     failed : 1;     /* ERROR or CLOSE was returned */
} hub_ws_t;

typedef struct {
    hub_ws_event_t type;
    uint16_t       code; /* close code of CLOSE and ERROR */
    /* Text, payload or reason of TEXT, PING, PONG, CLOSE; borrowed until the
     * next call on this parser. */
    pt_str_t data;
} hub_ws_in_t;

/*
 * Parses data up to the end of one event, which *in describes, and sets *used
 * to the bytes of it that were used.  The caller goes on with the rest until
 * the event is HUB_WS_MORE.  data is unmasked in place, so it is changed.
 *
 * Out of memory, a message over HUB_WS_MESSAGE_MAX and every breach of the
 * protocol are HUB_WS_ERROR with the close code of RFC 6455, section 7.4.1.
 * After HUB_WS_ERROR and HUB_WS_CLOSE all input is dropped.
 */
void hub_ws_feed(hub_ws_t *ws, const pt_mem_t *mem, uint8_t *data, size_t len,
                 size_t *used, hub_ws_in_t *in);

/* Frees the buffers.  Idempotent; the parser can be used on. */
void hub_ws_free(hub_ws_t *ws, const pt_mem_t *mem);

/* Writes the header of an unmasked, final frame (RFC 6455, section 5.2) to out
 * and returns its length: 2, 4 or 10. */
size_t hub_ws_header(uint8_t out[HUB_WS_HEADER_MAX], hub_ws_opcode_t op,
                     size_t payload_len);

/* Writes the Sec-WebSocket-Accept of a Sec-WebSocket-Key (RFC 6455, section
 * 4.2.2) to out, without a NUL.  PT_EBADREQUEST: key is not base64 of 16 bytes;
 * PT_ECRYPTO: there is no SHA-1. */
pt_err_t hub_ws_accept(pt_str_t key, char out[HUB_WS_ACCEPT_LEN]) PT_MUST_CHECK;

/* Returns whether a peer may send this close code (RFC 6455, section 7.4). */
bool hub_ws_close_code_is(uint16_t code);

#endif
