/* SPDX-License-Identifier: MIT
 *
 * conv_cudnn.h - opening what conv.h needs: cuDNN on the device and stream of runtime.h.
 */
#ifndef SC_CUDA_CONV_CUDNN_H
#define SC_CUDA_CONV_CUDNN_H

#include "backend/cuda/conv.h"

/* device: its name, of the file where choices of plans are kept. */
int sc_cuda_conv_open(const char *device, simclr_error *err);
/* "3 of 60 convolutions without cuDNN, slowly: ...", each pass of a shape counted, and why the first of
 * them; NULL: all that were met have plans. */
const char *sc_cuda_conv_note(void);

#endif
