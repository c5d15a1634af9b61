/* SPDX-License-Identifier: MIT
 *
 * ram.c - the least of what the machine has and what the control groups allow.
 */
#include "core/ram.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cgroup.h"

/* What a version of control groups calls things. */
typedef struct {
    const char *controller, *limit, *used, *inactive;
} version;

static const version versions[] = {
    {"", "memory.max", "memory.current", "inactive_file"},
    {"memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"},
};

/* The number behind a word that begins a line; false: there is none. */
static bool number_of(size_t *out, const char *text, const char *word)
{
    size_t n = strlen(word);

    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        char *end;
        if (strncmp(line, word, n) != 0)
            continue;
        *out = strtoull(line + n, &end, 10);
        return end != line + n; /* "max" is no number */
    }
    return false;
}

static bool group_number(size_t *out, const sc_cgroup *group, const char *file, const char *word)
{
    char *text = sc_cgroup_read(group, file);
    bool found = text && number_of(out, text, word);

    sc_free(text);
    return found;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void limit_by(sc_ram *ram, const sc_cgroup *group, const version *v)
{
    size_t limit, used = 0, inactive = 0;

    if (!group_number(&limit, group, v->limit, ""))
        return;
    group_number(&used, group, v->used, "");
    group_number(&inactive, group, "memory.stat", v->inactive);
    used -= least(used, inactive);
    ram->total = least(ram->total, limit);
    ram->free = least(ram->free, limit - least(limit, used));
}

sc_ram sc_ram_below(const char *root)
{
    char path[SC_PATH_MAX];
    void *text = NULL;
    size_t size, total, available;
    sc_ram ram = {SIZE_MAX, SIZE_MAX};

    snprintf(path, sizeof path, "%s/proc/meminfo", root);
    if (sc_fs_read(&text, &size, path, 1 << 16, NULL) == 0) {
        ram.total = number_of(&total, text, "MemTotal:") ? total << 10 : SIZE_MAX;
        ram.free = number_of(&available, text, "MemAvailable:") ? available << 10 : SIZE_MAX;
    }
    sc_free(text);
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        sc_cgroup group;
        sc_cgroup_own(&group, root, versions[i].controller);
        do
            limit_by(&ram, &group, &versions[i]);
        while (sc_cgroup_up(&group));
    }
    ram.total = ram.total == SIZE_MAX ? 0 : ram.total;
    ram.free = ram.free == SIZE_MAX ? 0 : ram.free > 0 ? ram.free : 1;
    return ram;
}

sc_ram sc_ram_here(void)
{
    return sc_ram_below("");
}
