/* SPDX-License-Identifier: MIT
 *
 * cmd_doctor.c - simclr doctor: what this machine has and what was compiled in.
 */
#include <stdio.h>
#include <string.h>

#include "cmd.h"

static const cli_option OPTIONS[] = {
    {"json", 0, NULL, "print one JSON object"},
    {NULL, 0, NULL, NULL},
};

static const char *const EXAMPLES[] = {"simclr doctor", "Put its output into a report of a fault.",
                                       NULL};

/* "name: value" lines as members. */
static void print_json(char *text)
{
    bool first = true;
    putchar('{');
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        char *colon = strchr(line, ':');
        if (colon == NULL) {
            continue;
        }
        *colon = '\0';
        char *value = colon + 1 + strspn(colon + 1, " ");
        printf("%s", first ? "" : ", ");
        first = false;
        cli_json_string(line);
        printf(": ");
        cli_json_string(value);
    }
    printf("}\n");
}

static int run(const cli_args *args, simclr_error *err)
{
    char *text = NULL;
    int rc = simclr_doctor(&text, err);
    if (rc == SIMCLR_OK && cli_flag(args, "json")) {
        print_json(text);
    } else if (rc == SIMCLR_OK) {
        fputs(text, stdout);
    }
    simclr_text_free(text);
    return rc;
}

const cli_command cmd_doctor = {
    "doctor", "",      "Show processor, memory, and what was compiled in",
    NULL,     OPTIONS, EXAMPLES,
    0,        0,       false,
    run,      NULL};
