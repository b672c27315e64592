/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "courier_int.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#define COURIER_LINE_MAX 512 /* bytes of what one call appends */

typedef struct {
    const char *name; /* behind "pytake_courier_" */
    const char *type; /* of Prometheus */
    const char *help;
    int64_t     value;
} courier_metric_t;

static void courier_line(pt_buf_t *out, const char *fmt, ...) PT_PRINTF(2, 3);

/* By courier_verdict_t. */
static const char *const courier_verdicts[] = {
    "sent", "retry", "retry_number", "retry_pair", "stop", "failed", "unknown"
};


void
courier_metrics_write(const courier_t *c, pt_buf_t *out)
{
    size_t                 i;
    const courier_stats_t *s = &c->stats;
    const courier_metric_t list[] = {
        { "claims_total", "counter", "Messages claimed.",
          (int64_t) s->claimed },
        { "released_total", "counter", "Claims given back without a call.",
          (int64_t) s->released },
        { "numbers_stopped_total", "counter",
          "Numbers stopped by this courier.", (int64_t) s->stopped },
        { "results_late_total", "counter",
          "Times that a result could not be kept at once.",
          (int64_t) s->kept_late },
        { "backends_ended_total", "counter",
          "Database backends ended in the middle of a batch.",
          (int64_t) s->backends },
        { "jobs", "gauge", "Messages in hand.", (int64_t) c->njobs },
        { "calls", "gauge", "Calls under way.",
          (int64_t) courier_http_calls(c->http) },
        { "outbox_waiting", "gauge",
          "Messages that wait in the outbox (at most 10000 are counted).",
          s->waiting },
        { "outbox_late_seconds", "gauge",
          "For how long the first of them has been due.", s->late_s },
        { "outbox_unknown", "gauge",
          "Messages whose outcome is unknown (at most 10000 are counted).",
          s->unknown },
        { "numbers_stopped", "gauge", "Numbers that wait for a person.",
          s->numbers_stopped },
    };

    assert(PT_COUNT(courier_verdicts) == PT_COUNT(s->verdicts));

    courier_line(out, "# HELP pytake_courier_outcomes_total What calls to "
                      "WhatsApp came to.\n"
                      "# TYPE pytake_courier_outcomes_total counter\n");

    for (i = 0; i < PT_COUNT(courier_verdicts); i++) {
        courier_line(out,
                     "pytake_courier_outcomes_total{outcome=\"%s\"} %llu\n",
                     courier_verdicts[i], (unsigned long long) s->verdicts[i]);
    }

    for (i = 0; i < PT_COUNT(list); i++) {
        courier_line(
            out,
            "# HELP pytake_courier_%s %s\n# TYPE pytake_courier_%s %s\n"
            "pytake_courier_%s %lld\n",
            list[i].name, list[i].help, list[i].name, list[i].type,
            list[i].name, (long long) list[i].value);
    }
}


static void
courier_line(pt_buf_t *out, const char *fmt, ...)
{
    int     n;
    char    line[COURIER_LINE_MAX];
    va_list ap;

    va_start(ap, fmt);
    n = vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);

    if (n > 0 && (size_t) n < sizeof(line)) {
        pt_buf_add(out, line, (size_t) n);
    }
}
