/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * cmd_demo_talk.h: the script of the demo (cmd_demo_script.c) and who plays
 * it (cmd_demo_talk.c).
 */

#ifndef CMD_DEMO_TALK_H
#define CMD_DEMO_TALK_H

#include "cmd_demo.h"
#include "pytake.h"

#define TALK_CONTACTS_MAX 12
#define TALK_LINES_MAX 48
#define TALK_SECRET_LEN 32
#define TALK_BODY_MAX 16384

typedef enum {
    TALK_IN = 0,
    TALK_SENT, /* what became of an answer */
    TALK_DELIVERED,
    TALK_READ,
    TALK_UNDELIVERABLE, /* failed, 131026 */
    TALK_REENGAGE       /* failed, 131047: outside the 24 hours */
} talk_kind_t;

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
} talk_contact_t;

typedef struct {
    int         minutes_ago;
    int         contact;
    talk_kind_t kind;
    const char *type;   /* NULL: text; of an answer: a template's name */
    int         quotes; /* so many lines before; 0: none */
    const char *text;   /* in, not a text: the JSON of its type, an emoji */
} talk_line_t;

typedef struct {
    cmd_t               *cmd;
    db_t                *db;  /* sees everything */
    db_t                 app; /* as a worker */
    pytake_t            *pt;
    uint8_t              secret[TALK_SECRET_LEN];
    const demo_cast_t   *cast;
    const demo_tenant_t *tenant;
    int                  which;
    int64_t              now_us;
    pt_str_t             bearers[DEMO_ROLES];
} talk_t;

extern const talk_contact_t talk_contacts[DEMO_TENANTS][TALK_CONTACTS_MAX];
extern const talk_line_t    talk_lines[DEMO_TENANTS][TALK_LINES_MAX];

/*
 * What WhatsApp and the agents' programs would send (cmd_demo_send.c): 0, or
 * the exit status after a message.  A webhook's body begins down to within
 * "value", behind its metadata.
 */
int  talk_status(talk_t *t, const talk_line_t *l, const char *status,
                 pt_str_t id, int64_t at_us);
void talk_body_begin(talk_t *t, pt_buf_t *b, pt_jw_t *w);
int  talk_webhook(talk_t *t, pt_buf_t *b, pt_jw_t *w, int64_t now_us);
int  talk_post(talk_t *t, const char *path, pt_str_t body, pt_str_t bearer,
               int status, int64_t now_us, pt_json_t **out);

/* A line's own, whoever asks. */
pt_err_t talk_wamid(const talk_t *t, const talk_line_t *l, pt_str_t *out);

/* NULL: the member is left out. */
void talk_str(pt_jw_t *w, const char *key, const char *value);

#endif
