/* SPDX-License-Identifier: MIT
 *
 * kernel_table.h - the table of one instruction set: every kernel_*.h, and the reference for the
 * operations that are not worth more (group normalisation, reflection padding).
 */
#ifndef SC_CPU_KERNEL_TABLE_H
#define SC_CPU_KERNEL_TABLE_H

#include "backend/cpu/cpu.h"
#include "backend/cpu/kernel_conv2d.h"
#include "backend/cpu/kernel_norm.h"
#include "backend/cpu/kernel_pool.h"
#include "backend/ref/ref.h"

static const sc_backend kernel_table = {
    .name = KERNEL_NAME,
    .gemm = gemm,
    .conv2d_scratch = conv2d_scratch,
    .conv2d_forward = conv2d_forward,
    .conv2d_backward_data = conv2d_backward_data,
    .conv2d_backward_weight = conv2d_backward_weight,
    .channel_stats = channel_stats,
    .channel_affine = channel_affine,
    .batchnorm_backward = batchnorm_backward,
    .groupnorm_forward = sc_ref_groupnorm_forward,
    .groupnorm_backward = sc_ref_groupnorm_backward,
    .act_forward = act_forward,
    .act_backward = act_backward,
    .maxpool_forward = maxpool_forward,
    .maxpool_backward = maxpool_backward,
    .avgpool_forward = avgpool_forward,
    .avgpool_backward = avgpool_backward,
    .global_avgpool_forward = global_avgpool_forward,
    .global_avgpool_backward = global_avgpool_backward,
    .reflect_pad_forward = sc_ref_reflect_pad_forward,
    .reflect_pad_backward = sc_ref_reflect_pad_backward,
    .add = add,
};

#endif
