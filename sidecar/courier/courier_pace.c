/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "courier_pace.h"

#include <assert.h>

#define COURIER_PACE_BUCKETS 4096u /* chains of the hash table */
#define COURIER_MILLI 1000         /* tokens are counted in thousandths */
#define COURIER_FULL_MS 600000     /* after which any bucket is full */
#define COURIER_SWEPT_MS 1000      /* between two sweeps for full buckets */

typedef struct courier_bucket_s courier_bucket_t;

/* The bucket of a number, or of a number and one of its recipients. */
struct courier_bucket_s {
    courier_bucket_t *next; /* in its chain */
    pt_uuid_t         number;
    uint64_t          recipient; /* its hash; 0: of the number itself */
    int64_t           tokens;    /* thousandths of a message */
    int64_t           at_ms;     /* when tokens was right */
    /* The rest is used of numbers alone. */
    int64_t  paused_ms; /* when the pause ends or ended */
    uint32_t strikes;   /* in a row */
    int64_t  struck_ms; /* when the last of them was */
    uint32_t slower;    /* a second, below COURIER_NUMBER_RATE */
    int64_t  rose_ms;   /* when the rate rose last */
};

struct courier_pace_s {
    const pt_mem_t   *mem;
    uint32_t          count;    /* buckets */
    bool              swept;    /* there was a sweep */
    int64_t           swept_ms; /* when the last sweep was */
    courier_bucket_t *buckets[COURIER_PACE_BUCKETS];
};

static courier_bucket_t *courier_bucket_get(courier_pace_t  *p,
                                            const pt_uuid_t *number,
                                            uint64_t recipient, int64_t now_ms);
static void     courier_bucket_fill(courier_bucket_t *b, int64_t now_ms);
static void     courier_bucket_rise(courier_bucket_t *b, int64_t now_ms);
static uint32_t courier_bucket_rate(const courier_bucket_t *b);
static int64_t  courier_bucket_burst(const courier_bucket_t *b);
static uint32_t courier_bucket_wait(const courier_bucket_t *b);
static void     courier_pace_sweep(courier_pace_t *p, int64_t now_ms);
static uint64_t courier_hash(pt_str_t s);
static uint32_t courier_slot(const pt_uuid_t *number, uint64_t recipient);


courier_pace_t *
courier_pace_new(const pt_mem_t *mem)
{
    courier_pace_t *p;

    p = mem->alloc(mem->user, sizeof(*p));

    if (p != NULL) {
        memset(p, 0, sizeof(*p));
        p->mem = mem;
    }

    return p;
}


void
courier_pace_del(courier_pace_t *p)
{
    size_t            i;
    courier_bucket_t *b;

    if (p == NULL) {
        return;
    }

    for (i = 0; i < COURIER_PACE_BUCKETS; i++) {
        while (p->buckets[i] != NULL) {
            b = p->buckets[i];
            p->buckets[i] = b->next;
            p->mem->free(p->mem->user, b);
        }
    }

    p->mem->free(p->mem->user, p);
}


bool
courier_pace_take(courier_pace_t *p, const pt_uuid_t *number,
                  pt_str_t recipient, int64_t now_ms, uint32_t *wait_ms)
{
    courier_bucket_t *n, *r;

    *wait_ms = courier_pace_pausing(p, number, now_ms);

    if (*wait_ms > 0) {
        return false;
    }

    /* The recipient's bucket is charged before the number's is got: that may
     * sweep the table, and a sweep forgets full buckets alone. */
    r = courier_bucket_get(p, number, courier_hash(recipient), now_ms);

    *wait_ms = (r == NULL) ? 0 : courier_bucket_wait(r);

    if (*wait_ms > 0) {
        return false;
    }

    if (r != NULL) {
        r->tokens -= COURIER_MILLI;
    }

    assert(r == NULL || r->tokens >= 0);
    n = courier_bucket_get(p, number, 0, now_ms);
    *wait_ms = (n == NULL) ? 0 : courier_bucket_wait(n);

    if (*wait_ms > COURIER_BOOK_MAX_MS) {
        if (r != NULL) {
            r->tokens += COURIER_MILLI;
        }

        return false;
    }

    if (n != NULL) {
        n->tokens -= COURIER_MILLI;
    }

    return true;
}


void
courier_pace_pause(courier_pace_t *p, const pt_uuid_t *number, int64_t now_ms,
                   uint32_t for_ms)
{
    courier_bucket_t *n;

    n = courier_bucket_get(p, number, 0, now_ms);

    if (n != NULL && n->paused_ms < now_ms + for_ms) {
        n->paused_ms = now_ms + for_ms;
    }
}


uint32_t
courier_pace_strike(courier_pace_t *p, const pt_uuid_t *number,
                    int64_t called_ms, int64_t now_ms, uint32_t at_least_ms)
{
    uint32_t          i, rate, pause_ms;
    courier_bucket_t *n;

    n = courier_bucket_get(p, number, 0, now_ms);

    if (n == NULL) {
        return at_least_ms;
    }

    if (n->strikes == 0 || called_ms > n->struck_ms) {
        if (now_ms - n->paused_ms > COURIER_CALM_MS) {
            n->strikes = 0;
        }

        pause_ms = COURIER_STRIKE_MS;

        for (i = 0; i < n->strikes && pause_ms < COURIER_STRIKE_MAX_MS; i++) {
            pause_ms *= 3;
        }

        if (pause_ms > COURIER_STRIKE_MAX_MS) {
            pause_ms = COURIER_STRIKE_MAX_MS;
        }

        rate = courier_bucket_rate(n) / 2;
        rate = rate < COURIER_RATE_MIN ? COURIER_RATE_MIN : rate;
        n->slower = COURIER_NUMBER_RATE - rate;
        n->strikes++;
        n->struck_ms = now_ms;
        n->paused_ms =
            n->paused_ms > now_ms + pause_ms ? n->paused_ms : now_ms + pause_ms;
    }

    courier_pace_pause(p, number, now_ms, at_least_ms);

    if (n->paused_ms <= now_ms) {
        return 0;
    }

    /* The bucket is empty when the pause ends, and fills from there on. */
    n->tokens = 0;
    n->at_ms = n->paused_ms;
    n->rose_ms = n->paused_ms;
    assert(n->slower < COURIER_NUMBER_RATE);

    return (uint32_t) (n->paused_ms - now_ms);
}


void
courier_pace_accept(courier_pace_t *p, const pt_uuid_t *number,
                    int64_t called_ms, int64_t now_ms)
{
    courier_bucket_t *n;

    n = courier_bucket_get(p, number, 0, now_ms);

    if (n != NULL && called_ms > n->struck_ms) {
        n->strikes = 0;
    }
}


uint32_t
courier_pace_pausing(courier_pace_t *p, const pt_uuid_t *number, int64_t now_ms)
{
    courier_bucket_t *n;

    n = courier_bucket_get(p, number, 0, now_ms);

    if (n == NULL || n->paused_ms <= now_ms) {
        return 0;
    }

    return (uint32_t) (n->paused_ms - now_ms);
}


size_t
courier_pace_paused(courier_pace_t *p, int64_t now_ms, pt_uuid_t *out,
                    size_t max)
{
    size_t            i, n;
    courier_bucket_t *b;

    n = 0;

    for (i = 0; i < COURIER_PACE_BUCKETS; i++) {
        for (b = p->buckets[i]; b != NULL && n < max; b = b->next) {
            if (b->recipient != 0) {
                continue;
            }

            courier_bucket_fill(b, now_ms);

            if (b->paused_ms > now_ms || b->tokens < COURIER_MILLI) {
                out[n++] = b->number;
            }
        }
    }

    assert(n <= max);

    return n;
}


/* Finds the bucket and fills it up to now, or makes it full.  NULL means that
 * there is no memory, or that the table is full of buckets that are in use. */

static courier_bucket_t *
courier_bucket_get(courier_pace_t *p, const pt_uuid_t *number,
                   uint64_t recipient, int64_t now_ms)
{
    uint32_t          slot;
    courier_bucket_t *b;

    slot = courier_slot(number, recipient);

    for (b = p->buckets[slot]; b != NULL; b = b->next) {
        if (b->recipient == recipient && pt_uuid_eq(&b->number, number)) {
            courier_bucket_fill(b, now_ms);
            return b;
        }
    }

    if (p->count >= COURIER_PACE_MAX) {
        courier_pace_sweep(p, now_ms);
    }

    if (p->count >= COURIER_PACE_MAX) {
        return NULL;
    }

    b = p->mem->alloc(p->mem->user, sizeof(*b));

    if (b == NULL) {
        return NULL;
    }

    memset(b, 0, sizeof(*b));
    b->number = *number;
    b->recipient = recipient;
    b->tokens = courier_bucket_burst(b);
    b->at_ms = now_ms;
    b->next = p->buckets[slot];
    p->buckets[slot] = b;
    p->count++;
    assert(p->count <= COURIER_PACE_MAX);

    return b;
}


static void
courier_bucket_fill(courier_bucket_t *b, int64_t now_ms)
{
    int64_t add, burst, passed;

    passed = now_ms - b->at_ms;

    if (passed <= 0) {
        return;
    }

    courier_bucket_rise(b, now_ms);
    burst = courier_bucket_burst(b);

    if (passed >= COURIER_FULL_MS) {
        b->tokens = burst;
        b->at_ms = now_ms;
        return;
    }

    if (b->recipient == 0) {
        add = passed * (int64_t) courier_bucket_rate(b);
        b->at_ms = now_ms;

    } else { /* thousandths are whole; the rest of the time stays */
        add = passed * COURIER_MILLI / (int64_t) COURIER_PAIR_EVERY_MS;
        b->at_ms += add * (int64_t) COURIER_PAIR_EVERY_MS / COURIER_MILLI;
    }

    b->tokens = (b->tokens + add < burst) ? b->tokens + add : burst;
}


/* Gives back what a refusal took from the rate: one message a second more,
 * each COURIER_RATE_UP_MS. */

static void
courier_bucket_rise(courier_bucket_t *b, int64_t now_ms)
{
    int64_t n;

    if (b->slower == 0 || now_ms - b->rose_ms < COURIER_RATE_UP_MS) {
        return;
    }

    n = (now_ms - b->rose_ms) / COURIER_RATE_UP_MS;
    b->slower = n < (int64_t) b->slower ? b->slower - (uint32_t) n : 0;
    b->rose_ms += n * COURIER_RATE_UP_MS;
}


static uint32_t
courier_bucket_rate(const courier_bucket_t *b)
{
    assert(b->recipient == 0 && b->slower < COURIER_NUMBER_RATE);

    return COURIER_NUMBER_RATE - b->slower;
}


static int64_t
courier_bucket_burst(const courier_bucket_t *b)
{
    return (int64_t) (b->recipient == 0 ? courier_bucket_rate(b)
                                        : COURIER_PAIR_BURST)
           * COURIER_MILLI;
}


/* Milliseconds until there is a whole token; 0: there is one. */

static uint32_t
courier_bucket_wait(const courier_bucket_t *b)
{
    int64_t lack;

    lack = COURIER_MILLI - b->tokens;

    if (lack <= 0) {
        return 0;
    }

    if (b->recipient == 0) {
        return (uint32_t) ((lack + courier_bucket_rate(b) - 1)
                           / (int64_t) courier_bucket_rate(b));
    }

    return (uint32_t) (lack * (int64_t) COURIER_PAIR_EVERY_MS / COURIER_MILLI);
}


/* Forgets buckets that are full again, since a new bucket would be the
 * same. */

static void
courier_pace_sweep(courier_pace_t *p, int64_t now_ms)
{
    size_t             i;
    courier_bucket_t **at, *b;

    if (p->swept && now_ms - p->swept_ms < COURIER_SWEPT_MS) {
        return;
    }

    p->swept = true;
    p->swept_ms = now_ms;

    for (i = 0; i < COURIER_PACE_BUCKETS; i++) {
        at = &p->buckets[i];

        while (*at != NULL) {
            b = *at;
            courier_bucket_fill(b, now_ms);

            if (b->tokens < courier_bucket_burst(b) || b->paused_ms > now_ms
                || b->slower > 0)
            {
                at = &b->next;
                continue;
            }

            *at = b->next;
            p->mem->free(p->mem->user, b);
            assert(p->count > 0);
            p->count--;
        }
    }
}


/* The FNV-1a hash of a recipient.  It is never 0, which stands for the number
 * itself. */

static uint64_t
courier_hash(pt_str_t s)
{
    size_t   i;
    uint64_t h;

    h = UINT64_C(14695981039346656037);

    for (i = 0; i < s.len; i++) {
        h = (h ^ (uint8_t) s.data[i]) * UINT64_C(1099511628211);
    }

    return h == 0 ? 1 : h;
}


static uint32_t
courier_slot(const pt_uuid_t *number, uint64_t recipient)
{
    uint64_t h;

    memcpy(&h, number->b + 8, sizeof(h));
    h = (h ^ recipient) * UINT64_C(11400714819323198485);

    return (uint32_t) (h >> 32) % COURIER_PACE_BUCKETS;
}
