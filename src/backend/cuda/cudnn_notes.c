/* SPDX-License-Identifier: MIT
 *
 * cudnn_notes.c - what cuDNN's engines say of themselves, and how a configuration sets them.
 */
#include <cudnn.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backend/cuda/cudnn_graph.h"

static void take_note(sc_cudnn_notes *out, cudnnBackendNumericalNote_t note)
{
    switch (note) {
    case CUDNN_NUMERICAL_NOTE_TENSOR_CORE:
        out->tensor_core = true;
        break;
    case CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS:
        out->narrow_inputs = true;
        break;
    case CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION:
        out->narrow_sums = true;
        break;
    case CUDNN_NUMERICAL_NOTE_FFT:
        out->fourier = true;
        break;
    case CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC:
        out->deterministic = false;
        break;
    case CUDNN_NUMERICAL_NOTE_WINOGRAD:
        out->winograd = out->winograd > 1 ? out->winograd : 1;
        break;
    case CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_4x4:
        out->winograd = 4;
        break;
    case CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_6x6:
        out->winograd = 6;
        break;
    case CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_13x13:
        out->winograd = 13;
        break;
    default:
        break;
    }
}

/* Appends a knob and its value; false where they are not told or do not fit. */
static bool take_setting(sc_cudnn_notes *out, cudnnBackendDescriptor_t choice)
{
    cudnnBackendKnobType_t knob;
    int64_t value = 0, one = 0;
    size_t used = strlen(out->settings), room = sizeof(out->settings) - used;
    if (cudnnBackendGetAttribute(choice, CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE, 1,
                                 &one, &knob) != 0 ||
        cudnnBackendGetAttribute(choice, CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, CUDNN_TYPE_INT64, 1,
                                 &one, &value) != 0) {
        return false;
    }
    int length = snprintf(out->settings + used, room, "%s%d=%" PRId64, used > 0 ? "," : "",
                          (int)knob, value);
    return length > 0 && (size_t)length < room;
}

static void take_settings(sc_cudnn_notes *out, sc_cudnn_descriptor config)
{
    cudnnBackendDescriptor_t choice[CUDNN_KNOB_TYPE_COUNTS];
    int64_t made = 0, got = 0;
    while (made < CUDNN_KNOB_TYPE_COUNTS &&
           cudnnBackendCreateDescriptor(CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, &choice[made]) == 0) {
        made++;
    }
    bool ok = cudnnBackendGetAttribute(config, CUDNN_ATTR_ENGINECFG_KNOB_CHOICES,
                                       CUDNN_TYPE_BACKEND_DESCRIPTOR, made, &got, choice) == 0 &&
              got <= made;
    for (int64_t i = 0; ok && i < got; i++) {
        ok = take_setting(out, choice[i]);
    }
    if (!ok || got == 0) {
        snprintf(out->settings, sizeof(out->settings), ok ? "-" : "?");
    }
    while (made > 0) {
        sc_cudnn_free(choice[--made]);
    }
}

bool sc_cudnn_config_notes(sc_cudnn_notes *out, sc_cudnn_descriptor config)
{
    cudnnBackendDescriptor_t engine = NULL;
    cudnnBackendNumericalNote_t note[CUDNN_NUMERICAL_NOTE_TYPE_COUNT];
    cudnnBackendBehaviorNote_t behavior[CUDNN_BEHAVIOR_NOTE_TYPE_COUNT];
    int64_t one = 0, notes = 0, behaviors = 0;
    memset(out, 0, sizeof(*out));
    out->deterministic = true;
    if (cudnnBackendCreateDescriptor(CUDNN_BACKEND_ENGINE_DESCRIPTOR, &engine) != 0) {
        return false;
    }
    bool ok =
        cudnnBackendGetAttribute(config, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                 1, &one, &engine) == 0 &&
        cudnnBackendGetAttribute(engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1, &one,
                                 &out->engine) == 0 &&
        cudnnBackendGetAttribute(engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
                                 CUDNN_TYPE_NUMERICAL_NOTE, CUDNN_NUMERICAL_NOTE_TYPE_COUNT, &notes,
                                 note) == 0 &&
        cudnnBackendGetAttribute(engine, CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE, CUDNN_TYPE_BEHAVIOR_NOTE,
                                 CUDNN_BEHAVIOR_NOTE_TYPE_COUNT, &behaviors, behavior) == 0;
    for (int64_t i = 0; ok && i < notes && i < CUDNN_NUMERICAL_NOTE_TYPE_COUNT; i++) {
        take_note(out, note[i]);
    }
    for (int64_t i = 0; ok && i < behaviors && i < CUDNN_BEHAVIOR_NOTE_TYPE_COUNT; i++) {
        if (behavior[i] == CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION) {
            out->runtime_compiled = true;
        }
    }
    take_settings(out, config);
    sc_cudnn_free(engine);
    return ok;
}
