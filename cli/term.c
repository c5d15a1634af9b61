/* SPDX-License-Identifier: MIT
 *
 * term.c - colour, messages and signals of the terminal; nearest words.
 */
#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"

bool cli_is_terminal(bool is_stderr)
{
    return isatty(is_stderr ? STDERR_FILENO : STDOUT_FILENO) == 1;
}

/* One that knows escape sequences. */
static bool able_terminal(bool is_stderr)
{
    const char *term = getenv("TERM");
    return cli_is_terminal(is_stderr) && term != NULL && strcmp(term, "dumb") != 0;
}

static bool colour(bool to_stderr)
{
    const char *no = getenv("NO_COLOR"), *force = getenv("CLICOLOR_FORCE");
    if (no != NULL && *no != '\0') {
        return false;
    }
    if (force != NULL && *force != '\0' && strcmp(force, "0") != 0) {
        return true;
    }
    return able_terminal(to_stderr);
}

const char *cli_style_code(cli_style style, bool to_stderr)
{
    static const char *const CODES[] = {"\033[1m",  "\033[31m", "\033[33m",
                                        "\033[32m", "\033[2m",  "\033[0m"};
    return colour(to_stderr) ? CODES[style] : "";
}

static volatile sig_atomic_t signals;

static void on_signal(int number)
{
    if (number == SIGINT && signals > 0) { /* the second Ctrl-C asks no more: 130 to the shell */
        signal(number, SIG_DFL);
        raise(number);
    }
    signals = 1;
}

void cli_catch_signals(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    struct sigaction hang_up;
    if (sigaction(SIGHUP, NULL, &hang_up) == 0 && hang_up.sa_handler != SIG_IGN) /* nohup */
        sigaction(SIGHUP, &action, NULL);
}

void cli_outlive_reader(void)
{
    signal(SIGPIPE, SIG_IGN);
}

static bool asked_to_stop(void *context)
{
    (void)context;
    return signals > 0;
}

enum { LOG_SECONDS = 30 };

/* In a log file a status line is wanted now and then only. */
static bool log_due(void)
{
    static struct timespec last;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (last.tv_sec != 0 && now.tv_sec - last.tv_sec < LOG_SECONDS) {
        return false;
    }
    last = now;
    return true;
}

/* Columns of stderr's terminal that a line may fill; in the last one some terminals wrap already. */
static int line_columns(void)
{
    struct winsize size;
    bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return (known ? size.ws_col : 80) - 1;
}

/* Bytes of text, UTF-8 of one-column characters, in so many columns. */
static int bytes_in(const char *text, int columns)
{
    int n = 0;
    for (; text[n] != '\0'; n++) {
        if (((unsigned char)text[n] & 0xc0) != 0x80 && columns-- == 0) {
            break;
        }
    }
    return n;
}

static bool line_is_open; /* a status line stands on the terminal, without its end */

void cli_clear_line(void)
{
    if (line_is_open) {
        fputs("\r\033[K", stderr);
    }
    line_is_open = false;
}

/* On a terminal the status line is overwritten; elsewhere one in LOG_SECONDS is a line.  With -v all
 * are lines. */
static void print_message(void *context, simclr_message_kind kind, const char *text)
{
    const cli_args *args = context;
    if (args->quiet && kind != SIMCLR_WARNING) {
        return;
    }
    bool passing = kind == SIMCLR_PROGRESS && !args->verbose;
    if (passing && able_terminal(true)) {
        fprintf(stderr, "\r%.*s\033[K", bytes_in(text, line_columns()), text);
        fflush(stderr);
        line_is_open = true;
        return;
    }
    if (passing && !log_due()) {
        return;
    }
    cli_clear_line();
    if (kind == SIMCLR_WARNING) {
        fprintf(stderr, "%swarning:%s %s\n", cli_style_code(CLI_YELLOW, true),
                cli_style_code(CLI_PLAIN, true), text);
    } else {
        fprintf(stderr, "%s\n", text);
    }
}

simclr_observer cli_observer(const cli_args *args)
{
    simclr_observer observer = {(void *)(size_t)args, print_message, asked_to_stop};
    return observer;
}

/* Bytes of the UTF-8 character of several at p; 0 if there is none. */
static int wide_character(const unsigned char *p)
{
    char one[5] = "", shown[4 * 4 + 1];
    int length = *p >= 0xf0 ? 4 : *p >= 0xe0 ? 3 : 2;
    strncpy(one, (const char *)p, (size_t)length);
    simclr_printable(shown, sizeof(shown), one);
    return strcmp(shown, one) == 0 ? length : 0;
}

/* A byte that is not UTF-8, as names of files may hold, becomes the surrogate that Python's
 * os.fsencode makes that byte of again. */
void cli_json_string(const char *text)
{
    putchar('"');
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        int wide = *p < 0x80 ? 1 : wide_character(p);
        if (*p == '"' || *p == '\\') {
            printf("\\%c", *p);
        } else if (*p < 0x20) {
            printf("\\u%04x", *p);
        } else if (wide == 0) {
            printf("\\udc%02x", *p);
        } else {
            fwrite(p, 1, (size_t)wide, stdout);
            p += wide - 1;
        }
    }
    putchar('"');
}

/* Levenshtein distance, up to `limit`. */
static size_t distance(const char *a, const char *b)
{
    size_t row[65];
    size_t n = strlen(a), m = strlen(b);
    if (n > 64 || m > 64) {
        return 64;
    }
    for (size_t j = 0; j <= m; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= n; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            bool same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
            size_t best = corner + !same;
            corner = row[j];
            best = row[j] + 1 < best ? row[j] + 1 : best;
            row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
        }
    }
    return row[m];
}

const char *cli_nearest(const char *word, const char *const *words, size_t count)
{
    const char *best = NULL;
    size_t least = 1 + strlen(word) / 3;
    for (size_t i = 0; i < count; i++) {
        size_t d = distance(word, words[i]);
        if (d < least || (d == least && best == NULL)) {
            least = d;
            best = words[i];
        }
    }
    return best;
}
