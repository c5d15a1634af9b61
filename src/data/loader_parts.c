/* SPDX-License-Identifier: MIT
 *
 * loader_parts.c - the order of an epoch, and how much a loader holds.
 */
#include "data/loader_parts.h"

#include "core/alloc.h"
#include "core/rng.h"

/* Of the batches together; one alone may be larger. */
static const uint64_t RING_BYTES = (uint64_t)1 << 30;

void sc_epoch_release(sc_epoch *e)
{
    if (e != NULL && --e->users == 0) {
        sc_free(e->order);
        sc_free(e);
    }
}

int sc_epoch_use(sc_epoch **current, uint64_t epoch, size_t images, uint64_t seed, bool shuffle,
                 simclr_error *err)
{
    if (*current != NULL && (*current)->epoch == epoch) {
        return 0;
    }
    sc_epoch *e = sc_alloc(1, sizeof *e, err);
    uint32_t *order = e != NULL ? sc_alloc(images, sizeof *order, err) : NULL;
    if (order == NULL) {
        sc_free(e);
        return SIMCLR_E_MEMORY;
    }
    sc_rng_permutation(order, images, seed, (uint32_t)epoch, SC_RNG_SHUFFLE);
    for (size_t i = 0; !shuffle && i < images; i++) {
        order[i] = (uint32_t)i;
    }
    *e = (sc_epoch){.order = order, .epoch = epoch, .users = 1};
    sc_epoch_release(*current);
    *current = e;
    return 0;
}

size_t sc_loader_depth(uint64_t batch_bytes)
{
    uint64_t fit = batch_bytes > 0 ? RING_BYTES / batch_bytes : SC_LOADER_DEPTH;
    return fit < 1 ? 1 : fit < SC_LOADER_DEPTH ? (size_t)fit : SC_LOADER_DEPTH;
}

int sc_loader_threads(int given)
{
    return given < SC_LOADER_THREADS ? given : SC_LOADER_THREADS;
}

size_t sc_loader_bytes(const sc_dataset *ds, size_t batch, size_t drawn, int threads)
{
    uint32_t height, width;
    bool equal;
    size_t kept = batch < sc_dataset_count(ds) ? batch + 1 : sc_dataset_count(ds) + 1;
    if (sc_dataset_resident(ds)) {
        return 0;
    }
    sc_dataset_extent(ds, &height, &width, &equal);
    return sc_loader_depth((uint64_t)drawn * kept) * kept * drawn +
           (size_t)sc_loader_threads(threads) * height * width * sc_dataset_channels(ds);
}

size_t sc_loader_largest(size_t images, size_t batch, bool drop_last)
{
    size_t most = batch < images ? batch : images;
    return images % most == 1 && !drop_last ? most + 1 : most;
}
