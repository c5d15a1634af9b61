/* SPDX-License-Identifier: MIT
 *
 * simclr.h - SimCLR (Chen et al. 2020): pre-training of image encoders without labels.
 *
 *     image -> two views -> h -> z -> loss -> gradients -> update
 *
 * The one installed header of libsimclr.  Types are opaque; outputs come first, the error last; a
 * function returns 0 or a negative SIMCLR_E_* code and writes a text for people into the caller's
 * simclr_error; a success leaves no error there.  Pointers are not NULL and indices are in range, unless
 * said otherwise; a NULL configuration that is only read is the defaults.  The library never prints,
 * never exits and keeps no state between calls but its team of threads and the plug-in for GPUs, once
 * loaded.  Different objects may be used from different threads; one object by one thread at a time.
 */
#ifndef SIMCLR_H
#define SIMCLR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define SIMCLR_API __attribute__((visibility("default")))
#else
#define SIMCLR_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* 0 is success; the negative codes map to the program's exit codes. */
enum {
    SIMCLR_OK = 0,
    SIMCLR_E_INTERNAL = -1,    /* a bug: exit 1 */
    SIMCLR_E_USAGE = -2,       /* arguments, configuration: exit 2 */
    SIMCLR_E_DATA = -3,        /* no usable images, too many bad ones: exit 3 */
    SIMCLR_E_IO = -4,          /* I/O error, disk full: exit 4 */
    SIMCLR_E_MEMORY = -5,      /* exit 5 */
    SIMCLR_E_NUMERIC = -6,     /* NaN or Inf: exit 6 */
    SIMCLR_E_CHECKPOINT = -7,  /* bad or incompatible checkpoint or model: exit 7 */
    SIMCLR_E_NOT_FOUND = -8,   /* a file, run or directory is missing: exit 3 */
    SIMCLR_E_FORMAT = -9,      /* contents of a file are not what they should be: exit 3 */
    SIMCLR_E_BUSY = -10,       /* another process uses the run: exit 4 */
    SIMCLR_E_DEVICE = -11,     /* a GPU failed or was lost; the last checkpoint is whole: exit 8 */
    SIMCLR_E_INTERRUPTED = -75 /* stopped by request, state saved: exit 75 */
};

/* Lives on the caller's stack; functions that take it accept NULL. */
typedef struct {
    int code;
    char text[480];
} simclr_error;

/* The exit code that a program should end with after a function returned `code`, as listed above. */
SIMCLR_API int simclr_exit_code(int code);

/* Copies `text`, say the name of a file or a class, for a terminal or a table: control bytes and what is
 * not UTF-8 become \xNN; always terminated.  4 * strlen(text) + 1 bytes hold any text whole. */
SIMCLR_API void simclr_printable(char *out, size_t out_size, const char *text);

/* ---- Watching a long call -------------------------------------------------------------------- */

typedef enum {
    SIMCLR_NOTE,    /* one line for the user: what was found, chosen, repaired */
    SIMCLR_WARNING, /* one line: something is probably wrong */
    SIMCLR_PROGRESS /* a status line that replaces the one before */
} simclr_message_kind;

/* How a long call talks and how it is stopped.  It and either function may be NULL; calls come from the
 * thread that made the long call.  `text` is valid during the call only and ends without newline. */
typedef struct {
    void *context;
    void (*message)(void *context, simclr_message_kind kind, const char *text);
    bool (*stop)(void *context); /* true: save the state and return SIMCLR_E_INTERRUPTED */
} simclr_observer;

/* ---- Configuration --------------------------------------------------------------------------- */

typedef struct simclr_config simclr_config;

/* Where a value comes from; a stronger origin (further down) wins whatever the order of calls. */
typedef enum {
    SIMCLR_FROM_DEFAULT,
    SIMCLR_FROM_PRESET,
    SIMCLR_FROM_FILE,
    SIMCLR_FROM_ENV,
    SIMCLR_FROM_CLI
} simclr_origin;

typedef struct {
    const char *name, *alias; /* "optim.lr", "lr" or NULL */
    const char *type;         /* bool, int, uint64, float, string, enum, floats, ints */
    const char *fallback;     /* the default */
    char range[200];          /* "0 .. 1", "sgd|adam|..." */
    const char *unit;         /* or NULL */
    const char *help;
} simclr_key;

typedef struct {
    const char *name, *help;
    const char *const *settings; /* "key=value", NULL-terminated */
} simclr_preset;

/* Every key at its default; the caller's, to be released with simclr_config_free(). */
SIMCLR_API int simclr_config_new(simclr_config **out, simclr_error *err);
SIMCLR_API void simclr_config_free(simclr_config *config);
/* Sets a key, by name or alias, from text.  `where` (may be NULL) begins the text of an error.
 * SIMCLR_E_USAGE: unknown key, wrong type or out of range. */
SIMCLR_API int simclr_config_set(simclr_config *config, const char *key, const char *value,
                                 simclr_origin origin, const char *where, simclr_error *err);
SIMCLR_API int simclr_config_set_preset(simclr_config *config, const char *name, simclr_error *err);
/* A YAML file, ours or the tutorial's; what is repaired in the latter is told to `observer` as
 * notes, and kept with `as_shipped`.  On failure, with all errors in err, nothing has changed. */
SIMCLR_API int simclr_config_load(simclr_config *config, const char *path, bool as_shipped,
                                  const simclr_observer *observer, simclr_error *err);
/* Contradictions between keys; all at once, one a line. */
SIMCLR_API int simclr_config_check(const simclr_config *config, simclr_error *err);
SIMCLR_API int simclr_config_get(char *out, size_t out_size, const simclr_config *config,
                                 const char *key, simclr_error *err);
/* The resolved configuration as YAML with the origin of every value; simclr_text_free(). */
SIMCLR_API int simclr_config_text(char **text, const simclr_config *config, simclr_error *err);
/* Key and preset number i; false past the last. */
SIMCLR_API bool simclr_config_key(simclr_key *out, size_t i);
SIMCLR_API bool simclr_preset_at(simclr_preset *out, size_t i);

/* ---- Data sets ------------------------------------------------------------------------------- */

typedef struct simclr_dataset simclr_dataset;

typedef struct {
    size_t count;         /* usable images */
    size_t skipped;       /* unusable ones, see simclr_dataset_skipped */
    int classes;          /* 0: unlabelled */
    size_t height, width; /* of the largest image */
    bool resident;        /* decoded in memory; false: decoded when needed */
    const char *kind;     /* "cifar10", "folder", "shapes" ... */
    /* SHA-256, hexadecimal: of classes and labels with, for binary sets, the contents of their files, for
     * folders and lists the names and sizes in bytes of the images, not what is in them. */
    char digest[65];
} simclr_dataset_info;

/* Opens one split of an image set: "train" (or NULL), "test", "unlabeled", "train+unlabeled" or "all".
 * `spec` is cifar10:DIR, cifar100:DIR, stl10:DIR, folder:DIR, list:FILE, shapes, or a plain path,
 * recognised by its content.  data.* keys of `config` apply.  On success *out is the caller's, to be
 * released with simclr_dataset_close().
 * Errors: SIMCLR_E_NOT_FOUND, SIMCLR_E_FORMAT, SIMCLR_E_DATA, SIMCLR_E_USAGE. */
SIMCLR_API int simclr_dataset_open(simclr_dataset **out, const char *spec, const char *split,
                                   const simclr_config *config, simclr_error *err);
SIMCLR_API void simclr_dataset_close(simclr_dataset *dataset);
SIMCLR_API int simclr_dataset_describe(simclr_dataset_info *out, simclr_dataset *dataset,
                                       simclr_error *err);
/* NULL: no class has this label. */
SIMCLR_API const char *simclr_dataset_class_name(const simclr_dataset *dataset, int label);
/* Label of image i, or -1; its path or its number within the set. */
SIMCLR_API int simclr_dataset_label(const simclr_dataset *dataset, size_t i);
SIMCLR_API const char *simclr_dataset_name(const simclr_dataset *dataset, size_t i);
/* Reads every image that is not in memory, so that all that cannot be used are among the skipped;
 * *readable is how many can.  SIMCLR_E_DATA when data.max_bad is exceeded. */
SIMCLR_API int simclr_dataset_verify(size_t *readable, simclr_dataset *dataset, simclr_error *err);
/* The j-th image that could not be used, and why. */
SIMCLR_API void simclr_dataset_skipped(const char **name, const char **reason,
                                       const simclr_dataset *dataset, size_t j);

/* ---- Part 1: two views of an image ----------------------------------------------------------- */

/* x (2n, H, W, C): normalised pixels, view 1 of images index[0..n-1], then view 2 of the same; H, W
 * and every augmentation from `config`.  A function of (seed, epoch, image, view) alone. */
SIMCLR_API int simclr_views_make(float *x, simclr_dataset *dataset, const uint32_t *index, size_t n,
                                 uint32_t epoch, const simclr_config *config, simclr_error *err);
/* Writes a contact sheet as PNG: `rows` images, at least one, each with its two views beside it. */
SIMCLR_API int simclr_views_sheet(const char *png_path, simclr_dataset *dataset, size_t rows,
                                  const simclr_config *config, simclr_error *err);

/* ---- Parts 2 and 3: the encoder, h = f(x), and the projector, z = g(h) ------------------------ */

typedef struct simclr_model simclr_model;

typedef struct {
    size_t height, width, channels; /* of the input */
    size_t dim_h, dim_z;
    size_t encoder_parameters, projector_parameters;
    double macs; /* multiply-adds of one view through the encoder */
} simclr_model_info;

/* A freshly initialised model for at most max_rows views at once, or that of a finished or unfinished
 * run (its newest whole checkpoint).  max_rows: 1 to 2^18.  Views are of data.image_size; where that is 0, of
 * 224 px with the stem imagenet, else of 32.  The caller's: simclr_model_free(). */
SIMCLR_API int simclr_model_new(simclr_model **out, const simclr_config *config, size_t max_rows,
                                simclr_error *err);
SIMCLR_API int simclr_model_open(simclr_model **out, const char *run, size_t max_rows,
                                 simclr_error *err);
SIMCLR_API void simclr_model_free(simclr_model *model);
SIMCLR_API void simclr_model_describe(simclr_model_info *out, const simclr_model *model);
/* One line per stage with its sizes, as text; valid until the model is freed. */
SIMCLR_API const char *simclr_model_summary(simclr_model *model);
/* h (rows, dim_h) from x (rows, H, W, C); with `training`, batch statistics are used and updated and
 * what simclr_model_backward needs is kept. */
SIMCLR_API int simclr_model_encode(float *h, simclr_model *model, const float *x, size_t rows,
                                   bool training, simclr_error *err);
/* z (rows, dim_z) from h (rows, dim_h). */
SIMCLR_API int simclr_model_project(float *z, simclr_model *model, const float *h, size_t rows,
                                    bool training, simclr_error *err);
/* Gradients of every parameter from dz (rows, dim_z) of the last training forward passes, one of the encoder and one
 * of the projector, of the same rows, which it uses up; and their norm over all parameters. */
SIMCLR_API int simclr_model_backward(double *gradient_norm, simclr_model *model, const float *dz,
                                     simclr_error *err);

/* ---- Part 4: NT-Xent ------------------------------------------------------------------------- */

/* Mean over all 2n anchors of -log softmax of the positive (Chen et al. 2020, eq. 1), n >= 2.
 * z (2n, d), row i and row (i + n) mod 2n are views of one image; rows are l2-normalised inside.
 * dz (2n, d) receives the gradient, or is NULL. */
SIMCLR_API int simclr_ntxent(double *loss, float *dz, const float *z, size_t n, size_t d,
                             double temperature, simclr_error *err);
/* ln(2n - 1), when nothing is learnt; and the least possible loss (pairs equal, classes a simplex). */
SIMCLR_API double simclr_ntxent_ceiling(size_t n);
SIMCLR_API double simclr_ntxent_floor(size_t n, double temperature);

/* ---- Part 5: training ------------------------------------------------------------------------ */

typedef struct {
    uint64_t step; /* steps done */
    double epoch;  /* epochs done, with fraction */
    double loss, lr, images_per_s;
    double knn_top1; /* of the last evaluation, per cent; negative: none yet */
    double raw_pixels_top1, untrained_top1; /* before the first step; negative: not measured */
} simclr_train_status;

/* Trains as `config` says, in the directory `run`; the same call again resumes an unfinished run to the
 * same bits as an uninterrupted one.  *out (may be NULL) is the state at the end.
 * Errors: SIMCLR_E_INTERRUPTED after a stop (state saved), SIMCLR_E_NUMERIC for NaN or Inf (last
 * checkpoint intact), SIMCLR_E_USAGE when `run` is NULL or empty or `config` contradicts the run, and
 * those of the parts. */
SIMCLR_API int simclr_train(simclr_train_status *out, const simclr_config *config, const char *run,
                            const simclr_observer *observer, simclr_error *err);

/* Which of the processes that mpirun or srun started together this is, 0 .. count-1; alone: 0 of 1.  They train one
 * model: each calls simclr_train with the same configuration and the same `run`, which the first alone reads and
 * writes, and takes its share of every batch; the loss is that of the whole batch, whose statistics normalise it.
 * As many processes give the same bits again; other numbers of them differ by rounding.  Where all of them fail
 * alike, the first has the text of the error, and the others' is empty.  A process that exits after another
 * failure ends them all.  SIMCLR_E_USAGE: several were started, but cannot be connected. */
SIMCLR_API int simclr_processes(int *rank, int *count, simclr_error *err);

/* The same, a step at a time and without a run directory; simclr_trainer_step, too, takes NULL for out. */
typedef struct simclr_trainer simclr_trainer;
SIMCLR_API int simclr_trainer_open(simclr_trainer **out, const simclr_config *config,
                                   simclr_error *err);
SIMCLR_API int simclr_trainer_step(simclr_train_status *out, simclr_trainer *trainer,
                                   simclr_error *err);
SIMCLR_API void simclr_trainer_close(simclr_trainer *trainer);

/* ---- Using what was learnt ------------------------------------------------------------------- */

typedef struct {
    char protocol[16];  /* "knn", "linear" or "finetune" */
    int k;              /* k-NN: neighbours of top1, at most n_train; others: 0 */
    double temperature; /* k-NN: of the votes of top1; 0: plain majority */
    double top1;        /* per cent, on the test split */
    /* linear, finetune: the same of the five likeliest classes; negative with 5 classes or fewer */
    double top5;
    int k_weighted;       /* k-NN: neighbours of top1_weighted, 200 or all of n_train */
    double top1_weighted; /* k-NN: weights exp(cos / 0.1) */
    /* Baselines, negative when not asked for: by k-NN, for finetune untrained_top1 alone, by fine-tuning.  Of
     * pixels also negative when they are too large. */
    double raw_pixels_top1;
    double untrained_top1;
    /* linear, finetune: on the held-out images that made the choices; finetune: negative with none */
    double validation_top1;
    double l2;         /* linear: the strength chosen */
    double lr;         /* finetune: the rate chosen, for 256 images a step */
    int epochs, batch; /* finetune: passes, and images of a step; others: 0 */
    int folds;         /* linear: 1: one part was held out; 5: cross-validation */
    size_t
        n_validation; /* linear: images held out, all of n_train in folds; finetune: of n_train */
    double labels;    /* share of the training labels used, and n_train is their number */
    size_t n_train, n_test;
    uint64_t checkpoint; /* step */
    double seconds;
} simclr_eval_result;

typedef struct {
    const char *protocol; /* "knn", "linear" or "finetune" */
    double labels;        /* share of the training labels used, per class: 0.01, 0.1, 1; 0: 1 */
    /* Also k-NN of raw pixels and of the untrained encoder; for finetune the untrained encoder fine-tuned in
     * the same way. */
    bool baselines;
    /* NULL, or what is other than in training: of the keys that were set, eval.knn_k, eval.knn_temperature,
     * eval.batch, train.device, train.precision and finetune.* win over the run's; eval.max_train,
     * eval.max_test and train.threads are 0, which is all, unless set here.  Other keys: SIMCLR_E_USAGE. */
    const simclr_config *settings;
    /* finetune: NULL, or a file for encoder and classifier (fc.*) as safetensors, under torchvision's
     * names. */
    const char *save;
} simclr_eval_options;

/* Measures the encoder of a run.  spec NULL: the run's data set.  The encoder's bytes are hashed
 * before and after, and it is a copy that is fine-tuned, on the processor; choices are made on held-out
 * parts of the training split, for "linear" of less than 10,000 images by 5-fold cross-validation; the test
 * split is read once. */
SIMCLR_API int simclr_eval(simclr_eval_result *out, const char *run, const char *spec,
                           const simclr_eval_options *options, const simclr_observer *observer,
                           simclr_error *err);
/* Features of every image of a split of `spec`, NULL: the run's data set.  npy_path (count, dim_h)
 * float32, and a table beside it that names the rows: files.tsv of features.npy, NAME.files.tsv of any
 * other NAME.npy.  Unreadable images have no row; a warning says how many there are. */
SIMCLR_API int simclr_embed(size_t *count, const char *npy_path, const char *run, const char *spec,
                            const char *split, const simclr_observer *observer, simclr_error *err);
/* Draws the latent space of a run as PNG: "tsne" or "pca" of the features, coloured by class.  spec NULL:
 * the run's data set; split NULL: the test images, or where there are none those for training. */
SIMCLR_API int simclr_plot(const char *png_path, const char *run, const char *spec,
                           const char *split, const char *method, const simclr_observer *observer,
                           simclr_error *err);
/* Writes a page of HTML that holds all it needs: figures, a map of at most `images` images (0: 1,000; at most
 * 5,000) with thumbnails and neighbours, curves, views, images left out, settings.  spec and split as for
 * simclr_plot.  SIMCLR_E_DATA where fewer than two images can be shown. */
SIMCLR_API int simclr_report(const char *html_path, const char *run, const char *spec,
                             const char *split, size_t images, const simclr_observer *observer,
                             simclr_error *err);
/* The encoder (and with `projector`, g) of a run as "safetensors", "pth" (torch.load) or "npz" (numpy.load), under
 * torchvision's names, or as "onnx": images (batch,C,H,W) of bytes / 255 to features (batch,D) and z (batch,d).
 * format NULL: as path ends (.pt is pth).  All have with them the settings that make a function of weights.
 * SIMCLR_E_USAGE also for more than 2 GiB as onnx, 4 as pth or npz. */
SIMCLR_API int simclr_export(const char *path, const char *run, const char *format, bool projector,
                             const simclr_observer *observer, simclr_error *err);
/* And back, from safetensors: makes a run whose step 0 holds the weights of the file.  Settings that `config`
 * leaves at their defaults are the file's own, or recognised from its tensors.  Mismatches are listed and
 * fatal, but for a projector: it is left out, with a warning. */
SIMCLR_API int simclr_import(const char *run, const char *path, const simclr_config *config,
                             const simclr_observer *observer, simclr_error *err);
/* What a checkpoint, run, safetensors or .npy file holds, as text (the caller's, simclr_text_free);
 * with `verify`, hashes are checked. */
SIMCLR_API int simclr_inspect(char **text, const char *path, bool verify, simclr_error *err);
SIMCLR_API void simclr_text_free(char *text);

/* ---- Searching what was learnt --------------------------------------------------------------- */

/* The images of a set with their features h, l2-normalised.  They are kept in RUN/index and read from there
 * as long as weights, settings and images are those they were made of; of a folder's images names, sizes
 * and times are compared, not contents. */
typedef struct simclr_index simclr_index;

typedef struct {
    const char *spec;  /* NULL: the run's data set */
    const char *split; /* NULL: all images */
    bool fresh;        /* makes the features anew, whatever is kept */
    /* NULL, or what is other than in training: of the keys that were set, eval.batch and train.device,
     * train.precision, train.threads count.  Keys of the run itself: SIMCLR_E_USAGE. */
    const simclr_config *settings;
} simclr_index_options;

typedef struct {
    size_t images;       /* that can be read; their numbers below are 0 .. images-1 */
    size_t skipped;      /* that cannot */
    int classes;         /* 0: unlabelled */
    size_t dim_h;        /* of h */
    uint64_t checkpoint; /* step */
    bool kept;           /* the features were read from RUN/index */
} simclr_index_info;

typedef struct {
    uint32_t image;
    float similarity; /* cosine of h, -1 to 1 */
} simclr_match;

/* options NULL: the run's images, all of them.  The observer hears all later calls as well.  Nothing is
 * embedded yet: the first call that needs the features makes or reads them.  *out is the caller's. */
SIMCLR_API int simclr_index_open(simclr_index **out, const char *run,
                                 const simclr_index_options *options,
                                 const simclr_observer *observer, simclr_error *err);
SIMCLR_API void simclr_index_close(simclr_index *index);
/* Makes or reads the features now; out may be NULL.  That they cannot be kept is a warning. */
SIMCLR_API int simclr_index_load(simclr_index_info *out, simclr_index *index, simclr_error *err);
/* Path, or name within the set, and class, NULL where it has none, of an image, once the features are
 * there.  Kept by the index. */
SIMCLR_API const char *simclr_index_name(const simclr_index *index, size_t image);
SIMCLR_API const char *simclr_index_class(const simclr_index *index, size_t image);
/* out (queries, *k): the nearest images of each query, best first, exactly; *k at the call is how many are
 * wanted, afterwards no more than there are images.  A query is the path of an image file, or the name of
 * an image of the set; one that is of the set finds itself, with similarity 1 but for rounding.  Queries are
 * read before any image is embedded: SIMCLR_E_NOT_FOUND and SIMCLR_E_FORMAT name the one that fails. */
SIMCLR_API int simclr_index_search(simclr_match *out, size_t *k, simclr_index *index,
                                   const char *const *query, size_t queries, simclr_error *err);
/* Groups of near-duplicates.  Two images are joined where their similarity is at least `threshold`, above 0
 * and up to 1, and a group is all that are connected so; all pairs are compared.  out (images): the members
 * group by group, size (images / 2 + 1): how many each of *groups has.  The largest group is first; within
 * one, an image of its most similar pair, then the others by similarity to that one. */
SIMCLR_API int simclr_index_duplicates(simclr_match *out, size_t *size, size_t *groups,
                                       simclr_index *index, double threshold, simclr_error *err);
/* out (*count): the images that are least like their neighbours, the most unusual first; similarity is the
 * mean of that to the *k nearest others.  Afterwards *count and *k are no more than there are. */
SIMCLR_API int simclr_index_outliers(simclr_match *out, size_t *count, size_t *k,
                                     simclr_index *index, simclr_error *err);

typedef struct {
    const char *query; /* shown first, in a frame; NULL: none */
    const simclr_match *match;
    size_t count;
} simclr_sheet_row;

/* Draws rows of images, each with its similarity below it, as PNG.  What does not fit is left out, with a
 * note. */
SIMCLR_API int simclr_index_sheet(const char *png_path, simclr_index *index,
                                  const simclr_sheet_row *row, size_t rows, simclr_error *err);

/* ---- This machine ---------------------------------------------------------------------------- */

SIMCLR_API const char *simclr_version(void);
/* What runs here: processor, instruction set used, cores, memory, libraries; as text. */
SIMCLR_API int simclr_doctor(char **text, simclr_error *err);
/* Room for what a GPU has to say of the steps it ran: why they were not recorded; "": nothing. */
enum { SIMCLR_BENCH_NOTE = 400 };
/* Times `repeat` training steps, at least one, after two for warming up, on whole batches where
 * data.drop_last was not set; ms (repeat), note may be NULL. */
SIMCLR_API int simclr_bench_step(double *ms, char note[SIMCLR_BENCH_NOTE], size_t repeat,
                                 const simclr_config *config, simclr_error *err);
/* Times two views of each of the first n images of data.dataset, at least one, `repeat` times, at least
 * one, after one pass for warming up; decoding is in it unless the images fit data.memory_limit. */
SIMCLR_API int simclr_bench_views(double *ms, size_t repeat, size_t n, const simclr_config *config,
                                  simclr_error *err);
/* Times k-NN (k 200, votes exp(similarity / 0.1)) of shape[1] queries in a bank of shape[0] with
 * shape[2] features each, on train.device, `repeat` times, at least one; SIMCLR_E_MEMORY where that has
 * too little for it. */
SIMCLR_API int simclr_bench_knn(double *ms, size_t repeat, const size_t shape[3],
                                const simclr_config *config, simclr_error *err);
/* A row of a profile: a kernel, for convolutions one of its shapes, or a stage that is no kernel
 * ("views", "optimiser", "everything else"; on a device also "ntxent_forward", "ntxent_backward",
 * "upload", "zero").  Operations are nominal, 2 n p q k c r s and 2 m n k;
 * bytes are those of maps, matrices and weights that must be read and written, each once. */
typedef struct {
    char name[24]; /* "conv2d_forward" */
    char shape
        [40]; /* of a convolution: "3x3/2 64->128 @32", kernel/stride, channels, side; else "" */
    size_t calls;      /* a step; 0 for a stage */
    double ms;         /* a step, median */
    double flops;      /* a step; 0: no product */
    double bytes;      /* a step; 0: not known */
    double peak_flops; /* a second, of its kind of product, see below; 0: none */
    double limit_ms;   /* the larger of flops / peak_flops and bytes / copy_bytes; 0: not known */
} simclr_profile_row;

enum { SIMCLR_PROFILE_ROWS = 210 };

typedef struct {
    char engine[16], precision[8]; /* of the encoder */
    int threads;
    char device[128]; /* "" on the processor */
    char note[SIMCLR_BENCH_NOTE];
    double step_ms; /* median of the steps profiled; on a device each kernel is waited for */
    /* On a device: median of steps as training queues them, none of whose kernels is waited for; what the
     * host does for the next batch is hidden behind them.  Else 0. */
    double training_step_ms;
    /* Measured on all threads: operations a second of the convolutions' multiply-adds and of gemm's
     * (fp32), in registers; bytes a second, read plus written, of a copy of 64 MiB.  On a device: of its
     * largest products, 8192^3 where it is fast enough, and of a copy of 256 MiB in its memory. */
    double conv_peak_flops, gemm_peak_flops, copy_bytes;
    size_t rows;
    size_t gap; /* the row whose ms is furthest above its limit_ms; == rows: none is above it */
    simclr_profile_row row[SIMCLR_PROFILE_ROWS]; /* longest time first */
} simclr_profile;

/* Where the time of a training step goes: medians of `repeat` steps, at least one, after two for
 * warming up, on whole batches.  Winograd's convolutions need fewer multiplications than their nominal
 * operations (F(4x4) a quarter), so that they can beat peak_flops; passes over maps that stay in a cache,
 * or that read more than they write, can beat copy_bytes.  On the processor views and optimiser are timed
 * by doing them once more after each step. */
SIMCLR_API int simclr_bench_profile(simclr_profile *out, size_t repeat, const simclr_config *config,
                                    simclr_error *err);
/* Largest resident memory of the process so far, MiB. */
SIMCLR_API double simclr_peak_memory(void);

#ifdef __cplusplus
}
#endif

#endif
