/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * The part of "pytake doctor" that looks at what people entered: tenants and
 * numbers.
 */

#include "doctor.h"

static void doctor_twins(doctor_t *d);
static void doctor_displays(doctor_t *d);
static void doctor_mute(doctor_t *d);
static void doctor_some(doctor_t *d, const char *name, const char *what,
                        const char *todo);


void
doctor_people(doctor_t *d)
{
    doctor_twins(d);
    doctor_mute(d);
    doctor_displays(d);
}


static void
doctor_twins(doctor_t *d)
{
    pt_q_cmd_tenant_twins(db_sql(&d->db));
    doctor_some(d, "tenants", "more than one is called",
                "tell them apart: \"pytake tenant rename --tenant ID\"");
}


/* Nothing was ever entered: whoever writes waits for a reply in vain. */
static void
doctor_mute(doctor_t *d)
{
    pt_q_doctor_mute(db_sql(&d->db));
    doctor_some(d, "numbers", "replies wait, for there is no token of",
                "\"pytake number token\"");
}


static void
doctor_displays(doctor_t *d)
{
    pt_q_doctor_displays(db_sql(&d->db));
    doctor_some(d, "numbers", "what agents are shown is no phone number:",
                "\"pytake number rename\"");
}


/* The question of db_sql() gives names of what is odd: the first is told, and
 * how many there are. */
static void
doctor_some(doctor_t *d, const char *name, const char *what, const char *todo)
{
    pytake_rows_t rows;

    if (!doctor_ask(d, name, &rows) || rows.nrows == 0) {
        return;
    }

    if (rows.nrows > 1) {
        doctor_report(d, DOCTOR_WARN, name, "%s %s and %u more - %s", what,
                      db_text(&rows, 0, 0), (unsigned) rows.nrows - 1, todo);
    } else {
        doctor_report(d, DOCTOR_WARN, name, "%s %s - %s", what,
                      db_text(&rows, 0, 0), todo);
    }
}
