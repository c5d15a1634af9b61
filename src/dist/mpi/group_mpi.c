/* SPDX-License-Identifier: MIT
 *
 * group_mpi.c - a group over MPI_COMM_WORLD: libsimclr_mpi.so.
 *
 * Errors of MPI end all ranks (MPI_ERRORS_ARE_FATAL, its default), which is what group.h promises.  MPI is
 * called from one thread.
 */
#include <mpi.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "dist/dist_load.h"

static char version_text[MPI_MAX_LIBRARY_VERSION_STRING];

/* "Open MPI v4.1.4": what comes before the first comma or line break. */
static const char *version(void)
{
    int length = 0;
    if (version_text[0] == '\0' && MPI_Get_library_version(version_text, &length) != MPI_SUCCESS)
        snprintf(version_text, sizeof version_text, "MPI");
    for (char *c = version_text; *c != '\0'; c++)
        if (*c == ',' || *c == '\n')
            *c = '\0';
    return version_text;
}

static void gather(void *all, const void *own, size_t bytes)
{
    MPI_Allgather(own, (int)bytes, MPI_BYTE, all, (int)bytes, MPI_BYTE, MPI_COMM_WORLD);
}

static void exchange(void *received, const void *sent, size_t bytes)
{
    MPI_Alltoall(sent, (int)bytes, MPI_BYTE, received, (int)bytes, MPI_BYTE, MPI_COMM_WORLD);
}

static void share(void *data, size_t bytes, int from)
{
    const size_t most = 1 << 30; /* counts are int */
    for (char *at = data; bytes > 0;) {
        size_t part = bytes < most ? bytes : most;
        MPI_Bcast(at, (int)part, MPI_BYTE, from, MPI_COMM_WORLD);
        at += part;
        bytes -= part;
    }
}

/* Who exits without MPI_Finalize has failed, and the launcher ends the others.  Another training may follow in
 * this process, so it waits for the end of that. */
static bool together;

static void finalize(void)
{
    if (together)
        MPI_Finalize();
}

static void leave(void)
{
    together = true;
}

static sc_group group = {.gather = gather, .exchange = exchange, .share = share, .leave = leave};

static const sc_group *join(char *why, size_t size)
{
    int given, begun = 0;
    MPI_Initialized(&begun);
    if (!begun && MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &given) != MPI_SUCCESS) {
        snprintf(why, size, "MPI_Init_thread failed");
        return NULL;
    }
    if (!begun && atexit(finalize) != 0) {
        snprintf(why, size, "atexit failed");
        return NULL;
    }
    together = false;
    MPI_Comm_rank(MPI_COMM_WORLD, &group.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &group.size);
    group.name = version();
    return &group;
}

__attribute__((visibility("default"))) const sc_dist_plugin *simclr_group_plugin(void);

const sc_dist_plugin *simclr_group_plugin(void)
{
    static const sc_dist_plugin plugin = {SC_DIST_ABI, sizeof plugin, version, join};
    return &plugin;
}
