/* SPDX-License-Identifier: MIT
 *
 * bench_views.c - random views per second and core: median and spread of n repetitions, one thread.
 *
 * Usage: bench_views [REPETITIONS [SECONDS_PER_REPETITION]]
 * Compare with torchvision on PIL images: prototypes/cpu/aug.py (2,800 views/s/core at 32 x 32).
 */
#define _POSIX_C_SOURCE 199309L
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/alloc.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "views/views.h"

enum { IMAGES = 64, RUNS_MAX = 101 };

typedef struct {
    const char *name;
    uint32_t in_height, in_width, out;
    double flip, jitter, grayscale, blur;
} setup;

/* Processor time: what a repetition costs is not changed by other processes. */
static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Blocks of 8 x 8 with noise, as aug.py. */
static uint8_t *make_pixels(uint32_t h, uint32_t w)
{
    sc_rng rng = sc_rng_at(1, h, w, 0, SC_RNG_SHAPES);
    uint8_t *p = sc_alloc((size_t)IMAGES * h * w, 3, NULL);
    for (size_t i = 0; p != NULL && i < (size_t)IMAGES * h * w; i++) {
        size_t y = i / w % h, x = i % w;
        size_t block = y / 8 * 37 + x / 8 * 101 + i / ((size_t)h * w) * 7;
        for (size_t c = 0; c < 3; c++) {
            double v = (double)(block * (c + 3) * 29 % 256) + 10.0 * sc_rng_normal(&rng);
            p[3 * i + c] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
        }
    }
    return p;
}

static int measure(const setup *s, int runs, double seconds)
{
    simclr_error err;
    sc_views_options options = sc_views_options_default(s->out, s->out, 7);
    for (int v = 0; v < 2; v++) {
        options.view[v].hflip = s->flip;
        options.view[v].jitter = s->jitter;
        options.view[v].grayscale = s->grayscale;
        options.view[v].blur = s->blur;
    }
    uint8_t *pixels = make_pixels(s->in_height, s->in_width);
    sc_real *x = sc_alloc((size_t)2 * IMAGES * s->out * s->out * 3, sizeof *x, &err);
    sc_views views;
    if (pixels == NULL || x == NULL ||
        sc_views_open(&views, &options, s->in_height, s->in_width, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    sc_image images[IMAGES];
    uint32_t index[IMAGES];
    for (uint32_t i = 0; i < IMAGES; i++) {
        images[i] = (sc_image){.pixels = pixels + (size_t)i * s->in_height * s->in_width * 3,
                               .height = s->in_height,
                               .width = s->in_width,
                               .channels = 3};
        index[i] = i;
    }
    double rate[RUNS_MAX];
    uint64_t epoch = 0;
    for (int r = -1; r < runs; r++) { /* run -1 warms up */
        double start = cpu_seconds(), used = 0.0;
        size_t made = 0;
        while (used < seconds) {
            if (sc_views_make(x, images, index, IMAGES, epoch++, &views, &err) < 0) {
                return 1;
            }
            made += (size_t)2 * IMAGES;
            used = cpu_seconds() - start;
        }
        rate[r < 0 ? 0 : r] = (double)made / used;
    }
    qsort(rate, (size_t)runs, sizeof *rate, by_size);
    printf("%-34s %9.0f views/s/core  n=%d  min %.0f  max %.0f\n", s->name, rate[runs / 2], runs,
           rate[0], rate[runs - 1]);
    sc_views_close(&views);
    sc_free(x);
    sc_free(pixels);
    return 0;
}

int main(int argc, char **argv)
{
    static const setup setups[] = {
        {"32 to 32, crop + normalise", 32, 32, 32, 0.0, 0.0, 0.0, 0.0},
        {"32 to 32, + flip jitter gray", 32, 32, 32, 0.5, 0.8, 0.2, 0.0},
        {"32 to 32, + blur p .5", 32, 32, 32, 0.5, 0.8, 0.2, 0.5},
        {"96 to 96, all", 96, 96, 96, 0.5, 0.8, 0.2, 0.5},
        {"375x500 to 128, all", 375, 500, 128, 0.5, 0.8, 0.2, 0.5},
        {"375x500 to 224, all", 375, 500, 224, 0.5, 0.8, 0.2, 0.5},
    };
    int runs = argc > 1 ? atoi(argv[1]) : 7;
    double seconds = argc > 2 ? atof(argv[2]) : 0.3;
    runs = runs < 1 ? 1 : runs > RUNS_MAX ? RUNS_MAX : runs;
    sc_parallel_set_threads(1);
    for (size_t i = 0; i < sizeof setups / sizeof *setups; i++) {
        if (measure(&setups[i], runs, seconds) != 0) {
            return 1;
        }
    }
    return 0;
}
