/* SPDX-License-Identifier: MIT
 *
 * processors.c - sc_parallel_available: how many processors the system grants this process.
 */
#define _GNU_SOURCE /* sched_getaffinity */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/cgroup.h"
#include "core/parallel.h"

static int affinity_count(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        return CPU_COUNT(&set);
    long online = sysconf(_SC_NPROCESSORS_ONLN); /* more than 1024 processors, or no syscall */
    return online < 1 ? 1 : (int)online;
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

/* "quota period" of a group: cpu.max in version 2, two files in version 1. */
static int group_quota(const sc_cgroup *group)
{
    char *both = sc_cgroup_read(group, "cpu.max");
    char *quota = sc_cgroup_read(group, "cpu.cfs_quota_us");
    char *period = sc_cgroup_read(group, "cpu.cfs_period_us");
    int limit = both ? quota_count(both) : 0;

    if (quota && period) {
        char text[256];
        snprintf(text, sizeof text, "%.100s %.100s", quota, period);
        limit = smaller_limit(limit, quota_count(text));
    }
    sc_free(both);
    sc_free(quota);
    sc_free(period);
    return limit;
}

int sc_parallel_quota(const char *root)
{
    static const char *const trees[] = {"", "cpu"};
    int limit = 0;

    for (size_t i = 0; i < sizeof trees / sizeof *trees; i++) {
        sc_cgroup group;
        sc_cgroup_own(&group, root, trees[i]);
        do
            limit = smaller_limit(limit, group_quota(&group));
        while (sc_cgroup_up(&group));
    }
    return limit;
}

int sc_parallel_available(void)
{
    return smaller_limit(affinity_count(), sc_parallel_quota(""));
}
