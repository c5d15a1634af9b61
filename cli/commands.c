/* SPDX-License-Identifier: MIT
 *
 * commands.c - the table of commands, in the order of `simclr help`.
 */
#include "cmd.h"

#include <string.h>

static const cli_command *const COMMANDS[] = {
    &cmd_train,  &cmd_eval,   &cmd_embed,      &cmd_report, &cmd_search,  &cmd_views,
    &cmd_export, &cmd_import, &cmd_inspect,    &cmd_data,   &cmd_presets, &cmd_config,
    &cmd_bench,  &cmd_doctor, &cmd_completion, &cmd_help,
};

size_t cli_command_count(void)
{
    return sizeof(COMMANDS) / sizeof(COMMANDS[0]);
}

const cli_command *cli_command_at(size_t i)
{
    return i < cli_command_count() ? COMMANDS[i] : NULL;
}

const cli_command *cli_command_find(const char *name)
{
    for (size_t i = 0; i < cli_command_count(); i++) {
        if (strcmp(COMMANDS[i]->name, name) == 0) {
            return COMMANDS[i];
        }
    }
    return NULL;
}
