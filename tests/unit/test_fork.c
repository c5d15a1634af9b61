/* SPDX-License-Identifier: MIT
 *
 * test_fork.c - the child of a fork has none of its parent's threads and gets its own.  (A file of its own:
 * ThreadSanitizer has no threads after a fork.)
 */
#include "support/support.h"

#include <sys/wait.h>
#include <unistd.h>

#include "core/parallel.h"

enum { PARTS = 64, THREADS = 3, SECONDS = 30, ALL_ONCE = 42 };

static void count_part(void *context, size_t part)
{
    ++((int *)context)[part];
}

static bool every_part_once(void)
{
    int calls[PARTS] = {0};

    sc_parallel_for(PARTS, count_part, calls);
    for (int i = 0; i < PARTS; i++) {
        if (calls[i] != 1)
            return false;
    }
    return true;
}

static void loops_of_parent_and_child(void **state)
{
    (void)state;
    sc_parallel_set_threads(THREADS);
    assert_true(every_part_once());
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(SECONDS); /* a loop that waits for threads that are not there is ended */
        _exit(every_part_once() && every_part_once() ? ALL_ONCE : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), ALL_ONCE);
    assert_true(every_part_once());
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(loops_of_parent_and_child)};
    return sct_run(tests);
}
