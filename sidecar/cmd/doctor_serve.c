/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * The part of "pytake doctor" that looks at "pytake serve": the hub by its
 * socket, the courier by its connections and its table, for it may run on
 * another machine.
 */

#include "doctor.h"

#include "pytake.h"

#define DOCTOR_TOKENS_MAX 1000 /* the newest */
#define DOCTOR_LATE_S 60       /* a message that is due waits a second or two */

static void doctor_hub_judge(doctor_t *d, const char *path, pt_str_t text);
static void doctor_hub_old(doctor_t *d, const pt_json_t *j);
static void doctor_tokens(doctor_t *d);


void
doctor_hub(doctor_t *d)
{
    const char     *why, *path = d->cmd->conf.hub_socket;
    doctor_answer_t answer;

    if (!d->cmd->conf.websocket_enabled) {
        doctor_report(d, DOCTOR_OK, "hub",
                      "is switched off (WEBSOCKET_ENABLED)");
        return;
    }

    why = doctor_get("http://hub/health", path, &answer);

    if (why != NULL) {
        doctor_report(
            d, DOCTOR_FAIL, "hub",
            "no answer at %s (%s) - start \"pytake serve\", or correct "
            "PYTAKE_HUB_SOCKET",
            path, why);
        return;
    }

    doctor_hub_judge(d, path, doctor_text(&answer));
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
        doctor_report(d, DOCTOR_FAIL, "hub",
                      "what answers at %s is no hub - correct "
                      "PYTAKE_HUB_SOCKET",
                      path);
        return;
    } else if (!pt_str_is(status, "ok")) {
        doctor_report(d, DOCTOR_WARN, "hub",
                      "is stopping - ask again when \"pytake serve\" is back");
    } else if (!pt_str_is(database, "up")) {
        doctor_report(
            d, DOCTOR_FAIL, "hub",
            "has lost the database, sockets hear nothing - look at its "
            "log");
    } else if (!pt_str_is(redis, "up")) {
        doctor_report(d, DOCTOR_WARN, "hub",
                      "has no Redis, events reach agents up to 2 s late - look "
                      "at its log");
    } else {
        doctor_report(d, DOCTOR_OK, "hub", "answers, %lld sockets",
                      (long long) conns);
    }

    doctor_hub_old(d, j);
}


/* It runs with what it was started with. */
static void
doctor_hub_old(doctor_t *d, const pt_json_t *j)
{
    size_t           i;
    bool             good = true;
    pt_str_t         version = PT_STR("older");
    const pt_json_t *prints = pt_json_find(j, "fingerprints");

    static const struct {
        pt_fingerprint_e which;
        doctor_level_t   level;
        const char      *name;
        const char      *harm;
    } known[] = {
        { PT_FINGERPRINT_JWT_SECRET, DOCTOR_FAIL, "JWT_SECRET",
          "sockets close with 4002" },
        { PT_FINGERPRINT_ENCRYPTION_KEY, DOCTOR_FAIL, "PYTAKE_ENCRYPTION_KEY",
          "tokens do not open" },
        { PT_FINGERPRINT_DATABASE, DOCTOR_WARN, "DATABASE_URL",
          "it works on another database or by another login" },
        { PT_FINGERPRINT_REDIS, DOCTOR_WARN, "REDIS_URL",
          "events reach agents up to 2 s late" },
    };

    (void) pt_json_find_str(j, "version", &version);
    if (!pt_str_is(version, PYTAKE_VERSION)) {
        doctor_report(d, DOCTOR_WARN, "serve",
                      "is %.*s, this is %s - restart it (\"systemctl restart "
                      "pytake\")",
                      (int) (version.len < 32 ? version.len : 32), version.data,
                      PYTAKE_VERSION);
    }

    for (i = 0; prints != NULL && i < PT_COUNT(known) && good; i++) {
        if (d->prints.of[known[i].which][0] == '\0'
            || doctor_print(prints, known[i].which).len == 0
            || doctor_print_is(d, prints, known[i].which))
        {
            continue;
        }
        doctor_report(
            d, known[i].level, "serve",
            "\"pytake serve\" runs with another %s than this one, %s - "
            "restart it (\"systemctl restart pytake\"), or correct its "
            "environment",
            known[i].name, known[i].harm);
        good = known[i].which != PT_FINGERPRINT_JWT_SECRET; /* their key */
    }
}


void
doctor_courier(doctor_t *d)
{
    int64_t       here, late_s;
    pytake_rows_t rows;

    pt_q_doctor_courier(db_sql(&d->db));
    if (!doctor_ask(d, "courier", &rows)) {
        return;
    }
    here = pt_cell_i64(&rows, 0, PT_COL_DOCTOR_COURIER_HERE);
    late_s = pt_cell_i64(&rows, 0, PT_COL_DOCTOR_COURIER_LATE_S);

    if (here == 0) {
        doctor_report(
            d, DOCTOR_FAIL, "courier",
            "none is connected to the database, replies wait in the "
            "outbox - start \"pytake serve\" with PYTAKE_ENCRYPTION_KEY "
            "set");
    } else if (late_s > DOCTOR_LATE_S) {
        doctor_report(d, DOCTOR_FAIL, "courier",
                      "a reply has been due for %lld s - look at the log of "
                      "\"pytake serve\"",
                      (long long) late_s);
    } else {
        doctor_report(d, DOCTOR_OK, "courier", "is at work");
    }

    pt_q_doctor_stopped(db_sql(&d->db));
    doctor_list(d, "numbers", "none is stopped",
                "stopped, replies wait - mend the cause, then \"pytake number "
                "token\"");

    if (d->cmd->conf.has_key) {
        doctor_tokens(d);
    }
}


static void
doctor_tokens(doctor_t *d)
{
    uint32_t      i, shut = 0;
    pt_uuid_t     tenant, id;
    pytake_rows_t rows;

    PT_SQL(db_sql(&d->db), doctor_tokens, .most = DOCTOR_TOKENS_MAX);
    if (!doctor_ask(d, "tokens", &rows)) {
        return;
    }

    for (i = 0; i < rows.nrows; i++) {
        (void) pt_cell_uuid(&rows, i, PT_COL_DOCTOR_TOKENS_TENANT_ID, &tenant);
        (void) pt_cell_uuid(&rows, i, PT_COL_DOCTOR_TOKENS_ID, &id);
        shut += !cmd_token_opens(
            d->cmd, &tenant, &id,
            pt_cell_text(&rows, i, PT_COL_DOCTOR_TOKENS_TOKEN));
    }

    if (shut > 0) {
        doctor_report(d, DOCTOR_FAIL, "tokens",
                      "%u of %u do not open, replies wait - correct "
                      "PYTAKE_ENCRYPTION_KEY, or \"pytake number token\"",
                      (unsigned) shut, (unsigned) rows.nrows);
    } else {
        doctor_report(d, DOCTOR_OK, "tokens", "open");
    }
}
