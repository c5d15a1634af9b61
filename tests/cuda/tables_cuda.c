/* SPDX-License-Identifier: MIT
 *
 * tables_cuda.c - kernelcheck of the CUDA kernels, which cuda_on_cpu runs on the processor.
 *
 * Threads of the host make no difference; but the threads of a block run in another order in each
 * launch, so that four runs show a barrier that is missing.
 *
 * label: slow
 */
#include <string.h>

#include "backend/cuda/kernels.h"
#include "kernels/kernelcheck.h"

const char *const table_names[] = {"cuda", NULL};
const int table_threads[TABLE_RUNS] = {1, 1, 1, 1};
const bool table_transforms = false;
const double table_most_work = 24e6;

const sc_backend *table_by_name(const char *name, sc_precision precision)
{
    return strcmp(name, "cuda") == 0 ? sc_cuda_table(precision) : NULL;
}
