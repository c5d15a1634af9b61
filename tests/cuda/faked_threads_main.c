/* SPDX-License-Identifier: MIT
 *
 * faked_threads_main.c - a device that one thread opens and others use in turn.  CUDA's device is one for
 * each thread, and the first one where nobody says otherwise: here it is the second.
 */
#include "support/support.h"

#include <cuda_runtime_api.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cuda/conv_cudnn.h"
#include "backend/cuda/runtime_cuda.h"
#include "fake_cudart.h"
#include "fake_cudnn.h"

static unsigned char *block; /* 16 bytes of the device's memory */
static unsigned char *staging;
static void *extra;

static void open_device(int number)
{
    simclr_error err;
    setenv("XDG_CACHE_HOME", sct_scratch(), 1);
    fake_reset();
    memset(&fake_cudnn, 0, sizeof(fake_cudnn));
    fake_cudnn.proposed = 1;
    fake_cudnn.engine[0].notes.deterministic = true;
    sct_assert_ok(sc_cuda_open(number, &err), &err);
    sct_assert_ok(sc_cuda_conv_open("Fake B", &err), &err);
    block = sc_cuda_alloc(16, &err);
    staging = sc_cuda_host_alloc(16, &err);
    assert_true(block != NULL && staging != NULL);
}

static void close_device(void)
{
    sc_cuda_free(block);
    sc_cuda_host_free(staging);
    sc_cuda_conv_close();
    sc_cuda_close();
    assert_int_equal(fake.blocks, 0);
}

/* ---- what a thread may begin with; false: it failed ---- */

static bool alloc(void)
{
    extra = sc_cuda_alloc(1, NULL);
    return extra != NULL;
}

static bool free_it(void)
{
    sc_cuda_free(extra);
    return true;
}

static bool host_alloc(void)
{
    extra = sc_cuda_host_alloc(1, NULL);
    return extra != NULL;
}

static bool host_free(void)
{
    sc_cuda_host_free(extra);
    return true;
}

static bool ask(void)
{
    return sc_cuda_free_bytes() > 0;
}

static bool upload(void)
{
    sc_cuda_upload(block, staging, 16);
    return true;
}

static bool download(void)
{
    char host[16];
    sc_cuda_download(host, block, 16);
    return true;
}

static bool zero(void)
{
    sc_cuda_zero(block, 16);
    return true;
}

static bool copy(void)
{
    sc_cuda_copy(block, block + 8, 8);
    return true;
}

static bool settle(void)
{
    return sc_cuda_wait(NULL) == SIMCLR_OK;
}

/* As a kernel's launch. */
static bool launch(void)
{
    cudaMemsetAsync(block, 0, 1, sc_cuda_stream());
    sc_cuda_check("launch");
    return true;
}

static bool convolve(void)
{
    static char a, b, out, workspace;
    sc_conv_shape shape = {.n = 1, .h = 1, .w = 1, .c = 8, .k = 8, .r = 1};
    return sc_cuda_conv(SC_CONV_Y, SC_BF16, &shape,
                        (sc_conv_buffers){&a, &b, &out, &workspace, NULL});
}

static void record(void *context)
{
    (void)context;
    launch();
    convolve();
}

static bool play(void)
{
    sc_cuda_play(0, record, NULL);
    return true;
}

static bool forget(void)
{
    sc_cuda_forget();
    return true;
}

static const struct {
    const char *name;
    bool (*begin)(void);
} CALLS[] = {
    {"alloc", alloc},           {"free", free_it},      {"host_alloc", host_alloc},
    {"host_free", host_free},   {"free_bytes", ask},    {"upload", upload},
    {"download", download},     {"zero", zero},         {"copy", copy},
    {"wait", settle},           {"launch", launch},     {"conv", convolve},
    {"play, first time", play}, {"play, second", play}, {"play, third", play},
    {"forget", forget},
};

static void *call(void *context)
{
    size_t *i = context;
    *i = CALLS[*i].begin() ? *i : SIZE_MAX;
    return NULL;
}

static void means_the_device_that_is_open(void **state)
{
    (void)state;
    pthread_t thread;
    for (int number = 1; number >= 0; number--) {
        open_device(number);
        for (size_t i = 0; i < sizeof(CALLS) / sizeof(CALLS[0]); i++) {
            simclr_error err = {SIMCLR_OK, "refused"};
            size_t done = i;
            assert_int_equal(pthread_create(&thread, NULL, call, &done), 0);
            assert_int_equal(pthread_join(thread, NULL), 0);
            if (sc_cuda_wait(&err) < 0 || done != i) {
                fail_msg("%s, first in a thread: %s", CALLS[i].name, err.text);
            }
        }
        assert_null(sc_cuda_note());
        assert_int_equal(fake.launches, 2);
        close_device();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(means_the_device_that_is_open),
    };
    return sct_run(tests);
}
