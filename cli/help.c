/* SPDX-License-Identifier: MIT
 *
 * help.c - `simclr help`, `simclr help CMD` and the man page, all from the table of commands.
 */
#include <stdio.h>
#include <string.h>

#include "cmd.h"

static const char *const ENVIRONMENT[][2] = {
    {"SIMCLR_<KEY>", "any key, for instance SIMCLR_LR, SIMCLR_THREADS, SIMCLR_OPTIM_MOMENTUM"},
    {"SIMCLR_CPU",
     "the kernels of another instruction set than the best one here: ref (slow, the reference), "
     "base, avx2, avx512, avx512bf16 or amx; an unknown one, or one that this processor lacks, is "
     "an error"},
    {"SIMCLR_CUDA",
     "off: no GPU is used; or the path of the plug-in, which is otherwise libsimclr_cuda.so beside "
     "the program, in ../lib or among the system's libraries"},
    {"SIMCLR_CUDA_LIBS",
     "directories, with : between them, where cuDNN is looked for first (libcudnn.so.9)"},
    {"SIMCLR_CUDA_GRAPHS", "off: steps on a GPU are not recorded but queued kernel by kernel"},
    {"SIMCLR_CUDA_PLANS",
     "first: of cuDNN's plans for a convolution the first admitted one is taken, untimed, whatever "
     "was chosen before"},
    {"SIMCLR_MPI", "off: processes that mpirun or srun started together train each for itself; or "
                   "the path of the "
                   "plug-in that connects them, which is otherwise libsimclr_mpi.so beside the "
                   "program, in ../lib "
                   "or among the system's libraries"},
    {"XDG_CACHE_HOME, HOME",
     "on a GPU the choice of convolutions is kept in $XDG_CACHE_HOME/simclr, else in "
     "$HOME/.cache/simclr; below HOME and VIRTUAL_ENV, too, cuDNN is looked for"},
    {"NO_COLOR, CLICOLOR_FORCE", "no colours; colours even without a terminal"},
    {"TERM", "dumb, or not set: no colours"},
};

static const char *const EXITS[][2] = {
    {"0", "done"},
    {"1", "internal error, a bug"},
    {"2", "arguments or configuration"},
    {"3", "data: nothing usable, or too many bad images; a file, run or directory is missing"},
    {"4", "input or output failed, the disk is full, or another process uses the run"},
    {"5", "out of memory"},
    {"6", "numeric failure: NaN, or a collapse with train.strict"},
    {"7", "bad or incompatible checkpoint or model"},
    {"8", "a GPU failed or was lost; the last checkpoint is whole"},
    {"75", "interrupted, state saved: the same command, with the run's -o, goes on"},
    {"130",
     "a second Ctrl-C: stopped at once; the same command, with the run's -o, goes on from the "
     "last checkpoint"},
};
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

void cli_help_all(void)
{
    const char *bold = cli_style_code(CLI_BOLD, false), *plain = cli_style_code(CLI_PLAIN, false);
    printf("%ssimclr%s learns image features without labels (SimCLR, Chen et al. 2020).\n\n"
           "%susage:%s simclr COMMAND [arguments] [key=value ...]\n\n",
           bold, plain, bold, plain);
    for (size_t i = 0; i < cli_command_count(); i++) {
        const cli_command *c = cli_command_at(i);
        printf("  %s%-11s%s %s\n", bold, c->name, plain, c->summary);
    }
    printf("\n'simclr help COMMAND' explains one, with examples; 'simclr config' lists every key.\n"
           "Values: defaults < preset < file (-c) < environment (SIMCLR_LR) < command line.\n");
}

static void print_option(const cli_option *o)
{
    char left[64], letter[8] = "    ";
    if (o->letter != 0) {
        snprintf(letter, sizeof(letter), "-%c, ", o->letter);
    }
    snprintf(left, sizeof(left), "%s--%s%s%s", letter, o->name, o->value != NULL ? " " : "",
             o->value != NULL ? o->value : "");
    if (strlen(left) > 24) {
        printf("  %s\n  %-24s %s\n", left, "", o->help);
    } else {
        printf("  %-24s %s\n", left, o->help);
    }
}

static void print_options(const cli_option *table)
{
    for (; table != NULL && table->name != NULL; table++) {
        print_option(table);
    }
}

static void print_short_keys(void)
{
    simclr_key key;
    printf("\nkeys with short names ('simclr config' lists all):\n");
    for (size_t i = 0; simclr_config_key(&key, i); i++) {
        if (key.alias != NULL) {
            printf("  %-14s %s (%s)\n", key.alias, key.help,
                   *key.fallback != '\0' ? key.fallback : "none");
        }
    }
}

static void print_only_keys(const cli_command *c)
{
    simclr_key key;
    printf("\nkeys:\n");
    for (size_t i = 0; cli_key(&key, c, i); i++) {
        printf("  %-22s %s\n", key.name, key.help);
    }
}

void cli_help_command(const cli_command *c)
{
    const char *bold = cli_style_code(CLI_BOLD, false), *plain = cli_style_code(CLI_PLAIN, false);
    printf("%susage:%s simclr %s %s\n\n%s.\n", bold, plain, c->name, c->usage, c->summary);
    if (c->text != NULL) {
        printf("\n%s\n", c->text);
    }
    printf("\n%soptions:%s\n", bold, plain);
    print_options(c->options);
    print_options(cli_file_options(c));
    print_options(cli_common_options);
    if (c->only != NULL) {
        print_only_keys(c);
    } else if (c->keys) {
        print_short_keys();
    }
    if (c->examples != NULL) {
        printf("\n%sexamples:%s\n", bold, plain);
        for (size_t i = 0; c->examples[i] != NULL; i += 2) {
            printf("  $ %s\n      %s\n", c->examples[i], c->examples[i + 1]);
        }
    }
}

/* Text for roff: backslashes, hyphens and leading dots are special. */
static void roff(const char *text)
{
    bool line_start = true;
    for (const char *p = text; *p != '\0'; p++) {
        if (line_start && (*p == '.' || *p == '\'')) {
            fputs("\\&", stdout);
        }
        if (*p == '\\' || *p == '-') {
            fputs(*p == '-' ? "\\-" : "\\e", stdout);
        } else if (*p == '\n' && p[1] == '\n') {
            fputs("\n.PP", stdout);
        } else {
            putchar(*p);
            fputs(*p == '|' ? "\\:" : "", stdout); /* a line may break here */
        }
        line_start = *p == '\n';
    }
}

static void man_pair(const char *term, const char *text)
{
    fputs(".TP\n\\fB", stdout);
    roff(term);
    fputs("\\fR\n", stdout);
    roff(text);
    putchar('\n');
}

static void man_options(const cli_option *table)
{
    for (; table != NULL && table->name != NULL; table++) {
        char term[96], letter[8] = "";
        if (table->letter != 0) {
            snprintf(letter, sizeof(letter), "-%c, ", table->letter);
        }
        snprintf(term, sizeof(term), "%s--%s%s%s", letter, table->name,
                 table->value != NULL ? " " : "", table->value != NULL ? table->value : "");
        man_pair(term, table->help);
    }
}

static void man_command(const cli_command *c)
{
    fputs(".SS simclr ", stdout);
    roff(c->name);
    putchar(' ');
    roff(c->usage);
    putchar('\n');
    roff(c->summary);
    fputs(".\n", stdout);
    if (c->text != NULL) {
        fputs(".PP\n", stdout);
        roff(c->text);
        putchar('\n');
    }
    man_options(c->options);
    for (size_t i = 0; c->examples != NULL && c->examples[i] != NULL; i += 2) {
        fputs(".PP\n.nf\n  $ ", stdout);
        roff(c->examples[i]);
        fputs("\n.fi\n", stdout);
        roff(c->examples[i + 1]);
        putchar('\n');
    }
}

static void man_keys(void)
{
    simclr_key key;
    for (size_t i = 0; simclr_config_key(&key, i); i++) {
        char term[96], text[600];
        if (strncmp(key.name, "views2.", 7) == 0) {
            continue;
        }
        snprintf(term, sizeof(term), "%s%s%s%s", key.name, key.alias != NULL ? " (" : "",
                 key.alias != NULL ? key.alias : "", key.alias != NULL ? ")" : "");
        snprintf(text, sizeof(text), "%s. %s; default: %s", key.help, key.range,
                 *key.fallback != '\0' ? key.fallback : "empty");
        man_pair(term, text);
    }
    man_pair("views2.*", "the keys of views for the second view; each follows views.* until set");
}

void cli_man(void)
{
    fputs(".\\\" generated by 'simclr help --man'; do not edit\n"
          ".TH SIMCLR 1\n.SH NAME\nsimclr \\- learn image features without labels\n"
          ".SH SYNOPSIS\n\\fBsimclr\\fR COMMAND [arguments] [key=value ...]\n.SH COMMANDS\n",
          stdout);
    for (size_t i = 0; i < cli_command_count(); i++) {
        man_command(cli_command_at(i));
    }
    fputs(".SH OPTIONS OF EVERY COMMAND\n", stdout);
    man_options(cli_common_options);
    fputs(".SH OPTIONS OF COMMANDS WITH ALL KEYS\n", stdout);
    man_options(cli_key_options);
    fputs(".SH KEYS\nGiven as key=value or \\-\\-key value, in files of \\-c, or as SIMCLR_KEY in "
          "the environment; defaults < preset < file < environment < command line.\n",
          stdout);
    man_keys();
    fputs(".SH ENVIRONMENT\n", stdout);
    for (size_t i = 0; i < COUNT(ENVIRONMENT); i++) {
        man_pair(ENVIRONMENT[i][0], ENVIRONMENT[i][1]);
    }
    fputs(".SH EXIT STATUS\n", stdout);
    for (size_t i = 0; i < COUNT(EXITS); i++) {
        man_pair(EXITS[i][0], EXITS[i][1]);
    }
}
