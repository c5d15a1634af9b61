/* SPDX-License-Identifier: MIT
 *
 * parallel.c - the only file that knows OpenMP, which does nothing here but hand out parts.
 *
 * schedule(static): the same thread gets the same part in every loop of the same shape, so that it
 * finds in its cache what it wrote in the layer before.
 */
#define _GNU_SOURCE /* sched_getaffinity */
#include "core/parallel.h"

#include <omp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/fs.h"

void sc_parallel_for(size_t parts, sc_part_fn fn, void *context)
{
    if (parts <= 1 || omp_in_parallel() || omp_get_max_threads() == 1) {
        for (size_t part = 0; part < parts; part++)
            fn(context, part);
        return;
    }
#pragma omp parallel for schedule(static)
    for (size_t part = 0; part < parts; part++)
        fn(context, part);
}

void sc_parallel_set_threads(int threads)
{
    omp_set_num_threads(threads < 1 ? 1 : threads);
}

int sc_parallel_threads(void)
{
    return omp_get_max_threads();
}

int sc_parallel_index(void)
{
    return omp_get_thread_num();
}

void sc_part_range(size_t *begin, size_t *end, size_t n, size_t parts, size_t i)
{
    size_t each = n / parts;
    size_t rest = n % parts; /* the first `rest` parts get one more */

    *begin = i * each + (i < rest ? i : rest);
    *end = *begin + each + (i < rest);
}

static int affinity_count(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        return CPU_COUNT(&set);
    long online = sysconf(_SC_NPROCESSORS_ONLN); /* more than 1024 processors, or no syscall */
    return online < 1 ? 1 : (int)online;
}

/* Contents of a small file of /proc or /sys, NULL if it cannot be read. */
static char *read_small(const char *path)
{
    void *text;
    size_t size;

    return sc_fs_read(&text, &size, path, 1 << 16, NULL) < 0 ? NULL : text;
}

/* Processors that "quota period" allows, rounded up; 0 for no limit ("max 100000", "-1 100000"). */
static int quota_count(const char *text)
{
    char *end;
    long long quota = strtoll(text, &end, 10);
    long long period = strtoll(end, NULL, 10);

    if (end == text || quota <= 0 || period <= 0)
        return 0;
    long long count = (quota + period - 1) / period;
    return count > 1 << 20 ? 0 : (int)count;
}

static int smaller_limit(int a, int b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

/* cgroup v2: the smallest cpu.max from our own group up to the root. */
static int quota_v2(const char *groups)
{
    const char *line = strncmp(groups, "0::/", 4) == 0 ? groups : strstr(groups, "\n0::/");
    char group[1024], path[1200];
    int limit = 0;

    if (!line)
        return 0;
    line = strchr(line, '/');
    size_t length = strcspn(line, "\n");
    if (length >= sizeof group)
        return 0;
    memcpy(group, line, length);
    group[length] = '\0';
    for (;;) {
        snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", group);
        char *text = read_small(path);
        if (text)
            limit = smaller_limit(limit, quota_count(text));
        sc_free(text);
        char *slash = strrchr(group, '/');
        if (!slash)
            return limit;
        *slash = '\0';
    }
}

static int quota_v1(void)
{
    char both[256];
    char *quota = read_small("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
    char *period = read_small("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
    int limit = 0;

    if (quota && period) {
        snprintf(both, sizeof both, "%.100s %.100s", quota, period);
        limit = quota_count(both);
    }
    sc_free(quota);
    sc_free(period);
    return limit;
}

int sc_parallel_available(void)
{
    char *groups = read_small("/proc/self/cgroup");
    int limit = groups ? quota_v2(groups) : 0;

    sc_free(groups);
    limit = smaller_limit(limit, quota_v1());
    return smaller_limit(affinity_count(), limit);
}
