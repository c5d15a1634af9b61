/* SPDX-License-Identifier: MIT
 *
 * parallel.c - one team of threads that run the parts of a loop.
 *
 * A training step has some 500 loops of 0.1 to 2 ms, so a thread that waits spins a little before it
 * sleeps.  It must not spin on the processor that another thread of the team needs: a virtual
 * machine may leave both there for good, and a step then takes ten times as long.  So it spins
 * briefly, then yields, then sleeps, and sleeps at once where it shares the caller's processor; on
 * waking the system gives it an idle one.
 *
 * Each thread begins with its share of the parts, neighbours, whose data it often had in the loop before.
 * One that has done its own takes half of what another has not begun: processors that share a core with
 * others' work are half as fast as the rest, now this one, now that one.
 */
#define _GNU_SOURCE /* sched_getcpu */
#include "core/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { THREADS_MOST = 1024, SPINS = 8000, YIELDS = 50, CACHE_LINE = 64 };
/* Kernels keep up to half a megabyte of tiles there; some systems give a thread a quarter of that. */
enum { STACK_BYTES = 8 << 20 };

typedef struct {
    _Alignas(CACHE_LINE) atomic_uint go; /* 1: run your share of the loop */
    /* What nobody has begun of the share: the first part in the upper half, the end in the lower. */
    _Alignas(CACHE_LINE) _Atomic uint64_t left;
} worker;

static struct {
    pthread_mutex_t busy; /* held by the thread whose loop runs */
    sc_part_fn fn;
    void *context;
    int team;                                    /* threads of this loop, the caller included */
    int started;                                 /* workers there are: 1 .. started */
    atomic_int processor;                        /* where the caller runs */
    _Alignas(CACHE_LINE) atomic_uint unfinished; /* workers still in the loop */
    _Alignas(CACHE_LINE) atomic_uint sleepers;
    pthread_mutex_t lock; /* of going to sleep */
    pthread_cond_t change;
    worker worker[THREADS_MOST]; /* the first is the caller */
} pool = {.busy = PTHREAD_MUTEX_INITIALIZER,
          .lock = PTHREAD_MUTEX_INITIALIZER,
          .change = PTHREAD_COND_INITIALIZER};

static _Thread_local int wanted; /* threads; 0: not set */
static _Thread_local int own_index;
static _Thread_local bool inside;

/* ---- waiting ---- */

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

static void wait_for(atomic_uint *value, unsigned state, bool alone)
{
    for (int i = 0; alone && i < SPINS + YIELDS; i++) {
        if (atomic_load_explicit(value, memory_order_acquire) == state)
            return;
        if (i < SPINS)
            relax();
        else
            sched_yield();
    }
    pthread_mutex_lock(&pool.lock);
    atomic_fetch_add(&pool.sleepers, 1);
    while (atomic_load(value) != state)
        pthread_cond_wait(&pool.change, &pool.lock);
    atomic_fetch_sub(&pool.sleepers, 1);
    pthread_mutex_unlock(&pool.lock);
}

/* After a change of `go` or `unfinished`.  A sleeper counts itself before it looks at the value, and
 * the value is changed before the sleepers are counted here, so none is overlooked. */
static void wake(void)
{
    if (atomic_load(&pool.sleepers) == 0)
        return;
    pthread_mutex_lock(&pool.lock);
    pthread_cond_broadcast(&pool.change);
    pthread_mutex_unlock(&pool.lock);
}

/* ---- the loop ---- */

static uint64_t parts_of(uint64_t begin, uint64_t end)
{
    return begin << 32 | end;
}

/* The first part of what is left of a share becomes the caller's; false: there is none. */
static bool take_part(worker *own, size_t *part)
{
    uint64_t left = atomic_load(&own->left);

    while (left >> 32 < (uint32_t)left) {
        *part = left >> 32;
        if (atomic_compare_exchange_weak(&own->left, &left, parts_of(*part + 1, (uint32_t)left)))
            return true;
    }
    return false;
}

/* The second half of what is left of another's share becomes the own. */
static bool take_half(worker *own, worker *other)
{
    uint64_t left = atomic_load(&other->left);

    while (left >> 32 < (uint32_t)left) {
        uint64_t begin = left >> 32, end = (uint32_t)left, middle = begin + (end - begin) / 2;
        if (atomic_compare_exchange_weak(&other->left, &left, parts_of(begin, middle))) {
            atomic_store(&own->left, parts_of(middle, end));
            return true;
        }
    }
    return false;
}

static bool take_from_others(int index)
{
    for (int i = 1; i < pool.team; i++) {
        if (take_half(&pool.worker[index], &pool.worker[(index + i) % pool.team]))
            return true;
    }
    return false;
}

static void run_share(int index)
{
    size_t part;

    do {
        while (take_part(&pool.worker[index], &part))
            pool.fn(pool.context, part);
    } while (take_from_others(index));
}

static void *work(void *context)
{
    own_index = (int)(intptr_t)context;
    inside = true;
    worker *self = &pool.worker[own_index];
    for (;;) {
        bool alone = sched_getcpu() != atomic_load_explicit(&pool.processor, memory_order_relaxed);
        wait_for(&self->go, 1, alone);
        wanted = pool.team;
        run_share(own_index);
        atomic_store_explicit(&self->go, 0, memory_order_relaxed);
        if (atomic_fetch_sub(&pool.unfinished, 1) == 1)
            wake();
    }
    return NULL;
}

/* The child of a fork has no workers, and the lock as another thread held it. */
static void forget_workers(void)
{
    for (int i = 1; i <= pool.started; i++)
        atomic_store(&pool.worker[i].go, 0);
    pool.started = 0;
    atomic_store(&pool.sleepers, 0);
    pthread_mutex_init(&pool.busy, NULL);
    pthread_mutex_init(&pool.lock, NULL);
    pthread_cond_init(&pool.change, NULL);
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, forget_workers);
}

/* Workers for a team of so many threads; fewer when the system gives no more. */
static void hire(int team)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_attr_t attributes;
    if (pool.started >= team - 1 || pthread_attr_init(&attributes) != 0)
        return;
    pthread_once(&once, watch_forks);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    while (pool.started < team - 1) {
        pthread_t thread;
        intptr_t index = pool.started + 1;
        if (pthread_create(&thread, &attributes, work, (void *)index) != 0)
            break;
        pool.started++;
    }
    pthread_attr_destroy(&attributes);
}

static void run_team(size_t parts, sc_part_fn fn, void *context)
{
    int team = sc_parallel_threads();
    hire(team);
    pool.team = team <= pool.started ? team : pool.started + 1;
    if ((size_t)pool.team > parts)
        pool.team = (int)parts;
    pool.fn = fn;
    pool.context = context;
    atomic_store_explicit(&pool.processor, sched_getcpu(), memory_order_relaxed);
    atomic_store(&pool.unfinished, (unsigned)pool.team - 1);
    for (int i = 0; i < pool.team; i++) {
        size_t begin, end;
        sc_part_range(&begin, &end, parts, (size_t)pool.team, (size_t)i);
        atomic_store(&pool.worker[i].left, parts_of(begin, end));
    }
    for (int i = 1; i < pool.team; i++)
        atomic_store(&pool.worker[i].go, 1);
    wake();
    inside = true;
    run_share(0);
    inside = false;
    wait_for(&pool.unfinished, 0, true);
}

void sc_parallel_for(size_t parts, sc_part_fn fn, void *context)
{
    /* A loop within a loop, and one while another thread's loop runs, runs where it is called. */
    if (parts > 1 && parts <= UINT32_MAX && !inside && sc_parallel_threads() > 1 &&
        pthread_mutex_trylock(&pool.busy) == 0) {
        run_team(parts, fn, context);
        pthread_mutex_unlock(&pool.busy);
        return;
    }
    for (size_t part = 0; part < parts; part++)
        fn(context, part);
}

void sc_parallel_set_threads(int threads)
{
    wanted = threads < 1 ? 1 : threads < THREADS_MOST ? threads : THREADS_MOST;
}

int sc_parallel_threads(void)
{
    if (wanted == 0)
        sc_parallel_set_threads(sc_parallel_available());
    return wanted;
}

int sc_parallel_index(void)
{
    return own_index;
}

void sc_part_range(size_t *begin, size_t *end, size_t n, size_t parts, size_t i)
{
    size_t each = n / parts, rest = n % parts; /* rest parts, evenly spread, get one more */

    *begin = i * each + i * rest / parts;
    *end = (i + 1) * each + (i + 1) * rest / parts;
}
