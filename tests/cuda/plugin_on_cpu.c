/* SPDX-License-Identifier: MIT
 *
 * plugin_on_cpu.c - a plug-in whose one device is that of cuda_on_cpu.h: with SIMCLR_CUDA naming it the
 * program, and what else loads plug-ins, runs with device=cuda on any machine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cuda/kernels.h"

static sc_device device;

static int probe(char *text, size_t size)
{
    snprintf(text, size, "%s", "cuda:0 on the processor, for tests");
    return 1;
}

/* What a test wants to be told. */
static const char *note(void)
{
    return getenv("SIMCLR_TEST_NOTE");
}

/* A kernel's fault at the wait of this number, as a test wants it: it is told from then on. */
static int (*sound_wait)(simclr_error *err);

static int wait_with_fault(simclr_error *err)
{
    static long waits;
    if (++waits >= atol(getenv("SIMCLR_TEST_FAULT")))
        return sc_fail(err, SIMCLR_E_DEVICE, "an illegal address");
    return sound_wait(err);
}

static void queue(size_t key, void (*record)(void *context), void *context)
{
    (void)key;
    record(context);
}

static const char *why_queued(void)
{
    return "steps are queued kernel by kernel: SIMCLR_CUDA_GRAPHS is off";
}

static int open_device(const sc_device **out, int number, simclr_error *err)
{
    *out = NULL;
    if (number != 0)
        return sc_fail(err, SIMCLR_E_DEVICE, "cuda:%d: no such device", number);
    sc_cuda_device(&device);
    device.note = note;
    const char *graphs = getenv("SIMCLR_CUDA_GRAPHS");
    if (graphs != NULL && strcmp(graphs, "off") == 0) {
        device.play = queue;
        device.note = why_queued;
    }
    if (getenv("SIMCLR_TEST_FAULT") != NULL) {
        sound_wait = device.wait;
        device.wait = wait_with_fault;
    }
    snprintf(device.name, sizeof device.name, "%s", "cuda:0, on the processor");
    *out = &device;
    return SIMCLR_OK;
}

static int count(void)
{
    return 1;
}

static void close_device(void)
{
}

__attribute__((visibility("default"))) const sc_device_plugin *simclr_device_plugin(void);

const sc_device_plugin *simclr_device_plugin(void)
{
    static const sc_device_plugin plugin = {
        SC_DEVICE_ABI, sizeof(sc_device_plugin), probe, count, open_device, close_device};
    return &plugin;
}
