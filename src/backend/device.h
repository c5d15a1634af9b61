/* SPDX-License-Identifier: MIT
 *
 * device.h - a device with memory of its own: what it does besides the kernels of backend.h.
 *
 * Its tables take and give pointers into its memory, which the host never follows; between kernels
 * the host only copies.  Work is queued in the order of the calls; download and wait wait for it.
 * Numbers that change from step to step are read from the device's memory, so that a step can be
 * recorded once and played again.
 */
#ifndef SC_BACKEND_DEVICE_H
#define SC_BACKEND_DEVICE_H

#include "backend/backend.h"
#include "core/alloc.h"

enum { SC_DEVICE_ABI = 4 };

/* What changes from step to step. */
typedef struct {
    uint64_t step;    /* of dropout's mask */
    double lr;        /* learning rate */
    double adam_rate; /* Adam: lr / (1 - beta1^t) */
    double adam_root; /* Adam: sqrt(1 - beta2^t) */
} sc_step_input;

/* What a step reports. */
typedef struct {
    double loss, gradient_norm;
    uint32_t updated; /* 0 where one of them was not finite: the weights were left as they were */
} sc_step_output;

/* One view to be made, as sc_view_draw draws it (views/views.h); pixels: where the image (height,
 * width, channels; u8) begins in the store. */
typedef struct {
    uint64_t pixels;
    uint32_t height, width;                      /* of the image */
    uint32_t top, left, crop_height, crop_width; /* of the box in it */
    double factor[4];                            /* by SC_JITTER_* */
    double blur_sigma;                           /* 0: none */
    uint8_t order[4];                            /* of SC_JITTER_* */
    uint8_t hflip, vflip, jitter, grayscale, solarize;
    uint8_t options; /* which of sc_device_views.of: 0, 1 */
} sc_device_view;

/* What all views have in common. */
typedef struct {
    uint32_t height, width, channels; /* of a view */
    struct {
        uint32_t bicubic;            /* else bilinear */
        uint32_t blur_kernel;        /* odd */
        uint32_t solarize_threshold; /* 0 .. 256 */
        float normal[3][256];        /* (u / 255 - mean) / std by channel */
    } of[2];
} sc_device_views;

/* NT-Xent; loss/ntxent.h has the equations.  All in device memory. */
typedef struct {
    const sc_real *z;
    sc_real *dz;
    size_t rows, dim; /* 2N, d */
    double temperature;
    sc_real *unit;     /* (rows,dim) */
    sc_real *inv_norm; /* (rows) */
    sc_real *lse;      /* (rows) */
    double *row_loss;  /* (rows) */
} sc_device_ntxent;

/* A piece of the flat parameters, all of one entry of their table; begins at a multiple of 4. */
typedef struct {
    size_t begin, end;
    uint32_t entry;
    uint32_t adapts; /* LARS adapts its rate */
    float decay;     /* weight decay */
} sc_update_piece;

/* optim/optim.h has the equations. */
typedef enum { SC_UPDATE_SGD, SC_UPDATE_ADAM, SC_UPDATE_ADAMW, SC_UPDATE_LARS } sc_update_kind;

typedef struct {
    sc_update_kind kind;
    bool nesterov;
    double momentum, beta1, beta2, eps, trust;
    sc_real *w, *m, *v;
    const sc_real *g;
    const sc_update_piece *piece; /* device memory; in order, entry by entry */
    size_t pieces, entries;
    double *sum;   /* (pieces,3): of each |g|^2, for LARS |w|^2 and |what its ratio divides by|^2 */
    double *ratio; /* (entries): LARS's trust ratios */
} sc_device_update;

typedef struct {
    sc_real similarity;
    uint32_t index; /* of a row */
} sc_neighbour;

#define SC_NO_SELF SIZE_MAX

/* The k rows of a bank with the largest products <query, row>.  All in device memory. */
typedef struct {
    const sc_real *query, *bank; /* (q_rows,dim), (b_rows,dim); finite products */
    size_t q_rows, b_rows, dim;  /* each at least 1, b_rows below 2^31 */
    size_t k;                    /* 1 to b_rows, to b_rows - 1 if rows leave themselves out */
    size_t self;                 /* query i is row self + i of the bank and no neighbour of itself;
                                    SC_NO_SELF: the queries are not of the bank */
    sc_real *product;            /* (q_rows,b_rows): scratch */
    sc_neighbour *near;          /* (q_rows,k): best first, of equal ones the smaller index first */
} sc_device_nearest;

typedef struct sc_device {
    uint32_t abi, bytes; /* SC_DEVICE_ABI, sizeof(sc_device) */
    char name[128];      /* "cuda:0, NVIDIA H200" */
    const sc_backend *reals, *bf16;

    /* ---- memory: blocks are zeroed, 256-byte aligned; SIMCLR_E_MEMORY says how much is free ---- */
    sc_memory memory;
    size_t granule;             /* a block takes a multiple of this many bytes */
    size_t (*free_bytes)(void); /* that blocks may still take */
    /* Host memory that a device reads by itself, as sc_alloc gives it: page-locked. */
    sc_memory staging;
    /* From host memory.  It may be changed when this returns; but from staging, where this does not
     * wait for the copy, only after the next download or wait. */
    void (*upload)(void *to, const void *from, size_t bytes);
    void (*download)(void *to, const void *from, size_t bytes); /* to host memory; waits */
    void (*zero)(void *to, size_t bytes);
    /* Until all work is done.  SIMCLR_E_DEVICE, or SIMCLR_E_MEMORY where its memory ran out: what has
     * failed first since the device was opened. */
    int (*wait)(simclr_error *err);

    /* ---- a step; in, out, view, pixels, options: device memory ---- */

    /* x (count,H,W,C) normalised; equal to the CPU's bytes but for one level of the blurred.
     * scratch: views_scratch bytes for images of at most max_height x max_width. */
    size_t (*views_scratch)(const sc_device_views *host_options, size_t count, uint32_t max_height,
                            uint32_t max_width);
    void (*views)(sc_real *x, const uint8_t *pixels, const sc_device_view *view, size_t count,
                  const sc_device_views *options, const sc_device_views *host_options,
                  uint32_t max_height, uint32_t max_width, void *scratch);
    void (*ntxent_forward)(sc_step_output *out, const sc_device_ntxent *t);
    void (*ntxent_backward)(const sc_device_ntxent *t);
    /* out->gradient_norm; then, if it and out->loss are finite, w, m and v. */
    void (*update)(sc_step_output *out, const sc_step_input *in, const sc_device_update *u);

    /* Of each query its nearest, exactly; every product is one sum in the order of the dims, so that no
     * result depends on how queries are cut into calls. */
    void (*nearest)(const sc_device_nearest *t);

    /* record(context) the first time it is asked for with this key, then what it queued as one graph.
     * All it is given must stay where it is.  Keys up to SC_DEVICE_KEYS - 1. */
    void (*play)(size_t key, void (*record)(void *context), void *context);
    void (*forget)(void); /* all recordings */
    /* What its user should know, for instance why nothing is recorded; NULL: nothing.  May be NULL. */
    const char *(*note)(void);
} sc_device;

enum { SC_DEVICE_KEYS = 8 };

/* What the plug-in exports, under the name simclr_device_plugin. */
typedef struct {
    uint32_t abi, bytes; /* SC_DEVICE_ABI, sizeof(sc_device_plugin) */
    /* How many of them can be used; the text tells which, with versions, or why none. */
    int (*probe)(char *text, size_t size);
    int (*count)(void); /* devices, usable or not: their numbers are 0 .. n-1 */
    /* One device at a time: its kernels take no handle. */
    int (*open)(const sc_device **out, int number, simclr_error *err);
    void (*close)(void);
} sc_device_plugin;

typedef const sc_device_plugin *(*sc_device_entry)(void);

#endif
