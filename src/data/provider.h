/* SPDX-License-Identifier: MIT
 *
 * provider.h - inside of a data set, and the kinds of sources that fill it; used by src/data only.
 *
 * A provider lists its images (name, label and, when fixed, size) and can make image i.  dataset.c
 * decides what stays in memory and keeps account of what cannot be read.
 */
#ifndef SC_DATA_PROVIDER_H
#define SC_DATA_PROVIDER_H

#include <pthread.h>

#include "data/dataset.h"

enum { SC_RECORD_FILES_MAX = 8 };

typedef struct {
    char *name;     /* path, or FILE#RECORD; sc_free */
    uint64_t bytes; /* of the file; 0 for records */
    int32_t label;
    uint32_t height, width;
    uint32_t prefix; /* bytes of the name that are no part of the data: where the set lies */
} sc_item;

/* A file of records of equal size, read with pread. */
typedef struct {
    char *path;
    int fd;
    size_t record, count; /* bytes a record, number */
} sc_record_file;

typedef struct {
    char *name;
    char *reason;
} sc_skip;

typedef struct sc_provider {
    const char *kind;
    /* Fills items, classes; path without the "kind:" */
    int (*list)(sc_dataset *ds, const char *path, simclr_error *err);
    bool (*has_split)(const char *path, const char *split);
    /* An owned image with the data set's channels. */
    int (*make)(sc_image *out, const sc_dataset *ds, size_t i, simclr_error *err);
    bool fixed_size; /* list fills height and width; reading cannot fail for one image alone */
} sc_provider;

extern const sc_provider sc_provider_cifar10, sc_provider_cifar100, sc_provider_stl10,
    sc_provider_folder, sc_provider_list, sc_provider_shapes;

struct sc_dataset {
    const sc_provider *provider;
    sc_dataset_options options;
    char *split;
    size_t older_prefix; /* of every name, in the fingerprints of earlier versions */
    sc_item *item;
    size_t count, capacity;
    char **class_name;
    int classes;
    sc_image *resident; /* NULL: on demand */
    sc_record_file file[SC_RECORD_FILES_MAX];
    int files;
    size_t shapes_train; /* shapes: size of the training split */

    pthread_mutex_t mutex; /* of the fields below */
    sc_skip *skip;
    size_t skips, skip_capacity, total; /* total: images before any were left out */
    uint8_t *noted;                     /* image i was noted as bad */
    size_t noted_count;
};

/* Appends an image; the name is copied. */
int sc_dataset_add(sc_dataset *ds, const char *name, int32_t label, uint64_t bytes,
                   simclr_error *err);
/* Sets the class names from `n` strings. */
int sc_dataset_set_classes(sc_dataset *ds, const char *const *names, int n, simclr_error *err);
int sc_dataset_add_skip(sc_dataset *ds, const char *name, const char *reason, simclr_error *err);

/* Reads and decodes the file of item i (folder, list). */
int sc_file_make(sc_image *out, const sc_dataset *ds, size_t i, simclr_error *err);
/* First bytes of a regular file, up to `capacity`; never blocks.  *size gets the file's size. */
int sc_file_head(uint8_t *head, size_t *got, uint64_t *size, size_t capacity, const char *path,
                 simclr_error *err);

/* Opens dir/name as the next record file; expected 0: any whole number of records.  The data set
 * and the remedy in the text come from `what`, e.g. "the CIFAR-10 binary archive". */
int sc_records_open(sc_dataset *ds, const char *dir, const char *name, size_t record,
                    size_t expected, const char *what, simclr_error *err);
int sc_records_read(void *out, const sc_record_file *file, size_t first, size_t bytes,
                    size_t offset, simclr_error *err);
void sc_records_close(sc_dataset *ds);

/* Lines of dir/name as class names when the file exists and has exactly n; else false. */
bool sc_class_names_read(sc_dataset *ds, const char *dir, const char *name, int n, int *rc,
                         simclr_error *err);

/* From planes of RGB to an image of the data set's channels; transposed: planes column by column. */
int sc_planes_to_image(sc_image *out, const uint8_t *planes, uint32_t side, bool transposed,
                       const sc_dataset *ds, simclr_error *err);

/* Finds out which images can be read, drops the others with a reason, and keeps the pixels in memory
 * when they fit. */
int sc_dataset_settle(sc_dataset *ds, simclr_error *err);

#endif
