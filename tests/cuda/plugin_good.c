/* SPDX-License-Identifier: MIT
 *
 * plugin_good.c - a plug-in as test_device_load.c wants it: one device, without kernels.
 */
#include <stdio.h>
#include <string.h>

#include "backend/device.h"

static sc_device device;
static int opened;

static int probe(char *text, size_t size)
{
    snprintf(text, size, "cuda:0 of a test");
    return 1;
}

static int open_device(const sc_device **out, int number, simclr_error *err)
{
    if (number != 0 || opened) {
        err->code = number != 0 ? SIMCLR_E_DEVICE : SIMCLR_E_BUSY;
        snprintf(err->text, sizeof(err->text), "cuda:%d: %s", number,
                 number != 0 ? "there is no such device" : "is open");
        return err->code;
    }
    opened = 1;
    memset(&device, 0, sizeof(device));
    device.abi = SC_DEVICE_ABI;
    device.bytes = sizeof(device);
    snprintf(device.name, sizeof(device.name), "cuda:0, test");
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
    static const sc_device_plugin plugin = {SC_DEVICE_ABI, sizeof(sc_device_plugin), probe,
                                            open_device, close_device};
    return &plugin;
}
