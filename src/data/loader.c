/* SPDX-License-Identifier: MIT
 *
 * loader.c - a ring of batches that a few threads fill ahead of the one consumer.
 *
 * Batch of step s lives in slot s mod depth.  Threads take (slot, position) pairs in order; what a
 * position holds follows from (seed, epoch, position) alone, so the threads only change when it is
 * ready.  A resident data set needs no threads: its batch is put together in sc_loader_next.
 *
 * A photograph is a hundred times as large as what is learnt from it, so whole ones are kept no
 * longer than it takes to draw that.  Who needs them whole, a device, has fewer batches ahead.
 */
#include "data/loader.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "core/alloc.h"
#include "core/fs.h"
#include "core/parallel.h"
#include "data/loader_parts.h"

typedef struct {
    uint32_t *index;
    sc_image *image; /* (batch + 1), NULL: drawn */
    uint8_t *drawn;
    size_t count, first; /* positions first .. first + count - 1 of the epoch */
    size_t total;        /* of the batch */
    size_t taken, done;  /* images given to threads, finished */
    uint64_t step;
    sc_epoch *order;
    simclr_error error; /* of the first image that could not be replaced */
} slot;

typedef struct {
    sc_loader *loader;
    int number;
} worker;

struct sc_loader {
    sc_dataset *ds;
    sc_loader_draw draw; /* bytes 0: whole images */
    size_t images, batch, steps;
    bool in_order, drop_last;
    size_t rank, ranks; /* of each batch the share of this process */
    uint64_t seed;
    slot ring[SC_LOADER_DEPTH];
    size_t depth; /* slots in use */
    sc_epoch *current;
    uint64_t next_step; /* to be handed out */
    uint64_t planned;   /* steps before this one have been planned into slots */
    double waited;

    pthread_t thread[SC_LOADER_THREADS];
    worker worker[SC_LOADER_THREADS];
    int threads;
    pthread_mutex_t mutex;
    pthread_cond_t work, ready;
    bool stop;
};

/* The images stay until new ones take their places, or the loader closes. */
static void clear_slot(slot *s)
{
    sc_epoch_release(s->order);
    s->order = NULL;
    s->count = s->taken = s->done = 0;
    s->error.code = 0;
}

/* Writes the plan of the next step into its slot, which must be free. */
static int plan_step(sc_loader *l, simclr_error *err)
{
    slot *s = &l->ring[l->planned % l->depth];
    uint64_t epoch = l->planned / l->steps;
    size_t within = (size_t)(l->planned % l->steps);
    clear_slot(s);
    int rc = sc_epoch_use(&l->current, epoch, l->images, l->seed, !l->in_order, err);
    if (rc != 0) {
        return rc;
    }
    size_t begin, end, first = within * l->batch;
    s->total = within + 1 == l->steps && !l->drop_last ? l->images - first : l->batch;
    sc_part_range(&begin, &end, s->total, l->ranks, l->rank);
    s->first = first + begin;
    s->count = end - begin;
    s->step = l->planned++;
    s->order = l->current;
    s->order->users++;
    memcpy(s->index, s->order->order + s->first, s->count * sizeof *s->index);
    return 0;
}

/* Image at a position of the epoch, or the next one of the order that can be read. */
static int read_image(sc_image *image, uint32_t *index, sc_loader *l, const sc_epoch *o,
                      size_t position, simclr_error *err)
{
    for (size_t k = 0; k < l->images; k++) {
        *index = o->order[(position + k) % l->images];
        int rc = sc_dataset_try_read(image, l->ds, *index, err);
        if (rc != 0) {
            return rc < 0 ? rc : 0;
        }
    }
    return sc_fail(err, SIMCLR_E_DATA, "data: none of %zu images can be read any more", l->images);
}

/* What the batch keeps of image k of a slot, by thread `number`. */
static int fetch(slot *s, size_t k, sc_loader *l, int number, simclr_error *err)
{
    sc_image image = {0};
    if (s->image != NULL) {
        sc_image_free(&s->image[k]); /* here, not by the consumer, whose time counts */
        return read_image(&s->image[k], &s->index[k], l, s->order, s->first + k, err);
    }
    int rc = read_image(&image, &s->index[k], l, s->order, s->first + k, err);
    if (rc == 0) {
        rc = l->draw.draw(s->drawn + k * l->draw.bytes, l->draw.context, number, &image,
                          s->index[k], s->order->epoch, err);
    }
    sc_image_free(&image);
    return rc;
}

/* The oldest planned slot with an image that no thread has taken. */
static slot *next_work(sc_loader *l)
{
    for (uint64_t step = l->next_step; step < l->planned; step++) {
        slot *s = &l->ring[step % l->depth];
        if (s->step == step && s->taken < s->count) {
            return s;
        }
    }
    return NULL;
}

static void *work(void *context)
{
    const worker *self = context;
    sc_loader *l = self->loader;
    pthread_mutex_lock(&l->mutex);
    for (;;) {
        slot *s = NULL;
        while (!l->stop && (s = next_work(l)) == NULL) {
            pthread_cond_wait(&l->work, &l->mutex);
        }
        if (l->stop) {
            break;
        }
        size_t k = s->taken++;
        pthread_mutex_unlock(&l->mutex);
        simclr_error error = {0};
        int rc = fetch(s, k, l, self->number, &error);
        pthread_mutex_lock(&l->mutex);
        if (rc != 0 && s->error.code == 0) {
            s->error = error;
            s->error.code = rc;
        }
        if (++s->done == s->count) {
            pthread_cond_signal(&l->ready);
        }
    }
    pthread_mutex_unlock(&l->mutex);
    return NULL;
}

/* The resident way: everything in the caller's thread, nothing to wait for. */
static int next_direct(slot **out, sc_loader *l, simclr_error *err)
{
    int rc = plan_step(l, err);
    slot *s = &l->ring[l->next_step % l->depth];
    for (size_t k = 0; k < s->count && rc == 0; k++) {
        rc = fetch(s, k, l, 0, err);
    }
    *out = s;
    return rc;
}

static int next_prefetched(slot **out, sc_loader *l, simclr_error *err)
{
    int rc = 0;
    pthread_mutex_lock(&l->mutex);
    /* The slot handed out last time is free now; plan as far as the ring goes. */
    while (rc == 0 && l->planned < l->next_step + l->depth) {
        rc = plan_step(l, err);
    }
    pthread_cond_broadcast(&l->work);
    slot *s = &l->ring[l->next_step % l->depth];
    double start = sc_clock();
    while (rc == 0 && s->done < s->count) {
        pthread_cond_wait(&l->ready, &l->mutex);
    }
    l->waited += sc_clock() - start;
    if (rc == 0 && s->error.code != 0) {
        rc = sc_fail(err, s->error.code, "%s", s->error.text);
    }
    pthread_mutex_unlock(&l->mutex);
    *out = s;
    return rc;
}

int sc_loader_next(sc_batch *out, sc_loader *l, simclr_error *err)
{
    slot *s;
    int rc = l->threads == 0 ? next_direct(&s, l, err) : next_prefetched(&s, l, err);
    if (rc != 0) {
        return rc;
    }
    if (l->threads > 0) {
        pthread_mutex_lock(&l->mutex);
    }
    *out =
        (sc_batch){s->index, s->image, s->drawn, s->count, s->total, s->step / l->steps, s->step};
    l->next_step++;
    if (l->threads > 0) {
        pthread_mutex_unlock(&l->mutex);
    }
    return 0;
}

static int open_slots(sc_loader *l, simclr_error *err)
{
    for (int s = 0; s < SC_LOADER_DEPTH; s++) {
        l->ring[s].index = sc_alloc(l->batch + 1, sizeof *l->ring[s].index, err);
        l->ring[s].image = sc_alloc(l->batch + 1, sizeof *l->ring[s].image, err);
        if (l->ring[s].index == NULL || l->ring[s].image == NULL) {
            return SIMCLR_E_MEMORY;
        }
    }
    return 0;
}

/* As many threads as the system gives; without any the loader works in the caller's. */
static void start_threads(sc_loader *l, int threads)
{
    int wanted = sc_loader_threads(threads);
    for (; l->threads < wanted; l->threads++) {
        worker *self = &l->worker[l->threads];
        *self = (worker){l, l->threads};
        if (pthread_create(&l->thread[l->threads], NULL, work, self) != 0) {
            return;
        }
    }
}

int sc_loader_open(sc_loader **out, sc_dataset *ds, size_t batch, uint64_t seed, int threads,
                   uint64_t start_step, simclr_error *err)
{
    size_t images = sc_dataset_count(ds);
    *out = NULL;
    if (batch < 2) {
        return sc_fail(err, SIMCLR_E_USAGE,
                       "batch: %zu, expected at least 2 (every image needs"
                       " others to differ from)",
                       batch);
    }
    if (images < 2) {
        return sc_fail(err, SIMCLR_E_DATA, "data: %zu usable image, expected at least 2", images);
    }
    sc_loader *l = sc_alloc(1, sizeof *l, err);
    if (l == NULL) {
        return SIMCLR_E_MEMORY;
    }
    l->ds = ds;
    l->images = images;
    l->batch = batch < images ? batch : images;
    l->seed = seed;
    l->ranks = 1;
    l->steps = images / l->batch + (images % l->batch > 1);
    l->next_step = l->planned = start_step;
    l->depth = sc_loader_depth(sc_dataset_bytes(ds) / images * (l->batch + 1));
    pthread_mutex_init(&l->mutex, NULL);
    pthread_cond_init(&l->work, NULL);
    pthread_cond_init(&l->ready, NULL);
    int rc = open_slots(l, err);
    if (rc != 0) {
        sc_loader_close(l);
        return rc;
    }
    if (!sc_dataset_resident(ds)) {
        start_threads(l, threads);
    }
    *out = l;
    return 0;
}

void sc_loader_close(sc_loader *l)
{
    if (l == NULL) {
        return;
    }
    pthread_mutex_lock(&l->mutex);
    l->stop = true;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->mutex);
    for (int t = 0; t < l->threads; t++) {
        pthread_join(l->thread[t], NULL);
    }
    for (int s = 0; s < SC_LOADER_DEPTH; s++) {
        for (size_t k = 0; l->ring[s].image != NULL && k < l->batch + 1; k++) {
            sc_image_free(&l->ring[s].image[k]);
        }
        clear_slot(&l->ring[s]);
        sc_free(l->ring[s].index);
        sc_free(l->ring[s].image);
        sc_free(l->ring[s].drawn);
    }
    sc_epoch_release(l->current);
    pthread_cond_destroy(&l->ready);
    pthread_cond_destroy(&l->work);
    pthread_mutex_destroy(&l->mutex);
    sc_free(l);
}

void sc_loader_set_order(sc_loader *l, bool shuffle, bool drop_last)
{
    assert(l->planned == l->next_step);
    l->in_order = !shuffle;
    l->drop_last = drop_last;
    if (drop_last) {
        l->steps = l->images / l->batch;
    }
}

void sc_loader_set_share(sc_loader *l, int rank, int size)
{
    assert(l->planned == l->next_step && rank < size);
    l->rank = (size_t)rank;
    l->ranks = (size_t)size;
}

size_t sc_loader_least(const sc_loader *l)
{
    size_t last = l->images - (l->steps - 1) * l->batch;
    return l->drop_last || last > l->batch ? l->batch : last;
}

int sc_loader_set_draw(sc_loader *l, const sc_loader_draw *draw, simclr_error *err)
{
    assert(l->planned == l->next_step);
    int rc = 0;
    if (sc_dataset_resident(l->ds)) {
        return 0;
    }
    pthread_mutex_lock(&l->mutex);
    l->draw = *draw;
    l->depth = sc_loader_depth((uint64_t)draw->bytes * (l->batch + 1));
    for (size_t s = 0; s < l->depth && rc == 0; s++) {
        sc_free(l->ring[s].image);
        l->ring[s].image = NULL;
        l->ring[s].drawn = sc_alloc(l->batch + 1, draw->bytes, err);
        rc = l->ring[s].drawn == NULL ? SIMCLR_E_MEMORY : 0;
    }
    pthread_mutex_unlock(&l->mutex);
    return rc;
}

size_t sc_loader_steps_per_epoch(const sc_loader *l)
{
    return l->steps;
}

size_t sc_loader_max_batch(const sc_loader *l)
{
    return sc_loader_largest(l->images, l->batch, l->drop_last);
}

double sc_loader_wait_seconds(const sc_loader *l)
{
    return l->waited;
}
