/* SPDX-License-Identifier: MIT
 *
 * api_report.c - public function: the page of a run.
 */
#include "api/api.h"

#include <stdio.h>

#include "core/fs.h"
#include "report/tsne.h"
#include "train/report.h"

enum { USUAL_IMAGES = 1000 };

static int show(const char *html_path, const char *run, const char *split, sc_api_run *r,
                size_t images, const simclr_observer *observer, simclr_error *err)
{
    char shown[SC_CONFIG_STRING + 32];
    sc_embedding e = {0};
    sc_dataset *ds = r->test != NULL ? r->test : r->train;
    sc_embed_options options = sc_api_whole_split(r, "embedding", observer);
    options.limit = images > 0 ? images : USUAL_IMAGES;
    int rc = sc_embed(&e, ds, &r->network, &r->views, &options, err);
    if (rc == 0 && e.n < 2)
        rc = sc_fail(err, SIMCLR_E_DATA, "%s: %zu image; a map needs two at least", r->spec, e.n);
    snprintf(shown, sizeof shown, "of %zu images, %s of %s", sc_dataset_count(ds),
             split != NULL     ? split
             : r->test != NULL ? "test"
                               : "all",
             r->spec);
    const sc_report report = {.run = run,
                              .cfg = &r->cfg,
                              .step = r->step,
                              .shown = shown,
                              .embedding = &e,
                              .dataset = ds,
                              .network = &r->network,
                              .views = &r->views,
                              .observer = observer};
    if (rc == 0)
        rc = sc_report_write(html_path, &report, err);
    sc_embedding_free(&e);
    return rc;
}

int simclr_report(const char *html_path, const char *run, const char *spec, const char *split,
                  size_t images, const simclr_observer *observer, simclr_error *err)
{
    sc_api_run r;
    if (images > SC_TSNE_POINTS_MAX || images == 1)
        return sc_fail(err, SIMCLR_E_USAGE, "%zu images: expected 2 to %d, or 0 for the usual %d",
                       images, SC_TSNE_POINTS_MAX, USUAL_IMAGES);
    int rc = sc_api_run_open(&r, run, spec, split, NULL, observer, err);
    if (rc == 0)
        rc = show(html_path, run, split, &r, images, observer, err);
    sc_api_run_close(&r);
    return sc_api_result(rc, err);
}
