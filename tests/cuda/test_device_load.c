/* SPDX-License-Identifier: MIT
 *
 * test_device_load.c - the plug-in is loaded, or one line says why not.
 */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/device_load.h"
#include "core/fs.h"
#include "train/setup.h"

static void assert_refused(const char *plugin, const char *part)
{
    simclr_error err;
    const sc_device *device;
    char text[600];
    assert_int_equal(setenv("SIMCLR_CUDA", plugin, 1), 0);
    sct_assert_error(sc_device_load(&device, 0, &err), &err, SIMCLR_E_DEVICE, part);
    assert_null(device);
    assert_null(strchr(err.text, '\n'));
    if (strstr(part, "its device") == NULL) { /* seen when it is opened only */
        assert_int_equal(sc_device_probe(text, sizeof(text)), 0);
        assert_non_null(strstr(text, part));
        assert_int_equal(strncmp(text, "none: ", 6), 0);
    }
}

static void opens_one_device_at_a_time(void **state)
{
    (void)state;
    simclr_error err;
    const sc_device *device, *second;
    char text[600];
    setenv("SIMCLR_CUDA", SC_TEST_PLUGINS "/libplugin_good.so", 1);
    assert_int_equal(sc_device_probe(text, sizeof(text)), 1);
    assert_string_equal(text, "cuda:0 of a test");
    sct_assert_error(sc_device_load(&device, 7, &err), &err, SIMCLR_E_DEVICE, "no such device");
    for (int i = 0; i < 2; i++) {
        sct_assert_ok(sc_device_load(&device, 0, &err), &err);
        assert_string_equal(device->name, "cuda:0, test");
        sct_assert_error(sc_device_load(&second, 0, &err), &err, SIMCLR_E_BUSY, "is open");
        sc_device_close();
    }
}

static void keep(void *context, simclr_message_kind kind, const char *text)
{
    char *said = context;
    assert_int_equal(kind, SIMCLR_WARNING);
    snprintf(said, 200, "%s", text);
}

/* auto takes the next one where the first cannot be used, else the processor, and says so; a number means
 * that one.  The first has no memory left. */
static void auto_takes_the_next(void **state)
{
    (void)state;
    static const char *const want[] = {"cuda:0, test", "cuda:1, test"};
    static const char *const says[] = {"", "cuda:0: broken; cuda:1, test is used instead"};
    const sc_device *device;
    simclr_error err = {0};
    sc_config cfg;
    char said[200], broken[2] = "0";
    simclr_observer observer = {.context = said, .message = keep};
    sc_config_default(&cfg);
    setenv("SIMCLR_CUDA", SC_TEST_PLUGINS "/libplugin_good.so", 1);
    for (int n = 0; n < 2; n++) {
        broken[0] = (char)('0' + n);
        said[0] = '\0';
        setenv("SIMCLR_TEST_BROKEN", broken, 1);
        sct_assert_ok(sc_setup_device(&device, &cfg, &observer, &err), &err);
        assert_non_null(device);
        assert_string_equal(device->name, want[n]);
        assert_string_equal(said, says[n]);
        const sc_device *second = NULL;
        assert_int_not_equal(sc_setup_device(&second, &cfg, &observer, &err),
                             0); /* one at a time */
        assert_null(second);
        sc_device_close();
    }
    sct_assert_ok(sc_config_set(&cfg, "device", "cuda:0", SC_ORIGIN_CLI, "test", &err), &err);
    sct_assert_error(sc_setup_device(&device, &cfg, &observer, &err), &err, SIMCLR_E_MEMORY,
                     "cuda:0: broken; use device=cpu");
    setenv("SIMCLR_TEST_BROKEN", "2", 1);
    sct_assert_ok(sc_config_set(&cfg, "device", "cuda:1", SC_ORIGIN_CLI, "test", &err), &err);
    sct_assert_error(sc_setup_device(&device, &cfg, &observer, &err), &err, SIMCLR_E_USAGE,
                     "cuda:1: broken; use device=cpu");
    sct_assert_ok(sc_config_set(&cfg, "device", "auto", SC_ORIGIN_CLI, "test", &err), &err);
    sct_assert_ok(sc_setup_device(&device, &cfg, &observer, &err), &err);
    assert_null(device);
    assert_string_equal(said, "there is a GPU, but it is not used: cuda:0: broken");
    unsetenv("SIMCLR_TEST_BROKEN");
}

static void refuses_other_versions(void **state)
{
    (void)state;
    static const char other[] = SC_TEST_PLUGINS "/libplugin_other.so";
    char later[80], same[80];
    snprintf(later, sizeof later, "is of another version of simclr (interface %d of",
             SC_DEVICE_ABI + 1);
    snprintf(same, sizeof same, "is of another version of simclr (interface %d of", SC_DEVICE_ABI);
    setenv("SIMCLR_TEST_PLUGIN", "abi", 1);
    assert_refused(other, later);
    setenv("SIMCLR_TEST_PLUGIN", "bytes", 1);
    assert_refused(other, same);
    setenv("SIMCLR_TEST_PLUGIN", "device", 1);
    assert_refused(other, "(its device has");
}

static void says_what_is_no_plugin(void **state)
{
    (void)state;
    simclr_error err;
    char broken[SC_PATH_MAX];
    sct_assert_ok(sc_path_join(broken, sct_scratch(), "libsimclr_cuda.so", &err), &err);
    sct_assert_ok(sc_fs_write_atomic(broken, "not a library", 13, &err), &err);
    assert_refused(broken, "libsimclr_cuda.so: file too short");
    assert_refused("/nonexistent/plugin.so", "/nonexistent/plugin.so: cannot open");
    assert_refused("libm.so.6", "'libm.so.6' is neither a path nor off");
    assert_refused("off", "switched off by SIMCLR_CUDA");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_one_device_at_a_time),
        cmocka_unit_test(auto_takes_the_next),
        cmocka_unit_test(refuses_other_versions),
        cmocka_unit_test(says_what_is_no_plugin),
    };
    return sct_run(tests);
}
