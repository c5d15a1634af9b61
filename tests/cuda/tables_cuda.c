/* SPDX-License-Identifier: MIT
 *
 * tables_cuda.c - kernelcheck of the CUDA kernels, which cuda_on_cpu runs on the processor.
 *
 * Threads of the host make no difference; but the threads of a block run in another order in each
 * launch, so that three runs show a barrier that is missing.
 *
 * "cuda" computes every convolution by the plain kernels; "cuda-plans" is the same table whose convolutions
 * the library has plans for, and differs in them alone.
 *
 * label: slow
 */
#include <string.h>

#include "backend/cuda/kernels.h"
#include "kernels/kernelcheck.h"

/* Of conv_on_cpu.cpp. */
const sc_backend *cuda_on_cpu_planned(sc_precision precision);

const char *const table_names[] = {"cuda", "cuda-plans", NULL};
const int table_threads[] = {1, 1, 1, 0};
const bool table_transforms = false;
#ifdef SC_CUDA_RACES /* a hundred times as slow */
const double table_most_work = 1e6;
#else
const double table_most_work = 5e6;
#endif

const sc_backend *table_by_name(const char *name, sc_precision precision)
{
    return strcmp(name, table_names[0]) == 0 ? sc_cuda_table(precision)
                                             : cuda_on_cpu_planned(precision);
}

/* In place the library adds, where it has a plan for that (conv_on_cpu.cpp) and no channels are filled up. */
bool table_adds_rounded(const sc_backend *table, const kernel_case *c, int which)
{
    bool planned = strcmp(table->name, table_names[1]) == 0;
    bool in_place = c->gradient && which > 0 && c->out[which].initial != NULL;

    return planned && !(in_place && c->conv->c % 8 == 0 && c->conv->r * c->conv->s > 1);
}
