/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * The part of "pytake doctor" that asks the running NGINX (pytake_status):
 * its secrets, addresses and versions may be others than files have by now.
 */

#include "doctor.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "migrations.h"
#include "pytake.h"

#define DOCTOR_YOUNG_S 3
#define DOCTOR_NGINX_TELL                                                      \
    "start it, or tell where its pytake_status is: --nginx URL, "              \
    "PYTAKE_STATUS_URL (\"off\": it is not here)"
#define DOCTOR_RELOAD                                                          \
    "\"nginx -s reload\" reads the files again; if it stays, correct "

/* A worker's whole answer, taken apart; pieces are borrowed from it. */
typedef struct {
    pt_str_t         version;
    pt_str_t         nginx;
    int64_t          schema;
    int64_t          workers;
    int64_t          loaded_s;
    const pt_json_t *prints;
    const pt_json_t *pools;
    const pt_json_t *redis; /* not an object: it has none */
    const pt_json_t *hub;   /* not an object: it has none */
    int64_t          reporting;
    int64_t          redis_up; /* workers */
} doctor_nginx_t;

typedef struct {
    pt_fingerprint_e which;
    const char      *name;
    const char      *directive;
    const char      *harm;
} doctor_secret_t;

static bool doctor_nginx_ask(doctor_t *d, const char *url, doctor_nginx_t *n);
static bool doctor_nginx_is_young(const doctor_nginx_t *n);
static int64_t doctor_nginx_without(const doctor_nginx_t *n);
static bool doctor_nginx_parse(doctor_t *d, pt_str_t text, doctor_nginx_t *n);
static void doctor_nginx_version(doctor_t *d, const doctor_nginx_t *n);
static bool doctor_nginx_jwt(doctor_t *d, const doctor_nginx_t *n);
static void doctor_nginx_secrets(doctor_t *d, const doctor_nginx_t *n);
static bool doctor_nginx_secret(doctor_t *d, const doctor_nginx_t *n,
                                const doctor_secret_t *s);
static void doctor_nginx_database(doctor_t *d, const doctor_nginx_t *n);
static void doctor_nginx_redis(doctor_t *d, const doctor_nginx_t *n);
static void doctor_nginx_pools(doctor_t *d, const doctor_nginx_t *n);
static void doctor_nginx_hub(doctor_t *d, const doctor_nginx_t *n);
static bool doctor_path_is(doctor_t *d, pt_str_t theirs, const char *ours);

static const doctor_secret_t doctor_nginx_known[] = {
    { PT_FINGERPRINT_APP_SECRET, "WHATSAPP_APP_SECRET", "pytake_webhook_secret",
      "what WhatsApp signs is refused with 401" },
    { PT_FINGERPRINT_VERIFY_TOKEN, "WHATSAPP_WEBHOOK_VERIFY_TOKEN",
      "pytake_webhook_verify_token", "Meta cannot verify the webhook" },
};


void
doctor_nginx(doctor_t *d)
{
    const char    *url = d->cmd->conf.status_url;
    doctor_nginx_t n;

    if (strcmp(url, "off") == 0) {
        doctor_report(d, DOCTOR_OK, "nginx", "is not looked at (\"off\")");
        return;
    }

    if (!doctor_nginx_ask(d, url, &n)) {
        return;
    }

    doctor_nginx_version(d, &n);

    if (doctor_nginx_jwt(d, &n)) {
        doctor_nginx_secrets(d, &n);
        doctor_nginx_database(d, &n);
        doctor_nginx_redis(d, &n);
    }

    doctor_nginx_pools(d, &n);
    doctor_nginx_hub(d, &n);
}


/* Whatever keeps us from looking is no proof that something is wrong. */
static bool
doctor_nginx_ask(doctor_t *d, const char *url, doctor_nginx_t *n)
{
    int             i;
    const char     *why;
    doctor_answer_t answer;

    why = doctor_get(url, NULL, &answer);

    for (i = 0; i < DOCTOR_YOUNG_S && why == NULL && answer.status == 200
                && doctor_nginx_parse(d, doctor_text(&answer), n)
                && doctor_nginx_is_young(n);
         i++)
    {
        sleep(1);
        why = doctor_get(url, NULL, &answer);
    }

    if (why != NULL) {
        doctor_report(d, DOCTOR_WARN, "nginx",
                      "no answer at %.300s (%s) - " DOCTOR_NGINX_TELL, url,
                      why);
    } else if (answer.status == 403) {
        doctor_report(d, DOCTOR_WARN, "nginx",
                      "%.300s is refused, it is for this machine - ask by a "
                      "loopback address and past proxies: --nginx URL, "
                      "PYTAKE_STATUS_URL",
                      url);
    } else if (answer.status != 200) {
        doctor_report(
            d, DOCTOR_WARN, "nginx",
            "%.300s is answered %ld - include the location "
            "/_pytake/status of conf/pytake-locations.conf and reload, "
            "or " DOCTOR_NGINX_TELL,
            url, answer.status);
    } else if (doctor_nginx_parse(d, doctor_text(&answer), n)) {
        return true;
    } else {
        doctor_report(
            d, DOCTOR_WARN, "nginx",
            "what answers at %.300s is not PyTake - " DOCTOR_NGINX_TELL, url);
    }

    return false;
}


/* Workers that have just been started tell of their Redis a second later. */
static bool
doctor_nginx_is_young(const doctor_nginx_t *n)
{
    return n->loaded_s < DOCTOR_YOUNG_S && doctor_nginx_without(n) > 0;
}


/* How many workers have no Redis.  Those of the configuration before, which
 * are leaving, need none. */
static int64_t
doctor_nginx_without(const doctor_nginx_t *n)
{
    int64_t all = n->reporting < n->workers ? n->reporting : n->workers;

    return pt_json_is(n->redis, PT_JSON_OBJECT) ? all - n->redis_up : 0;
}


static bool
doctor_nginx_parse(doctor_t *d, pt_str_t text, doctor_nginx_t *n)
{
    pt_json_t *j;

    if (pt_json_parse(d->cmd->arena, text, &pt_json_limits_api, &j) != PT_OK) {
        return false;
    }

    n->prints = pt_json_find(j, "fingerprints");
    n->pools = pt_json_find(j, "pools");
    n->redis = pt_json_find(j, "redis");
    n->hub = pt_json_find(j, "hub");
    n->redis_up = 0;
    (void) pt_json_find_i64(n->redis, "up", &n->redis_up);

    return pt_json_find_str(j, "version", &n->version)
           && pt_json_find_str(j, "nginx", &n->nginx)
           && pt_json_find_i64(j, "schema", &n->schema)
           && pt_json_find_i64(j, "workers", &n->workers)
           && pt_json_find_i64(j, "loaded_s", &n->loaded_s)
           && pt_json_find_i64(j, "reporting", &n->reporting)
           && pt_json_is(n->prints, PT_JSON_OBJECT)
           && pt_json_is(n->pools, PT_JSON_OBJECT) && n->redis != NULL
           && n->hub != NULL;
}


/* A reload keeps the module's old code, so a version lags easily. */
static void
doctor_nginx_version(doctor_t *d, const doctor_nginx_t *n)
{
    int ours = migrations[migrations_count - 1].version;

    if (!pt_str_is(n->version, PYTAKE_VERSION) || n->schema != ours) {
        doctor_report(
            d, DOCTOR_WARN, "nginx",
            "its module is %.*s (schema %lld), this is %s (schema %d) - "
            "put the same in place; a reload keeps the old module, see "
            "Upgrading in docs/operations.md",
            (int) (n->version.len < 32 ? n->version.len : 32), n->version.data,
            (long long) n->schema, PYTAKE_VERSION, ours);
        return;
    }

    doctor_report(
        d, DOCTOR_OK, "nginx",
        "%.*s with PyTake %s, %lld workers, has read its files %lld s "
        "ago",
        (int) (n->nginx.len < 32 ? n->nginx.len : 32), n->nginx.data,
        PYTAKE_VERSION, (long long) n->workers, (long long) n->loaded_s);
}


/* The key of all other fingerprints: false when they cannot be compared. */
static bool
doctor_nginx_jwt(doctor_t *d, const doctor_nginx_t *n)
{
    pt_str_t theirs = doctor_print(n->prints, PT_FINGERPRINT_JWT_SECRET);

    if (d->prints.of[PT_FINGERPRINT_JWT_SECRET][0] == '\0') {
        doctor_report(d, DOCTOR_WARN, "nginx secrets",
                      "cannot be compared without JWT_SECRET - set it");
        return false;
    }

    if (theirs.len == 0) {
        doctor_report(d, DOCTOR_FAIL, "nginx secrets",
                      "NGINX has no JWT_SECRET, nobody can log in - set "
                      "pytake_jwt_secret");
        return false;
    }

    if (!doctor_print_is(d, n->prints, PT_FINGERPRINT_JWT_SECRET)) {
        doctor_report(
            d, DOCTOR_FAIL, "nginx secrets",
            "NGINX runs with another JWT_SECRET than this one, sockets "
            "close with 4002 (nothing else can be compared) - %s"
            "pytake_jwt_secret or JWT_SECRET",
            DOCTOR_RELOAD);
        return false;
    }

    return true;
}


static void
doctor_nginx_secrets(doctor_t *d, const doctor_nginx_t *n)
{
    bool   good = true;
    size_t i;

    for (i = 0; i < PT_COUNT(doctor_nginx_known); i++) {
        good = doctor_nginx_secret(d, n, &doctor_nginx_known[i]) && good;
    }

    if (good) {
        doctor_report(d, DOCTOR_OK, "nginx secrets", "are those of here");
    }
}


static bool
doctor_nginx_secret(doctor_t *d, const doctor_nginx_t *n,
                    const doctor_secret_t *s)
{
    if (d->prints.of[s->which][0] == '\0'
        || doctor_print_is(d, n->prints, s->which))
    {
        return true; /* that it is not set here was said already */
    }

    if (doctor_print(n->prints, s->which).len == 0) {
        doctor_report(d, DOCTOR_FAIL, "nginx secrets",
                      "NGINX has no %s, %s - set %s", s->name, s->harm,
                      s->directive);
    } else {
        doctor_report(
            d, DOCTOR_FAIL, "nginx secrets",
            "NGINX runs with another %s than this one, %s - %s%s or %s",
            s->name, s->harm, DOCTOR_RELOAD, s->directive, s->name);
    }

    return false;
}


/* What the database says of itself tells; one that is not reached here has
 * its address. */
static void
doctor_nginx_database(doctor_t *d, const doctor_nginx_t *n)
{
    if (doctor_print(n->prints, PT_FINGERPRINT_IDENTITY).len == 0) {
        doctor_report(d, DOCTOR_FAIL, "nginx database",
                      "NGINX has no answer from its database - look at NGINX's "
                      "error log; " DOCTOR_RELOAD "pytake_database");
    } else if (d->identity[0] != '\0'
                   ? doctor_print_is(d, n->prints, PT_FINGERPRINT_IDENTITY)
                   : doctor_print_is(d, n->prints, PT_FINGERPRINT_DATABASE))
    {
        doctor_report(d, DOCTOR_OK, "nginx database", "is that of here");
    } else if (d->identity[0] != '\0') {
        doctor_report(d, DOCTOR_FAIL, "nginx database",
                      "NGINX works on another one than this - " DOCTOR_RELOAD
                      "pytake_database or DATABASE_URL");
    } else {
        doctor_report(
            d, DOCTOR_WARN, "nginx database",
            "NGINX has another address than this - see to it that both "
            "are the same server: pytake_database, DATABASE_URL");
    }
}


static void
doctor_nginx_redis(doctor_t *d, const doctor_nginx_t *n)
{
    int64_t without = doctor_nginx_without(n);

    if (!pt_json_is(n->redis, PT_JSON_OBJECT)) {
        doctor_report(
            d, DOCTOR_WARN, "nginx redis",
            "NGINX has none, events reach agents up to 2 s late - set "
            "pytake_redis");
        return;
    }

    if (!doctor_print_is(d, n->prints, PT_FINGERPRINT_REDIS)) {
        doctor_report(
            d, DOCTOR_WARN, "nginx redis",
            "NGINX has another address than this, if it is another "
            "server events reach agents up to 2 s late - " DOCTOR_RELOAD
            "pytake_redis or REDIS_URL");
        return;
    }

    if (without > 0) {
        doctor_report(
            d, DOCTOR_WARN, "nginx redis",
            "%lld of %lld workers have none, events reach agents up to "
            "2 s late - look at NGINX's error log",
            (long long) without, (long long) n->workers);
    } else {
        doctor_report(d, DOCTOR_OK, "nginx redis", "is that of here");
    }
}


/* Connections are made when they are needed: that there are none is well. */
static void
doctor_nginx_pools(doctor_t *d, const doctor_nginx_t *n)
{
    bool             good = true;
    int64_t          away, ready, all = 0;
    const pt_json_t *p;

    for (p = n->pools->first; p != NULL; p = p->next) {
        away = ready = 0;
        (void) pt_json_find_i64(p, "away", &away);
        (void) pt_json_find_i64(p, "ready", &ready);
        all += ready;

        if (away > 0) {
            good = false;
            doctor_report(d, DOCTOR_FAIL, "nginx pools",
                          "%.*s: %lld workers do not reach the database - look "
                          "at NGINX's error log, and at PostgreSQL's "
                          "max_connections",
                          (int) (p->key.len < 32 ? p->key.len : 32),
                          p->key.data, (long long) away);
        }
    }

    if (good) {
        doctor_report(d, DOCTOR_OK, "nginx pools",
                      "%lld connections, none away", (long long) all);
    }
}


static void
doctor_nginx_hub(doctor_t *d, const doctor_nginx_t *n)
{
    bool        up = false;
    pt_str_t    path = PT_STR("");
    const char *ours = d->cmd->conf.hub_socket;

    if (!d->cmd->conf.websocket_enabled) {
        return;
    }

    if (!pt_json_find_str(n->hub, "path", &path)) {
        doctor_report(d, DOCTOR_FAIL, "nginx hub",
                      "NGINX knows none - set pytake_hub, or "
                      "WEBSOCKET_ENABLED=false");
        return;
    }

    (void) pt_json_find_bool(n->hub, "up", &up);

    if (!doctor_path_is(d, path, ours)) {
        doctor_report(d, DOCTOR_FAIL, "nginx hub",
                      "NGINX asks %.*s, not %s - correct pytake_hub or "
                      "PYTAKE_HUB_SOCKET",
                      (int) (path.len < 107 ? path.len : 107), path.data, ours);
    } else if (!up) {
        doctor_report(
            d, DOCTOR_FAIL, "nginx hub",
            "NGINX has no answer at %s - start \"pytake serve\"; if it "
            "runs, PYTAKE_HUB_GROUP is the group of NGINX's workers",
            ours);
    } else {
        doctor_report(d, DOCTOR_OK, "nginx hub", "is that of here and answers");
    }
}


/* A folder may be called by two names, as /var/run is. */
static bool
doctor_path_is(doctor_t *d, pt_str_t theirs, const char *ours)
{
    char     a[PATH_MAX], b[PATH_MAX];
    pt_str_t copy;

    if (pt_str_is(theirs, ours)) {
        return true;
    }

    return pt_arena_dup(d->cmd->arena, theirs, &copy) == PT_OK
           && realpath(copy.data, a) != NULL && realpath(ours, b) != NULL
           && strcmp(a, b) == 0;
}
