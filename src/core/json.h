/* SPDX-License-Identifier: MIT
 *
 * json.h - the little JSON the program needs, over jansson (the only file that includes jansson.h
 * is json.c).  Reading is strict: duplicate keys refused, depth and size limited.
 */
#ifndef SC_CORE_JSON_H
#define SC_CORE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

typedef struct sc_json sc_json; /* an object, array, string, number, boolean or null */

/* Parses size bytes; `name` is the file named in errors (SIMCLR_E_FORMAT, with line and column). */
int sc_json_parse(sc_json **out, const char *text, size_t size, const char *name,
                  simclr_error *err);
void sc_json_free(sc_json *json); /* only of roots: parsed or new */

/* Borrowed children; NULL when absent or of another kind. */
const sc_json *sc_json_get(const sc_json *object, const char *key);
const sc_json *sc_json_at(const sc_json *array, size_t index);
size_t sc_json_size(const sc_json *array_or_object);
const char *sc_json_string(const sc_json *json);         /* NULL unless a string */
bool sc_json_integer(int64_t *out, const sc_json *json); /* false unless an integer */
bool sc_json_number(double *out, const sc_json *json);   /* false unless a number */
/* Calls fn for every member in the order of the file; stops at the first negative result. */
int sc_json_each(const sc_json *object,
                 int (*fn)(void *context, const char *key, const sc_json *value), void *context);

/* Writing.  Setters take no ownership; memory failures are remembered and reported by dump. */
sc_json *sc_json_new_object(void);
sc_json *sc_json_new_array(void);
void sc_json_set_string(sc_json *object, const char *key, const char *value);
void sc_json_set_integer(sc_json *object, const char *key, int64_t value);
void sc_json_set_number(sc_json *object, const char *key, double value); /* non-finite: null */
void sc_json_set_bool(sc_json *object, const char *key, bool value);
void sc_json_set(sc_json *object, const char *key, sc_json *value); /* takes value */
void sc_json_append_integer(sc_json *array, int64_t value);
void sc_json_append_number(sc_json *array, double value);
void sc_json_append_string(sc_json *array, const char *value);
void sc_json_append(sc_json *array, sc_json *value); /* takes value */
/* Text in insertion order, one line or indented; the caller's, sc_free. */
int sc_json_dump(char **text, const sc_json *json, bool indent, simclr_error *err);

#endif
