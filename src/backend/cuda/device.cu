/* SPDX-License-Identifier: MIT
 *
 * device.cu - a sc_device of the runtime, the tables and the stages of a step.
 */
#include <string.h>

#include "backend/cuda/kernels.h"
#include "backend/cuda/parts.h"
#include "backend/cuda/runtime.h"

void sc_cuda_device(sc_device *out)
{
    char name[sizeof out->name];

    memcpy(name, out->name, sizeof name);
    *out = {};
    memcpy(out->name, name, sizeof name);
    out->abi = SC_DEVICE_ABI;
    out->bytes = sizeof *out;
    out->reals = sc_cuda_table(SC_FP32);
    out->bf16 = sc_cuda_table(SC_BF16);
    out->memory.alloc = sc_cuda_alloc;
    out->memory.free = sc_cuda_free;
    out->granule = SC_CUDA_GRANULE;
    out->free_bytes = sc_cuda_free_bytes;
    out->staging.alloc = sc_cuda_host_alloc;
    out->staging.free = sc_cuda_host_free;
    out->upload = sc_cuda_upload;
    out->download = sc_cuda_download;
    out->zero = sc_cuda_zero;
    out->wait = sc_cuda_wait;
    out->views_scratch = sc_cuda_views_scratch;
    out->views = sc_cuda_views;
    out->ntxent_forward = sc_cuda_ntxent_forward;
    out->ntxent_backward = sc_cuda_ntxent_backward;
    out->update = sc_cuda_update;
    out->nearest = sc_cuda_nearest;
    out->play = sc_cuda_play;
    out->forget = sc_cuda_forget;
    sc_cuda_tables_belong_to(out);
}
