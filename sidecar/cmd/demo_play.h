/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * demo_play.h: the script of the demo (demo_script.c) and who plays
 * it (demo_play.c).
 */

#ifndef DEMO_PLAY_H
#define DEMO_PLAY_H

#include "demo.h"
#include "pytake.h"

#define DEMO_CONTACTS_MAX 12
#define DEMO_LINES_MAX 48
#define DEMO_POSTS_MAX 16
#define DEMO_SECRET_LEN 32
#define DEMO_BODY_MAX 16384

typedef enum {
    DEMO_IN = 0,
    DEMO_SENT, /* what became of an answer */
    DEMO_DELIVERED,
    DEMO_READ,
    DEMO_UNDELIVERABLE, /* failed, 131026 */
    DEMO_REENGAGE       /* failed, 131047: outside the 24 hours */
} demo_kind_t;

/* A customer, and how their conversation is left. */
typedef struct {
    const char *name;
    const char *wa_id;    /* or NULL: the number is hidden */
    const char *user_id;  /* the business-scoped id then */
    const char *username; /* NULL: none */
    int         assigned; /* index of a role; -1: nobody */
    bool        closed;
    bool        seen; /* nothing is unread */
    const char *tags; /* a,b or NULL */
} demo_contact_t;

typedef struct {
    int         minutes_ago;
    int         contact;
    demo_kind_t kind;
    const char *type;   /* NULL: text; of an answer: a template's name */
    int         quotes; /* so many lines before; 0: none */
    const char *text;   /* in, not a text: the JSON of its type, an emoji */
} demo_line_t;

/* What the tenant's admin has made: a tag, a quick reply. */
typedef struct {
    const char *path;
    const char *body;
} demo_post_t;

typedef struct {
    cmd_t               *cmd;
    db_t                *db;  /* sees everything */
    db_t                 app; /* as a worker */
    pytake_t            *pt;
    uint8_t              secret[DEMO_SECRET_LEN];
    const demo_cast_t   *cast;
    const demo_tenant_t *tenant;
    int                  which;
    int64_t              now_us;
    pt_str_t             bearers[DEMO_ROLES];
} demo_play_t;

extern const demo_contact_t demo_script_contacts[DEMO_TENANTS]
                                                [DEMO_CONTACTS_MAX];
extern const demo_line_t demo_script_lines[DEMO_TENANTS][DEMO_LINES_MAX];
extern const demo_post_t demo_script_posts[DEMO_TENANTS][DEMO_POSTS_MAX];

/*
 * What WhatsApp and the agents' programs would send (demo_send.c): 0, or
 * the exit status after a message.  A webhook's body begins down to within
 * "value", behind its metadata.
 */
int  demo_send_status(demo_play_t *t, const demo_line_t *l, const char *status,
                      pt_str_t id, int64_t at_us);
void demo_send_body_begin(demo_play_t *t, pt_buf_t *b, pt_jw_t *w);
int  demo_send_webhook(demo_play_t *t, pt_buf_t *b, pt_jw_t *w, int64_t now_us);
int  demo_send_post(demo_play_t *t, const char *path, pt_str_t body,
                    pt_str_t bearer, int status, int64_t now_us,
                    pt_json_t **out);

/* A line's own, whoever asks. */
pt_err_t demo_send_wamid(const demo_play_t *t, const demo_line_t *l,
                         pt_str_t *out);

/* NULL: the member is left out. */
void demo_send_str(pt_jw_t *w, const char *key, const char *value);

#endif
