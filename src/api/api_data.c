/* SPDX-License-Identifier: MIT
 *
 * api_data.c - public functions: data sets and views (part 1).
 */
#include "api/api.h"

#include <string.h>

#include "core/alloc.h"
#include "core/fs.h"
#include "train/setup.h"

int sc_api_result(int rc, simclr_error *err)
{
    if (rc == 0 && err != NULL)
        *err = (simclr_error){0};
    return rc;
}

int simclr_dataset_open(simclr_dataset **out, const char *spec, const char *split,
                        const simclr_config *config, simclr_error *err)
{
    sc_config fallback;
    const sc_config *cfg = sc_api_config(config, &fallback);
    sc_dataset_options options = sc_setup_dataset(cfg, split);
    simclr_dataset *dataset = sc_alloc(1, sizeof *dataset, err);
    *out = NULL;
    if (dataset == NULL)
        return SIMCLR_E_MEMORY;
    int rc = sc_dataset_open(&dataset->set, spec, &options, err);
    if (rc < 0)
        sc_free(dataset);
    else
        *out = dataset;
    return sc_api_result(rc, err);
}

void simclr_dataset_close(simclr_dataset *dataset)
{
    if (dataset != NULL)
        sc_dataset_close(dataset->set);
    sc_free(dataset);
}

int simclr_dataset_describe(simclr_dataset_info *out, simclr_dataset *dataset, simclr_error *err)
{
    uint32_t height, width;
    bool equal;
    *out = (simclr_dataset_info){
        .count = sc_dataset_count(dataset->set),
        .skipped = sc_dataset_skipped(dataset->set),
        .classes = sc_dataset_classes(dataset->set),
        .resident = sc_dataset_resident(dataset->set),
        .kind = sc_dataset_kind(dataset->set),
    };
    sc_dataset_extent(dataset->set, &height, &width, &equal);
    out->height = height;
    out->width = width;
    return sc_dataset_fingerprint(out->digest, dataset->set, err);
}

int simclr_dataset_verify(size_t *readable, simclr_dataset *dataset, simclr_error *err)
{
    return sc_api_result(sc_dataset_verify(readable, dataset->set, err), err);
}

const char *simclr_dataset_class_name(const simclr_dataset *dataset, int label)
{
    bool known = label >= 0 && label < sc_dataset_classes(dataset->set);
    return known ? sc_dataset_class_name(dataset->set, label) : NULL;
}

int simclr_dataset_label(const simclr_dataset *dataset, size_t i)
{
    return sc_dataset_label(dataset->set, i);
}

const char *simclr_dataset_name(const simclr_dataset *dataset, size_t i)
{
    return sc_dataset_name(dataset->set, i);
}

void simclr_dataset_skipped(const char **name, const char **reason, const simclr_dataset *dataset,
                            size_t j)
{
    sc_dataset_skip_reason(dataset->set, j, name, reason);
}

/* ---- views ---- */

static int open_views(sc_views *views, const simclr_dataset *dataset, const sc_config *cfg,
                      simclr_error *err)
{
    uint32_t height, width;
    bool equal;
    sc_dataset_extent(dataset->set, &height, &width, &equal);
    sc_views_options options = sc_setup_views(cfg, sc_setup_image_size(cfg, dataset->set));
    int rc = sc_views_options_check(&options, err);
    return rc < 0 ? rc : sc_views_open(views, &options, height, width, err);
}

/* Images index[0..n-1] of the set; *out is released with release_images. */
static int read_images(sc_image **out, const simclr_dataset *dataset, const uint32_t *index,
                       size_t n, simclr_error *err)
{
    sc_image *image = sc_alloc(n, sizeof *image, err);
    int rc = image == NULL ? SIMCLR_E_MEMORY : 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (index[i] >= sc_dataset_count(dataset->set))
            rc = sc_fail(err, SIMCLR_E_USAGE, "image %u of %zu: there is no such image", index[i],
                         sc_dataset_count(dataset->set));
        else
            rc = sc_dataset_read(&image[i], dataset->set, index[i], err);
    }
    *out = image;
    return rc;
}

static void release_images(sc_image *image, size_t n)
{
    for (size_t i = 0; image != NULL && i < n; i++)
        sc_image_free(&image[i]);
    sc_free(image);
}

int simclr_views_make(float *x, simclr_dataset *dataset, const uint32_t *index, size_t n,
                      uint32_t epoch, const simclr_config *config, simclr_error *err)
{
    sc_config fallback;
    sc_views views = {0};
    sc_image *image = NULL;
    int rc = open_views(&views, dataset, sc_api_config(config, &fallback), err);
    if (rc == 0)
        rc = read_images(&image, dataset, index, n, err);
    if (rc == 0)
        rc = sc_views_make(x, image, index, n, epoch, &views, err);
    release_images(image, n);
    sc_views_close(&views);
    return rc;
}

int simclr_views_sheet(const char *png_path, simclr_dataset *dataset, size_t rows,
                       const simclr_config *config, simclr_error *err)
{
    sc_config fallback;
    sc_views views = {0};
    sc_image *image = NULL;
    size_t size = 0, n = 0;
    uint8_t *pixels = NULL;
    uint32_t height, width;
    void *png = NULL;
    if (rows == 0)
        return sc_fail(err, SIMCLR_E_USAGE, "a sheet without rows: it takes at least one");
    uint32_t *index = sc_alloc(rows, sizeof *index, err);
    image = sc_alloc(rows, sizeof *image, err);
    int rc = index == NULL || image == NULL ? SIMCLR_E_MEMORY : 0;
    if (rc == 0)
        rc = open_views(&views, dataset, sc_api_config(config, &fallback), err);
    if (rc == 0) {
        n = rows;
        rc = sc_dataset_sample(image, index, &n, dataset->set, err);
    }
    if (rc == 0)
        rc = sc_views_sheet(&pixels, &height, &width, image, index, n, 0, &views, err);
    if (rc == 0)
        rc = sc_png_encode(&png, &size, pixels, height, width, views.options.channels, err);
    if (rc == 0)
        rc = sc_fs_write_atomic(png_path, png, size, err);
    sc_free(png);
    sc_free(pixels);
    release_images(image, n);
    sc_views_close(&views);
    sc_free(index);
    return rc;
}
