/* SPDX-License-Identifier: MIT
 *
 * latent.c - pictures of a run.
 */
#include "train/latent.h"

#include <math.h>

#include "core/alloc.h"
#include "report/curves.h"
#include "report/pca.h"
#include "report/scatter.h"
#include "report/tsne.h"
#include "train/history.h"

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

int sc_latent_points(float *points, const sc_embedding *e, sc_latent_method method, uint64_t seed,
                     simclr_error *err)
{
    float *unit = sc_alloc(e->n * e->dim, sizeof *unit, err);
    if (unit == NULL)
        return SIMCLR_E_MEMORY;
    sc_tsne_options options = sc_tsne_defaults();
    options.seed = seed;
    normalise_rows(unit, e);
    int rc = method == SC_LATENT_TSNE ? sc_tsne(points, unit, e->n, e->dim, &options, err)
                                      : sc_pca(points, NULL, unit, e->n, e->dim, 2, err);
    sc_free(unit);
    return rc;
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
    sc_canvas canvas = {0};
    float *points = sc_alloc(2 * e->n, sizeof *points, err);
    int *labels = sc_alloc(e->n, sizeof *labels, err);
    int rc = points == NULL || labels == NULL ? SIMCLR_E_MEMORY : 0;
    if (rc == 0)
        rc = sc_latent_points(points, e, map->method, map->seed, err);
    if (rc == 0)
        rc = draw_map(&canvas, map, points, labels, err);
    if (rc == 0)
        rc = sc_canvas_write(png_path, &canvas, err);
    sc_canvas_close(&canvas);
    sc_free(labels);
    sc_free(points);
    return rc;
}

/* ---- the curves ---- */

static sc_curve curve_of(const sc_history *h, sc_history_name name, const char *title)
{
    const sc_history_curve *c = &h->curve[name];
    return (sc_curve){title, c->epoch, c->value, c->count};
}

static int draw_curves(sc_canvas *canvas, const sc_history *h, simclr_error *err)
{
    const sc_curve loss = curve_of(h, SC_HISTORY_LOSS, "training loss");
    const sc_curve top1 = curve_of(h, SC_HISTORY_CONTRASTIVE_TOP1, "contrastive top-1");
    const sc_curve knn = curve_of(h, SC_HISTORY_KNN_TOP1, "k-NN top-1");
    const sc_curves_panel panels[] = {
        {"NT-Xent loss", &loss, 1}, {"contrastive top-1", &top1, 1}, {"k-NN top-1, %", &knn, 1}};
    const sc_curves plot = {
        .title = "training", .x_label = "epoch", .panels = panels, .count = knn.count > 0 ? 3 : 2};
    return sc_curves_draw(canvas, &plot, err);
}

int sc_latent_write_curves(const char *png_path, const char *run, simclr_error *err)
{
    sc_history history;
    sc_canvas canvas = {0};
    int rc = sc_history_read(&history, run, err);
    if (rc == 0 && history.curve[SC_HISTORY_LOSS].count > 0) {
        rc = draw_curves(&canvas, &history, err);
        if (rc == 0)
            rc = sc_canvas_write(png_path, &canvas, err);
    }
    sc_canvas_close(&canvas);
    sc_history_free(&history);
    return rc;
}
