/* SPDX-License-Identifier: MIT
 *
 * faked_graph_main.c - conv_plan.c and cudnn_graph.c against a made-up backend API of cuDNN: what is left of a
 * search where some of it fails.
 */
#include "support/support.h"

#include <cudnn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cuda/conv_plan.h"

enum { PROPOSED = 2, ALWAYS_WORK = 1, ANY_MODE = -1 };

typedef struct {
    cudnnBackendDescriptorType_t type;
    int mode; /* of heuristics */
} descriptor;

/* Descriptors of this type, and if they are heuristics of this mode, are not finalised. */
static struct {
    int alive, status;
    cudnnBackendDescriptorType_t type;
    int mode;
    float beta;           /* of the last gradient of a map */
    int64_t knobs, value; /* that configurations set, each to this */
} fake;

/* ---- cuDNN ---- */

void cudnnGetLastErrorString(char *message, size_t size)
{
    snprintf(message, size, "because");
}

const char *cudnnGetErrorString(cudnnStatus_t status)
{
    static char text[40];
    snprintf(text, sizeof(text), "cuDNN's %d", (int)status);
    return text;
}

cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t type,
                                           cudnnBackendDescriptor_t *out)
{
    descriptor *d = malloc(sizeof(*d));
    assert_non_null(d);
    *d = (descriptor){type, ANY_MODE};
    *out = d;
    fake.alive++;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t d)
{
    free(d);
    fake.alive--;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendSetAttribute(cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t count,
                                       const void *values)
{
    (void)type;
    (void)count;
    if (name == CUDNN_ATTR_ENGINEHEUR_MODE) {
        ((descriptor *)d)->mode = (int)*(const cudnnBackendHeurMode_t *)values;
    }
    if (name == CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA) {
        fake.beta = *(const float *)values;
    }
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t d)
{
    const descriptor *of = d;
    bool fails = fake.status != 0 && of->type == fake.type &&
                 (fake.mode == ANY_MODE || of->mode == fake.mode);
    return fails ? (cudnnStatus_t)fake.status : CUDNN_STATUS_SUCCESS;
}

/* Engines without notes, plans without workspace. */
cudnnStatus_t cudnnBackendGetAttribute(cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t most,
                                       int64_t *count, void *values)
{
    (void)most;
    *count = name == CUDNN_ATTR_ENGINEHEUR_RESULTS
                 ? ((descriptor *)d)->mode == CUDNN_HEUR_MODE_A ? PROPOSED : ALWAYS_WORK
             : name == CUDNN_ATTR_ENGINECFG_KNOB_CHOICES ? fake.knobs
                                                         : 0;
    if (type == CUDNN_TYPE_INT64) {
        *(int64_t *)values = name == CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE ? fake.value : 0;
    } else if (type == CUDNN_TYPE_KNOB_TYPE) {
        *(cudnnBackendKnobType_t *)values = CUDNN_KNOB_TYPE_TILE_SIZE;
    }
    return fake.value < 0 && name == CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE ? CUDNN_STATUS_NOT_SUPPORTED
                                                                       : CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendExecute(cudnnHandle_t handle, cudnnBackendDescriptor_t plan,
                                  cudnnBackendDescriptor_t pack)
{
    (void)handle;
    (void)plan;
    (void)pack;
    return CUDNN_STATUS_NOT_SUPPORTED;
}

/* ---- searches ---- */

/* Of a search where that fails: engines proposed, those of them with a plan, why there is none. */
static void assert_search(cudnnBackendDescriptorType_t type, int mode, size_t proposed,
                          size_t plans, const char *why)
{
    static sc_conv_search search;
    const sc_conv_shape shape = {.n = 1, .h = 1, .w = 1, .c = 8, .k = 8, .r = 1, .s = 1};
    sc_cudnn_target target = {.handle = &fake};
    sc_conv_candidate one;
    size_t found = 0;
    fake.type = type;
    fake.mode = mode;
    fake.status = CUDNN_STATUS_NOT_SUPPORTED_SUBLIBRARY_UNAVAILABLE;
    sc_conv_search_open(&search, &target, SC_CONV_Y, SC_BF16, &shape);
    assert_int_equal(search.count, proposed);
    for (size_t i = 0; i < search.count; i++) {
        if (sc_conv_candidate_make(&one, &search, i)) {
            found++;
            sc_cudnn_free(one.plan);
        }
    }
    assert_int_equal(found, plans);
    assert_string_equal(sc_conv_search_why(&search), why);
    sc_conv_search_close(&search);
    assert_int_equal(fake.alive, 0);
}

static void one_query_fails_for_itself(void **state)
{
    (void)state;
    const cudnnBackendDescriptorType_t type = CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR;
    assert_search(type, CUDNN_HEUR_MODE_A, ALWAYS_WORK, ALWAYS_WORK,
                  "heuristics: cuDNN's 3009, because");
    assert_search(type, CUDNN_HEUR_MODE_FALLBACK, PROPOSED, PROPOSED,
                  "engines that always work: cuDNN's 3009, because");
    assert_search(type, ANY_MODE, 0, 0, "heuristics: cuDNN's 3009, because");
}

static void plans_fail_for_themselves(void **state)
{
    (void)state;
    assert_search(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, ANY_MODE, PROPOSED + ALWAYS_WORK, 0,
                  "plan: cuDNN's 3009, because");
}

static void a_graph_that_fails_ends_it(void **state)
{
    (void)state;
    assert_search(CUDNN_BACKEND_TENSOR_DESCRIPTOR, ANY_MODE, 0, 0, "tensor: cuDNN's 3009, because");
}

static void adds_in_one_pass_only(void **state)
{
    (void)state;
    const sc_conv_shape shape = {.n = 1, .h = 1, .w = 1, .c = 8, .k = 8, .r = 1, .s = 1};
    const sc_conv_pass pass[] = {SC_CONV_DX, SC_CONV_DX_ADD};
    sc_cudnn_target target = {.handle = &fake};
    sc_cudnn_graph graph;
    fake.status = 0;
    for (int i = 0; i < 2; i++) {
        fake.beta = -1;
        sc_cudnn_graph_conv(&graph, &target, pass[i], SC_BF16, &shape);
        assert_int_equal(graph.status, 0);
        assert_true(fake.beta == (float)i);
        sc_cudnn_graph_free(&graph);
    }
}

/* How a configuration sets its engine; where not all of that is told, that it is not known. */
static void tells_settings(void **state)
{
    (void)state;
    static const struct {
        int64_t knobs, value;
        const char *settings;
    } want[] = {{0, 0, "-"}, {2, 7, "2=7,2=7"}, {1, -1, "?"}, {20, INT64_MAX, "?"}};
    cudnnBackendDescriptor_t config;
    sc_cudnn_notes notes;
    cudnnBackendCreateDescriptor(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, &config);
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        fake.knobs = want[i].knobs;
        fake.value = want[i].value;
        assert_true(sc_cudnn_config_notes(&notes, config));
        assert_string_equal(notes.settings, want[i].settings);
    }
    fake.knobs = fake.value = 0;
    sc_cudnn_free(config);
    assert_int_equal(fake.alive, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_query_fails_for_itself),
        cmocka_unit_test(plans_fail_for_themselves),
        cmocka_unit_test(a_graph_that_fails_ends_it),
        cmocka_unit_test(adds_in_one_pass_only),
        cmocka_unit_test(tells_settings),
    };
    return sct_run(tests);
}
