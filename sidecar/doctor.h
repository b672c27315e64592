/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * doctor.h: what the files of "pytake doctor" share.  Every finding is one
 * line: "ok|warn|FAIL name: what - what to do".
 */

#ifndef DOCTOR_H
#define DOCTOR_H

#include "cmd.h"

typedef enum { DOCTOR_OK = 0, DOCTOR_WARN, DOCTOR_FAIL } doctor_level_t;

typedef struct {
    cmd_t   *cmd;
    db_t     db;
    unsigned fails;
    unsigned warns;
} doctor_t;

void doctor_say(doctor_t *d, doctor_level_t level, const char *name,
                const char *fmt, ...) PT_PRINTF(4, 5);

/* ---- cmd_doctor_db.c: needs d->db open, as the login itself ---- */

void doctor_database(doctor_t *d);

/* False after a FAIL; else the caller clears *out.  sql says pytake_app,
 * pytake_service and pytake_lookup, whatever this database's are called. */
bool doctor_ask(doctor_t *d, const char *name, const char *sql, PGresult **out);

/* sql gives names of what is wrong; none is good. */
void doctor_list(doctor_t *d, const char *name, const char *sql,
                 const char *good, const char *bad);

/* ---- cmd_doctor_people.c: d->db open, as pytake_service ---- */

void doctor_people(doctor_t *d);

/* ---- cmd_doctor_roles.c: who may do what ---- */

/* False when a role cannot be entered. */
bool doctor_roles(doctor_t *d);
bool doctor_role_enter(doctor_t *d, const char *role);

/* ---- cmd_doctor_serve.c ---- */

void doctor_hub(doctor_t *d);
void doctor_courier(doctor_t *d); /* d->db open, as pytake_service */

#endif
