/* SPDX-License-Identifier: MIT
 *
 * settings.c - the configuration of a command: preset, file, environment and command line.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"

/* Adds a line to all errors found so far; the last line is "..." when they do not fit. */
static void add_error(simclr_error *all, const simclr_error *one)
{
    size_t used = strlen(all->text);
    all->code = one->code;
    if (used + strlen(one->text) + 6 > sizeof(all->text) && used > 0) {
        if (used + 5 < sizeof(all->text) && strcmp(all->text + used - 3, "...") != 0) {
            snprintf(all->text + used, sizeof(all->text) - used, "\n...");
        }
        return;
    }
    snprintf(all->text + used, sizeof(all->text) - used, "%s%.470s", used > 0 ? "\n" : "",
             one->text);
}

static void set_from_environment(simclr_config *config, const char *key, const char *name,
                                 simclr_error *all)
{
    char variable[80] = "SIMCLR_";
    size_t used = strlen(variable);
    for (const char *p = name; *p != '\0' && used + 1 < sizeof(variable); p++) {
        variable[used++] = *p == '.' ? '_' : (char)toupper((unsigned char)*p);
    }
    variable[used] = '\0';
    const char *value = getenv(variable);
    simclr_error err = {SIMCLR_OK, ""};
    if (value != NULL && *value != '\0' &&
        simclr_config_set(config, key, value, SIMCLR_FROM_ENV, variable, &err) != SIMCLR_OK) {
        add_error(all, &err);
    }
}

static void read_environment(simclr_config *config, const cli_command *command, simclr_error *all)
{
    simclr_key key;
    for (size_t i = 0; cli_key(&key, command, i); i++) {
        set_from_environment(config, key.name, key.name, all);
        if (key.alias != NULL) {
            set_from_environment(config, key.name, key.alias, all);
        }
    }
}

static int fill(simclr_config *config, const cli_args *args, simclr_error *all)
{
    const char *preset = cli_value(args, "preset"), *file = cli_value(args, "config");
    simclr_observer observer = cli_observer(args);
    simclr_error err = {SIMCLR_OK, ""};
    int rc = SIMCLR_OK;
    if (preset != NULL && simclr_config_set_preset(config, preset, &err) != SIMCLR_OK) {
        add_error(all, &err);
    }
    err.text[0] = '\0';
    if (file != NULL) {
        rc = simclr_config_load(config, file, cli_flag(args, "as-shipped"), &observer, &err);
    }
    if (rc != SIMCLR_OK) {
        add_error(all, &err);
    }
    read_environment(config, args->command, all);
    for (int i = 0; i < args->settings; i++) {
        err.text[0] = '\0';
        if (simclr_config_set(config, args->setting[i].key, args->setting[i].value, SIMCLR_FROM_CLI,
                              NULL, &err) != SIMCLR_OK) {
            add_error(all, &err);
        }
    }
    if (all->code == SIMCLR_OK && simclr_config_check(config, &err) != SIMCLR_OK) {
        add_error(all, &err);
    }
    /* A missing file of the command line is a usage error, whatever the library calls it. */
    return all->code == SIMCLR_OK         ? SIMCLR_OK
           : all->code == SIMCLR_E_MEMORY ? SIMCLR_E_MEMORY
                                          : SIMCLR_E_USAGE;
}

int cli_config(simclr_config **out, const cli_args *args, simclr_error *err)
{
    simclr_error all = {SIMCLR_OK, ""};
    *out = NULL;
    int rc = simclr_config_new(out, err);
    if (rc != SIMCLR_OK) {
        return rc;
    }
    rc = fill(*out, args, &all);
    if (rc != SIMCLR_OK) {
        *err = all;
        simclr_config_free(*out);
        *out = NULL;
    }
    return rc;
}
