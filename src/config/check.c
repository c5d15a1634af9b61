/* SPDX-License-Identifier: MIT
 *
 * check.c - what no single key can tell: contradictions between keys, all found at once.
 */
#include <math.h>
#include <string.h>

#include "config/config.h"
#include "config/value.h"
#include "model/encoder_shapes.h"

static void check_pair(const sc_float_list *pair, const char *group, const char *key,
                       simclr_error *err)
{
    if (pair->count == 2 && pair->at[0] > pair->at[1]) {
        sc_config_add_error(err, "%s.%s: least (%g) is above most (%g)", group, key, pair->at[0],
                            pair->at[1]);
    }
}

static void check_view(const sc_config_view *view, const char *group, simclr_error *err)
{
    check_pair(&view->crop_scale, group, "crop_scale", err);
    check_pair(&view->crop_ratio, group, "crop_ratio", err);
    check_pair(&view->blur_sigma, group, "blur_sigma", err);
    if (view->blur_kernel != 0 && view->blur_kernel % 2 == 0) {
        sc_config_add_error(err, "%s.blur_kernel: %d is even; use %d or 0", group,
                            view->blur_kernel, view->blur_kernel + 1);
    }
    if (view->hue * view->jitter_strength > 0.5) {
        sc_config_add_error(err, "%s.hue: %g times jitter_strength %g is above 0.5 turns", group,
                            view->hue, view->jitter_strength);
    }
}

static void check_data(const sc_config *cfg, simclr_error *err)
{
    static const char *const SPLITS[] = {"", "train", "test", "unlabeled", "all"};
    bool known = false;
    for (size_t i = 0; i < sizeof(SPLITS) / sizeof(SPLITS[0]); i++) {
        known = known || strcmp(SPLITS[i], cfg->data.split) == 0;
    }
    if (!known) {
        sc_config_add_error(err, "data.split: '%s' is not train, test, unlabeled or all",
                            cfg->data.split);
    }
    if (cfg->data.channels == 2) {
        sc_config_add_error(err, "data.channels: 2 is neither 1 (grey) nor 3 (RGB)");
    }
    if (cfg->data.image_size != 0 && cfg->data.image_size < 8) {
        sc_config_add_error(err, "data.image_size: %d is below 8 px", cfg->data.image_size);
    }
    check_view(&cfg->view[0], "views", err);
    check_view(&cfg->view[1], "views2", err);
    bool own = cfg->normalize == SC_CFG_STATS_OWN;
    bool fits = cfg->mean.count == cfg->data.channels && cfg->std.count == cfg->data.channels;
    if (own && !fits) {
        sc_config_add_error(err,
                            "views.normalize: own needs %d numbers in views.mean and in "
                            "views.std",
                            cfg->data.channels);
    }
    if (!own && (cfg->mean.count > 0 || cfg->std.count > 0)) {
        sc_config_add_error(err, "views.mean, views.std: need views.normalize=own");
    }
}

static void check_act(const sc_config_act *act, const char *key, simclr_error *err)
{
    bool takes_one = act->kind == SC_CFG_ACT_LEAKY_RELU || act->kind == SC_CFG_ACT_ELU ||
                     act->kind == SC_CFG_ACT_SOFTPLUS;
    if (act->alpha != 0 && !takes_one) {
        const sc_config_row *row = sc_config_row_at((size_t)sc_config_find("model.activation"));
        sc_config_add_error(err, "%s_alpha: %s takes no parameter", key, row->values[act->kind]);
    }
}

static void check_model(const sc_config *cfg, simclr_error *err)
{
    const sc_config_model *m = &cfg->model;
    check_act(&m->act, "model.activation", err);
    if (m->strides.count != 0 && m->strides.count != 6) {
        sc_config_add_error(err, "model.strides: has %d numbers, needs 6 or none",
                            m->strides.count);
    }
    if (m->dilations.count != 0 && m->dilations.count != 4) {
        sc_config_add_error(err, "model.dilations: has %d numbers, needs 4 or none",
                            m->dilations.count);
    }
    if (m->stem_kernel != 0 && m->stem_kernel % 2 == 0) {
        sc_config_add_error(err, "model.stem_kernel: %d is even; use %d or 0", m->stem_kernel,
                            m->stem_kernel + 1);
    }
    const sc_encoder_options of_width = {.width = m->width};
    size_t channels = sc_encoder_planes(&of_width, 0);
    if (m->norm.kind == SC_CFG_NORM_GROUP && channels % (size_t)m->norm.groups != 0) {
        sc_config_add_error(err,
                            "model.norm_groups: %d does not divide the %zu channels of "
                            "stage 1",
                            m->norm.groups, channels);
    }
}

static void check_projector(const sc_config *cfg, simclr_error *err)
{
    const sc_config_projector *p = &cfg->projector;
    check_act(&p->act, "projector.activation", err);
    check_act(&p->last_act, "projector.last_activation", err);
    for (int i = 0; i < p->layers.count && p->norm.kind == SC_CFG_NORM_GROUP; i++) {
        if (p->layers.at[i] % p->norm.groups != 0) {
            sc_config_add_error(err, "projector.norm_groups: %d does not divide layer %d",
                                p->norm.groups, p->layers.at[i]);
        }
    }
    if (p->last_norm && p->norm.kind == SC_CFG_NORM_NONE) {
        sc_config_add_error(err, "projector.last_norm: needs projector.norm");
    }
    if (p->drop_rate > 0 && p->layers.count == 0) {
        sc_config_add_error(err, "projector.drop_rate: no hidden layer to follow");
    }
}

/* optim.lr as optim.lr_scaling makes it. */
static double peak_lr(const sc_config *cfg)
{
    double ratio = cfg->train.batch / 256.0;

    switch (cfg->optim.lr_scaling) {
    case SC_CFG_SCALE_LINEAR:
        return cfg->optim.lr * ratio;
    case SC_CFG_SCALE_SQRT:
        return cfg->optim.lr * sqrt(ratio);
    default:
        return cfg->optim.lr;
    }
}

static void check_training(const sc_config *cfg, simclr_error *err)
{
    const sc_config_optim *o = &cfg->optim;
    if (o->nesterov && o->name != SC_CFG_SGD && o->name != SC_CFG_LARS) {
        sc_config_add_error(err, "optim.nesterov: only sgd and lars have it");
    }
    if (o->nesterov && o->momentum == 0) {
        sc_config_add_error(err, "optim.nesterov: needs optim.momentum above 0");
    }
    if (cfg->schedule.warmup_epochs >= cfg->train.epochs && cfg->schedule.warmup_epochs > 0) {
        sc_config_add_error(err, "schedule.warmup_epochs: %g leaves nothing of %d epochs",
                            cfg->schedule.warmup_epochs, cfg->train.epochs);
    }
    double peak = peak_lr(cfg);
    if (cfg->schedule.min_lr > peak) {
        sc_config_add_error(err, "schedule.min_lr: %g is above optim.lr %g, at this batch %g",
                            cfg->schedule.min_lr, o->lr, peak);
    }
}

int sc_config_check(const sc_config *cfg, simclr_error *err)
{
    simclr_error found = {SIMCLR_OK, ""};
    check_data(cfg, &found);
    check_model(cfg, &found);
    check_projector(cfg, &found);
    check_training(cfg, &found);
    if (found.code != SIMCLR_OK && err != NULL) {
        *err = found;
    }
    return found.code;
}
