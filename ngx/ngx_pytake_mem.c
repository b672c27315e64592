/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* NGINX's allocator in the form that the core and the drivers ask for. */

#include "ngx_pytake.h"


static void *ngx_pytake_mem_alloc(void *user, size_t size);
static void  ngx_pytake_mem_free(void *user, void *ptr);


const pt_mem_t ngx_pytake_mem = { ngx_pytake_mem_alloc, ngx_pytake_mem_free,
                                  NULL };


static void *
ngx_pytake_mem_alloc(void *user, size_t size)
{
    return ngx_alloc(size, ngx_cycle->log);
}


static void
ngx_pytake_mem_free(void *user, void *ptr)
{
    ngx_free(ptr);
}
