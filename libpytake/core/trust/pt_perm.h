/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_perm.h: who may do what.  Every operation that is not public names one
 * permission; a role has those that the table below gives it.
 */

#ifndef PT_PERM_H
#define PT_PERM_H

#include "core/base/pt_base.h"

#define PT_ROLE_OWNER 0x01u
#define PT_ROLE_ADMIN 0x02u
#define PT_ROLE_SUPERVISOR 0x04u
#define PT_ROLE_AGENT 0x08u
#define PT_ROLE_VIEWER 0x10u
#define PT_ROLE_OTHER 0x20u /* any other role that a token names */

#define PT_ROLES_RULING (PT_ROLE_OWNER | PT_ROLE_ADMIN)
#define PT_ROLES_LEADING (PT_ROLE_OWNER | PT_ROLE_ADMIN | PT_ROLE_SUPERVISOR)
#define PT_ROLES_WRITING                                                       \
    (PT_ROLE_OWNER | PT_ROLE_ADMIN | PT_ROLE_SUPERVISOR | PT_ROLE_AGENT)
#define PT_ROLES_KNOWN (PT_ROLES_WRITING | PT_ROLE_VIEWER)
#define PT_ROLES_ALL (PT_ROLES_KNOWN | PT_ROLE_OTHER)

/* Each permission, its name in the API, and the roles that have it. */
#define PT_PERM_TABLE(ROW)                                                     \
    ROW(SESSION_OWN, "session.own", PT_ROLES_ALL)                              \
    ROW(CONVERSATION_READ, "conversation.read", PT_ROLES_KNOWN)                \
    ROW(CONVERSATION_WRITE, "conversation.write", PT_ROLES_WRITING)            \
    ROW(MESSAGE_READ, "message.read", PT_ROLES_KNOWN)                          \
    ROW(MESSAGE_SEND, "message.send", PT_ROLES_WRITING)                        \
    ROW(TYPING, "typing", PT_ROLES_WRITING)                                    \
    ROW(USER_READ, "user.read", PT_ROLES_KNOWN)                                \
    ROW(NUMBER_READ, "number.read", PT_ROLES_KNOWN)                            \
    ROW(TAG_READ, "tag.read", PT_ROLES_KNOWN)                                  \
    ROW(TAG_WRITE, "tag.write", PT_ROLES_LEADING)                              \
    ROW(QUICK_REPLY_READ, "quick_reply.read", PT_ROLES_KNOWN)                  \
    ROW(QUICK_REPLY_WRITE, "quick_reply.write", PT_ROLES_LEADING)              \
    ROW(SETTINGS_READ, "settings.read", PT_ROLES_KNOWN)                        \
    ROW(SETTINGS_WRITE, "settings.write", PT_ROLES_RULING)

#define PT_PERM_ENUM(id, name, roles) PT_PERM_##id,

/* PT_PERM_NONE is what public operations name, and no role has it. */
typedef enum {
    PT_PERM_NONE = 0,
    PT_PERM_TABLE(PT_PERM_ENUM) PT_PERM_MAX
} pt_perm_t;

/* Gives a permission's name in the API ("message.send"), a string literal; ""
 * of PT_PERM_NONE. */
pt_str_t pt_perm_name(pt_perm_t perm);

/* Whether a role has a permission.  A role that is not known has
 * PT_PERM_SESSION_OWN alone, as everybody has. */
bool pt_perm_may(pt_str_t role, pt_perm_t perm);

#endif
