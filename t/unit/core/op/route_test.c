/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "core/pt_op_test.h"

#define ID "01a20610-653f-7d50-8b45-4e4151820c4c"


static pt_err_t
route_find(pytake_method_t method, const char *path, pytake_route_t *r)
{
    pytake_route_find(method, pt_test_str(path), r);

    return r->err;
}


/* One row an endpoint: its name, its definition, its label agree; who is
 * not public names a permission. */
START_TEST(table)
{
    size_t i, k, n;

    ck_assert_uint_eq(pytake_routes_count, pt_routes_count + 1);
    ck_assert_str_eq(pytake_routes_names[0], "none");

    for (i = 0; i < pt_routes_count; i++) {
        ck_assert_str_eq(pt_routes[i].def->name, pytake_routes_names[i + 1]);
        ck_assert_ptr_nonnull((void *) (uintptr_t) pt_routes[i].def->steps[0]);
        ck_assert((pt_routes[i].def->perm == PT_PERM_NONE)
                  == ((pt_routes[i].def->flags & PT_OP_PUBLIC) != 0));
        for (n = 0, k = 0; pt_routes[i].path[k] != '\0'; k++) {
            n += pt_routes[i].path[k] == '{';
        }
        ck_assert_uint_le(n, PT_ROUTE_PARAMS_MAX);
        for (k = 0; k < i; k++) {
            ck_assert(pt_routes[i].method != pt_routes[k].method
                      || strcmp(pt_routes[i].path, pt_routes[k].path) != 0);
            ck_assert_ptr_ne(pt_routes[i].def, pt_routes[k].def);
        }
    }
}
END_TEST


START_TEST(found)
{
    pt_uuid_t      id;
    pytake_route_t r;

    ck_assert(pt_uuid_parse(PT_STR(ID), &id));
    ck_assert_ok(
        route_find(PYTAKE_GET, "/api/v1/conversations/" ID "/messages", &r));
    ck_assert_str_eq(pt_route_def(&r)->name, "msg_list");
    ck_assert_str_eq(pytake_routes_names[r.index], "msg_list");
    ck_assert_uint_eq(r.nparams, 1);
    ck_assert(pt_uuid_eq(&r.params[0], &id));

    ck_assert_ok(route_find(PYTAKE_HEAD, "/api/v1/conversations", &r));
    ck_assert_str_eq(pt_route_def(&r)->name, "conv_list");
}
END_TEST


START_TEST(not_found)
{
    size_t         i;
    pytake_route_t r;

    static const char *const paths[] = {
        "",
        "/",
        "/api",
        "/api/v1/",
        "/api/v1/conversations/",
        "/api/v1//conversations",
        "/api/v1/conversations/" ID "/",
        "/api/v1/conversations/" ID "x",
        "/api/v1/conversations/x",
        "/api/v1/conversations/%30",
        "/api/v1/Conversations",
        "/api/v1/conversations/01a20610653f7d508b454e4151820c4c",
        "/api/v1/conversations/01a20610-653f-7d50-8b45-4e4151820c4g",
        "/api/v1/conversations/01a20610-653f-7d50-8b45-4e4151820c4g/messages",
        "/api/v1/conversations/" ID "/messages/" ID,
        "api/v1/auth/me"
    };

    for (i = 0; i < PT_COUNT(paths); i++) {
        ck_assert_int_eq(route_find(PYTAKE_GET, paths[i], &r), PT_ENOROUTE);
        ck_assert_ptr_null(pt_route_def(&r));
        ck_assert_uint_eq(r.index, 0);
    }
}
END_TEST


START_TEST(wrong_verb)
{
    pt_str_t       allow;
    pt_arena_t    *a = pt_test_arena();
    pytake_route_t r;

    ck_assert_int_eq(route_find(PYTAKE_GET, "/api/v1/auth/login", &r),
                     PT_EMETHOD);
    ck_assert_ptr_null(pt_route_def(&r));
    ck_assert_ok(pt_route_allow(a, PT_STR("/api/v1/auth/login"), &allow));
    ck_assert_slice_lit(allow, "POST");
    ck_assert_int_eq(
        route_find(PYTAKE_METHOD_OTHER, "/api/v1/conversations", &r),
        PT_EMETHOD);
    ck_assert_ok(pt_route_allow(a, PT_STR("/api/v1/conversations"), &allow));
    ck_assert_slice_lit(allow, "GET, HEAD, POST");
    pt_arena_del(a);
}
END_TEST


START_TEST(what_drivers_ask)
{
    pytake_route_t r;

    ck_assert_ok(route_find(PYTAKE_POST, "/api/v1/webhooks/whatsapp", &r));
    ck_assert(r.webhook && r.body && !r.login);
    ck_assert_uint_eq(r.body_max, PT_WEBHOOK_BODY_MAX);
    ck_assert_ok(route_find(PYTAKE_POST, "/api/v1/auth/login", &r));
    ck_assert(r.login && !r.webhook);
    ck_assert_uint_eq(r.timeout_ms, 3000);
    ck_assert(r.body);
    ck_assert_uint_eq(r.body_max, PT_PUBLIC_BODY_MAX);
    ck_assert_ok(
        route_find(PYTAKE_POST, "/api/v1/conversations/" ID "/messages", &r));
    ck_assert(r.body);
    ck_assert_uint_eq(r.body_max, PT_BODY_MAX);
    ck_assert_ok(route_find(PYTAKE_GET, "/api/v1/conversations", &r));
    ck_assert(!r.body);
    ck_assert_ok(route_find(PYTAKE_GET, "/api/v1/webhooks/whatsapp", &r));
    ck_assert(!r.body && r.webhook);
    ck_assert_int_eq(route_find(PYTAKE_POST, "/x", &r), PT_ENOROUTE);
    ck_assert(!r.login && !r.webhook);
    ck_assert_uint_eq(r.body_max, PT_BODY_MAX);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, table);
    PT_TEST_CASE(s, found);
    PT_TEST_CASE(s, not_found);
    PT_TEST_CASE(s, wrong_verb);
    PT_TEST_CASE(s, what_drivers_ask);
}


PT_TEST_MAIN(route);
