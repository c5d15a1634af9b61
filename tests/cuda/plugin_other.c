/* SPDX-License-Identifier: MIT
 *
 * plugin_other.c - a plug-in of another version: SIMCLR_TEST_PLUGIN says in which respect.
 */
#include <stdlib.h>
#include <string.h>

#include "backend/device.h"

static sc_device device;

static int open_device(const sc_device **out, int number, simclr_error *err)
{
    (void)number;
    (void)err;
    device.abi = SC_DEVICE_ABI;
    device.bytes = sizeof(device) - 8;
    *out = &device;
    return SIMCLR_OK;
}

static void close_device(void)
{
}

__attribute__((visibility("default"))) const sc_device_plugin *simclr_device_plugin(void);

const sc_device_plugin *simclr_device_plugin(void)
{
    static sc_device_plugin plugin;
    const char *which = getenv("SIMCLR_TEST_PLUGIN");
    plugin = (sc_device_plugin){SC_DEVICE_ABI, sizeof(sc_device_plugin), NULL, NULL, open_device,
                                close_device};
    if (which != NULL && strcmp(which, "abi") == 0) {
        plugin.abi++;
    }
    if (which != NULL && strcmp(which, "bytes") == 0) {
        plugin.bytes += 8;
    }
    return &plugin;
}
