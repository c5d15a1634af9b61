/* SPDX-License-Identifier: MIT
 *
 * conv_cudnn.c - conv.h by cuDNN: a plan for each pass of each shape, the fastest of those admitted.
 *
 * They are timed once, by the device's clock, on the caller's own data: one execution, then, unless it is
 * far slower than the fastest before, 3 times 5; a later one has to be faster by more than the noise.  Left
 * out are repeats, and in bf16, beside one that uses tensor cores, those that do not.  Choices are kept
 * between runs (plan_store.h).
 *
 * SIMCLR_CUDA_PLANS=first: the first one admitted, untimed, whatever was chosen before: for a GPU on which a
 * trial, or the choice, fails.
 */
#include "backend/cuda/conv_cudnn.h"

#include <cuda_runtime_api.h>
#include <cudnn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cuda/conv_plan.h"
#include "backend/cuda/plan_store.h"
#include "backend/cuda/runtime_cuda.h"

enum { PLANS = 1024, ROUNDS = 3, EXECUTIONS = 5, WARM_MOST = 1 << 13 };

/* A candidate that is this much slower in one execution gets no round; that may take seconds. */
static const double FAR_SLOWER = 3;
/* One that is this much slower after its first round gets no other. */
static const double HOPELESS = 1.25;
/* The first one of all is repeated so long before: the clocks of an idle GPU have to rise. */
static const double WARM_US = 1e5;
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
    bool first_only; /* SIMCLR_CUDA_PLANS=first */
    bool warm;
    conv_plan plan[PLANS];
    size_t count, without; /* without: those of them that have none */
    char why[320];         /* the first of these */
} state;

/* Microseconds of an execution. */
typedef struct {
    double us;     /* of several behind one another: the best round */
    double single; /* of one alone, which includes what the host takes to begin it */
} timing;

/* Why plans did not run: the first; or if one had no memory, that. */
typedef struct {
    char why[320]; /* "": all ran */
    bool no_memory;
} refusal;

static void refuse(refusal *r, const char *why, bool no_memory)
{
    if (r->why[0] == '\0' || (no_memory && !r->no_memory)) {
        snprintf(r->why, sizeof(r->why), "%s", why);
        r->no_memory = no_memory;
    }
}

static bool execute(sc_cudnn_descriptor plan, const sc_conv_buffers *to, refusal *r)
{
    char why[sizeof(r->why)];
    int status = sc_cudnn_execute(state.handle, plan, to->a, to->b, to->out, to->workspace, why,
                                  sizeof(why));
    if (status != 0) {
        refuse(r, why, sc_cudnn_no_memory(status));
    }
    return status == 0;
}

/* Where a kernel finds no memory to be loaded into, cuDNN may say no more than that execution failed, and
 * the runtime of CUDA that says why is its own.  So it counts that there is little: less than what
 * sc_cuda_free_bytes leaves to kernels that are loaded when they are first run. */
static bool for_want_of_memory(const refusal *r)
{
    return r->no_memory || (!sc_cuda_recording() && sc_cuda_free_bytes() == 0);
}

static void tell(const refusal *r)
{
    if (for_want_of_memory(r)) {
        sc_cuda_fail_memory("convolution", r->why);
    } else {
        sc_cuda_fail("convolution", r->why);
    }
}

/* Microseconds of an execution, the mean of so many; false where one fails. */
static bool time_round(double *us, sc_cudnn_descriptor plan, const sc_conv_buffers *to,
                       int executions, refusal *r)
{
    cudaStream_t stream = sc_cuda_stream();
    float ms = 0;
    bool ok = cudaEventRecord(state.begin, stream) == cudaSuccess;
    for (int i = 0; i < executions; i++) {
        ok = ok && execute(plan, to, r);
    }
    ok = ok && cudaEventRecord(state.end, stream) == cudaSuccess &&
         cudaEventSynchronize(state.end) == cudaSuccess &&
         cudaEventElapsedTime(&ms, state.begin, state.end) == cudaSuccess;
    if (!ok) {
        sc_cuda_check("timing a convolution"); /* if it is not the plan's refusal */
        refuse(r, "it was not timed", false);
    }
    *us = 1e3 * (double)ms / executions;
    return ok;
}

/* Before the first timing; false where the plan does not run. */
static bool warm_up(sc_cudnn_descriptor plan, const sc_conv_buffers *to, refusal *r)
{
    double us, total = 0;
    for (int n = 1; !state.warm && n <= WARM_MOST; n *= 2) {
        if (!time_round(&us, plan, to, n, r)) {
            return false;
        }
        total += us * n;
        state.warm = total >= WARM_US;
    }
    state.warm = true;
    return true;
}

/* Whether it is faster than the best so far. */
static bool time_plan(timing *out, sc_cudnn_descriptor plan, const sc_conv_buffers *to,
                      const timing *best, refusal *r)
{
    if (!execute(plan, to, r) || /* loads its kernels */
        !time_round(&out->single, plan, to, 1, r) || out->single > FAR_SLOWER * best->single) {
        return false;
    }
    out->us = HUGE_VAL;
    for (int round = 0; round < ROUNDS && (round == 0 || out->us < HOPELESS * best->us); round++) {
        double us;
        if (!time_round(&us, plan, to, EXECUTIONS, r)) {
            return false;
        }
        out->us = us < out->us ? us : out->us;
    }
    return out->us < FASTER * best->us;
}

/* The plan of a choice made before, if it is still what it was. */
static bool recall(sc_conv_candidate *out, sc_conv_search *search, const sc_plan_key *key)
{
    const sc_plan_choice *choice = sc_plan_store_find(&state.store, key);
    if (choice == NULL || !sc_conv_candidate_make(out, search, (size_t)choice->index)) {
        return false;
    }
    if (out->notes.engine != choice->engine || strcmp(out->notes.settings, choice->settings) != 0) {
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

/* Keeps the choice for other runs; but not where another did not run for want of memory.  If none ran for that,
 * it is a failure: convolutions without a plan run without cuDNN, which is slow. */
static void keep(const sc_conv_candidate *chosen, const sc_plan_key *key, double us,
                 const refusal *r)
{
    bool no_memory = r->why[0] != '\0' && for_want_of_memory(r);
    if (chosen->plan == NULL && no_memory) {
        sc_cuda_fail_memory("convolution", r->why);
    } else if (chosen->plan != NULL && !no_memory) {
        sc_plan_choice choice = {
            .key = *key, .index = chosen->index, .engine = chosen->notes.engine, .us = us};
        memcpy(choice.settings, chosen->notes.settings, sizeof(choice.settings));
        sc_plan_store_put(&state.store, &choice);
    }
}

/* The fastest one. */
static bool fastest(sc_conv_candidate *out, sc_conv_search *search, const sc_plan_key *key,
                    const sc_conv_buffers *to, refusal *r)
{
    timing best = {HUGE_VAL, HUGE_VAL}, took;
    sc_conv_buffers on = *to;
    on.out = to->trial != NULL ? to->trial : to->out;
    out->plan = NULL;
    for (size_t i = 0; i < search->count; i++) {
        sc_conv_candidate one;
        if (!sc_conv_candidate_make(&one, search, i)) {
            continue;
        }
        if (sc_conv_may_win(search, &one, out) && warm_up(one.plan, &on, r) &&
            time_plan(&took, one.plan, &on, &best, r)) {
            sc_cudnn_free(out->plan);
            *out = one;
            best = took;
        } else {
            sc_cudnn_free(one.plan);
        }
    }
    keep(out, key, best.us, r);
    return out->plan != NULL;
}

/* Without a plan for this pass SC_CONV_DX serves, and an addition. */
static bool has_way_round(const sc_plan_key *key)
{
    return key->pass == SC_CONV_DX_ADD;
}

/* Looks for a plan and keeps it, also that there is none. */
static conv_plan *plan_new(const sc_plan_key *key, sc_conv_pass pass, sc_precision precision,
                           const sc_conv_shape *shape, const sc_conv_buffers *to)
{
    static sc_conv_search search;
    sc_conv_candidate chosen = {0};
    conv_plan *plan = &state.plan[state.count++];
    sc_cudnn_target target = {.handle = state.handle};
    refusal r = {.no_memory = false};
    *plan = (conv_plan){.key = *key};
    sc_conv_search_open(&search, &target, pass, precision, shape);
    bool found = !state.first_only && recall(&chosen, &search, key);
    if (!found && (state.first_only || sc_cuda_recording())) {
        found = first(&chosen, &search);
    } else if (!found) {
        found = fastest(&chosen, &search, key, to, &r);
    }
    if (found) {
        plan->plan = chosen.plan;
        plan->config = search.config[chosen.index];
        search.config[chosen.index] = NULL;
        plan->graph = search.graph;
        memset(&search.graph, 0, sizeof(search.graph));
    } else if (!has_way_round(key) && state.without++ == 0) {
        snprintf(state.why, sizeof(state.why), "%s",
                 r.why[0] != '\0' ? r.why : sc_conv_search_why(&search));
    }
    sc_conv_search_close(&search);
    return plan;
}

bool sc_cuda_conv(sc_conv_pass pass, sc_precision precision, const sc_conv_shape *shape,
                  sc_conv_buffers on)
{
    sc_plan_key key = sc_plan_key_of(pass, precision, shape);
    conv_plan *plan = NULL;
    sc_cuda_enter();
    for (size_t i = 0; i < state.count && plan == NULL; i++) {
        if (memcmp(&state.plan[i].key, &key, sizeof(key)) == 0) {
            plan = &state.plan[i];
        }
    }
    if (plan == NULL && state.count < PLANS && state.handle != NULL) {
        plan = plan_new(&key, pass, precision, shape, &on);
    }
    if (plan == NULL || plan->plan == NULL) {
        return false;
    }
    refusal r = {.no_memory = false};
    if (!execute(plan->plan, &on, &r)) {
        tell(&r);
    }
    return true;
}

const char *sc_cuda_conv_note(void)
{
    static char text[sizeof(state.why) + 80];
    size_t all = 0;
    for (size_t i = 0; i < state.count; i++) {
        all += state.plan[i].plan != NULL || !has_way_round(&state.plan[i].key);
    }
    snprintf(text, sizeof(text), "%zu of %zu convolutions without cuDNN, slowly: %s", state.without,
             all, state.why);
    return state.without > 0 ? text : NULL;
}

int sc_cuda_conv_open(const char *device, simclr_error *err)
{
    cudnnStatus_t status = cudnnCreate(&state.handle);
    if (status == CUDNN_STATUS_SUCCESS) {
        status = cudnnSetStream(state.handle, sc_cuda_stream());
    }
    if (status != CUDNN_STATUS_SUCCESS) {
        bool no_memory = sc_cudnn_no_memory((int)status);
        sc_cuda_conv_close();
        return sc_fail(err, no_memory ? SIMCLR_E_MEMORY : SIMCLR_E_DEVICE,
                       "cuDNN cannot be used: %s", cudnnGetErrorString(status));
    }
    if (cudaEventCreate(&state.begin) != cudaSuccess ||
        cudaEventCreate(&state.end) != cudaSuccess) {
        sc_cuda_conv_close();
        return sc_fail(err, SIMCLR_E_DEVICE, "the GPU gives no events");
    }
    const char *plans = getenv("SIMCLR_CUDA_PLANS");
    state.first_only = plans != NULL && strcmp(plans, "first") == 0;
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
    state.without = 0;
    state.warm = false;
    state.begin = state.end = NULL;
    state.handle = NULL;
}
