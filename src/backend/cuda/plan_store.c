/* SPDX-License-Identifier: MIT
 *
 * plan_store.c - choices of plans as lines of text.
 *
 *   header     simclr 0.1.0 plans 3, cuDNN 91900, NVIDIA H200
 *   choice     pass precision n h w c k r s stride pad dilation algorithm index engine settings us .
 *
 * The dot ends a line that is whole.
 */
#include "backend/cuda/plan_store.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/fs.h"

enum { FORMAT = 3, LINE = 600, MOST_BYTES = SC_PLAN_STORE_ENTRIES * LINE };

sc_plan_key sc_plan_key_of(sc_conv_pass pass, sc_precision precision, const sc_conv_shape *s)
{
    return (sc_plan_key){pass, precision, s->n,      s->h,   s->w,        s->c,        s->k,
                         s->r, s->s,      s->stride, s->pad, s->dilation, s->algorithm};
}

/* Directory and name of the file; the device's name with what a file's name should not have as '-'. */
static void choose_path(sc_plan_store *store, const char *device, size_t cudnn_version)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char name[100];
    size_t used = 0;
    for (const char *p = device; *p != '\0' && used < sizeof(name) - 1; p++) {
        name[used++] = (char)(isalnum((unsigned char)*p) ? *p : '-');
    }
    name[used] = '\0';
    int length = -1;
    if (cache != NULL && cache[0] == '/') { /* the specification: others are to be ignored */
        length = snprintf(store->path, sizeof(store->path), "%s/simclr/plans-%s-cudnn%zu.txt",
                          cache, name, cudnn_version);
    } else if (home != NULL && home[0] == '/') {
        length = snprintf(store->path, sizeof(store->path),
                          "%s/.cache/simclr/plans-%s-cudnn%zu.txt", home, name, cudnn_version);
    }
    if (length < 0 || (size_t)length >= sizeof(store->path)) {
        store->path[0] = '\0';
    }
}

_Static_assert(SC_CUDNN_SETTINGS == 200, "parse reads so many characters, and the end");

static bool parse(sc_plan_choice *out, const char *line)
{
    sc_plan_key *k = &out->key;
    int end = -1;
    int fields = sscanf(line,
                        "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
                        " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
                        " %" SCNu64 " %" SCNu64 " %" SCNd64 " %199s %lf .%n",
                        &k->pass, &k->precision, &k->n, &k->h, &k->w, &k->c, &k->k, &k->r, &k->s,
                        &k->stride, &k->pad, &k->dilation, &k->algorithm, &out->index, &out->engine,
                        out->settings, &out->us, &end);
    return fields == 17 && end > 0 && line[end] == '\0';
}

/* store->count if it is not there. */
static size_t position(const sc_plan_store *store, const sc_plan_key *key)
{
    size_t i = 0;
    while (i < store->count && memcmp(&store->choice[i].key, key, sizeof(*key)) != 0) {
        i++;
    }
    return i;
}

const sc_plan_choice *sc_plan_store_find(const sc_plan_store *store, const sc_plan_key *key)
{
    size_t i = position(store, key);
    return i < store->count ? &store->choice[i] : NULL;
}

/* The next line of *text, cut off there; NULL at the end. */
static char *next_line(char **text)
{
    char *line = *text, *end = line != NULL ? strchr(line, '\n') : NULL;
    if (end == NULL) { /* the last line has no end: it is not whole */
        return NULL;
    }
    *end = '\0';
    *text = end + 1;
    return line;
}

void sc_plan_store_open(sc_plan_store *store, const char *device, size_t cudnn_version)
{
    void *data = NULL;
    size_t size = 0;
    simclr_error err = {SIMCLR_OK, ""};
    memset(store, 0, sizeof(*store));
    snprintf(store->header, sizeof(store->header),
             "simclr " SIMCLR_VERSION " plans %d, cuDNN %zu, %s", FORMAT, cudnn_version, device);
    choose_path(store, device, cudnn_version);
    if (store->path[0] == '\0' ||
        sc_fs_read(&data, &size, store->path, MOST_BYTES, &err) != SIMCLR_OK) {
        return;
    }
    char *text = data, *line = next_line(&text);
    if (line != NULL && strcmp(line, store->header) == 0) {
        while ((line = next_line(&text)) != NULL && store->count < SC_PLAN_STORE_ENTRIES) {
            sc_plan_choice *to = &store->choice[store->count];
            if (parse(to, line) && position(store, &to->key) == store->count) {
                store->count++;
            }
        }
    }
    sc_free(data);
}

static size_t print(char *out, size_t size, const sc_plan_choice *c)
{
    const sc_plan_key *k = &c->key;
    int length =
        snprintf(out, size,
                 "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
                 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
                 " %" PRId64 " %s %.3f .\n",
                 k->pass, k->precision, k->n, k->h, k->w, k->c, k->k, k->r, k->s, k->stride, k->pad,
                 k->dilation, k->algorithm, c->index, c->engine, c->settings, c->us);
    return length > 0 && (size_t)length < size ? (size_t)length : 0;
}

static void write_store(const sc_plan_store *store)
{
    size_t size = sizeof(store->header) + store->count * LINE, used;
    char directory[sizeof(store->path)];
    simclr_error err = {SIMCLR_OK, ""};
    char *text = store->path[0] != '\0' ? sc_alloc(size, 1, &err) : NULL;
    if (text == NULL) {
        return;
    }
    snprintf(directory, sizeof(directory), "%s", store->path);
    *strrchr(directory, '/') = '\0';
    used = (size_t)snprintf(text, size, "%s\n", store->header);
    for (size_t i = 0; i < store->count; i++) {
        used += print(text + used, size - used, &store->choice[i]);
    }
    if (sc_fs_mkdirs(directory, &err) == SIMCLR_OK) {
        sc_fs_write_atomic(store->path, text, used, &err);
    }
    sc_free(text);
}

void sc_plan_store_put(sc_plan_store *store, const sc_plan_choice *choice)
{
    size_t i = position(store, &choice->key);
    if (i < SC_PLAN_STORE_ENTRIES) {
        store->choice[i] = *choice;
        store->count += i == store->count;
        write_store(store);
    }
}
