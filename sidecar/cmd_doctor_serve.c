/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * The part of "pytake doctor" that looks at "pytake serve": the hub by its
 * socket, the courier by its connections and its table, for it may run on
 * another machine.
 */

#include "doctor.h"

#include <stdlib.h>

#include <curl/curl.h>

#include "core/pt_json.h"

#define DOCTOR_HUB_TIMEOUT_MS 2000L
#define DOCTOR_HUB_ANSWER_MAX 1024
#define DOCTOR_TOKENS_MAX "1000" /* the newest */
#define DOCTOR_LATE_S 60 /* a message that is due waits a second or two */

typedef struct {
    size_t len;
    char   text[DOCTOR_HUB_ANSWER_MAX];
} doctor_answer_t;

static CURLcode doctor_hub_ask(const char *path, doctor_answer_t *answer);
static void     doctor_hub_judge(doctor_t *d, const char *path, pt_str_t text);
static void     doctor_tokens(doctor_t *d);
static size_t   doctor_take(char *data, size_t size, size_t n, void *user);


void
doctor_hub(doctor_t *d)
{
    CURLcode        rc;
    const char     *path = d->cmd->conf.hub_socket;
    doctor_answer_t answer = { 0 };

    if (!d->cmd->conf.websocket_enabled) {
        doctor_say(d, DOCTOR_OK, "hub", "is switched off (WEBSOCKET_ENABLED)");
        return;
    }

    rc = doctor_hub_ask(path, &answer);

    if (rc != CURLE_OK) {
        doctor_say(d, DOCTOR_FAIL, "hub",
                   "no answer at %s (%s) - start \"pytake serve\", or correct "
                   "PYTAKE_HUB_SOCKET",
                   path, curl_easy_strerror(rc));
        return;
    }

    doctor_hub_judge(d, path, (pt_str_t){ answer.text, answer.len });
}


static CURLcode
doctor_hub_ask(const char *path, doctor_answer_t *answer)
{
    CURL    *h;
    CURLcode rc;

    h = curl_easy_init();
    if (h == NULL) {
        return CURLE_FAILED_INIT;
    }

    curl_easy_setopt(h, CURLOPT_URL, "http://hub/health");
    curl_easy_setopt(h, CURLOPT_UNIX_SOCKET_PATH, path);
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, DOCTOR_HUB_TIMEOUT_MS);
    curl_easy_setopt(h, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, doctor_take);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, answer);
    rc = curl_easy_perform(h);
    curl_easy_cleanup(h);

    return rc;
}


static void
doctor_hub_judge(doctor_t *d, const char *path, pt_str_t text)
{
    int64_t    conns;
    pt_str_t   status, database, redis;
    pt_json_t *j;

    if (pt_json_parse(d->cmd->arena, text, &pt_json_limits_api, &j) != PT_OK
        || !pt_json_find_str(j, "status", &status)
        || !pt_json_find_str(j, "database", &database)
        || !pt_json_find_str(j, "redis", &redis)
        || !pt_json_find_i64(j, "connections", &conns))
    {
        doctor_say(d, DOCTOR_FAIL, "hub",
                   "what answers at %s is no hub - correct "
                   "PYTAKE_HUB_SOCKET",
                   path);
    } else if (!pt_str_is(status, "ok")) {
        doctor_say(d, DOCTOR_WARN, "hub",
                   "is stopping - ask again when \"pytake serve\" is back");
    } else if (!pt_str_is(database, "up")) {
        doctor_say(d, DOCTOR_FAIL, "hub",
                   "has lost the database, sockets hear nothing - look at its "
                   "log");
    } else if (!pt_str_is(redis, "up")) {
        doctor_say(d, DOCTOR_WARN, "hub",
                   "has no Redis, events reach agents up to 2 s late - look "
                   "at its log");
    } else {
        doctor_say(d, DOCTOR_OK, "hub", "answers, %lld sockets",
                   (long long) conns);
    }
}


void
doctor_courier(doctor_t *d)
{
    long      here, late_s;
    PGresult *res;

    if (!doctor_ask(d, "courier",
                    "SELECT count(*), (SELECT coalesce(extract(epoch FROM"
                    " now() - min(x.next_attempt_at)), 0)::bigint"
                    " FROM public.outbox_lanes l CROSS JOIN LATERAL"
                    " public.pytake_outbox_next(l.tenant_id,"
                    " l.whatsapp_config_id, l.lane, now(), 1) x)"
                    " FROM pg_stat_activity"
                    " WHERE datname = current_database()"
                    " AND application_name = 'pytake courier'",
                    &res))
    {
        return;
    }
    here = strtol(db_cell(res, 0, 0), NULL, 10);
    late_s = strtol(db_cell(res, 0, 1), NULL, 10);
    PQclear(res);

    if (here == 0) {
        doctor_say(d, DOCTOR_FAIL, "courier",
                   "none is connected to the database, replies wait in the "
                   "outbox - start \"pytake serve\" with PYTAKE_ENCRYPTION_KEY "
                   "set");
    } else if (late_s > DOCTOR_LATE_S) {
        doctor_say(d, DOCTOR_FAIL, "courier",
                   "a reply has been due for %ld s - look at the log of "
                   "\"pytake serve\"",
                   late_s);
    } else {
        doctor_say(d, DOCTOR_OK, "courier", "is at work");
    }

    doctor_list(d, "numbers",
                "SELECT id || ' (' || status_reason || ')'"
                " FROM public.whatsapp_configs WHERE status = 'stopped'"
                " ORDER BY id",
                "none is stopped",
                "stopped, replies wait - mend the cause, then \"pytake number "
                "token\"");

    if (d->cmd->conf.has_key) {
        doctor_tokens(d);
    }
}


static void
doctor_tokens(doctor_t *d)
{
    int       i, n, shut = 0;
    PGresult *res;

    if (!doctor_ask(d, "tokens",
                    "SELECT tenant_id, id, encode(access_token_sealed, 'hex')"
                    " FROM public.whatsapp_configs"
                    " WHERE access_token_sealed IS NOT NULL"
                    " ORDER BY updated_at DESC LIMIT " DOCTOR_TOKENS_MAX,
                    &res))
    {
        return;
    }
    n = PQntuples(res);

    for (i = 0; i < n; i++) {
        shut += !cmd_token_opens(d->cmd, db_cell(res, i, 0), db_cell(res, i, 1),
                                 db_cell(res, i, 2));
    }
    PQclear(res);

    if (shut > 0) {
        doctor_say(d, DOCTOR_FAIL, "tokens",
                   "%d of %d do not open, replies wait - correct "
                   "PYTAKE_ENCRYPTION_KEY, or \"pytake number token\"",
                   shut, n);
    } else {
        doctor_say(d, DOCTOR_OK, "tokens", "open");
    }
}


static size_t
doctor_take(char *data, size_t size, size_t n, void *user)
{
    size_t           len = size * n;
    doctor_answer_t *answer = user;

    if (len > sizeof(answer->text) - answer->len) {
        return 0; /* curl gives up: no hub says so much */
    }

    memcpy(answer->text + answer->len, data, len);
    answer->len += len;

    return len;
}
