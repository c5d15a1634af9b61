/* SPDX-License-Identifier: MIT
 *
 * tfevents.c - builds Events on the stack, packs them with protobuf-c, frames and appends them.
 *
 * Scalars use simple_value, which every reader migrates.  Hyperparameters are in tfevents_hparams.c.
 */
#define _DEFAULT_SOURCE
#include "monitor/tfevents.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/fs.h"
#include "monitor/tfevents_event.h"
#include "monitor/tfrecord.h"

enum { BUCKETS = 30 };

struct sc_tfevents {
    sc_fs_log *log;
    double (*clock)(void);
    char path[SC_PATH_MAX];
};

int sc_tfevents_put(sc_tfevents *events, Tb__Event *event, simclr_error *err)
{
    event->has_wall_time = 1;
    event->wall_time = events->clock();
    size_t size = tb__event__get_packed_size(event);
    unsigned char *record = sc_alloc(size + SC_TFRECORD_HEAD + SC_TFRECORD_TAIL, 1, err);
    if (record == NULL)
        return SIMCLR_E_MEMORY;
    tb__event__pack(event, record + SC_TFRECORD_HEAD);
    sc_tfrecord_frame(record, size);
    int rc = sc_fs_log_append(events->log, record, size + SC_TFRECORD_HEAD + SC_TFRECORD_TAIL, err);
    sc_free(record);
    return rc;
}

double sc_tfevents_now(const sc_tfevents *events)
{
    return events->clock();
}

int sc_tfevents_put_value(sc_tfevents *events, Tb__Summary__Value *value, uint64_t step,
                          simclr_error *err)
{
    Tb__Event event = TB__EVENT__INIT;
    Tb__Summary summary = TB__SUMMARY__INIT;
    summary.n_value = 1;
    summary.value = &value;
    event.has_step = 1;
    event.step = (int64_t)step;
    event.summary = &summary;
    return sc_tfevents_put(events, &event, err);
}

/* Seconds in the name of the newest event file of a run; -1 where there is none. */
static int newest_seconds(long long *out, const char *run, simclr_error *err)
{
    sc_fs_list list;
    int rc = sc_fs_list_dir(&list, run, err);
    *out = -1;
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < list.count; i++) {
        long long seconds;
        if (sscanf(list.name[i], "events.out.tfevents.%18lld.", &seconds) == 1 && seconds > *out)
            *out = seconds;
    }
    sc_fs_list_free(&list);
    return 0;
}

/* TensorBoard reads the files of a run in the order of their names.  The new one comes last, also where
 * the clock was set back or the one before is of this second. */
static int choose_name(sc_tfevents *events, const char *run, simclr_error *err)
{
    char host[64] = "", name[160];
    long long newest;
    int rc = newest_seconds(&newest, run, err);
    if (rc < 0)
        return rc;
    if (gethostname(host, sizeof host - 1) < 0 || host[0] == '\0')
        strcpy(host, "localhost");
    for (char *c = host; *c; c++)
        if (*c == '/' || (unsigned char)*c <= ' ')
            *c = '-';
    double now = events->clock();
    long long seconds = now > 0 && now < 1e18 ? (long long)now : 0;
    if (seconds <= newest)
        seconds = newest + 1;
    snprintf(name, sizeof name, "events.out.tfevents.%010lld.%s.%ld.0", seconds, host,
             (long)getpid());
    return sc_path_join(events->path, run, name, err);
}

static int write_start(sc_tfevents *events, uint64_t step, simclr_error *err)
{
    Tb__Event version = TB__EVENT__INIT, start = TB__EVENT__INIT;
    Tb__SessionLog session = TB__SESSION_LOG__INIT;
    char text[] = "brain.Event:2";
    version.file_version = text;
    int rc = sc_tfevents_put(events, &version, err);
    if (rc < 0)
        return rc;
    session.has_status = 1;
    session.status = TB__SESSION_LOG__STATUS__START;
    start.has_step = 1;
    start.step = (int64_t)step;
    start.session_log = &session;
    return sc_tfevents_put(events, &start, err);
}

int sc_tfevents_open(sc_tfevents **out, const sc_tfevents_options *options, simclr_error *err)
{
    *out = NULL;
    sc_tfevents *events = sc_alloc(1, sizeof *events, err);
    if (events == NULL)
        return SIMCLR_E_MEMORY;
    events->clock = options->clock ? options->clock : sc_wall_clock;
    int rc = choose_name(events, options->run, err);
    if (rc == 0)
        rc = sc_fs_log_open(&events->log, events->path, err);
    if (rc == 0)
        rc = write_start(events, options->start_step, err);
    if (rc < 0) {
        sc_tfevents_close(events, NULL);
        return rc;
    }
    *out = events;
    return 0;
}

int sc_tfevents_close(sc_tfevents *events, simclr_error *err)
{
    if (events == NULL)
        return 0;
    int rc = sc_fs_log_close(events->log, err);
    sc_free(events);
    return rc;
}

const char *sc_tfevents_path(const sc_tfevents *events)
{
    return events->path;
}

int sc_tfevents_scalar(sc_tfevents *events, const char *tag, uint64_t step, double value,
                       simclr_error *err)
{
    Tb__Summary__Value v = TB__SUMMARY__VALUE__INIT;
    v.tag = sc_tfevents_mutable(tag);
    v.has_simple_value = 1;
    v.simple_value = (float)value;
    return sc_tfevents_put_value(events, &v, step, err);
}

int sc_tfevents_image(sc_tfevents *events, const char *tag, uint64_t step,
                      const sc_tfevents_png *png, simclr_error *err)
{
    Tb__Summary__Value v = TB__SUMMARY__VALUE__INIT;
    Tb__Summary__Image image = TB__SUMMARY__IMAGE__INIT;
    v.tag = sc_tfevents_mutable(tag);
    v.image = &image;
    image.has_height = image.has_width = image.has_colorspace = image.has_png = 1;
    image.height = (int32_t)png->height;
    image.width = (int32_t)png->width;
    image.colorspace = (int32_t)png->channels;
    image.png.len = png->size;
    image.png.data = (uint8_t *)(uintptr_t)png->png; /* read only, though the type does not say */
    return sc_tfevents_put_value(events, &v, step, err);
}

/* Counts into equal buckets; the last limit is the maximum itself. */
static void count_buckets(double *limit, double *bucket, Tb__Histogram *h, const float *values,
                          size_t count)
{
    double width = (h->max - h->min) / BUCKETS;
    for (int i = 0; i < BUCKETS; i++) {
        limit[i] = i == BUCKETS - 1 ? h->max : h->min + width * (i + 1);
        bucket[i] = 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(values[i]))
            continue;
        int b = width > 0 ? (int)((values[i] - h->min) / width) : 0;
        b = b < 0 ? 0 : b >= BUCKETS ? BUCKETS - 1 : b;
        bucket[b]++;
    }
    h->n_bucket = h->n_bucket_limit = width > 0 ? BUCKETS : 1;
    if (width <= 0)
        limit[0] = h->max;
    h->bucket = bucket;
    h->bucket_limit = limit;
}

int sc_tfevents_histogram(sc_tfevents *events, const char *tag, uint64_t step, const float *values,
                          size_t count, simclr_error *err)
{
    Tb__Summary__Value v = TB__SUMMARY__VALUE__INIT;
    Tb__Histogram h = TB__HISTOGRAM__INIT;
    double limit[BUCKETS], bucket[BUCKETS];
    for (size_t i = 0; i < count; i++) {
        double x = values[i];
        if (!isfinite(x))
            continue;
        h.min = h.num == 0 || x < h.min ? x : h.min;
        h.max = h.num == 0 || x > h.max ? x : h.max;
        h.num++;
        h.sum += x;
        h.sum_squares += x * x;
    }
    h.has_min = h.has_max = h.has_num = h.has_sum = h.has_sum_squares = 1;
    count_buckets(limit, bucket, &h, values, count);
    v.tag = sc_tfevents_mutable(tag);
    v.histo = &h;
    return sc_tfevents_put_value(events, &v, step, err);
}
