/* SPDX-License-Identifier: MIT
 *
 * progress.c - one line of text in the manner of tqdm, cut to the width of the terminal.
 */
#include "monitor/progress.h"

#include <langinfo.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BAR_MAX = 24, BAR_MIN = 4, TAIL_MAX = 240, COLUMNS = 79 };

static const double smoothing = 0.1;

void sc_progress_start(sc_progress *p, double now, uint64_t done)
{
    *p = (sc_progress){.start = now, .last = now, .done = done};
}

void sc_progress_pause(sc_progress *p, double seconds)
{
    p->last += seconds;
}

void sc_progress_update(sc_progress *p, double now, uint64_t done)
{
    if (done <= p->done || now < p->last)
        return;
    double seconds = (now - p->last) / (double)(done - p->done);
    /* The first steps warm up caches; a mean of few samples would swing: start from the first. */
    p->seconds_per_step = p->seconds_per_step > 0
                              ? (1 - smoothing) * p->seconds_per_step + smoothing * seconds
                              : seconds;
    p->last = now;
    p->done = done;
}

double sc_progress_left(const sc_progress *p, uint64_t total)
{
    if (p->seconds_per_step <= 0)
        return -1;
    return total > p->done ? (double)(total - p->done) * p->seconds_per_step : 0;
}

void sc_progress_time(char *out, size_t out_size, double seconds)
{
    if (!(seconds >= 0) || seconds > 1e9) {
        snprintf(out, out_size, "--:--");
        return;
    }
    unsigned long s = (unsigned long)(seconds + 0.5);
    unsigned long days = s / 86400, hours = s / 3600 % 24, minutes = s / 60 % 60;
    if (days > 0)
        snprintf(out, out_size, "%lud %02lu:%02lu", days, hours, minutes);
    else if (hours > 0)
        snprintf(out, out_size, "%lu:%02lu:%02lu", hours, minutes, s % 60);
    else
        snprintf(out, out_size, "%02lu:%02lu", minutes, s % 60);
}

/* `cells` characters, filled to `share`; an eighth of a cell is the unit where glyphs allow. */
static void draw_bar(char *out, double share, int cells, bool ascii)
{
    static const char *const eighths[] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    double filled = share * cells;
    int whole = (int)filled;
    int part = (int)((filled - whole) * 8);
    *out = '\0';
    for (int i = 0; i < cells; i++) {
        const char *cell = " ";
        if (i < whole)
            cell = ascii ? "#" : "█";
        else if (i == whole)
            cell = ascii ? (part >= 4 ? ">" : " ") : eighths[part];
        strcat(out, cell);
    }
}

/* Columns of text made of one-column characters. */
static size_t columns(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

/* Cuts text to `width` columns, at a character. */
static void cut(char *text, size_t width)
{
    size_t n = 0;
    for (char *c = text; *c; c++) {
        if (((unsigned char)*c & 0xc0) != 0x80 && n++ == width) {
            *c = '\0';
            return;
        }
    }
}

/* "52/127 [00:31<00:45, 427 img/s, loss=5.31, wait 2%]", shorter at higher levels. */
static void make_tail(char out[TAIL_MAX], const sc_progress_view *v, int level)
{
    char elapsed[32], left[32], rate[48] = "", loss[48] = "", wait[32] = "";
    sc_progress_time(elapsed, sizeof elapsed, v->elapsed);
    sc_progress_time(left, sizeof left, v->left);
    if (level < 2 && v->images_per_s > 0 && v->images_per_s < 1e9)
        snprintf(rate, sizeof rate, v->images_per_s < 10 ? ", %.1f img/s" : ", %.0f img/s",
                 v->images_per_s);
    if (level < 3)
        snprintf(loss, sizeof loss, ", loss=%.3g", v->loss);
    if (level < 3 && isfinite(v->loss) && fabs(v->loss) < 1000)
        snprintf(loss, sizeof loss, ", loss=%.*f", fabs(v->loss) < 1 ? 3 : 2, v->loss);
    if (level < 1 && v->wait >= 0 && v->wait <= 1)
        snprintf(wait, sizeof wait, ", wait %.0f%%", 100 * v->wait);
    snprintf(out, TAIL_MAX, "%llu/%llu [%s<%s%s%s%s]", (unsigned long long)v->step,
             (unsigned long long)v->steps, elapsed, left, rate, loss, wait);
}

void sc_progress_line(char *out, size_t out_size, const sc_progress_view *v, size_t width,
                      bool ascii)
{
    char head[96], tail[TAIL_MAX], bar[BAR_MAX * 3 + 1], line[512];
    double share = v->steps > 0 ? (double)v->step / (double)v->steps : 0;
    share = share > 1 ? 1 : share;
    snprintf(head, sizeof head, "epoch %llu/%llu %3d%%", (unsigned long long)v->epoch,
             (unsigned long long)v->epochs, (int)(100 * share));
    bool fits = false;
    for (int level = 0; level < 4 && !fits; level++) {
        make_tail(tail, v, level);
        /* "|", bar, "| " */
        size_t used = columns(head) + 3 + columns(tail);
        if (used + BAR_MIN <= width) {
            int cells = width - used < BAR_MAX ? (int)(width - used) : BAR_MAX;
            draw_bar(bar, share, cells, ascii);
            snprintf(line, sizeof line, "%s|%s| %s", head, bar, tail);
            fits = true;
        }
    }
    if (!fits)
        snprintf(line, sizeof line, "%s %s", head, tail);
    cut(line, width);
    if (strlen(line) >= out_size)
        cut(line, out_size > 0 ? (out_size - 1) / 3 : 0);
    snprintf(out, out_size, "%s", line);
}

void sc_progress_say(const simclr_observer *observer, const sc_progress_view *v)
{
    char line[512];
    bool ascii = strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
    sc_progress_line(line, sizeof line, v, COLUMNS, ascii);
    sc_say(observer, SIMCLR_PROGRESS, "%s", line);
}
