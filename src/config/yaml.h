/* SPDX-License-Identifier: MIT
 *
 * yaml.h - the YAML subset of configuration files as a tree.  Inside config/.
 */
#ifndef SC_CONFIG_YAML_H
#define SC_CONFIG_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"

enum { SC_YAML_DEPTH = 16, SC_YAML_BYTES = 1 << 20, SC_YAML_ENTRIES = 512 };

typedef enum { SC_YAML_SCALAR, SC_YAML_LIST, SC_YAML_MAP } sc_yaml_kind;

typedef struct sc_yaml sc_yaml;
struct sc_yaml {
    sc_yaml_kind kind;
    char *key;        /* in a map, else NULL */
    char *text;       /* of a scalar */
    bool plain;       /* a scalar without quotes */
    int line, column; /* of the key, or of the value in a list; from 1 */
    int count;        /* children */
    sc_yaml *first, *last, *next;
};

/* Parses one document whose root is a map (an empty file is an empty map).  `name` begins errors:
 * "name:line:column: ...".  The tree is the caller's: sc_yaml_free.
 * SIMCLR_E_USAGE: anything malformed, anchors, aliases, tags, a key given twice, a second document,
 * more than SC_YAML_DEPTH levels, SC_YAML_ENTRIES children or SC_YAML_BYTES bytes, NUL bytes. */
int sc_yaml_parse(sc_yaml **out, const char *text, size_t size, const char *name,
                  simclr_error *err);
void sc_yaml_free(sc_yaml *root);

/* Child of a map, or NULL. */
const sc_yaml *sc_yaml_get(const sc_yaml *map, const char *key);
/* By a dotted path. */
const sc_yaml *sc_yaml_find(const sc_yaml *map, const char *path);
bool sc_yaml_is_null(const sc_yaml *node);

#endif
