/* SPDX-License-Identifier: MIT
 *
 * profile.c - the sums of a profile.
 */
#include "backend/profile.h"

#include <assert.h>
#include <string.h>

static _Thread_local sc_profile *current;

/* What is no kernel of a step stays the inner table's. */
static void wrap(sc_backend *out, const sc_backend *counting, const sc_backend *inner)
{
    *out = *counting;
    out->name = inner->name;
    out->precision = inner->precision;
    out->map_bytes = inner->map_bytes;
    out->conv2d_scratch = inner->conv2d_scratch;
    out->multiply_adds = inner->multiply_adds;
}

void sc_profile_init(sc_profile *profile, const sc_tables *inner)
{
    memset(profile, 0, sizeof *profile);
    profile->inner = *inner;
    wrap(&profile->reals, sc_profile_table_reals(), inner->reals);
    wrap(&profile->maps, sc_profile_table_maps(), inner->maps);
    if (inner->maps->device != NULL) {
        sc_profile_device(&profile->device, inner->maps->device);
        profile->reals.device = profile->maps.device = &profile->device;
    }
}

void sc_profile_begin(sc_profile *profile)
{
    current = profile;
}

void sc_profile_end(void)
{
    current = NULL;
}

sc_profile *sc_profile_current(void)
{
    assert(current != NULL);
    return current;
}

void sc_profile_clear(sc_profile *profile)
{
    for (size_t i = 0; i < profile->count; i++) {
        sc_profile_entry *e = &profile->entry[i];
        e->calls = 0;
        e->seconds = e->flops = e->bytes = 0;
    }
}

static bool same_shape(const sc_conv_shape *a, const sc_conv_shape *b)
{
    return a->n == b->n && a->h == b->h && a->w == b->w && a->c == b->c && a->k == b->k &&
           a->r == b->r && a->s == b->s && a->stride == b->stride && a->pad == b->pad &&
           a->dilation == b->dilation;
}

static sc_profile_entry *find(sc_profile *p, const char *kernel, const sc_conv_shape *shape)
{
    for (size_t i = 0; i < p->count; i++) {
        sc_profile_entry *e = &p->entry[i];
        if (strcmp(e->kernel, kernel) == 0 && (shape == NULL || same_shape(&e->shape, shape))) {
            return e;
        }
    }
    assert(p->count < SC_PROFILE_ENTRIES);
    sc_profile_entry *e = &p->entry[p->count++];
    *e = (sc_profile_entry){.kernel = kernel, .convolution = shape != NULL};
    if (shape != NULL) {
        e->shape = *shape;
    }
    return e;
}

void sc_profile_count(const char *kernel, const sc_conv_shape *shape, double start, double flops,
                      double bytes)
{
    const sc_device *device = current->inner.maps->device;
    if (device != NULL) {
        device->wait(NULL); /* what has failed, the step's own wait tells again */
    }
    double seconds = sc_clock() - start;
    sc_profile_entry *e = find(current, kernel, shape);

    e->calls++;
    e->seconds += seconds;
    e->flops += flops;
    e->bytes += bytes;
}
