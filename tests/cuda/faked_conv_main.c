/* SPDX-License-Identifier: MIT
 *
 * faked_conv_main.c - conv_cudnn.c against engines that are made up: which plan is chosen, when it is timed,
 * what is remembered.
 */
#include "support/support.h"

#include <cuda_runtime_api.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cuda/conv_cudnn.h"
#include "backend/cuda/plan_store.h"
#include "backend/cuda/runtime_cuda.h"
#include "core/fs.h"
#include "fake_cudart.h"
#include "fake_cudnn.h"

enum {
    TIMED = 1 + 1 + 3 * 5,              /* executions of a plan that is timed to the end */
    WARM = 1 + 2 + 4 + 8 + 16 + 32 + 64 /* of the first of all, 1 ms each, before */
};

/* Deterministic engines by their number, 1 ms each. */
static void open_engines(const char *cache, size_t count)
{
    simclr_error err;
    char path[SC_PATH_MAX];
    assert_int_equal(sc_path_join(path, sct_scratch(), cache, NULL), 0);
    setenv("XDG_CACHE_HOME", path, 1);
    fake_reset();
    memset(&fake_cudnn, 0, sizeof(fake_cudnn));
    fake_cudnn.proposed = count;
    for (size_t i = 0; i < FAKE_ENGINES; i++) {
        fake_cudnn.engine[i].notes =
            (sc_cudnn_notes){.engine = (int64_t)i, .deterministic = true, .settings = "2=0,13=1"};
        fake_cudnn.engine[i].ms = 1;
        fake_cudnn.engine[i].status = FAKE_FAILS;
    }
    sct_assert_ok(sc_cuda_open(0, &err), &err);
    sct_assert_ok(sc_cuda_conv_open("Fake A", &err), &err);
}

static void close_engines(void)
{
    sc_cuda_conv_close();
    sc_cuda_close();
    assert_int_equal(fake_cudnn.alive, 0);
}

/* Times that they were written to. */
static struct {
    unsigned char out, trial;
} written;

static bool conv(sc_conv_pass pass, size_t n)
{
    static char a, b, workspace;
    sc_conv_shape shape = {.n = n,
                           .h = 4,
                           .w = 4,
                           .c = 8,
                           .k = 8,
                           .r = 3,
                           .s = 3,
                           .p = 4,
                           .q = 4,
                           .stride = 1,
                           .pad = 1,
                           .dilation = 1};
    sc_conv_buffers on = {&a, &b, &written.out, &workspace,
                          pass == SC_CONV_DX_ADD ? &written.trial : NULL};
    return sc_cuda_conv(pass, SC_BF16, &shape, on);
}

/* The engine that the next call executes, once and without a search. */
static int executed(sc_conv_pass pass, size_t n)
{
    int found = -1;
    size_t searches = fake_cudnn.searches;
    for (size_t i = 0; i < FAKE_ENGINES; i++) {
        fake_cudnn.engine[i].executions = 0;
    }
    assert_true(conv(pass, n));
    assert_int_equal(fake_cudnn.searches, searches);
    for (size_t i = 0; i < FAKE_ENGINES; i++) {
        if (fake_cudnn.engine[i].executions > 0) {
            assert_int_equal(found, -1);
            assert_int_equal(fake_cudnn.engine[i].executions, 1);
            found = (int)i;
        }
    }
    return found;
}

static void takes_the_fastest_admitted(void **state)
{
    (void)state;
    fake_engine *e = fake_cudnn.engine;
    open_engines("fastest", 6);
    fake_cudnn.fallback = 1;
    e[0].notes.deterministic = false;
    e[0].ms = 0.1F;
    e[1].workspace = (int64_t)SC_CUDA_CONV_WORKSPACE + 1;
    e[1].ms = 0.1F;
    e[2].no_plan = true;
    e[3].ms = 2;
    e[4].ms = 1.2F;
    e[5].no_run = true;
    e[6].workspace = (int64_t)SC_CUDA_CONV_WORKSPACE;
    e[6].ms = 1;
    assert_true(conv(SC_CONV_Y, 1));
    assert_int_equal(e[0].executions + e[1].executions + e[2].executions, 0);
    assert_int_equal(e[3].executions, WARM / 2 + TIMED); /* of 2 ms */
    assert_int_equal(e[4].executions, TIMED);
    assert_int_equal(e[5].executions, 1);
    assert_int_equal(e[6].executions, TIMED + 1); /* and the call itself */
    assert_int_equal(executed(SC_CONV_Y, 1), 6);
    close_engines();
}

static void prefers_the_earlier_of_equals(void **state)
{
    (void)state;
    fake_engine *e = fake_cudnn.engine;
    open_engines("equals", 4);
    e[0].ms = 1;
    e[1].ms = 0.98F;
    e[2].ms = 1.6F; /* hopeless: one round */
    e[3].ms = 4;    /* far slower: none */
    assert_true(conv(SC_CONV_DX, 1));
    assert_int_equal(e[2].executions, 1 + 1 + 5);
    assert_int_equal(e[3].executions, 1 + 1);
    assert_int_equal(executed(SC_CONV_DX, 1), 0);
    close_engines();
}

static void remembers_between_runs(void **state)
{
    (void)state;
    fake_engine *e = fake_cudnn.engine;
    open_engines("remembers", 3);
    e[1].ms = 0.5F;
    assert_true(conv(SC_CONV_Y, 1));
    close_engines();
    open_engines("remembers", 3); /* now equally fast: chosen is what was chosen */
    assert_true(conv(SC_CONV_Y, 1));
    assert_int_equal(e[1].executions, 1);
    assert_int_equal(e[0].executions + e[2].executions, 0);
    e[2].ms = 0.25F;
    assert_true(conv(SC_CONV_DW, 1)); /* another pass: nothing is known */
    assert_int_equal(executed(SC_CONV_DW, 1), 2);
    assert_int_equal(executed(SC_CONV_Y, 1), 1);
    close_engines();
    open_engines("remembers", 3); /* an engine is not what it was: timed again */
    e[1].notes.engine = 40;
    assert_true(conv(SC_CONV_Y, 1));
    assert_int_equal(executed(SC_CONV_Y, 1), 0);
    close_engines();
    open_engines("remembers", 3); /* nor its settings */
    e[0].notes.settings[0] = '3';
    e[2].ms = 0.5F;
    assert_true(conv(SC_CONV_Y, 1));
    assert_int_equal(executed(SC_CONV_Y, 1), 2);
    close_engines();
}

/* What does not run is no reason to search in every run, as want of memory is. */
static void remembers_beside_failures(void **state)
{
    (void)state;
    fake_engine *e = fake_cudnn.engine;
    open_engines("beside failures", 2);
    e[0].no_run = true;
    assert_true(conv(SC_CONV_Y, 1));
    assert_int_equal(e[0].executions, 1);
    close_engines();
    open_engines("beside failures", 2);
    assert_true(conv(SC_CONV_Y, 1));
    assert_int_equal(e[0].executions, 0);
    assert_int_equal(e[1].executions, 1);
    close_engines();
}

static void leaves_out_what_cannot_win(void **state)
{
    (void)state;
    fake_engine *e = fake_cudnn.engine;
    open_engines("leaves out", 9);
    e[0].ms = 4; /* without tensor cores, as 1: timed while there is nothing better */
    e[2].notes.tensor_core = e[4].notes.tensor_core = true;
    e[2].ms = e[4].ms = 0.5F;
    e[3].ms = 0.1F; /* if that were true */
    e[5].notes = e[6].notes = e[7].notes = e[4].notes;
    e[6].notes.settings[0] = '3'; /* the same engine otherwise */
    e[6].ms = 0.25F;
    strcpy(e[7].notes.settings, "?"); /* nobody knows */
    e[8].notes = e[7].notes;
    e[7].ms = e[8].ms = 0.25F;
    assert_true(conv(SC_CONV_Y, 1));
    assert_int_equal(e[0].executions, WARM / 4 + TIMED);
    assert_int_equal(e[1].executions, TIMED);
    assert_int_equal(e[2].executions, TIMED);
    assert_int_equal(e[3].executions, 0);
    assert_int_equal(e[4].executions, TIMED);
    assert_int_equal(e[5].executions, 0);
    assert_int_equal(e[6].executions, TIMED + 1);
    assert_int_equal(e[7].executions + e[8].executions, 2 * TIMED);
    close_engines();
}

/* SIMCLR_CUDA_PLANS=first: what was chosen is passed over and stays, and nothing is timed. */
static void takes_the_first_if_asked(void **state)
{
    (void)state;
    fake_engine *e = fake_cudnn.engine;
    for (int run = 0; run < 3; run++) {
        if (run == 1) {
            setenv("SIMCLR_CUDA_PLANS", "first", 1);
        }
        open_engines("the first", 3);
        e[0].notes.deterministic = false;
        e[2].ms = 0.5F;
        assert_true(conv(SC_CONV_Y, 1));
        if (run == 1) {
            assert_true(conv(SC_CONV_DX, 1)); /* of which nothing is known */
            assert_int_equal(e[1].executions, 2);
            assert_int_equal(e[2].executions, 0);
        } else {
            assert_int_equal(executed(SC_CONV_Y, 1), 2);
        }
        close_engines();
        unsetenv("SIMCLR_CUDA_PLANS");
    }
    open_engines("the first", 3);
    assert_true(conv(SC_CONV_DX, 1)); /* and still nothing: timed */
    assert_int_equal(e[2].executions, TIMED);
    close_engines();
}

static void no_plan_is_said_once(void **state)
{
    (void)state;
    fake_engine *e = fake_cudnn.engine;
    open_engines("none", 1);
    assert_true(conv(SC_CONV_DW, 1));
    assert_null(sc_cuda_conv_note());
    e[0].notes.narrow_sums = true;
    e[0].executions = 0;
    assert_false(conv(SC_CONV_Y, 1));
    assert_false(conv(SC_CONV_Y, 1));
    assert_int_equal(fake_cudnn.searches, 2);
    assert_int_equal(e[0].executions, 0);
    assert_string_equal(sc_cuda_conv_note(), "1 of 2 convolutions without cuDNN, slowly: "
                                             "none of the engines proposed is admitted");
    fake_cudnn.proposed = 0;
    assert_false(conv(SC_CONV_DX, 1));
    assert_string_equal(sc_cuda_conv_note(), "2 of 3 convolutions without cuDNN, slowly: "
                                             "none of the engines proposed is admitted");
    close_engines();
    assert_null(sc_cuda_conv_note());
}

static void no_plan_is_explained(void **state)
{
    (void)state;
    static const char *const why[] = {"no engine is proposed", "engine 1 has no plan",
                                      "engine 0 does not run"};
    for (size_t i = 0; i < 3; i++) {
        open_engines("none", i == 0 ? 0 : 2);
        fake_cudnn.engine[1].no_plan = true;
        fake_cudnn.engine[0].no_plan = i == 0;
        fake_cudnn.engine[0].notes.fourier = i == 1;
        fake_cudnn.engine[0].no_run = true;
        assert_false(conv(SC_CONV_Y, 1));
        assert_non_null(strstr(sc_cuda_conv_note(), why[i]));
        close_engines();
    }
}

/* Of what is added to what is there: trials must not add to it. */
static void times_additions_elsewhere(void **state)
{
    (void)state;
    open_engines("additions", 2);
    memset(&written, 0, sizeof(written));
    assert_true(conv(SC_CONV_DX_ADD, 1));
    assert_int_equal(written.out, 1);
    assert_int_equal(written.trial, WARM + 2 * TIMED);
    assert_int_equal(executed(SC_CONV_DX_ADD, 1), 0);
    assert_int_equal(written.out, 2);
    assert_true(conv(SC_CONV_DX, 1)); /* has a choice of its own, and out is overwritten */
    assert_int_equal(written.out, 2 + 2 * TIMED + 1);
    close_engines();
}

/* Where no plan adds, the caller does; that is no convolution without cuDNN. */
static void additions_need_no_plan(void **state)
{
    (void)state;
    open_engines("no additions", 1);
    fake_cudnn.engine[0].no_plan = true;
    assert_false(conv(SC_CONV_DX_ADD, 1));
    assert_null(sc_cuda_conv_note());
    assert_false(conv(SC_CONV_DX, 1));
    assert_string_equal(sc_cuda_conv_note(),
                        "1 of 1 convolutions without cuDNN, slowly: engine 0 has no plan");
    close_engines();
}

static void call_conv(void *context)
{
    assert_true(conv(SC_CONV_Y, *(size_t *)context));
}

/* A shape that turns up in a recording only: no timing, which would end it. */
static void does_not_time_in_a_recording(void **state)
{
    (void)state;
    size_t n = 1;
    open_engines("recording", 2);
    fake_cudnn.engine[1].ms = 0.5F;
    sc_cuda_play(0, call_conv, &n);
    assert_int_equal(executed(SC_CONV_Y, 1), 1);
    n = 2;
    fake_cudnn.engine[0].executions = fake_cudnn.engine[1].executions = 0;
    sc_cuda_play(0, call_conv, &n);
    assert_int_equal(fake_cudnn.engine[0].executions, 1);
    assert_int_equal(fake_cudnn.engine[1].executions, 0);
    assert_null(sc_cuda_note());
    close_engines();
}

static void tells_what_fails(void **state)
{
    (void)state;
    simclr_error err;
    open_engines("fails", 1);
    assert_true(conv(SC_CONV_Y, 1));
    sct_assert_ok(sc_cuda_wait(&err), &err);
    fake_cudnn.engine[0].no_run = true;
    assert_true(conv(SC_CONV_Y, 1));
    sct_assert_error(sc_cuda_wait(&err), &err, SIMCLR_E_DEVICE,
                     "the GPU failed: convolution: engine 0 does not run");
    close_engines();
    fake_cudnn.no_handle = 1001;
    sct_assert_error(sc_cuda_conv_open("Fake A", &err), &err, SIMCLR_E_DEVICE,
                     "cuDNN cannot be used: cuDNN's 1001");
    fake_cudnn.no_handle = FAKE_NO_MEMORY;
    sct_assert_error(sc_cuda_conv_open("Fake A", &err), &err, SIMCLR_E_MEMORY,
                     "cuDNN cannot be used: cuDNN's 4004");
}

/* cuDNN takes memory of its own when a plan is first executed. */
static void tells_that_memory_ran_out(void **state)
{
    (void)state;
    simclr_error err;
    fake_engine *e = fake_cudnn.engine;
    open_engines("memory", 3);
    e[0].ms = 0.5F;
    e[0].no_run = e[1].no_run = true;
    e[0].status = FAKE_NO_MEMORY;
    assert_true(conv(SC_CONV_Y, 1)); /* by what there is memory for */
    assert_int_equal(executed(SC_CONV_Y, 1), 2);
    sct_assert_ok(sc_cuda_wait(&err), &err);
    close_engines();
    open_engines("memory", 3); /* which is no choice for other runs */
    e[0].ms = 0.5F;
    assert_true(conv(SC_CONV_Y, 1));
    assert_int_equal(executed(SC_CONV_Y, 1), 0);
    e[0].no_run = true;
    e[0].status = FAKE_NO_MEMORY;
    assert_true(conv(SC_CONV_Y, 1));
    sct_assert_error(sc_cuda_wait(&err), &err, SIMCLR_E_MEMORY,
                     "the GPU's memory ran out: convolution: engine 0 does not run");
    close_engines();

    open_engines("memory", 2); /* another pass, of which nothing is known */
    e[0].no_run = e[1].no_run = true;
    e[0].status = FAKE_NO_MEMORY;
    assert_false(conv(SC_CONV_DX, 1));
    sct_assert_error(sc_cuda_wait(&err), &err, SIMCLR_E_MEMORY,
                     "the GPU's memory ran out: convolution: engine 0 does not run");
    close_engines();
    open_engines("memory", 2); /* refused for other reasons: the plain kernels' turn */
    e[0].no_run = e[1].no_run = true;
    assert_false(conv(SC_CONV_DX, 1));
    sct_assert_ok(sc_cuda_wait(&err), &err);
    close_engines();
}

/* What cuDNN calls a failed execution, where there is little memory. */
static void suspects_that_memory_ran_out(void **state)
{
    (void)state;
    simclr_error err;
    fake_engine *e = fake_cudnn.engine;
    open_engines("suspects", 2);
    e[0].ms = 0.5F;
    e[0].no_run = true;
    fake.free_mib = 100;
    assert_true(conv(SC_CONV_Y, 1)); /* one runs: no failure */
    assert_int_equal(executed(SC_CONV_Y, 1), 1);
    sct_assert_ok(sc_cuda_wait(&err), &err);
    e[1].no_run = true;
    assert_false(conv(SC_CONV_DX, 1)); /* none does */
    sct_assert_error(sc_cuda_wait(&err), &err, SIMCLR_E_MEMORY,
                     "the GPU's memory ran out: convolution: engine 0 does not run");
    close_engines();
    open_engines("suspects", 2); /* what was chosen then is no choice for other runs */
    e[0].ms = 0.5F;
    assert_true(conv(SC_CONV_Y, 1));
    assert_int_equal(executed(SC_CONV_Y, 1), 0);
    close_engines();
    open_engines("suspects", 2); /* that one is: and finds no memory when it is recalled */
    e[0].no_run = true;
    fake.free_mib = 100;
    assert_true(conv(SC_CONV_Y, 1));
    sct_assert_error(sc_cuda_wait(&err), &err, SIMCLR_E_MEMORY,
                     "the GPU's memory ran out: convolution: engine 0 does not run");
    close_engines();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_fastest_admitted),
        cmocka_unit_test(prefers_the_earlier_of_equals),
        cmocka_unit_test(remembers_between_runs),
        cmocka_unit_test(remembers_beside_failures),
        cmocka_unit_test(leaves_out_what_cannot_win),
        cmocka_unit_test(takes_the_first_if_asked),
        cmocka_unit_test(no_plan_is_said_once),
        cmocka_unit_test(no_plan_is_explained),
        cmocka_unit_test(times_additions_elsewhere),
        cmocka_unit_test(additions_need_no_plan),
        cmocka_unit_test(does_not_time_in_a_recording),
        cmocka_unit_test(tells_what_fails),
        cmocka_unit_test(tells_that_memory_ran_out),
        cmocka_unit_test(suspects_that_memory_ran_out),
    };
    return sct_run(tests);
}
