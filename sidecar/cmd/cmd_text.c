/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * cmd_text.c: what a command prints and which names it takes.  A name may
 * come from a row that was stored before names were looked at: what would
 * move the cursor, end the line or turn the text around is shown as \uNNNN.
 */

#include "cmd.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/whatsapp/pt_wa.h"

#define CMD_LINE_MAX 8192 /* bytes; the rest of a longer line is left out */
#define CMD_PHONE_MIN 5   /* digits */
#define CMD_PHONE_LEN_MAX 40

static void cmd_line(FILE *out, const char *line);


int
cmd_error(const char *fmt, ...)
{
    char    line[CMD_LINE_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);

    fflush(stdout);
    fputs("pytake: ", stderr);
    cmd_line(stderr, line);

    return CMD_FAILED;
}


void
cmd_print(const char *fmt, ...)
{
    char    line[CMD_LINE_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);

    cmd_line(stdout, line);
}


int
cmd_name_check(const char *name, const char *option)
{
    pt_str_t s = { name, strlen(name) }, rest = s;

    if (!pt_utf8_is(s) || pt_utf8_count(s) > CMD_NAME_MAX) {
        cmd_error("--%s is not UTF-8 of at most %d characters", option,
                  CMD_NAME_MAX);
        return CMD_USAGE;
    }

    if (pt_utf8_is_blank(s)) {
        cmd_error("--%s shows nothing: a name is expected", option);
        return CMD_USAGE;
    }

    while (rest.len > 0) {
        if (pt_utf8_char_is_hidden(pt_utf8_next(&rest))) {
            cmd_error("--%s \"%s\" has a control character, or one that is "
                      "not seen",
                      option, name);
            return CMD_USAGE;
        }
    }

    return 0;
}


bool
cmd_phone_is(const char *phone)
{
    size_t i, n = 0;

    if (strlen(phone) > CMD_PHONE_LEN_MAX
        || phone[strspn(phone, "+-. ()0123456789")] != '\0')
    {
        return false;
    }

    for (i = 0; phone[i] != '\0'; i++) {
        n += phone[i] >= '0' && phone[i] <= '9';
    }

    return n >= CMD_PHONE_MIN && n <= PT_WA_PHONE_MAX;
}


/* The line, its end, and nothing that is not text. */
static void
cmd_line(FILE *out, const char *line)
{
    bool        whole;
    uint32_t    c;
    pt_str_t    rest = { line, strlen(line) };
    const char *p;

    while (rest.len > 0) {
        p = rest.data;
        c = pt_utf8_next(&rest);
        whole = c != 0xfffd || rest.data - p == 3; /* or it is no UTF-8 */

        if (!whole) {
            for (/* void */; p < rest.data; p++) {
                fprintf(out, "\\x%02x", (unsigned) (unsigned char) *p);
            }
        } else if (pt_utf8_char_is_hidden(c)) {
            fprintf(out, c > 0xffff ? "\\U%08x" : "\\u%04x", (unsigned) c);
        } else {
            fwrite(p, 1, (size_t) (rest.data - p), out);
        }
    }

    fputc('\n', out);
}
