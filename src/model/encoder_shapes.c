/* SPDX-License-Identifier: MIT
 *
 * encoder_shapes.c - defaults, sizes of every stage, and what an encoder refuses to be.
 *
 *   out = (in + 2 pad - dilation (kernel - 1) - 1) / stride + 1
 *
 * The tutorial's settings (all strides 2, reflection) make a 32-pixel image vanish: that is found
 * here, before a byte is allocated, and reported with all the sizes.
 */
#include "model/encoder_shapes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

sc_encoder_options sc_encoder_defaults(void)
{
    return (sc_encoder_options){.arch = 18,
                                .width = 1,
                                .stem = SC_STEM_CIFAR,
                                .in_channels = 3,
                                .norm = sc_norm_defaults(SC_NORM_BATCH),
                                .act = {SC_ACT_RELU, 0},
                                .down = SC_DOWN_MAXPOOL,
                                .last_pool = SC_LAST_POOL_AVG};
}

sc_encoder_options sc_encoder_resolve(const sc_encoder_options *options)
{
    static const size_t cifar[6] = {1, 1, 1, 2, 2, 2}, imagenet[6] = {2, 2, 1, 2, 2, 2};
    const size_t *strides = options->stem == SC_STEM_CIFAR ? cifar : imagenet;
    sc_encoder_options o = *options;

    for (int i = 0; i < 6; i++) {
        o.strides[i] = o.strides[i] ? o.strides[i] : strides[i];
    }
    for (int i = 0; i < 4; i++) {
        o.dilations[i] = o.dilations[i] ? o.dilations[i] : 1;
    }
    if (o.stem_kernel == 0) {
        o.stem_kernel = o.stem == SC_STEM_CIFAR ? 3 : 7;
    }
    if (o.pool_kernel == 0) {
        o.pool_kernel = 3;
    }
    return o;
}

bool sc_encoder_has_pool(const sc_encoder_options *resolved)
{
    bool none = resolved->stem == SC_STEM_CIFAR && resolved->strides[1] == 1;
    return resolved->down != SC_DOWN_NONE && !none;
}

size_t sc_encoder_planes(const sc_encoder_options *options, int stage)
{
    double channels = options->width * (double)(64 << stage);
    size_t eighths = (size_t)(channels / 8 + 0.5);
    return eighths < 1 ? 8 : 8 * eighths;
}

/* He et al. 2016, table 1; ResNet-200 as timm and google-research/simclr have it. */
typedef struct {
    int arch;
    bool bottleneck;
    size_t blocks[4];
} depth;

static const depth DEPTHS[] = {
    {18, false, {2, 2, 2, 2}},  {34, false, {3, 4, 6, 3}},  {50, true, {3, 4, 6, 3}},
    {101, true, {3, 4, 23, 3}}, {152, true, {3, 8, 36, 3}}, {200, true, {3, 24, 36, 3}},
};

/* NULL: there is none of this name. */
static const depth *depth_of(int arch)
{
    for (size_t i = 0; i < sizeof DEPTHS / sizeof *DEPTHS; i++) {
        if (DEPTHS[i].arch == arch) {
            return &DEPTHS[i];
        }
    }
    return NULL;
}

size_t sc_encoder_depth(const sc_encoder_options *options, int stage)
{
    const depth *of = depth_of(options->arch);
    return of == NULL ? 0 : of->blocks[stage];
}

bool sc_encoder_bottleneck(const sc_encoder_options *options)
{
    const depth *of = depth_of(options->arch);
    return of != NULL && of->bottleneck;
}

/* Notes the first stage that is not possible. */
static void refuse(sc_encoder_stages *s, int stage, const char *reason)
{
    if (s->bad < 0) {
        s->bad = stage;
        s->reason = reason;
    }
}

static void window(sc_encoder_stages *s, int to, int from, size_t kernel, size_t stride,
                   bool reflect)
{
    sc_stage_shape *in = &s->stage[from], *out = &s->stage[to];
    size_t pad = (kernel - 1) / 2;

    out->height = sc_conv2d_out(in->height, kernel, stride, pad, 1);
    out->width = sc_conv2d_out(in->width, kernel, stride, pad, 1);
    if (out->height == 0 || out->width == 0) {
        refuse(s, to, "the window is larger than the map, nothing is left");
    } else if (reflect && (pad >= in->height || pad >= in->width)) {
        refuse(s, to, "padding by reflection needs a larger map");
    }
}

/* A stage's 3x3 convolutions pad by their dilation, so that only the stride makes it smaller. */
static void residual_stage(sc_encoder_stages *s, int to, int from, const sc_encoder_options *o)
{
    sc_stage_shape *in = &s->stage[from], *out = &s->stage[to];
    size_t dilation = o->dilations[to - 3], stride = o->strides[to - 1];

    out->height = sc_conv2d_out(in->height, 3, stride, dilation, dilation);
    out->width = sc_conv2d_out(in->width, 3, stride, dilation, dilation);
    if (out->height == 0 || out->width == 0) {
        refuse(s, to, "nothing is left of the map");
    } else if (o->reflect && (dilation >= out->height || dilation >= out->width)) {
        refuse(s, to, "padding by reflection needs a map larger than 1x1 (than the dilation)");
    }
}

void sc_encoder_stages_of(sc_encoder_stages *out, const sc_encoder_options *resolved, size_t height,
                          size_t width)
{
    static const char *const names[SC_SHAPES_STAGES] = {"input",  "conv1",  "pool",   "layer1",
                                                        "layer2", "layer3", "layer4", "conv_last"};
    const sc_encoder_options *o = resolved;
    size_t expansion = sc_encoder_bottleneck(o) ? 4 : 1;

    *out = (sc_encoder_stages){.bad = -1};
    for (int i = 0; i < SC_SHAPES_STAGES; i++) {
        out->stage[i].name = names[i];
        out->stage[i].present = true;
    }
    out->stage[0].height = height;
    out->stage[0].width = width;
    out->stage[0].channels = o->in_channels;
    window(out, 1, 0, o->stem_kernel, o->strides[0], o->reflect);
    out->stage[1].channels = sc_encoder_planes(o, 0);
    out->stage[2].present = sc_encoder_has_pool(o);
    if (out->stage[2].present) {
        window(out, 2, 1, o->pool_kernel, o->strides[1], o->reflect && o->down == SC_DOWN_CONV);
    }
    out->stage[2].channels = out->stage[1].channels;
    for (int i = 3; i < 7; i++) {
        residual_stage(out, i, i == 3 && !out->stage[2].present ? 1 : i - 1, o);
        out->stage[i].channels = expansion * sc_encoder_planes(o, i - 3);
    }
    out->stage[7] = out->stage[6];
    out->stage[7].name = names[7];
    out->stage[7].present = o->out_channels > 0;
    out->stage[7].channels = o->out_channels;
}

static const char *range_fault(const sc_encoder_options *o)
{
    if (depth_of(o->arch) == NULL) {
        return "arch must be 18, 34, 50, 101, 152 or 200";
    }
    if (!(o->width > 0 && o->width <= 16)) {
        return "width must be above 0 and at most 16";
    }
    if (o->in_channels < 1 || o->in_channels > 1024 || o->out_channels > 65536) {
        return "in_channels must be 1..1024 and out_channels 0..65536";
    }
    for (int i = 0; i < 6; i++) {
        if (o->strides[i] > 16) {
            return "strides must be 1..16";
        }
    }
    for (int i = 0; i < 4; i++) {
        if (o->dilations[i] > 64) {
            return "dilations must be 1..64";
        }
    }
    if (o->stem_kernel > 31 || o->pool_kernel > 31) {
        return "kernels must be 1..31";
    }
    return NULL;
}

typedef struct {
    char *text;
    size_t size;
    int used;
} writer;

static void put(writer *w, const char *fmt, ...) SC_PRINTF(2, 3);

static void put(writer *w, const char *fmt, ...)
{
    size_t at = (size_t)w->used < w->size ? (size_t)w->used : w->size;
    va_list args;

    va_start(args, fmt);
    int n = vsnprintf(w->size ? w->text + at : NULL, w->size - at, fmt, args);
    va_end(args);
    w->used += n > 0 ? n : 0;
}

int sc_encoder_check(const sc_encoder_options *options, size_t height, size_t width,
                     simclr_error *err)
{
    const char *fault = range_fault(options);
    sc_encoder_options o = sc_encoder_resolve(options);
    sc_encoder_stages s;
    char sizes[240];
    writer w = {sizes, sizeof sizes, 0};

    if (fault != NULL) {
        return sc_fail(err, SIMCLR_E_USAGE, "encoder: %s", fault);
    }
    if (height < 1 || width < 1 || height > 16384 || width > 16384) {
        return sc_fail(err, SIMCLR_E_USAGE, "encoder: an image of %zux%zu is out of range", height,
                       width);
    }
    sc_encoder_stages_of(&s, &o, height, width);
    if (s.bad < 0) {
        return 0;
    }
    for (int i = 0; i < SC_SHAPES_STAGES; i++) {
        if (s.stage[i].present) {
            put(&w, "%s%s %zux%zu", i ? ", " : "", s.stage[i].name, s.stage[i].height,
                s.stage[i].width);
        }
    }
    return sc_fail(err, SIMCLR_E_USAGE,
                   "encoder: %s: %s; use a larger image, smaller strides or kernels, or zero "
                   "padding (sizes: %s)",
                   s.stage[s.bad].name, s.reason, sizes);
}

int sc_encoder_shapes(char *text, size_t size, const sc_encoder_options *options, size_t height,
                      size_t width)
{
    const char *fault = range_fault(options);
    sc_encoder_options o = sc_encoder_resolve(options);
    sc_encoder_stages s;
    writer w = {text, size, 0};

    if (fault != NULL) {
        put(&w, "%s\n", fault);
        return w.used;
    }
    sc_encoder_stages_of(&s, &o, height, width);
    for (int i = 0; i < SC_SHAPES_STAGES; i++) {
        const sc_stage_shape *t = &s.stage[i];
        if (t->present) {
            put(&w, "%-10s %4zu x %4zu x %5zu%s%s\n", t->name, t->height, t->width, t->channels,
                i == s.bad ? "   <- " : "", i == s.bad ? s.reason : "");
        }
    }
    put(&w, "%-10s %21zu\n", "h", o.out_channels ? o.out_channels : s.stage[6].channels);
    return w.used;
}
