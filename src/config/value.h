/* SPDX-License-Identifier: MIT
 *
 * value.h - one value of the configuration: from text into its field, and back.  Inside config/.
 */
#ifndef SC_CONFIG_VALUE_H
#define SC_CONFIG_VALUE_H

#include "config/config.h"

enum { SC_CONFIG_TEXT = SC_CONFIG_STRING + 64 }; /* holds any value as text */

/* Writes text's value into `field`.  Returns NULL, or what is wrong, for people: "is not a number"
 * (a static text); the field is then unchanged. */
const char *sc_value_parse(void *field, const sc_config_row *row, const char *text);
/* Length as snprintf. */
int sc_value_format(char *out, size_t out_size, const sc_config_row *row, const void *field);

/* Locale-independent strtod of the whole text; false if there is anything else. */
bool sc_text_to_double(double *out, const char *text);
/* Shortest text that reads back to the same double. */
int sc_double_to_text(char *out, size_t out_size, double value);

/* Adds a line to err: code SIMCLR_E_USAGE, the text grows by "\n" and the line; when full, the
 * last line is "...".  err must have begun with code 0 and an empty text. */
void sc_config_add_error(simclr_error *err, const char *fmt, ...) SC_PRINTF(2, 3);

#endif
