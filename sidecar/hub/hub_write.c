/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_write.c: writes to a socket: what it is sent, and in which order.
 */

#include <assert.h>

#include "hub_int.h"

static int hub_write_gather(hub_conn_t *c, hub_iov_t *iov, hub_frame_t **frames,
                            size_t *total);
static size_t hub_write_put(hub_iov_t *iov, hub_frame_t **frame,
                            hub_frame_t *f);
static bool   hub_write_idle(hub_conn_t *c);
static void   hub_write_took(hub_conn_t *c, hub_frame_t **frames, int n,
                             size_t bytes);
static void   hub_write_sent(hub_conn_t *c, hub_frame_t *f);


/*
 * Writes what the socket accepts: the rest of a frame that was written in part,
 * then control frames, then events from the cursor on, many in one call.
 */

void
hub_write_conn(hub_conn_t *c)
{
    int          i, n;
    size_t       total, turn;
    ptrdiff_t    took;
    hub_iov_t    iov[HUB_IOV_MAX];
    hub_frame_t *frames[HUB_IOV_MAX];

    turn = 0;

    while (!c->blocked && c->state != HUB_CONN_DEAD) {
        n = hub_write_gather(c, iov, frames, &total);

        if (n == 0) {
            if (!hub_write_idle(c)) {
                return;
            }

            continue;
        }

        took = c->hub->conf.ops->write(c->sock, iov, n);

        if (took > 0) {
            c->taken_s = c->hub->now_s;
            c->hub->bytes_out += (uint64_t) took;
            hub_write_took(c, frames, n, (size_t) took);
        }

        for (i = 0; i < n; i++) {
            hub_frame_unref(&c->hub->conf.mem, frames[i]);
        }

        if (took < 0) {
            hub_conn_drop(c);
            return;
        }

        assert((size_t) took <= total);

        if ((size_t) took < total) {
            c->blocked = true;
            c->taken_s = c->hub->now_s; /* HUB_STALL_S counts from here. */
            c->hub->conf.ops->want_write(c->sock, true);
            return;
        }

        turn += total;

        if (turn > HUB_WRITE_MAX) { /* Other sockets get their turn first. */
            hub_conn_dirty(c);
            return;
        }
    }
}


/* It does not wait for the close frame of the peer, because clients that were
 * refused may come in any number and would keep their sockets. */

void
hub_write_end(hub_conn_t *c, uint16_t code, const char *reason)
{
    hub_conn_close(c, code, reason);

    if (c->state != HUB_CONN_DEAD && !c->blocked) {
        hub_write_conn(c);
    }

    hub_conn_drop(c);
}


/* Collects the frames that are to be written next into iov and frames, each
 * with a reference of its own, because a page may be freed while the next one
 * is asked for.  Returns how many they are, and their bytes in *total. */

static int
hub_write_gather(hub_conn_t *c, hub_iov_t *iov, hub_frame_t **frames,
                 size_t *total)
{
    int          n;
    bool         gone;
    int64_t      seq;
    hub_out_t   *o;
    hub_frame_t *f;

    n = 0;
    *total = 0;

    if (c->current != NULL) {
        iov[n].data = c->current->data + c->sent;
        iov[n].len = c->current->len - c->sent;
        frames[n] = hub_frame_ref(c->current);
        *total += iov[n++].len;
    }

    for (o = c->out; o != NULL && n < HUB_IOV_MAX; o = o->next) {
        *total += hub_write_put(&iov[n], &frames[n], o->frame);
        n++;
    }

    if (c->state != HUB_CONN_LIVE || o != NULL) {
        return n;
    }

    for (seq = c->cursor; n < HUB_IOV_MAX && *total < HUB_WRITE_MAX
                          && seq <= c->tenant->ring.head;
         seq++)
    {
        f = hub_resume_frame(c->tenant, seq, &gone);

        if (f == NULL) {
            if (gone && n == 0) {
                hub_send_resync(c, "expired");
            }

            break;
        }

        assert(f->seq == seq && f->owner == c->tenant);
        *total += hub_write_put(&iov[n], &frames[n], f);
        n++;
    }

    return n;
}


static size_t
hub_write_put(hub_iov_t *iov, hub_frame_t **frame, hub_frame_t *f)
{
    iov->data = f->data;
    iov->len = f->len;
    *frame = hub_frame_ref(f);

    return f->len;
}


/* There is nothing to write: ends a connection that both sides have closed, or
 * queues a sync that is due.  true: there is something to write now. */

static bool
hub_write_idle(hub_conn_t *c)
{
    hub_frame_t *sync;

    if (c->state == HUB_CONN_CLOSING) {
        if (c->peer_closed) {
            hub_conn_drop(c); /* Both close frames are through. */
        }

        return false;
    }

    if (c->out != NULL) {
        return true; /* Gathering has queued a resync. */
    }

    if (c->state != HUB_CONN_LIVE || !c->want_sync
        || c->cursor != c->tenant->ring.head + 1)
    {
        return false;
    }

    c->want_sync = false;
    c->synced_s = c->hub->now_s;
    sync = hub_send_sync(c->tenant);
    hub_conn_push(c, sync);

    return sync != NULL;
}


static void
hub_write_took(hub_conn_t *c, hub_frame_t **frames, int n, size_t bytes)
{
    int          i;
    size_t       left;
    hub_out_t   *o;
    hub_frame_t *f;

    for (i = 0; i < n && bytes > 0; i++) {
        f = frames[i];

        if (i == 0 && c->current != NULL) {
            left = f->len - c->sent;

            if (bytes < left) {
                c->sent += (uint32_t) bytes;
                return;
            }

            c->current = NULL;
            c->sent = 0;
            hub_frame_unref(&c->hub->conf.mem, f); /* of current */

        } else {
            left = f->len;

            if (f->seq != 0) {
                c->cursor = f->seq + 1;

            } else {
                assert(c->nout > 0);
                o = c->out;
                assert(o != NULL && o->frame == f);
                c->out = o->next;
                c->nout--;
                hub_frame_unref(&c->hub->conf.mem, f); /* of the queue */
                hub_free(c->hub, o);
            }

            if (bytes < left) { /* The rest is kept until it is written. */
                c->current = hub_frame_ref(f);
                c->sent = (uint32_t) bytes;
                return;
            }
        }

        bytes -= left;
        hub_write_sent(c, f);
    }
}


static void
hub_write_sent(hub_conn_t *c, hub_frame_t *f)
{
    hub_tenant_t *t;

    t = c->tenant;

    if (t != NULL) {
        (t->labelled ? t->sent : t->hub->other_sent)[f->event] += f->count;
    }

    if (f->seq != 0) {
        c->synced_s = c->hub->now_s;
    }
}
