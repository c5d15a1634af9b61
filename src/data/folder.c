/* SPDX-License-Identifier: MIT
 *
 * folder.c - image files below a directory.
 *
 * train/ and test/ (or val/) become splits when they are the only sub-directories.  Otherwise, and
 * inside each split, sub-directories with images and no image beside them are classes, in bytewise
 * order.  Links are followed, loops are not; hidden names are passed over; what has no image
 * suffix counts only when its content is an image.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "core/alloc.h"
#include "core/fs.h"
#include "data/provider.h"

enum { MAX_DEPTH = 32, MAX_DIRECTORIES = 1000000, MAX_ROOTS = 3 };

typedef struct {
    sc_dataset *ds;
    struct {
        dev_t dev;
        ino_t ino;
    } parent[MAX_DEPTH];
    size_t directories;
    simclr_error *err;
} walk;

/* Names of the folders of each split, the first that exists counts. */
static const struct {
    const char *split;
    const char *folder[4];
} split_folder[MAX_ROOTS] = {{"train", {"train", NULL}},
                             {"test", {"test", "val", "valid", "validation"}},
                             {"unlabeled", {"unlabeled", "unlabelled", NULL}}};

static bool passed_over(const char *name)
{
    return name[0] == '.' || strcmp(name, "__MACOSX") == 0;
}

static bool image_suffix(const char *name)
{
    static const char *const suffix[] = {".jpg", ".jpeg", ".png", ".ppm",  ".pgm", ".pbm", ".pnm",
                                         ".bmp", ".webp", ".tif", ".tiff", ".gif", ".heic"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot != NULL && i < sizeof suffix / sizeof *suffix; i++) {
        if (strcasecmp(dot, suffix[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool sniffed(const char *path)
{
    uint8_t head[32];
    size_t got;
    uint64_t size;
    return sc_file_head(head, &got, &size, sizeof head, path, NULL) == 0 &&
           sc_image_known(head, got);
}

static int walk_directory(walk *w, const char *dir, int32_t label, int depth);

static int walk_entry(walk *w, const char *path, const char *name, int32_t label, int depth)
{
    struct stat st;
    bool there = stat(path, &st) == 0;
    if (there && S_ISDIR(st.st_mode)) {
        int rc = walk_directory(w, path, label, depth + 1);
        if (rc == SIMCLR_E_IO || rc == SIMCLR_E_NOT_FOUND) { /* this directory only */
            rc = sc_dataset_add_skip(w->ds, path, "the directory cannot be read", w->err);
        }
        return rc;
    }
    if (image_suffix(name) || (there && S_ISREG(st.st_mode) && sniffed(path))) {
        return sc_dataset_add(w->ds, path, label, there ? (uint64_t)st.st_size : 0, w->err);
    }
    return 0;
}

/* Refuses a directory that is one of its own parents. */
static bool enter(walk *w, const char *dir, int depth, const char **reason)
{
    struct stat st;
    *reason = NULL;
    if (depth >= MAX_DEPTH || ++w->directories > MAX_DIRECTORIES) {
        *reason = depth >= MAX_DEPTH ? "directories nested too deep" : "too many directories";
        return false;
    }
    if (stat(dir, &st) != 0) {
        return true; /* listing it tells why */
    }
    for (int p = 0; p < depth; p++) {
        if (w->parent[p].dev == st.st_dev && w->parent[p].ino == st.st_ino) {
            *reason = "a link to a directory above it";
            return false;
        }
    }
    w->parent[depth].dev = st.st_dev;
    w->parent[depth].ino = st.st_ino;
    return true;
}

/* label -2: entries of this directory that are directories get the number of their class. */
static int walk_directory(walk *w, const char *dir, int32_t label, int depth)
{
    sc_fs_list list;
    const char *reason;
    if (!enter(w, dir, depth, &reason)) {
        return sc_dataset_add_skip(w->ds, dir, reason, w->err);
    }
    int rc = sc_fs_list_dir(&list, dir, w->err);
    if (rc != 0) {
        return rc;
    }
    for (size_t i = 0; i < list.count && rc == 0; i++) {
        char path[SC_PATH_MAX];
        int32_t given = label;
        if (passed_over(list.name[i])) {
            continue;
        }
        if (sc_path_join(path, dir, list.name[i], NULL) != 0) {
            rc = sc_dataset_add_skip(w->ds, list.name[i], "the path is too long", w->err);
            continue;
        }
        if (label == -2) {
            given = -1;
            for (int c = 0; c < w->ds->classes; c++) {
                given = strcmp(w->ds->class_name[c], list.name[i]) == 0 ? c : given;
            }
        }
        rc = walk_entry(w, path, list.name[i], given, depth);
    }
    sc_fs_list_free(&list);
    return rc;
}

static bool split_name(const char *name)
{
    for (int s = 0; s < MAX_ROOTS; s++) {
        for (int f = 0; f < 4 && split_folder[s].folder[f] != NULL; f++) {
            if (strcmp(name, split_folder[s].folder[f]) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* Has train/ and no other sub-directories than splits. */
static bool has_split_folders(const char *path)
{
    sc_fs_list list;
    char sub[SC_PATH_MAX];
    bool train = false, others = false;
    if (sc_fs_list_dir(&list, path, NULL) != 0) {
        return false;
    }
    for (size_t i = 0; i < list.count; i++) {
        if (passed_over(list.name[i]) || sc_path_join(sub, path, list.name[i], NULL) != 0 ||
            !sc_fs_is_dir(sub)) {
            continue;
        }
        train = train || strcmp(list.name[i], "train") == 0;
        others = others || !split_name(list.name[i]);
    }
    sc_fs_list_free(&list);
    return train && !others;
}

static bool wanted(int s, const char *split)
{
    const char *name = split_folder[s].split;
    return strcmp(split, "all") == 0 || strcmp(split, name) == 0 ||
           (strcmp(split, "train+unlabeled") == 0 && strcmp(name, "test") != 0);
}

/* Directories of a split; 0 when there is none.  split "all": every one there is. */
static int split_roots(char roots[MAX_ROOTS][SC_PATH_MAX], const char *path, const char *split)
{
    int n = 0;
    bool all = strcmp(split, "all") == 0;
    if (!has_split_folders(path)) {
        if (strlen(path) >= SC_PATH_MAX || (!all && strcmp(split, "train") != 0)) {
            return 0;
        }
        memcpy(roots[0], path, strlen(path) + 1);
        return 1;
    }
    for (int s = 0; s < MAX_ROOTS; s++) {
        if (!wanted(s, split)) {
            continue;
        }
        for (int f = 0; f < 4 && split_folder[s].folder[f] != NULL; f++) {
            if (sc_path_join(roots[n], path, split_folder[s].folder[f], NULL) == 0 &&
                sc_fs_is_dir(roots[n])) {
                n++;
                break;
            }
        }
    }
    if (strcmp(split, "train+unlabeled") == 0 && n < 2) {
        return 0; /* one of the two is missing */
    }
    return n;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Class names: sub-directories of all splits together, so that the numbers agree between them. */
static int find_classes(sc_dataset *ds, const char *path, simclr_error *err)
{
    char roots[MAX_ROOTS][SC_PATH_MAX];
    sc_fs_list list[MAX_ROOTS] = {{0}};
    size_t most = 0, n = 0;
    int found = split_roots(roots, path, "all"), rc = 0;
    for (int r = 0; r < found && rc == 0; r++) {
        rc = sc_fs_list_dir(&list[r], roots[r], err);
        most += rc == 0 ? list[r].count : 0;
    }
    const char **names = rc == 0 ? sc_alloc(most + 1, sizeof *names, err) : NULL;
    for (int r = 0; r < found && names != NULL; r++) {
        for (size_t i = 0; i < list[r].count; i++) {
            char sub[SC_PATH_MAX];
            if (!passed_over(list[r].name[i]) &&
                sc_path_join(sub, roots[r], list[r].name[i], NULL) == 0 && sc_fs_is_dir(sub)) {
                names[n++] = list[r].name[i];
            }
        }
    }
    if (names != NULL) {
        qsort(names, n, sizeof *names, by_text);
        size_t kept = 0;
        for (size_t i = 0; i < n; i++) {
            if (kept == 0 || strcmp(names[kept - 1], names[i]) != 0) {
                names[kept++] = names[i];
            }
        }
        rc = sc_dataset_set_classes(ds, names, (int)kept, err);
        sc_free(names);
    } else if (rc == 0) {
        rc = SIMCLR_E_MEMORY;
    }
    for (int r = 0; r < found; r++) {
        sc_fs_list_free(&list[r]);
    }
    return rc;
}

/* Labels stand when no image is outside of a class and at least two classes have some. */
static int settle_labels(sc_dataset *ds, simclr_error *err)
{
    bool outside = false, second = false;
    for (size_t i = 0; i < ds->count; i++) {
        outside = outside || ds->item[i].label < 0;
        second = second || ds->item[i].label != ds->item[0].label;
    }
    if (!outside && second) {
        return 0;
    }
    for (size_t i = 0; i < ds->count; i++) {
        ds->item[i].label = -1;
    }
    return sc_dataset_set_classes(ds, NULL, 0, err);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const sc_item *)a)->name, ((const sc_item *)b)->name);
}

/* With or without a slash at its end, the path names the same images: "/cat/a.png". */
static void set_prefix(sc_dataset *ds, const char *path)
{
    size_t length = strlen(path);
    bool slash = length > 0 && path[length - 1] == '/';
    size_t prefix = slash ? length - 1 : length;
    ds->older_prefix = prefix + 1; /* with a slash: "cat/a.png" */
    for (size_t i = 0; i < ds->count; i++) {
        ds->item[i].prefix = (uint32_t)prefix;
    }
}

static int list(sc_dataset *ds, const char *path, simclr_error *err)
{
    char roots[MAX_ROOTS][SC_PATH_MAX];
    if (!sc_fs_is_dir(path)) {
        return sc_fail(err, SIMCLR_E_NOT_FOUND, "%s: %s; expected a directory with images", path,
                       sc_fs_exists(path) ? "not a directory" : "no such directory");
    }
    int n = split_roots(roots, path, ds->split);
    if (n == 0) {
        return sc_fail(err, SIMCLR_E_NOT_FOUND,
                       "%s: no \"%s\" split; expected the sub-directories train and %s", path,
                       ds->split,
                       strcmp(ds->split, "test") == 0              ? "test (or val)"
                       : strcmp(ds->split, "train+unlabeled") == 0 ? "unlabeled"
                                                                   : ds->split);
    }
    int rc = find_classes(ds, path, err);
    walk *w = rc == 0 ? sc_alloc(1, sizeof *w, err) : NULL;
    if (w == NULL) {
        return rc != 0 ? rc : SIMCLR_E_MEMORY;
    }
    w->ds = ds;
    w->err = err;
    for (int r = 0; r < n && rc == 0; r++) {
        rc = walk_directory(w, roots[r], -2, 0);
    }
    sc_free(w);
    if (rc != 0) {
        return rc;
    }
    if (ds->count > 0) {
        qsort(ds->item, ds->count, sizeof *ds->item, by_name);
    }
    set_prefix(ds, path);
    return settle_labels(ds, err);
}

static bool has_split(const char *path, const char *split)
{
    char roots[MAX_ROOTS][SC_PATH_MAX];
    return sc_fs_is_dir(path) && split_roots(roots, path, split) > 0;
}

const sc_provider sc_provider_folder = {"folder", list, has_split, sc_file_make, false};
