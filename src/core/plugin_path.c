/* SPDX-License-Identifier: MIT
 *
 * plugin_path.c - where the program's plug-ins are.
 */
#include "core/plugin_path.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Path of the file that holds this code, the program or libsimclr.so: its line in the process's map. */
static bool own_path(char out[SC_PATH_MAX])
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[SC_PATH_MAX + 200];
    unsigned long begin, end, here = (unsigned long)(uintptr_t)own_path;
    bool found = false;
    while (maps != NULL && !found && fgets(line, sizeof(line), maps) != NULL) {
        char *path = strchr(line, '/');
        if (sscanf(line, "%lx-%lx", &begin, &end) == 2 && begin <= here && here < end &&
            path != NULL) {
            path[strcspn(path, "\n")] = '\0';
            found = snprintf(out, SC_PATH_MAX, "%s", path) < SC_PATH_MAX;
        }
    }
    if (maps != NULL) {
        fclose(maps);
    }
    return found;
}

void sc_plugin_path(char out[SC_PATH_MAX], const char *name)
{
    static const char *const beside[] = {"", "../lib/"};
    char own[SC_PATH_MAX];
    if (own_path(own)) {
        *(strrchr(own, '/') + 1) = '\0';
        for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]); i++) {
            if (snprintf(out, SC_PATH_MAX, "%s%s%s", own, beside[i], name) < SC_PATH_MAX &&
                access(out, F_OK) == 0) {
                return;
            }
        }
    }
    snprintf(out, SC_PATH_MAX, "%s", name);
}
