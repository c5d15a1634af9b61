/* SPDX-License-Identifier: MIT
 *
 * conv_plan.h - which of cuDNN's plans for a convolution are admitted.
 *
 * Refused are engines that note of themselves that their results differ from run to run, that they sum in
 * fewer bits than fp32, or, of float, that they multiply in fewer (TF32); FFT; Winograd with larger
 * tiles than the shape's algorithm allows; those that compile themselves when first used; and plans
 * that want more workspace than SC_CUDA_CONV_WORKSPACE.
 */
#ifndef SC_CUDA_CONV_PLAN_H
#define SC_CUDA_CONV_PLAN_H

#include "backend/cuda/cudnn_graph.h"

/* The configurations proposed for one pass of one shape: the heuristics' first, then those that always
 * work.  Their order follows from cuDNN's version and the device. */
typedef struct {
    sc_cudnn_target target;
    sc_precision precision;
    sc_conv_algorithm algorithm;
    sc_cudnn_graph graph;
    sc_cudnn_descriptor config[SC_CUDNN_CONFIGS];
    sc_cudnn_notes notes[SC_CUDNN_CONFIGS]; /* of those that a plan was asked of */
    size_t count;
} sc_conv_search;

typedef struct {
    size_t index; /* of its configuration */
    sc_cudnn_notes notes;
    int64_t workspace;
    sc_cudnn_descriptor plan; /* its taker's */
} sc_conv_candidate;

/* count is 0 where cuDNN has nothing to propose. */
void sc_conv_search_open(sc_conv_search *search, const sc_cudnn_target *target, sc_conv_pass pass,
                         sc_precision precision, const sc_conv_shape *shape);
void sc_conv_search_close(sc_conv_search *search);
/* Why there is no plan: what failed first since it was opened, or that nothing is admitted. */
const char *sc_conv_search_why(const sc_conv_search *search);

/* Whether an engine is admitted. */
bool sc_conv_admits(const sc_cudnn_notes *notes, sc_precision precision,
                    sc_conv_algorithm algorithm);
/* The plan of configuration `index`, if it is admitted and can be made. */
bool sc_conv_candidate_make(sc_conv_candidate *out, sc_conv_search *search, size_t index);
/* Whether it may be faster than `best` (plan NULL: there is none), of those made before: it is no repeat of
 * one of them; and in bf16, where best uses tensor cores, it does too. */
bool sc_conv_may_win(const sc_conv_search *search, const sc_conv_candidate *one,
                     const sc_conv_candidate *best);

#endif
