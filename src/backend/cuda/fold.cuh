/* SPDX-License-Identifier: MIT
 *
 * fold.cuh - statistics of channels and their folding, which the same kernel does where it can.
 */
#ifndef SC_CUDA_FOLD_CUH
#define SC_CUDA_FOLD_CUH

#include "backend/backend.h"
#include "backend/cuda/launch.h"

/* As channel_stats, then as norm_fold with to.fold, if there is one. */
void sc_cuda_stats(sc_channel_stats to, sc_precision precision, const sc_map *x, size_t rows,
                   size_t c);

/* A channel, with m for the momentum, which may not be negative. */
static __device__ __forceinline__ void fold_channel(const sc_norm_fold &f, double m, size_t c)
{
    double unbias = f.rows > 1 ? (double)f.rows / (double)(f.rows - 1) : 1;
    double scale = 1, shift = f.beta != nullptr ? (double)f.beta[c] : 0;

    if (f.update) {
        double mean = (double)f.running_mean[c], var = (double)f.running_var[c];
        f.running_mean[c] = (sc_real)((1 - m) * mean + m * (double)f.mean[c]);
        f.running_var[c] = (sc_real)((1 - m) * var + m * unbias * (double)f.invstd[c]);
    }
    if (f.batch) {
        double var = (double)(f.statistics ? f.invstd : f.running_var)[c];
        f.mean[c] = f.statistics ? f.mean[c] : f.running_mean[c];
        f.invstd[c] = (sc_real)(1 / sqrt(var + f.eps));
        scale = (double)f.invstd[c] * (f.gamma != nullptr ? (double)f.gamma[c] : 1);
        shift -= (double)f.mean[c] * scale;
    }
    f.scale[c] = (sc_real)scale;
    f.shift[c] = (sc_real)shift;
}

#endif
