/* SPDX-License-Identifier: MIT
 *
 * plan_check.c - cuDNN's plans for described devices.  Numbers from the vendor's data sheets and CUDA's
 * tables of compute capabilities; a plan that is found is what such a device would be given, one that
 * is not found is a hint only: a description lacks what only a driver knows.
 */
#include "backend/cuda/plan_check.h"

#include <cudnn.h>
#include <stdio.h>
#include <string.h>

const sc_plan_device SC_PLAN_DEVICES[] = {
    {"NVIDIA A100-SXM4-80GB", 80, 108, 166912, 32, 2048, 1410, 1593, 40, 81920},
    {"NVIDIA GeForce RTX 3090", 86, 82, 101376, 16, 1536, 1695, 9751, 6, 24576},
    {"NVIDIA GeForce RTX 4090", 89, 128, 101376, 24, 1536, 2520, 10501, 72, 24576},
    {"NVIDIA H200", 90, 132, 232448, 32, 2048, 1980, 3201, 60, 143771},
    {"NVIDIA B200", 100, 148, 232448, 32, 2048, 1965, 3996, 126, 183359},
    {"NVIDIA GeForce RTX 5090", 120, 170, 101376, 24, 1536, 2407, 14001, 96, 32607},
};
const size_t SC_PLAN_DEVICE_COUNT = sizeof(SC_PLAN_DEVICES) / sizeof(SC_PLAN_DEVICES[0]);

size_t sc_plan_cudnn_version(void)
{
    return CUDNN_VERSION >= 90800 && cudnnGetVersion() >= 90800 ? cudnnGetVersion() : 0;
}

sc_cudnn_descriptor sc_plan_describe(const sc_plan_device *d, char *why, size_t why_size)
{
    char json[1200];
    snprintf(json, sizeof(json),
             "{\"deviceVer\":%d,\"multiProcessorCount\":%d,\"warpSize\":32,"
             "\"maxSharedMemoryPerBlock\":49152,\"maxSharedMemoryPerBlockOptin\":%d,"
             "\"reservedSharedMemoryPerBlock\":1024,\"maxRegistersPerSM\":65536,"
             "\"maxCtasPerSM\":%d,\"maxThreadsPerBlock\":1024,\"maxThreadsPerSM\":%d,"
             "\"regsPerBlock\":65536,\"totalGlobalMem\":%lld,\"smClockRateKHz\":%d,"
             "\"l2CacheSize\":%lld,\"maxBlockSize\":[1024,1024,64],\"memClockRateKHz\":%d,"
             "\"maxGridSize\":[2147483647,65535,65535],\"supportCoopLaunch\":1,\"pciDeviceId\":0,"
             "\"isTccDriver\":0,\"cudaDeviceId\":0,\"driverVer\":%d,\"deviceName\":\"%s\"}",
             d->capability * 10, d->processors, d->shared_optin, d->blocks, d->threads,
             (long long)d->memory_mib << 20, d->clock_mhz * 1000, (long long)d->cache_mib << 20,
             d->memory_mhz * 1000, CUDART_VERSION, d->name);
    return sc_cudnn_describe(json, why, why_size);
}

bool sc_plan_check(sc_plan_report *out, sc_cudnn_descriptor device, sc_conv_pass pass,
                   sc_precision precision, const sc_conv_shape *shape)
{
    sc_conv_search search;
    sc_conv_candidate one;
    sc_cudnn_target target = {.described = device};
    memset(out, 0, sizeof(*out));
    sc_conv_search_open(&search, &target, pass, precision, shape);
    out->proposed = search.count;
    for (size_t i = 0; i < search.count; i++) {
        if (!sc_conv_candidate_make(&one, &search, i)) {
            continue;
        }
        sc_cudnn_free(one.plan);
        one.plan = NULL;
        if (out->admitted++ == 0 || one.notes.tensor_core) {
            out->first = one;
        }
        if (precision == SC_FP32 || one.notes.tensor_core) {
            break;
        }
    }
    if (out->admitted == 0) {
        snprintf(out->why, sizeof(out->why), "%s", sc_conv_search_why(&search));
    }
    sc_conv_search_close(&search);
    return out->admitted > 0;
}
