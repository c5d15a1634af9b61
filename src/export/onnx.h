/* SPDX-License-Identifier: MIT
 *
 * onnx.h - the encoder, and with it if wanted the projector, as an ONNX model of operator set 13, IR version 7:
 * what readers have known since 2020.
 *
 *   images (batch,C,H,W) in 0 .. 1 -> Sub mean, Div std -> encoder -> features (batch,D) [-> z (batch,d)]
 *
 * It is the function of an evaluation: batch norm by its running statistics, no dropout; z as the loss gets it, of
 * any length.  The normalisation of the pixels is inside, so that images are bytes / 255.  Height and
 * width are those of the network; the batch is free.
 */
#ifndef SC_EXPORT_ONNX_H
#define SC_EXPORT_ONNX_H

#include <stdbool.h>

#include "checkpoint/safetensors.h"
#include "model/network.h"

typedef struct {
    const sc_network *network; /* on the host */
    bool projector;
    float mean[3], std[3]; /* of each channel */
    const sc_string_pair *metadata;
    size_t metadata_count;
} sc_onnx_options;

/* Atomically.  SIMCLR_E_USAGE: a batch norm without running statistics, which is no function of an image;
 * or more than 2 GiB. */
int sc_onnx_write(const char *path, const sc_onnx_options *options, simclr_error *err);

#endif
