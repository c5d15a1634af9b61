/* SPDX-License-Identifier: MIT
 *
 * fake_cudart.c - one stream, of which nothing is done before somebody waits for it.
 */
#include "fake_cudart.h"

#include <cuda_runtime_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NODES = 64, WORK = 1024, LOCKED = 512, EVENTS = 2 };

typedef struct {
    void *to;
    const void *from; /* NULL: zeroing */
    size_t bytes;
} node;

struct CUgraph_st {
    node node[NODES];
    size_t count;
};
struct CUgraphExec_st {
    struct CUgraph_st graph;
};

static node work[WORK]; /* what waits in the stream */
static size_t waiting;
static struct {
    char *begin, *end;
} locked[LOCKED]; /* page-locked memory */

fake_state fake;
static struct CUgraph_st *capturing;
static cudaError_t last;
static _Thread_local int current; /* device of a thread; a reset leaves it */
static int stream_device = -1;    /* of the thread that made the stream; -1: there is none */
static char stream_place;
static struct CUevent_st {
    double ms; /* fake.ms when it was recorded */
} events[EVENTS];
static size_t made_events;

static void do_node(const node *n)
{
    if (n->from != NULL) {
        memcpy(n->to, n->from, n->bytes);
    } else {
        memset(n->to, 0, n->bytes);
    }
}

/* The work that waits; after a failure none of it. */
static void drain(bool ok)
{
    for (size_t i = 0; i < waiting; i++) {
        if (ok) {
            do_node(&work[i]);
        }
    }
    waiting = 0;
}

void fake_reset(void)
{
    drain(false);
    fake = (fake_state){.driver = 13000, .devices = 2, .capability = {90, 80}, .free_mib = 700};
    capturing = NULL;
    last = cudaSuccess;
    stream_device = -1;
}

int fake_turn(const char *call)
{
    if (fake.sticky && last != cudaSuccess) {
        return (int)last;
    }
    if (fake.fail != NULL && strcmp(fake.fail, call) == 0 && fake.fail_in > 0 &&
        --fake.fail_in == 0) {
        last = (cudaError_t)fake.status;
        return (int)last;
    }
    return cudaSuccess;
}

/* The same of a call that means the stream or its device, in the thread's device.  CUDA refuses launches
 * elsewhere, and takes memory there. */
static cudaError_t turn_here(const char *call)
{
    if (stream_device >= 0 && current != stream_device) {
        return last = cudaErrorInvalidResourceHandle;
    }
    return (cudaError_t)fake_turn(call);
}

cudaError_t cudaGetLastError(void)
{
    cudaError_t status = last;
    if (!fake.sticky) {
        last = cudaSuccess;
    }
    return status;
}

const char *cudaGetErrorString(cudaError_t status)
{
    static char text[40];
    snprintf(text, sizeof(text), "error %d", (int)status);
    return text;
}

cudaError_t cudaMalloc(void **block, size_t bytes)
{
    cudaError_t status = turn_here(__func__);
    *block = NULL;
    if (status == cudaSuccess) {
        *block = malloc(bytes);
        memset(*block, 0xff, bytes); /* as it comes: not zeroed */
        fake.blocks++;
    }
    return status;
}

/* Refused where a test wants it so. */
cudaError_t cudaMallocManaged(void **block, size_t bytes, unsigned flags)
{
    if (getenv("SIMCLR_TEST_UNMANAGED") != NULL) {
        return cudaErrorNotSupported;
    }
    return flags == cudaMemAttachGlobal ? cudaMalloc(block, bytes) : cudaErrorInvalidValue;
}

cudaError_t cudaMemset(void *block, int value, size_t bytes)
{
    memset(block, value, bytes);
    return (cudaError_t)fake_turn(__func__);
}

cudaError_t cudaDeviceSynchronize(void)
{
    return (cudaError_t)fake_turn(__func__);
}

cudaError_t cudaFree(void *block)
{
    drain(true); /* as CUDA: it waits */
    free(block);
    fake.blocks -= block != NULL;
    return turn_here(__func__);
}

cudaError_t cudaMallocHost(void **block, size_t bytes)
{
    cudaError_t status = turn_here(__func__);
    *block = NULL;
    for (size_t i = 0; i < LOCKED && status == cudaSuccess && *block == NULL; i++) {
        if (locked[i].begin == NULL) {
            *block = malloc(bytes);
            memset(*block, 0xff, bytes);
            locked[i].begin = *block;
            locked[i].end = locked[i].begin + bytes;
            fake.blocks++;
        }
    }
    return status;
}

cudaError_t cudaFreeHost(void *block)
{
    for (size_t i = 0; i < LOCKED; i++) {
        if (locked[i].begin == block) {
            locked[i].begin = locked[i].end = NULL;
            fake.blocks--;
        }
    }
    free(block);
    return turn_here(__func__);
}

cudaError_t cudaPointerGetAttributes(struct cudaPointerAttributes *out, const void *at)
{
    memset(out, 0, sizeof(*out));
    out->type = cudaMemoryTypeUnregistered;
    for (size_t i = 0; i < LOCKED; i++) {
        if ((const char *)at >= locked[i].begin && (const char *)at < locked[i].end) {
            out->type = cudaMemoryTypeHost;
        }
    }
    return (cudaError_t)fake_turn(__func__);
}

cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total)
{
    *free_bytes = fake.free_mib << 20;
    *total = (size_t)1000 << 20;
    return turn_here(__func__);
}

/* Any memory is read when its turn comes: of what is not page-locked, too, CUDA promises no more. */
static cudaError_t queue(const char *call, void *to, const void *from, size_t bytes)
{
    cudaError_t status = turn_here(call);
    if (status != cudaSuccess) {
        return status;
    }
    if (capturing == NULL && waiting == WORK) {
        abort(); /* a test that queues so much wants a larger table */
    }
    *(capturing != NULL ? &capturing->node[capturing->count++] : &work[waiting++]) =
        (node){to, from, bytes};
    return status;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind,
                            cudaStream_t stream)
{
    (void)kind;
    (void)stream;
    return queue(__func__, to, from, bytes);
}

cudaError_t cudaMemsetAsync(void *to, int value, size_t bytes, cudaStream_t stream)
{
    (void)stream;
    return value == 0 ? queue(__func__, to, NULL, bytes) : cudaErrorInvalidValue;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
    (void)stream;
    fake.synchronisations++;
    if (capturing != NULL) {
        return last = cudaErrorStreamCaptureUnsupported;
    }
    cudaError_t status = turn_here(__func__);
    drain(status == cudaSuccess);
    return status;
}

/* ---- graphs ---- */

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, enum cudaStreamCaptureMode mode)
{
    (void)stream;
    (void)mode;
    cudaError_t status = turn_here(__func__);
    if (status == cudaSuccess) {
        capturing = calloc(1, sizeof(*capturing));
        fake.graphs++;
        fake.captures++;
    }
    return status;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph)
{
    (void)stream;
    cudaError_t status = (cudaError_t)fake_turn(__func__);
    *graph = capturing;
    capturing = NULL;
    if (status != cudaSuccess) {
        cudaGraphDestroy(*graph);
        *graph = NULL;
    }
    return status;
}

cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t *out, cudaGraph_t graph,
                                          unsigned long long flags)
{
    (void)flags;
    cudaError_t status = (cudaError_t)fake_turn(__func__);
    *out = NULL;
    if (status == cudaSuccess) {
        *out = malloc(sizeof(**out));
        (*out)->graph = *graph;
        fake.graphs++;
    }
    return status;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream)
{
    (void)stream;
    fake.launches++;
    for (size_t i = 0; i < graph->graph.count; i++) {
        const node *n = &graph->graph.node[i];
        queue("node", n->to, n->from, n->bytes);
    }
    return turn_here(__func__);
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph)
{
    free(graph);
    fake.graphs--;
    return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph)
{
    free(graph);
    fake.graphs--;
    return cudaSuccess;
}

/* ---- a thread's device, the stream, events ---- */

cudaError_t cudaSetDevice(int number)
{
    cudaError_t status =
        number < fake.devices ? (cudaError_t)fake_turn(__func__) : cudaErrorInvalidDevice;
    current = status == cudaSuccess ? number : current;
    return status;
}

cudaError_t cudaGetDevice(int *number)
{
    *number = current;
    return (cudaError_t)fake_turn(__func__);
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags)
{
    (void)flags;
    *stream = (cudaStream_t)(void *)&stream_place;
    cudaError_t status = (cudaError_t)fake_turn(__func__);
    stream_device = status == cudaSuccess ? current : -1;
    return status;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
    (void)stream;
    cudaError_t status = turn_here(__func__);
    stream_device = -1;
    return status;
}

cudaError_t cudaEventCreate(cudaEvent_t *event)
{
    *event = &events[made_events++ % EVENTS];
    return (cudaError_t)fake_turn(__func__);
}

cudaError_t cudaEventDestroy(cudaEvent_t event)
{
    (void)event;
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
    (void)stream;
    event->ms = fake.ms;
    return turn_here(__func__);
}

cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
    (void)event;
    return (cudaError_t)fake_turn(__func__);
}

cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t begin, cudaEvent_t end)
{
    *ms = (float)(end->ms - begin->ms);
    return (cudaError_t)fake_turn(__func__);
}
