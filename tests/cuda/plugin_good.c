/* SPDX-License-Identifier: MIT
 *
 * plugin_good.c - a plug-in as test_device_load.c wants it: two devices without kernels, of which the
 * first SIMCLR_TEST_BROKEN cannot be used.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/device.h"

static sc_device device;
static int opened;

static int probe(char *text, size_t size)
{
    snprintf(text, size, "cuda:0 of a test");
    return 1;
}

static int count(void)
{
    return 2;
}

static int refuse(simclr_error *err, int code, int number, const char *why)
{
    if (err != NULL) {
        err->code = code;
        snprintf(err->text, sizeof(err->text), "cuda:%d: %s", number, why);
    }
    return code;
}

static int open_device(const sc_device **out, int number, simclr_error *err)
{
    const char *broken = getenv("SIMCLR_TEST_BROKEN");
    if (opened) {
        return refuse(err, SIMCLR_E_BUSY, number, "is open");
    }
    if (number < 0 || number >= count()) {
        return refuse(err, SIMCLR_E_DEVICE, number, "there is no such device");
    }
    if (broken != NULL && number < atoi(broken)) {
        return refuse(err, number == 0 ? SIMCLR_E_MEMORY : SIMCLR_E_DEVICE, number, "broken");
    }
    opened = 1;
    memset(&device, 0, sizeof(device));
    device.abi = SC_DEVICE_ABI;
    device.bytes = sizeof(device);
    snprintf(device.name, sizeof(device.name), "cuda:%d, test", number);
    *out = &device;
    return SIMCLR_OK;
}

static void close_device(void)
{
    opened = 0;
}

__attribute__((visibility("default"))) const sc_device_plugin *simclr_device_plugin(void);

const sc_device_plugin *simclr_device_plugin(void)
{
    static const sc_device_plugin plugin = {
        SC_DEVICE_ABI, sizeof(sc_device_plugin), probe, count, open_device, close_device};
    return &plugin;
}
