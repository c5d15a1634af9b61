/* SPDX-License-Identifier: MIT
 *
 * test_encoder.c - the encoder before it runs: its table of parameters, its sizes, its refusals.
 *
 * Numbers of parameters and multiply-adds are torchvision's for the model without its fc, names and
 * their order those of its state_dict.
 */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/encoder.h"

static void counts(void **state)
{
    (void)state;
    static const struct {
        int arch;
        sc_stem stem;
        size_t size, numbers, entries, dim;
        double macs;
    } cases[] = {
        {18, SC_STEM_IMAGENET, 224, 11176512, 120, 512, 1813561344},
        {34, SC_STEM_IMAGENET, 224, 21284672, 216, 512, 3663249408},
        {50, SC_STEM_IMAGENET, 224, 23508032, 318, 2048, 4087136256},
        {101, SC_STEM_IMAGENET, 224, 42500160, 624, 2048, 7799357440},
        {152, SC_STEM_IMAGENET, 224, 58143808, 930, 2048, 11511578624},
        {200, SC_STEM_IMAGENET, 224, 62624832, 1218, 2048, 15005433856},
        {18, SC_STEM_CIFAR, 32, 11168832, 120, 512, 555417600},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sc_params p = {0};
        sc_encoder e;
        simclr_error err;
        sc_encoder_options o = sc_encoder_defaults();
        o.arch = cases[i].arch;
        o.stem = cases[i].stem;
        sct_assert_ok(sc_encoder_init(&e, &o, cases[i].size, cases[i].size, 2, &p,
                                      sc_backend_ref(SC_FP32), &err),
                      &err);
        assert_int_equal(sc_params_count(&p, e.first, e.count), cases[i].numbers);
        assert_int_equal(e.count, cases[i].entries);
        assert_int_equal(e.dim, cases[i].dim);
        assert_true(sc_encoder_macs(&e) == cases[i].macs);
        sc_params_close(&p);
    }
}

/* The entry at *at is module.part; on to the next. */
static void next_is(const sc_params *p, size_t *at, const char *module, const char *part)
{
    char name[SC_PARAM_NAME];
    snprintf(name, sizeof name, "%s.%s", module, part);
    assert_true(*at < p->entry_count);
    assert_string_equal(p->entry[(*at)++].name, name);
}

static void names_are(const sc_encoder_options *o, const char *const (*modules)[2], size_t count)
{
    static const char *const norm[] = {"weight", "bias", "running_mean", "running_var",
                                       "num_batches_tracked"};
    sc_params p = {0};
    sc_encoder e;
    simclr_error err;
    size_t at = 0;

    sct_assert_ok(sc_encoder_init(&e, o, 64, 64, 2, &p, sc_backend_ref(SC_FP32), &err), &err);
    for (size_t i = 0; i < count; i++) {
        next_is(&p, &at, modules[i][0], "weight");
        assert_int_equal(p.entry[at - 1].ndim, 4);
        assert_int_equal(p.entry[at - 1].flags, SC_PARAM_DECAY | SC_PARAM_ADAPT);
        for (size_t k = 0; k < 5; k++) {
            next_is(&p, &at, modules[i][1], norm[k]);
            assert_int_equal(p.entry[at - 1].flags, k < 2    ? 0
                                                    : k == 4 ? SC_PARAM_BUFFER | SC_PARAM_COUNTER
                                                             : SC_PARAM_BUFFER);
        }
    }
    sc_params_close(&p);
}

static const char *const basic_names[][2] = {{"conv1", "bn1"},
                                             {"layer1.0.conv1", "layer1.0.bn1"},
                                             {"layer1.0.conv2", "layer1.0.bn2"},
                                             {"layer1.1.conv1", "layer1.1.bn1"},
                                             {"layer1.1.conv2", "layer1.1.bn2"},
                                             {"layer2.0.conv1", "layer2.0.bn1"},
                                             {"layer2.0.conv2", "layer2.0.bn2"},
                                             {"layer2.0.downsample.0", "layer2.0.downsample.1"},
                                             {"layer2.1.conv1", "layer2.1.bn1"},
                                             {"layer2.1.conv2", "layer2.1.bn2"},
                                             {"layer3.0.conv1", "layer3.0.bn1"},
                                             {"layer3.0.conv2", "layer3.0.bn2"},
                                             {"layer3.0.downsample.0", "layer3.0.downsample.1"},
                                             {"layer3.1.conv1", "layer3.1.bn1"},
                                             {"layer3.1.conv2", "layer3.1.bn2"},
                                             {"layer4.0.conv1", "layer4.0.bn1"},
                                             {"layer4.0.conv2", "layer4.0.bn2"},
                                             {"layer4.0.downsample.0", "layer4.0.downsample.1"},
                                             {"layer4.1.conv1", "layer4.1.bn1"},
                                             {"layer4.1.conv2", "layer4.1.bn2"}};

/* Of ResNet-50 the stem and two blocks: layer1 widens, so that it has a downsample too. */
static const char *const bottleneck_names[][2] = {
    {"conv1", "bn1"},
    {"layer1.0.conv1", "layer1.0.bn1"},
    {"layer1.0.conv2", "layer1.0.bn2"},
    {"layer1.0.conv3", "layer1.0.bn3"},
    {"layer1.0.downsample.0", "layer1.0.downsample.1"},
    {"layer1.1.conv1", "layer1.1.bn1"},
    {"layer1.1.conv2", "layer1.1.bn2"},
    {"layer1.1.conv3", "layer1.1.bn3"}};

static void names(void **state)
{
    (void)state;
    sc_encoder_options o = sc_encoder_defaults();

    names_are(&o, basic_names, sizeof basic_names / sizeof *basic_names);
    o.arch = 50;
    names_are(&o, bottleneck_names, sizeof bottleneck_names / sizeof *bottleneck_names);
}

/* Names and shapes that torchvision does not have. */
static void other_entries(void **state)
{
    (void)state;
    sc_params p = {0};
    sc_encoder e;
    simclr_error err;
    sc_encoder_options o = sc_encoder_defaults();

    o.stem = SC_STEM_IMAGENET;
    o.width = 0.25;
    o.in_channels = 1;
    o.down = SC_DOWN_CONV;
    o.norm = sc_norm_defaults(SC_NORM_NONE);
    o.out_channels = 24;
    sct_assert_ok(sc_encoder_init(&e, &o, 64, 64, 2, &p, sc_backend_ref(SC_FP32), &err), &err);
    static const sc_param want[] = {
        {.name = "conv1.weight", .shape = {16, 1, 7, 7}, .ndim = 4},
        {.name = "conv1.bias", .shape = {16}, .ndim = 1}, /* instead of bn1 */
        {.name = "pool.weight", .shape = {16, 16, 3, 3}, .ndim = 4},
        {.name = "pool.bias", .shape = {16}, .ndim = 1},
        {.name = "layer1.0.conv1.weight", .shape = {16, 16, 3, 3}, .ndim = 4},
        {.name = "layer4.1.conv2.bias", .shape = {128}, .ndim = 1},
        {.name = "conv_last.weight", .shape = {24, 128, 1, 1}, .ndim = 4},
        {.name = "conv_last.bias", .shape = {24}, .ndim = 1},
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        long at = sc_params_find(&p, want[i].name);
        assert_true(i < 5 ? at == (long)i : at >= 0);
        assert_int_equal(p.entry[at].ndim, want[i].ndim);
        assert_memory_equal(p.entry[at].shape, want[i].shape,
                            (size_t)want[i].ndim * sizeof(size_t));
    }
    assert_int_equal(e.dim, 24);
    sc_params_close(&p);
}

/* Channels are rounded to multiples of 8, h is their last; 4 times as wide in ResNet-50. */
static void widths(void **state)
{
    (void)state;
    static const struct {
        int arch;
        double width;
        size_t stem, dim;
    } cases[] = {{18, 0.25, 16, 128}, {34, 0.25, 16, 128},  {50, 0.25, 16, 512}, {18, 2, 128, 1024},
                 {18, 0.01, 8, 8},    {18, 0.1875, 16, 96}, {50, 1, 64, 2048}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sc_params p = {0};
        sc_encoder e;
        simclr_error err;
        sc_encoder_options o = sc_encoder_defaults();
        o.arch = cases[i].arch;
        o.width = cases[i].width;
        sct_assert_ok(sc_encoder_init(&e, &o, 32, 32, 2, &p, sc_backend_ref(SC_FP32), &err), &err);
        assert_int_equal(e.stem.k, cases[i].stem);
        assert_int_equal(e.dim, cases[i].dim);
        sc_params_close(&p);
    }
}

/* ---- refusals ---- */

static void refused(const sc_encoder_options *o, size_t height, size_t width, const char *part)
{
    sc_params p = {0};
    sc_encoder e;
    simclr_error err = {0};

    sct_assert_error(sc_encoder_init(&e, o, height, width, 2, &p, sc_backend_ref(SC_FP32), &err),
                     &err, SIMCLR_E_USAGE, part);
    sc_params_close(&p);
}

/* The tutorial's strides on its own images of 32 pixels. */
static void vanishing_maps(void **state)
{
    (void)state;
    sc_encoder_options o = sc_encoder_defaults();
    char text[1024];

    o.stem = SC_STEM_IMAGENET;
    o.reflect = true;
    for (int i = 0; i < 6; i++)
        o.strides[i] = 2;
    refused(&o, 32, 32, "layer3: padding by reflection");
    refused(&o, 32, 32,
            "(sizes: input 32x32, conv1 16x16, pool 8x8, layer1 4x4, layer2 2x2, layer3 1x1, "
            "layer4 1x1)");
    int length = sc_encoder_shapes(text, sizeof text, &o, 32, 32);
    assert_int_equal(length, strlen(text));
    assert_int_equal(sc_encoder_shapes(NULL, 0, &o, 32, 32), length);
    assert_non_null(strstr(text, "layer3        1 x    1 x   256   <- padding by reflection"));
    refused(&o, 128, 64, "layer4: padding by reflection");
    refused(&o, 128, 64,
            "conv1 64x32, pool 32x16, layer1 16x8, layer2 8x4, layer3 4x2, layer4 2x1");
    refused(&o, 64, 128,
            "conv1 32x64, pool 16x32, layer1 8x16, layer2 4x8, layer3 2x4, layer4 1x2");
    o.reflect = false; /* zeros can be padded to anything: 1x1 maps remain */
    sc_params p = {0};
    sc_encoder e;
    simclr_error err;
    sct_assert_ok(sc_encoder_init(&e, &o, 32, 32, 2, &p, sc_backend_ref(SC_FP32), &err), &err);
    assert_int_equal(e.last_rows, 1);
    sc_params_close(&p);
    o.pool_kernel = 2; /* has no padding */
    o.out_channels = 10;
    refused(&o, 2, 9, "pool: the window is larger than the map");
    refused(&o, 2, 9, "input 2x9, conv1 1x5, pool 0x2, layer1 0x1");
    refused(&o, 2, 9, "layer4 0x1, conv_last 0x1)");
}

static void ranges(void **state)
{
    (void)state;
    sc_encoder_options good = sc_encoder_defaults(), o = good;

    o.arch = 102;
    refused(&o, 32, 32, "arch must be 18, 34, 50, 101, 152 or 200");
    o = good;
    for (int i = 0; i < 4; i++) {
        o.width = (double[]){0, -1, 16.5, NAN}[i];
        refused(&o, 32, 32, "width");
    }
    o = good;
    o.in_channels = 0;
    refused(&o, 32, 32, "in_channels");
    o = good;
    o.strides[5] = 100;
    refused(&o, 32, 32, "strides");
    o = good;
    o.dilations[3] = 65;
    refused(&o, 32, 32, "dilations");
    o = good;
    o.stem_kernel = 33;
    refused(&o, 64, 64, "kernels");
    refused(&good, 0, 32, "0x32 is out of range");
    o = good;
    o.width = 0.25;
    o.norm = sc_norm_defaults(SC_NORM_GROUP);
    refused(&o, 32, 32, "bn1: 32 groups do not divide 16 channels");
}

/* Maps and the gradients of maps are nearly all there is; h, the statistics and what the reference lays out of
 * a layer's weights do not shrink, but are little beside so many images. */
static void half_the_memory(void **state)
{
    (void)state;
    const size_t images = 1024;
    size_t bytes[2];
    for (int i = 0; i < 2; i++) {
        sc_params p = {0};
        sc_encoder e;
        simclr_error err;
        sc_encoder_options o = sc_encoder_defaults();
        const sc_backend *be = sc_backend_ref(i ? SC_BF16 : SC_FP32);
        sct_assert_ok(sc_encoder_init(&e, &o, 32, 32, images, &p, be, &err), &err);
        sc_arena measure = {0};
        sc_encoder_plan(&e, &measure);
        bytes[i] = measure.used;
        sc_params_close(&p);
    }
    assert_true(2 * bytes[1] > bytes[0]); /* the views once more */
    assert_true(2 * bytes[1] < bytes[0] + bytes[0] / 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts),          cmocka_unit_test(names),
        cmocka_unit_test(other_entries),   cmocka_unit_test(widths),
        cmocka_unit_test(vanishing_maps),  cmocka_unit_test(ranges),
        cmocka_unit_test(half_the_memory),
    };
    return sct_run(tests);
}
