/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * doctor.c: what every look of "pytake doctor" is made of: a finding, and a
 * question to the database.
 */

#include "doctor.h"

#include <stdarg.h>
#include <stdio.h>

#define DOCTOR_LINE_MAX 2048


void
doctor_report(doctor_t *d, doctor_level_t level, const char *name,
              const char *fmt, ...)
{
    char    text[DOCTOR_LINE_MAX];
    va_list ap;

    static const char *const words[] = { "ok  ", "warn", "FAIL" };

    d->warns += level == DOCTOR_WARN;
    d->fails += level == DOCTOR_FAIL;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    cmd_print("%s %s: %s", words[level], name, text);
    fflush(stdout);
}


bool
doctor_ask(doctor_t *d, const char *name, pytake_rows_t *out)
{
    if (db_run(&d->db, out) == PT_OK) {
        return true;
    }

    if (strcmp(d->db.sqlstate, "42501") == 0) {
        doctor_report(d, DOCTOR_FAIL, name,
                      "%s - let the login that migrates "
                      "own or read it",
                      d->db.error);
    } else {
        doctor_report(d, DOCTOR_FAIL, name, "%s", d->db.error);
    }

    return false;
}


void
doctor_list(doctor_t *d, const char *name, const char *good, const char *bad)
{
    pytake_rows_t rows;

    if (!doctor_ask(d, name, &rows)) {
        return;
    }

    if (rows.nrows == 0) {
        doctor_report(d, DOCTOR_OK, name, "%s", good);
    } else if (rows.nrows == 1) {
        doctor_report(d, DOCTOR_FAIL, name, "%s %s", db_text(&rows, 0, 0), bad);
    } else {
        doctor_report(d, DOCTOR_FAIL, name, "%s and %u more %s",
                      db_text(&rows, 0, 0), (unsigned) rows.nrows - 1, bad);
    }
}
