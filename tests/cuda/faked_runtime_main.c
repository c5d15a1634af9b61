/* SPDX-License-Identifier: MIT
 *
 * faked_runtime_main.c - runtime.c against fake_cudart.h: what is recorded and played, what fails and how that
 * is told.
 */
#include "support/support.h"

#include <cuda_runtime_api.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cuda/runtime_cuda.h"
#include "fake_cudart.h"

/* Copies the first half into the second and zeroes the first byte. */
typedef struct {
    unsigned char *bytes; /* 0 .. 15, in device memory */
    int runs;
    const char *failure; /* told while it runs */
    bool waits, no_memory;
} step;

static void record(void *context)
{
    step *s = context;
    s->runs++;
    sc_cuda_copy(s->bytes + 8, s->bytes, 8);
    sc_cuda_zero(s->bytes, 1);
    if (s->waits) {
        sc_cuda_wait(NULL);
    }
    if (s->failure != NULL) {
        (s->no_memory ? sc_cuda_fail_memory : sc_cuda_fail)("kernel", s->failure);
    }
}

static step open_step(void)
{
    simclr_error err;
    fake_reset();
    sct_assert_ok(sc_cuda_open(0, &err), &err);
    step s = {.bytes = sc_cuda_alloc(16, &err)};
    assert_non_null(s.bytes);
    return s;
}

static void close_step(step *s)
{
    sc_cuda_free(s->bytes);
    sc_cuda_close();
    assert_int_equal(fake.blocks, 0);
    assert_int_equal(fake.graphs, 0);
}

static void fill(step *s, unsigned char value)
{
    unsigned char host[16];
    memset(host, value, sizeof(host));
    sc_cuda_upload(s->bytes, host, sizeof(host));
}

/* That it ran once on a block of `value`. */
static void assert_ran(step *s, unsigned char value)
{
    unsigned char host[16];
    sc_cuda_download(host, s->bytes, sizeof(host));
    for (size_t i = 0; i < sizeof(host); i++) {
        assert_int_equal(host[i], i == 0 ? 0 : value);
    }
}

static void records_the_second_time(void **state)
{
    (void)state;
    simclr_error err;
    step s = open_step();
    for (int i = 1; i <= 5; i++) {
        fill(&s, (unsigned char)i);
        sc_cuda_play(3, record, &s);
        assert_ran(&s, (unsigned char)i);
        assert_int_equal(s.runs, i < 2 ? i : 2); /* itself, then into the recording */
        assert_int_equal(fake.launches, i - 1);
    }
    sc_cuda_play(4, record, &s);
    assert_int_equal(s.runs, 3);
    sc_cuda_forget();
    assert_int_equal(fake.graphs, 0);
    sc_cuda_play(3, record, &s);
    assert_int_equal(s.runs, 4);
    assert_int_equal(fake.captures, 1);
    assert_null(sc_cuda_note());
    sct_assert_ok(sc_cuda_wait(&err), &err);
    close_step(&s);
}

/* Whatever fails of recording, each step is executed once, and one text says why. */
static void goes_on_without_recordings(void **state)
{
    (void)state;
    static const char *const call[] = {"cudaStreamBeginCapture", "cudaStreamEndCapture",
                                       "cudaGraphInstantiateWithFlags", "fail", "wait"};
    simclr_error err;
    for (size_t c = 0; c < sizeof(call) / sizeof(call[0]); c++) {
        step s = open_step();
        fake.fail = call[c];
        fake.fail_in = 1;
        fake.status = cudaErrorStreamCaptureInvalidated;
        for (int i = 1; i <= 4; i++) {
            fill(&s, (unsigned char)i);
            s.failure = c == 3 && i == 2 ? "not now" : NULL;
            s.waits = c == 4;
            if (c == 3 && i == 2) { /* told in the recording; the same again is told for good */
                sc_cuda_play(0, record, &s);
                break;
            }
            sc_cuda_play(0, record, &s);
            assert_ran(&s, (unsigned char)i);
        }
        assert_non_null(sc_cuda_note());
        assert_int_equal(strncmp(sc_cuda_note(), "steps are queued kernel by kernel: ", 35), 0);
        assert_int_equal(fake.launches, 0);
        if (c == 3) {
            sct_assert_error(sc_cuda_wait(&err), &err, SIMCLR_E_DEVICE, "kernel: not now");
        } else {
            sct_assert_ok(sc_cuda_wait(&err), &err);
        }
        close_step(&s);
    }
}

static void does_not_record_when_told(void **state)
{
    (void)state;
    setenv("SIMCLR_CUDA_GRAPHS", "off", 1);
    step s = open_step();
    unsetenv("SIMCLR_CUDA_GRAPHS");
    for (int i = 1; i <= 3; i++) {
        fill(&s, (unsigned char)i);
        sc_cuda_play(0, record, &s);
        assert_ran(&s, (unsigned char)i);
        assert_int_equal(s.runs, i);
    }
    assert_int_equal(fake.captures, 0);
    assert_non_null(strstr(sc_cuda_note(), "SIMCLR_CUDA_GRAPHS is off"));
    close_step(&s);
}

static void keeps_the_first_failure(void **state)
{
    (void)state;
    simclr_error err;
    unsigned char host[16];
    step s = open_step();
    fill(&s, 9);
    fake.fail = "cudaStreamSynchronize";
    fake.fail_in = 1;
    fake.status = cudaErrorIllegalAddress;
    memset(host, 7, sizeof(host));
    sc_cuda_download(host, s.bytes, sizeof(host));
    for (size_t i = 0; i < sizeof(host); i++) {
        assert_int_equal(host[i], 0);
    }
    sc_cuda_fail("later", "something else");
    sct_assert_error(sc_cuda_wait(&err), &err, SIMCLR_E_DEVICE,
                     "the GPU failed: work before a copy from the device: error 700");
    assert_null(strstr(err.text, "later"));
    sct_assert_error(sc_cuda_wait(&err), &err, SIMCLR_E_DEVICE, "error 700");
    close_step(&s);
    s = open_step(); /* a device opened again has not failed */
    sct_assert_ok(sc_cuda_wait(&err), &err);
    sc_cuda_play(0, record, &s);
    sc_cuda_fail("kernel", "it stopped");
    s.failure = "no room";
    s.no_memory = true;
    sc_cuda_play(0, record, &s); /* what fails in a recording is not that failure */
    sct_assert_error(sc_cuda_wait(&err), &err, SIMCLR_E_DEVICE, "kernel: it stopped");
    close_step(&s);
}

static void launch_that_fails(const step *s, cudaError_t status)
{
    fake.fail = "cudaMemcpyAsync";
    fake.fail_in = 1;
    fake.status = (int)status;
    cudaMemcpyAsync(s->bytes, s->bytes, 0, cudaMemcpyDeviceToDevice,
                    NULL); /* as a kernel's launch */
    sc_cuda_check("relu");
}

static void notes_a_launch_that_fails(void **state)
{
    (void)state;
    simclr_error err;
    step s = open_step();
    launch_that_fails(&s, cudaErrorInvalidConfiguration);
    sct_assert_error(sc_cuda_wait(&err), &err, SIMCLR_E_DEVICE, "the GPU failed: relu: error 9");
    sc_cuda_fail_memory("later", "there is none"); /* is not what failed first */
    sct_assert_error(sc_cuda_wait(&err), &err, SIMCLR_E_DEVICE, "relu: error 9");
    sc_cuda_play(SC_DEVICE_KEYS, record, &s);
    assert_int_equal(s.runs, 0);
    close_step(&s);
}

/* A kernel is loaded when it is first launched. */
static void notes_a_launch_without_memory(void **state)
{
    (void)state;
    simclr_error err;
    step s = open_step();
    launch_that_fails(&s, cudaErrorMemoryAllocation);
    sc_cuda_fail("later", "something else");
    sct_assert_error(sc_cuda_wait(&err), &err, SIMCLR_E_MEMORY,
                     "the GPU's memory ran out: relu: error 2");
    close_step(&s);
    s = open_step();
    sct_assert_ok(sc_cuda_wait(&err), &err);
    close_step(&s);
}

static void memory_is_zeroed_or_told(void **state)
{
    (void)state;
    simclr_error err = {SIMCLR_OK, ""};
    step s = open_step();
    sct_assert_ok(sc_cuda_wait(&err), &err);
    for (size_t i = 0; i < 16; i++) {
        assert_int_equal(s.bytes[i], 0);
    }
    void *none = sc_cuda_alloc(0, &err);
    assert_non_null(none);
    sc_cuda_free(none);
    sc_cuda_free(NULL);
    assert_true(sc_cuda_free_bytes() == (size_t)444 << 20); /* 256 are left to the driver */
    fake.free_mib = 7;
    assert_true(sc_cuda_free_bytes() == 0);
    fake.fail = "cudaMalloc";
    fake.fail_in = 1;
    fake.status = cudaErrorMemoryAllocation;
    assert_null(sc_cuda_alloc((size_t)20 << 20, &err));
    sct_assert_error(err.code, &err, SIMCLR_E_MEMORY, "no block of 20 MiB, 7 of 1000 MiB are free");
    sct_assert_ok(sc_cuda_wait(&err), &err); /* that was told */
    fake.fail_in = 1;
    fake.status = cudaErrorIllegalAddress;
    assert_null(sc_cuda_alloc(16, &err));
    assert_int_equal(err.code, SIMCLR_E_DEVICE);
    close_step(&s);
}

/* Plain memory is the caller's again when upload returns, page-locked memory after the next wait. */
static void reads_staging_late(void **state)
{
    (void)state;
    simclr_error err;
    unsigned char plain[8], got[16];
    step s = open_step();
    unsigned char *staging = sc_cuda_host_alloc(8, &err);
    assert_non_null(staging);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(staging[i], 0);
    }
    memset(plain, 1, 8);
    memset(staging, 2, 8);
    int before = fake.synchronisations;
    sc_cuda_upload(s.bytes, plain, 8);
    assert_int_equal(fake.synchronisations, before + 1);
    memset(plain, 3, 8);
    sc_cuda_upload(s.bytes + 8, staging, 8);
    assert_int_equal(fake.synchronisations, before + 1);
    memset(staging, 4, 8);
    sc_cuda_download(got, s.bytes, 16);
    assert_int_equal(got[0], 1);
    assert_int_equal(got[15], 4);
    memset(staging, 5, 8);
    sc_cuda_download(got, s.bytes, 16);
    assert_int_equal(got[15], 4);
    sc_cuda_host_free(staging);
    sc_cuda_host_free(NULL);
    fake.fail = "cudaMallocHost";
    fake.fail_in = 1;
    fake.status = cudaErrorMemoryAllocation;
    assert_null(sc_cuda_host_alloc((size_t)3 << 20, &err));
    sct_assert_error(err.code, &err, SIMCLR_E_MEMORY,
                     "page-locked memory of the host: no block of 3 MiB: error 2");
    sct_assert_ok(sc_cuda_wait(&err), &err); /* that was told */
    close_step(&s);
}

static void opening_fails_whole(void **state)
{
    (void)state;
    static const char *const call[] = {"cudaSetDevice", "cudaDeviceGetAttribute",
                                       "cudaStreamCreateWithFlags", "cudaMalloc"};
    simclr_error err;
    for (size_t c = 0; c < sizeof(call) / sizeof(call[0]); c++) {
        fake_reset();
        fake.fail = call[c];
        fake.fail_in = 1;
        fake.status = cudaErrorMemoryAllocation;
        sct_assert_error(sc_cuda_open(1, &err), &err, SIMCLR_E_MEMORY, "cuda:1: ");
        assert_int_equal(fake.blocks, 0);
        sct_assert_ok(sc_cuda_open(1, &err), &err);
        assert_int_equal(sc_cuda_processors(), 132);
        assert_non_null(sc_cuda_workspace());
        sc_cuda_close();
        assert_int_equal(fake.blocks, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_the_second_time),
        cmocka_unit_test(goes_on_without_recordings),
        cmocka_unit_test(does_not_record_when_told),
        cmocka_unit_test(keeps_the_first_failure),
        cmocka_unit_test(notes_a_launch_that_fails),
        cmocka_unit_test(notes_a_launch_without_memory),
        cmocka_unit_test(memory_is_zeroed_or_told),
        cmocka_unit_test(reads_staging_late),
        cmocka_unit_test(opening_fails_whole),
    };
    return sct_run(tests);
}
