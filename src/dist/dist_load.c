/* SPDX-License-Identifier: MIT
 *
 * dist_load.c - finds out whether others were started with this process, and loads what connects them.
 */
#include "dist/dist_load.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/plugin_path.h"

#define PLUGIN "libsimclr_mpi.so"

/* How many processes the launcher has started, as it says: Open MPI's mpirun, MPICH's and Intel's, srun.
 * Not SLURM_NTASKS, which a batch script has for all that it may start. */
static const char *const COUNTS[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"};

/* The variable that says so; NULL: this process was started alone. */
static const char *launcher(void)
{
    for (size_t i = 0; i < sizeof COUNTS / sizeof *COUNTS; i++) {
        const char *count = getenv(COUNTS[i]);
        if (count != NULL && strtol(count, NULL, 10) > 1)
            return COUNTS[i];
    }
    return NULL;
}

static int check(const sc_dist_plugin **out, void *library, const char *path, simclr_error *err)
{
    sc_dist_entry entry;
    void *symbol = dlsym(library, "simclr_group_plugin");
    if (symbol == NULL)
        return sc_fail(err, SIMCLR_E_USAGE, "%s: is no plug-in of simclr", path);
    memcpy(&entry, &symbol, sizeof entry); /* ISO C converts no object pointer to a function's */
    const sc_dist_plugin *plugin = entry();
    if (plugin->abi != SC_DIST_ABI || plugin->bytes != sizeof *plugin)
        return sc_fail(err, SIMCLR_E_USAGE,
                       "%s: is of another version of simclr; install both from the same version",
                       path);
    *out = plugin;
    return 0;
}

/* It stays loaded: MPI can be initialised once in a process. */
static int load(const sc_dist_plugin **out, simclr_error *err)
{
    const char *wish = getenv("SIMCLR_MPI");
    char path[SC_PATH_MAX];
    if (wish == NULL || wish[0] == '\0')
        sc_plugin_path(path, PLUGIN);
    else if (strchr(wish, '/') == NULL || snprintf(path, sizeof path, "%s", wish) >= SC_PATH_MAX)
        return sc_fail(err, SIMCLR_E_USAGE, "SIMCLR_MPI: '%.200s' is neither a path nor off", wish);
    void *library =
        dlopen(path, RTLD_NOW | RTLD_GLOBAL); /* Open MPI's own plug-ins need its symbols */
    if (library != NULL)
        return check(out, library, path, err);
    const char *why = dlerror();
    if (strchr(path, '/') == NULL)
        why = PLUGIN " is not installed; it is built where MPI is (libopenmpi-dev)";
    return sc_fail(err, SIMCLR_E_USAGE, "%s", why);
}

static bool switched_off(void)
{
    const char *wish = getenv("SIMCLR_MPI");
    return wish != NULL && strcmp(wish, "off") == 0;
}

int sc_dist_join(const sc_group **out, simclr_error *err)
{
    const char *said_by = launcher();
    const sc_dist_plugin *plugin;
    simclr_error why = {0};
    *out = NULL;
    if (said_by == NULL || switched_off())
        return 0;
    if (load(&plugin, &why) == 0)
        *out = plugin->join(why.text, sizeof why.text);
    if (*out == NULL)
        return sc_fail(err, SIMCLR_E_USAGE,
                       "%s processes were started together (%s), but they cannot be connected: %s; "
                       "SIMCLR_MPI=off lets each train for itself",
                       getenv(said_by), said_by, why.text);
    if ((*out)->size > SC_GROUP_SIZE_MAX)
        return sc_fail(err, SIMCLR_E_USAGE, "%d processes: at most %d can train together",
                       (*out)->size, SC_GROUP_SIZE_MAX);
    if ((*out)->size == 1)
        *out = NULL;
    return 0;
}

void sc_dist_probe(char *text, size_t size)
{
    const sc_dist_plugin *plugin;
    simclr_error why = {0};
    if (switched_off())
        snprintf(text, size, "switched off by SIMCLR_MPI");
    else if (load(&plugin, &why) == 0)
        snprintf(text, size, "%s", plugin->version());
    else
        snprintf(text, size, "none: %s", why.text);
}
