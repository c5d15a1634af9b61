/* SPDX-License-Identifier: MIT
 *
 * kernel_table.h - the table of one instruction set and precision: every kernel_*.h, and the
 * reference for the operations that are not worth more (group normalisation, reflection padding,
 * biases, global maximum, folding of norms, dropout).
 */
#ifndef SC_CPU_KERNEL_TABLE_H
#define SC_CPU_KERNEL_TABLE_H

#include "backend/cpu/cpu.h"
#include "backend/cpu/kernel_conv2d.h"
#include "backend/cpu/kernel_maxpool.h"
#include "backend/cpu/kernel_norm.h"
#include "backend/cpu/kernel_peak.h"
#include "backend/cpu/kernel_pointwise.h"
#include "backend/cpu/kernel_pool.h"
#include "backend/ref/ref.h"
#include "backend/ref/ref_bias.h"
#include "backend/ref/ref_global_max.h"
#include "backend/ref/ref_groupnorm.h"
#include "backend/ref/ref_reflect.h"

static const sc_backend kernel_table = {
    .name = KERNEL_NAME,
    .precision = KERNEL_PRECISION,
    .map_bytes = sizeof(elem),
    .map_store = map_store,
    .map_load = map_load,
    .map_copy = map_copy,
    .gemm = KERNEL_GEMM,
    .conv2d_scratch = conv2d_scratch,
    .conv2d_forward = conv2d_forward,
    .conv2d_backward_data = conv2d_backward_data,
    .conv2d_backward_weight = conv2d_backward_weight,
    .bias_forward = ref_bias_forward,
    .bias_backward = ref_bias_backward,
    .channel_stats = channel_stats,
    .norm_fold = sc_ref_norm_fold,
    .channel_affine = channel_affine,
    .batchnorm_sums = batchnorm_sums,
    .batchnorm_gradient = batchnorm_gradient,
    .groupnorm_forward = ref_groupnorm_forward,
    .groupnorm_backward = ref_groupnorm_backward,
    .act_forward = act_forward,
    .act_backward = act_backward,
    .maxpool_forward = maxpool_forward,
    .maxpool_backward = maxpool_backward,
    .avgpool_forward = avgpool_forward,
    .avgpool_backward = avgpool_backward,
    .global_avgpool_forward = global_avgpool_forward,
    .global_avgpool_backward = global_avgpool_backward,
    .global_maxpool_forward = ref_global_maxpool_forward,
    .global_maxpool_backward = ref_global_maxpool_backward,
    .reflect_pad_forward = ref_reflect_pad_forward,
    .reflect_pad_backward = ref_reflect_pad_backward,
    .add = add,
    .dropout = sc_ref_dropout,
    .multiply_adds = multiply_adds,
};

#endif
