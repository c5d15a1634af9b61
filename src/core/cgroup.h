/* SPDX-License-Identifier: MIT
 *
 * cgroup.h - the control groups that this process is in, of which each may limit it: its own and all
 * above that, in version 2, and in version 1, where every controller has a tree.
 */
#ifndef SC_CORE_CGROUP_H
#define SC_CORE_CGROUP_H

#include <stdbool.h>
#include <stddef.h>

#include "core/fs.h"

typedef struct {
    char dir[SC_PATH_MAX];
    size_t top; /* length of the name of the topmost group */
} sc_cgroup;

/* The process's own group: of this controller in version 1, "" for version 2.  `root` stands before
 * the names of /proc and /sys: "" but in tests.  A group that is not there has no files. */
void sc_cgroup_own(sc_cgroup *group, const char *root, const char *controller);
/* The group above it; false: there is none. */
bool sc_cgroup_up(sc_cgroup *group);
/* The text of one of its files (sc_free), NULL where it cannot be read. */
char *sc_cgroup_read(const sc_cgroup *group, const char *file);

#endif
