/* SPDX-License-Identifier: MIT
 *
 * conv_cudnn.c - conv.h by cuDNN: a plan for each pass of each shape, the fastest of those admitted.
 *
 * All of them are timed once, 3 times 5 executions by the device's clock, on the caller's own data; a
 * later one has to be faster by more than the noise.  Choices are kept between runs (plan_store.h).
 */
#include "backend/cuda/conv_cudnn.h"

#include <cuda_runtime_api.h>
#include <cudnn.h>
#include <string.h>

#include "backend/cuda/conv_plan.h"
#include "backend/cuda/plan_store.h"
#include "backend/cuda/runtime_cuda.h"

enum { PLANS = 1024, ROUNDS = 3, EXECUTIONS = 5 };

/* A candidate that is this much slower after its first round gets no other. */
static const double HOPELESS = 1.25;
/* An earlier one is kept unless a later one takes less than this share of its time. */
static const double FASTER = 0.97;

/* What a plan is made of; it must outlive the plan. */
typedef struct {
    sc_plan_key key;
    sc_cudnn_graph graph;
    sc_cudnn_descriptor config, plan; /* plan NULL: none is admitted */
} conv_plan;

static struct {
    cudnnHandle_t handle;
    cudaEvent_t begin, end;
    sc_plan_store store;
    conv_plan plan[PLANS];
    size_t count;
} state;

/* What a call gave. */
typedef struct {
    const void *a, *b;
    void *out, *workspace;
} buffers;

static bool execute(sc_cudnn_descriptor plan, const buffers *to, bool told)
{
    char why[320];
    bool ok = sc_cudnn_execute(state.handle, plan, to->a, to->b, to->out, to->workspace, why,
                               sizeof(why));
    if (!ok && told) {
        sc_cuda_fail("convolution", why);
    } else if (!ok) {
        cudaGetLastError(); /* of a plan that is not taken */
    }
    return ok;
}

/* Microseconds of one execution, the best of the rounds; negative where it fails. */
static double time_plan(sc_cudnn_descriptor plan, const buffers *to, double best)
{
    cudaStream_t stream = sc_cuda_stream();
    double us = -1;
    if (!execute(plan, to, false)) { /* loads its kernels */
        return -1;
    }
    for (int round = 0; round < ROUNDS && (round == 0 || us < HOPELESS * best); round++) {
        float ms = 0;
        bool ok = cudaEventRecord(state.begin, stream) == cudaSuccess;
        for (int i = 0; i < EXECUTIONS; i++) {
            ok = ok && execute(plan, to, false);
        }
        if (!ok || cudaEventRecord(state.end, stream) != cudaSuccess ||
            cudaEventSynchronize(state.end) != cudaSuccess ||
            cudaEventElapsedTime(&ms, state.begin, state.end) != cudaSuccess) {
            sc_cuda_check(
                "timing a convolution"); /* not the plan's refusal: the device's failure */
            return -1;
        }
        double one = 1e3 * (double)ms / EXECUTIONS;
        us = round == 0 || one < us ? one : us;
    }
    return us;
}

/* The plan of a choice made before, if it is still what it was. */
static bool recall(sc_conv_candidate *out, sc_conv_search *search, const sc_plan_key *key)
{
    const sc_plan_choice *choice = sc_plan_store_find(&state.store, key);
    if (choice == NULL || !sc_conv_candidate_make(out, search, (size_t)choice->index)) {
        return false;
    }
    if (out->notes.engine != choice->engine) {
        sc_cudnn_free(out->plan);
        out->plan = NULL;
    }
    return out->plan != NULL;
}

/* The first admitted one. */
static bool first(sc_conv_candidate *out, sc_conv_search *search)
{
    bool found = false;
    for (size_t i = 0; i < search->count && !found; i++) {
        found = sc_conv_candidate_make(out, search, i);
    }
    return found;
}

/* The fastest one. */
static bool fastest(sc_conv_candidate *out, sc_conv_search *search, const sc_plan_key *key,
                    const buffers *to)
{
    double best = 1e30;
    out->plan = NULL;
    for (size_t i = 0; i < search->count; i++) {
        sc_conv_candidate one;
        if (!sc_conv_candidate_make(&one, search, i)) {
            continue;
        }
        double us = time_plan(one.plan, to, best);
        if (us >= 0 && us < FASTER * best) {
            sc_cudnn_free(out->plan);
            *out = one;
            best = us;
        } else {
            sc_cudnn_free(one.plan);
        }
    }
    if (out->plan != NULL) {
        sc_plan_choice choice = {*key, out->index, out->notes.engine, best};
        sc_plan_store_put(&state.store, &choice);
    }
    return out->plan != NULL;
}

/* Looks for a plan and keeps it, also that there is none. */
static conv_plan *plan_new(const sc_plan_key *key, sc_conv_pass pass, sc_precision precision,
                           const sc_conv_shape *shape, const buffers *to)
{
    static sc_conv_search search;
    sc_conv_candidate chosen = {0};
    conv_plan *plan = &state.plan[state.count++];
    sc_cudnn_target target = {.handle = state.handle};
    *plan = (conv_plan){.key = *key};
    sc_conv_search_open(&search, &target, pass, precision, shape);
    bool found =
        recall(&chosen, &search, key) ||
        (sc_cuda_recording() ? first(&chosen, &search) : fastest(&chosen, &search, key, to));
    if (found) {
        plan->plan = chosen.plan;
        plan->config = search.config[chosen.index];
        search.config[chosen.index] = NULL;
        plan->graph = search.graph;
        memset(&search.graph, 0, sizeof(search.graph));
    }
    sc_conv_search_close(&search);
    return plan;
}

bool sc_cuda_conv(sc_conv_pass pass, sc_precision precision, const sc_conv_shape *shape,
                  const void *a, const void *b, void *out, void *workspace)
{
    sc_plan_key key = sc_plan_key_of(pass, precision, shape);
    buffers to = {a, b, out, workspace};
    conv_plan *plan = NULL;
    for (size_t i = 0; i < state.count && plan == NULL; i++) {
        if (memcmp(&state.plan[i].key, &key, sizeof(key)) == 0) {
            plan = &state.plan[i];
        }
    }
    if (plan == NULL && state.count < PLANS && state.handle != NULL) {
        plan = plan_new(&key, pass, precision, shape, &to);
    }
    if (plan == NULL || plan->plan == NULL) {
        return false;
    }
    execute(plan->plan, &to, true);
    return true;
}

int sc_cuda_conv_open(const char *device, simclr_error *err)
{
    cudnnStatus_t status = cudnnCreate(&state.handle);
    if (status == CUDNN_STATUS_SUCCESS) {
        status = cudnnSetStream(state.handle, sc_cuda_stream());
    }
    if (status != CUDNN_STATUS_SUCCESS) {
        sc_cuda_conv_close();
        return sc_fail(err, SIMCLR_E_DEVICE, "cuDNN cannot be used: %s",
                       cudnnGetErrorString(status));
    }
    if (cudaEventCreate(&state.begin) != cudaSuccess ||
        cudaEventCreate(&state.end) != cudaSuccess) {
        sc_cuda_conv_close();
        return sc_fail(err, SIMCLR_E_DEVICE, "the GPU gives no events");
    }
    sc_plan_store_open(&state.store, device, cudnnGetVersion());
    return SIMCLR_OK;
}

void sc_cuda_conv_close(void)
{
    while (state.count > 0) {
        conv_plan *plan = &state.plan[--state.count];
        sc_cudnn_free(plan->plan);
        sc_cudnn_free(plan->config);
        sc_cudnn_graph_free(&plan->graph);
    }
    if (state.begin != NULL) {
        cudaEventDestroy(state.begin);
    }
    if (state.end != NULL) {
        cudaEventDestroy(state.end);
    }
    if (state.handle != NULL) {
        cudnnDestroy(state.handle);
    }
    state.begin = state.end = NULL;
    state.handle = NULL;
}
