/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include <assert.h>

#include "pt_pg_int.h"


static pt_str_t pt_pgresult_field(const PGresult *res, int field, char *to,
                                  size_t size);


pt_pgresult_t *
pt_pgresult_new(const pt_mem_t *mem, uint16_t nstmts)
{
    size_t         size;
    pt_pgresult_t *r;

    size = sizeof(pt_pgresult_t)
           + nstmts * (sizeof(pytake_rows_t) + sizeof(PGresult *));
    r = mem->alloc(mem->user, size);
    if (r == NULL) {
        return NULL;
    }
    memset(r, 0, size);
    r->mem = *mem;
    r->nstmts = nstmts;
    r->rows = (pytake_rows_t *) (r + 1);
    r->res = (PGresult **) (r->rows + nstmts);
    r->pub.rows = r->rows;
    return r;
}


pt_err_t
pt_pgresult_add(pt_pgresult_t *r, uint16_t i, PGresult *res)
{
    int       row, col, nrows, ncols;
    size_t    n;
    pt_str_t *cells, *cell;

    assert(i < r->nstmts && i == r->pub.nrows);
    nrows = PQntuples(res);
    ncols = PQnfields(res);
    n = (size_t) nrows * (size_t) ncols;
    cells = NULL;
    if (n > 0) {
        cells = r->mem.alloc(r->mem.user, n * sizeof(pt_str_t));
        if (cells == NULL) {
            PQclear(res);
            return PT_ENOMEM;
        }
    }
    cell = cells;
    for (row = 0; row < nrows; row++) {
        for (col = 0; col < ncols; col++, cell++) {
            cell->len = (size_t) PQgetlength(res, row, col);
            if (cell->len == 0 && PQgetisnull(res, row, col)) {
                *cell = PT_STR_NULL;
            } else {
                cell->data = PQgetvalue(res, row, col);
            }
        }
    }
    r->res[i] = res;
    r->rows[i].nrows = (uint32_t) nrows;
    r->rows[i].ncols = (uint32_t) ncols;
    r->rows[i].cells = cells;
    r->pub.nrows++;
    return PT_OK;
}


void
pt_pgresult_refuse(pt_pgresult_t *r, uint16_t stmt, const PGresult *res)
{
    (void) pt_pgresult_field(res, PG_DIAG_SQLSTATE, r->pub.sqlstate,
                             sizeof(r->pub.sqlstate));
    assert(stmt <= r->nstmts);
    r->pub.failed_stmt = stmt;
    r->pub.message = pt_pgresult_field(res, PG_DIAG_MESSAGE_PRIMARY, r->message,
                                       sizeof(r->message));
    r->pub.table =
        pt_pgresult_field(res, PG_DIAG_TABLE_NAME, r->table, sizeof(r->table));
}


void
pt_pgresult_reset(pt_pgresult_t *r)
{
    uint16_t i;

    assert(r->pub.nrows <= r->nstmts);
    for (i = 0; i < r->pub.nrows; i++) {
        if (r->rows[i].cells != NULL) {
            r->mem.free(r->mem.user, (void *) (uintptr_t) r->rows[i].cells);
        }
        PQclear(r->res[i]);
        r->rows[i].cells = NULL;
        r->res[i] = NULL;
    }
    memset(&r->pub, 0, sizeof(r->pub));
    r->pub.rows = r->rows;
}


void
pt_pgresult_free(pt_pgresult_t *r)
{
    if (r == NULL) {
        return;
    }
    pt_pgresult_reset(r);
    r->mem.free(r->mem.user, r);
}


/* Copies a field of a refusal to to, of size bytes, and cuts it between
 * characters.  It is absent when the server did not send it. */

static pt_str_t
pt_pgresult_field(const PGresult *res, int field, char *to, size_t size)
{
    size_t      len;
    const char *text = PQresultErrorField(res, field);

    assert(size > 0);
    if (text == NULL) {
        to[0] = '\0';
        return PT_STR_NULL;
    }
    len = strnlen(text, size - 1);
    while (text[len] != '\0' && ((unsigned char) text[len] & 0xc0) == 0x80) {
        len--; /* half a character of UTF-8 is left out */
    }
    memcpy(to, text, len);
    to[len] = '\0';
    return (pt_str_t){ to, len };
}
