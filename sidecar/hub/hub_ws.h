/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_ws.h: RFC 6455 for a server, without IO.  Frames in: masked, text,
 * fragments, control frames between fragments, UTF-8 checked as it comes.
 * Frames out: a header in front of a payload, never fragmented, never masked.
 * Extensions are declined, so every RSV bit is an error.
 */

#ifndef HUB_WS_H
#define HUB_WS_H

#include "core/base/pt_arena.h"

#define HUB_WS_MESSAGE_MAX (16u * 1024) /* an inbound message */
#define HUB_WS_FRAGMENTS_MAX 64u        /* frames of one message */
#define HUB_WS_CONTROL_MAX 125u         /* RFC 6455, section 5.5 */
#define HUB_WS_HEADER_MAX 10u           /* of a frame out */
#define HUB_WS_ACCEPT_LEN 28u

typedef enum {
    HUB_WS_OP_CONT = 0x0,
    HUB_WS_OP_TEXT = 0x1,
    HUB_WS_OP_BINARY = 0x2,
    HUB_WS_OP_CLOSE = 0x8,
    HUB_WS_OP_PING = 0x9,
    HUB_WS_OP_PONG = 0xa
} hub_ws_opcode_t;

typedef enum {
    HUB_WS_MORE = 0, /* all input eaten, nothing complete */
    HUB_WS_TEXT,     /* a whole text message */
    HUB_WS_PING,     /* answer with the same payload */
    HUB_WS_PONG,
    HUB_WS_CLOSE, /* the peer closes: code, or 1005 when it gave none */
    HUB_WS_ERROR  /* the connection ends: code is the close code to send */
} hub_ws_event_t;

/*
 * An idle parser owns no memory: the message buffer lives from the first
 * byte of a message to its end.  Zeroed memory is a fresh parser.
 */
typedef struct {
    uint8_t *buf;     /* message so far */
    uint8_t *control; /* a control frame's payload, while it comes */
    uint32_t buf_len;
    uint32_t buf_cap;
    uint32_t remaining; /* of the current frame's payload */
    uint32_t utf8;      /* decoder state, see hub_ws.c */
    uint8_t  mask[4];
    uint8_t  mask_at; /* 0..3 */
    uint8_t  head[14];
    uint8_t  head_len;
    uint8_t  head_need; /* 0: between frames */
    uint8_t  opcode;    /* of the current frame */
    uint8_t  fragments;
    uint8_t  control_len;
    bool     fin : 1;
    bool     in_frame : 1;
    bool     in_message : 1; /* a data message is unfinished */
    bool     failed : 1;
} hub_ws_t;

typedef struct {
    hub_ws_event_t type;
    uint16_t       code; /* CLOSE, ERROR */
    pt_str_t       data; /* TEXT, PING, PONG, CLOSE's reason: borrowed until
                            the next call on this parser */
} hub_ws_in_t;

/*
 * Eats input up to the end of one event.  *used tells how much; call again
 * with the rest until HUB_WS_MORE.  data is unmasked in place (scratch).
 * After HUB_WS_ERROR or HUB_WS_CLOSE further input is eaten silently.
 */
void hub_ws_feed(hub_ws_t *ws, const pt_mem_t *mem, uint8_t *data, size_t len,
                 size_t *used, hub_ws_in_t *in);

/* Frees what an unfinished message holds. */
void hub_ws_free(hub_ws_t *ws, const pt_mem_t *mem);

/* The header of an unmasked, final frame; returns its length (2, 4, 10). */
size_t hub_ws_header(uint8_t out[HUB_WS_HEADER_MAX], hub_ws_opcode_t op,
                     size_t payload_len);

/* Sec-WebSocket-Accept of a key (RFC 6455, section 4.2.2); PT_EBADREQUEST
 * when the key is not base64 of 16 bytes. */
pt_err_t hub_ws_accept(pt_str_t key, char out[HUB_WS_ACCEPT_LEN]) PT_MUST_CHECK;

/* Whether a close code may appear on the wire (section 7.4). */
bool hub_ws_close_code_is(uint16_t code);

#endif
