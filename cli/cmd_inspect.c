/* SPDX-License-Identifier: MIT
 *
 * cmd_inspect.c - simclr inspect: what a file or directory of a run holds.
 */
#include "cmd.h"

#include <stdio.h>

static const cli_option options[] = {
    {"verify", 0, NULL, "check the hashes of a checkpoint"},
    {0},
};

static const char *const examples[] = {
    "simclr inspect runs/a --verify",
    "settings, state, tensors; every byte checked",
    "simclr inspect model.safetensors",
    "names and shapes",
    NULL,
};

static int inspect(const cli_args *args, simclr_error *err)
{
    char *text;
    int rc = simclr_inspect(&text, args->word[0], cli_flag(args, "verify"), err);
    if (rc == 0)
        fputs(text, stdout);
    simclr_text_free(text);
    return rc;
}

const cli_command cmd_inspect = {
    .name = "inspect",
    .usage = "PATH [--verify]",
    .summary = "What a run, checkpoint, safetensors or .npy file holds",
    .text = "PATH is a run, a checkpoint directory, or a file; its kind is found from the\n"
            "content.",
    .options = options,
    .examples = examples,
    .words_min = 1,
    .words_max = 1,
    .run = inspect,
};
