/* SPDX-License-Identifier: MIT
 *
 * tables_gpu.c - kernelcheck on a GPU: the plug-in's kernels and cuDNN's convolutions, in memory that the
 * host reaches too (cudaMallocManaged, or where that is refused page-locked memory, which kernels reach by
 * the same addresses).  The counting tables of backend/profile.h wait for each call.
 *
 * Each operation is named when its first case begins; a fault, or a signal, names the case.
 *
 * SIMCLR_CUDA names the plug-in; else it is the one of this build, a directory above the program.
 * Without a GPU it says why and the exit status is 77.
 *
 * label: slow
 *
 * Convolutions may sum in any order, and in bf16 round what is not yet the result (dw, before it is
 * added): norms instead of elements.  Output 4e-3, dw 6e-3; fp32 1e-5.
 */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cuda_runtime_api.h>

#include "backend/device_load.h"
#include "backend/profile.h"
#include "core/fs.h"
#include "kernels/kernelcheck.h"

#ifndef SC_TABLE_MOST_WORK
#define SC_TABLE_MOST_WORK HUGE_VAL
#endif

const char *const table_names[] = {"cuda", NULL};
const int table_threads[] = {1, 1, 1, 0};
const bool table_transforms = false;
const double table_most_work = SC_TABLE_MOST_WORK;
const double table_norms[3][2] = {{1e-5, 4e-3}, {1e-5, 4e-3}, {1e-5, 6e-3}};

enum { BLOCKS = 512, SMALLEST = 4096, BY_DEVICE = 1 << 20 };

static const sc_device *device;
static sc_profile waiting;

/* Blocks that were given back serve again: getting memory waits for the GPU and maps pages. */
static struct {
    void *block;
    size_t bytes;
    bool used;
} pool[BLOCKS];

static char current[300] = "before the first case"; /* operation, shape, table */

static void stop(const char *what, const char *why)
{
    fprintf(stderr, "kernelcheck: %s: %s: %s\n", current, what, why);
    exit(2);
}

static void check(const char *what, cudaError_t status)
{
    if (status != cudaSuccess) {
        stop(what, cudaGetErrorString(status));
    }
}

/* ---- signals ---- */

/* Calls of what POSIX allows here alone; then the signal does what it does without us. */
static void name_case(int number)
{
    static const char before[] = "kernelcheck: ended by a signal in ", after[] = "\n";
    ssize_t written = write(STDERR_FILENO, before, sizeof before - 1);
    written += write(STDERR_FILENO, current, strlen(current));
    written += write(STDERR_FILENO, after, sizeof after - 1);
    (void)written;
    raise(number);
}

static void watch_signals(void)
{
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGTERM};
    struct sigaction action = {.sa_handler = name_case, .sa_flags = SA_RESETHAND};

    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        sigaction(numbers[i], &action, NULL);
    }
}

/* ---- tables ---- */

static void find_plugin(void)
{
    char path[SC_PATH_MAX] = "";
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);

    for (int i = 0; i < 2 && length > 0; i++) {
        char *slash = strrchr(path, '/');
        if (slash == NULL) {
            return;
        }
        *slash = '\0';
    }
    size_t used = strlen(path);
    snprintf(path + used, sizeof path - used, "/libsimclr_cuda.so");
    setenv("SIMCLR_CUDA", path, 0);
}

static bool open_device(void)
{
    static bool tried;
    simclr_error err;

    if (tried) {
        return device != NULL;
    }
    tried = true;
    watch_signals();
    find_plugin();
    if (sc_device_load(&device, 0, &err) != 0) {
        printf("no GPU: %s\n", err.text);
        return false;
    }
    printf("%s\n", device->name);
    const sc_tables tables = {device->reals, device->bf16};
    sc_profile_init(&waiting, &tables);
    sc_profile_begin(&waiting);
    return true;
}

const sc_backend *table_by_name(const char *name, sc_precision precision)
{
    if (strcmp(name, table_names[0]) != 0 || !open_device()) {
        return NULL;
    }
    return precision == SC_BF16 ? &waiting.maps : &waiting.reals;
}

bool table_adds_rounded(const sc_backend *table, const kernel_case *c, int which)
{
    (void)c;
    (void)which;
    (void)table;
    return true; /* where cuDNN has a plan */
}

/* ---- memory ---- */

/* Tells what a kernel has done to the GPU, and forgets what was counted, which nobody reads and which has
 * room for the shapes of one network alone. */
static void look(void)
{
    simclr_error err;

    if (device != NULL && device->wait(&err) < 0) {
        stop("a kernel failed", err.text);
    }
    waiting.count = 0;
}

static void *new_block(size_t size)
{
    static bool page_locked;
    void *block = NULL;
    cudaError_t status = cudaErrorNotSupported;

    if (!page_locked) {
        status = cudaMallocManaged(&block, size, cudaMemAttachGlobal);
    }
    if (status == cudaErrorNotSupported) {
        if (!page_locked) {
            printf("no managed memory here (%s): page-locked memory in its place\n",
                   cudaGetErrorString(status));
        }
        page_locked = true;
        status = cudaMallocHost(&block, size);
    }
    check("memory", status);
    return block;
}

void *table_alloc(size_t bytes)
{
    size_t size = SMALLEST, at = 0;

    look();
    while (size < bytes) {
        size *= 2;
    }
    while (at < BLOCKS && pool[at].block != NULL && (pool[at].used || pool[at].bytes != size)) {
        at++;
    }
    if (at == BLOCKS) {
        return NULL;
    }
    if (pool[at].block == NULL) {
        pool[at].block = new_block(size);
        pool[at].bytes = size;
    }
    pool[at].used = true;
    return pool[at].block;
}

void table_free(void *block)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        if (pool[i].block == block) {
            pool[i].used = false;
            return;
        }
    }
    stop("memory", "no such block was given");
}

/* The scratch of a convolution is large, and only the GPU and the guards' pages touch it. */
void table_poison(void *block, size_t bytes)
{
    if (bytes < BY_DEVICE) {
        memset(block, POISON, bytes);
        return;
    }
    check("poison", cudaMemset(block, POISON, bytes));
    check("poison", cudaDeviceSynchronize());
}

/* ---- cases ---- */

void table_run(const kernel_case *c, const sc_backend *table, float **out, void *scratch)
{
    static char op[60];

    if (strcmp(op, c->op) != 0) {
        snprintf(op, sizeof op, "%s", c->op);
        printf("%s\n", op);
    }
    snprintf(current, sizeof current, "%s %s (%s, %s)", c->op, c->shape, table->name,
             table->precision == SC_BF16 ? "bf16" : "fp32");
    c->run(table, out, scratch, c->context);
    look();
}

/* ---- the end ---- */

/* What cuDNN has no plan for the plain kernels compute.  Where that is all, they have passed in its place. */
bool table_end(void)
{
    const char *note = device != NULL && device->note != NULL ? device->note() : NULL;
    size_t without, all;

    if (note == NULL) {
        return true;
    }
    printf("%s\n", note);
    return sscanf(note, "%zu of %zu convolutions", &without, &all) != 2 || without < all;
}
