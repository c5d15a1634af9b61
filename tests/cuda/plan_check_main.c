/* SPDX-License-Identifier: MIT
 *
 * plan_check_main.c - on a machine without a GPU: every convolution of our networks has a plan of cuDNN's
 * on every generation of GPUs from 8.0 on, in bf16 by tensor cores, that is admitted by conv_plan.h.
 *
 *   plan_check [--all]   a line a device, network and precision; --all: a line a plan
 * label: slow
 */
#include <stdio.h>
#include <string.h>

#include "backend/conv_shape.h"
#include "backend/cuda/plan_check.h"
#include "core/fs.h"

enum { VIEWS = 1024, VIEWS_224 = 256 };

/* c -> k channels of a side h, r x r filters with pad r/2. */
typedef struct {
    size_t c, h, k, r, stride;
} layer;

/* CIFAR stem, its input padded to 8 channels; then four stages of 3x3. */
static const layer RESNET18[] = {
    {8, 32, 64, 3, 1},    {64, 32, 64, 3, 1},   {64, 32, 128, 3, 2},  {64, 32, 128, 1, 2},
    {128, 16, 128, 3, 1}, {128, 16, 256, 3, 2}, {128, 16, 256, 1, 2}, {256, 8, 256, 3, 1},
    {256, 8, 512, 3, 2},  {256, 8, 512, 1, 2},  {512, 4, 512, 3, 1},  {512, 1, 512, 1, 1},
    {512, 1, 128, 1, 1},
};
/* 224 px, torchvision's stride in the 3x3; the last two are the projector. */
static const layer RESNET50[] = {
    {8, 224, 64, 7, 2},   {64, 56, 64, 1, 1},    {64, 56, 64, 3, 1},    {64, 56, 256, 1, 1},
    {256, 56, 64, 1, 1},  {256, 56, 128, 1, 1},  {128, 56, 128, 3, 2},  {256, 56, 512, 1, 2},
    {128, 28, 512, 1, 1}, {512, 28, 128, 1, 1},  {128, 28, 128, 3, 1},  {512, 28, 256, 1, 1},
    {256, 28, 256, 3, 2}, {512, 28, 1024, 1, 2}, {256, 14, 1024, 1, 1}, {1024, 14, 256, 1, 1},
    {256, 14, 256, 3, 1}, {1024, 14, 512, 1, 1}, {512, 14, 512, 3, 2},  {1024, 14, 2048, 1, 2},
    {512, 7, 2048, 1, 1}, {2048, 7, 512, 1, 1},  {512, 7, 512, 3, 1},   {2048, 1, 2048, 1, 1},
    {2048, 1, 128, 1, 1},
};
/* The tutorial's: 128 px, six strides of 2. */
static const layer TUTORIAL[] = {
    {8, 128, 64, 7, 2},  {64, 32, 64, 3, 2},  {64, 32, 64, 1, 2},  {64, 16, 64, 3, 1},
    {64, 16, 128, 3, 2}, {64, 16, 128, 1, 2}, {128, 8, 128, 3, 1}, {128, 8, 256, 3, 2},
    {128, 8, 256, 1, 2}, {256, 4, 256, 3, 1}, {256, 4, 512, 3, 2}, {256, 4, 512, 1, 2},
    {512, 2, 512, 3, 1}, {512, 1, 512, 1, 1}, {512, 1, 128, 1, 1},
};

typedef struct {
    const char *name;
    const layer *layer;
    size_t layers, views;
    sc_precision precision;
    int capability; /* 0: of all devices */
} network;

#define LAYERS(table) table, sizeof(table) / sizeof(table[0])
static const network NETWORKS[] = {
    {"ResNet-18 at 32 px", LAYERS(RESNET18), VIEWS, SC_BF16, 0},
    {"ResNet-50 at 224 px", LAYERS(RESNET50), VIEWS_224, SC_BF16, 0},
    {"tutorial at 128 px", LAYERS(TUTORIAL), VIEWS, SC_BF16, 0},
    {"ResNet-18 at 32 px", LAYERS(RESNET18), VIEWS, SC_FP32, 90},
};

typedef struct {
    size_t plans, without, plain, failed;
    int64_t workspace; /* largest */
} counts;

static const char *const PASS[] = {
    [SC_CONV_Y] = "y", [SC_CONV_DX] = "dx", [SC_CONV_DX_ADD] = "dx+", [SC_CONV_DW] = "dw"};

static sc_conv_shape shape_of(const layer *l, size_t views)
{
    sc_conv_shape s = {.n = views,
                       .h = l->h,
                       .w = l->h,
                       .c = l->c,
                       .k = l->k,
                       .r = l->r,
                       .s = l->r,
                       .stride = l->stride,
                       .pad = l->r / 2,
                       .dilation = 1};
    s.p = s.q = (l->h + 2 * s.pad - l->r) / l->stride + 1;
    sc_conv_shape_check(&s);
    return s;
}

static void check_one(counts *to, const network *net, const layer *l, sc_conv_pass pass,
                      sc_cudnn_descriptor device, bool all)
{
    sc_plan_report report;
    sc_conv_shape shape = shape_of(l, net->views), turned;
    bool forward = net->precision == SC_FP32 && (pass == SC_CONV_DX || pass == SC_CONV_DX_ADD) &&
                   sc_conv_turned(&turned, &shape); /* as conv.cu asks for them */
    bool found = sc_plan_check(&report, device, forward ? SC_CONV_Y : pass, net->precision,
                               forward ? &turned : &shape);
    bool cores = report.first.notes.tensor_core;
    bool known = found && strcmp(report.first.notes.settings, "?") != 0;
    const char *verdict = !found                               ? report.why
                          : !known                             ? "unknown settings"
                          : cores || net->precision == SC_FP32 ? ""
                                                               : "no cores";
    to->plans += found;
    to->plain += found && !cores;
    to->failed += !known || (net->precision == SC_BF16 && !cores);
    if (report.first.workspace > to->workspace) {
        to->workspace = report.first.workspace;
    }
    if (all || (verdict[0] != '\0')) {
        printf("    %-3s %4zux%-3zu c %4zu k %4zu %zux%zu/%zu: engine %lld (%s), %zu proposed, "
               "workspace %.1f MiB %s\n",
               PASS[pass], l->h, l->h, l->c, l->k, l->r, l->r, l->stride,
               (long long)report.first.notes.engine, report.first.notes.settings, report.proposed,
               (double)report.first.workspace / (1 << 20), verdict);
    }
}

static counts check_network(const network *net, sc_cudnn_descriptor device, bool all)
{
    counts sum = {0};
    for (size_t i = 0; i < net->layers; i++) {
        for (sc_conv_pass pass = SC_CONV_Y; pass <= SC_CONV_DW; pass++) {
            if (i > 0 || pass == SC_CONV_Y || pass == SC_CONV_DW) { /* pixels need no gradient */
                check_one(&sum, net, &net->layer[i], pass, device, all);
            }
        }
    }
    return sum;
}

/* Which engines are admitted; the number that are not as they should be. */
static size_t check_rules(void)
{
    static const struct {
        sc_cudnn_notes notes;
        sc_precision precision;
        sc_conv_algorithm algorithm;
        bool admitted;
    } rule[] = {
        {{.deterministic = true}, SC_FP32, SC_CONV_FASTEST, true},
        {{.deterministic = false}, SC_FP32, SC_CONV_FASTEST, false},
        {{.deterministic = false, .tensor_core = true}, SC_BF16, SC_CONV_FASTEST, false},
        {{.deterministic = true, .tensor_core = true}, SC_BF16, SC_CONV_DIRECT, true},
        {{.deterministic = true, .tensor_core = true}, SC_FP32, SC_CONV_FASTEST, false},
        {{.deterministic = true, .narrow_inputs = true}, SC_FP32, SC_CONV_FASTEST, false},
        {{.deterministic = true, .narrow_sums = true}, SC_BF16, SC_CONV_FASTEST, false},
        {{.deterministic = true, .fourier = true}, SC_FP32, SC_CONV_FASTEST, false},
        {{.deterministic = true, .runtime_compiled = true}, SC_BF16, SC_CONV_FASTEST, false},
        {{.deterministic = true, .winograd = 6}, SC_FP32, SC_CONV_FASTEST, true},
        {{.deterministic = true, .winograd = 13}, SC_FP32, SC_CONV_FASTEST, false},
        {{.deterministic = true, .winograd = 6}, SC_FP32, SC_CONV_WINOGRAD2, false},
        {{.deterministic = true, .winograd = 4}, SC_FP32, SC_CONV_WINOGRAD2, true},
        {{.deterministic = true, .winograd = 1}, SC_FP32, SC_CONV_WINOGRAD2, false},
        {{.deterministic = true, .winograd = 4}, SC_FP32, SC_CONV_DIRECT, false},
    };
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof(rule) / sizeof(rule[0]); i++) {
        if (sc_conv_admits(&rule[i].notes, rule[i].precision, rule[i].algorithm) !=
            rule[i].admitted) {
            printf("FAILED: rule %zu of check_rules\n", i);
            wrong++;
        }
    }
    return wrong;
}

int main(int argc, char **argv)
{
    size_t version = sc_plan_cudnn_version(), failed = check_rules();
    bool all = argc > 1 && strcmp(argv[1], "--all") == 0;
    if (version == 0) {
        printf("SKIPPED: cuDNN 9.8 or later is needed to describe devices\n");
        return failed > 0 ? 1 : 77;
    }
    printf("cuDNN %zu\n%-24s %-20s %-5s %6s %9s %9s %8s\n", version, "device", "network", "",
           "plans", "no cores", "workspace", "seconds");
    for (size_t d = 0; d < SC_PLAN_DEVICE_COUNT; d++) {
        char why[320] = "";
        const sc_plan_device *device = &SC_PLAN_DEVICES[d];
        sc_cudnn_descriptor described = sc_plan_describe(device, why, sizeof(why));
        if (described == NULL) {
            printf("%-24s %s\n", device->name, why);
            failed++;
            continue;
        }
        for (size_t i = 0; i < sizeof(NETWORKS) / sizeof(NETWORKS[0]); i++) {
            const network *net = &NETWORKS[i];
            if (net->capability != 0 && net->capability != device->capability) {
                continue;
            }
            double begin = sc_clock();
            counts sum = check_network(net, described, all);
            printf("%-24s %-20s %-5s %6zu %9zu %5.1f MiB %8.2f%s\n", device->name, net->name,
                   net->precision == SC_BF16 ? "bf16" : "fp32", sum.plans, sum.plain,
                   (double)sum.workspace / (1 << 20), sc_clock() - begin,
                   sum.failed > 0 ? "  FAILED" : "");
            failed += sum.failed;
        }
        sc_cudnn_free(described);
    }
    return failed > 0;
}
