/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* What is on the phones of the demo's customers. */

#include "demo.h"


int
demo_phones(db_t *db, const demo_tenant_t *t, pt_jw_t *w)
{
    pytake_rows_t rows;

    PT_SQL(db_sql(db), demo_phones, .tenant_id = &t->id,
           .config_id = &t->config_id);
    if (db_run(db, &rows) != PT_OK) {
        return cmd_db_error(db, "cannot read the demo's phones");
    }

    pt_jw_key(w, "contacts");
    pt_jw_raw(w, pt_cell_jsonb(&rows, 0, PT_COL_DEMO_PHONES_CONTACTS));

    return 0;
}
