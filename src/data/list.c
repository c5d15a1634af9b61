/* SPDX-License-Identifier: MIT
 *
 * list.c - a text file with one image path a line, optionally a tab and a label.
 *
 * Relative paths start at the directory of the list.  Labels are any text; classes are sorted, by
 * value when all are whole numbers, else bytewise.  The order of the lines is the order of images.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/fs.h"
#include "data/provider.h"

#define MAX_LIST ((size_t)1 << 30)

typedef struct {
    char *text, *end;
    const char **label; /* of each image, NULL when it has none */
    size_t lines;
} table;

static bool whole_number(const char *s, long long *value)
{
    char *end;
    errno = 0;
    *value = strtoll(s, &end, 10);
    return end != s && *end == '\0' && errno == 0;
}

static int by_label(const void *a, const void *b)
{
    const char *s = *(const char *const *)a, *t = *(const char *const *)b;
    long long x, y;
    bool sn = whole_number(s, &x), tn = whole_number(t, &y);
    if (sn && tn && x != y) {
        return x < y ? -1 : 1;
    }
    return sn != tn ? (sn ? -1 : 1) : strcmp(s, t);
}

/* Splits off the next non-empty line; false at the end. */
static bool next_line(char **path, char **label, table *t)
{
    while (t->text < t->end) {
        char *line = t->text;
        char *stop = memchr(line, '\n', (size_t)(t->end - line));
        stop = stop != NULL ? stop : t->end;
        t->text = stop + 1;
        *stop = '\0'; /* sc_fs_read leaves one byte after the contents */
        if (stop > line && stop[-1] == '\r') {
            stop[-1] = '\0';
        }
        if (*line == '\0') {
            continue;
        }
        char *tab = strchr(line, '\t');
        *path = line;
        *label = tab != NULL && tab[1] != '\0' ? tab + 1 : NULL;
        if (tab != NULL) {
            *tab = '\0';
        }
        return true;
    }
    return false;
}

static int add_lines(sc_dataset *ds, table *t, const char *list_path, simclr_error *err)
{
    char dir[SC_PATH_MAX], full[SC_PATH_MAX], *path, *label;
    const char *slash = strrchr(list_path, '/');
    size_t n = slash != NULL ? (size_t)(slash - list_path) : 0;
    if (n >= sizeof dir) {
        return sc_fail(err, SIMCLR_E_USAGE, "%s: the path is too long", list_path);
    }
    memcpy(dir, list_path, n);
    dir[n] = '\0';
    while (next_line(&path, &label, t)) {
        const char *name = path;
        if (path[0] != '/' && slash != NULL) {
            int rc = sc_path_join(full, n > 0 ? dir : "/", path, err);
            if (rc != 0) {
                return rc;
            }
            name = full;
        }
        int rc = sc_dataset_add(ds, name, -1, 0, err);
        if (rc != 0) {
            return rc;
        }
        t->label[ds->count - 1] = label;
        ds->item[ds->count - 1].prefix = (uint32_t)(strlen(name) - strlen(path));
    }
    return 0;
}

static int set_labels(sc_dataset *ds, const table *t, simclr_error *err)
{
    const char **names = sc_alloc(ds->count + 1, sizeof *names, err);
    if (names == NULL) {
        return SIMCLR_E_MEMORY;
    }
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < ds->count; i++) {
        if (t->label[i] != NULL) {
            names[n++] = t->label[i];
        }
    }
    qsort(names, n, sizeof *names, by_label);
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || strcmp(names[kept - 1], names[i]) != 0) {
            names[kept++] = names[i];
        }
    }
    for (size_t i = 0; i < ds->count && kept > 0; i++) {
        if (t->label[i] != NULL) {
            const char **at = bsearch(&t->label[i], names, kept, sizeof *names, by_label);
            ds->item[i].label = (int32_t)(at - names);
        }
    }
    int rc = sc_dataset_set_classes(ds, names, (int)kept, err);
    sc_free(names);
    return rc;
}

static bool has_split(const char *path, const char *split)
{
    return sc_fs_exists(path) && (strcmp(split, "train") == 0 || strcmp(split, "all") == 0);
}

static int list(sc_dataset *ds, const char *path, simclr_error *err)
{
    void *data = NULL;
    size_t size;
    if (!sc_fs_exists(path)) {
        return sc_fail(err, SIMCLR_E_NOT_FOUND,
                       "%s: no such file; expected a list with one image path a line", path);
    }
    if (!has_split(path, ds->split)) {
        return sc_fail(err, SIMCLR_E_NOT_FOUND, "%s: a list has no \"%s\" split, only train", path,
                       ds->split);
    }
    int rc = sc_fs_read(&data, &size, path, MAX_LIST, err);
    if (rc != 0) {
        return rc;
    }
    table t = {.text = data, .end = (char *)data + size};
    if (size >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0) {
        t.text += 3;
    }
    for (size_t i = 0; i < size; i++) {
        t.lines += ((char *)data)[i] == '\n';
    }
    t.label = sc_alloc(t.lines + 1, sizeof *t.label, err);
    rc = t.label == NULL ? SIMCLR_E_MEMORY : add_lines(ds, &t, path, err);
    if (rc == 0) {
        rc = set_labels(ds, &t, err);
    }
    sc_free(t.label);
    sc_free(data);
    return rc;
}

const sc_provider sc_provider_list = {"list", list, has_split, sc_file_make, false};
