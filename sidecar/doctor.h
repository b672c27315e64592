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

#endif
