/* SPDX-License-Identifier: MIT
 *
 * fake_devices.c - the machine of fake_cudart.h: its driver and its devices.
 */
#include <cuda_runtime_api.h>
#include <stdio.h>
#include <string.h>

#include "fake_cudart.h"

cudaError_t cudaDriverGetVersion(int *version)
{
    *version = fake.driver;
    return (cudaError_t)fake_turn(__func__);
}

cudaError_t cudaRuntimeGetVersion(int *version)
{
    *version = CUDART_VERSION;
    return (cudaError_t)fake_turn(__func__);
}

cudaError_t cudaGetDeviceCount(int *count)
{
    *count = fake.devices;
    return (cudaError_t)fake_turn(__func__);
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *p, int number)
{
    memset(p, 0, sizeof(*p));
    snprintf(p->name, sizeof(p->name), "Fake %c", 'A' + number);
    p->totalGlobalMem = (size_t)1000 << 20;
    p->major = fake.capability[number] / 10;
    p->minor = fake.capability[number] % 10;
    return (cudaError_t)fake_turn(__func__);
}

cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr attribute, int number)
{
    (void)number;
    *value = attribute == cudaDevAttrMultiProcessorCount ? 132 : 0;
    return (cudaError_t)fake_turn(__func__);
}
