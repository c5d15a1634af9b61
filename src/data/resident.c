/* SPDX-License-Identifier: MIT
 *
 * resident.c - what stays in memory, what is decoded on demand, and the account of bad images.
 *
 * At open every file is probed (header only) and, when all pixels together fit in the limit,
 * decoded once; both in parallel, each image into its own place.
 */
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/parallel.h"
#include "core/ram.h"
#include "data/provider.h"

enum { HEAD = 1 << 16, CHUNK = 16 };
enum { NAME_END = 64, REASON = 1024 };
#define LARGEST_DEFAULT ((size_t)4 << 30)

typedef struct {
    sc_dataset *ds;
    char **reason; /* of each image, NULL: fine */
    int *rc;
    int (*visit)(sc_dataset *ds, size_t i, simclr_error *err);
} pass;

static size_t default_limit(void)
{
    size_t quarter = sc_ram_here().total / 4;
    if (quarter == 0) {
        return LARGEST_DEFAULT / 4;
    }
    return quarter < LARGEST_DEFAULT ? quarter : LARGEST_DEFAULT;
}

static int probe_file(sc_dataset *ds, size_t i, simclr_error *err)
{
    sc_item *item = &ds->item[i];
    size_t got;
    uint8_t *head = sc_alloc(HEAD, 1, err);
    if (head == NULL) {
        return SIMCLR_E_MEMORY;
    }
    int rc = sc_file_head(head, &got, &item->bytes, HEAD, item->name, err);
    if (rc == 0 && item->bytes > SC_IMAGE_MAX_FILE) {
        rc = sc_fail(err, SIMCLR_E_FORMAT, "%s: %llu bytes, over the limit of %zu", item->name,
                     (unsigned long long)item->bytes, SC_IMAGE_MAX_FILE);
    } else if (rc == 0) {
        rc = sc_image_probe(&item->height, &item->width, head, got, item->name, err);
        if (rc == SIMCLR_E_FORMAT && item->bytes > got) { /* a header longer than the head */
            sc_image image;
            rc = sc_file_make(&image, ds, i, err);
            item->height = image.height;
            item->width = image.width;
            sc_image_free(&image);
        }
    }
    sc_free(head);
    return rc;
}

static int decode_image(sc_dataset *ds, size_t i, simclr_error *err)
{
    int rc = ds->provider->make(&ds->resident[i], ds, i, err);
    if (rc == 0) {
        ds->resident[i].owned = false; /* read() lends it out; sc_dataset_close frees it */
        ds->item[i].height = ds->resident[i].height;
        ds->item[i].width = ds->resident[i].width;
    }
    return rc;
}

static int try_image(sc_dataset *ds, size_t i, simclr_error *err)
{
    sc_image image;
    int rc = sc_dataset_read(&image, ds, i, err);
    if (rc == 0) {
        sc_image_free(&image);
    }
    return rc;
}

static void run_part(void *context, size_t part)
{
    pass *p = context;
    size_t end = (part + 1) * CHUNK < p->ds->count ? (part + 1) * CHUNK : p->ds->count;
    for (size_t i = part * CHUNK; i < end; i++) {
        simclr_error error = {0};
        p->rc[i] = p->visit(p->ds, i, &error);
        if (p->rc[i] != 0) {
            p->reason[i] = sc_strdup(error.text, NULL);
        }
    }
}

/* What an error says of an image besides its name, which stands beside it in every list: one line.
 * The error has the name as terminals show it, a long one without its middle (core/error.c). */
static void bare_reason(char out[REASON], const char *text, const char *name)
{
    char line[REASON], shown[4 * NAME_END + 1], key[sizeof shown + 2];
    size_t length = strlen(name);
    const char *end = length > NAME_END ? name + length - NAME_END : name;
    while ((*end & 0xc0) == 0x80) { /* within a character */
        end++;
    }
    sc_printable(line, sizeof line, text);
    sc_printable(shown, sizeof shown, end);
    snprintf(key, sizeof key, "%s: ", shown);
    const char *found = strstr(line, key);
    bool prefixed = found != NULL && (found == line || end > name);
    snprintf(out, REASON, "%s", prefixed ? found + strlen(key) : line);
}

/* Fails when more than max_bad of all images are bad. */
static int check_bad(const sc_dataset *ds, size_t bad, const char *name, const char *reason,
                     simclr_error *err)
{
    if ((double)bad <= ds->options.max_bad * (double)ds->total) {
        return 0;
    }
    return sc_fail(err, SIMCLR_E_DATA,
                   "data: %zu of %zu images cannot be read (%.3g %%, allowed %.3g %%), for one %s:"
                   " %s; repair or remove them, or raise max_bad",
                   bad, ds->total, 100.0 * (double)bad / (double)ds->total,
                   100.0 * ds->options.max_bad, name, reason);
}

/* Moves the images with a reason from the items to the skipped. */
static int drop_bad(pass *p, simclr_error *err)
{
    sc_dataset *ds = p->ds;
    size_t kept = 0, bad = 0, count = ds->count;
    int rc = 0;
    for (size_t i = 0; i < count; i++) {
        if (p->rc[i] == 0) {
            ds->item[kept] = ds->item[i];
            if (ds->resident != NULL) {
                ds->resident[kept] = ds->resident[i];
            }
            kept++;
            continue;
        }
        const char *reason = p->reason[i] != NULL ? p->reason[i] : "cannot be read";
        if (p->rc[i] == SIMCLR_E_MEMORY) {
            rc = sc_fail(err, SIMCLR_E_MEMORY, "%s", reason);
        } else if (rc == 0) {
            char bare[REASON];
            bare_reason(bare, reason, ds->item[i].name);
            rc = sc_dataset_add_skip(ds, ds->item[i].name, bare, err);
        }
        sc_free(ds->item[i].name);
        bad++;
    }
    ds->count = kept;
    if (rc != 0 || bad == 0) {
        return rc;
    }
    const sc_skip *last = &ds->skip[ds->skips - 1];
    if (kept == 0) {
        return sc_fail(err, SIMCLR_E_DATA, "data: none of %zu images can be read, for one %s: %s",
                       ds->total, last->name, last->reason);
    }
    return check_bad(ds, ds->total - kept, last->name, last->reason, err);
}

static int run_pass(sc_dataset *ds, int (*visit)(sc_dataset *ds, size_t i, simclr_error *err),
                    int (*judge)(pass *p, simclr_error *err), simclr_error *err)
{
    pass p = {.ds = ds, .visit = visit};
    size_t count = ds->count;
    int rc = SIMCLR_E_MEMORY;
    p.reason = sc_alloc(count, sizeof *p.reason, err);
    p.rc = sc_alloc(count, sizeof *p.rc, err);
    if (p.reason != NULL && p.rc != NULL) {
        sc_parallel_for((count + CHUNK - 1) / CHUNK, run_part, &p);
        rc = judge(&p, err);
    }
    for (size_t i = 0; i < count && p.reason != NULL; i++) {
        sc_free(p.reason[i]);
    }
    sc_free(p.reason);
    sc_free(p.rc);
    return rc;
}

int sc_dataset_settle(sc_dataset *ds, simclr_error *err)
{
    ds->total = ds->count;
    int rc = ds->provider->fixed_size ? 0 : run_pass(ds, probe_file, drop_bad, err);
    if (rc != 0) {
        return rc;
    }
    size_t limit = ds->options.memory_limit != 0 ? ds->options.memory_limit : default_limit();
    if (sc_dataset_bytes(ds) <= limit) {
        ds->resident = sc_alloc(ds->count, sizeof *ds->resident, err);
        rc = ds->resident != NULL ? run_pass(ds, decode_image, drop_bad, err) : SIMCLR_E_MEMORY;
    }
    if (rc == 0) {
        ds->noted = sc_alloc(ds->count, 1, err);
        rc = ds->noted == NULL ? SIMCLR_E_MEMORY : 0;
    }
    return rc;
}

int sc_dataset_read(sc_image *out, const sc_dataset *ds, size_t i, simclr_error *err)
{
    if (ds->resident != NULL) {
        *out = ds->resident[i];
        return 0;
    }
    return ds->provider->make(out, ds, i, err);
}

int sc_dataset_note_bad(sc_dataset *ds, size_t i, const char *reason, simclr_error *err)
{
    int rc = 0;
    const char *name = ds->item[i].name;
    char bare[REASON];
    bare_reason(bare, reason, name);
    pthread_mutex_lock(&ds->mutex);
    if (!ds->noted[i]) {
        ds->noted[i] = 1;
        ds->noted_count++;
        rc = sc_dataset_add_skip(ds, name, bare, err);
    }
    if (rc == 0) {
        rc = check_bad(ds, ds->total - ds->count + ds->noted_count, name, bare, err);
    }
    pthread_mutex_unlock(&ds->mutex);
    return rc;
}

int sc_dataset_try_read(sc_image *out, sc_dataset *ds, size_t i, simclr_error *err)
{
    simclr_error why = {0};
    int rc = sc_dataset_read(out, ds, i, &why);
    if (rc == 0) {
        return 1;
    }
    if (rc == SIMCLR_E_MEMORY) {
        return sc_fail(err, rc, "%s", why.text);
    }
    return sc_dataset_note_bad(ds, i, why.text, err);
}

/* In the order of the images; a failure tells of all of them. */
static int note_bad(pass *p, simclr_error *err)
{
    int rc = 0;
    for (size_t i = 0; i < p->ds->count && rc != SIMCLR_E_MEMORY; i++) {
        const char *reason = p->reason[i] != NULL ? p->reason[i] : "cannot be read";
        if (p->rc[i] == SIMCLR_E_MEMORY) {
            rc = sc_fail(err, SIMCLR_E_MEMORY, "%s", reason);
        } else if (p->rc[i] != 0) {
            rc = sc_dataset_note_bad(p->ds, i, reason, err);
        }
    }
    return rc;
}

int sc_dataset_verify(size_t *readable, sc_dataset *ds, simclr_error *err)
{
    int rc = ds->resident != NULL ? 0 : run_pass(ds, try_image, note_bad, err);
    *readable = ds->count - ds->noted_count;
    return rc;
}

int sc_dataset_sample(sc_image *image, uint32_t *index, size_t *count, sc_dataset *ds,
                      simclr_error *err)
{
    size_t total = ds->count, n = *count < total ? *count : total;
    int rc = 0;
    *count = 0;
    for (size_t k = 0; rc >= 0 && k < n; k++) {
        rc = 0;
        for (size_t further = 0; rc == 0 && further < total; further++) {
            size_t i = (k * total / n + k % (total / n) + further) % total;
            index[*count] = (uint32_t)i;
            rc = sc_dataset_try_read(&image[*count], ds, i, err);
        }
        *count += rc > 0;
    }
    while (rc < 0 && *count > 0) {
        sc_image_free(&image[--*count]);
    }
    if (rc == 0) {
        rc = sc_fail(err, SIMCLR_E_DATA, "data: none of %zu images can be read", total);
    }
    return rc < 0 ? rc : 0;
}

size_t sc_dataset_skipped(const sc_dataset *ds)
{
    pthread_mutex_t *mutex = (pthread_mutex_t *)&ds->mutex;
    pthread_mutex_lock(mutex);
    size_t skips = ds->skips;
    pthread_mutex_unlock(mutex);
    return skips;
}

void sc_dataset_skip_reason(const sc_dataset *ds, size_t j, const char **name, const char **reason)
{
    pthread_mutex_t *mutex = (pthread_mutex_t *)&ds->mutex;
    pthread_mutex_lock(mutex); /* the list may move while it grows, its texts do not */
    *name = ds->skip[j].name;
    *reason = ds->skip[j].reason;
    pthread_mutex_unlock(mutex);
}
