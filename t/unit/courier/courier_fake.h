/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * courier_fake.h: the courier with fakes in the place of the pool, Redis,
 * HTTP and the loop.  The clock stands still unless it is told to move.
 */

#ifndef COURIER_FAKE_H
#define COURIER_FAKE_H

#include <stdarg.h>
#include <sys/types.h>

#include "courier_fake_db.h"


/* ---- the loop ---- */

static pt_timer_t *
fc_timer_new(pt_loop_t *l, int kind, pt_timer_handler_pt handler, void *data)
{
    pt_timer_t *t = fc->m.alloc(fc->m.user, sizeof(*t));

    (void) l;

    if (t != NULL) {
        memset(t, 0, sizeof(*t));
        t->handler = handler;
        t->data = data;
        t->kind = kind;
        t->next = fc->timers;
        fc->timers = t;
    }

    return t;
}


static void
fc_timer_set(pt_timer_t *t, uint32_t after_ms)
{
    t->armed = true;
    t->at_ms = fc->now_ms + after_ms;
}


static void
fc_timer_stop(pt_timer_t *t)
{
    t->armed = false;
}


static void
fc_timer_del(pt_timer_t *t)
{
    pt_timer_t **at = &fc->timers;

    while (*at != t) {
        ck_assert_ptr_nonnull(*at);
        at = &(*at)->next;
    }

    *at = t->next;
    fc->m.free(fc->m.user, t);
}


static int64_t
fc_now_ms(pt_loop_t *l)
{
    (void) l;

    return fc->now_ms;
}


static int64_t
fc_wall_us(pt_loop_t *l)
{
    (void) l;

    return fc_wall();
}


static void PT_PRINTF(3, 4)
    fc_log(pt_loop_t *l, pt_log_level_t level, const char *fmt, ...)
{
    va_list ap;

    (void) l;
    (void) level;
    va_start(ap, fmt);
    vsnprintf(fc->log, sizeof(fc->log), fmt, ap);
    va_end(ap);
}


static const pt_loop_ops_t fc_ops = {
    .timer_new = fc_timer_new,
    .timer_set = fc_timer_set,
    .timer_stop = fc_timer_stop,
    .timer_del = fc_timer_del,
    .now_ms = fc_now_ms,
    .wall_us = fc_wall_us,
    .log = fc_log,
};


/* The earliest timer that is due runs; false: none. */
static inline bool
fc_fire(void)
{
    pt_timer_t *t, *first = NULL;

    for (t = fc->timers; t != NULL; t = t->next) {
        if (t->armed && t->at_ms <= fc->now_ms
            && (first == NULL || t->at_ms < first->at_ms))
        {
            first = t;
        }
    }

    if (first == NULL) {
        return false;
    }

    first->armed = false;
    first->handler(first->data);

    return true;
}


/* ---- HTTP ---- */

struct courier_http_s {
    int unused;
};


pt_err_t
courier_http_new(pt_loop_t *loop, const pt_mem_t *mem, uint32_t total_ms,
                 courier_http_t **out)
{
    (void) loop;
    (void) total_ms;
    *out = mem->alloc(mem->user, sizeof(courier_http_t));

    return *out == NULL ? PT_ENOMEM : PT_OK;
}


void
courier_http_del(courier_http_t *h)
{
    fc->m.free(fc->m.user, h);
}


uint32_t
courier_http_calls(const courier_http_t *h)
{
    (void) h;

    return (uint32_t) fc->ncalls;
}


/* The promise itself: never twice, and only under a committed claim. */
pt_err_t
courier_http_post(courier_http_t *h, const char *url, pt_str_t token,
                  pt_str_t body, courier_http_handler_pt handler, void *data)
{
    void       *p;
    pt_uuid_t   id;
    fc_row_t   *r;
    const char *at;

    (void) h;
    p = fc->m.alloc(fc->m.user, 1);

    if (p == NULL) {
        return PT_ENOMEM;
    }

    fc->m.free(fc->m.user, p);
    ck_assert_str_eq(url, "https://wa/1065/messages");
    ck_assert_slice_lit(token, "secret");
    at = strstr(body.data, "callback_data\":\"");
    ck_assert_ptr_nonnull(at);
    ck_assert(pt_uuid_parse((pt_str_t){ at + 16, PT_UUID_LEN }, &id));
    r = fc_find((const char *) id.b);
    ck_assert_msg(r->arrived == 0, "a message is called twice");
    ck_assert(r->claimed_us != 0
              && pt_uuid_eq(&r->claimed_by, &fc->courier->id));
    ck_assert_uint_lt(fc->ncalls, FC_CALLS);
    fc->calls[fc->ncalls++] = (fc_call_t){ handler, data, r };

    return PT_OK;
}


/* The i-th call ends as its message's script has it. */
static inline void
fc_answer(size_t i)
{
    int              act;
    char             body[256];
    fc_call_t        c = fc->calls[i];
    courier_answer_t a;

    act = c.row->script[c.row->calls < c.row->nscript ? c.row->calls
                                                      : c.row->nscript - 1];
    c.row->calls++;
    c.row->arrived += act == FC_ACCEPT || act == FC_SILENT;
    fc->ncalls--;
    memmove(&fc->calls[i], &fc->calls[i + 1],
            (fc->ncalls - i) * sizeof(fc_call_t));

    memset(&a, 0, sizeof(a));
    a.body = PT_STR("");
    a.reached = act != FC_NOBODY;
    a.written = act != FC_NOBODY && act != FC_HALF;
    a.answered = act == FC_ACCEPT || act >= FC_CODE;
    a.status = act == FC_ACCEPT ? 200 : 400;
    snprintf(body, sizeof(body),
             act == FC_ACCEPT ? "{\"messages\":[{\"id\":\"wamid.%d\"}]}"
                              : "{\"error\":{\"code\":%d}}",
             act - FC_CODE);

    if (a.answered) {
        a.body = pt_test_str(body);
    }

    c.handler(c.data, &a);
}


/* ---- Redis ---- */

struct pt_redis_s {
    int unused;
};

struct pt_redis_sub_s {
    int unused;
};


pt_err_t
pt_redis_new(pt_loop_t *loop, const pt_redis_conf_t *conf, pt_redis_t **out)
{
    (void) loop;
    *out = conf->mem.alloc(conf->mem.user, sizeof(pt_redis_t));

    return *out == NULL ? PT_ENOMEM : PT_OK;
}


void
pt_redis_del(pt_redis_t *r)
{
    fc->m.free(fc->m.user, r);
}


pt_err_t
pt_redis_publish(pt_redis_t *r, pt_str_t channel, pt_str_t payload)
{
    (void) r;
    ck_assert(channel.len == 3 + PT_UUID_LEN && payload.len > 0);
    fc->published++;

    return PT_OK;
}


pt_err_t
pt_redis_sub_new(pt_loop_t *loop, const pt_redis_sub_conf_t *conf,
                 pt_redis_sub_t **out)
{
    (void) loop;
    fc->sub = *conf;
    *out = conf->mem.alloc(conf->mem.user, sizeof(pt_redis_sub_t));

    return *out == NULL ? PT_ENOMEM : PT_OK;
}


void
pt_redis_sub_del(pt_redis_sub_t *s)
{
    fc->m.free(fc->m.user, s);
}


void
pt_redis_sub_add(pt_redis_sub_t *s, const pt_str_t *channels, int n)
{
    ck_assert(s != NULL && n == 1);
    ck_assert_slice_lit(channels[0], COURIER_CHANNEL);
}


/* The same in every run, so that the n-th allocation is the same. */
ssize_t
getrandom(void *out, size_t len, unsigned flags)
{
    (void) flags;
    memset(out, 7, len);

    return (ssize_t) len;
}


/* ---- the whole ---- */

/* fail_at: the allocation of the courier's that fails; SIZE_MAX: none. */
static inline void
fc_new(size_t fail_at)
{
    size_t         n;
    pt_uuid_t      aad[2];
    static uint8_t nonce[12];

    fc = calloc(1, sizeof(fc_t));
    fc->loop.ops = &fc_ops;
    fc->now_ms = 1000000;
    fc->arena = pt_arena_new(&pt_test_mem, 64u * 1024 * 1024);
    pt_test_mem_init(&fc->mem, fail_at);
    fc->m = fc->mem.mem;
    fc->conf.redis_url = "redis://x";
    fc->conf.whatsapp_api_url = "https://wa";
    fc->conf.has_key = true;
    fc->serve.conf = &fc->conf;
    fc->serve.base = &fc->loop;
    fc->serve.mem = fc->m;

    for (n = 0; n < FC_NUMBERS; n++) {
        memset(&fc->number[n], 'a' + (int) n, sizeof(pt_uuid_t));
        fc->updated_us[n] = fc_wall() - 30 * FC_DAY_US;
        aad[0] = fc_tenant;
        aad[1] = fc->number[n];
        ck_assert_ok(pt_seal(fc->arena, fc->conf.key, nonce,
                             (pt_str_t){ (const char *) aad, sizeof(aad) },
                             PT_STR("secret"), &fc->sealed[n]));
    }
}


static inline pt_err_t
fc_start(void)
{
    void    *part = NULL;
    pt_err_t err = courier_part.start(&fc->serve, &part);

    fc->courier = part;

    return err;
}


/* acts: a script, FC_END behind it. */
#define FC_END -1

static inline fc_row_t *
fc_put(size_t number, ...)
{
    int       act;
    va_list   ap;
    fc_row_t *r = &fc->rows[fc->nrows];

    ck_assert_uint_lt(fc->nrows, FC_ROWS);
    fc->nrows++;
    r->there = true;
    memset(&r->id, 0x10, sizeof(r->id));
    r->id.b[14] = (uint8_t) (fc->nrows >> 8);
    r->id.b[15] = (uint8_t) fc->nrows;
    r->config = fc->number[number];
    r->created_us = r->next_us = fc_wall();
    snprintf(r->status, sizeof(r->status), "pending");
    va_start(ap, number);

    while ((act = va_arg(ap, int)) != FC_END) {
        ck_assert_int_lt(r->nscript, FC_SCRIPT);
        r->script[r->nscript++] = act;
    }

    va_end(ap);

    return r;
}


/* Everything that can happen now does, calls too if they are to end. */
static inline void
fc_run(bool answers)
{
    bool more;

    do {
        more = fc_fire();

        while (fc->nbatches > 0) {
            more = true;
            fc_commit(0);
            fc_reply(0, PT_OK);
        }

        while (answers && fc->ncalls > 0) {
            more = true;
            fc_answer(0);
        }
    } while (more);
}


static inline void
fc_sleep(int64_t ms)
{
    while (ms > 0) {
        fc->now_ms += ms < 50 ? ms : 50;
        ms -= 50;
        fc_run(true);
    }
}


/* SIGTERM and the end; nothing may be left. */
static inline void
fc_end(void)
{
    if (fc->courier != NULL) {
        courier_part.stop(fc->courier);
        fc_sleep(10000);
        ck_assert_uint_eq(fc->courier->njobs, 0);
        courier_part.del(fc->courier);
    }

    ck_assert_ptr_null(fc->timers);
    ck_assert_uint_eq(fc->mem.live, 0);
    pt_arena_del(fc->arena);
    free(fc);
    fc = NULL;
}

#endif
