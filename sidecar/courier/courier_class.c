/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "courier_class.h"

#include <assert.h>

#include "core/base/pt_util.h"

#define COURIER_BACKOFF_MS 1000u /* after the first call; then threefold */
#define COURIER_BACKOFF_MAX_MS (10u * 60 * 1000)
#define COURIER_MINUTE_MS (60u * 1000)
#define COURIER_DAY_MS (24u * 60 * 60 * 1000)

typedef struct {
    int32_t           from; /* error.code */
    int32_t           to;   /* error.code, inclusive */
    courier_verdict_t verdict;
    uint32_t          after_ms; /* at least; 0: as long as the backoff */
} courier_rule_t;

static void courier_class_silent(const courier_answer_t *answer,
                                 courier_class_t        *out);
static void courier_class_foreign(const courier_answer_t *answer,
                                  courier_class_t        *out);
static void courier_class_accept(const pt_json_t *root, courier_class_t *out);
static void courier_class_error(const pt_json_t *error, int32_t code,
                                const courier_answer_t *answer,
                                courier_class_t        *out);
static const courier_rule_t *courier_rule_find(int32_t code);
static uint32_t              courier_backoff_ms(uint32_t attempts);
static uint32_t              courier_pair_ms(uint32_t attempts);
static pt_str_t courier_text(const pt_json_t *obj, const char *key);
static void     courier_set(courier_class_t *out, courier_verdict_t verdict,
                            uint32_t after_ms, pt_str_t title, pt_str_t detail);

/* By Meta's "Cloud API error codes".  A code that is not here is FAILED. */
static const courier_rule_t courier_rules[] = {
    { 0, 0, COURIER_STOP, 0 },  /* authentication */
    { 1, 1, COURIER_RETRY, 0 }, /* unknown or bad request */
    { 2, 2, COURIER_RETRY, 0 }, /* temporarily down */
    { 3, 3, COURIER_STOP, 0 },  /* capability */
    { 4, 4, COURIER_RETRY_NUMBER, COURIER_MINUTE_MS }, /* app limit */
    { 10, 10, COURIER_STOP, 0 },                       /* permission */
    { 190, 190, COURIER_STOP, 0 },                     /* token expired */
    { 200, 299, COURIER_STOP, 0 },                     /* permission */
    { 368, 368, COURIER_STOP, 0 },                     /* policy block */
    { 80007, 80007, COURIER_RETRY_NUMBER, COURIER_MINUTE_MS },
    { 130429, 130429, COURIER_RETRY_NUMBER, 0 }, /* throughput */
    { 130497, 130497, COURIER_STOP, 0 },         /* country restricted */
    { 131000, 131000, COURIER_RETRY, 0 },        /* something went wrong */
    { 131005, 131005, COURIER_STOP, 0 },         /* access denied */
    { 131016, 131016, COURIER_RETRY, 0 },        /* service overloaded */
    { 131031, 131031, COURIER_STOP, 0 },         /* account locked */
    { 131037, 131037, COURIER_STOP, 0 },         /* display name not approved */
    { 131042, 131042, COURIER_STOP, 0 },         /* payment */
    { 131044, 131045, COURIER_STOP, 0 },         /* payment, registration */
    { 131048, 131048, COURIER_RETRY_NUMBER, 10 * COURIER_MINUTE_MS },
    { 131049, 131049, COURIER_RETRY, COURIER_DAY_MS }, /* marketing cap */
    { 131056, 131056, COURIER_RETRY_PAIR, 0 },         /* pair rate */
    { 131057, 131057, COURIER_RETRY_NUMBER, COURIER_MINUTE_MS },
    { 131064, 131064, COURIER_RETRY_NUMBER, 10 * COURIER_MINUTE_MS },
    { 132069, 132069, COURIER_RETRY, COURIER_MINUTE_MS }, /* flow slowed */
    { 133000, 133000, COURIER_STOP, 0 },  /* deregistration incomplete */
    { 133004, 133004, COURIER_RETRY, 0 }, /* server away */
    { 133005, 133006, COURIER_STOP, 0 },  /* PIN, verification */
    { 133008, 133009, COURIER_RETRY_NUMBER, 10 * COURIER_MINUTE_MS },
    { 133010, 133010, COURIER_STOP, 0 }, /* number not registered */
    { 133015, 133016, COURIER_RETRY_NUMBER, 60 * COURIER_MINUTE_MS },
    { 134011, 134011, COURIER_STOP, 0 }, /* payments terms */
    { 134101, 134101, COURIER_RETRY, 10 * COURIER_MINUTE_MS },
    { 2494100, 2494100, COURIER_RETRY_NUMBER, COURIER_MINUTE_MS },
};


void
courier_class_get(pt_arena_t *a, const courier_answer_t *answer,
                  courier_class_t *out)
{
    int64_t          code;
    pt_json_t       *root;
    const pt_json_t *error;

    assert(a != NULL && answer != NULL && out != NULL);

    memset(out, 0, sizeof(*out));
    root = NULL;
    error = NULL;

    if (answer->answered
        && pt_json_parse(a, answer->body, &pt_json_limits_api, &root) == PT_OK)
    {
        error = pt_json_find(root, "error");
    }

    if (!answer->answered) {
        courier_class_silent(answer, out);

    } else if (pt_json_find_i64(error, "code", &code) && code >= INT32_MIN
               && code <= INT32_MAX)
    {
        courier_class_error(error, (int32_t) code, answer, out);

    } else if (answer->status >= 200 && answer->status < 300) {
        courier_class_accept(root, out);

    } else {
        courier_class_foreign(answer, out);
    }

    if (answer->attempts >= COURIER_ATTEMPTS_MAX
        && (out->verdict == COURIER_RETRY
            || out->verdict == COURIER_RETRY_PAIR))
    {
        out->verdict = COURIER_FAILED;
    }
}


static void
courier_class_silent(const courier_answer_t *answer, courier_class_t *out)
{
    if (answer->written) {
        courier_set(out, COURIER_UNKNOWN, 0, PT_STR("outcome unknown"),
                    PT_STR("the request was written, but no answer came"));
        return;
    }

    courier_set(
        out, answer->reached ? COURIER_RETRY : COURIER_RETRY_NUMBER,
        courier_backoff_ms(answer->attempts), PT_STR("WhatsApp unreachable"),
        answer->reached ? PT_STR("the connection ended before all was written")
                        : PT_STR("no connection"));
}


/* The answer is not the Graph API's: it comes from a proxy, or the address is
 * wrong. */

static void
courier_class_foreign(const courier_answer_t *answer, courier_class_t *out)
{
    if (answer->status >= 500) {
        courier_set(out, COURIER_UNKNOWN, 0, PT_STR("outcome unknown"),
                    PT_STR("a server error without an explanation"));
        return;
    }

    courier_set(
        out, answer->status == 429 ? COURIER_RETRY_NUMBER : COURIER_RETRY,
        courier_backoff_ms(answer->attempts),
        answer->status == 429 ? PT_STR("rate limited") : PT_STR("refused"),
        PT_STR("an answer that is not the Graph API's; is "
               "WHATSAPP_API_URL right?"));
}


static void
courier_class_accept(const pt_json_t *root, courier_class_t *out)
{
    const pt_json_t *list;

    list = pt_json_find(root, "messages");

    if (pt_json_is(list, PT_JSON_ARRAY)) {
        out->wamid = courier_text(list->first, "id");
    }

    list = pt_json_find(root, "contacts");

    if (pt_json_is(list, PT_JSON_ARRAY)) {
        out->wa_id = courier_text(list->first, "wa_id");
    }

    if (out->wamid.len == 0) {
        courier_set(out, COURIER_UNKNOWN, 0, PT_STR("outcome unknown"),
                    PT_STR("accepted, but the answer names no message"));
    }
}


static void
courier_class_error(const pt_json_t *error, int32_t code,
                    const courier_answer_t *answer, courier_class_t *out)
{
    pt_str_t              title, detail;
    uint32_t              after_ms, backoff_ms;
    const courier_rule_t *rule;

    title = courier_text(error, "message");
    detail = courier_text(pt_json_find(error, "error_data"), "details");
    rule = courier_rule_find(code);

    if (rule == NULL || rule->verdict == COURIER_STOP) {
        courier_set(out, rule == NULL ? COURIER_FAILED : COURIER_STOP, 0, title,
                    detail);
        out->code = code;
        return;
    }

    backoff_ms = rule->verdict == COURIER_RETRY_PAIR
                     ? courier_pair_ms(answer->attempts)
                     : courier_backoff_ms(answer->attempts);
    after_ms = rule->after_ms > backoff_ms ? rule->after_ms : backoff_ms;
    courier_set(out, rule->verdict, after_ms, title, detail);
    out->code = code;
}


static const courier_rule_t *
courier_rule_find(int32_t code)
{
    size_t i;

    for (i = 0; i < PT_COUNT(courier_rules); i++) {
        if (code >= courier_rules[i].from && code <= courier_rules[i].to) {
            return &courier_rules[i];
        }
    }

    return NULL;
}


static uint32_t
courier_backoff_ms(uint32_t attempts)
{
    uint32_t ms, i;

    ms = COURIER_BACKOFF_MS;

    for (i = 1; i < attempts && ms < COURIER_BACKOFF_MAX_MS; i++) {
        ms *= 3;
    }

    return ms < COURIER_BACKOFF_MAX_MS ? ms : COURIER_BACKOFF_MAX_MS;
}


/* Meta advises to wait for 4^X seconds after 131056, X being 0, 1, 2 and so
 * on. */

static uint32_t
courier_pair_ms(uint32_t attempts)
{
    uint32_t ms, i;

    ms = 1000;

    for (i = 1; i < attempts && ms < COURIER_BACKOFF_MAX_MS; i++) {
        ms *= 4;
    }

    return ms < COURIER_BACKOFF_MAX_MS ? ms : COURIER_BACKOFF_MAX_MS;
}


static pt_str_t
courier_text(const pt_json_t *obj, const char *key)
{
    pt_str_t s;

    if (!pt_json_find_str(obj, key, &s)) {
        return PT_STR("");
    }

    return pt_utf8_prefix(s, COURIER_TEXT_MAX);
}


static void
courier_set(courier_class_t *out, courier_verdict_t verdict, uint32_t after_ms,
            pt_str_t title, pt_str_t detail)
{
    out->verdict = verdict;
    out->after_ms = after_ms;
    out->title = title;
    out->detail = detail;
}
