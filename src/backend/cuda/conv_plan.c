/* SPDX-License-Identifier: MIT
 *
 * conv_plan.c - cuDNN's proposals for a convolution, and which of them are admitted.
 */
#include "backend/cuda/conv_plan.h"

#include <string.h>

/* Of the heuristics' proposals; the rest of the list is for those that always work. */
enum { PROPOSED = 32 };

void sc_conv_search_open(sc_conv_search *search, const sc_cudnn_target *target, sc_conv_pass pass,
                         sc_precision precision, const sc_conv_shape *shape)
{
    memset(search, 0, sizeof(*search));
    search->target = *target;
    search->precision = precision;
    search->algorithm = shape->algorithm;
    sc_cudnn_graph_conv(&search->graph, target, pass, precision, shape);
    search->count = sc_cudnn_configs(search->config, PROPOSED, &search->graph, target, false);
    search->count +=
        sc_cudnn_configs(search->config + search->count, SC_CUDNN_CONFIGS - search->count,
                         &search->graph, target, true);
}

const char *sc_conv_search_why(const sc_conv_search *search)
{
    if (search->graph.why[0] != '\0') {
        return search->graph.why;
    }
    return search->count > 0 ? "none of the engines proposed is admitted" : "no engine is proposed";
}

void sc_conv_search_close(sc_conv_search *search)
{
    while (search->count > 0) {
        sc_cudnn_free(search->config[--search->count]);
    }
    sc_cudnn_graph_free(&search->graph);
}

/* Side of the largest tile of the input that Winograd may take: F(2x2) has 4, F(4x4) 6. */
static unsigned largest_tile(sc_conv_algorithm algorithm)
{
    return algorithm == SC_CONV_FASTEST ? 6 : algorithm == SC_CONV_WINOGRAD2 ? 4 : 0;
}

bool sc_conv_admits(const sc_cudnn_notes *notes, sc_precision precision,
                    sc_conv_algorithm algorithm)
{
    unsigned tile = notes->winograd == 1 ? 6 : notes->winograd; /* unknown: of either size */
    bool narrow = notes->tensor_core || notes->narrow_inputs;
    return notes->deterministic && !notes->narrow_sums && !notes->fourier &&
           !notes->runtime_compiled && tile <= largest_tile(algorithm) &&
           !(precision == SC_FP32 && narrow);
}

bool sc_conv_candidate_make(sc_conv_candidate *out, sc_conv_search *search, size_t index)
{
    memset(out, 0, sizeof(*out));
    out->index = index;
    if (index >= search->count || !sc_cudnn_config_notes(&out->notes, search->config[index]) ||
        !sc_conv_admits(&out->notes, search->precision, search->algorithm)) {
        return false;
    }
    search->notes[index] = out->notes;
    out->plan =
        sc_cudnn_plan(&out->workspace, search->config[index], &search->graph, &search->target);
    if (out->plan != NULL && (size_t)out->workspace > (size_t)SC_CUDA_CONV_WORKSPACE) {
        sc_cudnn_free(out->plan);
        out->plan = NULL;
    }
    return out->plan != NULL;
}

bool sc_conv_may_win(const sc_conv_search *search, const sc_conv_candidate *one,
                     const sc_conv_candidate *best)
{
    bool repeat = false, has_better = search->precision == SC_BF16 && best->plan != NULL &&
                                      best->notes.tensor_core && !one->notes.tensor_core;
    for (size_t i = 0; i < one->index && !repeat; i++) {
        const sc_cudnn_notes *before = &search->notes[i];
        repeat = before->engine == one->notes.engine && before->settings[0] != '?' &&
                 strcmp(before->settings, one->notes.settings) == 0;
    }
    return !repeat && !has_better;
}
