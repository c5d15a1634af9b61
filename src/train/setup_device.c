/* SPDX-License-Identifier: MIT
 *
 * setup_device.c - where a run computes, and in which precision.
 */
#include "backend/device_load.h"
#include "core/fs.h"
#include "train/setup.h"

/* auto is bf16 where the processor has the instruction: it is twice as fast and learns as well
 * (docs/speed.md); emulated bf16 is slower than fp32. */
sc_precision sc_setup_precision(const sc_config *cfg)
{
    if (cfg->train.precision == SC_CFG_PRECISION_AUTO)
        return sc_backend_bf16_native() ? SC_BF16 : SC_FP32;
    return cfg->train.precision == SC_CFG_PRECISION_BF16 ? SC_BF16 : SC_FP32;
}

/* The first GPU that can be used.  Without any: why not the first. */
static int load_first(const sc_device **out, const simclr_observer *observer, simclr_error *why)
{
    int count = sc_device_count(), rc = sc_device_load(out, 0, why);
    for (int number = 1; rc < 0 && rc != SIMCLR_E_BUSY && number < count; number++) {
        if (sc_device_load(out, number, NULL) == 0) {
            sc_say(observer, SIMCLR_WARNING, "%s; %s is used instead", why->text, (*out)->name);
            return 0;
        }
    }
    return rc;
}

int sc_setup_device(const sc_device **out, const sc_config *cfg, const simclr_observer *observer,
                    simclr_error *err)
{
    int number = sc_config_device(cfg->train.device);
    *out = NULL;
    if (number == SC_CFG_DEVICE_CPU)
        return 0;
    simclr_error why = {0};
    int rc = number == SC_CFG_DEVICE_AUTO ? load_first(out, observer, &why)
                                          : sc_device_load(out, number, &why);
    if (rc == 0)
        return 0;
    if (number == SC_CFG_DEVICE_AUTO && (rc == SIMCLR_E_DEVICE || rc == SIMCLR_E_MEMORY)) {
        if (rc == SIMCLR_E_MEMORY || sc_fs_exists("/dev/nvidiactl"))
            sc_say(observer, SIMCLR_WARNING, "there is a GPU, but it is not used: %s", why.text);
        return 0;
    }
    return sc_fail(err, rc == SIMCLR_E_MEMORY ? rc : SIMCLR_E_USAGE,
                   "train.device: %s: %s; use device=cpu to train without it", cfg->train.device,
                   why.text);
}

int sc_setup_tables(sc_tables *out, const sc_device *device, sc_precision precision,
                    simclr_error *err)
{
    if (device == NULL)
        return sc_tables_select(out, precision, err);
    *out = (sc_tables){device->reals, precision == SC_BF16 ? device->bf16 : device->reals};
    return 0;
}
