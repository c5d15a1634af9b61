/* SPDX-License-Identifier: MIT
 *
 * yaml.c - configuration files: libyaml's events, strictly, into a tree.
 *
 * Only maps, lists and scalars: no anchors, aliases or tags, so a file cannot grow when it is read
 * and every value is where it is written.
 */
#include "config/yaml.h"

#include <limits.h>
#include <string.h>
#include <yaml.h>

#include "core/alloc.h"

typedef struct {
    yaml_parser_t parser;
    const char *name;
    simclr_error *err;
} reader;

static int column_of(yaml_mark_t mark)
{
    return mark.column < INT_MAX ? (int)mark.column + 1 : INT_MAX;
}

static int fail_at(const reader *r, yaml_mark_t mark, const char *text, const char *what)
{
    char shown[80];
    sc_printable(shown, sizeof(shown), what);
    return sc_fail(r->err, SIMCLR_E_USAGE, "%s:%d:%d: %s%s", r->name, (int)mark.line + 1,
                   column_of(mark), text, shown);
}

/* The next event; the caller deletes it when 0 is returned. */
static int next_event(yaml_event_t *event, reader *r)
{
    if (yaml_parser_parse(&r->parser, event)) {
        return SIMCLR_OK;
    }
    if (r->parser.error == YAML_MEMORY_ERROR) {
        return sc_fail(r->err, SIMCLR_E_MEMORY, "%s: no memory", r->name);
    }
    const char *problem = r->parser.problem != NULL ? r->parser.problem : "malformed";
    yaml_mark_t mark = r->parser.problem_mark;
    if (r->parser.error == YAML_READER_ERROR) {
        mark = r->parser.mark;
    }
    return fail_at(r, mark, "not YAML: ", problem);
}

static sc_yaml *new_node(sc_yaml_kind kind, yaml_mark_t mark, reader *r)
{
    sc_yaml *node = sc_alloc(1, sizeof(*node), r->err);
    if (node != NULL) {
        node->kind = kind;
        node->line = (int)mark.line + 1;
        node->column = column_of(mark);
    }
    return node;
}

static int read_node(sc_yaml **out, reader *r, const yaml_event_t *event, int depth);

/* Refuses what an event may carry besides its contents. */
static int check_event(const reader *r, const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    } else if (event->type == YAML_ALIAS_EVENT) {
        return fail_at(r, event->start_mark, "aliases (*name) are not allowed", "");
    }
    if (anchor != NULL) {
        return fail_at(r, event->start_mark, "anchors (&name) are not allowed", "");
    }
    if (tag != NULL) {
        return fail_at(r, event->start_mark, "tags (!name) are not allowed", "");
    }
    return SIMCLR_OK;
}

static int append(sc_yaml *parent, sc_yaml *child, reader *r, yaml_mark_t mark)
{
    if (parent->last != NULL) {
        parent->last->next = child;
    } else {
        parent->first = child;
    }
    parent->last = child;
    if (++parent->count > SC_YAML_ENTRIES) {
        return fail_at(r, mark, "more entries than a configuration has", "");
    }
    return SIMCLR_OK;
}

static int read_list(sc_yaml *list, reader *r, int depth)
{
    for (;;) {
        yaml_event_t event;
        int rc = next_event(&event, r);
        if (rc != SIMCLR_OK) {
            return rc;
        }
        bool end = event.type == YAML_SEQUENCE_END_EVENT;
        sc_yaml *child = NULL;
        if (!end) {
            rc = read_node(&child, r, &event, depth + 1);
            if (rc == SIMCLR_OK) {
                rc = append(list, child, r, event.start_mark);
            }
        }
        yaml_event_delete(&event);
        if (end || rc != SIMCLR_OK) {
            return rc;
        }
    }
}

/* The key of `event` and then its value. */
static int read_pair(sc_yaml *map, reader *r, const yaml_event_t *event, int depth)
{
    int rc = check_event(r, event);
    if (rc != SIMCLR_OK) {
        return rc;
    }
    if (event->type != YAML_SCALAR_EVENT) {
        return fail_at(r, event->start_mark, "a key must be a word", "");
    }
    const char *key = (const char *)event->data.scalar.value;
    if (strlen(key) != event->data.scalar.length) {
        return fail_at(r, event->start_mark, "NUL in a key", "");
    }
    if (sc_yaml_get(map, key) != NULL) {
        return fail_at(r, event->start_mark, "key given twice: ", key);
    }
    yaml_event_t value;
    rc = next_event(&value, r);
    if (rc != SIMCLR_OK) {
        return rc;
    }
    sc_yaml *child = NULL;
    rc = read_node(&child, r, &value, depth + 1);
    yaml_event_delete(&value);
    if (rc != SIMCLR_OK) {
        return rc;
    }
    child->line = (int)event->start_mark.line + 1;
    child->column = column_of(event->start_mark);
    rc = append(map, child, r, event->start_mark);
    child->key = sc_strdup(key, r->err);
    return rc != SIMCLR_OK ? rc : child->key == NULL ? SIMCLR_E_MEMORY : SIMCLR_OK;
}

static int read_map(sc_yaml *map, reader *r, int depth)
{
    for (;;) {
        yaml_event_t event;
        int rc = next_event(&event, r);
        if (rc != SIMCLR_OK) {
            return rc;
        }
        bool end = event.type == YAML_MAPPING_END_EVENT;
        if (!end) {
            rc = read_pair(map, r, &event, depth);
        }
        yaml_event_delete(&event);
        if (end || rc != SIMCLR_OK) {
            return rc;
        }
    }
}

static int read_scalar(sc_yaml *node, reader *r, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    if (strlen(text) != event->data.scalar.length) {
        return fail_at(r, event->start_mark, "NUL in a value", "");
    }
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->text = sc_strdup(text, r->err);
    return node->text == NULL ? SIMCLR_E_MEMORY : SIMCLR_OK;
}

static int read_node(sc_yaml **out, reader *r, const yaml_event_t *event, int depth)
{
    int rc = check_event(r, event);
    if (rc != SIMCLR_OK) {
        return rc;
    }
    if (depth > SC_YAML_DEPTH) {
        return fail_at(r, event->start_mark, "nested too deeply", "");
    }
    sc_yaml_kind kind = event->type == YAML_SCALAR_EVENT           ? SC_YAML_SCALAR
                        : event->type == YAML_SEQUENCE_START_EVENT ? SC_YAML_LIST
                                                                   : SC_YAML_MAP;
    sc_yaml *node = new_node(kind, event->start_mark, r);
    if (node == NULL) {
        return SIMCLR_E_MEMORY;
    }
    rc = kind == SC_YAML_SCALAR ? read_scalar(node, r, event)
         : kind == SC_YAML_LIST ? read_list(node, r, depth)
                                : read_map(node, r, depth);
    if (rc != SIMCLR_OK) {
        sc_yaml_free(node);
        return rc;
    }
    *out = node;
    return SIMCLR_OK;
}

/* What may follow the root: the ends of the document and of the stream, nothing else. */
static int read_end(reader *r)
{
    for (;;) {
        yaml_event_t event;
        int rc = next_event(&event, r);
        if (rc != SIMCLR_OK) {
            return rc;
        }
        yaml_event_type_t type = event.type;
        if (type == YAML_DOCUMENT_START_EVENT) {
            rc = fail_at(r, event.start_mark, "a second document (---) is not allowed", "");
        }
        yaml_event_delete(&event);
        if (rc != SIMCLR_OK || type == YAML_STREAM_END_EVENT) {
            return rc;
        }
    }
}

static int read_document(sc_yaml **out, reader *r)
{
    for (;;) {
        yaml_event_t event;
        int rc = next_event(&event, r);
        if (rc != SIMCLR_OK) {
            return rc;
        }
        yaml_event_type_t type = event.type;
        bool before = type == YAML_STREAM_START_EVENT || type == YAML_DOCUMENT_START_EVENT;
        bool nothing = type == YAML_STREAM_END_EVENT ||
                       (type == YAML_SCALAR_EVENT && event.data.scalar.length == 0 &&
                        event.data.scalar.plain_implicit && event.data.scalar.anchor == NULL &&
                        event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE);
        if (nothing) {
            *out = new_node(SC_YAML_MAP, event.start_mark, r);
            rc = *out == NULL ? SIMCLR_E_MEMORY : SIMCLR_OK;
        } else if (type == YAML_MAPPING_START_EVENT) {
            rc = read_node(out, r, &event, 1);
        } else if (!before) {
            rc = fail_at(r, event.start_mark, "the file must hold 'key: value' lines", "");
        }
        yaml_event_delete(&event);
        if (rc != SIMCLR_OK || type == YAML_STREAM_END_EVENT) {
            return rc;
        }
        if (!before) {
            return read_end(r);
        }
    }
}

int sc_yaml_parse(sc_yaml **out, const char *text, size_t size, const char *name, simclr_error *err)
{
    *out = NULL;
    if (size > SC_YAML_BYTES) {
        return sc_fail(err, SIMCLR_E_USAGE, "%s: %zu bytes; a configuration has at most %d", name,
                       size, SC_YAML_BYTES);
    }
    const char *nul = size > 0 ? memchr(text, '\0', size) : NULL;
    if (nul != NULL) {
        return sc_fail(err, SIMCLR_E_USAGE, "%s: NUL byte at offset %zu; is this a text file?",
                       name, (size_t)(nul - text));
    }
    if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        text += 3;
        size -= 3;
    }
    reader r = {.name = name, .err = err};
    if (!yaml_parser_initialize(&r.parser)) {
        return sc_fail(err, SIMCLR_E_MEMORY, "%s: no memory", name);
    }
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, size);
    int rc = read_document(out, &r);
    yaml_parser_delete(&r.parser);
    if (rc != SIMCLR_OK) {
        sc_yaml_free(*out);
        *out = NULL;
    }
    return rc;
}

void sc_yaml_free(sc_yaml *root)
{
    while (root != NULL) {
        sc_yaml *next = root->next;
        sc_yaml_free(root->first);
        sc_free(root->key);
        sc_free(root->text);
        sc_free(root);
        root = next;
    }
}

const sc_yaml *sc_yaml_get(const sc_yaml *map, const char *key)
{
    if (map == NULL || map->kind != SC_YAML_MAP) {
        return NULL;
    }
    for (const sc_yaml *child = map->first; child != NULL; child = child->next) {
        if (child->key != NULL && strcmp(child->key, key) == 0) {
            return child;
        }
    }
    return NULL;
}

const sc_yaml *sc_yaml_find(const sc_yaml *map, const char *path)
{
    char key[64];
    for (const char *dot = strchr(path, '.'); dot != NULL; dot = strchr(path, '.')) {
        size_t length = (size_t)(dot - path);
        if (length >= sizeof(key)) {
            return NULL;
        }
        memcpy(key, path, length);
        key[length] = '\0';
        map = sc_yaml_get(map, key);
        path = dot + 1;
    }
    return sc_yaml_get(map, path);
}

bool sc_yaml_is_null(const sc_yaml *node)
{
    static const char *const NULLS[] = {"", "~", "null", "Null", "NULL"};
    for (size_t i = 0; node->kind == SC_YAML_SCALAR && node->plain && i < 5; i++) {
        if (strcmp(node->text, NULLS[i]) == 0) {
            return true;
        }
    }
    return false;
}
