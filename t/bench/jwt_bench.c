/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * One token verified by the core and by libjwt, in turns:
 *
 *     jwt_bench SECRET TOKEN NOW ROUNDS
 *
 * Both check the signature and read the claims that a request needs.  The
 * result is a JSON array of [ours, libjwt], nanoseconds a verification (CPU
 * time of this thread).
 */

#include "core/trust/pt_jwt.h"

#include <jwt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BENCH_VERIFICATIONS 20000
#define BENCH_ARENA_MAX (256u * 1024)


static double bench_ours(const pt_jwt_t *j, pt_str_t token, int64_t now);
static double bench_libjwt(const char *secret, const char *token, int64_t now);
static void  *bench_alloc(void *user, size_t size);
static void   bench_free(void *user, void *p);
static double bench_now(void);
static void   bench_die(const char *what);


static const pt_mem_t bench_mem = { bench_alloc, bench_free, NULL };


int
main(int argc, char **argv)
{
    int       i, n;
    double    a, b;
    int64_t   now;
    pt_jwt_t *j;

    if (argc != 5) {
        bench_die("usage: jwt_bench SECRET TOKEN NOW ROUNDS");
    }

    j = pt_jwt_new(&bench_mem, (pt_str_t){ argv[1], strlen(argv[1]) });
    if (j == NULL) {
        bench_die("the secret is refused");
    }

    now = strtoll(argv[3], NULL, 10);
    n = (int) strtol(argv[4], NULL, 10);

    putchar('[');
    for (i = 0; i < n; i++) {
        a = bench_ours(j, (pt_str_t){ argv[2], strlen(argv[2]) }, now);
        b = bench_libjwt(argv[1], argv[2], now);
        printf("%s[%.1f,%.1f]", i == 0 ? "" : ",", a, b);
    }
    puts("]");
    pt_jwt_del(j);

    return 0;
}


/* An arena a request, as in a worker. */
static double
bench_ours(const pt_jwt_t *j, pt_str_t token, int64_t now)
{
    int         i;
    double      since = bench_now();
    pt_claims_t c;
    pt_arena_t *a;

    for (i = 0; i < BENCH_VERIFICATIONS; i++) {
        a = pt_arena_new(&bench_mem, BENCH_ARENA_MAX);
        if (a == NULL || pt_jwt_verify(j, a, token, now, &c) != PT_OK) {
            bench_die("ours refuses the token");
        }
        pt_arena_del(a);
    }

    return (bench_now() - since) / BENCH_VERIFICATIONS;
}


static double
bench_libjwt(const char *secret, const char *token, int64_t now)
{
    int                      i;
    jwt_t                   *t;
    size_t                   k;
    double                   since = bench_now();
    static const char *const names[] = { "sub",  "tenant_id", "sid", "jti",
                                         "role", "iss",       "aud" };

    for (i = 0; i < BENCH_VERIFICATIONS; i++) {
        if (jwt_decode(&t, token, (const unsigned char *) secret,
                       (int) strlen(secret))
                != 0
            || jwt_get_alg(t) != JWT_ALG_HS256
            || jwt_get_grant_int(t, "exp") < now
            || jwt_get_grant_int(t, "iat") > now)
        {
            bench_die("libjwt refuses the token");
        }
        for (k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
            if (jwt_get_grant(t, names[k]) == NULL) {
                bench_die("libjwt misses a claim");
            }
        }
        jwt_free(t);
    }

    return (bench_now() - since) / BENCH_VERIFICATIONS;
}


static void *
bench_alloc(void *user, size_t size)
{
    (void) user;

    return malloc(size);
}


static void
bench_free(void *user, void *p)
{
    (void) user;

    free(p);
}


static double
bench_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);

    return (double) ts.tv_sec * 1e9 + (double) ts.tv_nsec;
}


static void
bench_die(const char *what)
{
    fprintf(stderr, "jwt_bench: %s\n", what);
    exit(1);
}
