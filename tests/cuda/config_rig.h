/* SPDX-License-Identifier: MIT
 *
 * config_rig.h - a configuration from keys and values, for the tests of runs.
 */
#ifndef CONFIG_RIG_H
#define CONFIG_RIG_H

#include "config/config.h"
#include "support/support.h"

static inline void set(sc_config *cfg, const char *key, const char *value)
{
    simclr_error err = {0};
    sct_assert_ok(sc_config_set(cfg, key, value, SC_ORIGIN_CLI, "test", &err), &err);
}

/* The defaults but for `count` keys and the precision. */
static inline sc_config config_of(const char *const (*settings)[2], size_t count,
                                  const char *precision)
{
    sc_config cfg;
    sc_config_default(&cfg);
    for (size_t i = 0; i < count; i++)
        set(&cfg, settings[i][0], settings[i][1]);
    set(&cfg, "precision", precision);
    return cfg;
}

#endif
