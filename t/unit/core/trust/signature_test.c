/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_test.h"
#include "core/trust/pt_signature.h"
#include "core/base/pt_util.h"

#define SIG_SECRET "app_secret_for_tests"
#define SIG_VECTORS "../shared/data/whatsapp/signature_vectors.tsv"
#define SIG_LINE_MAX 65536
#define SIG_BODY "{\"object\":\"whatsapp_business_account\",\"entry\":[]}"
#define SIG_GOOD                                                               \
    "sha256=4cf79e76f02e48aee659cf626e0a8a81"                                  \
    "9f6e10a61f37a9ee9c3c6c5a7fb77040"


static pt_err_t
sig(const char *secret, const char *header, const char *body)
{
    return pt_signature_check(
        pt_test_str(secret), header == NULL ? PT_STR_NULL : pt_test_str(header),
        pt_test_str(body));
}


START_TEST(good)
{
    ck_assert_ok(sig(SIG_SECRET, SIG_GOOD, SIG_BODY));
}
END_TEST


START_TEST(bad)
{
    size_t i;
    char   header[] = SIG_GOOD;

    ck_assert_int_eq(sig("", SIG_GOOD, SIG_BODY), PT_ESIGNATURE);
    ck_assert_int_eq(sig("other", SIG_GOOD, SIG_BODY), PT_ESIGNATURE);
    ck_assert_int_eq(sig(SIG_SECRET, NULL, SIG_BODY), PT_ESIGNATURE);
    ck_assert_int_eq(sig(SIG_SECRET, "", SIG_BODY), PT_ESIGNATURE);
    ck_assert_int_eq(sig(SIG_SECRET, SIG_GOOD "0", SIG_BODY), PT_ESIGNATURE);
    ck_assert_int_eq(sig(SIG_SECRET, SIG_GOOD, SIG_BODY " "), PT_ESIGNATURE);

    /* any byte of the header, its length cut anywhere */
    for (i = 0; i < sizeof(header) - 1; i++) {
        header[i] ^= 1;
        ck_assert_int_eq(sig(SIG_SECRET, header, SIG_BODY), PT_ESIGNATURE);
        header[i] ^= 1;
        ck_assert_int_eq(pt_signature_check(PT_STR(SIG_SECRET),
                                            (pt_str_t){ header, i },
                                            PT_STR(SIG_BODY)),
                         PT_ESIGNATURE);
    }

    ck_assert(pt_signature_is(PT_STR(SIG_GOOD)));
    ck_assert(!pt_signature_is(PT_STR(SIG_GOOD "0")));
    ck_assert(!pt_signature_is(PT_STR("sha256=")));
    ck_assert(!pt_signature_is(PT_STR_NULL));

    memcpy(header, "sha1=", 5);
    ck_assert_int_eq(sig(SIG_SECRET, header, SIG_BODY), PT_ESIGNATURE);
}
END_TEST


START_TEST(vectors)
{
    static char line[SIG_LINE_MAX];
    uint8_t     body[SIG_LINE_MAX / 2];
    char       *hex, *good, *wrong;
    FILE       *f = fopen(SIG_VECTORS, "r");
    size_t      n, len;

    if (f == NULL) {
        printf("vectors: SKIPPED, " SIG_VECTORS " is not here\n");
        return;
    }

    for (n = 0; fgets(line, sizeof(line), f) != NULL; /* void */) {
        line[strcspn(line, "\n")] = '\0';
        hex = strchr(line, '\t');
        if (line[0] == '#' || hex == NULL || strncmp(line, "name", 4) == 0) {
            continue;
        }
        *hex++ = '\0';
        good = strchr(hex, '\t');
        ck_assert_ptr_nonnull(good);
        *good++ = '\0';
        wrong = strchr(good, '\t');
        ck_assert_ptr_nonnull(wrong);
        *wrong++ = '\0';

        len = strlen(hex) / 2;
        ck_assert(pt_hex_parse(pt_test_str(hex), body, len));
        ck_assert_msg(pt_signature_check(PT_STR(SIG_SECRET), pt_test_str(good),
                                         (pt_str_t){ (char *) body, len })
                          == PT_OK,
                      "%s", line);
        if (strcmp(good, wrong) != 0) {
            ck_assert_int_eq(
                pt_signature_check(PT_STR(SIG_SECRET), pt_test_str(wrong),
                                   (pt_str_t){ (char *) body, len }),
                PT_ESIGNATURE);
        }
        n++;
    }

    (void) fclose(f);
    ck_assert_uint_ge(n, 7);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, good);
    PT_TEST_CASE(s, bad);
    PT_TEST_CASE(s, vectors);
}


PT_TEST_MAIN(signature);
