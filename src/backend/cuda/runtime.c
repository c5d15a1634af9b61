/* SPDX-License-Identifier: MIT
 *
 * runtime.c - runtime.h on CUDA: one device, one stream that waits for no other.
 */
#include "backend/cuda/runtime_cuda.h"

#include <cuda_runtime_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What was recorded under a key: first nothing, then a call has run, then a graph. */
typedef struct {
    bool warm;
    cudaGraphExec_t graph;
} recording;

static struct {
    cudaStream_t stream;
    int number, processors;
    void *workspace;
    bool failed, recording, graphs_fail;
    char failure[300];  /* the first one */
    bool no_memory;     /* is what failed first */
    char recorded[300]; /* the first one while recording */
    char note[360];
    recording of[SC_DEVICE_KEYS];
} state;

/* The device that this thread of the host was made to use here. */
static _Thread_local int current = -1;

void *sc_cuda_stream(void)
{
    sc_cuda_enter(); /* kernels are launched into it */
    return state.stream;
}

int sc_cuda_processors(void)
{
    return state.processors;
}

void *sc_cuda_workspace(void)
{
    return state.workspace;
}

bool sc_cuda_recording(void)
{
    return state.recording;
}

const char *sc_cuda_note(void)
{
    return state.note[0] != '\0' ? state.note : NULL;
}

/* While recording nothing is executed: what fails then is made good by executing it. */
static void fail(const char *what, const char *why, bool no_memory)
{
    char *text = state.recording ? state.recorded : state.failure;
    if (text[0] == '\0') {
        snprintf(text, sizeof(state.failure), "%s: %s", what != NULL ? what : "device", why);
        state.no_memory = state.recording ? state.no_memory : no_memory;
    }
    state.failed |= !state.recording;
}

void sc_cuda_fail(const char *what, const char *why)
{
    fail(what, why, false);
}

void sc_cuda_fail_memory(const char *what, const char *why)
{
    fail(what, why, true);
}

static bool check(const char *what, cudaError_t status)
{
    if (status != cudaSuccess) {
        fail(what, cudaGetErrorString(status), status == cudaErrorMemoryAllocation);
    }
    return status == cudaSuccess;
}

void sc_cuda_check(const char *what)
{
    check(what, cudaGetLastError());
}

static cudaError_t make_current(int number)
{
    cudaError_t status = cudaSetDevice(number);
    current = status == cudaSuccess ? number : current;
    return status;
}

void sc_cuda_enter(void)
{
    if (state.stream != NULL && current != state.number) {
        check("making the device current", make_current(state.number));
    }
}

/* ---- memory ---- */

void *sc_cuda_alloc(size_t bytes, simclr_error *err)
{
    void *block = NULL;
    sc_cuda_enter();
    cudaError_t status = cudaMalloc(&block, bytes > 0 ? bytes : 1);
    if (status == cudaSuccess) {
        sc_cuda_zero(block, bytes);
        return block;
    }
    size_t free_bytes = 0, total = 0;
    bool known = cudaMemGetInfo(&free_bytes, &total) == cudaSuccess;
    cudaGetLastError(); /* told here, not by sc_cuda_wait */
    if (status == cudaErrorMemoryAllocation && known) {
        sc_fail(
            err, SIMCLR_E_MEMORY,
            "the GPU's memory: no block of %zu MiB, %zu of %zu MiB are free; use a smaller batch",
            (bytes + (1 << 20) - 1) >> 20, free_bytes >> 20, total >> 20);
    } else {
        sc_fail(err, SIMCLR_E_DEVICE, "the GPU's memory: no block of %zu MiB: %s", bytes >> 20,
                cudaGetErrorString(status));
    }
    return NULL;
}

void sc_cuda_free(void *block)
{
    if (block != NULL) { /* waits for all work */
        sc_cuda_enter();
        check("freeing memory", cudaFree(block));
    }
}

/* Less what the driver takes later, when kernels of ours and of cuDNN are first run and steps are
 * recorded: an estimate. */
size_t sc_cuda_free_bytes(void)
{
    static const size_t later = (size_t)256 << 20;
    size_t free_bytes = 0, total = 0;
    sc_cuda_enter();
    bool known = check("asking for free memory", cudaMemGetInfo(&free_bytes, &total));
    return known && free_bytes > later ? free_bytes - later : 0;
}

void *sc_cuda_host_alloc(size_t bytes, simclr_error *err)
{
    void *block = NULL;
    sc_cuda_enter();
    cudaError_t status = cudaMallocHost(&block, bytes > 0 ? bytes : 1);
    if (status != cudaSuccess) {
        cudaGetLastError(); /* told here, not by sc_cuda_wait */
        sc_fail(err, SIMCLR_E_MEMORY, "page-locked memory of the host: no block of %zu MiB: %s",
                (bytes + (1 << 20) - 1) >> 20, cudaGetErrorString(status));
        return NULL;
    }
    return memset(block, 0, bytes);
}

void sc_cuda_host_free(void *block)
{
    if (block != NULL) {
        sc_cuda_enter();
        check("freeing page-locked memory", cudaFreeHost(block));
    }
}

static bool is_page_locked(const void *block)
{
    struct cudaPointerAttributes a;
    return check("asking what memory is", cudaPointerGetAttributes(&a, block)) &&
           a.type == cudaMemoryTypeHost;
}

/* From other memory than page-locked CUDA may copy at once, or, where the device reads the host's pages
 * by itself, when the copy's turn comes; its caller may change it when this returns. */
void sc_cuda_upload(void *to, const void *from, size_t bytes)
{
    sc_cuda_enter();
    check("copy to the device",
          cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, state.stream));
    if (!is_page_locked(from)) {
        check("work before a copy to the device", cudaStreamSynchronize(state.stream));
    }
}

/* All zeros where it fails, so that nobody reads what was never written. */
void sc_cuda_download(void *to, const void *from, size_t bytes)
{
    sc_cuda_enter();
    if (!check("copy from the device",
               cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, state.stream)) ||
        !check("work before a copy from the device", cudaStreamSynchronize(state.stream))) {
        memset(to, 0, bytes);
    }
}

void sc_cuda_zero(void *to, size_t bytes)
{
    sc_cuda_enter();
    if (bytes > 0) {
        check("zeroing memory", cudaMemsetAsync(to, 0, bytes, state.stream));
    }
}

void sc_cuda_copy(void *to, const void *from, size_t bytes)
{
    sc_cuda_enter();
    if (bytes > 0) {
        check("copy on the device",
              cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, state.stream));
    }
}

int sc_cuda_wait(simclr_error *err)
{
    sc_cuda_enter();
    if (state.stream != NULL) {
        check("work on the device", cudaStreamSynchronize(state.stream));
    }
    if (state.failed && state.no_memory) {
        return sc_fail(err, SIMCLR_E_MEMORY, "the GPU's memory ran out: %s", state.failure);
    }
    return state.failed ? sc_fail(err, SIMCLR_E_DEVICE, "the GPU failed: %s", state.failure)
                        : SIMCLR_OK;
}

/* ---- recordings ---- */

static void give_up_graphs(const char *why)
{
    cudaGetLastError(); /* of the recording: nothing was executed */
    state.graphs_fail = true;
    snprintf(state.note, sizeof(state.note), "steps are queued kernel by kernel: %s", why);
}

/* The graph of what record() queues, or NULL; none of it is executed. */
static cudaGraphExec_t capture(void (*record)(void *context), void *context)
{
    cudaGraph_t graph = NULL;
    cudaGraphExec_t made = NULL;
    cudaError_t status = cudaStreamBeginCapture(state.stream, cudaStreamCaptureModeThreadLocal);
    if (status != cudaSuccess) {
        give_up_graphs(cudaGetErrorString(status));
        return NULL;
    }
    state.recorded[0] = '\0';
    state.recording = true;
    record(context);
    status = cudaStreamEndCapture(state.stream, &graph); /* always, to leave that state */
    state.recording = false;
    if (status == cudaSuccess && state.recorded[0] == '\0') {
        status = cudaGraphInstantiateWithFlags(&made, graph, 0);
    }
    if (made == NULL) {
        give_up_graphs(state.recorded[0] != '\0' ? state.recorded : cudaGetErrorString(status));
    }
    if (graph != NULL) {
        cudaGraphDestroy(graph);
    }
    return made;
}

void sc_cuda_play(size_t key, void (*record)(void *context), void *context)
{
    recording *r = &state.of[key < SC_DEVICE_KEYS ? key : 0];
    if (key >= SC_DEVICE_KEYS) {
        sc_cuda_fail("play", "no such key");
        return;
    }
    sc_cuda_enter();
    /* The first call finds the plans of convolutions and loads kernels, which a recording must not. */
    if (r->warm && r->graph == NULL && !state.graphs_fail) {
        r->graph = capture(record, context);
    }
    if (r->graph != NULL) {
        check("a recorded step", cudaGraphLaunch(r->graph, state.stream));
    } else {
        record(context);
    }
    r->warm = true;
}

void sc_cuda_forget(void)
{
    sc_cuda_enter();
    if (state.stream != NULL) {
        check("work on the device", cudaStreamSynchronize(state.stream));
    }
    for (size_t key = 0; key < SC_DEVICE_KEYS; key++) {
        if (state.of[key].graph != NULL) {
            check("forgetting a recording", cudaGraphExecDestroy(state.of[key].graph));
        }
    }
    memset(state.of, 0, sizeof(state.of));
}

/* ---- open, close ---- */

static int open_failed(int number, const char *what, cudaError_t status, simclr_error *err)
{
    cudaGetLastError();
    sc_cuda_close();
    return sc_fail(err, status == cudaErrorMemoryAllocation ? SIMCLR_E_MEMORY : SIMCLR_E_DEVICE,
                   "cuda:%d: %s: %s", number, what, cudaGetErrorString(status));
}

int sc_cuda_open(int number, simclr_error *err)
{
    memset(&state, 0, sizeof(state));
    state.number = number;
    cudaError_t status = make_current(number);
    if (status != cudaSuccess) {
        return open_failed(number, "the device cannot be used", status, err);
    }
    status = cudaDeviceGetAttribute(&state.processors, cudaDevAttrMultiProcessorCount, number);
    if (status == cudaSuccess) {
        status = cudaStreamCreateWithFlags(&state.stream, cudaStreamNonBlocking);
    }
    if (status != cudaSuccess) {
        return open_failed(number, "no stream", status, err);
    }
    status = cudaMalloc(&state.workspace, SC_CUDA_WORKSPACE);
    if (status != cudaSuccess) {
        return open_failed(number, "no workspace", status, err);
    }
    const char *graphs = getenv("SIMCLR_CUDA_GRAPHS");
    if (graphs != NULL && strcmp(graphs, "off") == 0) {
        give_up_graphs("SIMCLR_CUDA_GRAPHS is off");
    }
    return SIMCLR_OK;
}

void sc_cuda_close(void)
{
    if (state.stream != NULL) {
        sc_cuda_forget();
        cudaFree(state.workspace);
        cudaStreamDestroy(state.stream);
    }
    memset(&state, 0, sizeof(state));
}
