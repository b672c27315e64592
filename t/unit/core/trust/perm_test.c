/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* Who may what: the table, and operations asked by every role. */

#include "core/pt_op_test.h"
#include "core/trust/pt_perm.h"

#define CONV "/api/v1/conversations"
#define ID "01a20610-653f-7d50-8b45-4e4151820c4c"


static const char *const roles[] = { "owner", "admin",  "supervisor",
                                     "agent", "viewer", "stranger" };

#define WRITING 4 /* the roles before this one write */
#define KNOWN 5


START_TEST(table)
{
    size_t i;

    for (i = 0; i < PT_COUNT(roles); i++) {
        pt_str_t r = pt_test_str(roles[i]);

        ck_assert(!pt_perm_may(r, PT_PERM_NONE));
        ck_assert(pt_perm_may(r, PT_PERM_SESSION_OWN));
        ck_assert(pt_perm_may(r, PT_PERM_CONVERSATION_READ) == (i < KNOWN));
        ck_assert(pt_perm_may(r, PT_PERM_MESSAGE_READ) == (i < KNOWN));
        ck_assert(pt_perm_may(r, PT_PERM_CONVERSATION_WRITE) == (i < WRITING));
        ck_assert(pt_perm_may(r, PT_PERM_MESSAGE_SEND) == (i < WRITING));
        ck_assert(pt_perm_may(r, PT_PERM_TYPING) == (i < WRITING));
    }

    ck_assert(!pt_perm_may(PT_STR(""), PT_PERM_CONVERSATION_READ));
    ck_assert(!pt_perm_may(PT_STR_NULL, PT_PERM_CONVERSATION_READ));
    ck_assert(!pt_perm_may(PT_STR("Owner"), PT_PERM_CONVERSATION_READ));
    ck_assert(!pt_perm_may(PT_STR("own"), PT_PERM_CONVERSATION_READ));
}
END_TEST


START_TEST(names)
{
    size_t i, k;

    for (i = 0; i < PT_PERM_MAX; i++) {
        ck_assert_ptr_nonnull(pt_perm_name((pt_perm_t) i).data);
        ck_assert((pt_perm_name((pt_perm_t) i).len == 0)
                  == (i == PT_PERM_NONE));
        for (k = 0; k < i; k++) {
            ck_assert(!pt_str_eq(pt_perm_name((pt_perm_t) i),
                                 pt_perm_name((pt_perm_t) k)));
        }
    }
}
END_TEST


/* Every role at every operation: the table decides, before any SQL. */
START_TEST(operations)
{
    fx_t               f;
    char               detail[128], path[128];
    bool               may;
    size_t             i, r;
    const pt_op_def_t *def;

    fx_init(&f);

    for (i = 0; i < pt_routes_count; i++) {
        def = pt_routes[i].def;
        if ((def->flags & PT_OP_PUBLIC) != 0) {
            continue;
        }

        for (r = 0; r < PT_COUNT(roles); r++) {
            f.role = roles[r];
            f.req.authorization = PT_STR_NULL;
            may = pt_perm_may(pt_test_str(roles[r]), def->perm);
            snprintf(path, sizeof(path), "%s", pt_routes[i].path);
            if (strchr(path, '{') != NULL) {
                snprintf(strchr(path, '{'), sizeof(path) / 2, "%s%s", ID,
                         strchr(pt_routes[i].path, '}') + 1);
            }
            fx_start(&f, pt_routes[i].method, path, "{\"content\":\"x\"}");

            if (may) {
                fx_next(&f);
                ck_assert_str_ne(f.op->code, "forbidden");
                continue;
            }

            fx_problem(&f, 403, "forbidden");
            snprintf(detail, sizeof(detail),
                     "\"detail\":\"This needs the "
                     "permission %.*s\"",
                     (int) pt_perm_name(def->perm).len,
                     pt_perm_name(def->perm).data);
            ck_assert_has(f.eff.u.done.body, detail);
        }
    }

    fx_free(&f);
}
END_TEST


/* 401 comes before 403, and 403 before 415, 413 and 400. */
START_TEST(order)
{
    fx_t f;

    fx_init(&f);
    f.role = "viewer";
    f.req.content_type = PT_STR("text/plain");
    f.req.body_too_large = true;
    f.req.idempotency_key = PT_STR("no\x01key");
    fx_start(&f, PYTAKE_POST, CONV "/" ID "/messages?x=%zz", "not JSON");
    fx_problem(&f, 403, "forbidden");

    f.role = "agent";
    f.req.authorization = PT_STR_NULL;
    fx_start(&f, PYTAKE_POST, CONV "/" ID "/messages?x=%zz", "not JSON");
    fx_problem(&f, 415, "unsupported_media_type");

    f.role = "viewer";
    f.req.authorization = fx_token(&f, f.now_us / 1000000 - 60);
    fx_start(&f, PYTAKE_POST, CONV "/" ID "/messages", "{}");
    fx_problem(&f, 401, "token_expired");
    fx_free(&f);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, table);
    PT_TEST_CASE(s, names);
    PT_TEST_CASE(s, operations);
    PT_TEST_CASE(s, order);
}


PT_TEST_MAIN(perm);
