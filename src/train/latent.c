/* SPDX-License-Identifier: MIT
 *
 * latent.c - pictures of a run.
 */
#include "train/latent.h"

#include <math.h>

#include "core/alloc.h"
#include "monitor/metrics.h"
#include "report/curves.h"
#include "report/pca.h"
#include "report/scatter.h"
#include "report/tsne.h"

/* ---- the map ---- */

static void normalise_rows(float *out, const sc_embedding *e)
{
    for (size_t i = 0; i < e->n; i++) {
        const sc_real *row = e->h + i * e->dim;
        double square = 0;
        for (size_t k = 0; k < e->dim; k++)
            square += (double)row[k] * row[k];
        double scale = square > 0 ? 1 / sqrt(square) : 0;
        for (size_t k = 0; k < e->dim; k++)
            out[i * e->dim + k] = (float)(row[k] * scale);
    }
}

static int draw_map(sc_canvas *canvas, const sc_latent_map *map, const float *points, int *labels,
                    simclr_error *err)
{
    int classes = sc_dataset_classes(map->dataset);
    const char **names = sc_alloc((size_t)classes + 1, sizeof *names, err);
    if (names == NULL)
        return SIMCLR_E_MEMORY;
    for (int c = 0; c < classes; c++)
        names[c] = sc_dataset_class_name(map->dataset, c);
    for (size_t i = 0; i < map->embedding->n; i++)
        labels[i] = map->embedding->label[i];
    const sc_scatter scatter = {.title = map->title,
                                .subtitle = map->subtitle,
                                .points = points,
                                .count = map->embedding->n,
                                .labels = labels,
                                .class_names = names,
                                .classes = (size_t)classes};
    int rc = sc_scatter_draw(canvas, &scatter, err);
    sc_free(names);
    return rc;
}

int sc_latent_write(const char *png_path, const sc_latent_map *map, simclr_error *err)
{
    const sc_embedding *e = map->embedding;
    float *unit = sc_alloc(e->n * e->dim, sizeof *unit, err);
    float *points = sc_alloc(2 * e->n, sizeof *points, err);
    int *labels = sc_alloc(e->n, sizeof *labels, err);
    int rc = unit == NULL || points == NULL || labels == NULL ? SIMCLR_E_MEMORY : 0;
    if (rc == 0) {
        sc_tsne_options options = sc_tsne_defaults();
        options.seed = map->seed;
        normalise_rows(unit, e);
        rc = map->method == SC_LATENT_TSNE ? sc_tsne(points, unit, e->n, e->dim, &options, err)
                                           : sc_pca(points, NULL, unit, e->n, e->dim, 2, err);
    }
    sc_canvas canvas = {0};
    if (rc == 0)
        rc = draw_map(&canvas, map, points, labels, err);
    if (rc == 0)
        rc = sc_canvas_write(png_path, &canvas, err);
    sc_canvas_close(&canvas);
    sc_free(labels);
    sc_free(points);
    sc_free(unit);
    return rc;
}

/* ---- the curves ---- */

enum { LOSS, TOP1, KNN, SERIES };

typedef struct {
    double *x[SERIES], *y[SERIES];
    size_t count[SERIES], capacity;
    double ceiling; /* of a full batch */
} series;

static void collect(series *s, int which, const sc_json *line, const char *key)
{
    double epoch, value;
    if (s->count[which] < s->capacity && sc_json_number(&epoch, sc_json_get(line, "epoch")) &&
        sc_json_number(&value, sc_json_get(line, key))) {
        s->x[which][s->count[which]] = epoch;
        s->y[which][s->count[which]++] = value;
    }
}

/* The last batch of an epoch is smaller, its task easier and its loss lower: no point of the curve. */
static bool is_full_batch(const series *s, const sc_json *line)
{
    double ceiling;
    return !sc_json_number(&ceiling, sc_json_get(line, "loss_ceiling")) || ceiling >= s->ceiling;
}

static int collect_line(void *context, uint64_t step, const sc_json *line)
{
    (void)step;
    if (is_full_batch(context, line)) {
        collect(context, LOSS, line, "loss");
        collect(context, TOP1, line, "contrastive_top1");
    }
    collect(context, KNN, line, "knn_top1");
    return 0;
}

static int measure_line(void *context, uint64_t step, const sc_json *line)
{
    (void)step;
    series *s = context;
    double ceiling;
    s->capacity++;
    if (sc_json_number(&ceiling, sc_json_get(line, "loss_ceiling")) && ceiling > s->ceiling)
        s->ceiling = ceiling;
    return 0;
}

static int draw_curves(sc_canvas *canvas, const series *s, simclr_error *err)
{
    const sc_curve loss = {"training loss", s->x[LOSS], s->y[LOSS], s->count[LOSS]};
    const sc_curve top1 = {"contrastive top-1", s->x[TOP1], s->y[TOP1], s->count[TOP1]};
    const sc_curve knn = {"k-NN top-1", s->x[KNN], s->y[KNN], s->count[KNN]};
    const sc_curves_panel panels[] = {
        {"NT-Xent loss", &loss, 1}, {"contrastive top-1", &top1, 1}, {"k-NN top-1, %", &knn, 1}};
    const sc_curves plot = {.title = "training",
                            .x_label = "epoch",
                            .panels = panels,
                            .count = s->count[KNN] > 0 ? 3 : 2};
    return sc_curves_draw(canvas, &plot, err);
}

int sc_latent_write_curves(const char *png_path, const char *run, simclr_error *err)
{
    series s = {.capacity = 1};
    sc_canvas canvas = {0};
    int rc = sc_metrics_each(run, measure_line, &s, err);
    for (int i = 0; rc == 0 && i < SERIES; i++) {
        s.x[i] = sc_alloc(s.capacity, sizeof *s.x[i], err);
        s.y[i] = sc_alloc(s.capacity, sizeof *s.y[i], err);
        if (s.x[i] == NULL || s.y[i] == NULL)
            rc = SIMCLR_E_MEMORY;
    }
    if (rc == 0)
        rc = sc_metrics_each(run, collect_line, &s, err);
    if (rc == 0 && s.count[LOSS] > 0) {
        rc = draw_curves(&canvas, &s, err);
        if (rc == 0)
            rc = sc_canvas_write(png_path, &canvas, err);
    }
    sc_canvas_close(&canvas);
    for (int i = 0; i < SERIES; i++) {
        sc_free(s.x[i]);
        sc_free(s.y[i]);
    }
    return rc;
}
