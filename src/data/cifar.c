/* SPDX-License-Identifier: MIT
 *
 * cifar.c - CIFAR-10 and CIFAR-100, binary version.
 *
 * A record is 1 (CIFAR-100: 2, coarse and fine) label bytes and 3 planes of 32 x 32, row by row;
 * 10,000 records a file (CIFAR-100 train.bin: 50,000).  Sizes and every label are checked.
 */
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/fs.h"
#include "data/provider.h"

enum { SIDE = 32, PLANES = 3 * SIDE * SIDE };

typedef struct {
    const char *file[6];
    int train, files;  /* the first `train` are the training files, the rest test */
    size_t records[2]; /* a training file, a test file */
    size_t label_bytes;
    int classes;
    const char *names_file;
    const char *what;
    const char *folder; /* sub-directory the archive unpacks to */
    const char *const *class_name;
} cifar;

static const char *const names10[] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                      "dog",      "frog",       "horse", "ship", "truck"};

static const char *const names100[] = {
    "apple",       "aquarium_fish", "baby",      "bear",       "beaver",       "bed",
    "bee",         "beetle",        "bicycle",   "bottle",     "bowl",         "boy",
    "bridge",      "bus",           "butterfly", "camel",      "can",          "castle",
    "caterpillar", "cattle",        "chair",     "chimpanzee", "clock",        "cloud",
    "cockroach",   "couch",         "crab",      "crocodile",  "cup",          "dinosaur",
    "dolphin",     "elephant",      "flatfish",  "forest",     "fox",          "girl",
    "hamster",     "house",         "kangaroo",  "keyboard",   "lamp",         "lawn_mower",
    "leopard",     "lion",          "lizard",    "lobster",    "man",          "maple_tree",
    "motorcycle",  "mountain",      "mouse",     "mushroom",   "oak_tree",     "orange",
    "orchid",      "otter",         "palm_tree", "pear",       "pickup_truck", "pine_tree",
    "plain",       "plate",         "poppy",     "porcupine",  "possum",       "rabbit",
    "raccoon",     "ray",           "road",      "rocket",     "rose",         "sea",
    "seal",        "shark",         "shrew",     "skunk",      "skyscraper",   "snail",
    "snake",       "spider",        "squirrel",  "streetcar",  "sunflower",    "sweet_pepper",
    "table",       "tank",          "telephone", "television", "tiger",        "tractor",
    "train",       "trout",         "tulip",     "turtle",     "wardrobe",     "whale",
    "willow_tree", "wolf",          "woman",     "worm"};

static const cifar cifar10 = {.file = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                       "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"},
                              .train = 5,
                              .files = 6,
                              .records = {10000, 10000},
                              .label_bytes = 1,
                              .classes = 10,
                              .names_file = "batches.meta.txt",
                              .what = "the binary version of CIFAR-10 (cifar-10-binary.tar.gz)",
                              .folder = "cifar-10-batches-bin",
                              .class_name = names10};

static const cifar cifar100 = {.file = {"train.bin", "test.bin"},
                               .train = 1,
                               .files = 2,
                               .records = {50000, 10000},
                               .label_bytes = 2,
                               .classes = 100,
                               .names_file = "fine_label_names.txt",
                               .what = "the binary version of CIFAR-100 (cifar-100-binary.tar.gz)",
                               .folder = "cifar-100-binary",
                               .class_name = names100};

/* The directory itself, or the folder inside it that the archive unpacks to. */
static int locate(char dir[SC_PATH_MAX], const cifar *c, const char *path, simclr_error *err)
{
    int rc = sc_path_join(dir, path, c->folder, err);
    if (rc == 0 && !sc_fs_is_dir(dir)) {
        memcpy(dir, path, strlen(path) + 1);
    }
    return rc;
}

/* Files of a split: [*first, *end); false when there is no such split. */
static bool split_files(int *first, int *end, const cifar *c, const char *split)
{
    *first = strcmp(split, "test") == 0 ? c->train : 0;
    *end = strcmp(split, "train") == 0 ? c->train : c->files;
    return strcmp(split, "train") == 0 || strcmp(split, "test") == 0 || strcmp(split, "all") == 0;
}

static int add_records(sc_dataset *ds, const cifar *c, const char *file_name, simclr_error *err)
{
    const sc_record_file *file = &ds->file[ds->files - 1];
    for (size_t r = 0; r < file->count; r++) {
        uint8_t label[2];
        char name[64];
        int rc = sc_records_read(label, file, r, c->label_bytes, 0, err);
        if (rc != 0) {
            return rc;
        }
        int fine = label[c->label_bytes - 1];
        if (fine >= c->classes) {
            return sc_fail(err, SIMCLR_E_FORMAT,
                           "%s: record %zu of %zu has label %d, expected 0 to %d; the file is"
                           " damaged, download it again",
                           file_name, r, file->count, fine, c->classes - 1);
        }
        snprintf(name, sizeof name, "%s#%zu", file_name, r);
        rc = sc_dataset_add(ds, name, fine, 0, err);
        if (rc != 0) {
            return rc;
        }
        ds->item[ds->count - 1].height = ds->item[ds->count - 1].width = SIDE;
    }
    return 0;
}

static int list(sc_dataset *ds, const cifar *c, const char *path, simclr_error *err)
{
    char dir[SC_PATH_MAX];
    int first, end;
    int rc = locate(dir, c, path, err);
    if (rc != 0) {
        return rc;
    }
    if (!split_files(&first, &end, c, ds->split)) {
        return sc_fail(err, SIMCLR_E_NOT_FOUND,
                       "%s: %s has no split \"%s\"; its splits are train, test and all", path,
                       ds->provider->kind, ds->split);
    }
    for (int f = first; f < end && rc == 0; f++) {
        rc = sc_records_open(ds, dir, c->file[f], c->label_bytes + PLANES,
                             c->records[f >= c->train], c->what, err);
        if (rc == 0) {
            rc = add_records(ds, c, c->file[f], err);
        }
    }
    if (rc != 0 || sc_class_names_read(ds, dir, c->names_file, c->classes, &rc, err)) {
        return rc;
    }
    return sc_dataset_set_classes(ds, c->class_name, c->classes, err);
}

static bool has_split(const cifar *c, const char *path, const char *split)
{
    char dir[SC_PATH_MAX], file[SC_PATH_MAX];
    int first, end;
    if (locate(dir, c, path, NULL) != 0 || !split_files(&first, &end, c, split)) {
        return false;
    }
    for (int f = first; f < end; f++) {
        if (sc_path_join(file, dir, c->file[f], NULL) != 0 || !sc_fs_exists(file)) {
            return false;
        }
    }
    return true;
}

static int make(sc_image *out, const sc_dataset *ds, size_t i, simclr_error *err)
{
    uint8_t planes[PLANES];
    int f = 0;
    for (; i >= ds->file[f].count; f++) {
        i -= ds->file[f].count;
    }
    size_t offset = ds->file[f].record - PLANES;
    int rc = sc_records_read(planes, &ds->file[f], i, PLANES, offset, err);
    return rc != 0 ? rc : sc_planes_to_image(out, planes, SIDE, false, ds, err);
}

static int list10(sc_dataset *ds, const char *path, simclr_error *err)
{
    return list(ds, &cifar10, path, err);
}

static int list100(sc_dataset *ds, const char *path, simclr_error *err)
{
    return list(ds, &cifar100, path, err);
}

static bool has_split10(const char *path, const char *split)
{
    return has_split(&cifar10, path, split);
}

static bool has_split100(const char *path, const char *split)
{
    return has_split(&cifar100, path, split);
}

const sc_provider sc_provider_cifar10 = {"cifar10", list10, has_split10, make, true};
const sc_provider sc_provider_cifar100 = {"cifar100", list100, has_split100, make, true};
