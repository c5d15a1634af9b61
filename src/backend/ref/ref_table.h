/* SPDX-License-Identifier: MIT
 *
 * ref_table.h - the table of the reference backend: the executable specification of every kernel,
 * in short plain C with double accumulators.  Slow, but a whole training run may use it.
 */
#ifndef SC_REF_REF_TABLE_H
#define SC_REF_REF_TABLE_H

#include "backend/ref/ref.h"
#include "backend/ref/ref_act.h"
#include "backend/ref/ref_bias.h"
#include "backend/ref/ref_conv.h"
#include "backend/ref/ref_global_max.h"
#include "backend/ref/ref_groupnorm.h"
#include "backend/ref/ref_norm.h"
#include "backend/ref/ref_peak.h"
#include "backend/ref/ref_pointwise.h"
#include "backend/ref/ref_pool.h"
#include "backend/ref/ref_reflect.h"

static const sc_backend ref_table = {
    .name = "ref",
    .precision = REF_PRECISION,
    .map_bytes = sizeof(ref_elem),
    .map_store = ref_map_store,
    .map_load = ref_map_load,
    .map_copy = ref_map_copy,
    .gemm = sc_ref_gemm,
    .conv2d_scratch = ref_conv2d_scratch,
    .conv2d_forward = ref_conv2d_forward,
    .conv2d_backward_data = ref_conv2d_backward_data,
    .conv2d_backward_weight = ref_conv2d_backward_weight,
    .bias_forward = ref_bias_forward,
    .bias_backward = ref_bias_backward,
    .channel_stats = ref_channel_stats,
    .norm_fold = sc_ref_norm_fold,
    .channel_affine = ref_channel_affine,
    .batchnorm_sums = ref_batchnorm_sums,
    .batchnorm_gradient = ref_batchnorm_gradient,
    .groupnorm_forward = ref_groupnorm_forward,
    .groupnorm_backward = ref_groupnorm_backward,
    .act_forward = ref_act_forward,
    .act_backward = ref_act_backward,
    .maxpool_forward = ref_maxpool_forward,
    .maxpool_backward = ref_maxpool_backward,
    .avgpool_forward = ref_avgpool_forward,
    .avgpool_backward = ref_avgpool_backward,
    .global_avgpool_forward = ref_global_avgpool_forward,
    .global_avgpool_backward = ref_global_avgpool_backward,
    .global_maxpool_forward = ref_global_maxpool_forward,
    .global_maxpool_backward = ref_global_maxpool_backward,
    .reflect_pad_forward = ref_reflect_pad_forward,
    .reflect_pad_backward = ref_reflect_pad_backward,
    .add = ref_add,
    .dropout = sc_ref_dropout,
    .multiply_adds = ref_multiply_adds,
};

#endif
