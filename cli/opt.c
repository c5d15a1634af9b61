/* SPDX-License-Identifier: MIT
 *
 * opt.c - the command line: options of the command's table, key=value, words.
 *
 * `--name value` and `--name=value` are the same; so are, for a command with keys, `lr=0.1`,
 * `--lr 0.1` and `--optim.lr=0.1`.  After `--` everything is a word.  Order does not matter.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"

const cli_option cli_common_options[] = {
    {"help", 'h', NULL, "show this"},
    {"quiet", 'q', NULL, "print results and errors only"},
    {"verbose", 'v', NULL, "write every line of progress, and keep it"},
    {NULL, 0, NULL, NULL},
};

const cli_option cli_key_options[] = {
    {"config", 'c', "FILE", "read keys from a YAML file, ours or the tutorial's"},
    {"preset", 0, "NAME", "start from a preset ('simclr presets' lists them)"},
    {"as-shipped", 0, NULL, "keep the faults of the tutorial's file"},
    {NULL, 0, NULL, NULL},
};

const cli_option *cli_file_options(const cli_command *command)
{
    return command->keys && command->only == NULL ? cli_key_options : NULL;
}

typedef struct {
    cli_args *args;
    int argc, at;
    char **argv;
    simclr_error *err;
} parser;

__attribute__((format(printf, 2, 0)))
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static int
fail(const parser *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(p->err->text, sizeof(p->err->text), format, args);
    va_end(args);
    p->err->code = SIMCLR_E_USAGE;
    return SIMCLR_E_USAGE;
}

static const cli_option *find_in(const cli_option *table, const char *name, size_t length,
                                 char letter)
{
    for (; table != NULL && table->name != NULL; table++) {
        if ((name != NULL && strlen(table->name) == length &&
             strncmp(table->name, name, length) == 0) ||
            (letter != 0 && table->letter == letter)) {
            return table;
        }
    }
    return NULL;
}

static const cli_option *find_option(const cli_command *c, const char *name, size_t length,
                                     char letter)
{
    const cli_option *found = find_in(c->options, name, length, letter);
    if (found == NULL) {
        found = find_in(cli_common_options, name, length, letter);
    }
    if (found == NULL) {
        found = find_in(cli_file_options(c), name, length, letter);
    }
    return found;
}

static int give_option(parser *p, const cli_option *option, const char *value)
{
    cli_args *a = p->args;
    a->quiet = a->quiet || option->letter == 'q';
    a->verbose = a->verbose || option->letter == 'v';
    for (int i = 0; i < a->options; i++) {
        if (a->option[i] == option) { /* the last one counts */
            a->value[i] = value;
            return SIMCLR_OK;
        }
    }
    if (a->options == CLI_OPTIONS) {
        return fail(p, "--%s: too many options", option->name);
    }
    a->option[a->options] = option;
    a->value[a->options++] = value;
    return SIMCLR_OK;
}

static int give_setting(parser *p, const char *key, size_t length, const char *value)
{
    cli_args *a = p->args;
    if (a->settings == (int)(sizeof(a->setting) / sizeof(a->setting[0])) ||
        a->text_used + length + 1 > sizeof(a->text)) {
        return fail(p, "%.40s: too many key=value", key);
    }
    char *name = a->text + a->text_used;
    memcpy(name, key, length);
    name[length] = '\0';
    for (char *c = name; *c != '\0'; c++) {
        *c = *c == '-' ? '_' : *c;
    }
    a->text_used += length + 1;
    a->setting[a->settings].key = name;
    a->setting[a->settings++].value = value;
    return SIMCLR_OK;
}

/* The key that `name` (with - for _) is, in out; false if none. */
static bool find_key(simclr_key *out, const char *name, size_t length)
{
    char key[64];
    if (length >= sizeof(key)) {
        return false;
    }
    memcpy(key, name, length);
    key[length] = '\0';
    for (char *c = key; *c != '\0'; c++) {
        *c = *c == '-' ? '_' : *c;
    }
    for (size_t i = 0; simclr_config_key(out, i); i++) {
        if (strcmp(out->name, key) == 0 || (out->alias != NULL && strcmp(out->alias, key) == 0)) {
            return true;
        }
    }
    return false;
}

bool cli_key(simclr_key *out, const cli_command *command, size_t i)
{
    if (!command->keys) {
        return false;
    }
    if (command->only == NULL) {
        return simclr_config_key(out, i);
    }
    return command->only[i] != NULL && find_key(out, command->only[i], strlen(command->only[i]));
}

static int unknown_option(const parser *p, const char *word, size_t length)
{
    const cli_command *c = p->args->command;
    const cli_option *tables[] = {c->options, cli_common_options, cli_file_options(c)};
    const char *words[512];
    char name[64];
    size_t count = 0;
    snprintf(name, sizeof(name), "%.*s", (int)(length < 60 ? length : 60), word);
    for (size_t t = 0; t < 3; t++) {
        for (const cli_option *o = tables[t]; o != NULL && o->name != NULL; o++) {
            words[count++] = o->name;
        }
    }
    simclr_key key;
    for (size_t i = 0; count < 500 && cli_key(&key, c, i); i++) {
        words[count++] = key.name;
        if (key.alias != NULL) {
            words[count++] = key.alias;
        }
    }
    const char *near = cli_nearest(name, words, count);
    if (near == NULL) {
        return fail(p, "unknown option '--%s'", name);
    }
    return fail(p, "unknown option '--%s'; did you mean '--%s'?", name, near);
}

static int parse_long(parser *p, const char *word)
{
    const char *name = word + 2;
    const char *equals = strchr(name, '=');
    size_t length = equals != NULL ? (size_t)(equals - name) : strlen(name);
    const char *value = equals != NULL ? equals + 1 : NULL;
    const char *next = p->at < p->argc ? p->argv[p->at] : NULL;
    const cli_option *option = find_option(p->args->command, name, length, 0);
    simclr_key key;
    if (option != NULL && option->value == NULL) {
        return value != NULL ? fail(p, "--%s takes no value", option->name)
                             : give_option(p, option, "");
    }
    if (option == NULL && (!p->args->command->keys || !find_key(&key, name, length))) {
        return unknown_option(p, name, length);
    }
    if (value == NULL && option == NULL && strcmp(key.type, "bool") == 0 &&
        (next == NULL || (strcmp(next, "true") != 0 && strcmp(next, "false") != 0))) {
        value = "true";
    }
    if (value == NULL && next == NULL) {
        return fail(p, "%.80s needs a value", word);
    }
    if (value == NULL) {
        value = next;
        p->at++;
    }
    return option != NULL ? give_option(p, option, value) : give_setting(p, name, length, value);
}

/* -qv, -o DIR, -oDIR */
static int parse_short(parser *p, const char *word)
{
    for (const char *c = word + 1; *c != '\0'; c++) {
        const cli_option *option = find_option(p->args->command, NULL, 0, *c);
        if (option == NULL) {
            char letter[2] = {*c, '\0'};
            return fail(p, "unknown option '-%s'", letter);
        }
        if (option->value == NULL) {
            int rc = give_option(p, option, "");
            if (rc != SIMCLR_OK) {
                return rc;
            }
            continue;
        }
        if (c[1] != '\0') {
            return give_option(p, option, c + 1);
        }
        if (p->at == p->argc) {
            return fail(p, "%s needs a value: %s", word, option->value);
        }
        return give_option(p, option, p->argv[p->at++]);
    }
    return SIMCLR_OK;
}

/* Length of the key if the word is key=value, else 0. */
static size_t setting_key(const char *word)
{
    size_t i = 0;
    while (isalnum((unsigned char)word[i]) || word[i] == '_' || word[i] == '.' || word[i] == '-') {
        i++;
    }
    return word[i] == '=' && isalpha((unsigned char)word[0]) ? i : 0;
}

static int parse_word(parser *p, const char *word)
{
    cli_args *a = p->args;
    if (a->words == CLI_WORDS ||
        (a->command->words_max >= 0 && a->words == a->command->words_max)) {
        return fail(p, "'%.80s': one argument too many", word);
    }
    a->word[a->words++] = word;
    return SIMCLR_OK;
}

int cli_parse(cli_args *args, const cli_command *command, int argc, char **argv, simclr_error *err)
{
    parser p = {args, argc, 0, argv, err};
    bool words_only = false;
    args->command = command;
    while (p.at < argc) {
        const char *word = argv[p.at++];
        size_t key = command->keys && !words_only ? setting_key(word) : 0;
        int rc = SIMCLR_OK;
        if (!words_only && strcmp(word, "--") == 0) {
            words_only = true;
        } else if (!words_only && strncmp(word, "--", 2) == 0) {
            rc = parse_long(&p, word);
        } else if (!words_only && word[0] == '-' && word[1] != '\0') {
            rc = parse_short(&p, word);
        } else if (key > 0) {
            rc = give_setting(&p, word, key, word + key + 1);
        } else {
            rc = parse_word(&p, word);
        }
        if (rc != SIMCLR_OK) {
            return rc;
        }
    }
    if (args->words < command->words_min && !cli_flag(args, "help")) {
        return fail(&p, "too few arguments: simclr %s %s", command->name, command->usage);
    }
    return SIMCLR_OK;
}

const char *cli_value(const cli_args *args, const char *option)
{
    for (int i = 0; i < args->options; i++) {
        if (strcmp(args->option[i]->name, option) == 0) {
            return args->value[i];
        }
    }
    return NULL;
}

bool cli_flag(const cli_args *args, const char *option)
{
    return cli_value(args, option) != NULL;
}

int cli_integer(long long *out, const cli_args *args, const char *option, long long fallback,
                long long least, long long most, simclr_error *err)
{
    const char *text = cli_value(args, option);
    char *end = NULL;
    *out = fallback;
    if (text == NULL) {
        return SIMCLR_OK;
    }
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || value < least || value > most) {
        err->code = SIMCLR_E_USAGE;
        snprintf(err->text, sizeof(err->text),
                 "--%s: '%.60s' is not a whole number in %lld .. %lld", option, text, least, most);
        return SIMCLR_E_USAGE;
    }
    *out = value;
    return SIMCLR_OK;
}
