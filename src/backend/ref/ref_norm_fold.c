/* SPDX-License-Identifier: MIT
 *
 * ref_norm_fold.c - reference folding of a norm's statistics and parameters into y = x scale + shift.
 *
 *   running += momentum (batch - running), the variance unbiased: times rows / (rows - 1)
 *   invstd = 1 / sqrt(variance + eps),  scale = gamma invstd,  shift = beta - mean scale
 */
#include <math.h>

#include "backend/ref/ref.h"

static void update_running(const sc_norm_fold *f)
{
    double unbias = f->rows > 1 ? (double)f->rows / (double)(f->rows - 1) : 1;

    *f->batches += 1;
    double m = f->momentum < 0 ? 1 / (double)*f->batches : f->momentum;
    for (size_t c = 0; c < f->channels; c++) {
        double mean = (double)f->running_mean[c], var = (double)f->running_var[c];
        f->running_mean[c] = (sc_real)((1 - m) * mean + m * (double)f->mean[c]);
        f->running_var[c] = (sc_real)((1 - m) * var + m * unbias * (double)f->invstd[c]);
    }
}

void sc_ref_norm_fold(const sc_norm_fold *f)
{
    if (f->update) {
        update_running(f);
    }
    for (size_t c = 0; c < f->channels; c++) {
        double scale = 1, shift = f->beta ? (double)f->beta[c] : 0;
        if (f->batch) {
            double var = (double)(f->statistics ? f->invstd : f->running_var)[c];
            f->mean[c] = f->statistics ? f->mean[c] : f->running_mean[c];
            f->invstd[c] = (sc_real)(1 / sqrt(var + f->eps));
            scale = (double)f->invstd[c] * (f->gamma ? (double)f->gamma[c] : 1);
            shift -= (double)f->mean[c] * scale;
        }
        f->scale[c] = (sc_real)scale;
        f->shift[c] = (sc_real)shift;
    }
}
