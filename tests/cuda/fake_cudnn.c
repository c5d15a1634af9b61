/* SPDX-License-Identifier: MIT
 *
 * fake_cudnn.c - a plan is a pointer to its engine, a configuration to the same, a graph nothing.
 */
#include "fake_cudnn.h"

#include <cuda_runtime_api.h>
#include <cudnn.h>
#include <stdio.h>
#include <string.h>

#include "fake_cudart.h"

fake_cudnn_state fake_cudnn;
static char handle_place;
static int handle_device;

cudnnStatus_t cudnnCreate(cudnnHandle_t *handle)
{
    cudaGetDevice(&handle_device);
    *handle = fake_cudnn.no_handle ? NULL : (cudnnHandle_t)(void *)&handle_place;
    return (cudnnStatus_t)fake_cudnn.no_handle;
}

cudnnStatus_t cudnnDestroy(cudnnHandle_t handle)
{
    (void)handle;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream)
{
    (void)handle;
    return stream != NULL ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_BAD_PARAM;
}

size_t cudnnGetVersion(void)
{
    return 91203;
}

const char *cudnnGetErrorString(cudnnStatus_t status)
{
    static char text[40];
    snprintf(text, sizeof(text), "cuDNN's %d", (int)status);
    return text;
}

void sc_cudnn_graph_conv(sc_cudnn_graph *g, const sc_cudnn_target *target, sc_conv_pass pass,
                         sc_precision precision, const sc_conv_shape *shape)
{
    (void)pass;
    (void)precision;
    (void)shape;
    memset(g, 0, sizeof(*g));
    g->count = target->handle != NULL ? 6 : 0;
    fake_cudnn.alive += g->count;
    fake_cudnn.searches++;
}

void sc_cudnn_graph_free(sc_cudnn_graph *g)
{
    fake_cudnn.alive -= g->count;
    g->count = 0;
}

size_t sc_cudnn_configs(sc_cudnn_descriptor *out, size_t most, sc_cudnn_graph *g,
                        const sc_cudnn_target *target, bool fallback)
{
    size_t first = fallback ? fake_cudnn.proposed : 0, count = 0;
    size_t end = fake_cudnn.proposed + (fallback ? fake_cudnn.fallback : 0);
    (void)g;
    (void)target;
    for (size_t i = first; i < end && count < most; i++) {
        out[count++] = &fake_cudnn.engine[i];
        fake_cudnn.alive++;
    }
    return count;
}

bool sc_cudnn_config_notes(sc_cudnn_notes *out, sc_cudnn_descriptor config)
{
    *out = ((fake_engine *)config)->notes;
    return true;
}

sc_cudnn_descriptor sc_cudnn_plan(int64_t *workspace, sc_cudnn_descriptor config, sc_cudnn_graph *g,
                                  const sc_cudnn_target *target)
{
    fake_engine *engine = config;
    (void)target;
    *workspace = engine->workspace;
    fake_cudnn.alive += !engine->no_plan;
    if (engine->no_plan && g->why[0] == '\0') {
        snprintf(g->why, sizeof(g->why), "engine %d has no plan", (int)engine->notes.engine);
    }
    return engine->no_plan ? NULL : engine;
}

bool sc_cudnn_no_memory(int status)
{
    return status == FAKE_NO_MEMORY;
}

int sc_cudnn_execute(void *handle, sc_cudnn_descriptor plan, const void *a, const void *b,
                     void *out, void *workspace, char *why, size_t why_size)
{
    fake_engine *engine = plan;
    int device = -1;
    cudaGetDevice(&device);
    engine->executions++;
    *(unsigned char *)out += 1; /* as one that adds */
    fake.ms += (double)engine->ms;
    if (device != handle_device) {
        snprintf(why, why_size, "the handle is of another device than the thread's");
        return CUDNN_STATUS_BAD_PARAM;
    }
    if (handle == NULL || a == NULL || b == NULL || out == NULL || workspace == NULL ||
        engine->no_run) {
        snprintf(why, why_size, "engine %d does not run", (int)engine->notes.engine);
        return engine->status;
    }
    return 0;
}

void sc_cudnn_free(sc_cudnn_descriptor descriptor)
{
    fake_cudnn.alive -= descriptor != NULL;
}
