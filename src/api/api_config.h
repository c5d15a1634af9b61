/* SPDX-License-Identifier: MIT
 *
 * api_config.h - what is behind the public simclr_config: the plain struct of config/config.h.
 */
#ifndef SC_API_API_CONFIG_H
#define SC_API_API_CONFIG_H

#include "config/config.h"

struct simclr_config {
    sc_config value;
};

/* The settings inside, or the defaults in *fallback when config is NULL. */
const sc_config *sc_api_config(const simclr_config *config, sc_config *fallback);

#endif
