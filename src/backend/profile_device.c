/* SPDX-License-Identifier: MIT
 *
 * profile_device.c - the counting device: the stages of a step that are no kernels of a table.
 *
 * NT-Xent's products are those of cosines, and in its gradient of the cosines again and of the weights
 * with the rows.  Of views the bytes written are counted, not those of the images; of uploads none,
 * which cross a bus.
 */
#include "backend/profile.h"

static const sc_device *inner(void)
{
    return sc_profile_current()->inner.maps->device;
}

static double real_size(size_t count)
{
    return (double)sizeof(sc_real) * (double)count;
}

static void count_upload(void *to, const void *from, size_t bytes)
{
    SC_COUNTED("upload", inner()->upload(to, from, bytes), NULL, 0, 0);
}

static void count_zero(void *to, size_t bytes)
{
    SC_COUNTED("zero", inner()->zero(to, bytes), NULL, 0, (double)bytes);
}

static void count_views(sc_real *x, const uint8_t *pixels, const sc_device_view *view, size_t count,
                        const sc_device_views *options, const sc_device_views *host_options,
                        uint32_t max_height, uint32_t max_width, void *scratch)
{
    const sc_device_views *o = host_options;
    SC_COUNTED("views",
               inner()->views(x, pixels, view, count, options, o, max_height, max_width, scratch),
               NULL, 0, real_size(count * o->height * o->width * o->channels));
}

static double cosines(const sc_device_ntxent *t)
{
    return 2.0 * (double)t->rows * (double)t->rows * (double)t->dim;
}

static void count_ntxent_forward(sc_step_output *out, const sc_device_ntxent *t)
{
    SC_COUNTED("ntxent_forward", inner()->ntxent_forward(out, t), NULL, cosines(t),
               real_size(2 * t->rows * t->dim));
}

static void count_ntxent_backward(const sc_device_ntxent *t)
{
    SC_COUNTED("ntxent_backward", inner()->ntxent_backward(t), NULL, 2 * cosines(t),
               real_size(2 * t->rows * t->dim));
}

static void count_update(sc_step_output *out, const sc_step_input *in, const sc_device_update *u)
{
    SC_COUNTED(SC_PROFILE_UPDATE, inner()->update(out, in, u), NULL, 0, 0);
}

/* Each time kernel by kernel. */
static void play(size_t key, void (*record)(void *context), void *context)
{
    (void)key;
    record(context);
}

void sc_profile_device(sc_device *out, const sc_device *device)
{
    *out = *device;
    out->upload = count_upload;
    out->zero = count_zero;
    out->views = count_views;
    out->ntxent_forward = count_ntxent_forward;
    out->ntxent_backward = count_ntxent_backward;
    out->update = count_update;
    out->play = play;
}
