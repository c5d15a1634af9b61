/* SPDX-License-Identifier: MIT
 *
 * error.h - how a failure travels: a negative code, and a text in the caller's simclr_error.
 *
 * The text names its subject first, then the fact, then what to do:
 * "data_batch_3.bin: record 812 of 10000 is cut short; download the file again".
 * It is written where the fact is known; upper layers return it unchanged.
 */
#ifndef SC_CORE_ERROR_H
#define SC_CORE_ERROR_H

#include "simclr.h"

#if defined(__GNUC__)
#define SC_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define SC_PRINTF(fmt, args)
#endif

/* Fills `err` (may be NULL) and returns `code`, so that a function can `return sc_fail(...)`. */
int sc_fail(simclr_error *err, int code, const char *fmt, ...) SC_PRINTF(3, 4);

/* As sc_fail, with ": " and strerror(errno_value) appended; ENOSPC, EDQUOT and EFBIG become
 * SIMCLR_E_IO with "disk full", ENOMEM SIMCLR_E_MEMORY, everything else `code`. */
int sc_fail_errno(simclr_error *err, int code, int errno_value, const char *fmt, ...)
    SC_PRINTF(4, 5);

/* The program's exit code for a result: simclr_exit_code. */
int sc_exit_code(int code);

/* Copies `text` for the terminal or a log: control bytes become \xNN, always terminated. */
void sc_printable(char *out, size_t out_size, const char *text);

#endif
