/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_http.h: the requests that come to the hub's socket, without IO: the
 * upgrade as NGINX proxies it, and GET /health, GET /metrics, POST /drain.
 * HTTP/1.1 of our own NGINX: no body, no folding, one request a connection.
 */

#ifndef HUB_HTTP_H
#define HUB_HTTP_H

#include "hub.h"

#define HUB_HTTP_MAX 8192u /* request line and headers */
#define HUB_HTTP_HEADERS_MAX 64u
#define HUB_HTTP_REPLY_MAX 1024u

typedef enum {
    HUB_HTTP_UPGRADE = 0,
    HUB_HTTP_HEALTH,
    HUB_HTTP_METRICS,
    HUB_HTTP_DRAIN
} hub_http_type_t;

/* Slices are borrowed from the text. */
typedef struct {
    hub_http_type_t type;
    char            accept[HUB_WS_ACCEPT_LEN]; /* UPGRADE, as all below */
    pt_str_t        protocol;                  /* to be echoed; len 0: none */
    bool            unsupported; /* of pytake.vN no version is ours: 4007 */
    bool            has_claims; /* NGINX has checked the Authorization header */
    pt_claims_t     claims;
    bool            has_since;
    hub_since_t     since;
    pt_str_t        addr;      /* the client's, len 0: unknown */
    int32_t         worker;    /* pid of NGINX's, also of DRAIN; 0: none */
    uint32_t        spread_ms; /* DRAIN */
} hub_http_t;

/*
 * Whether the head is complete: its length with the empty line, or 0.  *from
 * remembers how far text was looked at (begin with 0), so that a head which
 * comes byte by byte costs each byte once.
 */
size_t hub_http_end(const char *text, size_t len, size_t *from);

/* Parses a complete head.  0, or the status to answer: 400, 404, 405, 426,
 * 431. */
int hub_http_parse(pt_str_t head, hub_http_t *out);

/* The 101 answer; its length. */
size_t hub_http_accept(const hub_http_t *r, char out[HUB_HTTP_REPLY_MAX]);

/* A whole refusal (problem+json) that closes the connection; its length.
 * head: what came of the request, which its id is taken from. */
size_t hub_http_refuse(int status, pt_str_t head, char out[HUB_HTTP_REPLY_MAX]);

/* The head of a 200 answer; its length. */
size_t hub_http_head(const char *type, size_t len,
                     char out[HUB_HTTP_REPLY_MAX]);

#endif
