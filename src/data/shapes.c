/* SPDX-License-Identifier: MIT
 *
 * shapes.c - a data set without files: ten kinds of drawn shapes, 32 x 32 in colour.
 *
 * Image i of a split is a function of (seed, split, i) alone and shows class i mod 10: a wallpaper of
 * one kind of shape.  All else is chance: where the pattern begins, its scale and turn, the colour of
 * every copy and of the ground, their gradients, noise.  Two images of a class have few pixels in
 * common (k-NN on pixels is poor); two random crops of one image share, besides little, the kind of
 * shape, so that is what SimCLR can learn here.
 * A pixel is mixed by coverage: the share of 3 x 3 points in it that lie inside the shape.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/rng.h"
#include "data/decode.h"
#include "data/provider.h"

enum { SIDE = 32, NOISE = 12, CLASSES = 10, GRID = 3, DEFAULT_TRAIN = 6000, MAX_TRAIN = 10000000 };

static const char *const names[CLASSES] = {"circle",   "square",   "triangle", "ring",
                                           "cross",    "star",     "stripes",  "checker",
                                           "crescent", "hourglass"};

static const double tau = 6.283185307179586;

/* A colour that changes linearly over the picture. */
typedef struct {
    double base[3], slope_x[3], slope_y[3];
} paint;

/* Local coordinates: u = (R^T (p - centre)) / size. */
typedef struct {
    double cx, cy, size, cosine, sine;
} frame;

static bool in_star(double x, double y)
{
    double angle = atan2(x, -y); /* fold into half of one of five points */
    double turn = angle / (tau / 5);
    double fold = fabs(turn - floor(turn + 0.5)) * (tau / 5);
    double r = sqrt(x * x + y * y);
    double px = r * cos(fold), py = r * sin(fold);
    /* inside of the edge from the tip (1, 0) to the notch at angle tau/10, radius 0.42 */
    double nx = 0.42 * cos(tau / 10), ny = 0.42 * sin(tau / 10);
    return (nx - 1) * py - ny * (px - 1) >= 0;
}

static bool inside(int kind, double x, double y)
{
    double r2 = x * x + y * y, ax = fabs(x), ay = fabs(y);
    bool box = ax < 0.85 && ay < 0.85;
    switch (kind) {
    case 0:
        return r2 < 0.85;
    case 1:
        return ax < 0.8 && ay < 0.8;
    case 2:
        return y < 0.55 && ax < (y + 1.0) * 0.62;
    case 3:
        return r2 < 1.0 && r2 > 0.36;
    case 4:
        return (ax < 0.3 && ay < 1.0) || (ay < 0.3 && ax < 1.0);
    case 5:
        return in_star(x, y);
    case 6:
        return box && ((int)floor((x + 0.85) / 0.34) & 1) == 0;
    case 7:
        return box && (((int)floor((x + 0.85) / 0.57) + (int)floor((y + 0.85) / 0.57)) & 1) == 0;
    case 8:
        return r2 < 1.0 && (x - 0.5) * (x - 0.5) + y * y > 0.62;
    default:
        return ay < 0.95 && ax < 0.1 + 0.75 * ay;
    }
}

static double coverage(int kind, const frame *f, double x, double y)
{
    int hits = 0;
    double far_x = x + 0.5 - f->cx, far_y = y + 0.5 - f->cy, reach = 1.5 * f->size + 1;
    if (far_x * far_x + far_y * far_y > reach * reach) {
        return 0;
    }
    for (int s = 0; s < GRID * GRID; s++) {
        double dx = x + (s % GRID + 0.5) / GRID - f->cx;
        double dy = y + (s / GRID + 0.5) / GRID - f->cy;
        double u = (f->cosine * dx + f->sine * dy) / f->size;
        double v = (-f->sine * dx + f->cosine * dy) / f->size;
        hits += u * u + v * v < 2.0 && inside(kind, u, v);
    }
    return (double)hits / (GRID * GRID);
}

/* Any hue, at a given luminance (that of Pillow's grey): the hue says nothing about the class. */
static paint random_paint(sc_rng *rng, double luminance)
{
    static const double weight[3] = {0.299, 0.587, 0.114};
    paint p;
    double own = 0;
    for (int c = 0; c < 3; c++) {
        p.base[c] = sc_rng_range(rng, 0, 255);
        own += weight[c] * p.base[c];
        p.slope_x[c] = sc_rng_range(rng, -1, 1);
        p.slope_y[c] = sc_rng_range(rng, -1, 1);
    }
    for (int c = 0; c < 3; c++)
        p.base[c] += luminance - own;
    return p;
}

static double paint_at(const paint *p, int c, double x, double y)
{
    double value = p->base[c] + p->slope_x[c] * (x - SIDE / 2) + p->slope_y[c] * (y - SIDE / 2);
    return value < 0 ? 0 : value > 255 ? 255 : value;
}

static void mix(double *canvas, int kind, const frame *f, const paint *p)
{
    for (int i = 0; i < SIDE * SIDE; i++) {
        double share = coverage(kind, f, i % SIDE, i / SIDE);
        for (int c = 0; c < 3 && share > 0; c++) {
            double *to = canvas + 3 * i + c;
            *to += share * (paint_at(p, c, i % SIDE, i / SIDE) - *to);
        }
    }
}

static void draw(uint8_t *pixels, int kind, sc_rng *rng)
{
    double canvas[SIDE * SIDE * 3];
    paint ground = random_paint(rng, sc_rng_range(rng, 60, 100));
    for (int i = 0; i < SIDE * SIDE * 3; i++) {
        canvas[i] = paint_at(&ground, i % 3, i / 3 % SIDE, i / 3 / SIDE);
    }
    double period = sc_rng_range(rng, 12, 20), turn = sc_rng_range(rng, -0.8, 0.8);
    double left = sc_rng_range(rng, -period, 0), top = sc_rng_range(rng, -period, 0);
    frame f = {.size = 0.42 * period, .cosine = cos(turn), .sine = sin(turn)};
    for (f.cy = top; f.cy < SIDE + f.size; f.cy += period)
        for (f.cx = left; f.cx < SIDE + f.size; f.cx += period) {
            paint ink = random_paint(rng, sc_rng_range(rng, 160, 200));
            mix(canvas, kind, &f, &ink);
        }
    for (int i = 0; i < SIDE * SIDE * 3; i++) {
        double v = canvas[i] + NOISE * (2 * sc_rng_uniform(rng) - 1) + 0.5;
        pixels[i] = v < 0 ? 0 : v > 255 ? 255 : (uint8_t)v;
    }
}

/* Splits have their own streams (the view number); "all" is train, then test. */
static int make(sc_image *out, const sc_dataset *ds, size_t i, simclr_error *err)
{
    bool test = strcmp(ds->split, "test") == 0;
    if (strcmp(ds->split, "all") == 0 && i >= ds->shapes_train) {
        test = true;
        i -= ds->shapes_train;
    }
    *out = (sc_image){.height = SIDE, .width = SIDE};
    if (sc_image_alloc(out, 3, NULL, err) != 0) {
        return SIMCLR_E_MEMORY;
    }
    sc_rng rng = sc_rng_at(ds->options.seed, 0, (uint32_t)i, test ? 1 : 0, SC_RNG_SHAPES);
    draw(out->pixels, (int)(i % CLASSES), &rng);
    return sc_image_set_channels(out, ds->options.channels, err);
}

static bool has_split(const char *path, const char *split)
{
    (void)path;
    return strcmp(split, "train") == 0 || strcmp(split, "test") == 0 || strcmp(split, "all") == 0;
}

static int list(sc_dataset *ds, const char *path, simclr_error *err)
{
    char *end;
    unsigned long n = DEFAULT_TRAIN;
    if (path[0] != '\0') {
        n = strtoul(path, &end, 10);
        if (*end != '\0' || path[0] < '0' || path[0] > '9' || n < 60 || n > MAX_TRAIN) {
            return sc_fail(err, SIMCLR_E_USAGE,
                           "shapes:%s: expected the number of training images, 60 to %d", path,
                           MAX_TRAIN);
        }
    }
    if (!has_split(path, ds->split)) {
        return sc_fail(err, SIMCLR_E_NOT_FOUND,
                       "shapes: no split \"%s\"; its splits are train, test and all", ds->split);
    }
    bool test = strcmp(ds->split, "test") == 0, all = strcmp(ds->split, "all") == 0;
    size_t tests = n / 6;
    ds->shapes_train = n;
    for (size_t i = 0; i < (test ? tests : all ? n + tests : n); i++) {
        char name[64];
        size_t own = !test && i >= n ? i - n : i;
        snprintf(name, sizeof name, "%s-%zu", test || i >= n ? "shape-test" : "shape", own);
        int rc = sc_dataset_add(ds, name, (int32_t)(own % CLASSES), 0, err);
        if (rc != 0) {
            return rc;
        }
        ds->item[ds->count - 1].height = ds->item[ds->count - 1].width = SIDE;
    }
    return sc_dataset_set_classes(ds, names, CLASSES, err);
}

const sc_provider sc_provider_shapes = {"shapes", list, has_split, make, true};
