/* SPDX-License-Identifier: MIT
 *
 * faked_plugin_main.c - plugin.c on machines that are made up: what probe tells, which devices open.
 */
#include "support/support.h"

#include <cuda_runtime_api.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cuda/conv_cudnn.h"
#include "backend/cuda/kernels.h"
#include "fake_cudart.h"
#include "fake_cudnn.h"

const sc_device_plugin *simclr_device_plugin(void);

static void nothing(void)
{
}

/* As table.cu, without kernels. */
void sc_cuda_device(sc_device *out)
{
    out->forget = nothing;
}

static void reset(void)
{
    fake_reset();
    memset(&fake_cudnn, 0, sizeof(fake_cudnn));
    setenv("XDG_CACHE_HOME", sct_scratch(), 1);
}

static void assert_probe(int usable, const char *part)
{
    char text[600];
    assert_int_equal(simclr_device_plugin()->probe(text, sizeof(text)), usable);
    if (strstr(text, part) == NULL) {
        fail_msg("'%s' lacks '%s'", text, part);
    }
    assert_non_null(strstr(text, "cuDNN 9.12.3, "));
    char small[20];
    assert_int_equal(simclr_device_plugin()->probe(small, sizeof(small)), usable);
    assert_true(strlen(small) < sizeof(small));
}

static void probe_tells(void **state)
{
    (void)state;
    reset();
    assert_probe(
        2, "driver for CUDA 13.0, cuda:0 Fake A, 1000 MiB, compute capability 9.0; cuda:1 Fake B");
    fake.capability[1] = 75;
    assert_int_equal(simclr_device_plugin()->count(), 2); /* the second keeps its number */
    assert_probe(1, "capability 7.5 (8.0 or later is needed, for bf16)");
    fake.devices = 0;
    assert_int_equal(simclr_device_plugin()->count(), 0);
    assert_probe(0, "driver for CUDA 13.0, no device");
    fake.fail = "cudaGetDeviceCount";
    fake.fail_in = 2; /* of the two calls that assert_probe makes, the second */
    fake.devices = 1;
    fake.status = cudaErrorInsufficientDriver;
    char text[600];
    simclr_device_plugin()->probe(text, sizeof(text));
    assert_int_equal(simclr_device_plugin()->probe(text, sizeof(text)), 0);
    assert_non_null(strstr(text, "driver for CUDA 13.0, error 35"));
    fake.driver = 0;
    assert_probe(0, "no driver: ");
}

static void opens_one_usable_device(void **state)
{
    (void)state;
    const sc_device_plugin *plugin = simclr_device_plugin();
    const sc_device *device, *second;
    simclr_error err;
    reset();
    fake.capability[1] = 75;
    sct_assert_error(plugin->open(&device, 1, &err), &err, SIMCLR_E_DEVICE, "8.0 or later");
    sct_assert_error(plugin->open(&device, 2, &err), &err, SIMCLR_E_DEVICE,
                     "cuda:2: there is no such device");
    sct_assert_error(plugin->open(&device, -1, &err), &err, SIMCLR_E_DEVICE, "no such device");
    fake_cudnn.no_handle = 1;
    sct_assert_error(plugin->open(&device, 0, &err), &err, SIMCLR_E_DEVICE, "cuDNN cannot be used");
    assert_int_equal(fake.blocks, 0);
    fake_cudnn.no_handle = 0;
    for (int i = 0; i < 2; i++) {
        sct_assert_ok(plugin->open(&device, 0, &err), &err);
        assert_string_equal(device->name, "cuda:0, Fake A");
        assert_int_equal(device->abi, SC_DEVICE_ABI);
        assert_int_equal(device->bytes, sizeof(sc_device));
        assert_ptr_equal(device->forget, nothing);
        assert_null(device->note());
        sct_assert_error(plugin->open(&second, 0, &err), &err, SIMCLR_E_BUSY, "is open");
        plugin->close();
        plugin->close();
        assert_int_equal(fake.blocks, 0);
    }
}

/* Both things that make a run slow. */
static void notes_what_is_slow(void **state)
{
    (void)state;
    static char place;
    const sc_conv_shape shape = {.n = 1, .h = 1, .w = 1, .c = 8, .k = 8, .r = 1, .s = 1};
    const sc_device *device;
    simclr_error err;
    for (int graphs = 0; graphs < 2; graphs++) {
        reset();
        setenv("SIMCLR_CUDA_GRAPHS", graphs ? "on" : "off", 1);
        sct_assert_ok(simclr_device_plugin()->open(&device, 0, &err), &err);
        assert_false(sc_cuda_conv(SC_CONV_Y, SC_BF16, &shape,
                                  (sc_conv_buffers){&place, &place, &place, &place, NULL}));
        assert_string_equal(
            device->note(),
            graphs ? "1 of 1 convolutions without cuDNN, slowly: no engine is proposed"
                   : "1 of 1 convolutions without cuDNN, slowly: no engine is proposed; "
                     "steps are queued kernel by kernel: SIMCLR_CUDA_GRAPHS is off");
        simclr_device_plugin()->close();
    }
    unsetenv("SIMCLR_CUDA_GRAPHS");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probe_tells),
        cmocka_unit_test(opens_one_usable_device),
        cmocka_unit_test(notes_what_is_slow),
    };
    return sct_run(tests);
}
