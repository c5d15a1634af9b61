/* SPDX-License-Identifier: MIT
 *
 * fuzz_yaml.c - any bytes as a configuration file: an error, or a configuration that survives being
 * written and read again unchanged.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "core/alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int shipped = 0; shipped < 2; shipped++) {
        sc_config cfg, back;
        simclr_error err = {SIMCLR_OK, ""};
        char *text = NULL;
        sc_config_default(&cfg);
        sc_config_default(&back);
        int rc = sc_config_load_text(&cfg, (const char *)data, size, "fuzz.yaml", shipped != 0,
                                     NULL, NULL, &err);
        if (rc != SIMCLR_OK) {
            if (rc != SIMCLR_E_USAGE || err.text[0] == '\0' || strlen(err.text) >= 480) {
                abort();
            }
            continue;
        }
        (void)sc_config_check(&cfg, &err);
        if (sc_config_write_yaml(&text, &cfg, NULL) != SIMCLR_OK ||
            sc_config_load_text(&back, text, strlen(text), "own", false, NULL, NULL, NULL) !=
                SIMCLR_OK ||
            sc_config_differ(&cfg, &back) != 0) {
            abort();
        }
        sc_free(text);
    }
    return 0;
}
