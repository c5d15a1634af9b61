/* SPDX-License-Identifier: MIT
 *
 * bench_profile.c - simclr bench profile: the table of a step's kernels, as text or JSON.
 */
#include "cmd.h"

#include <stdio.h>

static bool is_product(const simclr_profile_row *row)
{
    return row->flops > 0 && row->peak_flops > 0;
}

/* A cell of the given width and precision, or a dash. */
static void cell(bool known, int width, int digits, double value)
{
    if (known)
        printf(" %*.*f", width, digits, value);
    else
        printf(" %*s", width, "-");
}

static void print_row(const simclr_profile *p, const simclr_profile_row *row)
{
    double seconds = row->ms / 1000;
    bool product = is_product(row), pass = !product && row->bytes > 0;
    printf("%-24s %-26s ", row->name, row->shape);
    if (row->calls > 0)
        printf("%5zu", row->calls);
    else
        printf("%5s", "-");
    printf(" %9.2f %6.1f", row->ms, 100 * row->ms / p->step_ms);
    cell(product, 8, 1, 1e-9 * row->flops / seconds);
    cell(product, 6, 0, 100 * row->flops / seconds / row->peak_flops);
    cell(pass, 7, 1, 1e-9 * row->bytes / seconds);
    cell(pass, 6, 0, 100 * row->bytes / seconds / p->copy_bytes);
    printf("\n");
}

static void print_gap(const simclr_profile *p)
{
    if (p->gap >= p->rows) {
        printf("largest remaining gap: none, every row is at its limit\n");
        return;
    }
    const simclr_profile_row *row = &p->row[p->gap];
    double over = row->ms - row->limit_ms;
    printf("largest remaining gap: %s%s%s, %.2f ms (%.1f %% of the step) above its limit of %.2f "
           "ms\n",
           row->name, row->shape[0] ? " " : "", row->shape, over, 100 * over / p->step_ms,
           row->limit_ms);
}

static void print_training(const simclr_profile *p, size_t repeat)
{
    printf(
        "%s: each kernel was waited for, so that the sum above is larger than a step in training, "
        "%.2f ms (median, n=%zu), which waits for none\n",
        p->device, p->training_step_ms, repeat);
    printf("\"everything else\" is what the host does; in training most of that is done behind the "
           "kernels\n");
    if (p->note[0] != '\0')
        printf("in training %s\n", p->note);
}

static void print_text(const simclr_profile *p, size_t repeat)
{
    printf("%-24s %-26s %5s %9s %6s %8s %6s %7s %6s\n", "kernel", "shape", "calls", "ms", "%",
           "GFLOP/s", "% peak", "GB/s", "% copy");
    double sum = 0;
    for (size_t i = 0; i < p->rows; i++) {
        print_row(p, &p->row[i]);
        sum += p->row[i].ms;
    }
    printf("%-24s %-26s %5s %9.2f %6.1f\n", "sum of the medians", "", "", sum,
           100 * sum / p->step_ms);
    printf("step: median %.2f ms (n=%zu), %s, %s, %d thread%s; peaks: convolutions %.0f GFLOP/s, "
           "gemm %.0f, copy %.1f GB/s\n",
           p->step_ms, repeat, p->engine, p->precision, p->threads, p->threads == 1 ? "" : "s",
           1e-9 * p->conv_peak_flops, 1e-9 * p->gemm_peak_flops, 1e-9 * p->copy_bytes);
    if (p->training_step_ms > 0)
        print_training(p, repeat);
    print_gap(p);
}

static void json_number(const char *name, bool known, double value)
{
    if (known)
        printf(", \"%s\": %.6g", name, value);
    else
        printf(", \"%s\": null", name);
}

static void json_row(const simclr_profile *p, const simclr_profile_row *row)
{
    double seconds = row->ms / 1000;
    bool product = is_product(row), pass = !product && row->bytes > 0;
    printf("{\"name\": ");
    cli_json_string(row->name);
    printf(", \"shape\": ");
    cli_json_string(row->shape);
    printf(", \"calls\": %zu", row->calls);
    json_number("ms", true, row->ms);
    json_number("share", true, 100 * row->ms / p->step_ms);
    json_number("gflop_per_s", product, 1e-9 * row->flops / seconds);
    json_number("percent_of_peak", product, 100 * row->flops / seconds / row->peak_flops);
    json_number("gb_per_s", pass, 1e-9 * row->bytes / seconds);
    json_number("percent_of_copy", pass, 100 * row->bytes / seconds / p->copy_bytes);
    json_number("limit_ms", row->limit_ms > 0, row->limit_ms);
    printf("}");
}

static void print_json(const simclr_profile *p, size_t repeat)
{
    printf("{\"what\": \"profile\", \"device\": ");
    cli_json_string(p->device[0] ? p->device : "cpu");
    printf(", \"engine\": \"%s\", \"precision\": \"%s\", \"threads\": %d, "
           "\"n\": %zu, \"step_ms\": %.6g",
           p->engine, p->precision, p->threads, repeat, p->step_ms);
    json_number("training_step_ms", p->training_step_ms > 0, p->training_step_ms);
    cli_json_note(p->note);
    json_number("conv_peak_gflop_per_s", true, 1e-9 * p->conv_peak_flops);
    json_number("gemm_peak_gflop_per_s", true, 1e-9 * p->gemm_peak_flops);
    json_number("copy_gb_per_s", true, 1e-9 * p->copy_bytes);
    printf(", \"rows\": [");
    for (size_t i = 0; i < p->rows; i++) {
        printf("%s", i ? ", " : "");
        json_row(p, &p->row[i]);
    }
    printf("], \"gap\": ");
    if (p->gap < p->rows)
        json_row(p, &p->row[p->gap]);
    else
        printf("null");
    printf("}\n");
}

int cli_bench_profile(const simclr_config *config, size_t repeat, bool json, simclr_error *err)
{
    simclr_profile profile;
    int rc = simclr_bench_profile(&profile, repeat, config, err);
    if (rc < 0)
        return rc;
    if (json)
        print_json(&profile, repeat);
    else
        print_text(&profile, repeat);
    return 0;
}
