/* SPDX-License-Identifier: MIT
 *
 * json.c - an sc_json is jansson's json_t under another name.
 *
 * A setter that runs out of memory poisons its container: it empties it and spoils its type, which
 * makes every later use of it, and the dump of the whole, fail.
 */
#include "core/json.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"

enum { JSON_TEXT_MAX = 100000000, POISONED_OBJECT = 98, POISONED_ARRAY };

static json_t *inner(sc_json *json)
{
    return (json_t *)json;
}

/* Jansson's readers take json_t * though they do not write. */
static json_t *reading(const sc_json *json)
{
    return (json_t *)(uintptr_t)json;
}

int sc_json_parse(sc_json **out, const char *text, size_t size, const char *name, simclr_error *err)
{
    json_error_t why;

    *out = NULL;
    if (size > JSON_TEXT_MAX)
        return sc_fail(err, SIMCLR_E_FORMAT, "%s: %zu bytes of JSON are over the limit of %d", name,
                       size, JSON_TEXT_MAX);
    json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    if (!json && json_error_code(&why) == json_error_out_of_memory)
        return sc_fail(err, SIMCLR_E_MEMORY, "%s: out of memory", name);
    if (!json)
        return sc_fail(err, SIMCLR_E_FORMAT, "%s:%d:%d: %s", name, why.line, why.column, why.text);
    *out = (sc_json *)json;
    return 0;
}

const sc_json *sc_json_get(const sc_json *object, const char *key)
{
    return (const sc_json *)json_object_get(reading(object), key);
}

const sc_json *sc_json_at(const sc_json *array, size_t index)
{
    return (const sc_json *)json_array_get(reading(array), index);
}

size_t sc_json_size(const sc_json *array_or_object)
{
    const json_t *json = reading(array_or_object);

    return json_is_array(json) ? json_array_size(json) : json_object_size(json);
}

const char *sc_json_string(const sc_json *json)
{
    return json_string_value(reading(json));
}

bool sc_json_integer(int64_t *out, const sc_json *json)
{
    if (!json_is_integer(reading(json)))
        return false;
    *out = json_integer_value(reading(json));
    return true;
}

bool sc_json_number(double *out, const sc_json *json)
{
    if (!json_is_number(reading(json)))
        return false;
    *out = json_number_value(reading(json));
    return true;
}

int sc_json_each(const sc_json *object,
                 int (*fn)(void *context, const char *key, const sc_json *value), void *context)
{
    const char *key;
    json_t *value;

    json_object_foreach(reading(object), key, value)
    {
        int result = fn(context, key, (const sc_json *)value);
        if (result < 0)
            return result;
    }
    return 0;
}

sc_json *sc_json_new_object(void)
{
    return (sc_json *)json_object();
}

sc_json *sc_json_new_array(void)
{
    return (sc_json *)json_array();
}

static void poison(sc_json *container)
{
    json_t *json = inner(container);

    if (json_is_object(json)) {
        json_object_clear(json);
        json->type = (json_type)POISONED_OBJECT;
    } else if (json_is_array(json)) {
        json_array_clear(json);
        json->type = (json_type)POISONED_ARRAY;
    }
}

/* Gives a container its type back, so that it can be released; whether it was poisoned. */
static bool cure(json_t *json)
{
    int type = json ? (int)json->type : (int)JSON_NULL;

    if (type == POISONED_OBJECT)
        json->type = JSON_OBJECT;
    else if (type == POISONED_ARRAY)
        json->type = JSON_ARRAY;
    return type == POISONED_OBJECT || type == POISONED_ARRAY;
}

/* A poisoned child poisons its parent; a memory failure (NULL) as well. */
static json_t *take(sc_json *value)
{
    if (!cure(inner(value)))
        return inner(value);
    json_decref(inner(value));
    return NULL;
}

void sc_json_free(sc_json *json)
{
    cure(inner(json));
    json_decref(inner(json));
}

/* Both release value, also on failure. */
static void put(sc_json *object, const char *key, json_t *value)
{
    if (json_object_set_new(inner(object), key, value) < 0)
        poison(object);
}

static void push(sc_json *array, json_t *value)
{
    if (json_array_append_new(inner(array), value) < 0)
        poison(array);
}

/* JSON is UTF-8; of other text (a file name may be any bytes) every byte beyond ASCII becomes '?'. */
static json_t *new_string(const char *text)
{
    json_t *json = json_string(text);
    if (json)
        return json;
    char *copy = sc_strdup(text, NULL);
    for (char *c = copy; c && *c; c++) {
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    }
    json = copy ? json_string(copy) : NULL;
    sc_free(copy);
    return json;
}

static json_t *new_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

void sc_json_set_string(sc_json *object, const char *key, const char *value)
{
    put(object, key, new_string(value));
}

void sc_json_set_integer(sc_json *object, const char *key, int64_t value)
{
    put(object, key, json_integer(value));
}

void sc_json_set_number(sc_json *object, const char *key, double value)
{
    put(object, key, new_number(value));
}

void sc_json_set_bool(sc_json *object, const char *key, bool value)
{
    put(object, key, json_boolean(value));
}

void sc_json_set(sc_json *object, const char *key, sc_json *value)
{
    put(object, key, take(value));
}

void sc_json_append_integer(sc_json *array, int64_t value)
{
    push(array, json_integer(value));
}

void sc_json_append_number(sc_json *array, double value)
{
    push(array, new_number(value));
}

void sc_json_append_string(sc_json *array, const char *value)
{
    push(array, new_string(value));
}

void sc_json_append(sc_json *array, sc_json *value)
{
    push(array, take(value));
}

/* Jansson prints 17 digits (0.10000000000000001).  Rewrites one such number, in place, by the
 * fewest digits that read back as the same value; returns its new length. */
static size_t shorten_number(char *number, size_t length)
{
    char text[64], shorter[64], *end;

    if (length >= sizeof text)
        return length;
    memcpy(text, number, length);
    text[length] = '\0';
    double value = strtod(text, &end);
    if (*end != '\0') /* a locale with a decimal comma */
        return length;
    for (int digits = 1; digits < 17; digits++) {
        int n = snprintf(shorter, sizeof shorter - 2, "%.*g", digits, value);
        if (strtod(shorter, NULL) != value)
            continue;
        if (!strpbrk(shorter, ".e")) {
            strcpy(shorter + n, ".0");
            n += 2;
        }
        if ((size_t)n < length) {
            memcpy(number, shorter, (size_t)n);
            return (size_t)n;
        }
        break;
    }
    return length;
}

static void shorten_numbers(char *text)
{
    char *to = text;

    for (char *from = text; *from;) {
        size_t length = 1; /* of the token, and how much of it is kept */
        size_t keep;
        if (*from == '"') {
            while (from[length] != '"')
                length += from[length] == '\\' ? 2 : 1;
            keep = ++length;
        } else if (*from == '-' || (*from >= '0' && *from <= '9')) {
            length = strspn(from, "-+.e0123456789");
            bool real = memchr(from, '.', length) || memchr(from, 'e', length);
            keep = real ? shorten_number(from, length) : length;
        } else {
            keep = 1;
        }
        memmove(to, from, keep);
        to += keep;
        from += length;
    }
    *to = '\0';
}

int sc_json_dump(char **text, const sc_json *json, bool indent, simclr_error *err)
{
    size_t flags = JSON_ENCODE_ANY | (indent ? JSON_INDENT(2) : 0);
    size_t size = json ? json_dumpb(reading(json), NULL, 0, flags) : 0;

    *text = NULL;
    if (size == 0)
        return sc_fail(err, SIMCLR_E_MEMORY, "out of memory while JSON was made");
    char *out = sc_alloc(size + 1, 1, err);
    if (!out)
        return SIMCLR_E_MEMORY;
    if (json_dumpb(reading(json), out, size, flags) != size) {
        sc_free(out);
        return sc_fail(err, SIMCLR_E_MEMORY, "out of memory while JSON was made");
    }
    shorten_numbers(out);
    *text = out;
    return 0;
}
