/* SPDX-License-Identifier: MIT
 *
 * report.c - the page of a run: the images shown, where they lie, which are neighbours.
 */
#include "train/report.h"

#include <math.h>

#include "core/alloc.h"
#include "core/fs.h"
#include "eval/knn.h"
#include "monitor/embedding_projector.h"
#include "report/page.h"
#include "train/latent.h"
#include "train/thumb.h"

enum { NEIGHBOURS = 8, THUMB_SIDE = 48 };

#define SHEET_MAX ((size_t)64 << 20)

static double rounded(double x)
{
    return round(x * 1e4) / 1e4;
}

/* ---- the map ---- */

/* Coordinate c of all points within the unit square, which keeps their proportions; the y axis points
 * down on a screen. */
static sc_json *coordinates(const float *points, size_t n, size_t c)
{
    float low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    for (size_t i = 0; i < 2 * n; i++) {
        low[i % 2] = fminf(low[i % 2], points[i]);
        high[i % 2] = fmaxf(high[i % 2], points[i]);
    }
    double extent = fmax(high[0] - low[0], high[1] - low[1]);
    double middle = ((double)low[c] + high[c]) / 2, sign = c == 1 ? -1 : 1;
    sc_json *array = sc_json_new_array();
    for (size_t i = 0; i < n; i++) {
        double offset = extent > 0 ? (points[2 * i + c] - middle) / extent : 0;
        sc_json_append_number(array, rounded(0.5 + sign * offset));
    }
    return array;
}

static int tell_places(sc_json *images, const sc_report *r, simclr_error *err)
{
    const sc_embedding *e = r->embedding;
    float *points = sc_alloc(2 * e->n, sizeof *points, err);
    if (points == NULL)
        return SIMCLR_E_MEMORY;
    sc_say(r->observer, SIMCLR_PROGRESS, "map of %zu images (t-SNE)", e->n);
    int rc = sc_latent_points(points, e, SC_LATENT_TSNE, r->cfg->train.seed, err);
    if (rc == 0) {
        sc_json_set(images, "x", coordinates(points, e->n, 0));
        sc_json_set(images, "y", coordinates(points, e->n, 1));
    }
    sc_free(points);
    return rc;
}

/* ---- neighbours ---- */

static void tell_lists(sc_json *images, const uint32_t *index, const sc_real *similarity, size_t n,
                       size_t k)
{
    sc_json *near = sc_json_new_array(), *similar = sc_json_new_array();
    for (size_t i = 0; i < n; i++) {
        sc_json *these = sc_json_new_array(), *values = sc_json_new_array();
        for (size_t j = 0; j < k; j++) {
            sc_json_append_integer(these, index[i * k + j]);
            sc_json_append_number(values, rounded((double)similarity[i * k + j]));
        }
        sc_json_append(near, these);
        sc_json_append(similar, values);
    }
    sc_json_set(images, "near", near);
    sc_json_set(images, "similarity", similar);
}

static int tell_neighbours(sc_json *images, const sc_report *r, simclr_error *err)
{
    const sc_features all = sc_embedding_features(r->embedding);
    const size_t k = all.n - 1 < NEIGHBOURS ? all.n - 1 : NEIGHBOURS;
    const sc_knn_search_options options = {.k = k, .exclude_self = true};
    const sc_knn_place place = {r->network->backend, r->network->device, r->observer};
    uint32_t *index = sc_alloc(all.n * k, sizeof *index, err);
    sc_real *similarity = sc_alloc(all.n * k, sizeof *similarity, err);
    int rc = index == NULL || similarity == NULL ? SIMCLR_E_MEMORY : 0;
    if (rc == 0)
        rc = sc_knn_search(index, similarity, &all, &all, &options, &place, err);
    if (rc == 0)
        tell_lists(images, index, similarity, all.n, k);
    sc_free(similarity);
    sc_free(index);
    return rc;
}

/* ---- names and thumbnails ---- */

static void tell_names(sc_json *data, sc_json *images, const sc_report *r)
{
    sc_json *names = sc_json_new_array(), *labels = sc_json_new_array();
    sc_json *classes = sc_json_new_array();
    for (size_t i = 0; i < r->embedding->n; i++) {
        sc_json_append_string(names, sc_dataset_name(r->dataset, r->embedding->index[i]));
        sc_json_append_integer(labels, r->embedding->label[i]);
    }
    for (int c = 0; c < sc_dataset_classes(r->dataset); c++)
        sc_json_append_string(classes, sc_dataset_class_name(r->dataset, c));
    sc_json_set(images, "name", names);
    sc_json_set(images, "label", labels);
    sc_json_set(data, "classes", classes);
}

typedef struct {
    const sc_report *report;
    uint32_t side;
} thumbs;

static int thumb_of(uint8_t *rgb, void *context, size_t i, simclr_error *err)
{
    const thumbs *t = context;
    const sc_report *r = t->report;
    if (sc_stop_asked(r->observer))
        return sc_fail(err, SIMCLR_E_INTERRUPTED, "stopped; no page was written");
    return sc_thumb(rgb, t->side, r->dataset, r->embedding->index[i], r->views, err);
}

static int encode_sprite(sc_page_picture *out, sc_json *data, const sc_report *r, simclr_error *err)
{
    size_t n = r->embedding->n;
    uint32_t view = r->views->options.view[0].height;
    uint32_t wanted = view < THUMB_SIDE ? view : THUMB_SIDE;
    thumbs t = {r, sc_sprite_thumb_side(n, wanted)};
    const sc_embedding_projector sprite = {.count = n, .thumb = thumb_of, .context = &t};
    void *png;
    sc_say(r->observer, SIMCLR_PROGRESS, "thumbnails of %zu images", n);
    int rc = sc_sprite_encode(&png, &out->size, &sprite, n, t.side, err);
    out->id = "sprite";
    out->png = rc < 0 ? NULL : png;
    sc_json_set_integer(data, "thumb", t.side);
    sc_json_set_integer(data, "columns", sc_sprite_columns(n));
    return rc;
}

/* ---- the page ---- */

static int tell_all(sc_json *data, const sc_report *r, simclr_error *err)
{
    sc_json *images = sc_json_new_object();
    tell_names(data, images, r);
    int rc = tell_places(images, r, err);
    if (rc == 0)
        rc = tell_neighbours(images, r, err);
    sc_json_set(data, "images", images);
    return rc < 0 ? rc : sc_report_tell_run(data, r, err);
}

/* RUN/views.png, if there is one. */
static int read_sheet(sc_page_picture *out, const char *run, simclr_error *err)
{
    char path[SC_PATH_MAX];
    void *png = NULL;
    int rc = sc_path_join(path, run, "views.png", err);
    if (rc == 0)
        rc = sc_fs_read(&png, &out->size, path, SHEET_MAX, err);
    out->id = "sheet";
    out->png = png;
    return rc == SIMCLR_E_NOT_FOUND ? 0 : rc;
}

int sc_report_write(const char *html_path, const sc_report *report, simclr_error *err)
{
    sc_page_picture picture[2] = {{0}};
    sc_json *data = sc_json_new_object();
    int rc = tell_all(data, report, err);
    if (rc == 0)
        rc = encode_sprite(&picture[0], data, report, err);
    if (rc == 0)
        rc = read_sheet(&picture[1], report->run, err);
    const sc_page page = {.title = report->run,
                          .version = simclr_version(),
                          .data = data,
                          .picture = picture,
                          .pictures = picture[1].png == NULL ? 1 : 2};
    if (rc == 0)
        rc = sc_page_write(html_path, &page, err);
    for (int i = 0; i < 2; i++)
        sc_free((void *)picture[i].png);
    sc_json_free(data);
    return rc;
}
