/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * The route table, one row for each endpoint.  It stands above all rooms of the
 * core, because it names every operation; core/op/pt_route.c looks paths
 * up in it.
 */

#include "core/op/pt_op_parts.h"

/*
 * Method, path and operation.  The operation's definition is pt_<operation>,
 * and its name in logs and metrics is <operation>.  A segment "{...}" stands
 * for a UUID.
 */
#define PT_ROUTE_TABLE(ROW)                                                    \
    ROW(POST, "/api/v1/auth/login", auth_login)                                \
    ROW(POST, "/api/v1/auth/refresh", auth_refresh)                            \
    ROW(POST, "/api/v1/auth/logout", auth_logout)                              \
    ROW(GET, "/api/v1/auth/me", auth_me)                                       \
    ROW(GET, "/api/v1/conversations", conv_list)                               \
    ROW(POST, "/api/v1/conversations", conv_create)                            \
    ROW(GET, "/api/v1/conversations/{id}", conv_get)                           \
    ROW(GET, "/api/v1/conversations/{id}/messages", msg_list)                  \
    ROW(POST, "/api/v1/conversations/{id}/messages", msg_send)                 \
    ROW(POST, "/api/v1/conversations/{id}/read", conv_read)                    \
    ROW(POST, "/api/v1/conversations/{id}/assign", conv_assign)                \
    ROW(POST, "/api/v1/conversations/{id}/close", conv_close)                  \
    ROW(POST, "/api/v1/conversations/{id}/reopen", conv_reopen)                \
    ROW(GET, "/api/v1/users", user_list)                                       \
    ROW(GET, "/api/v1/whatsapp-configs", number_list)                          \
    ROW(GET, "/api/v1/tags", tag_list)                                         \
    ROW(POST, "/api/v1/tags", tag_create)                                      \
    ROW(GET, "/api/v1/tags/{id}", tag_get)                                     \
    ROW(PATCH, "/api/v1/tags/{id}", tag_patch)                                 \
    ROW(DELETE, "/api/v1/tags/{id}", tag_delete)                               \
    ROW(GET, "/api/v1/quick-replies", quick_reply_list)                        \
    ROW(POST, "/api/v1/quick-replies", quick_reply_create)                     \
    ROW(GET, "/api/v1/quick-replies/{id}", quick_reply_get)                    \
    ROW(PATCH, "/api/v1/quick-replies/{id}", quick_reply_patch)                \
    ROW(DELETE, "/api/v1/quick-replies/{id}", quick_reply_delete)              \
    ROW(POST, "/api/v1/quick-replies/{id}/render", quick_reply_render)         \
    ROW(GET, "/api/v1/settings", settings_get)                                 \
    ROW(PATCH, "/api/v1/settings", settings_patch)                             \
    ROW(UPGRADE, PYTAKE_WS_PATH, ws_admit)                                     \
    ROW(GET, "/api/v1/webhooks/whatsapp", webhook_verify)                      \
    ROW(POST, "/api/v1/webhooks/whatsapp", webhook_ingest)

#define PT_ROUTE_DECLARE(m, p, op) extern const pt_op_def_t pt_##op;
#define PT_ROUTE_ROW(m, p, op) { PYTAKE_##m, p, &pt_##op },
#define PT_ROUTE_NAME(m, p, op) #op,


PT_ROUTE_TABLE(PT_ROUTE_DECLARE)

const pt_route_t pt_routes[] = { PT_ROUTE_TABLE(PT_ROUTE_ROW) };

const size_t pt_routes_count = PT_COUNT(pt_routes);

const char *const pytake_routes_names[] = { "none",
                                            PT_ROUTE_TABLE(PT_ROUTE_NAME) };

const uint16_t pytake_routes_count = PT_COUNT(pytake_routes_names);
