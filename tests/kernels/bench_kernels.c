/* SPDX-License-Identifier: MIT
 *
 * bench_kernels.c - kernelcheck --bench: best times of the products and of the passes over memory.
 *
 * GFLOP/s are nominal: 2 m n k, 2 n p q k c r s, whatever the algorithm really does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/parallel.h"
#include "kernelcheck.h"

static double now(void)
{
    struct timespec t;
    /* One thread: its own time, which a busy machine does not stretch. */
    clock_gettime(sc_parallel_threads() == 1 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static const char *label(const sc_backend *table)
{
    static char text[32];
    snprintf(text, sizeof text, "%s %s", table->name,
             table->precision == SC_BF16 ? "bf16" : "fp32");
    return text;
}

static void bench_gemm(const sc_backend *table, size_t m, size_t n, size_t k, int repeats)
{
    float *a = fill(m * k, false), *b = fill(n * k, false), *c = fill(m * n, false);
    double best = 1e30;

    for (int i = 0; i < repeats; i++) {
        double start = now();
        table->gemm(c, n, a, k, false, b, k, true, m, n, k, false);
        double time = now() - start;
        best = time < best ? time : best;
    }
    printf("%-15s gemm m=%-5zu n=%-5zu k=%-5zu %8.2f ms %7.1f GFLOP/s\n", label(table), m, n, k,
           best * 1e3, 2e-9 * (double)(m * n * k) / best);
    drop_fills();
}

/* Sums the times of a network's convolutions. */
static void bench_conv(double total[3], const sc_backend *table, const size_t v[7], int repeats)
{
    sc_conv_shape s = {.n = v[0],
                       .h = v[1],
                       .w = v[1],
                       .c = v[2],
                       .k = v[3],
                       .r = v[4],
                       .s = v[4],
                       .stride = v[5],
                       .pad = v[4] / 2,
                       .dilation = 1};
    s.p = s.q = (s.h + 2 * s.pad - s.r) / s.stride + 1;
    sc_map *x = map_of(table, fill(s.n * s.h * s.w * s.c, false));
    sc_map *dx = map_of(table, fill(s.n * s.h * s.w * s.c, false));
    sc_map *y = map_of(table, fill(s.n * s.p * s.q * s.k, false));
    float *w = fill(s.k * s.c * s.r * s.s, false), *dw = fill(s.k * s.c * s.r * s.s, false);
    sc_channel_stats stats = {fill(s.k, false), fill(s.k, false), NULL}; /* as before a norm */
    size_t bytes = table->conv2d_scratch(&s);
    float *scratch = fill(bytes / sizeof(float) + 16, false);
    double best[3] = {1e30, 1e30, 1e30};

    memset(scratch, 0, bytes);
    for (int i = 0; i < repeats; i++) {
        for (int direction = 0; direction < 3; direction++) {
            double start = now();
            if (direction == 0) {
                table->conv2d_forward(y, stats, x, NULL, w, &s, scratch);
            } else if (direction == 1) {
                table->conv2d_backward_data(dx, NULL, y, NULL, w, SC_NO_BASE, &s, scratch);
            } else {
                table->conv2d_backward_weight(dw, y, NULL, x, NULL, &s, scratch);
            }
            double time = now() - start;
            best[direction] = time < best[direction] ? time : best[direction];
        }
    }
    double flop = 2e-9 * (double)(s.n * s.p * s.q * s.k * s.c * s.r * s.s);
    printf("%-15s conv %zux%zu/%zu %3zu->%-3zu @%-3zu forward %7.2f ms %6.1f  data %7.2f ms %6.1f  "
           "weight %7.2f ms %6.1f GFLOP/s  scratch %.1f MB\n",
           label(table), s.r, s.s, s.stride, s.c, s.k, s.h, best[0] * 1e3, flop / best[0],
           best[1] * 1e3, flop / best[1], best[2] * 1e3, flop / best[2], (double)bytes / 1e6);
    for (int i = 0; i < 3; i++) {
        total[i] += best[i] * (double)v[6];
    }
    drop_fills();
}

static void bench_norm(const sc_backend *table, size_t rows, size_t c, int repeats)
{
    sc_map *x = map_of(table, fill(rows * c, false)), *y = map_of(table, fill(rows * c, false));
    sc_map *dy = map_of(table, fill(rows * c, false));
    float *mean = fill(c, false), *var = fill_positive(c), *dg = fill(c, false),
          *db = fill(c, false);
    float *mean_g = fill(c, false), *curve = fill(c, false);
    sc_affine affine = {y, x, NULL, var, mean, true};
    sc_batchnorm norm = {.dy = dy,
                         .x = x,
                         .mean = mean,
                         .invstd = var,
                         .scale = var,
                         .shift = mean,
                         .relu = true,
                         .mean_g = mean_g,
                         .curve = curve,
                         .dgamma = dg,
                         .dbeta = db,
                         .dx = dy};
    double best[3] = {1e30, 1e30, 1e30};

    for (int i = 0; i < repeats; i++) {
        for (int which = 0; which < 3; which++) {
            double start = now();
            if (which == 0) {
                table->channel_stats(mean, var, x, rows, c);
            } else if (which == 1) {
                table->channel_affine(&affine, rows, c);
            } else {
                table->batchnorm_sums(&norm, rows, c);
                table->batchnorm_gradient(&norm, rows, c);
            }
            double time = now() - start;
            best[which] = time < best[which] ? time : best[which];
        }
    }
    double gigabytes = 1e-9 * (double)(table->map_bytes * rows * c);
    printf(
        "%-15s norm rows=%-6zu c=%-3zu stats %.2f ms (%.0f GB/s)  affine %.2f ms (%.0f)  backward "
        "%.2f ms (%.0f)\n",
        label(table), rows, c, best[0] * 1e3, gigabytes / best[0], best[1] * 1e3,
        2 * gigabytes / best[1], best[2] * 1e3, 5 * gigabytes / best[2]);
    drop_fills();
}

void bench(const sc_backend *table, int repeats)
{
    static const size_t conv[][7] = {
        /* views, side, c, k, kernel, stride, how many in ResNet-18 with the CIFAR stem */
        {256, 32, 3, 64, 3, 1, 1},
        {256, 32, 64, 64, 3, 1, 4},
        {256, 32, 64, 128, 3, 2, 1},
        {256, 16, 128, 128, 3, 1, 3},
        {256, 16, 128, 256, 3, 2, 1},
        {256, 8, 256, 256, 3, 1, 3},
        {256, 8, 256, 512, 3, 2, 1},
        {256, 4, 512, 512, 3, 1, 3},
        {256, 32, 64, 128, 1, 2, 1},
        {256, 16, 128, 256, 1, 2, 1},
        {256, 8, 256, 512, 1, 2, 1},
        /* the narrow network */
        {256, 32, 3, 16, 3, 1, 0},
        {256, 32, 16, 16, 3, 1, 0},
        {256, 32, 16, 32, 3, 2, 0},
        {256, 16, 32, 32, 3, 1, 0},
        {256, 8, 64, 64, 3, 1, 0},
        {256, 4, 128, 128, 3, 1, 0},
    };
    double total[3] = {0};

    if (wanted("gemm")) {
        bench_gemm(table, 1024, 1024, 1024, repeats);
        bench_gemm(table, 256, 512, 512, repeats);
        bench_gemm(table, 512, 512, 128, repeats);
        bench_gemm(table, 2048, 1024, 512, repeats);
    }
    for (size_t i = 0; wanted("conv2d") && i < sizeof conv / sizeof *conv; i++) {
        bench_conv(total, table, conv[i], repeats);
    }
    if (wanted("conv2d")) {
        printf(
            "%-15s ResNet-18, 256 views: forward %.0f ms, data %.0f ms, weight %.0f ms, all %.0f "
            "ms\n",
            label(table), total[0] * 1e3, total[1] * 1e3, total[2] * 1e3,
            (total[0] + total[1] + total[2]) * 1e3);
    }
    if (wanted("norm")) {
        bench_norm(table, 262144, 64, repeats);
        bench_norm(table, 4096, 512, repeats);
        bench_norm(table, 262144, 16, repeats);
    }
}
