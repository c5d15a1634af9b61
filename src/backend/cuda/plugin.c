/* SPDX-License-Identifier: MIT
 *
 * plugin.c - the one symbol that libsimclr_cuda.so exports: which GPUs there are, and one of them opened.
 */
#include <cuda_runtime_api.h>
#include <cudnn.h>
#include <stdio.h>
#include <string.h>

#include "backend/cuda/conv_cudnn.h"
#include "backend/cuda/kernels.h"
#include "backend/cuda/runtime_cuda.h"

static sc_device device;
static bool is_open;

/* "12.4" from 12040, "580" from 580: CUDA's way to write versions. */
static void add_version(char *text, size_t size, const char *what, int version)
{
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s %d.%d, ", what, version / 1000, version % 1000 / 10);
}

static void add(char *text, size_t size, const char *more)
{
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s", more);
}

/* Device `number`: whether it can be used, and a description or the reason. */
static bool describe(char *text, size_t size, int number)
{
    struct cudaDeviceProp p;
    cudaError_t status = cudaGetDeviceProperties(&p, number);
    if (status != cudaSuccess) {
        cudaGetLastError();
        snprintf(text, size, "cuda:%d: %s", number, cudaGetErrorString(status));
        return false;
    }
    int capability = 10 * p.major + p.minor;
    snprintf(text, size, "cuda:%d %s, %zu MiB, compute capability %d.%d%s", number, p.name,
             p.totalGlobalMem >> 20, p.major, p.minor,
             capability < SC_CUDA_CAPABILITY ? " (8.0 or later is needed, for bf16)" : "");
    return capability >= SC_CUDA_CAPABILITY;
}

/* How many devices there are; 0 with the reason in `text`. */
static int count_devices(char *text, size_t size)
{
    int driver = 0, count = 0;
    cudaError_t status = cudaDriverGetVersion(&driver);
    if (status == cudaSuccess && driver == 0) {
        add(text, size, "no driver: install NVIDIA's, or run where there is a GPU");
        return 0;
    }
    add_version(text, size, "driver for CUDA", driver);
    status = cudaGetDeviceCount(&count);
    cudaGetLastError();
    if (status != cudaSuccess || count == 0) {
        add(text, size, status != cudaSuccess ? cudaGetErrorString(status) : "no device");
        return 0;
    }
    return count;
}

/* Numbers are CUDA's own: an unusable device in the middle keeps its own. */
static int probe(char *text, size_t size)
{
    int runtime = 0, usable = 0;
    char one[400];
    snprintf(text, size, "%s", "");
    cudaRuntimeGetVersion(&runtime);
    add_version(text, size, "CUDA", runtime);
    size_t cudnn = cudnnGetVersion();
    snprintf(one, sizeof(one), "cuDNN %zu.%zu.%zu, ", cudnn / 10000, cudnn / 100 % 100,
             cudnn % 100);
    add(text, size, one);
    int count = count_devices(text, size);
    for (int number = 0; number < count; number++) {
        usable += describe(one, sizeof(one), number);
        add(text, size, number > 0 ? "; " : "");
        add(text, size, one);
    }
    return usable;
}

static int count(void)
{
    char text[200] = "";
    return count_devices(text, sizeof(text));
}

static void close_device(void)
{
    if (is_open) {
        sc_cuda_wait(NULL);
        sc_cuda_conv_close();
        sc_cuda_close();
        is_open = false;
    }
}

/* Convolutions first: they cost the most by far. */
static const char *note(void)
{
    static char text[800];
    const char *plain = sc_cuda_conv_note(), *queued = sc_cuda_note();
    if (plain == NULL || queued == NULL) {
        return plain != NULL ? plain : queued;
    }
    snprintf(text, sizeof(text), "%s; %s", plain, queued);
    return text;
}

static int open_device(const sc_device **out, int number, simclr_error *err)
{
    char text[600] = "";
    struct cudaDeviceProp p;
    *out = NULL;
    if (is_open) {
        return sc_fail(err, SIMCLR_E_BUSY, "cuda:%d: %.60s is open; one device at a time", number,
                       device.name);
    }
    int count = count_devices(text, sizeof(text));
    if (number < 0 || number >= count) {
        return sc_fail(err, SIMCLR_E_DEVICE, "cuda:%d: there is no such device: %s", number,
                       count > 0 ? "others are there" : text);
    }
    if (!describe(text, sizeof(text), number)) {
        return sc_fail(err, SIMCLR_E_DEVICE, "%s", text);
    }
    cudaGetDeviceProperties(&p, number);
    int rc = sc_cuda_open(number, err);
    if (rc != SIMCLR_OK) {
        return rc;
    }
    is_open = true;
    rc = sc_cuda_conv_open(p.name, err);
    if (rc != SIMCLR_OK) {
        close_device();
        return rc;
    }
    memset(&device, 0, sizeof(device));
    sc_cuda_device(&device);
    device.abi = SC_DEVICE_ABI;
    device.bytes = sizeof(device);
    device.note = note;
    snprintf(device.name, sizeof(device.name), "cuda:%d, %.100s", number, p.name);
    *out = &device;
    return SIMCLR_OK;
}

__attribute__((visibility("default"))) const sc_device_plugin *simclr_device_plugin(void);

const sc_device_plugin *simclr_device_plugin(void)
{
    static const sc_device_plugin plugin = {
        SC_DEVICE_ABI, sizeof(sc_device_plugin), probe, count, open_device, close_device};
    return &plugin;
}
