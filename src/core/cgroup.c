/* SPDX-License-Identifier: MIT
 *
 * cgroup.c - /proc/self/cgroup has a line "number:controllers:group" for each tree, "0::group" for
 * version 2.
 */
#include "core/cgroup.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"

/* A container may see its own group as the topmost, whatever the line says: what is not found on the
 * way up is passed over. */
static const char TREES[] = "/sys/fs/cgroup";

static char *read_small(const char *path)
{
    void *text;
    size_t size;

    return sc_fs_read(&text, &size, path, 1 << 16, NULL) < 0 ? NULL : text;
}

/* "cpu" is in "cpuset,cpu", and "" in "" alone. */
static bool in_list(const char *list, size_t length, const char *word)
{
    size_t n = strlen(word);

    for (size_t at = 0; n > 0 && at + n <= length; at++) {
        bool begins = at == 0 || list[at - 1] == ',';
        bool ends = at + n == length || list[at + n] == ',';
        if (begins && ends && memcmp(list + at, word, n) == 0)
            return true;
    }
    return n == 0 && length == 0;
}

/* The group in the line of this controller; NULL: there is no such line. */
static const char *find_group(const char *lines, const char *controller)
{
    for (const char *line = lines; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        const char *list = strchr(line, ':');
        const char *end = list ? strchr(list + 1, ':') : NULL;
        if (!end)
            return NULL;
        if (in_list(list + 1, (size_t)(end - list - 1), controller))
            return end + 1;
    }
    return NULL;
}

void sc_cgroup_own(sc_cgroup *g, const char *root, const char *controller)
{
    char path[SC_PATH_MAX];

    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    char *lines = read_small(path);
    const char *group = lines ? find_group(lines, controller) : NULL;
    const char *slash = controller[0] ? "/" : "";
    int top = snprintf(g->dir, sizeof g->dir, "%s%s%s%s", root, TREES, slash, controller);
    g->top = top > 0 && (size_t)top < sizeof g->dir ? (size_t)top : 0;
    size_t length = group ? strcspn(group, "\n") : 0;
    if (length > 1 && length < sizeof g->dir - g->top) { /* "/" is the topmost */
        memcpy(g->dir + g->top, group, length);
        g->dir[g->top + length] = '\0';
    }
    sc_free(lines);
}

bool sc_cgroup_up(sc_cgroup *g)
{
    char *slash = strrchr(g->dir + g->top, '/');

    if (!slash)
        return false;
    *slash = '\0';
    return true;
}

char *sc_cgroup_read(const sc_cgroup *g, const char *file)
{
    char path[SC_PATH_MAX];

    return sc_path_join(path, g->dir, file, NULL) < 0 ? NULL : read_small(path);
}
