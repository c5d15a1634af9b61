/* SPDX-License-Identifier: MIT
 *
 * ref_table.c - the table of the reference backend: the executable specification of every kernel,
 * in short plain C with double accumulators.  Slow, but a whole training run may use it.
 */
#include "backend/ref/ref.h"

static const sc_backend ref_table = {
    .name = "ref",
    .gemm = sc_ref_gemm,
    .conv2d_scratch = sc_ref_conv2d_scratch,
    .conv2d_forward = sc_ref_conv2d_forward,
    .conv2d_backward_data = sc_ref_conv2d_backward_data,
    .conv2d_backward_weight = sc_ref_conv2d_backward_weight,
    .channel_stats = sc_ref_channel_stats,
    .channel_affine = sc_ref_channel_affine,
    .batchnorm_backward = sc_ref_batchnorm_backward,
    .groupnorm_forward = sc_ref_groupnorm_forward,
    .groupnorm_backward = sc_ref_groupnorm_backward,
    .act_forward = sc_ref_act_forward,
    .act_backward = sc_ref_act_backward,
    .maxpool_forward = sc_ref_maxpool_forward,
    .maxpool_backward = sc_ref_maxpool_backward,
    .avgpool_forward = sc_ref_avgpool_forward,
    .avgpool_backward = sc_ref_avgpool_backward,
    .global_avgpool_forward = sc_ref_global_avgpool_forward,
    .global_avgpool_backward = sc_ref_global_avgpool_backward,
    .reflect_pad_forward = sc_ref_reflect_pad_forward,
    .reflect_pad_backward = sc_ref_reflect_pad_backward,
    .add = sc_ref_add,
};

const sc_backend *sc_backend_ref(void)
{
    return &ref_table;
}
