/* SPDX-License-Identifier: MIT
 *
 * config.h - every setting of a training run: one plain struct, and one table that describes it.
 *
 * The struct owns nothing: it may be copied, and compared key by key.  A row of the table
 * (schema.c) per key drives YAML files, `key=value` on the command line, help, docs/config.md, the
 * man page and the resolved copy saved with a run.  Precedence is a property of the value, not of
 * the order of the calls: default < preset < file < environment < command line.
 */
#ifndef SC_CONFIG_CONFIG_H
#define SC_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

enum { SC_CONFIG_STRING = 1024, SC_CONFIG_LIST = 8, SC_CONFIG_ROWS_MAX = 192 };

typedef struct {
    double at[SC_CONFIG_LIST];
    int count;
} sc_float_list;

typedef struct {
    int at[SC_CONFIG_LIST];
    int count;
} sc_int_list;

/* Values of the keys that are one of a list of words; the words are in schema.c, in this order. */
enum { SC_CFG_BILINEAR, SC_CFG_BICUBIC };
enum {
    SC_CFG_STATS_NONE,
    SC_CFG_STATS_IMAGENET,
    SC_CFG_STATS_CIFAR10,
    SC_CFG_STATS_CIFAR100,
    SC_CFG_STATS_STL10,
    SC_CFG_STATS_OWN
};
enum {
    SC_CFG_RESNET18,
    SC_CFG_RESNET34,
    SC_CFG_RESNET50,
    SC_CFG_RESNET101,
    SC_CFG_RESNET152,
    SC_CFG_RESNET200
};
enum { SC_CFG_STEM_AUTO, SC_CFG_STEM_CIFAR, SC_CFG_STEM_IMAGENET };
enum { SC_CFG_NORM_NONE, SC_CFG_NORM_BATCH, SC_CFG_NORM_GROUP, SC_CFG_NORM_INSTANCE };
enum {
    SC_CFG_ACT_IDENTITY,
    SC_CFG_ACT_RELU,
    SC_CFG_ACT_LEAKY_RELU,
    SC_CFG_ACT_ELU,
    SC_CFG_ACT_SELU,
    SC_CFG_ACT_GELU,
    SC_CFG_ACT_SILU,
    SC_CFG_ACT_MISH,
    SC_CFG_ACT_HARDSWISH,
    SC_CFG_ACT_SOFTPLUS,
    SC_CFG_ACT_TANH,
    SC_CFG_ACT_SIGMOID
};
enum {
    SC_CFG_DOWN_AUTO,
    SC_CFG_DOWN_MAXPOOL,
    SC_CFG_DOWN_AVGPOOL,
    SC_CFG_DOWN_CONV,
    SC_CFG_DOWN_NONE
};
enum { SC_CFG_LAST_POOL_AVG, SC_CFG_LAST_POOL_MAX };
enum { SC_CFG_PAD_ZERO, SC_CFG_PAD_REFLECT };
enum { SC_CFG_SGD, SC_CFG_ADAM, SC_CFG_ADAMW, SC_CFG_LARS };
enum { SC_CFG_SCALE_NONE, SC_CFG_SCALE_LINEAR, SC_CFG_SCALE_SQRT };
enum { SC_CFG_COSINE, SC_CFG_STEP, SC_CFG_EXPONENTIAL, SC_CFG_CONSTANT };
enum { SC_CFG_PRECISION_AUTO, SC_CFG_PRECISION_FP32, SC_CFG_PRECISION_BF16 };
/* What sc_config_device gives besides the number of a GPU. */
enum { SC_CFG_DEVICE_AUTO = -1, SC_CFG_DEVICE_CPU = -2, SC_CFG_DEVICE_UNKNOWN = -3 };
enum { SC_CFG_CONV_AUTO, SC_CFG_CONV_WINOGRAD2, SC_CFG_CONV_DIRECT };

typedef struct {
    char dataset[SC_CONFIG_STRING]; /* spec; "" = shapes */
    char split[32];                 /* "" = train, and unlabeled where there is one */
    int image_size;                 /* 0 = shorter side if all equal, at most 224, else 224 */
    int channels;                   /* 1 or 3 */
    double max_bad;                 /* largest share of damaged images */
    int workers;                    /* threads that prepare images; 0 = with the others */
    bool exif_rotate;
    bool shuffle;   /* false only for the tutorial as shipped */
    bool drop_last; /* true only for the tutorial as shipped, unless it is set */
    uint64_t
        memory_limit; /* MiB of pixels kept resident; 0 = a quarter of the memory, up to 4096 */
} sc_config_data;

typedef struct {
    sc_float_list crop_scale; /* 2: share of the area */
    sc_float_list crop_ratio; /* 2: width / height */
    int interpolation;        /* SC_CFG_BILINEAR ... */
    double hflip, vflip;      /* probabilities */
    double jitter_prob;
    double jitter_strength; /* multiplies the four below */
    double brightness, contrast, saturation, hue;
    double grayscale; /* probability */
    double blur_prob;
    int blur_kernel;          /* pixels, odd; 0 = 10 % of the image, made odd */
    sc_float_list blur_sigma; /* 2 */
    double solarize_prob;
    double solarize_threshold; /* 0..1 */
} sc_config_view;

typedef struct {
    int kind;             /* SC_CFG_NORM_... */
    double eps, momentum; /* momentum as PyTorch: running += momentum * (new - running) */
    bool affine;
    int groups; /* GroupNorm */
} sc_config_norm;

typedef struct {
    int kind;     /* SC_CFG_ACT_... */
    double alpha; /* read through sc_config_alpha; 0 = the activation's default */
} sc_config_act;

typedef struct {
    int arch;         /* SC_CFG_RESNET18 ... */
    double width;     /* multiplies the channels */
    int stem;         /* SC_CFG_STEM_...; auto: cifar up to 64 px */
    int out_channels; /* last 1x1 convolution + norm before pooling; 0 = none */
    sc_config_norm norm;
    sc_config_act act;
    sc_int_list strides;   /* conv1, pool, stage 1-4; empty = of the stem */
    sc_int_list dilations; /* stage 1-4; empty = 1,1,1,1 */
    int down;              /* after conv1: SC_CFG_DOWN_...; auto: as the stem */
    int last_pool;         /* SC_CFG_LAST_POOL_... */
    int padding;           /* SC_CFG_PAD_... */
    int stem_kernel;       /* 0 = of the stem: 3 or 7 */
    int pool_kernel;       /* 0 = 3 */
    bool zero_init_residual;
} sc_config_model;

typedef struct {
    sc_int_list layers; /* hidden widths; may be empty: linear head */
    int out_dim;
    bool bias; /* of the hidden layers */
    bool last_bias;
    sc_config_norm norm; /* after each hidden layer */
    bool last_norm;      /* also after the last layer */
    sc_config_act act, last_act;
    double drop_rate;
    int drop_layers; /* of the last n hidden layers */
} sc_config_projector;

typedef struct {
    int name;       /* SC_CFG_SGD ... */
    double lr;      /* for a batch of 256 if scaled */
    int lr_scaling; /* SC_CFG_SCALE_... of batch / 256 */
    double momentum;
    bool nesterov;
    double weight_decay;
    bool decay_all;      /* also norms and biases */
    sc_float_list betas; /* 2 */
    double eps;
    double trust_coefficient; /* LARS */
} sc_config_optim;

typedef struct {
    int name; /* SC_CFG_COSINE ... */
    double warmup_epochs;
    int step_size; /* epochs over which the factor applies once */
    double gamma;  /* factor of step and exponential, per step_size epochs */
    double min_lr; /* the cosine ends here, the others do not fall below; not scaled */
} sc_config_schedule;

typedef struct {
    int epochs;
    uint64_t steps; /* stop after so many; 0 = all of the epochs */
    int batch;
    uint64_t seed;
    int threads;               /* 0 = all processors the process may use */
    int precision;             /* SC_CFG_PRECISION_... */
    int convolution;           /* SC_CFG_CONV_... */
    char device[16];           /* auto, cpu, cuda, cuda:N */
    double checkpoint_seconds; /* 0 = not by time */
    uint64_t checkpoint_steps; /* 0 = not by steps */
    int keep;                  /* newest checkpoints kept, the last among them; 0 = all */
    uint64_t log_every;        /* steps between lines of metrics.jsonl */
    bool strict;               /* a collapse is an error */
} sc_config_train;

typedef struct {
    int every; /* epochs between evaluations while training; 0 = at the end */
    int knn_k;
    double knn_temperature; /* 0 = plain majority */
    int max_train;          /* images of the bank while training; 0 = all */
    int max_test;           /* as max_train; 0 = all */
    int batch;              /* images per forward pass */
} sc_config_eval;

typedef struct {
    sc_float_list lr; /* tried, each for a batch of 256; times batch / 256 */
    int epochs;       /* 0 = as many as the share of the labels asks for */
    int batch;
    double weight_decay;
    double held_out; /* share of the labelled images that chooses */
} sc_config_finetune;

typedef enum {
    SC_ORIGIN_DEFAULT,
    SC_ORIGIN_PRESET,
    SC_ORIGIN_FILE,
    SC_ORIGIN_ENV,
    SC_ORIGIN_CLI
} sc_origin;

typedef struct sc_config {
    sc_config_data data;
    sc_config_view view[2];  /* read through sc_config_view_of */
    bool symmetric;          /* views.* for both, whatever views2.* says */
    int normalize;           /* SC_CFG_STATS_... */
    sc_float_list mean, std; /* when SC_CFG_STATS_OWN: 1 or 3 numbers each */
    sc_config_model model;
    sc_config_projector projector;
    double temperature;
    sc_config_optim optim;
    sc_config_schedule schedule;
    sc_config_train train;
    sc_config_eval eval;
    sc_config_finetune finetune;              /* of simclr eval alone */
    unsigned char origin[SC_CONFIG_ROWS_MAX]; /* sc_origin of each row */
} sc_config;

typedef enum {
    SC_KEY_BOOL,
    SC_KEY_INT,
    SC_KEY_UINT64,
    SC_KEY_FLOAT,
    SC_KEY_STRING,
    SC_KEY_ENUM,
    SC_KEY_FLOATS,
    SC_KEY_INTS
} sc_key_type;

typedef struct {
    const char *key;   /* "optim.lr" */
    const char *alias; /* "lr", or NULL */
    sc_key_type type;
    size_t offset;             /* into sc_config */
    size_t size;               /* of a string */
    const char *fallback;      /* the default, as text */
    double min, max;           /* of a number or of each entry of a list */
    int count_min, count_max;  /* of a list; an empty one is allowed iff count_min is 0 */
    const char *const *values; /* of an enum, NULL-terminated */
    bool numbers;              /* changes the numbers of a run, so it takes part in its hash */
    const char *unit;          /* "px", "s", ... or NULL */
    const char *help;
} sc_config_row;

/* Every key at its default. */
void sc_config_default(sc_config *cfg);

/* Sets a key (full name or alias) from text.  `where` ("run.yaml:12:3", "--lr", may be NULL) begins
 * the error.  A value of a lower origin than the present one is checked and then dropped.
 * views.* also sets the same key of views2 while that has not been set itself, optim.name
 * optim.decay_all: off with lars.
 * SIMCLR_E_USAGE: unknown key (with "did you mean"), wrong type, out of range. */
int sc_config_set(sc_config *cfg, const char *key, const char *value, sc_origin origin,
                  const char *where, simclr_error *err);

/* The value as sc_config_set takes it.  Returns its length as snprintf, or SIMCLR_E_USAGE. */
int sc_config_get_text(const sc_config *cfg, const char *key, char *out, size_t out_size);
int sc_config_row_text(const sc_config *cfg, size_t row, char *out, size_t out_size);

size_t sc_config_row_count(void);
const sc_config_row *sc_config_row_at(size_t row); /* NULL past the end */
int sc_config_find(const char *key);               /* row of a name or alias, or -1 */
sc_origin sc_config_origin(const sc_config *cfg, size_t row);
const char *sc_config_origin_name(sc_origin origin); /* "default", "preset", ... */
/* "0 .. 1", "sgd|adam|...", "true|false" */
void sc_config_range_text(const sc_config_row *row, char *out, size_t out_size);

/* What train.device says: the number of a GPU, or SC_CFG_DEVICE_AUTO, _CPU or _UNKNOWN. */
int sc_config_device(const char *text);

/* What no single key can tell: all contradictions at once, one a line.  Call it before use. */
int sc_config_check(const sc_config *cfg, simclr_error *err);

/* Parameters of view 0 or 1. */
const sc_config_view *sc_config_view_of(const sc_config *cfg, int view);

/* Slope of leaky_relu (default 0.01), alpha of elu (1), beta of softplus (1); 0 for the others. */
double sc_config_alpha(const sc_config_act *act);

/* The resolved configuration as YAML with `# from: ...`; and only the keys that change the numbers,
 * "key=value" lines in the order of the table, for hashing.  *text is the caller's (sc_free). */
int sc_config_write_yaml(char **text, const sc_config *cfg, simclr_error *err);
int sc_config_numbers_text(char **text, const sc_config *cfg, simclr_error *err);

/* In how many keys two configurations differ: the tests' measure of a round trip. */
size_t sc_config_differ(const sc_config *a, const sc_config *b);

typedef void (*sc_config_note_fn)(void *context, const char *line);

/* A YAML file: ours, or the tutorial's (recognised by its groups).  Every repaired fault and unused
 * key of the latter is a line to `note` (may be NULL); as_shipped keeps the faults.
 * All errors at once, one a line.  SIMCLR_E_USAGE, SIMCLR_E_NOT_FOUND, SIMCLR_E_IO. */
int sc_config_load_file(sc_config *cfg, const char *path, bool as_shipped, sc_config_note_fn note,
                        void *context, simclr_error *err);
int sc_config_load_text(sc_config *cfg, const char *text, size_t size, const char *name,
                        bool as_shipped, sc_config_note_fn note, void *context, simclr_error *err);

typedef struct {
    const char *name;
    const char *help;            /* one line */
    const char *const *settings; /* "key=value", NULL-terminated */
} sc_preset;

size_t sc_preset_count(void);
const sc_preset *sc_preset_at(size_t index);
int sc_config_set_preset(sc_config *cfg, const char *name, simclr_error *err);

/* Nearest of `count` words by edit distance, or NULL if none is near. */
const char *sc_did_you_mean(const char *word, const char *const *words, size_t count);

#endif
