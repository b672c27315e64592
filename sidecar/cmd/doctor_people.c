/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * The part of "pytake doctor" that looks at what people entered: tenants and
 * numbers.
 */

#include "doctor.h"

#include <stdlib.h>

static void doctor_twins(doctor_t *d);
static void doctor_displays(doctor_t *d);
static void doctor_mute(doctor_t *d);
static void doctor_some(doctor_t *d, const char *name, const char *sql,
                        const char *what, const char *todo);


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
    doctor_some(d, "tenants",
                "SELECT min(name), count(*) OVER () FROM public.tenants"
                " WHERE status <> 'removed'"
                " GROUP BY public.pytake_name_fold(name) HAVING count(*) > 1"
                " ORDER BY 1 LIMIT 1",
                "more than one is called",
                "tell them apart: \"pytake tenant rename --tenant ID\"");
}


/* Nothing was ever entered: whoever writes waits for a reply in vain. */
static void
doctor_mute(doctor_t *d)
{
    doctor_some(d, "numbers",
                "SELECT phone_number_id, count(*) OVER ()"
                " FROM public.whatsapp_configs WHERE status = 'active'"
                " AND access_token_sealed IS NULL ORDER BY id LIMIT 1",
                "replies wait, for there is no token of",
                "\"pytake number token\"");
}


static void
doctor_displays(doctor_t *d)
{
    doctor_some(d, "numbers",
                "SELECT phone_number_id || ' (' || display_phone_number || ')',"
                " count(*) OVER () FROM public.whatsapp_configs"
                " WHERE status <> 'removed' AND (display_phone_number"
                " !~ '^[-+. ()0-9]{1,40}$' OR length(regexp_replace("
                "display_phone_number, '[^0-9]', '', 'g')) NOT BETWEEN 5"
                " AND 20) ORDER BY id LIMIT 1",
                "what agents are shown is no phone number:",
                "\"pytake number rename\"");
}


/* sql gives the first one and how many there are, or nothing. */
static void
doctor_some(doctor_t *d, const char *name, const char *sql, const char *what,
            const char *todo)
{
    long      n;
    PGresult *res;

    if (!doctor_ask(d, name, sql, &res)) {
        return;
    }

    if (PQntuples(res) > 0) {
        n = strtol(db_cell(res, 0, 1), NULL, 10);
        if (n > 1) {
            doctor_report(d, DOCTOR_WARN, name, "%s %s and %ld more - %s", what,
                          db_cell(res, 0, 0), n - 1, todo);
        } else {
            doctor_report(d, DOCTOR_WARN, name, "%s %s - %s", what,
                          db_cell(res, 0, 0), todo);
        }
    }
    PQclear(res);
}
