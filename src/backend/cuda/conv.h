/* SPDX-License-Identifier: MIT
 *
 * conv.h - the passes of a convolution as a library of convolutions takes them.
 *
 *   SC_CONV_Y       y = conv(x, w)                     a = x,  b = w
 *   SC_CONV_DX      dx of x                            a = dy, b = w
 *   SC_CONV_DX_ADD  what is in dx + that, rounded once a = dy, b = w
 *   SC_CONV_DW      dw of w                            a = x,  b = dy
 *
 * Maps are NHWC, filters and their gradient KRSC, all of the precision's elements (float or bf16), sums
 * in fp32 (TF32 off), results overwrite and are the same in every run.
 */
#ifndef SC_CUDA_CONV_H
#define SC_CUDA_CONV_H

#include "backend/device.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { SC_CONV_Y, SC_CONV_DX, SC_CONV_DX_ADD, SC_CONV_DW } sc_conv_pass;

/* dx as a forward convolution: of dy, with the filters turned by 180 degrees, inputs and outputs exchanged.
 * Its shape; false: it is none. */
static inline bool sc_conv_turned(sc_conv_shape *out, const sc_conv_shape *s)
{
    size_t reach = s->dilation * (s->r - 1);
    *out = *s;
    out->h = s->p;
    out->w = s->q;
    out->c = s->k;
    out->k = s->c;
    out->p = s->h;
    out->q = s->w;
    out->pad = reach - s->pad;
    return s->stride == 1 && s->r == s->s && s->pad <= reach;
}

/* trial: of SC_CONV_DX_ADD alone, as large as out.  Plans are timed on it, for each of their executions
 * adds; its values do not matter. */
typedef struct {
    const void *a, *b;
    void *out, *workspace, *trial;
} sc_conv_buffers;

/* Most that sc_cuda_conv may use of workspace, in bytes; the tests, which use none, define less. */
#ifndef SC_CUDA_CONV_WORKSPACE
#define SC_CUDA_CONV_WORKSPACE ((size_t)64 << 20)
#endif

/* False where the library has no plan for this shape: nothing was queued then.  The first call with a
 * shape looks for the fastest plan, which takes tens of milliseconds and synchronises; later ones only
 * queue.  conv_cudnn.c; the tests have one that always says false. */
bool sc_cuda_conv(sc_conv_pass pass, sc_precision precision, const sc_conv_shape *shape,
                  sc_conv_buffers on);
void sc_cuda_conv_close(void); /* forgets all plans */

#ifdef __cplusplus
}
#endif

#endif
