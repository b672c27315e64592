/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_http.h: parses the requests that come to the hub's socket, without IO:
 * the upgrade (RFC 6455, section 4.2) as NGINX proxies it, and GET /health,
 * GET /metrics, POST /drain.  It understands HTTP/1.1 as our own NGINX sends
 * it: no body, no folded header, one request on a connection.
 */

#ifndef HUB_HTTP_H
#define HUB_HTTP_H

#include "hub.h"

#define HUB_HTTP_MAX 8192u /* bytes of request line and headers */
#define HUB_HTTP_HEADERS_MAX 64u
#define HUB_HTTP_REPLY_MAX 1024u /* bytes of an answer made here */

typedef enum {
    HUB_HTTP_UPGRADE = 0,
    HUB_HTTP_HEALTH,
    HUB_HTTP_METRICS,
    HUB_HTTP_DRAIN
} hub_http_type_t;

/* A parsed request.  Its slices are borrowed from the head and live as long as
 * that does. */
typedef struct {
    hub_http_type_t type;
    char            accept[HUB_WS_ACCEPT_LEN]; /* UPGRADE, as all below */
    pt_str_t        protocol;    /* subprotocol to echo; len 0: none */
    bool            unsupported; /* it offers only other versions than ours */
    bool            has_claims;  /* NGINX has checked its Authorization */
    pt_claims_t     claims;
    bool            has_since;
    hub_since_t     since;
    pt_str_t        addr;      /* address of the client; len 0: not known */
    int32_t         worker;    /* pid of the worker, of DRAIN, too; 0: none */
    uint32_t        spread_ms; /* DRAIN: see hub_drain() */
} hub_http_t;

/*
 * Returns the length of the head, with the empty line that ends it, or 0 when
 * it is not complete.  *from, which begins with 0, remembers how far text was
 * looked at, so that a head which comes byte by byte costs each byte once.
 */
size_t hub_http_end(const char *text, size_t len, size_t *from);

/* Parses a complete head into *out.  Returns 0, or the status of the refusal:
 * 400, 404, 405, 426 or 431. */
int hub_http_parse(pt_str_t head, hub_http_t *out);

/* Writes the 101 answer (RFC 6455, section 4.2.2) to out and returns its
 * length; 0: it is too long. */
size_t hub_http_accept(const hub_http_t *r, char out[HUB_HTTP_REPLY_MAX]);

/* Writes a whole refusal (problem+json, RFC 9457), after which the connection
 * is closed, to out and returns its length; 0: it is too long.  head is what
 * came of the request, complete or not, which the request id is taken from. */
size_t hub_http_refuse(int status, pt_str_t head, char out[HUB_HTTP_REPLY_MAX]);

/* Writes the head of a 200 answer with a body of len bytes of that type to out
 * and returns its length; 0: it is too long. */
size_t hub_http_head(const char *type, size_t len,
                     char out[HUB_HTTP_REPLY_MAX]);

#endif
