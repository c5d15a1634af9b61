/* SPDX-License-Identifier: MIT
 *
 * logbook.h - everything a run tells while it trains: metrics.jsonl, TensorBoard events,
 * STATUS.json, the progress line, and the verdict on whether it learns.
 */
#ifndef SC_TRAIN_LOGBOOK_H
#define SC_TRAIN_LOGBOOK_H

#include "core/events.h"
#include "config/config.h"
#include "monitor/health.h"
#include "monitor/metrics.h"
#include "monitor/progress.h"
#include "monitor/status.h"
#include "monitor/tfevents.h"
#include "train/step.h"

typedef struct {
    const char *run;
    const sc_config *cfg;
    const simclr_observer *observer;
    sc_metrics *metrics;
    sc_tfevents *events;
    sc_progress progress;
    sc_health health;
    sc_health_verdict verdict;
    uint64_t steps_per_epoch, total_steps;
    double rate_clock; /* when the present window of images/s began */
    double window_images, window_wait;
    double images_per_s, wait; /* of the last window */
    sc_step_stats due;         /* the step whose figures are to be written; of 0 images: none */
    /* % of the evaluations, those of earlier processes of the run included; negative: none */
    double raw_pixels_top1, untrained_top1, knn_top1;
    double last_loss, last_lr; /* as earlier processes of the run logged them */
    int64_t evaluated; /* the step of the last evaluation in metrics.jsonl; negative: none */
} sc_logbook;

int sc_logbook_open(sc_logbook *log, const char *run, const sc_config *cfg, uint64_t step,
                    const simclr_observer *observer, simclr_error *err);
/* After every step: the line on screen; every train.log_every steps z is fetched, and figures are due. */
int sc_logbook_step(sc_logbook *log, const sc_step_stats *stats, sc_step *step, simclr_error *err);
/* Writes them to the files if they are due, and says the verdict.  They are of z on the host: a device
 * may do the next step meanwhile. */
int sc_logbook_figures(sc_logbook *log, sc_step *step, simclr_error *err);
/* Seconds since the last step that were not spent on steps: the rates leave them out. */
void sc_logbook_pause(sc_logbook *log, double seconds);
/* Values of an evaluation; its line in metrics.jsonl also marks that it was finished. */
int sc_logbook_eval(sc_logbook *log, uint64_t step, const sc_metric *values, size_t count,
                    simclr_error *err);
/* Histograms of weights, and of h and z of the last batch where there was one since the start. */
int sc_logbook_histograms(sc_logbook *log, sc_step *step, bool batch, simclr_error *err);
int sc_logbook_phase(sc_logbook *log, const char *phase, uint64_t step, int exit_code,
                     simclr_error *err);
int sc_logbook_close(sc_logbook *log, simclr_error *err); /* zeroed is fine */

#endif
