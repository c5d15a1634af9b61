/* SPDX-License-Identifier: MIT
 *
 * cmd.h - the frame of the program: commands, their options, and what they share.
 *
 * To add a command NAME, in three steps:
 *   1. cli/cmd_NAME.c: a table of options and `const cli_command cmd_NAME = {...}` (cmd_presets.c
 *      is a short example); its run function returns 0, an exit code above 0, or a negative
 *      SIMCLR_E_* with the text in err, which main prints.
 *   2. declare it at the end of this header;
 *   3. list it in cli/commands.c, in the order of `simclr help`.
 * Then `tests/cli/generated.sh --update` renews docs/man/simclr.1 and docs/config.md.
 * Parsing, help, the man page and completion all follow from the table.  Results go to stdout,
 * everything else to stderr.  The program includes no header of the library but simclr.h.
 */
#ifndef SC_CLI_CMD_H
#define SC_CLI_CMD_H

#include <simclr.h>

enum { CLI_OPTIONS = 24, CLI_WORDS = 4096 };

typedef struct {
    const char *name;  /* "output": --output VALUE; NULL ends a table */
    char letter;       /* 'o' for -o, or 0 */
    const char *value; /* "DIR", or NULL for a flag */
    const char *help;
} cli_option;

typedef struct cli_args cli_args;

typedef struct {
    const char *name;
    const char *usage;           /* after the name: "[DATA] [key=value ...]" */
    const char *summary;         /* one line */
    const char *text;            /* paragraphs, lines of at most 78 columns */
    const cli_option *options;   /* besides -h -q -v; NULL: none */
    const char *const *examples; /* "command line", "what it does", ..., NULL */
    int words_min, words_max;    /* positional arguments; -1: no limit */
    bool keys;                   /* takes key=value, --key value, -c, --preset and environment */
    int (*run)(const cli_args *args, simclr_error *err);
    const char *const *only; /* with keys: these alone, and neither -c nor --preset; NULL: all */
} cli_command;

typedef struct {
    const char *key, *value;
} cli_setting;

struct cli_args {
    const cli_command *command;
    const cli_option *option[CLI_OPTIONS]; /* given, in order; the last one counts */
    const char *value[CLI_OPTIONS];
    int options;
    const char *word[CLI_WORDS]; /* positional */
    int words;
    cli_setting setting[256]; /* key=value */
    int settings;
    char text[8192]; /* names of settings */
    size_t text_used;
    bool quiet;   /* -q */
    bool verbose; /* every line of progress */
};

/* Fills args.  Returns 0, or SIMCLR_E_USAGE with the text in err. */
int cli_parse(cli_args *args, const cli_command *command, int argc, char **argv, simclr_error *err);
/* Value of an option ("" for a flag that was given), or NULL if it was not. */
const char *cli_value(const cli_args *args, const char *option);
bool cli_flag(const cli_args *args, const char *option);
/* The whole number of an option, or `fallback`; SIMCLR_E_USAGE outside least .. most. */
int cli_integer(long long *out, const cli_args *args, const char *option, long long fallback,
                long long least, long long most, simclr_error *err);

/* The configuration that a command with `keys` was given: defaults < preset < file < environment <
 * command line; checked.  Notes of the tutorial's file go to stderr.  The caller's. */
int cli_config(simclr_config **out, const cli_args *args, simclr_error *err);
/* Key number i of those a command takes; false past the last. */
bool cli_key(simclr_key *out, const cli_command *command, size_t i);
/* Options that every command with all `keys` has besides its own: -c, --preset, --as-shipped. */
extern const cli_option cli_key_options[];
/* These, or NULL for a command that has none of them. */
const cli_option *cli_file_options(const cli_command *command);
extern const cli_option cli_common_options[];

/* Prints messages of long calls to stderr, as -q and -v ask; its stop is set by SIGINT, SIGTERM and
 * SIGHUP (unless nohup has it ignored) once cli_catch_signals was called. */
simclr_observer cli_observer(const cli_args *args);
/* Before anything else is printed: wipes the status line that the observer may have left open. */
void cli_clear_line(void);
void cli_catch_signals(void);
/* For commands whose result is files: `2>&1 | head` ends the messages, not the work, and main
 * reports that the result could not be printed.  Other commands end by SIGPIPE, as filters do. */
void cli_outlive_reader(void);

/* Colour codes, or "": only on a terminal; NO_COLOR and CLICOLOR_FORCE are heard. */
typedef enum { CLI_BOLD, CLI_RED, CLI_YELLOW, CLI_GREEN, CLI_DIM, CLI_PLAIN } cli_style;
const char *cli_style_code(cli_style style, bool to_stderr);
bool cli_is_terminal(bool is_stderr);

/* For --json: prints text as a JSON string, with quotes. */
void cli_json_string(const char *text);

int cli_exit_code(int rc);
const char *cli_nearest(const char *word, const char *const *words, size_t count);

/* A member "note" that follows others; null when there is none. */
void cli_json_note(const char *note);
/* bench profile: prints the table of a step's kernels. */
int cli_bench_profile(const simclr_config *config, size_t repeat, bool json, simclr_error *err);

size_t cli_command_count(void);
const cli_command *cli_command_at(size_t i); /* NULL past the last */
const cli_command *cli_command_find(const char *name);
void cli_help_all(void);
void cli_help_command(const cli_command *command);
void cli_man(void);

extern const cli_command cmd_train;
extern const cli_command cmd_eval;
extern const cli_command cmd_embed;
extern const cli_command cmd_report;
extern const cli_command cmd_search;
extern const cli_command cmd_views;
extern const cli_command cmd_export;
extern const cli_command cmd_import;
extern const cli_command cmd_inspect;
extern const cli_command cmd_data;
extern const cli_command cmd_bench;
extern const cli_command cmd_config;
extern const cli_command cmd_presets;
extern const cli_command cmd_doctor;
extern const cli_command cmd_completion;
extern const cli_command cmd_help;

#endif
