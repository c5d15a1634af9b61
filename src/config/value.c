/* SPDX-License-Identifier: MIT
 *
 * value.c - one value of the configuration: from text into its field, and back.
 *
 * Numbers are read and written in the "C" locale whatever the program has set, and written as the
 * shortest text that reads back to the same bits.
 */
#include "config/value.h"

#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool sc_text_to_double(double *out, const char *text)
{
    const char *p = text + (*text == '-' || *text == '+');
    if (!((*p >= '0' && *p <= '9') || (*p == '.' && p[1] >= '0' && p[1] <= '9'))) {
        return false; /* no inf, nan, blanks */
    }
    if (strpbrk(p, "xX") != NULL) {
        return false;
    }
    locale_t c = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    if (c == (locale_t)0) {
        return false;
    }
    locale_t old = uselocale(c);
    char *end = NULL;
    double value = strtod(text, &end);
    uselocale(old);
    freelocale(c);
    if (*end != '\0' || !isfinite(value)) {
        return false;
    }
    *out = value;
    return true;
}

int sc_double_to_text(char *out, size_t out_size, double value)
{
    int length = 0;
    if (value > -1e15 && value < 1e15 && value == (double)(long long)value) {
        return snprintf(out, out_size, "%lld", (long long)value);
    }
    for (int digits = 1; digits <= 17; digits++) {
        length = snprintf(out, out_size, "%.*g", digits, value);
        for (char *p = out; p < out + out_size && *p != '\0'; p++) {
            *p = *p == ',' ? '.' : *p; /* the locale's decimal comma */
        }
        double back = 0;
        if (length < 0 || (size_t)length >= out_size ||
            (sc_text_to_double(&back, out) && back == value)) {
            break;
        }
    }
    return length;
}

static const char *parse_bool(bool *out, const char *text)
{
    static const char *const YES[] = {"true", "yes", "on", "1", "True"};
    static const char *const NO[] = {"false", "no", "off", "0", "False"};
    for (size_t i = 0; i < sizeof(YES) / sizeof(YES[0]); i++) {
        if (strcmp(text, YES[i]) == 0 || strcmp(text, NO[i]) == 0) {
            *out = strcmp(text, YES[i]) == 0;
            return NULL;
        }
    }
    return "is neither true nor false";
}

static const char *parse_int(int *out, const sc_config_row *row, const char *text)
{
    double value = 0;
    if (!sc_text_to_double(&value, text)) {
        return "is not a whole number";
    }
    if (strpbrk(text, ".eE") != NULL) {
        return "is not a whole number";
    }
    if (value < row->min || value > row->max) {
        return value < row->min ? "is too small" : "is too large";
    }
    *out = (int)value;
    return NULL;
}

static const char *parse_uint64(uint64_t *out, const sc_config_row *row, const char *text)
{
    if (*text == '-') {
        return "is negative";
    }
    if (*text == '\0' || strspn(text, "0123456789") != strlen(text)) {
        return "is not a whole number";
    }
    errno = 0;
    unsigned long long value = strtoull(text, NULL, 10);
    if (errno == ERANGE || (double)value > row->max) {
        return "is too large";
    }
    if ((double)value < row->min) {
        return "is too small";
    }
    *out = value;
    return NULL;
}

static const char *parse_float(double *out, const sc_config_row *row, const char *text)
{
    double value = 0;
    if (!sc_text_to_double(&value, text)) {
        return "is not a number";
    }
    if (value < row->min || value > row->max) {
        return value < row->min ? "is too small" : "is too large";
    }
    *out = value;
    return NULL;
}

/* Well-formed UTF-8 (lengths and continuation bytes) without control characters. */
static bool is_text(const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0';) {
        int follow = *p < 0x80                 ? 0
                     : *p >= 0xC2 && *p < 0xE0 ? 1
                     : (*p & 0xF0) == 0xE0     ? 2
                     : *p >= 0xF0 && *p < 0xF5 ? 3
                                               : -1;
        if (follow < 0 || *p < 0x20 || *p == 0x7F) {
            return false;
        }
        bool c1 = *p == 0xC2 && p[1] < 0xA0;
        bool overlong = (*p == 0xE0 && p[1] < 0xA0) || (*p == 0xF0 && p[1] < 0x90);
        bool beyond = (*p == 0xED && p[1] > 0x9F) || (*p == 0xF4 && p[1] > 0x8F);
        if (c1 || overlong || beyond || (*p == 0xEF && p[1] == 0xBF && p[2] >= 0xBE)) {
            return false; /* also U+FFFE and U+FFFF, which YAML does not hold */
        }
        for (p++; follow > 0; follow--, p++) {
            if ((*p & 0xC0) != 0x80) {
                return false;
            }
        }
    }
    return true;
}

static const char *parse_string(char *out, const sc_config_row *row, const char *text)
{
    if (strlen(text) >= row->size) {
        return "is too long";
    }
    if (!is_text(text)) {
        return "holds control characters or is not UTF-8";
    }
    memcpy(out, text, strlen(text) + 1);
    return NULL;
}

/* PyTorch's spelling of a name in ours: small letters, no underscores, no dimension at the end, so
 * that BatchNorm2d is batchnorm and LeakyReLU is leaky_relu. */
static void fold_name(char *out, size_t out_size, const char *text)
{
    size_t n = 0;
    for (; *text != '\0' && n + 1 < out_size; text++) {
        if (*text != '_') {
            out[n++] = (char)(*text >= 'A' && *text <= 'Z' ? *text - 'A' + 'a' : *text);
        }
    }
    out[n] = '\0';
    if (n > 2 && (strcmp(out + n - 2, "1d") == 0 || strcmp(out + n - 2, "2d") == 0)) {
        out[n - 2] = '\0';
    }
}

static const char *parse_enum(int *out, const sc_config_row *row, const char *text)
{
    char folded[32], value[32];
    fold_name(folded, sizeof(folded), text);
    for (int i = 0; row->values[i] != NULL; i++) {
        fold_name(value, sizeof(value), row->values[i]);
        if (strcmp(value, folded) == 0) {
            *out = i;
            return NULL;
        }
    }
    return "is not known";
}

/* Takes the next entry of "a, b" from *at into `item`. */
static void next_item(char *item, size_t item_size, const char **at, const char *end)
{
    const char *p = *at;
    while (p < end && *p == ' ') {
        p++;
    }
    const char *comma = p < end ? memchr(p, ',', (size_t)(end - p)) : NULL;
    const char *stop = comma != NULL ? comma : end;
    *at = comma != NULL ? comma + 1 : NULL;
    while (stop > p && stop[-1] == ' ') {
        stop--;
    }
    size_t length = (size_t)(stop - p);
    if (length >= item_size) {
        length = 0; /* no number is that long: refused as empty */
    }
    memcpy(item, p, length);
    item[length] = '\0';
}

/* Bounds of the entries without the brackets; false if the brackets do not match. */
static bool strip_brackets(const char **begin, const char **end, const char *text)
{
    *begin = text + strspn(text, " ");
    *end = text + strlen(text);
    while (*end > *begin && (*end)[-1] == ' ') {
        (*end)--;
    }
    bool open = *end > *begin && (**begin == '[' || **begin == '(');
    bool close = *end > *begin && ((*end)[-1] == ']' || (*end)[-1] == ')');
    if (open != close || (open && *end - *begin < 2)) {
        return false;
    }
    if (open) {
        (*begin)++;
        (*end)--;
    }
    while (*begin < *end && **begin == ' ') {
        (*begin)++;
    }
    return true;
}

static const char *parse_list(void *field, const sc_config_row *row, const char *text)
{
    const char *at = NULL, *end = NULL;
    if (!strip_brackets(&at, &end, text)) {
        return "has a bracket without its other";
    }
    sc_float_list floats = {{0}, 0};
    sc_int_list ints = {{0}, 0};
    int count = 0;
    if (at == end) {
        at = NULL;
    }
    while (at != NULL) {
        char item[64];
        next_item(item, sizeof(item), &at, end);
        if (count == SC_CONFIG_LIST) {
            return "has too many entries";
        }
        const char *wrong = row->type == SC_KEY_FLOATS ? parse_float(&floats.at[count], row, item)
                                                       : parse_int(&ints.at[count], row, item);
        if (wrong != NULL) {
            return strcmp(wrong, "is too small") == 0   ? "has an entry that is too small"
                   : strcmp(wrong, "is too large") == 0 ? "has an entry that is too large"
                   : row->type == SC_KEY_FLOATS         ? "has an entry that is not a number"
                                                        : "has an entry that is not a whole number";
        }
        count++;
    }
    if (count < row->count_min || count > row->count_max) {
        return count > row->count_max ? "has too many entries" : "has too few entries";
    }
    floats.count = ints.count = count;
    if (row->type == SC_KEY_FLOATS) {
        memcpy(field, &floats, sizeof(floats));
    } else {
        memcpy(field, &ints, sizeof(ints));
    }
    return NULL;
}

const char *sc_value_parse(void *field, const sc_config_row *row, const char *text)
{
    switch (row->type) {
    case SC_KEY_BOOL:
        return parse_bool(field, text);
    case SC_KEY_INT:
        return parse_int(field, row, text);
    case SC_KEY_UINT64:
        return parse_uint64(field, row, text);
    case SC_KEY_FLOAT:
        return parse_float(field, row, text);
    case SC_KEY_STRING:
        return parse_string(field, row, text);
    case SC_KEY_ENUM:
        return parse_enum(field, row, text);
    case SC_KEY_FLOATS:
    case SC_KEY_INTS:
        return parse_list(field, row, text);
    }
    return "has no type";
}

static int format_list(char *out, size_t out_size, const sc_config_row *row, const void *field)
{
    const sc_float_list *floats = field;
    const sc_int_list *ints = field;
    int count = row->type == SC_KEY_FLOATS ? floats->count : ints->count;
    char text[SC_CONFIG_LIST * 40] = "[";
    size_t used = 1;
    for (int i = 0; i < count; i++) {
        char number[40];
        if (row->type == SC_KEY_FLOATS) {
            sc_double_to_text(number, sizeof(number), floats->at[i]);
        } else {
            snprintf(number, sizeof(number), "%d", ints->at[i]);
        }
        used +=
            (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", i > 0 ? ", " : "", number);
    }
    return snprintf(out, out_size, "%s]", text);
}

int sc_value_format(char *out, size_t out_size, const sc_config_row *row, const void *field)
{
    switch (row->type) {
    case SC_KEY_BOOL:
        return snprintf(out, out_size, "%s", *(const bool *)field ? "true" : "false");
    case SC_KEY_INT:
        return snprintf(out, out_size, "%d", *(const int *)field);
    case SC_KEY_UINT64:
        return snprintf(out, out_size, "%" PRIu64, *(const uint64_t *)field);
    case SC_KEY_FLOAT:
        return sc_double_to_text(out, out_size, *(const double *)field);
    case SC_KEY_STRING:
        return snprintf(out, out_size, "%s", (const char *)field);
    case SC_KEY_ENUM:
        return snprintf(out, out_size, "%s", row->values[*(const int *)field]);
    case SC_KEY_FLOATS:
    case SC_KEY_INTS:
        return format_list(out, out_size, row, field);
    }
    return 0;
}

void sc_config_add_error(simclr_error *err, const char *fmt, ...)
{
    char line[sizeof(err->text)];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    size_t used = strlen(err->text);
    size_t space = sizeof(err->text) - used;
    size_t keep = used > 0 ? sizeof("\n...") : 0; /* room for a last "..." */
    err->code = SIMCLR_E_USAGE;
    if (used >= 4 && strcmp(err->text + used - 4, "\n...") == 0) {
        return;
    }
    if (used > 0 && strlen(line) + 1 + keep >= space) {
        snprintf(err->text + used, space, "%s", space > 4 ? "\n..." : "");
        return;
    }
    snprintf(err->text + used, space, "%s%s", used > 0 ? "\n" : "", line);
}
