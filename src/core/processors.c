/* SPDX-License-Identifier: MIT
 *
 * processors.c - sc_parallel_available: how many processors the system grants this process.
 */
#define _GNU_SOURCE /* sched_getaffinity */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/fs.h"
#include "core/parallel.h"

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
