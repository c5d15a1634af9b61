/* SPDX-License-Identifier: MIT
 *
 * profile.h - tables of kernels that forward to others and add up, for each kernel (and for each
 * shape of a convolution), calls, time, operations and bytes.  `simclr bench profile` uses them, and
 * the kernel harness on a GPU.
 *
 * Where the tables have a device, each call is waited for, and so are the stages of a step that are no
 * kernels of a table: those of profile->device, which the counting tables belong to.  It records
 * nothing.
 *
 * Kernels get no context, so that the profile they count into is one pointer a thread, set by
 * sc_profile_begin.  It is thread-local: two profiles on two threads do not meet, and no caller but
 * the profile's own ever reads it, since no other table looks for it.  A step calls its kernels
 * from one thread; the threads that share a kernel's work are below the table.
 */
#ifndef SC_BACKEND_PROFILE_H
#define SC_BACKEND_PROFILE_H

#include "backend/device.h"
#include "core/fs.h"

/* Three directions for each convolution of ResNet-50 with a convolution for a pool, if all differ,
 * the other kernels and a device's stages. */
enum { SC_PROFILE_ENTRIES = 3 * 54 + 36 };

typedef struct {
    const char *kernel;  /* name of its slot in sc_backend, or one of profile_device.c's */
    bool convolution;    /* has a shape: then one entry a shape */
    sc_conv_shape shape; /* else zero */
    size_t calls;
    double seconds;
    double flops; /* nominal: 2 m n k, 2 n p q k c r s, whatever the algorithm really does */
    double bytes; /* of maps, matrices and weights, each read once and written once */
} sc_profile_entry;

typedef struct {
    sc_tables inner;        /* these do the work */
    sc_backend reals, maps; /* these count: for sc_network_options.tables */
    sc_device device;       /* their device, counting; unused where the inner ones have none */
    sc_profile_entry entry[SC_PROFILE_ENTRIES];
    size_t count;
} sc_profile;

/* The caller's; no need to close.  It must not be moved while a network uses its tables. */
void sc_profile_init(sc_profile *profile, const sc_tables *inner);
/* Kernels of profile->reals and ->maps, and stages of ->device, may be called on this thread between
 * these two only. */
void sc_profile_begin(sc_profile *profile);
void sc_profile_end(void);
/* Zero calls, seconds, flops and bytes; the entries stay, in the order of their first calls. */
void sc_profile_clear(sc_profile *profile);

/* ---- for the tables ---- */

sc_profile *sc_profile_current(void); /* of this thread */
/* One call that began at `start` (sc_clock) and ends now, or when the device has done it; shape NULL:
 * not a convolution. */
void sc_profile_count(const char *kernel, const sc_conv_shape *shape, double start, double flops,
                      double bytes);
const sc_backend *sc_profile_table_reals(void);
const sc_backend *sc_profile_table_maps(void);
/* Fills a device that forwards to another and counts. */
void sc_profile_device(sc_device *out, const sc_device *device);
#define SC_PROFILE_UPDATE "optimiser" /* the entry of its update; without bytes */

#define SC_COUNTED(name, call, shape, flops, bytes)                                                \
    do {                                                                                           \
        double start = sc_clock();                                                                 \
        call;                                                                                      \
        sc_profile_count(name, shape, start, flops, bytes);                                        \
    } while (0)

#endif
