/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * doctor.h: what the files of "pytake doctor" share.  Every finding is one
 * line: "ok|warn|FAIL name: what - what to do".
 */

#ifndef DOCTOR_H
#define DOCTOR_H

#include "cmd.h"
#include "core/base/pt_json.h"

#define DOCTOR_ANSWER_MAX 16384 /* bytes, of NGINX or hub */
#define DOCTOR_IDENTITY_MAX 64

typedef enum { DOCTOR_OK = 0, DOCTOR_WARN, DOCTOR_FAIL } doctor_level_t;

typedef struct {
    cmd_t            *cmd;
    db_t              db;
    pt_str_t          prefix;                        /* of the roles' names */
    char              identity[DOCTOR_IDENTITY_MAX]; /* "": not known */
    pt_fingerprints_t prints;                        /* of this environment */
    unsigned          fails;
    unsigned          warns;
} doctor_t;

/* What a server said; status 0: nothing. */
typedef struct {
    long   status;
    size_t len;
    char   text[DOCTOR_ANSWER_MAX];
} doctor_answer_t;

/* ---- doctor.c ---- */

void doctor_report(doctor_t *d, doctor_level_t level, const char *name,
                   const char *fmt, ...) PT_PRINTF(4, 5);

/* Runs the question of db_sql(); false after a FAIL. */
bool doctor_ask(doctor_t *d, const char *name, pytake_rows_t *out);

/* The same of one that gives names of what is wrong; none is good. */
void doctor_list(doctor_t *d, const char *name, const char *good,
                 const char *bad);

/* ---- doctor_ask.c ---- */

/* Asks url, over a unix socket when path is not NULL.  NULL, or why there is
 * no whole answer. */
const char *doctor_get(const char *url, const char *path, doctor_answer_t *out);

static inline pt_str_t
doctor_text(const doctor_answer_t *a)
{
    return (pt_str_t){ a->text, a->len };
}

/* What JSON has as a fingerprint; "": none.  Borrowed from obj. */
pt_str_t doctor_print(const pt_json_t *obj, pt_fingerprint_e which);

/* Whether obj has the fingerprint that this environment has. */
bool doctor_print_is(const doctor_t *d, const pt_json_t *obj,
                     pt_fingerprint_e which);

/* ---- doctor_nginx.c ---- */

void doctor_nginx(doctor_t *d);

/* ---- doctor_db.c: needs d->db open, as the login itself ---- */

void doctor_database(doctor_t *d);

/* ---- doctor_people.c: d->db open, as pytake_service ---- */

void doctor_people(doctor_t *d);

/* ---- doctor_roles.c: who may do what ---- */

/* False when a role cannot be entered. */
bool doctor_roles(doctor_t *d);
bool doctor_role_enter(doctor_t *d, const char *role);

/* ---- doctor_serve.c ---- */

void doctor_hub(doctor_t *d);
void doctor_courier(doctor_t *d); /* d->db open, as pytake_service */

#endif
