/* SPDX-License-Identifier: MIT
 *
 * report.h - the page of a run: its figures, a map of its latent space with thumbnails and neighbours,
 * curves, views, images left out, settings.
 */
#ifndef SC_TRAIN_REPORT_H
#define SC_TRAIN_REPORT_H

#include "config/config.h"
#include "core/json.h"
#include "eval/embed.h"

typedef struct {
    const char *run;
    const sc_config *cfg;
    uint64_t step;
    const char *shown;             /* "test images of cifar10:DIR" */
    const sc_embedding *embedding; /* of the images shown, at most SC_TSNE_POINTS_MAX, at least 2 */
    sc_dataset *dataset;           /* of which it is */
    const sc_network *network;     /* neighbours are sought where it computes */
    sc_views *views;               /* thumbnails are the evaluation view */
    const simclr_observer *observer;
} sc_report;

/* Writes the page.  The same run and images give the same bytes. */
int sc_report_write(const char *html_path, const sc_report *report, simclr_error *err);

/* What the files of a run and its settings tell, as members of `data`. */
int sc_report_tell_run(sc_json *data, const sc_report *report, simclr_error *err);

#endif
