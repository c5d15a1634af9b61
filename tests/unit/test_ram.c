/* SPDX-License-Identifier: MIT
 *
 * test_ram.c - memory and processors that control groups allow, from made-up /proc and /sys.
 */
#include "support/support.h"

#include <stdio.h>
#include <string.h>

#include "core/fs.h"
#include "core/parallel.h"
#include "core/ram.h"
#include "support/data_fixture.h"

#define MIB ((size_t)1 << 20)
#define TREE "sys/fs/cgroup"

static void make(const char *root, const char *name, const char *text)
{
    char dir[256];
    for (const char *slash = strchr(name, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        snprintf(dir, sizeof dir, "%.*s", (int)(slash - name), name);
        sct_assert_ok(sc_fs_mkdirs(fixture_path(root, dir), NULL), NULL);
    }
    fixture_write(root, name, text, strlen(text));
}

static char *machine(const char *groups)
{
    char *root = fixture_directory();
    make(root, "proc/meminfo", "MemTotal:  8192 kB\nMemFree: 1 kB\nMemAvailable:   6144 kB\n");
    make(root, "proc/self/cgroup", groups);
    return root;
}

static void assert_ram(const char *root, size_t total, size_t available)
{
    sc_ram ram = sc_ram_below(root);
    assert_int_equal(ram.total, total);
    assert_int_equal(ram.free, available);
}

static void this_machine(void **state)
{
    (void)state;
    sc_ram ram = sc_ram_here();
    assert_true(ram.total > MIB && ram.free > 0 && ram.free <= ram.total);
}

static void no_limits(void **state)
{
    (void)state;
    char *root = fixture_directory();
    assert_ram(root, 0, 0);
    fixture_remove(root);
    root = machine("0::/\n");
    assert_ram(root, 8 * MIB, 6 * MIB);
    make(root, TREE "/memory.max", "max\n");
    make(root, TREE "/cpu.max", "max 100000\n");
    assert_ram(root, 8 * MIB, 6 * MIB);
    assert_int_equal(sc_parallel_quota(root), 0);
    fixture_remove(root);
}

/* The strictest of the groups counts, each with what is used in it; caches of files give way. */
static void version_2(void **state)
{
    (void)state;
    char *root = machine("12:cpu:/other\n0::/a/b\n");
    make(root, TREE "/a/memory.max", "4194304\n");
    make(root, TREE "/a/memory.current", "3145728\n");
    make(root, TREE "/a/memory.stat", "anon 5\ninactive_file 2097152\nactive_file 7\n");
    make(root, TREE "/a/cpu.max", "150000 100000\n");
    assert_ram(root, 4 * MIB, 3 * MIB);
    assert_int_equal(sc_parallel_quota(root), 2);
    make(root, TREE "/a/b/memory.max", "2097152\n");
    make(root, TREE "/a/b/memory.current", "1048576\n");
    make(root, TREE "/a/b/cpu.max", "max 100000\n");
    assert_ram(root, 2 * MIB, 1 * MIB);
    assert_int_equal(sc_parallel_quota(root), 2);
    make(root, TREE "/a/memory.current",
         "9999999\n"); /* over the limit: nothing, which is not "unknown" */
    make(root, TREE "/a/memory.stat", "");
    assert_ram(root, 2 * MIB, 1);
    fixture_remove(root);
}

/* A container whose own group is the topmost that it sees. */
static void version_2_seen_from_inside(void **state)
{
    (void)state;
    char *root = machine("0::/docker/not-here\n");
    make(root, TREE "/memory.max", "2097152\n");
    make(root, TREE "/memory.current", "4096\n");
    make(root, TREE "/cpu.max", "100000 100000\n");
    assert_ram(root, 2 * MIB, 2 * MIB - 4096);
    assert_int_equal(sc_parallel_quota(root), 1);
    fixture_remove(root);
}

static void version_1(void **state)
{
    (void)state;
    char *root = machine("5:memory:/jobs/7\n4:cpuset,cpu:/jobs\n3:cpuset:/\n");
    make(root, TREE "/memory/memory.limit_in_bytes", "9223372036854771712\n");
    make(root, TREE "/memory/memory.usage_in_bytes", "7340032\n");
    assert_ram(root, 8 * MIB, 6 * MIB);
    make(root, TREE "/memory/jobs/7/memory.limit_in_bytes", "3145728\n");
    make(root, TREE "/memory/jobs/7/memory.usage_in_bytes", "2097152\n");
    make(root, TREE "/memory/jobs/7/memory.stat",
         "inactive_file 1048576\ntotal_inactive_file 524288\n");
    assert_ram(root, 3 * MIB, MIB + MIB / 2);
    make(root, TREE "/cpu/jobs/cpu.cfs_quota_us", "300000\n");
    make(root, TREE "/cpu/jobs/cpu.cfs_period_us", "100000\n");
    make(root, TREE "/cpu/cpu.cfs_quota_us", "-1\n");
    make(root, TREE "/cpu/cpu.cfs_period_us", "100000\n");
    assert_int_equal(sc_parallel_quota(root), 3);
    fixture_remove(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(this_machine), cmocka_unit_test(no_limits),
        cmocka_unit_test(version_2),    cmocka_unit_test(version_2_seen_from_inside),
        cmocka_unit_test(version_1),
    };
    return sct_run(tests);
}
