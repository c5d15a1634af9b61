/* SPDX-License-Identifier: MIT
 *
 * stl10.c - STL-10, binary version: train_X/y.bin, test_X/y.bin, unlabeled_X.bin.
 *
 * An image is 3 planes of 96 x 96 stored column by column, so pixel (y, x) of a plane is at
 * 96 x + y.  Labels are 1 .. 10 in the file, 0 .. 9 here.
 */
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/fs.h"
#include "data/provider.h"

enum { SIDE = 96, PLANES = 3 * SIDE * SIDE, CLASSES = 10 };

static const char *const names[] = {"airplane", "bird",  "car",    "cat",  "deer",
                                    "dog",      "horse", "monkey", "ship", "truck"};

static const struct {
    const char *split, *images, *labels;
    size_t count;
} parts[] = {{"train", "train_X.bin", "train_y.bin", 5000},
             {"test", "test_X.bin", "test_y.bin", 8000},
             {"unlabeled", "unlabeled_X.bin", NULL, 100000}};

static const char what[] = "the binary version of STL-10 (stl10_binary.tar.gz)";

static bool wanted(int part, const char *split)
{
    return strcmp(split, "all") == 0 || strcmp(split, parts[part].split) == 0 ||
           (strcmp(split, "train+unlabeled") == 0 && part != 1);
}

static int locate(char dir[SC_PATH_MAX], const char *path, simclr_error *err)
{
    int rc = sc_path_join(dir, path, "stl10_binary", err);
    if (rc == 0 && !sc_fs_is_dir(dir)) {
        memcpy(dir, path, strlen(path) + 1);
    }
    return rc;
}

/* Labels of a part, checked; NULL stays NULL when the part has none. */
static int read_labels(void **labels, const char *dir, int part, simclr_error *err)
{
    char path[SC_PATH_MAX];
    size_t size;
    *labels = NULL;
    if (parts[part].labels == NULL) {
        return 0;
    }
    int rc = sc_path_join(path, dir, parts[part].labels, err);
    if (rc == 0) {
        rc = sc_fs_read(labels, &size, path, 1 << 20, err);
    }
    if (rc != 0) {
        return rc;
    }
    const uint8_t *label = *labels;
    if (size != parts[part].count) {
        rc = sc_fail(err, SIMCLR_E_FORMAT, "%s: %zu bytes, expected %zu; download it again",
                     parts[part].labels, size, parts[part].count);
    }
    for (size_t r = 0; r < size && rc == 0; r++) {
        if (label[r] < 1 || label[r] > CLASSES) {
            rc = sc_fail(err, SIMCLR_E_FORMAT,
                         "%s: record %zu of %zu has label %d, expected 1 to %d; download it again",
                         parts[part].labels, r, size, label[r], CLASSES);
        }
    }
    if (rc != 0) {
        sc_free(*labels);
        *labels = NULL;
    }
    return rc;
}

static int add_part(sc_dataset *ds, const char *dir, int part, simclr_error *err)
{
    void *labels;
    int rc = sc_records_open(ds, dir, parts[part].images, PLANES, parts[part].count, what, err);
    if (rc == 0) {
        rc = read_labels(&labels, dir, part, err);
    }
    if (rc != 0) {
        return rc;
    }
    const uint8_t *label = labels;
    for (size_t r = 0; r < parts[part].count && rc == 0; r++) {
        char name[64];
        snprintf(name, sizeof name, "%s#%zu", parts[part].images, r);
        rc = sc_dataset_add(ds, name, label != NULL ? label[r] - 1 : -1, 0, err);
        if (rc == 0) {
            ds->item[ds->count - 1].height = ds->item[ds->count - 1].width = SIDE;
        }
    }
    sc_free(labels);
    return rc;
}

static int list(sc_dataset *ds, const char *path, simclr_error *err)
{
    char dir[SC_PATH_MAX];
    int rc = locate(dir, path, err);
    bool labelled = false, any = false;
    for (int part = 0; part < 3 && rc == 0; part++) {
        if (wanted(part, ds->split)) {
            any = true;
            labelled = labelled || parts[part].labels != NULL;
            rc = add_part(ds, dir, part, err);
        }
    }
    if (rc == 0 && !any) {
        return sc_fail(err, SIMCLR_E_NOT_FOUND,
                       "%s: stl10 has no split \"%s\"; its splits are train, test, unlabeled,"
                       " train+unlabeled and all",
                       path, ds->split);
    }
    if (rc != 0 || !labelled ||
        sc_class_names_read(ds, dir, "class_names.txt", CLASSES, &rc, err)) {
        return rc;
    }
    return sc_dataset_set_classes(ds, names, CLASSES, err);
}

static bool has_split(const char *path, const char *split)
{
    char dir[SC_PATH_MAX], file[SC_PATH_MAX];
    bool any = false;
    if (locate(dir, path, NULL) != 0) {
        return false;
    }
    for (int part = 0; part < 3; part++) {
        if (!wanted(part, split)) {
            continue;
        }
        any = true;
        if (sc_path_join(file, dir, parts[part].images, NULL) != 0 || !sc_fs_exists(file)) {
            return false;
        }
    }
    return any;
}

static int make(sc_image *out, const sc_dataset *ds, size_t i, simclr_error *err)
{
    uint8_t planes[PLANES];
    int f = 0;
    for (; i >= ds->file[f].count; f++) {
        i -= ds->file[f].count;
    }
    int rc = sc_records_read(planes, &ds->file[f], i, PLANES, 0, err);
    return rc != 0 ? rc : sc_planes_to_image(out, planes, SIDE, true, ds, err);
}

const sc_provider sc_provider_stl10 = {"stl10", list, has_split, make, true};
