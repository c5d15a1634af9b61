/* SPDX-License-Identifier: MIT
 *
 * test_alloc.c - zeroed, aligned, overflow-checked blocks; an arena planned twice.
 */
#include "support/support.h"

#include <string.h>

#include "core/alloc.h"

static void blocks_are_zeroed_and_aligned(void **state)
{
    (void)state;
    simclr_error err;
    for (size_t n = 0; n < 300; n = n * 2 + 1) {
        unsigned char *block = sc_alloc(n, 3, &err);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % 64, 0);
        for (size_t i = 0; i < 3 * n; i++)
            assert_int_equal(block[i], 0);
        memset(block, 0xff, 3 * n);
        sc_free(block);
    }
    sc_free(NULL);
}

static void overflow_is_an_error(void **state)
{
    (void)state;
    simclr_error err;
    assert_null(sc_alloc(SIZE_MAX / 2, 3, &err));
    assert_int_equal(err.code, SIMCLR_E_MEMORY);
    assert_null(sc_alloc(SIZE_MAX, 1, &err));
    assert_null(sc_alloc(SIZE_MAX, SIZE_MAX, NULL));
}

static void nth_allocation_fails_once(void **state)
{
    (void)state;
    simclr_error err;
    size_t before = sc_alloc_count();
    sc_alloc_fail_at(2);
    void *first = sc_alloc(1, 1, &err);
    void *second = sc_alloc(1, 1, &err);
    void *third = sc_alloc(1, 1, &err);
    assert_non_null(first);
    assert_null(second);
    assert_int_equal(err.code, SIMCLR_E_MEMORY);
    assert_non_null(third);
    assert_int_equal(sc_alloc_count() - before, 3);
    sc_free(first);
    sc_free(third);
    sc_alloc_fail_at(1);
    assert_null(sc_strdup("text", &err));
    sc_alloc_fail_at(0);
    char *copy = sc_strdup("text", &err);
    assert_string_equal(copy, "text");
    sc_free(copy);
}

typedef struct {
    float *a;
    double *b;
    char *c;
} layer;

static void plan(layer *l, sc_arena *arena)
{
    l->a = sc_arena_take(arena, 3, sizeof *l->a);
    l->b = sc_arena_take(arena, 0, sizeof *l->b);
    l->c = sc_arena_take(arena, 65, 1);
}

static void *refuse(size_t bytes, simclr_error *err)
{
    sc_fail(err, SIMCLR_E_DEVICE, "no block of %zu bytes", bytes);
    return NULL;
}

static void arena_is_planned_twice(void **state)
{
    (void)state;
    simclr_error err;
    sc_arena arena = {0};
    layer l;
    plan(&l, &arena);
    assert_null(l.a);
    assert_int_equal(arena.used, 64 + 0 + 128);
    sct_assert_ok(sc_arena_open(&arena, &err), &err);
    assert_int_equal(arena.used, 0);
    plan(&l, &arena);
    assert_int_equal(arena.used, arena.size);
    assert_int_equal((uintptr_t)l.c % 64, 0);
    assert_ptr_equal(l.c, arena.base + 64);
    for (int i = 0; i < 65; i++)
        assert_int_equal(l.c[i], 0);
    sc_arena_close(&arena);
    sc_arena_close(&arena);

    arena.used = 1000;
    sc_alloc_fail_at(1);
    sct_assert_error(sc_arena_open(&arena, &err), &err, SIMCLR_E_MEMORY, NULL);
    sc_arena_close(&arena);

    static const sc_memory lost = {refuse, NULL};
    arena = (sc_arena){.used = 1000, .memory = &lost};
    sct_assert_error(sc_arena_open(&arena, &err), &err, SIMCLR_E_DEVICE, "of 1000 bytes");
    assert_int_equal(sc_arena_open(&arena, NULL), SIMCLR_E_DEVICE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_zeroed_and_aligned),
        cmocka_unit_test(overflow_is_an_error),
        cmocka_unit_test(nth_allocation_fails_once),
        cmocka_unit_test(arena_is_planned_twice),
    };
    return sct_run(tests);
}
