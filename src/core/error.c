/* SPDX-License-Identifier: MIT
 *
 * error.c - formats an error once, and makes it safe for a terminal: names of files and classes
 * end up in these texts, and a name may hold escape sequences.
 */
#include "core/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST = 8192 }; /* a path of PATH_MAX bytes, and what there is to say of it */

/* Bytes of the well-formed, printable UTF-8 character at s; 0 if there is none. */
static size_t printable_length(const unsigned char *s)
{
    if (s[0] < 0x80)
        return s[0] >= 0x20 && s[0] != 0x7f;
    size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    }
    if (s[0] == 0xc2 && s[1] < 0xa0) /* C1 controls: 0x9b starts an escape sequence */
        return 0;
    return n;
}

static void copy_printable(char *out, size_t out_size, const char *text, bool keep_newlines)
{
    static const char digit[] = "0123456789abcdef";
    size_t used = 0;

    if (out_size == 0)
        return;
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        size_t n = printable_length(s);
        if (n == 0 && keep_newlines && *s == '\n')
            n = 1;
        size_t need = n ? n : 4;
        if (used + need >= out_size)
            break;
        if (n) {
            memcpy(out + used, s, n);
        } else {
            out[used] = '\\';
            out[used + 1] = 'x';
            out[used + 2] = digit[*s >> 4];
            out[used + 3] = digit[*s & 15];
            n = 1;
        }
        used += need;
        s += n;
    }
    out[used] = '\0';
}

void sc_printable(char *out, size_t out_size, const char *text)
{
    copy_printable(out, out_size, text, false);
}

/* A text that is too long, the path of a file mostly, loses its middle: the fact is at its end. */
static void copy_shortened(char *out, size_t out_size, const char *text)
{
    size_t length = strlen(text), head = out_size / 4, from = length - (out_size - 1 - head - 3);

    while ((text[head] & 0xc0) == 0x80) /* within a character */
        head--;
    while ((text[from] & 0xc0) == 0x80)
        from++;
    snprintf(out, out_size, "%.*s...%s", (int)head, text, text + from);
}

/* Formats apart from err->text, which may be among the arguments. */
static void fill(simclr_error *err, int code, const char *tail, const char *fmt, va_list args)
    SC_PRINTF(4, 0);

static void fill(simclr_error *err, int code, const char *tail, const char *fmt, va_list args)
{
    char text[LONGEST], shown[LONGEST];
    int length = vsnprintf(text, sizeof text, fmt, args);

    if (length < 0)
        length = snprintf(text, sizeof text, "error %d", code);
    if (tail && (size_t)length < sizeof text)
        snprintf(text + length, sizeof text - (size_t)length, ": %s", tail);
    err->code = code;
    copy_printable(shown, sizeof shown, text, true);
    if (strlen(shown) < sizeof err->text)
        memcpy(err->text, shown, strlen(shown) + 1);
    else
        copy_shortened(err->text, sizeof err->text, shown);
}

int sc_fail(simclr_error *err, int code, const char *fmt, ...)
{
    if (err) {
        va_list args;
        va_start(args, fmt);
        fill(err, code, NULL, fmt, args);
        va_end(args);
    }
    return code;
}

int sc_fail_errno(simclr_error *err, int code, int errno_value, const char *fmt, ...)
{
    char reason[128];

    if (errno_value == ENOMEM)
        code = SIMCLR_E_MEMORY;
    if (errno_value == ENOSPC || errno_value == EDQUOT || errno_value == EFBIG) {
        code = SIMCLR_E_IO;
        snprintf(reason, sizeof reason, "disk full%s",
                 errno_value == EDQUOT  ? " (your quota)"
                 : errno_value == EFBIG ? " (limit on the size of a file)"
                                        : "");
    } else if (strerror_r(errno_value, reason, sizeof reason) != 0) {
        snprintf(reason, sizeof reason, "error %d", errno_value);
    }
    if (err) {
        va_list args;
        va_start(args, fmt);
        fill(err, code, reason, fmt, args);
        va_end(args);
    }
    return code;
}

int sc_exit_code(int code)
{
    switch (code) {
    case SIMCLR_OK:
        return 0;
    case SIMCLR_E_USAGE:
        return 2;
    case SIMCLR_E_DATA:
    case SIMCLR_E_FORMAT:
    case SIMCLR_E_NOT_FOUND:
        return 3;
    case SIMCLR_E_IO:
    case SIMCLR_E_BUSY:
        return 4;
    case SIMCLR_E_MEMORY:
        return 5;
    case SIMCLR_E_NUMERIC:
        return 6;
    case SIMCLR_E_CHECKPOINT:
        return 7;
    case SIMCLR_E_DEVICE:
        return 8;
    case SIMCLR_E_INTERRUPTED:
        return 75;
    default:
        return 1;
    }
}
