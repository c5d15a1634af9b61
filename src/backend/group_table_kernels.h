/* SPDX-License-Identifier: MIT
 *
 * group_table_kernels.h - the kernels that measure a batch, for a share of it.  group_reals.c and
 * group_maps.c compile them, the latter with GROUP_MAPS, for the two tables of a network.
 */
#ifndef SC_BACKEND_GROUP_TABLE_KERNELS_H
#define SC_BACKEND_GROUP_TABLE_KERNELS_H

#include <assert.h>

#include "backend/group_table.h"

static const sc_backend *inner(void)
{
#ifdef GROUP_MAPS
    return sc_group_tables_here()->inner.maps;
#else
    return sc_group_tables_here()->inner.reals;
#endif
}

/* Of statistics of the batch: the unbiased variance needs its rows. */
static void group_norm_fold(const sc_norm_fold *fold)
{
    const sc_group_tables *t = sc_group_tables_here();
    sc_norm_fold of_all = *fold;
    if (fold->statistics) {
        assert(fold->rows == t->rows);
        of_all.rows = t->all_rows;
    }
    inner()->norm_fold(&of_all);
}

static void group_channel_stats(sc_real *mean, sc_real *var, const sc_map *x, size_t rows, size_t c)
{
    inner()->channel_stats(mean, var, x, rows, c);
    sc_group_statistics(mean, var, rows, c);
}

static void group_conv2d_forward(sc_map *y, sc_channel_stats stats, const sc_map *x,
                                 const sc_affine *make, const sc_real *w,
                                 const sc_conv_shape *shape, void *scratch)
{
    const sc_channel_stats own = {stats.mean, stats.var, NULL};
    inner()->conv2d_forward(y, own, x, make, w, shape, scratch);
    if (stats.mean != NULL)
        sc_group_statistics(stats.mean, stats.var, shape->n * shape->p * shape->q, shape->k);
    if (stats.fold != NULL)
        group_norm_fold(stats.fold);
}

static void sums_of_all(const sc_batchnorm *sums, size_t rows, size_t c)
{
    if (sums != NULL)
        sc_group_means(sums->mean_g, sums->curve, rows, c);
}

static void group_batchnorm_sums(const sc_batchnorm *norm, size_t rows, size_t c)
{
    inner()->batchnorm_sums(norm, rows, c);
    sums_of_all(norm, rows, c);
}

static void group_conv2d_backward_data(sc_map *dx, const sc_batchnorm *sums, const sc_map *dy,
                                       const sc_batchnorm *make, const sc_real *w, sc_base base,
                                       const sc_conv_shape *shape, void *scratch)
{
    inner()->conv2d_backward_data(dx, sums, dy, make, w, base, shape, scratch);
    sums_of_all(sums, shape->n * shape->h * shape->w, shape->c);
}

static void group_maxpool_backward(sc_map *dx, const sc_batchnorm *sums, const sc_map *dy,
                                   const uint32_t *argmax, const sc_pool_shape *shape)
{
    inner()->maxpool_backward(dx, sums, dy, argmax, shape);
    sums_of_all(sums, shape->n * shape->h * shape->w, shape->c);
}

static void override(sc_backend *table)
{
    table->norm_fold = group_norm_fold;
    table->channel_stats = group_channel_stats;
    table->conv2d_forward = group_conv2d_forward;
    table->batchnorm_sums = group_batchnorm_sums;
    table->conv2d_backward_data = group_conv2d_backward_data;
    table->maxpool_backward = group_maxpool_backward;
}

#endif
