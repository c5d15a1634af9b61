/* SPDX-License-Identifier: MIT
 *
 * fork_group.c - messages by shared memory: everybody writes, waits for the others, reads, waits again.
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "support/fork_group.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RANKS = 8, ROOM = 1 << 20 };

typedef struct {
    pthread_barrier_t barrier;
    char message[RANKS][ROOM];
} board;

static board *here;
static sc_group own;

void *sct_shared(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        abort();
    return memory;
}

static void tell(const void *data, size_t bytes)
{
    if (bytes > ROOM)
        abort();
    memcpy(here->message[own.rank], data, bytes);
    pthread_barrier_wait(&here->barrier);
}

static void gather(void *all, const void *data, size_t bytes)
{
    tell(data, bytes);
    for (int r = 0; r < own.size; r++)
        memcpy((char *)all + (size_t)r * bytes, here->message[r], bytes);
    pthread_barrier_wait(&here->barrier);
}

static void exchange(void *received, const void *sent, size_t bytes)
{
    tell(sent, (size_t)own.size * bytes);
    for (int r = 0; r < own.size; r++)
        memcpy((char *)received + (size_t)r * bytes, here->message[r] + (size_t)own.rank * bytes,
               bytes);
    pthread_barrier_wait(&here->barrier);
}

static void share(void *data, size_t bytes, int from)
{
    for (char *at = data; bytes > 0;) {
        size_t part = bytes < ROOM ? bytes : ROOM;
        tell(at, part);
        memcpy(at, here->message[from], part);
        pthread_barrier_wait(&here->barrier);
        at += part;
        bytes -= part;
    }
}

static void leave(void)
{
}

/* 0 when all children end with 0; the first that does not takes the others along. */
static int wait_for(const pid_t *child, int size)
{
    int failed = 0, status;
    for (int i = 0; i < size; i++) {
        if (wait(&status) < 0)
            return 1;
        bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        for (int k = 0; !good && !failed && k < size; k++)
            kill(child[k], SIGKILL);
        failed |= !good;
    }
    return failed;
}

int sct_group_run(int size, int (*fn)(const sc_group *group, void *context), void *context)
{
    pthread_barrierattr_t shared;
    pid_t child[RANKS];
    if (size > RANKS)
        abort();
    here = sct_shared(sizeof *here);
    pthread_barrierattr_init(&shared);
    pthread_barrierattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(&here->barrier, &shared, (unsigned)size);
    for (int rank = 0; rank < size; rank++) {
        child[rank] = fork();
        if (child[rank] != 0)
            continue;
        own = (sc_group){rank, size, "children of a test", gather, exchange, share, leave};
        _exit(fn(size > 1 ? &own : NULL, context) != 0);
    }
    int failed = wait_for(child, size);
    munmap(here, sizeof *here);
    return failed;
}
