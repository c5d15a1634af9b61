/* SPDX-License-Identifier: MIT
 *
 * cmd_help.c - simclr help: one command explained, or all listed; the man page.
 */
#include <stdio.h>

#include "cmd.h"

static const cli_option OPTIONS[] = {
    {"man", 0, NULL, "print the man page"},
    {NULL, 0, NULL, NULL},
};

static const char *const EXAMPLES[] = {"simclr help config", "Explains one command.",
                                       "simclr help --man | man -l -", "The whole manual.", NULL};

static int run(const cli_args *args, simclr_error *err)
{
    if (cli_flag(args, "man")) {
        cli_man();
    } else if (args->words == 0) {
        cli_help_all();
    } else {
        const cli_command *command = cli_command_find(args->word[0]);
        if (command == NULL) {
            snprintf(err->text, sizeof(err->text),
                     "unknown command '%.80s'; 'simclr help' lists all", args->word[0]);
            return SIMCLR_E_USAGE;
        }
        cli_help_command(command);
    }
    return SIMCLR_OK;
}

const cli_command cmd_help = {"help",
                              "[COMMAND] [--man]",
                              "Explain a command, with examples",
                              NULL,
                              OPTIONS,
                              EXAMPLES,
                              0,
                              1,
                              false,
                              run,
                              NULL};
