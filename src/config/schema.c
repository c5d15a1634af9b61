/* SPDX-License-Identifier: MIT
 *
 * schema.c - the table of all keys: name, type, place in sc_config, default, range and meaning.
 *
 * Everything that lists or checks keys reads this table; a new setting is one field in config.h and
 * one row here.  The defaults are those of dkobak/simclr-cifar10 at 100 epochs, the strongest public
 * recipe for CIFAR-10: SGD, grayscale .1, no blur, temperature .5.
 */
#include "config/config.h"

#include <string.h>

static const char *const INTERPOLATIONS[] = {"bilinear", "bicubic", NULL};
static const char *const STATS[] = {"none",  "imagenet", "cifar10", "cifar100",
                                    "stl10", "own",      NULL};
static const char *const ARCHS[] = {"resnet18",  "resnet34",  "resnet50", "resnet101",
                                    "resnet152", "resnet200", NULL};
static const char *const STEMS[] = {"auto", "cifar", "imagenet", NULL};
static const char *const NORMS[] = {"none", "batchnorm", "groupnorm", "instancenorm", NULL};
static const char *const ACTS[] = {"identity", "relu",    "leaky_relu", "elu",       "selu",
                                   "gelu",     "silu",    "mish",       "hardswish", "softplus",
                                   "tanh",     "sigmoid", NULL};
static const char *const DOWNS[] = {"auto", "maxpool", "avgpool", "conv", "none", NULL};
static const char *const LAST_POOLS[] = {"avg", "max", NULL};
static const char *const PADDINGS[] = {"zero", "reflect", NULL};
static const char *const OPTIMS[] = {"sgd", "adam", "adamw", "lars", NULL};
static const char *const SCALINGS[] = {"none", "linear", "sqrt", NULL};
static const char *const SCHEDULES[] = {"cosine", "step", "exponential", "constant", NULL};
static const char *const PRECISIONS[] = {"auto", "fp32", "bf16", NULL};
static const char *const CONVOLUTIONS[] = {"auto", "winograd2", "direct", NULL};

#define AT(field) offsetof(sc_config, field)
#define SIZE(field) sizeof(((sc_config *)0)->field)
#define Y true
#define N false
#define NOALIAS NULL

/* Forms of a row; n: changes the numbers of a run; u: unit. */
#define BOOL(k, f, d, n, h)                                                                        \
    {                                                                                              \
        k, NULL, SC_KEY_BOOL, AT(f), 0, d, 0, 0, 0, 0, NULL, n, NULL, h                            \
    }
#define INT(k, a, f, d, lo, hi, n, u, h)                                                           \
    {                                                                                              \
        k, a, SC_KEY_INT, AT(f), 0, d, lo, hi, 0, 0, NULL, n, u, h                                 \
    }
#define UINT64(k, a, f, d, lo, hi, n, u, h)                                                        \
    {                                                                                              \
        k, a, SC_KEY_UINT64, AT(f), 0, d, lo, hi, 0, 0, NULL, n, u, h                              \
    }
#define FLOAT(k, a, f, d, lo, hi, n, u, h)                                                         \
    {                                                                                              \
        k, a, SC_KEY_FLOAT, AT(f), 0, d, lo, hi, 0, 0, NULL, n, u, h                               \
    }
#define STRING(k, a, f, d, n, h)                                                                   \
    {                                                                                              \
        k, a, SC_KEY_STRING, AT(f), SIZE(f), d, 0, 0, 0, 0, NULL, n, NULL, h                       \
    }
#define ENUM(k, a, f, d, v, n, h)                                                                  \
    {                                                                                              \
        k, a, SC_KEY_ENUM, AT(f), 0, d, 0, 0, 0, 0, v, n, NULL, h                                  \
    }
#define FLOATS_N(k, f, d, lo, hi, c0, c1, n, u, h)                                                 \
    {                                                                                              \
        k, NULL, SC_KEY_FLOATS, AT(f), 0, d, lo, hi, c0, c1, NULL, n, u, h                         \
    }
#define FLOATS(k, f, d, lo, hi, c0, c1, u, h) FLOATS_N(k, f, d, lo, hi, c0, c1, Y, u, h)
#define INTS(k, f, d, lo, hi, c0, c1, h)                                                           \
    {                                                                                              \
        k, NULL, SC_KEY_INTS, AT(f), 0, d, lo, hi, c0, c1, NULL, Y, NULL, h                        \
    }

/* The keys of one view: for views (i = 0) and views2 (i = 1). */
#define VIEW(p, i)                                                                                 \
    FLOATS(p "crop_scale", view[i].crop_scale, "0.2, 1", 1e-4, 1, 2, 2, NULL,                      \
           "share of the image's area that the random crop keeps, least and most"),                \
        FLOATS(p "crop_ratio", view[i].crop_ratio, "0.75, 1.3333333333333333", 0.05, 20, 2, 2,     \
               NULL, "width over height of the crop, least and most"),                             \
        ENUM(p "interpolation", NOALIAS, view[i].interpolation, "bilinear", INTERPOLATIONS, Y,     \
             "how the crop is resized"),                                                           \
        FLOAT(p "hflip", NOALIAS, view[i].hflip, "0.5", 0, 1, Y, NULL,                             \
              "probability of a left-right flip"),                                                 \
        FLOAT(p "vflip", NOALIAS, view[i].vflip, "0", 0, 1, Y, NULL,                               \
              "probability of an upside-down flip"),                                               \
        FLOAT(p "jitter_prob", NOALIAS, view[i].jitter_prob, "0.8", 0, 1, Y, NULL,                 \
              "probability of colour jitter"),                                                     \
        FLOAT(p "jitter_strength", NOALIAS, view[i].jitter_strength, "0.5", 0, 2, Y, NULL,         \
              "multiplies brightness, contrast, saturation and hue"),                              \
        FLOAT(p "brightness", NOALIAS, view[i].brightness, "0.8", 0, 1, Y, NULL,                   \
              "factor drawn from 1 - b .. 1 + b"),                                                 \
        FLOAT(p "contrast", NOALIAS, view[i].contrast, "0.8", 0, 1, Y, NULL,                       \
              "factor drawn from 1 - c .. 1 + c"),                                                 \
        FLOAT(p "saturation", NOALIAS, view[i].saturation, "0.8", 0, 1, Y, NULL,                   \
              "factor drawn from 1 - s .. 1 + s"),                                                 \
        FLOAT(p "hue", NOALIAS, view[i].hue, "0.2", 0, 0.5, Y, "turns",                            \
              "shift drawn from -h .. h of the colour circle"),                                    \
        FLOAT(p "grayscale", NOALIAS, view[i].grayscale, "0.1", 0, 1, Y, NULL,                     \
              "probability of dropping colour"),                                                   \
        FLOAT(p "blur_prob", NOALIAS, view[i].blur_prob, "0", 0, 1, Y, NULL,                       \
              "probability of Gaussian blur"),                                                     \
        INT(p "blur_kernel", NOALIAS, view[i].blur_kernel, "0", 0, 255, Y, "px",                   \
            "width of the blur, odd; 0: 10 % of the image"),                                       \
        FLOATS(p "blur_sigma", view[i].blur_sigma, "0.1, 2", 0.01, 100, 2, 2, "px",                \
               "standard deviation of the blur, least and most"),                                  \
        FLOAT(p "solarize_prob", NOALIAS, view[i].solarize_prob, "0", 0, 1, Y, NULL,               \
              "probability of inverting the bright pixels"),                                       \
        FLOAT(p "solarize_threshold", NOALIAS, view[i].solarize_threshold, "0.5", 0, 1, Y, NULL,   \
              "pixels from this brightness on are inverted")

static const sc_config_row ROWS[] = {
    STRING("data.dataset", NOALIAS, data.dataset, "", N,
           "cifar10:DIR, cifar100:DIR, stl10:DIR, folder:DIR, list:FILE, a path, or shapes "
           "(empty: shapes)"),
    STRING("data.split", NOALIAS, data.split, "", Y,
           "train, test, unlabeled or all; empty: train, with unlabeled where there is one; k-NN "
           "asks for the test images in train, whatever is learnt from"),
    INT("data.image_size", "image_size", data.image_size, "0", 0, 1024, Y, "px",
        "side of the square the encoder sees, 0 or from 8; 0: the shorter side of the images if "
        "all "
        "are equal, at most 224, else 224"),
    INT("data.channels", NOALIAS, data.channels, "3", 1, 3, Y, NULL, "1 (grey) or 3 (RGB)"),
    FLOAT("data.max_bad", NOALIAS, data.max_bad, "0.01", 0, 1, N, NULL,
          "largest share of unreadable images before the run stops"),
    INT("data.workers", NOALIAS, data.workers, "0", 0, 1024, N, NULL,
        "threads that read images and draw their views; 0: as many as train.threads"),
    BOOL("data.exif_rotate", data.exif_rotate, "true", Y, "turn photographs as EXIF says"),
    BOOL("data.shuffle", data.shuffle, "true", Y, "a new order in every epoch"),
    BOOL("data.drop_last", data.drop_last, "false", Y, "leave out the last, smaller batch"),
    UINT64("data.memory_limit", NOALIAS, data.memory_limit, "0", 0, 1e9, N, "MiB",
           "pixels kept in memory; 0: a quarter of the memory that the machine or a container's "
           "limit allows, at most 4096; damaged images "
           "are found at the start only where all fit"),

    VIEW("views.", 0),
    BOOL("views.symmetric", symmetric, "false", Y, "both views as views.*, whatever views2.* says"),
    ENUM("views.normalize", NOALIAS, normalize, "imagenet", STATS, Y,
         "statistics subtracted and divided by: of a data set, or own: views.mean, views.std"),
    FLOATS("views.mean", mean, "", 0, 1, 0, 3, NULL, "mean per channel, of pixels in 0 .. 1"),
    FLOATS("views.std", std, "", 1e-3, 10, 0, 3, NULL, "standard deviation per channel"),
    VIEW("views2.", 1),

    ENUM("model.arch", "arch", model.arch, "resnet18", ARCHS, Y, "encoder"),
    FLOAT("model.width", "width", model.width, "1", 0.0625, 4, Y, NULL,
          "multiplies the channels of the encoder"),
    ENUM("model.stem", "stem", model.stem, "auto", STEMS, Y,
         "cifar: 3x3 stride 1, no pool; imagenet: 7x7 stride 2, pool; auto: cifar up to 64 px"),
    INT("model.out_channels", NOALIAS, model.out_channels, "0", 0, 16384, Y, NULL,
        "channels of a last 1x1 convolution + norm before pooling; 0: none, the standard h"),
    ENUM("model.norm", NOALIAS, model.norm.kind, "batchnorm", NORMS, Y, "normalisation layers"),
    FLOAT("model.norm_eps", NOALIAS, model.norm.eps, "1e-05", 1e-12, 0.1, Y, NULL,
          "added to the variance"),
    FLOAT("model.norm_momentum", NOALIAS, model.norm.momentum, "0.1", 0, 1, Y, NULL,
          "share of the new batch in the running statistics"),
    BOOL("model.norm_affine", model.norm.affine, "true", Y, "learnt scale and shift"),
    INT("model.norm_groups", NOALIAS, model.norm.groups, "32", 1, 1024, Y, NULL,
        "groups of groupnorm"),
    ENUM("model.activation", NOALIAS, model.act.kind, "relu", ACTS, Y, "activation"),
    FLOAT("model.activation_alpha", NOALIAS, model.act.alpha, "0", 0, 100, Y, NULL,
          "slope of leaky_relu, alpha of elu, beta of softplus; 0: its default, 0.01, 1, 1"),
    INTS("model.strides", model.strides, "", 1, 4, 0, 6,
         "six: first convolution, pool, stages 1-4; empty: as the stem"),
    INTS("model.dilations", model.dilations, "", 1, 8, 0, 4, "of stages 1-4; empty: 1"),
    ENUM("model.down", NOALIAS, model.down, "auto", DOWNS, Y,
         "after the first convolution; auto: as the stem"),
    ENUM("model.last_pool", NOALIAS, model.last_pool, "avg", LAST_POOLS, Y,
         "over the last map, giving h"),
    ENUM("model.padding", NOALIAS, model.padding, "zero", PADDINGS, Y, "of convolutions"),
    INT("model.stem_kernel", NOALIAS, model.stem_kernel, "0", 0, 11, Y, "px",
        "side of the first convolution, odd; 0: 3 or 7 as the stem"),
    INT("model.pool_kernel", NOALIAS, model.pool_kernel, "0", 0, 7, Y, "px",
        "side of the pool after it; 0: 3"),
    BOOL("model.zero_init_residual", model.zero_init_residual, "false", Y,
         "last norm of each block starts at 0"),

    INTS("projector.layers", projector.layers, "1024", 1, 65536, 0, 7,
         "widths of the hidden layers; empty: a linear projector"),
    INT("projector.out_dim", NOALIAS, projector.out_dim, "128", 1, 65536, Y, NULL, "length of z"),
    BOOL("projector.bias", projector.bias, "true", Y, "bias of the hidden layers"),
    BOOL("projector.last_bias", projector.last_bias, "true", Y, "bias of the last layer"),
    ENUM("projector.norm", NOALIAS, projector.norm.kind, "none", NORMS, Y,
         "after each hidden layer"),
    BOOL("projector.last_norm", projector.last_norm, "false", Y, "also after the last layer"),
    FLOAT("projector.norm_eps", NOALIAS, projector.norm.eps, "1e-05", 1e-12, 0.1, Y, NULL,
          "added to the variance"),
    FLOAT("projector.norm_momentum", NOALIAS, projector.norm.momentum, "0.1", 0, 1, Y, NULL,
          "share of the new batch in the running statistics"),
    BOOL("projector.norm_affine", projector.norm.affine, "true", Y, "learnt scale and shift"),
    INT("projector.norm_groups", NOALIAS, projector.norm.groups, "32", 1, 1024, Y, NULL,
        "groups of groupnorm"),
    ENUM("projector.activation", NOALIAS, projector.act.kind, "relu", ACTS, Y,
         "after each hidden layer"),
    FLOAT("projector.activation_alpha", NOALIAS, projector.act.alpha, "0", 0, 100, Y, NULL,
          "slope of leaky_relu, alpha of elu, beta of softplus; 0: its default, 0.01, 1, 1"),
    ENUM("projector.last_activation", NOALIAS, projector.last_act.kind, "identity", ACTS, Y,
         "after the last layer"),
    FLOAT("projector.last_activation_alpha", NOALIAS, projector.last_act.alpha, "0", 0, 100, Y,
          NULL, "its parameter, as projector.activation_alpha"),
    FLOAT("projector.drop_rate", NOALIAS, projector.drop_rate, "0", 0, 0.95, Y, NULL,
          "dropout after hidden layers"),
    INT("projector.drop_layers", NOALIAS, projector.drop_layers, "1", 0, 8, Y, NULL,
        "the last so many hidden layers get dropout"),

    FLOAT("loss.temperature", "temperature", temperature, "0.5", 0.005, 100, Y, NULL,
          "tau of NT-Xent: small values weigh the hardest negatives"),

    ENUM("optim.name", NOALIAS, optim.name, "sgd", OPTIMS, Y, "optimiser"),
    FLOAT("optim.lr", "lr", optim.lr, "0.06", 0, 1e9, Y, NULL,
          "peak learning rate, before optim.lr_scaling"),
    ENUM("optim.lr_scaling", NOALIAS, optim.lr_scaling, "linear", SCALINGS, Y,
         "of lr: times batch / 256, or times its square root"),
    FLOAT("optim.momentum", NOALIAS, optim.momentum, "0.9", 0, 0.9999, Y, NULL, "of sgd and lars"),
    BOOL("optim.nesterov", optim.nesterov, "false", Y, "of sgd and lars"),
    FLOAT("optim.weight_decay", NOALIAS, optim.weight_decay, "0.0005", 0, 1, Y, NULL,
          "coupled for sgd, adam and lars, decoupled for adamw"),
    BOOL("optim.decay_all", optim.decay_all, "true", Y,
         "decay norms and biases as well; with lars false unless it is set"),
    FLOATS("optim.betas", optim.betas, "0.9, 0.999", 0, 0.999999, 2, 2, NULL, "of adam and adamw"),
    FLOAT("optim.eps", NOALIAS, optim.eps, "1e-08", 1e-16, 1, Y, NULL, "of adam and adamw"),
    FLOAT("optim.trust_coefficient", NOALIAS, optim.trust_coefficient, "0.001", 0, 1, Y, NULL,
          "of lars"),

    ENUM("schedule.name", NOALIAS, schedule.name, "cosine", SCHEDULES, Y,
         "learning rate over the epochs, after the warmup"),
    FLOAT("schedule.warmup_epochs", NOALIAS, schedule.warmup_epochs, "0", 0, 1e5, Y, "epochs",
          "linear rise from 0"),
    INT("schedule.step_size", NOALIAS, schedule.step_size, "30", 1, 1000000, Y, "epochs",
        "step: between two factors; exponential: over which the rate falls by the factor"),
    FLOAT("schedule.gamma", NOALIAS, schedule.gamma, "0.1", 0, 1, Y, NULL,
          "step, exponential: the factor"),
    FLOAT("schedule.min_lr", NOALIAS, schedule.min_lr, "0", 0, 1000, Y, NULL,
          "cosine: the value at the end; the others do not fall below it; not scaled by "
          "optim.lr_scaling"),

    INT("train.epochs", "epochs", train.epochs, "100", 1, 1000000, Y, NULL,
        "passes over the images; the schedule spans them"),
    UINT64("train.steps", "steps", train.steps, "0", 0, 1e15, N, NULL,
           "stop after so many steps; 0: all of the epochs"),
    INT("train.batch", "batch", train.batch, "256", 2, 65536, Y, "images",
        "images a step; each gives two views, so every anchor has 2 (batch - 1) negatives"),
    UINT64("train.seed", "seed", train.seed, "1", 0, 18446744073709551615.0, Y, NULL,
           "of everything random"),
    INT("train.threads", "threads", train.threads, "0", 0, 1024, N, NULL,
        "0: all processors this process may use; results do not depend on it"),
    ENUM("train.precision", "precision", train.precision, "auto", PRECISIONS, N,
         "storage and products of the encoder; bf16: sums, weights and loss stay fp32; auto: "
         "bf16 on a GPU and where the processor has the instruction, else fp32"),
    ENUM(
        "train.convolution", NOALIAS, train.convolution, "auto", CONVOLUTIONS, Y,
        "3x3 convolutions; auto: Winograd F(4x4), stride 2 in phases, where it fits, with AMX also "
        "F(4) along the lines and direct ones, where these are faster; winograd2: "
        "F(2x2) of stride 1, which rounds less; direct"),
    STRING("train.device", "device", train.device, "auto", N,
           "auto, cpu, cuda or cuda:N; auto: the first GPU that can be used, else the processor"),
    FLOAT("train.checkpoint_seconds", NOALIAS, train.checkpoint_seconds, "600", 0, 1e7, N, "s",
          "between checkpoints; 0: not by time"),
    UINT64("train.checkpoint_steps", NOALIAS, train.checkpoint_steps, "0", 0, 1e15, N, "steps",
           "between checkpoints; 0: not by steps"),
    INT("train.keep", NOALIAS, train.keep, "2", 0, 1000000, N, "checkpoints",
        "how many stay; 0: all"),
    UINT64("train.log_every", NOALIAS, train.log_every, "10", 1, 1e9, N, "steps",
           "between lines of metrics.jsonl"),
    BOOL("train.strict", train.strict, "false", N, "a collapse ends the run with exit 6"),

    INT("eval.every", NOALIAS, eval.every, "10", 0, 1000000, N, "epochs",
        "between k-NN evaluations while training; 0: only at the end"),
    INT("eval.knn_k", NOALIAS, eval.knn_k, "10", 1, 10000, N, NULL, "neighbours that vote"),
    FLOAT("eval.knn_temperature", NOALIAS, eval.knn_temperature, "0", 0, 100, N, NULL,
          "votes weigh exp(cos / t); 0: plain majority"),
    INT("eval.max_train", NOALIAS, eval.max_train, "0", 0, 1e8, N, "images",
        "while training: at most, in the bank; 0: all, which simclr eval always takes; raw pixels "
        "of "
        "more than a quarter of the free memory are not measured"),
    INT("eval.max_test", NOALIAS, eval.max_test, "0", 0, 1e8, N, "images",
        "while training: at most, tested; 0: all, which simclr eval always takes"),
    INT("eval.batch", NOALIAS, eval.batch, "256", 1, 65536, N, "images",
        "in one forward pass; at most the views of a training step, and after training also 256"),

    FLOATS_N(
        "finetune.lr", finetune.lr, "0.2", 0, 1000, 1, SC_CONFIG_LIST, N, NULL,
        "of simclr eval --protocol finetune, times the images of a step / 256; of several the one "
        "that is best on the images held out"),
    INT("finetune.epochs", NOALIAS, finetune.epochs, "0", 0, 1000000, N, NULL,
        "passes over the labelled images; 0: 60 with 1 % of the labels or less, else 30, and more "
        "where these are fewer than 500 steps"),
    INT("finetune.batch", NOALIAS, finetune.batch, "64", 2, 65536, N, "images", "at most, a step"),
    FLOAT("finetune.weight_decay", NOALIAS, finetune.weight_decay, "0", 0, 1, N, NULL,
          "of all weights but norms and biases"),
    FLOAT("finetune.held_out", NOALIAS, finetune.held_out, "0.1", 0, 0.5, N, NULL,
          "share of the labelled images that is not learnt from, but measured on and chosen by; 0: "
          "none"),
};

enum { ROW_COUNT = sizeof(ROWS) / sizeof(ROWS[0]) };
_Static_assert((int)ROW_COUNT <= (int)SC_CONFIG_ROWS_MAX, "raise SC_CONFIG_ROWS_MAX");

size_t sc_config_row_count(void)
{
    return ROW_COUNT;
}

const sc_config_row *sc_config_row_at(size_t row)
{
    return row < ROW_COUNT ? &ROWS[row] : NULL;
}

int sc_config_find(const char *key)
{
    for (int i = 0; i < ROW_COUNT; i++) {
        if (strcmp(ROWS[i].key, key) == 0 ||
            (ROWS[i].alias != NULL && strcmp(ROWS[i].alias, key) == 0)) {
            return i;
        }
    }
    return -1;
}
