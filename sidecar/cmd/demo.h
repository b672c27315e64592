/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * demo.h: what the files of "pytake demo" share: who is in the demo
 * (demo_cast.c), what was said (demo_play.c), what is on the customers'
 * phones (demo_phones.c), and the state file.
 */

#ifndef DEMO_H
#define DEMO_H

#include "cmd.h"
#include "core/base/pt_json.h"

#define DEMO_TENANTS 2
#define DEMO_ROLES 5
#define DEMO_ADMIN 1 /* indexes of the roles that answer */
#define DEMO_SUPERVISOR 2
#define DEMO_AGENT 3
#define DEMO_TOKEN_LEN 48

typedef struct {
    pt_uuid_t id;
    char      email[64];
    char      password[CMD_PASSWORD_LEN + 1];
} demo_user_t;

typedef struct {
    pt_uuid_t   id;
    pt_uuid_t   config_id;
    char        access_token[DEMO_TOKEN_LEN + 1];
    demo_user_t users[DEMO_ROLES];
} demo_tenant_t;

/* Who they are: the same on every installation. */
typedef struct {
    const char *name;
    const char *domain;
    const char *phone_number_id;
    const char *waba_id;
    const char *display;
    const char *people[DEMO_ROLES];
} demo_cast_t;

extern const demo_cast_t demo_cast[DEMO_TENANTS];
extern const char *const demo_roles[DEMO_ROLES];

/*
 * Contacts, conversations, messages: pushed through the core's own
 * operations, so that rows and events are what a real webhook and a real
 * answer leave.  Only for a tenant without conversations.  0, or the exit
 * status after a message.
 */
int demo_play(cmd_t *c, db_t *db, const demo_tenant_t tenants[DEMO_TENANTS]);

/*
 * The member "contacts" of a tenant: its customers with what they wrote and
 * got, as the database has it, for the simulator's phones:
 * [{"wa_id", "user_id", "username", "name", "messages"}].  0, or the exit
 * status after a message.
 */
int demo_phones(db_t *db, const demo_tenant_t *t, pt_jw_t *w);

#endif
