/* SPDX-License-Identifier: MIT
 *
 * setup.c - from the configuration to the options of each stage.
 */
#include "train/setup.h"

#include <string.h>

#include "core/parallel.h"
#include "model/encoder_shapes.h"

enum { SIZE_LARGEST_GUESS = 224, STEM_CIFAR_UP_TO = 64 };

int sc_setup_threads(const sc_config *cfg)
{
    return cfg->train.threads > 0 ? cfg->train.threads : sc_parallel_available();
}

int sc_setup_workers(const sc_config *cfg)
{
    return cfg->data.workers > 0 ? cfg->data.workers : sc_setup_threads(cfg);
}

const char *sc_setup_dataset_spec(const sc_config *cfg)
{
    return cfg->data.dataset[0] != '\0' ? cfg->data.dataset : "shapes";
}

sc_dataset_options sc_setup_dataset(const sc_config *cfg, const char *split)
{
    sc_dataset_options o = sc_dataset_defaults();
    o.channels = cfg->data.channels;
    o.max_bad = cfg->data.max_bad;
    o.split = split;
    o.exif_rotate = cfg->data.exif_rotate;
    o.memory_limit = (size_t)cfg->data.memory_limit << 20;
    return o;
}

uint32_t sc_setup_image_size(const sc_config *cfg, const sc_dataset *ds)
{
    if (cfg->data.image_size > 0)
        return (uint32_t)cfg->data.image_size;
    uint32_t height, width;
    bool equal;
    sc_dataset_extent(ds, &height, &width, &equal);
    uint32_t side = height < width ? height : width;
    return equal && side < SIZE_LARGEST_GUESS ? side : SIZE_LARGEST_GUESS;
}

uint32_t sc_setup_weights_size(const sc_config *cfg)
{
    return cfg->data.image_size > 0 ? (uint32_t)cfg->data.image_size : SIZE_LARGEST_GUESS;
}

/* Statistics of the training sets, in 0..1; of one channel, those of the luminance (its deviation as
 * if the channels varied together, which they nearly do). */
static void set_statistics(sc_view_options *view, const sc_config *cfg)
{
    static const double stats[][2][3] = {
        [SC_CFG_STATS_IMAGENET] = {{0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}},
        [SC_CFG_STATS_CIFAR10] = {{0.4914, 0.4822, 0.4465}, {0.2470, 0.2435, 0.2616}},
        [SC_CFG_STATS_CIFAR100] = {{0.5071, 0.4865, 0.4409}, {0.2673, 0.2564, 0.2762}},
        [SC_CFG_STATS_STL10] = {{0.4467, 0.4398, 0.4066}, {0.2603, 0.2566, 0.2713}},
    };
    static const double luminance[3] = {0.299, 0.587, 0.114};
    bool known = cfg->normalize != SC_CFG_STATS_NONE && cfg->normalize != SC_CFG_STATS_OWN;
    double grey[2] = {0, 0};
    for (int c = 0; c < 3; c++) {
        view->mean[c] = 0;
        view->std[c] = 1;
        if (known) {
            view->mean[c] = (float)stats[cfg->normalize][0][c];
            view->std[c] = (float)stats[cfg->normalize][1][c];
            grey[0] += luminance[c] * stats[cfg->normalize][0][c];
            grey[1] += luminance[c] * stats[cfg->normalize][1][c];
        } else if (cfg->normalize == SC_CFG_STATS_OWN) {
            view->mean[c] = (float)cfg->mean.at[cfg->mean.count == 1 ? 0 : c];
            view->std[c] = (float)cfg->std.at[cfg->std.count == 1 ? 0 : c];
        }
    }
    if (known && cfg->data.channels == 1) {
        view->mean[0] = (float)grey[0];
        view->std[0] = (float)grey[1];
    }
}

sc_views_options sc_setup_views(const sc_config *cfg, uint32_t size)
{
    sc_views_options o = sc_views_options_default(size, size, cfg->train.seed);
    o.channels = (uint32_t)cfg->data.channels;
    for (int i = 0; i < 2; i++) {
        const sc_config_view *from = sc_config_view_of(cfg, i);
        sc_view_options *to = &o.view[i];
        for (int k = 0; k < 2; k++) {
            to->crop_scale[k] = from->crop_scale.at[k];
            to->crop_ratio[k] = from->crop_ratio.at[k];
            to->blur_sigma[k] = from->blur_sigma.at[k];
        }
        to->resize = from->interpolation == SC_CFG_BICUBIC ? SC_RESIZE_BICUBIC : SC_RESIZE_BILINEAR;
        to->hflip = from->hflip;
        to->vflip = from->vflip;
        to->jitter = from->jitter_prob;
        to->jitter_strength = from->jitter_strength;
        to->brightness = from->brightness;
        to->contrast = from->contrast;
        to->saturation = from->saturation;
        to->hue = from->hue;
        to->grayscale = from->grayscale;
        to->blur = from->blur_prob;
        to->blur_kernel = from->blur_kernel;
        to->solarize = from->solarize_prob;
        to->solarize_threshold = (int)(from->solarize_threshold * 255.0 + 0.5);
        set_statistics(to, cfg);
    }
    return o;
}

static sc_norm_options norm_of(const sc_config_norm *from)
{
    static const sc_norm_kind kinds[] = {
        [SC_CFG_NORM_NONE] = SC_NORM_NONE,
        [SC_CFG_NORM_BATCH] = SC_NORM_BATCH,
        [SC_CFG_NORM_GROUP] = SC_NORM_GROUP,
        [SC_CFG_NORM_INSTANCE] = SC_NORM_INSTANCE,
    };
    sc_norm_options o = sc_norm_defaults(kinds[from->kind]);
    o.eps = from->eps;
    o.momentum = from->momentum;
    o.affine = from->affine;
    o.num_groups = (size_t)from->groups;
    return o;
}

static sc_act act_of(const sc_config_act *from)
{
    static const sc_act_kind kinds[] = {
        [SC_CFG_ACT_IDENTITY] = SC_ACT_IDENTITY,
        [SC_CFG_ACT_RELU] = SC_ACT_RELU,
        [SC_CFG_ACT_LEAKY_RELU] = SC_ACT_LEAKY_RELU,
        [SC_CFG_ACT_ELU] = SC_ACT_ELU,
        [SC_CFG_ACT_SELU] = SC_ACT_SELU,
        [SC_CFG_ACT_GELU] = SC_ACT_GELU,
        [SC_CFG_ACT_SILU] = SC_ACT_SILU,
        [SC_CFG_ACT_MISH] = SC_ACT_MISH,
        [SC_CFG_ACT_HARDSWISH] = SC_ACT_HARDSWISH,
        [SC_CFG_ACT_SOFTPLUS] = SC_ACT_SOFTPLUS,
        [SC_CFG_ACT_TANH] = SC_ACT_TANH,
        [SC_CFG_ACT_SIGMOID] = SC_ACT_SIGMOID,
    };
    return (sc_act){.kind = kinds[from->kind], .param = sc_config_alpha(from)};
}

static bool small_stem(const sc_config *cfg, uint32_t size)
{
    return cfg->model.stem == SC_CFG_STEM_CIFAR ||
           (cfg->model.stem == SC_CFG_STEM_AUTO && size <= STEM_CIFAR_UP_TO);
}

sc_encoder_options sc_setup_encoder(const sc_config *cfg, uint32_t size)
{
    static const int arch[] = {
        [SC_CFG_RESNET18] = 18,   [SC_CFG_RESNET34] = 34,   [SC_CFG_RESNET50] = 50,
        [SC_CFG_RESNET101] = 101, [SC_CFG_RESNET152] = 152, [SC_CFG_RESNET200] = 200};
    static const sc_down down[] = {[SC_CFG_DOWN_MAXPOOL] = SC_DOWN_MAXPOOL,
                                   [SC_CFG_DOWN_AVGPOOL] = SC_DOWN_AVGPOOL,
                                   [SC_CFG_DOWN_CONV] = SC_DOWN_CONV,
                                   [SC_CFG_DOWN_NONE] = SC_DOWN_NONE};
    const sc_config_model *m = &cfg->model;
    static const sc_conv_algorithm convolutions[] = {[SC_CFG_CONV_AUTO] = SC_CONV_FASTEST,
                                                     [SC_CFG_CONV_WINOGRAD2] = SC_CONV_WINOGRAD2,
                                                     [SC_CFG_CONV_DIRECT] = SC_CONV_DIRECT};
    sc_encoder_options o = sc_encoder_defaults();
    o.arch = arch[m->arch];
    o.width = m->width;
    o.stem = small_stem(cfg, size) ? SC_STEM_CIFAR : SC_STEM_IMAGENET;
    o.in_channels = (size_t)cfg->data.channels;
    o.out_channels = (size_t)m->out_channels;
    o.norm = norm_of(&m->norm);
    o.act = act_of(&m->act);
    for (int i = 0; i < m->strides.count && i < 6; i++)
        o.strides[i] = (size_t)m->strides.at[i];
    for (int i = 0; i < m->dilations.count && i < 4; i++)
        o.dilations[i] = (size_t)m->dilations.at[i];
    if (m->down != SC_CFG_DOWN_AUTO)
        o.down = down[m->down];
    o.last_pool = m->last_pool == SC_CFG_LAST_POOL_MAX ? SC_LAST_POOL_MAX : SC_LAST_POOL_AVG;
    o.reflect = m->padding == SC_CFG_PAD_REFLECT;
    o.stem_kernel = (size_t)m->stem_kernel;
    o.pool_kernel = (size_t)m->pool_kernel;
    o.zero_init_residual = m->zero_init_residual;
    o.convolution = convolutions[cfg->train.convolution];
    return o;
}

void sc_setup_settle_model(sc_config *cfg, uint32_t size)
{
    sc_config_model *m = &cfg->model;
    const sc_encoder_options left = sc_setup_encoder(cfg, size);
    const sc_encoder_options o = sc_encoder_resolve(&left);
    m->stem = o.stem == SC_STEM_CIFAR ? SC_CFG_STEM_CIFAR : SC_CFG_STEM_IMAGENET;
    m->strides.count = 6;
    for (int i = 0; i < 6; i++)
        m->strides.at[i] = (int)o.strides[i];
    m->dilations.count = 4;
    for (int i = 0; i < 4; i++)
        m->dilations.at[i] = (int)o.dilations[i];
    if (!sc_encoder_has_pool(&o))
        m->down = SC_CFG_DOWN_NONE;
    else if (m->down == SC_CFG_DOWN_AUTO)
        m->down = SC_CFG_DOWN_MAXPOOL;
    m->stem_kernel = (int)o.stem_kernel;
    m->pool_kernel = (int)o.pool_kernel;
}

sc_projector_options sc_setup_projector(const sc_config *cfg)
{
    const sc_config_projector *p = &cfg->projector;
    sc_projector_options o = sc_projector_defaults();
    o.hidden_count = (size_t)p->layers.count;
    for (int i = 0; i < p->layers.count && i < SC_PROJECTOR_LAYERS - 1; i++)
        o.hidden[i] = (size_t)p->layers.at[i];
    o.out = (size_t)p->out_dim;
    o.bias = p->bias;
    o.last_bias = p->last_bias;
    o.norm = norm_of(&p->norm);
    o.last_norm = p->last_norm;
    o.act = act_of(&p->act);
    o.last_act = act_of(&p->last_act);
    o.drop_rate = p->drop_rate;
    o.drop_layers = (size_t)p->drop_layers;
    o.seed = cfg->train.seed;
    return o;
}

sc_optim_options sc_setup_optim(const sc_config *cfg)
{
    static const sc_optim_kind kinds[] = {[SC_CFG_SGD] = SC_OPTIM_SGD,
                                          [SC_CFG_ADAM] = SC_OPTIM_ADAM,
                                          [SC_CFG_ADAMW] = SC_OPTIM_ADAMW,
                                          [SC_CFG_LARS] = SC_OPTIM_LARS};
    sc_optim_options o = sc_optim_defaults(kinds[cfg->optim.name]);
    o.momentum = cfg->optim.momentum;
    o.nesterov = cfg->optim.nesterov;
    o.weight_decay = cfg->optim.weight_decay;
    o.decay_all = cfg->optim.decay_all;
    o.beta1 = cfg->optim.betas.at[0];
    o.beta2 = cfg->optim.betas.at[1];
    o.eps = cfg->optim.eps;
    o.trust = cfg->optim.trust_coefficient;
    return o;
}

sc_schedule sc_setup_schedule(const sc_config *cfg, size_t steps_per_epoch)
{
    static const sc_schedule_kind kinds[] = {[SC_CFG_COSINE] = SC_SCHEDULE_COSINE,
                                             [SC_CFG_STEP] = SC_SCHEDULE_STEP,
                                             [SC_CFG_EXPONENTIAL] = SC_SCHEDULE_EXPONENTIAL,
                                             [SC_CFG_CONSTANT] = SC_SCHEDULE_CONSTANT};
    static const sc_lr_scale scales[] = {[SC_CFG_SCALE_NONE] = SC_LR_SCALE_NONE,
                                         [SC_CFG_SCALE_LINEAR] = SC_LR_SCALE_LINEAR,
                                         [SC_CFG_SCALE_SQRT] = SC_LR_SCALE_SQRT};
    double steps = (double)steps_per_epoch;
    return (sc_schedule){
        .kind = kinds[cfg->schedule.name],
        .lr = sc_lr_scaled(cfg->optim.lr, cfg->train.batch, scales[cfg->optim.lr_scaling]),
        .min_lr = cfg->schedule.min_lr,
        .warmup = (uint64_t)(cfg->schedule.warmup_epochs * steps + 0.5),
        .total = (uint64_t)cfg->train.epochs * steps_per_epoch,
        .step_size = (uint64_t)cfg->schedule.step_size * steps_per_epoch,
        .gamma = cfg->schedule.gamma,
    };
}
