/* SPDX-License-Identifier: MIT
 *
 * cmd_presets.c - simclr presets: lists the presets, or what one of them sets.
 */
#include <stdio.h>
#include <string.h>

#include "cmd.h"

static const cli_option OPTIONS[] = {
    {"json", 0, NULL, "print one JSON object"},
    {NULL, 0, NULL, NULL},
};

static const char *const EXAMPLES[] = {"simclr presets", "Lists them.", "simclr presets cifar10",
                                       "What that preset sets.", NULL};

static void print_json(const char *only)
{
    simclr_preset preset;
    bool first = true;
    putchar('{');
    for (size_t i = 0; simclr_preset_at(&preset, i); i++) {
        if (only != NULL && strcmp(only, preset.name) != 0) {
            continue;
        }
        printf("%s", first ? "" : ", ");
        first = false;
        cli_json_string(preset.name);
        printf(": {\"help\": ");
        cli_json_string(preset.help);
        printf(", \"settings\": [");
        for (size_t j = 0; preset.settings[j] != NULL; j++) {
            printf("%s", j > 0 ? ", " : "");
            cli_json_string(preset.settings[j]);
        }
        printf("]}");
    }
    printf("}\n");
}

static int run(const cli_args *args, simclr_error *err)
{
    const char *only = args->words > 0 ? args->word[0] : NULL;
    const char *bold = cli_style_code(CLI_BOLD, false), *plain = cli_style_code(CLI_PLAIN, false);
    simclr_preset preset;
    if (only != NULL) { /* the library knows how to say that there is no such preset */
        simclr_config *config = NULL;
        int rc = simclr_config_new(&config, err);
        rc = rc == SIMCLR_OK ? simclr_config_set_preset(config, only, err) : rc;
        simclr_config_free(config);
        if (rc != SIMCLR_OK) {
            return rc;
        }
    }
    if (cli_flag(args, "json")) {
        print_json(only);
        return SIMCLR_OK;
    }
    for (size_t i = 0; simclr_preset_at(&preset, i); i++) {
        if (only == NULL) {
            printf("%s%-12s%s %s\n", bold, preset.name, plain, preset.help);
        } else if (strcmp(only, preset.name) == 0) {
            printf("# %s\n", preset.help);
            for (size_t j = 0; preset.settings[j] != NULL; j++) {
                printf("%s\n", preset.settings[j]);
            }
        }
    }
    return SIMCLR_OK;
}

const cli_command cmd_presets = {
    "presets",
    "[NAME]",
    "List the presets, or what one of them sets",
    "A preset is a set of values for a purpose; keys given besides it win over it.",
    OPTIONS,
    EXAMPLES,
    0,
    1,
    false,
    run,
    NULL};
