/* SPDX-License-Identifier: MIT
 *
 * index_rig.h - a run, a folder of small images, and searches in it, for test_index*.c.
 */
#ifndef SCT_INDEX_RIG_H
#define SCT_INDEX_RIG_H

#include "support/support.h"

#include <simclr.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fs.h"

enum { IMAGES = 14, SIDE = 16, PIXELS = SIDE * SIDE * 3 };

typedef struct {
    char run[512], data[512];
    char name[IMAGES][560];
    int warnings, notes;
    char warning[600]; /* the last one */
} rig;

static inline void hear(void *context, simclr_message_kind kind, const char *text)
{
    rig *r = context;
    r->notes += kind == SIMCLR_NOTE;
    r->warnings += kind == SIMCLR_WARNING;
    if (kind == SIMCLR_WARNING)
        snprintf(r->warning, sizeof r->warning, "%s", text);
}

/* A file of SIDE x SIDE pixels of noise over a colour; of one size in bytes whatever it shows. */
static inline void write_image(const char *path, uint32_t shade)
{
    unsigned char bytes[64 + PIXELS];
    size_t head = (size_t)snprintf((char *)bytes, 64, "P6 %d %d 255\n", SIDE, SIDE);
    simclr_error err = {0};
    for (size_t i = 0; i < PIXELS; i++)
        bytes[head + i] = (unsigned char)(shade * (1 + i % 3) % 192 + sct_below(64));
    sct_assert_ok(sc_fs_write_atomic(path, bytes, head + PIXELS, &err), &err);
}

static inline void train(const rig *r, const char *steps)
{
    const char *const settings[][2] = {
        {"data.dataset", "shapes:64"}, {"train.batch", "8"},      {"train.steps", steps},
        {"eval.max_train", "16"},      {"eval.max_test", "8"},    {"train.precision", "fp32"},
        {"train.device", "cpu"},       {"data.image_size", "16"}, {"train.threads", "2"}};
    simclr_config *config = NULL;
    simclr_error err = {0};
    sct_assert_ok(simclr_config_new(&config, &err), &err);
    sct_assert_ok(simclr_config_set_preset(config, "tiny", &err), &err);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        sct_assert_ok(
            simclr_config_set(config, settings[i][0], settings[i][1], SIMCLR_FROM_CLI, NULL, &err),
            &err);
    sct_assert_ok(simclr_train(NULL, config, r->run, NULL, &err), &err);
    simclr_config_free(config);
}

/* A run of one step, and a folder of two classes. */
static inline rig *set_up(void)
{
    rig *r = calloc(1, sizeof *r);
    simclr_error err = {0};
    snprintf(r->run, sizeof r->run, "%s/run", sct_scratch());
    snprintf(r->data, sizeof r->data, "%s/data", sct_scratch());
    train(r, "1");
    for (int i = 0; i < IMAGES; i++) {
        char dir[540];
        snprintf(dir, sizeof dir, "%s/%s", r->data, i < IMAGES / 2 ? "a" : "b");
        snprintf(r->name[i], sizeof r->name[i], "%s/%02d.ppm", dir, i);
        sct_assert_ok(sc_fs_mkdirs(dir, &err), &err);
        write_image(r->name[i], (uint32_t)(17 * i));
    }
    return r;
}

static inline void tear_down(rig *r)
{
    free(r);
    sct_scratch_remove();
}

static inline simclr_index *open_index(rig *r, bool fresh)
{
    simclr_index *index;
    simclr_error err = {0};
    const simclr_observer observer = {.context = r, .message = hear};
    const simclr_index_options options = {.spec = r->data, .fresh = fresh};
    r->warnings = r->notes = 0;
    sct_assert_ok(simclr_index_open(&index, r->run, &options, &observer, &err), &err);
    return index;
}

/* All images by similarity to each of them: (n, n); whether the features were kept. */
static inline bool search_all(simclr_match *out, rig *r, bool fresh, size_t images)
{
    const char *query[IMAGES];
    simclr_index *index = open_index(r, fresh);
    simclr_index_info info;
    simclr_error err = {0};
    size_t k = 1000;
    for (size_t i = 0; i < IMAGES; i++)
        query[i] = r->name[i];
    simclr_match *large = calloc(IMAGES * k, sizeof *large);
    sct_assert_ok(simclr_index_search(large, &k, index, query, IMAGES, &err), &err);
    assert_int_equal(k, images);
    memcpy(out, large, IMAGES * k * sizeof *out);
    free(large);
    sct_assert_ok(simclr_index_load(&info, index, &err), &err);
    assert_int_equal(info.images, images);
    assert_int_equal(info.classes, 2);
    simclr_index_close(index);
    return info.kept;
}

#endif
