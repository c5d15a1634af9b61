/* SPDX-License-Identifier: MIT
 *
 * dataset.h - a numbered collection of images, 0 .. count-1, with or without labels.
 *
 * Spec: "cifar10:DIR", "cifar100:DIR", "stl10:DIR", "folder:DIR", "list:FILE", "shapes[:N]", or a
 * plain path whose kind is found from its content.  Images stay in memory as bytes when they fit
 * in memory_limit, otherwise they are decoded on demand.  The order never depends on the file
 * system: names are sorted bytewise.
 */
#ifndef SC_DATA_DATASET_H
#define SC_DATA_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/sha256.h"
#include "data/image.h"

typedef struct sc_dataset sc_dataset;

typedef struct {
    int channels;        /* 1 or 3 */
    double max_bad;      /* share of images that may be unreadable before it is an error */
    const char *split;   /* "train", "test", "unlabeled", "all", "train+unlabeled" */
    uint64_t seed;       /* of the generated data set (shapes) only */
    bool exif_rotate;    /* folders and lists */
    size_t memory_limit; /* bytes of pixels kept; 0: a quarter of the memory, at most 4 GiB */
} sc_dataset_options;

/* channels 3, max_bad 0.01, split "train", seed 0, no rotation, default memory. */
sc_dataset_options sc_dataset_defaults(void);

/* options NULL: the defaults.  SIMCLR_E_NOT_FOUND: path or split missing; SIMCLR_E_FORMAT: files of
 * a named data set are wrong; SIMCLR_E_DATA: no usable image, or more than max_bad unreadable. */
int sc_dataset_open(sc_dataset **out, const char *spec, const sc_dataset_options *options,
                    simclr_error *err);
void sc_dataset_close(sc_dataset *ds); /* NULL is fine */

/* Whether opening `spec` with this split would find it (cheap: names only). */
bool sc_dataset_has_split(const char *spec, const char *split);

const char *sc_dataset_kind(const sc_dataset *ds); /* "cifar10", "folder", ... */
size_t sc_dataset_count(const sc_dataset *ds);
int sc_dataset_classes(const sc_dataset *ds); /* 0: unlabelled */
const char *sc_dataset_class_name(const sc_dataset *ds, int c);
int sc_dataset_label(const sc_dataset *ds, size_t i); /* -1: unknown */
/* File path, or "data_batch_1.bin#17", or "shape-17".  Kept by the data set. */
const char *sc_dataset_name(const sc_dataset *ds, size_t i);
size_t sc_dataset_channels(const sc_dataset *ds); /* of every image */
bool sc_dataset_resident(const sc_dataset *ds);
/* Of the pixels of all images, decoded. */
uint64_t sc_dataset_bytes(const sc_dataset *ds);
/* Largest height and width; equal_size: all images have exactly that size. */
void sc_dataset_extent(const sc_dataset *ds, uint32_t *height, uint32_t *width, bool *equal_size);

/* Image i: borrowed from the data set when resident, decoded anew otherwise; sc_image_free in both
 * cases.  Thread-safe. */
int sc_dataset_read(sc_image *out, const sc_dataset *ds, size_t i, simclr_error *err);

/* A file that need not be of the set, decoded as the set's own are; sc_image_free. */
int sc_dataset_read_file(sc_image *out, const sc_dataset *ds, const char *path, simclr_error *err);

/* As sc_dataset_read, and returns 1; an image that cannot be read is recorded (sc_dataset_note_bad):
 * 0, or the negative code of that. */
int sc_dataset_try_read(sc_image *out, sc_dataset *ds, size_t i, simclr_error *err);

/* Tries every image that is not resident, as sc_dataset_try_read does; *readable: those that can be
 * read. */
int sc_dataset_verify(size_t *readable, sc_dataset *ds, simclr_error *err);

/* At most n readable images spread over the set, and not of one class only; their numbers in
 * index.  *count, n at the call, is how many: sc_image_free each; after a failure 0.  SIMCLR_E_DATA
 * when none can be read. */
int sc_dataset_sample(sc_image *image, uint32_t *index, size_t *count, sc_dataset *ds,
                      simclr_error *err);

/* SHA-256 over what identifies the data: for files relative names, sizes and labels; for the
 * binary data sets the contents of their files. */
int sc_dataset_fingerprint(char hex[SC_SHA256_HEX], const sc_dataset *ds, simclr_error *err);
/* The same as earlier versions wrote it for a folder with a slash at its end, or a list in another
 * directory; "" where that makes no difference. */
int sc_dataset_older_fingerprint(char hex[SC_SHA256_HEX], const sc_dataset *ds, simclr_error *err);

/* Images that could not be read, with the reason: those found at open are not among the count,
 * those met later are. */
size_t sc_dataset_skipped(const sc_dataset *ds);
void sc_dataset_skip_reason(const sc_dataset *ds, size_t j, const char **name, const char **reason);
/* Records image i as unreadable (once); SIMCLR_E_DATA when that exceeds max_bad.  Thread-safe. */
int sc_dataset_note_bad(sc_dataset *ds, size_t i, const char *reason, simclr_error *err);

#endif
