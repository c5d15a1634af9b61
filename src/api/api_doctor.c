/* SPDX-License-Identifier: MIT
 *
 * api_doctor.c - what this machine has and what was compiled in, as "name: value" lines.
 */
#include "simclr.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "backend/backend.h"
#include "backend/cpu/cpu.h"
#include "backend/device_load.h"
#include "core/alloc.h"
#include "core/error.h"
#include "core/parallel.h"
#include "dist/dist_load.h"

enum { DOCTOR_TEXT = 4096 };

typedef struct {
    char *text;
    size_t used;
} lines;

static void add(lines *l, const char *name, const char *value)
{
    int length = snprintf(l->text + l->used, DOCTOR_TEXT - l->used, "%s: %s\n", name, value);
    if (length > 0 && l->used + (size_t)length < DOCTOR_TEXT) {
        l->used += (size_t)length;
    }
}

/* The value of the first line of a /proc file that begins with `name`. */
static bool proc_value(char *out, size_t out_size, const char *path, const char *name)
{
    FILE *file = fopen(path, "re");
    char line[512];
    bool found = false;
    while (file != NULL && !found && fgets(line, sizeof(line), file) != NULL) {
        char *colon = strchr(line, ':');
        if (colon != NULL && strncmp(line, name, strlen(name)) == 0) {
            const char *value = colon + 1 + strspn(colon + 1, " \t");
            snprintf(out, out_size, "%.*s", (int)strcspn(value, "\n"), value);
            found = true;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return found;
}

static void add_features(lines *l)
{
    char text[200] = "";
#if defined(__x86_64__) && defined(__GNUC__)
    __builtin_cpu_init();
    snprintf(text, sizeof(text), "%s%s%s%s%s%s%s%s%s%s",
             __builtin_cpu_supports("sse4.2") ? "sse4.2 " : "",
             __builtin_cpu_supports("avx") ? "avx " : "",
             __builtin_cpu_supports("avx2") ? "avx2 " : "",
             __builtin_cpu_supports("fma") ? "fma " : "",
             __builtin_cpu_supports("avx512f") ? "avx512f " : "",
             __builtin_cpu_supports("avx512bw") ? "avx512bw " : "",
             __builtin_cpu_supports("avx512vl") ? "avx512vl " : "",
             __builtin_cpu_supports("avx512dq") ? "avx512dq " : "",
             __builtin_cpu_supports("avx512bf16") ? "avx512bf16 " : "",
             sc_cpu_detect() >= SC_CPU_AMX ? "amx " : "");
#endif
    size_t length = strlen(text);
    if (length > 0) {
        text[length - 1] = '\0';
    }
    add(l, "cpu features", length > 0 ? text : "none known");
}

static void add_machine(lines *l)
{
    struct utsname name;
    char text[400];
    if (uname(&name) == 0) {
        snprintf(text, sizeof(text), "%.100s %.100s %.100s", name.sysname, name.release,
                 name.machine);
        add(l, "system", text);
    }
    if (proc_value(text, sizeof(text), "/proc/cpuinfo", "model name")) {
        add(l, "cpu", text);
    }
    add_features(l);
    snprintf(text, sizeof(text), "%ld online, %d for this process", sysconf(_SC_NPROCESSORS_ONLN),
             sc_parallel_available());
    add(l, "processors", text);
    if (proc_value(text, sizeof(text), "/proc/meminfo", "MemTotal")) {
        add(l, "memory", text);
    }
    if (proc_value(text, sizeof(text), "/proc/meminfo", "MemAvailable")) {
        add(l, "memory available", text);
    }
}

static void add_bf16(lines *l)
{
    const sc_backend *backend;
    simclr_error err = {SIMCLR_OK, ""};
    char text[64];
    if (sc_backend_select(&backend, SC_BF16, &err) != SIMCLR_OK) {
        return; /* the same mistake as the engine's */
    }
    snprintf(text, sizeof(text), "%s, %s", backend->name,
             sc_backend_bf16_native() ? "by instructions" : "emulated: slower than fp32");
    add(l, "precision bf16", text);
}

static void add_gpu(lines *l)
{
    char text[1500];
    sc_device_probe(text, sizeof(text));
    add(l, "gpu", text);
}

static void add_mpi(lines *l)
{
    char text[1500];
    sc_dist_probe(text, sizeof(text));
    add(l, "mpi", text);
}

static void add_build(lines *l)
{
    add(l, "simclr", simclr_version());
#if defined(__clang__)
    add(l, "compiler", "clang " __clang_version__);
#elif defined(__GNUC__)
    add(l, "compiler", "gcc " __VERSION__);
#endif
    const sc_backend *backend = NULL;
    simclr_error err = {SIMCLR_OK, ""};
    bool selected = sc_backend_select(&backend, SC_FP32, &err) == SIMCLR_OK;
    add(l, "engine", selected ? backend->name : err.text);
    add_bf16(l);
    add_mpi(l);
    add(l, "image formats", "JPEG, PNG, WebP, PPM, BMP");
}

#ifndef SIMCLR_VERSION
#define SIMCLR_VERSION "0.1.0"
#endif

void simclr_printable(char *out, size_t out_size, const char *text)
{
    sc_printable(out, out_size, text);
}

int simclr_exit_code(int code)
{
    return sc_exit_code(code);
}

const char *simclr_version(void)
{
    return SIMCLR_VERSION;
}

int simclr_doctor(char **text, simclr_error *err)
{
    lines l = {sc_alloc(DOCTOR_TEXT, 1, err), 0};
    *text = l.text;
    if (l.text == NULL) {
        return SIMCLR_E_MEMORY;
    }
    add_build(&l);
    add_machine(&l);
    add_gpu(&l);
    return SIMCLR_OK;
}
