/* SPDX-License-Identifier: MIT
 *
 * checkpoint_find.c - opening: the newest checkpoint that verifies.  The process that holds the run's
 * lock also tidies up what a killed or damaged save left; data of the user are renamed, never
 * deleted.  Everybody else looks and changes nothing, since a training may be saving meanwhile.
 */
#define _DEFAULT_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "checkpoint/manifest.h"
#include "checkpoint/store.h"

void sc_store_name(char out[64], uint64_t step)
{
    snprintf(out, 64, "step-%08" PRIu64, step);
}

bool sc_store_step(uint64_t *step, const char *name)
{
    char again[64];
    if (strncmp(name, "step-", 5) != 0)
        return false;
    *step = strtoull(name + 5, NULL, 10);
    sc_store_name(again, *step);
    return strcmp(again, name) == 0;
}

static int by_step_down(const void *a, const void *b)
{
    uint64_t x = 0, y = 0;
    sc_store_step(&x, *(char *const *)a);
    sc_store_step(&y, *(char *const *)b);
    return x > y ? -1 : x < y;
}

void sc_store_sort(sc_fs_list *list)
{
    sc_fs_list_sort(list, by_step_down);
}

int sc_checkpoint_verify(const char *path, uint64_t *step, simclr_error *err)
{
    char plain[SC_PATH_MAX];
    uint64_t inside, named;
    int rc = sc_path_join(plain, path, "", err);
    if (rc < 0)
        return rc;
    size_t length = strlen(plain);
    while (length > 1 && plain[length - 1] == '/')
        plain[--length] = '\0';
    rc = sc_manifest_verify(plain, &inside, err);
    if (rc < 0)
        return rc;
    const char *slash = strrchr(plain, '/');
    if (sc_store_step(&named, slash ? slash + 1 : plain) && named != inside)
        return sc_fail(err, SIMCLR_E_CHECKPOINT, "%s: MANIFEST is that of step %" PRIu64, plain,
                       inside);
    if (step != NULL)
        *step = inside;
    return 0;
}

static void tell(sc_checkpoint_report report, void *context, const char *text)
{
    if (report != NULL)
        report(context, text);
}

/* Not what memory, permissions or a newer version prevent. */
static bool is_damage(int rc, const simclr_error *why)
{
    return rc == SIMCLR_E_CHECKPOINT && strstr(why->text, "newer version") == NULL;
}

/* Renames to <path>.corrupt, or .corrupt.1 and so on. */
static int set_aside(const char *path, const char *why, sc_checkpoint_report report, void *context,
                     simclr_error *err)
{
    char target[SC_PATH_MAX + 32], text[1024];
    snprintf(target, sizeof target, "%s.corrupt", path);
    for (int i = 1; sc_fs_exists(target) && i < 1000; i++)
        snprintf(target, sizeof target, "%s.corrupt.%d", path, i);
    int rc = sc_fs_rename(path, target, err);
    if (rc < 0)
        return rc;
    const char *name = strrchr(target, '/');
    snprintf(text, sizeof text, "%s; set aside as %.100s, using the one before", why,
             name ? name + 1 : target);
    tell(report, context, text);
    return 0;
}

static bool ends_with(const char *text, const char *tail)
{
    size_t n = strlen(text), m = strlen(tail);
    return n >= m && strcmp(text + n - m, tail) == 0;
}

/* Removes .tmp-*; puts step-N.old back when there is no step-N, else removes it. */
static int tidy(const char *store, const sc_fs_list *list, simclr_error *err)
{
    char path[SC_PATH_MAX], final[SC_PATH_MAX];
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < list->count; i++) {
        bool temporary = strncmp(list->name[i], ".tmp-", 5) == 0;
        bool old = strncmp(list->name[i], "step-", 5) == 0 && ends_with(list->name[i], ".old");
        if (!temporary && !old)
            continue;
        rc = sc_path_join(path, store, list->name[i], err);
        if (rc < 0)
            return rc;
        memcpy(final, path, sizeof final);
        if (old)
            final[strlen(final) - 4] = '\0';
        if (old && !sc_fs_exists(final))
            rc = sc_fs_rename(path, final, err);
        else
            rc = sc_fs_remove_tree(path, err);
    }
    return rc;
}

static int point_last(const char *store, const char *name, simclr_error *err)
{
    char path[SC_PATH_MAX], target[256];
    int rc = sc_path_join(path, store, "last", err);
    if (rc < 0)
        return rc;
    ssize_t n = readlink(path, target, sizeof target - 1);
    if (n > 0) {
        target[n] = '\0';
        if (strcmp(target, name) == 0)
            return 0;
    }
    rc = sc_fs_symlink_replace(name, path, err);
    return rc < 0 ? rc : 0; /* without symbolic links there is none */
}

static int search(sc_checkpoint_found *out, const char *store, sc_fs_list *list,
                  sc_checkpoint_report report, void *context, simclr_error *err)
{
    simclr_error why;
    sc_store_sort(list);
    for (size_t i = 0; i < list->count; i++) {
        uint64_t step;
        if (!sc_store_step(&step, list->name[i]))
            continue;
        int rc = sc_path_join(out->path, store, list->name[i], err);
        if (rc < 0)
            return rc;
        rc = sc_checkpoint_verify(out->path, &out->step, &why);
        if (rc == 0)
            return point_last(store, list->name[i], err);
        if (!is_damage(rc, &why)) {
            if (err != NULL)
                *err = why;
            return rc;
        }
        rc = set_aside(out->path, why.text, report, context, err);
        if (rc < 0)
            return rc;
    }
    return sc_fail(err, SIMCLR_E_NOT_FOUND, "%s: there is no checkpoint", store);
}

/* Of a run; SIMCLR_E_NOT_FOUND when it has none. */
static int open_store(char store[SC_PATH_MAX], const char *run, simclr_error *err)
{
    int rc = sc_path_join(store, run, "checkpoints", err);
    if (rc == 0 && !sc_fs_is_dir(store))
        rc = sc_fail(err, SIMCLR_E_NOT_FOUND, "%s: there is no checkpoint", store);
    return rc;
}

int sc_checkpoint_find(sc_checkpoint_found *out, const char *run, sc_checkpoint_report report,
                       void *context, simclr_error *err)
{
    char store[SC_PATH_MAX];
    sc_fs_list list;
    memset(out, 0, sizeof *out);
    int rc = open_store(store, run, err);
    if (rc < 0)
        return rc;
    rc = sc_fs_list_dir(&list, store, err);
    if (rc < 0)
        return rc;
    rc = tidy(store, &list, err);
    sc_fs_list_free(&list);
    if (rc == 0)
        rc = sc_fs_list_dir(&list, store, err);
    if (rc < 0)
        return rc;
    rc = search(out, store, &list, report, context, err);
    sc_fs_list_free(&list);
    return rc;
}

/* ---- without the lock ---- */

/* "step-N", or the "step-N.old" that a save puts aside for the moment between two renames. */
static bool candidate(uint64_t *step, bool *old, const char *name)
{
    char plain[64];
    size_t length = strlen(name);
    *old = ends_with(name, ".old");
    if (*old)
        length -= 4;
    if (length >= sizeof plain)
        return false;
    memcpy(plain, name, length);
    plain[length] = '\0';
    return sc_store_step(step, plain);
}

/* Candidates first, the newest of them in front; step-N before step-N.old. */
static int by_candidate(const void *a, const void *b)
{
    uint64_t x = 0, y = 0;
    bool x_old, y_old;
    bool x_is = candidate(&x, &x_old, *(char *const *)a);
    bool y_is = candidate(&y, &y_old, *(char *const *)b);
    if (!x_is || !y_is)
        return (int)y_is - (int)x_is;
    return x != y ? (x > y ? -1 : 1) : (int)x_old - (int)y_old;
}

static int list_candidates(sc_fs_list *list, const char *store, simclr_error *err)
{
    int rc = sc_fs_list_dir(list, store, err);
    if (rc == 0)
        sc_fs_list_sort(list, by_candidate);
    return rc;
}

/* *damage, with code 0 before, tells why the newest was passed over; it is the result where none is
 * whole. */
static int look_through(sc_checkpoint_found *out, const char *store, const sc_fs_list *list,
                        simclr_error *damage, simclr_error *err)
{
    simclr_error why;
    uint64_t step;
    bool old;
    for (size_t i = 0; i < list->count && candidate(&step, &old, list->name[i]); i++) {
        int rc = sc_path_join(out->path, store, list->name[i], err);
        if (rc < 0)
            return rc;
        rc = sc_checkpoint_verify(out->path, &out->step, &why);
        if (rc == 0)
            return 0;
        if (rc != SIMCLR_E_NOT_FOUND && !is_damage(rc, &why)) { /* pruned meanwhile, or damaged */
            if (err != NULL)
                *err = why;
            return rc;
        }
        if (damage->code == 0)
            *damage = why;
    }
    if (damage->code == 0)
        return sc_fail(err, SIMCLR_E_NOT_FOUND, "%s: there is no checkpoint", store);
    return sc_fail(err, SIMCLR_E_CHECKPOINT, "%s", damage->text);
}

/* Has a training saved since `list` was made?  Then what was listed may have been pruned. */
static bool moved_on(const char *store, const sc_fs_list *list)
{
    sc_fs_list now;
    if (list->count == 0 || list_candidates(&now, store, NULL) < 0)
        return false;
    bool other = now.count > 0 && strcmp(now.name[0], list->name[0]) != 0;
    sc_fs_list_free(&now);
    return other;
}

int sc_checkpoint_look(sc_checkpoint_found *out, const char *run, sc_checkpoint_report report,
                       void *context, simclr_error *err)
{
    enum { LOOKS = 10 };
    char store[SC_PATH_MAX], text[1024];
    simclr_error damage;
    bool again = true;
    memset(out, 0, sizeof *out);
    int rc = open_store(store, run, err);
    if (rc < 0)
        return rc;
    for (int i = 0; again && i < LOOKS; i++) {
        sc_fs_list list;
        damage.code = 0;
        rc = list_candidates(&list, store, err);
        if (rc < 0)
            return rc;
        rc = look_through(out, store, &list, &damage, err);
        again = damage.code != 0 && moved_on(store, &list);
        sc_fs_list_free(&list);
    }
    if (rc == 0 && damage.code != 0) {
        snprintf(text, sizeof text, "%s; passed over, using that of step %" PRIu64, damage.text,
                 out->step);
        tell(report, context, text);
    }
    return rc;
}
