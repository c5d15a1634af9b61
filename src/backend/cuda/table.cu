/* SPDX-License-Identifier: MIT
 *
 * table.cu - the tables of kernels, put together from what every file has.
 */
#include "backend/bf16.h"
#include "backend/cuda/kernels.h"
#include "backend/cuda/parts.h"

static sc_backend tables[2];

/* What a processor can do at most is measured of the host's tables. */
static double multiply_adds(size_t)
{
    return 0;
}

static void fill(sc_backend *table, sc_precision precision)
{
    table->precision = precision;
    table->map_bytes = precision == SC_BF16 ? sizeof(sc_bf16) : sizeof(float);
    table->multiply_adds = multiply_adds;
    sc_cuda_put_act(table);
    sc_cuda_put_bias(table);
    sc_cuda_put_conv(table);
    sc_cuda_put_dropout(table);
    sc_cuda_put_gemm(table);
    sc_cuda_put_global_pool(table);
    sc_cuda_put_groupnorm(table);
    sc_cuda_put_norm(table);
    sc_cuda_put_norm_backward(table);
    sc_cuda_put_pointwise(table);
    sc_cuda_put_pool(table);
    sc_cuda_put_reflect(table);
    sc_cuda_put_stats(table);
    table->name = "cuda";
}

const sc_backend *sc_cuda_table(sc_precision precision)
{
    sc_backend *table = &tables[precision == SC_BF16];

    if (table->name == nullptr)
        fill(table, precision);
    return table;
}

void sc_cuda_tables_belong_to(const struct sc_device *device)
{
    for (sc_backend &table : tables)
        table.device = device;
}
