/* SPDX-License-Identifier: MIT
 *
 * main.c - the program: finds the command, runs it, and turns its result into an exit code.
 */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

int cli_exit_code(int rc)
{
    return rc > 0 ? rc : simclr_exit_code(rc); /* a command may choose one itself */
}

static void print_error(const simclr_error *err, const char *command)
{
    const char *red = cli_style_code(CLI_RED, true), *plain = cli_style_code(CLI_PLAIN, true);
    const char *line = err->text[0] != '\0' ? err->text : "failed without saying why (a bug)";
    cli_clear_line();
    while (*line != '\0') {
        size_t length = strcspn(line, "\n");
        fprintf(stderr, "%ssimclr%s%s:%s %.*s\n", red, *command != '\0' ? " " : "", command, plain,
                (int)length, line);
        line += length + (line[length] == '\n');
    }
    if (err->code == SIMCLR_E_USAGE && *command != '\0') {
        fprintf(stderr, "'simclr help %s' shows its arguments\n", command);
    }
}

/* Everything printed must have reached stdout. */
static int finish(int code)
{
    errno = 0;
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "simclr: stdout: %s\n", errno != 0 ? strerror(errno) : "write failed");
        return code == 0 ? 4 : code;
    }
    return code;
}

static int unknown_command(const char *name)
{
    const char *words[64];
    size_t count = 0;
    for (; count < cli_command_count() && count < 64; count++) {
        words[count] = cli_command_at(count)->name;
    }
    const char *near = cli_nearest(name, words, count);
    simclr_error err = {SIMCLR_E_USAGE, ""};
    if (near != NULL) {
        snprintf(err.text, sizeof(err.text), "unknown command '%.80s'; did you mean '%s'?", name,
                 near);
    } else {
        snprintf(err.text, sizeof(err.text), "unknown command '%.80s'; 'simclr help' lists all",
                 name);
    }
    print_error(&err, "");
    return 2;
}

static int run_command(const cli_command *command, int argc, char **argv)
{
    simclr_error err = {SIMCLR_OK, ""};
    cli_args *args = calloc(1, sizeof(*args));
    if (args == NULL) {
        fprintf(stderr, "simclr: no memory\n");
        return 5;
    }
    int rc = cli_parse(args, command, argc, argv, &err);
    if (rc == SIMCLR_OK && cli_flag(args, "help")) {
        cli_help_command(command);
    } else if (rc == SIMCLR_OK) {
        rc = command->run(args, &err);
    }
    free(args);
    bool told = err.code == rc && err.text[0] == '\0'; /* by the first of several processes */
    if (rc < 0 && !told) {
        err.code = rc;
        print_error(&err, command->name);
    }
    return cli_exit_code(rc);
}

/* Where stdin, stdout or stderr is closed, the next file opened would take its number, and messages
 * would be written into that file.  Opened the wrong way round, so that using them still fails. */
static void fill_closed_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF) {
            open("/dev/null",
                 fd == STDIN_FILENO ? O_WRONLY : O_RDONLY); /* the lowest free number */
        }
    }
}

int main(int argc, char **argv)
{
    fill_closed_descriptors();
    signal(SIGXFSZ, SIG_IGN); /* over `ulimit -f` a write fails, and the error says so */
    setlocale(LC_CTYPE, "");  /* the library draws with the characters that the terminal has */
    const char *name = argc > 1 ? argv[1] : "";
    if (argc < 2) {
        cli_help_all();
        return finish(2);
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        cli_help_all();
        return finish(0);
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0 || strcmp(name, "version") == 0) {
        printf("simclr %s\n", simclr_version());
        return finish(0);
    }
    const cli_command *command = cli_command_find(name);
    if (command == NULL) {
        return unknown_command(name);
    }
    return finish(run_command(command, argc - 2, argv + 2));
}
