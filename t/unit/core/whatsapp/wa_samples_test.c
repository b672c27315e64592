/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* The webhook parser against sample bodies and what they hold. */

#include "pt_test.h"
#include "core/whatsapp/pt_wa.h"

#define WA_SAMPLES "../shared/data/whatsapp/"


static pt_arena_t *wa_arena;


static void
wa_parse_text(pt_str_t text, pt_wa_t *out)
{
    pt_json_t *body;

    ck_assert_ok(pt_json_parse(wa_arena, text, &pt_json_limits_webhook, &body));
    ck_assert_ok(pt_wa_parse(wa_arena, body, out));
}


static pt_str_t
wa_read(const char *name)
{
    char   path[512];
    char  *p;
    FILE  *f;
    size_t n;

    (void) snprintf(path, sizeof(path), WA_SAMPLES "%s", name);
    f = fopen(path, "rb");
    if (f == NULL) {
        return PT_STR_NULL;
    }

    p = pt_arena_alloc(wa_arena, PT_WEBHOOK_BODY_MAX);
    ck_assert_ptr_nonnull(p);
    n = fread(p, 1, PT_WEBHOOK_BODY_MAX, f);
    (void) fclose(f);

    return (pt_str_t){ p, n };
}


/* The next field of a line, ended by c or the line's end. */
static pt_str_t
wa_field(pt_str_t *s, char c)
{
    size_t   n = 0;
    pt_str_t out;

    while (n < s->len && s->data[n] != c) {
        n++;
    }
    out = (pt_str_t){ s->data, n };
    n += n < s->len;
    s->data += n;
    s->len -= n;

    return out;
}


/* As many as there are in list, and each of them in it. */
static void
wa_same_set(pt_str_t list, const pt_str_t *got, size_t n, pt_str_t file)
{
    size_t   i, found = 0;
    pt_str_t one, want;

    while (list.len != 0) {
        want = wa_field(&list, ',');
        for (i = 0; i < n; i++) {
            one = got[i].data == NULL ? PT_STR("None") : got[i];
            if (pt_str_eq(one, want)) {
                found++;
                break;
            }
        }
        ck_assert_msg(i < n, "%.*s: %.*s", (int) file.len, file.data,
                      (int) want.len, want.data);
    }

    ck_assert_msg(found == n, "%.*s", (int) file.len, file.data);
}


static void
wa_same_count(pt_str_t *line, uint32_t got, const char *what, pt_str_t file)
{
    int64_t want;

    ck_assert(pt_i64_parse(wa_field(line, '\t'), &want));
    ck_assert_msg(want == got, "%.*s: %s %u, not %d", (int) file.len, file.data,
                  what, got, (int) want);
}


START_TEST(samples)
{
    char        name[256];
    pt_str_t    tsv, line, file, fields;
    pt_wa_t     wa;
    uint32_t    n = 0;
    pt_arena_t *outer;

    outer = wa_arena = pt_test_arena();
    tsv = wa_read("EXPECTED.tsv");
    if (tsv.data == NULL) {
        pt_arena_del(outer);
        printf("samples: SKIPPED, " WA_SAMPLES " is not here\n");
        return;
    }

    (void) wa_field(&tsv, '\n');

    while (tsv.len != 0) {
        line = wa_field(&tsv, '\n');
        file = wa_field(&line, '\t');
        wa_arena = pt_test_arena();

        (void) snprintf(name, sizeof(name), "inbound/%.*s", (int) file.len,
                        file.data);
        wa_parse_text(wa_read(name), &wa);

        (void) wa_field(&line, '\t');
        wa_same_count(&line, wa.counts.entries, "entries", file);
        fields = wa_field(&line, '\t');
        wa_same_set(fields, wa.counts.fields, wa.counts.nfields, file);
        wa_same_count(&line, wa.counts.messages, "messages", file);
        wa_same_count(&line, wa.counts.statuses, "statuses", file);
        wa_same_count(&line, wa.counts.value_errors, "value_errors", file);
        wa_same_count(&line, wa.counts.echoes, "echoes", file);
        wa_same_count(&line, wa.counts.calls, "calls", file);
        wa_same_set(line, wa.numbers, wa.nnumbers, file);

        /* nothing is lost: stored, repeated, or an error */
        ck_assert_uint_eq(wa.nmessages + wa.nstatuses + wa.counts.item_errors,
                          wa.counts.messages + wa.counts.statuses);

        pt_arena_del(wa_arena);
        wa_arena = outer;
        n++;
    }

    pt_arena_del(outer);
    ck_assert_uint_ge(n, 190);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, samples);
}


PT_TEST_MAIN(wa_samples);
