/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pytake doctor: looks at everything that an installation stands on.
 */

#include "doctor.h"

#include <stdio.h>
#include <sys/time.h>

#include <curl/curl.h>
#include <hiredis/hiredis.h>

#include "io/pt_redis_url.h"

#define DOCTOR_REDIS_TIMEOUT_S 2
#define DOCTOR_HTTP_TIMEOUT_MS 3000L
#define DOCTOR_SECRET_GOOD 32   /* bytes of an HMAC-SHA-256 key */
#define DOCTOR_SECRET_VARIETY 8 /* different bytes; a made one has more */

static void   doctor_secrets(doctor_t *d);
static bool   doctor_secret_is(doctor_t *d, const char *name, pt_str_t secret,
                               const char *without, const char *instead);
static void   doctor_postgres(doctor_t *d);
static void   doctor_redis(doctor_t *d);
static void   doctor_redis_ask(doctor_t *d, redisContext *r,
                               const pt_redis_url_t *a);
static int    doctor_others(doctor_t *d);
static void   doctor_whatsapp(doctor_t *d);
static size_t doctor_drop(char *data, size_t size, size_t n, void *user);


int
cmd_doctor(cmd_t *c, int argc, char **argv)
{
    int         rc;
    doctor_t    d;
    const char *nginx = NULL;

    const cmd_option_t options[] = { { "nginx", &nginx, NULL } };

    rc = cmd_options(c, argc, argv, options, 1, NULL, 0);
    if (rc != 0 || (rc = cmd_conf(c, 0)) != 0) {
        return rc;
    }

    if (nginx != NULL) {
        if (!conf_status_is(nginx)) {
            cmd_error("--nginx is neither \"off\" nor an address like %s",
                      CONF_STATUS_URL);
            return CMD_USAGE;
        }
        c->conf.status_url = nginx;
    }

    memset(&d, 0, sizeof(d));
    d.cmd = c;

    curl_global_init(CURL_GLOBAL_DEFAULT);
    doctor_secrets(&d);
    doctor_postgres(&d);
    doctor_redis(&d);
    rc = doctor_others(&d);
    doctor_whatsapp(&d);
    curl_global_cleanup();

    if (rc != 0) {
        return rc;
    }

    if (d.fails != 0 || d.warns != 0) {
        printf("%u to repair, %u to look at\n", d.fails, d.warns);
    } else {
        printf("all is well\n");
    }

    return d.fails != 0 ? CMD_FAILED : CMD_OK;
}


static void
doctor_secrets(doctor_t *d)
{
    const conf_t *c = &d->cmd->conf;

    if (doctor_secret_is(d, "JWT_SECRET", c->jwt_secret,
                         "nobody can log in - set it to 32 random bytes or "
                         "more",
                         "make a random one")
        && c->jwt_secret.len < DOCTOR_SECRET_GOOD)
    {
        doctor_report(d, DOCTOR_WARN, "JWT_SECRET",
                      "%zu bytes are few - use %d "
                      "or more",
                      c->jwt_secret.len, DOCTOR_SECRET_GOOD);
    }

    (void) doctor_secret_is(d, "WHATSAPP_APP_SECRET", c->app_secret,
                            "every webhook is refused - set it to what Meta "
                            "shows at App settings > Basic > App secret",
                            "Meta makes it: copy what App settings > Basic > "
                            "App secret shows");
    (void) doctor_secret_is(d, "WHATSAPP_WEBHOOK_VERIFY_TOKEN",
                            c->webhook_verify_token,
                            "Meta cannot verify the webhook - set it to what "
                            "you type into Meta's form",
                            "make a random one, here and in Meta's form");

    if (c->has_key) {
        (void) doctor_secret_is(
            d, "PYTAKE_ENCRYPTION_KEY",
            (pt_str_t){ (const char *) c->key, sizeof(c->key) }, "",
            "make a random one");
    } else {
        doctor_report(
            d, DOCTOR_FAIL, "PYTAKE_ENCRYPTION_KEY",
            "is not set, "
            "WhatsApp tokens cannot be kept - set it to the output of "
            "\"openssl rand -hex 32\"");
    }
}


/* False after a FAIL. */
static bool
doctor_secret_is(doctor_t *d, const char *name, pt_str_t secret,
                 const char *without, const char *instead)
{
    bool   seen[256] = { false };
    size_t i, variety = 0;

    if (secret.data == NULL) {
        doctor_report(d, DOCTOR_FAIL, name, "is not set, %s", without);
        return false;
    }

    for (i = 0; i < secret.len; i++) {
        variety += !seen[(uint8_t) secret.data[i]];
        seen[(uint8_t) secret.data[i]] = true;
    }

    if (variety < DOCTOR_SECRET_VARIETY
        || memmem(secret.data, secret.len, "secret", 6) != NULL)
    {
        doctor_report(d, DOCTOR_FAIL, name, "can be guessed - %s", instead);
        return false;
    }
    doctor_report(d, DOCTOR_OK, name, "is set");

    return true;
}


static void
doctor_postgres(doctor_t *d)
{
    if (d->cmd->conf.database_url == NULL) {
        doctor_report(d, DOCTOR_FAIL, "database",
                      "no address - set "
                      "DATABASE_URL, or DB_HOST and its kin");
        return;
    }

    d->prefix = (pt_str_t){ d->cmd->conf.role_app,
                            strlen(d->cmd->conf.role_app) - strlen("_app") };

    if (db_open(&d->db, d->cmd->conf.database_url, NULL, DB_QUERY_TIMEOUT_MS)
        != PT_OK)
    {
        doctor_report(d, DOCTOR_FAIL, "database", "%s - %s", d->db.error,
                      d->db.shut ? CMD_LET_IN
                                 : "start the server or correct DATABASE_URL");
    } else {
        doctor_database(d);
    }
    db_close(&d->db);
}


static void
doctor_redis(doctor_t *d)
{
    pt_redis_url_t a;
    redisContext  *r;
    struct timeval tv = { DOCTOR_REDIS_TIMEOUT_S, 0 };

    if (d->cmd->conf.redis_url == NULL) {
        doctor_report(d, DOCTOR_FAIL, "redis",
                      "no address, the hub does not start "
                      "- set REDIS_URL or REDIS_HOST");
        return;
    }

    if (pt_redis_url_parse(d->cmd->conf.redis_url, &a) != PT_OK) {
        doctor_report(d, DOCTOR_FAIL, "redis", "REDIS_URL is no address");
        return;
    }

    r = a.is_unix ? redisConnectUnixWithTimeout(a.host, tv)
                  : redisConnectWithTimeout(a.host, a.port, tv);

    if (r == NULL || r->err != 0) {
        doctor_report(d, DOCTOR_FAIL, "redis",
                      "%s - start it or correct "
                      "REDIS_URL",
                      r == NULL ? "out of memory" : r->errstr);
    } else {
        (void) redisSetTimeout(r, tv);
        doctor_redis_ask(d, r, &a);
    }

    if (r != NULL) {
        redisFree(r);
    }
}


static void
doctor_redis_ask(doctor_t *d, redisContext *r, const pt_redis_url_t *a)
{
    redisReply *reply;

    if (a->password[0] != '\0') {
        reply = a->user[0] != '\0'
                    ? redisCommand(r, "AUTH %s %s", a->user, a->password)
                    : redisCommand(r, "AUTH %s", a->password);
        if (reply == NULL || reply->type == REDIS_REPLY_ERROR) {
            doctor_report(d, DOCTOR_FAIL, "redis",
                          "the password is refused - "
                          "correct REDIS_PASSWORD or REDIS_URL");
            freeReplyObject(reply);
            return;
        }
        freeReplyObject(reply);
    }

    reply = redisCommand(r, "PING");
    if (reply == NULL) {
        doctor_report(d, DOCTOR_FAIL, "redis",
                      "accepts but does not answer - "
                      "look at the server");
    } else if (reply->type == REDIS_REPLY_ERROR) {
        doctor_report(d, DOCTOR_FAIL, "redis",
                      "%.200s - correct REDIS_URL or "
                      "REDIS_PASSWORD",
                      reply->str);
    } else {
        doctor_report(d, DOCTOR_OK, "redis", "answers");
    }

    if (reply != NULL) {
        freeReplyObject(reply);
    }
}


/* What runs may have been started with other secrets.  0, or CMD_FAILED after
 * a message. */
static int
doctor_others(doctor_t *d)
{
    if (conf_fingerprints(&d->cmd->conf,
                          d->identity[0] != '\0' ? d->identity : NULL,
                          &d->prints)
        != PT_OK)
    {
        return cmd_no_memory();
    }

    doctor_hub(d);
    doctor_nginx(d);

    return 0;
}


/* Any answer will do: the base URL itself has no resource. */
static void
doctor_whatsapp(doctor_t *d)
{
    CURL       *h;
    CURLcode    rc;
    const char *url = d->cmd->conf.whatsapp_api_url;

    h = curl_easy_init();
    if (h == NULL) {
        doctor_report(d, DOCTOR_FAIL, "whatsapp", "libcurl failed");
        return;
    }

    curl_easy_setopt(h, CURLOPT_URL, url);
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, DOCTOR_HTTP_TIMEOUT_MS);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, doctor_drop);
    rc = curl_easy_perform(h);

    if (rc == CURLE_OK) {
        doctor_report(d, DOCTOR_OK, "whatsapp", "%s answers", url);
    } else {
        doctor_report(d, DOCTOR_WARN, "whatsapp",
                      "%s: %s, replies wait in the "
                      "outbox - open the way out or correct WHATSAPP_API_URL",
                      url, curl_easy_strerror(rc));
    }

    if (strncmp(url, "https://", 8) != 0) {
        doctor_report(d, DOCTOR_WARN, "whatsapp",
                      "tokens would travel without "
                      "TLS - use https in WHATSAPP_API_URL, but for a "
                      "simulator");
    }

    curl_easy_cleanup(h);
}


static size_t
doctor_drop(char *data, size_t size, size_t n, void *user)
{
    PT_UNUSED(data);
    PT_UNUSED(user);

    return size * n;
}
