/* SPDX-License-Identifier: MIT
 *
 * dataset.c - opens a data set by its spec and answers questions about it.
 */
#include "data/dataset.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/fs.h"
#include "data/provider.h"

static const sc_provider *const providers[] = {&sc_provider_cifar10, &sc_provider_cifar100,
                                               &sc_provider_stl10,   &sc_provider_folder,
                                               &sc_provider_list,    &sc_provider_shapes};

sc_dataset_options sc_dataset_defaults(void)
{
    return (sc_dataset_options){.channels = 3, .max_bad = 0.01, .split = "train"};
}

static bool holds(const char *dir, const char *const *names)
{
    char path[SC_PATH_MAX];
    for (; *names != NULL; names++) {
        if (sc_path_join(path, dir, *names, NULL) == 0 && sc_fs_exists(path)) {
            return true;
        }
    }
    return false;
}

/* The kind of a plain path, by what lies in the directory. */
static const sc_provider *recognise(const char *path)
{
    static const char *const cifar10[] = {"data_batch_1.bin", "test_batch.bin",
                                          "cifar-10-batches-bin", "data_batch_1.bin.xz", NULL};
    static const char *const cifar100[] = {"fine_label_names.txt", "cifar-100-binary", NULL};
    static const char *const stl10[] = {"train_X.bin", "unlabeled_X.bin", "stl10_binary", NULL};
    if (!sc_fs_is_dir(path)) {
        return &sc_provider_list;
    }
    return holds(path, cifar10)    ? &sc_provider_cifar10
           : holds(path, cifar100) ? &sc_provider_cifar100
           : holds(path, stl10)    ? &sc_provider_stl10
                                   : &sc_provider_folder;
}

/* Provider and path of a spec; NULL when nothing of the kind exists. */
static const sc_provider *parse(const char **path, const char *spec)
{
    for (size_t i = 0; i < sizeof providers / sizeof *providers; i++) {
        size_t n = strlen(providers[i]->kind);
        if (strncmp(spec, providers[i]->kind, n) == 0 && spec[n] == ':') {
            *path = spec + n + 1;
            return providers[i];
        }
    }
    *path = spec;
    if (strcmp(spec, "shapes") == 0) {
        *path = "";
        return &sc_provider_shapes;
    }
    return sc_fs_exists(spec) ? recognise(spec) : NULL;
}

bool sc_dataset_has_split(const char *spec, const char *split)
{
    const char *path;
    const sc_provider *provider = parse(&path, spec);
    return provider != NULL && provider->has_split(path, split);
}

/* A plain path that is a file: a list, unless it is an image or an archive. */
static int refuse_plain_file(const char *spec, simclr_error *err)
{
    uint8_t head[512];
    size_t got;
    uint64_t size;
    int rc = sc_file_head(head, &got, &size, sizeof head, spec, err);
    if (rc != 0) {
        return rc;
    }
    if (sc_image_known(head, got)) {
        return sc_fail(err, SIMCLR_E_DATA,
                       "%s: a single image; expected a directory of images, or a list of paths",
                       spec);
    }
    if (memchr(head, 0, got) != NULL) {
        return sc_fail(err, SIMCLR_E_FORMAT,
                       "%s: neither a directory nor a text file with one image path a line; unpack"
                       " an archive first",
                       spec);
    }
    return 0;
}

static int begin(sc_dataset *ds, const char *spec, const char **path,
                 const sc_dataset_options *options, simclr_error *err)
{
    sc_dataset_options given = options != NULL ? *options : sc_dataset_defaults();
    ds->options = given;
    ds->options.split = NULL;
    ds->split = sc_strdup(given.split != NULL ? given.split : "train", err);
    if (ds->split == NULL) {
        return SIMCLR_E_MEMORY;
    }
    if ((given.channels != 1 && given.channels != 3) ||
        !(given.max_bad >= 0 && given.max_bad <= 1)) {
        return sc_fail(err, SIMCLR_E_USAGE,
                       "data: channels %d and max_bad %g; expected 1 or 3, and 0 to 1",
                       given.channels, given.max_bad);
    }
    ds->provider = parse(path, spec);
    if (ds->provider == NULL) {
        return sc_fail(err, SIMCLR_E_NOT_FOUND,
                       "%s: no such file or directory; expected a directory of images, or"
                       " cifar10:DIR, cifar100:DIR, stl10:DIR, folder:DIR, list:FILE or shapes",
                       spec);
    }
    bool plain_file = ds->provider == &sc_provider_list && *path == spec;
    return plain_file ? refuse_plain_file(spec, err) : 0;
}

int sc_dataset_open(sc_dataset **out, const char *spec, const sc_dataset_options *options,
                    simclr_error *err)
{
    const char *path = NULL;
    *out = NULL;
    sc_dataset *ds = sc_alloc(1, sizeof *ds, err);
    if (ds == NULL) {
        return SIMCLR_E_MEMORY;
    }
    pthread_mutex_init(&ds->mutex, NULL);
    int rc = begin(ds, spec, &path, options, err);
    if (rc == 0) {
        rc = ds->provider->list(ds, path, err);
    }
    if (rc == 0 && ds->count == 0) {
        rc = sc_fail(err, SIMCLR_E_DATA,
                     "%s: no images found; expected JPEG, PNG, WebP, PPM or BMP files", path);
    }
    if (rc == 0 && ds->count >= UINT32_MAX) {
        rc = sc_fail(err, SIMCLR_E_DATA, "%s: %zu images, more than 2^32", path, ds->count);
    }
    if (rc == 0) {
        rc = sc_dataset_settle(ds, err);
    }
    if (rc != 0) {
        sc_dataset_close(ds);
        return rc;
    }
    *out = ds;
    return 0;
}

void sc_dataset_close(sc_dataset *ds)
{
    if (ds == NULL) {
        return;
    }
    for (size_t i = 0; i < ds->count; i++) {
        sc_free(ds->item[i].name);
        if (ds->resident != NULL) {
            sc_free(ds->resident[i].pixels);
        }
    }
    for (size_t i = 0; i < ds->skips; i++) {
        sc_free(ds->skip[i].name);
        sc_free(ds->skip[i].reason);
    }
    sc_dataset_set_classes(ds, NULL, 0, NULL);
    sc_records_close(ds);
    pthread_mutex_destroy(&ds->mutex);
    sc_free(ds->item);
    sc_free(ds->resident);
    sc_free(ds->skip);
    sc_free(ds->noted);
    sc_free(ds->split);
    sc_free(ds);
}

/* Room for one more element; the block moves. */
static int grow(void **block, size_t *capacity, size_t count, size_t size, simclr_error *err)
{
    if (count < *capacity) {
        return 0;
    }
    size_t larger = *capacity < 64 ? 64 : 2 * *capacity;
    void *moved = sc_alloc(larger, size, err);
    if (moved == NULL) {
        return SIMCLR_E_MEMORY;
    }
    if (count > 0) {
        memcpy(moved, *block, count * size);
    }
    sc_free(*block);
    *block = moved;
    *capacity = larger;
    return 0;
}

int sc_dataset_add(sc_dataset *ds, const char *name, int32_t label, uint64_t bytes,
                   simclr_error *err)
{
    void *block = ds->item;
    int rc = grow(&block, &ds->capacity, ds->count, sizeof *ds->item, err);
    ds->item = block;
    char *copy = rc == 0 ? sc_strdup(name, err) : NULL;
    if (copy == NULL) {
        return SIMCLR_E_MEMORY;
    }
    ds->item[ds->count++] = (sc_item){.name = copy, .bytes = bytes, .label = label};
    return 0;
}

int sc_dataset_add_skip(sc_dataset *ds, const char *name, const char *reason, simclr_error *err)
{
    void *block = ds->skip;
    int rc = grow(&block, &ds->skip_capacity, ds->skips, sizeof *ds->skip, err);
    ds->skip = block;
    if (rc != 0) {
        return rc;
    }
    sc_skip *s = &ds->skip[ds->skips];
    s->name = sc_strdup(name, err);
    s->reason = sc_strdup(reason, err);
    if (s->name == NULL || s->reason == NULL) {
        sc_free(s->name);
        sc_free(s->reason);
        return SIMCLR_E_MEMORY;
    }
    ds->skips++;
    return 0;
}

int sc_dataset_set_classes(sc_dataset *ds, const char *const *names, int n, simclr_error *err)
{
    for (int c = 0; c < ds->classes; c++) {
        sc_free(ds->class_name[c]);
    }
    sc_free(ds->class_name);
    ds->class_name = NULL;
    ds->classes = 0;
    if (n == 0) {
        return 0;
    }
    ds->class_name = sc_alloc((size_t)n, sizeof *ds->class_name, err);
    for (; ds->class_name != NULL && ds->classes < n; ds->classes++) {
        ds->class_name[ds->classes] = sc_strdup(names[ds->classes], err);
        if (ds->class_name[ds->classes] == NULL) {
            return SIMCLR_E_MEMORY;
        }
    }
    return ds->class_name == NULL ? SIMCLR_E_MEMORY : 0;
}

const char *sc_dataset_kind(const sc_dataset *ds)
{
    return ds->provider->kind;
}

size_t sc_dataset_count(const sc_dataset *ds)
{
    return ds->count;
}

int sc_dataset_classes(const sc_dataset *ds)
{
    return ds->classes;
}

const char *sc_dataset_class_name(const sc_dataset *ds, int c)
{
    return c >= 0 && c < ds->classes ? ds->class_name[c] : "";
}

int sc_dataset_label(const sc_dataset *ds, size_t i)
{
    return ds->item[i].label;
}

const char *sc_dataset_name(const sc_dataset *ds, size_t i)
{
    return ds->item[i].name;
}

size_t sc_dataset_channels(const sc_dataset *ds)
{
    return (size_t)ds->options.channels;
}

bool sc_dataset_resident(const sc_dataset *ds)
{
    return ds->resident != NULL;
}

uint64_t sc_dataset_bytes(const sc_dataset *ds)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < ds->count; i++) {
        const sc_item *item = &ds->item[i];
        bytes += (uint64_t)item->height * item->width * (unsigned)ds->options.channels;
    }
    return bytes;
}

void sc_dataset_extent(const sc_dataset *ds, uint32_t *height, uint32_t *width, bool *equal_size)
{
    *height = *width = 0;
    *equal_size = true;
    for (size_t i = 0; i < ds->count; i++) {
        const sc_item *item = &ds->item[i];
        *height = item->height > *height ? item->height : *height;
        *width = item->width > *width ? item->width : *width;
        *equal_size =
            *equal_size && item->height == ds->item[0].height && item->width == ds->item[0].width;
    }
}
