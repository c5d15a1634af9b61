/* SPDX-License-Identifier: MIT
 *
 * device_load.c - the plug-in is looked for in this order: SIMCLR_CUDA; the directory of the program or
 * libsimclr.so, which in a build is that of the plug-in; ../lib from there; the system's libraries.
 *
 * The first file that is there counts: a broken one is told, not passed over.  If it lacks libcudnn.so.9,
 * that is looked for where installers put it and loaded first; the plug-in then finds it by its name.
 */
#include "backend/device_load.h"

#include <dlfcn.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/plugin_path.h"

#define PLUGIN "libsimclr_cuda.so"
#define CUDNN "libcudnn.so.9"

/* Where pip and the installers of CUDA put cuDNN; below the directory that a variable names, or "". */
static const struct {
    const char *variable, *pattern;
} PLACES[] = {
    {"VIRTUAL_ENV", "/lib/python3*/site-packages/nvidia/cudnn/lib/" CUDNN},
    {"HOME", "/.local/lib/python3*/site-packages/nvidia/cudnn/lib/" CUDNN},
    {"", "/usr/local/cuda/lib64/" CUDNN},
    {"", "/usr/local/lib/python3*/*-packages/nvidia/cudnn/lib/" CUDNN},
    {"", "/usr/lib/python3*/*-packages/nvidia/cudnn/lib/" CUDNN},
};

/* libcudnn.so.9 from the first of these directories that has it. */
static void cudnn_of_user(const char *directories)
{
    for (const char *at = directories; at != NULL && *at != '\0';) {
        char path[SC_PATH_MAX];
        size_t length = strcspn(at, ":");
        if (length > 0 &&
            snprintf(path, sizeof(path), "%.*s/" CUDNN, (int)length, at) < SC_PATH_MAX &&
            dlopen(path, RTLD_NOW | RTLD_GLOBAL) != NULL) {
            return;
        }
        at += length + (at[length] == ':');
    }
}

/* The first of PLACES that can be loaded. */
static void cudnn_of_installers(void)
{
    bool loaded = false;
    for (size_t i = 0; !loaded && i < sizeof(PLACES) / sizeof(PLACES[0]); i++) {
        char pattern[SC_PATH_MAX];
        const char *head = PLACES[i].variable[0] != '\0' ? getenv(PLACES[i].variable) : "";
        glob_t found = {0};
        if (head != NULL &&
            snprintf(pattern, sizeof(pattern), "%s%s", head, PLACES[i].pattern) < SC_PATH_MAX &&
            glob(pattern, 0, NULL, &found) == 0) {
            for (size_t k = found.gl_pathc; k > 0 && !loaded; k--) { /* the newest Python first */
                loaded = dlopen(found.gl_pathv[k - 1], RTLD_NOW | RTLD_GLOBAL) != NULL;
            }
            globfree(&found);
        }
    }
}

static int no_plugin(simclr_error *err, const char *path)
{
    const char *why = dlerror();
    if (why != NULL && strstr(why, CUDNN) != NULL && strstr(why, "cannot open shared") != NULL) {
        return sc_fail(err, SIMCLR_E_DEVICE,
                       CUDNN " is in none of the usual places; install cuDNN 9, or name its "
                             "directory in SIMCLR_CUDA_LIBS");
    }
    if (strchr(path, '/') == NULL && (why == NULL || strncmp(why, PLUGIN ":", 18) == 0)) {
        return sc_fail(err, SIMCLR_E_DEVICE,
                       PLUGIN " is not installed; it is built where nvcc and cuDNN are");
    }
    return sc_fail(err, SIMCLR_E_DEVICE, "%s", why != NULL ? why : path);
}

/* dlopen of the plug-in, with cuDNN before it where it is not found by itself. */
static void *open_library(const char *path)
{
    void *library = NULL;
    cudnn_of_user(getenv("SIMCLR_CUDA_LIBS"));
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        const char *why = dlerror();
        if (why != NULL && strstr(why, CUDNN) != NULL) {
            cudnn_of_installers();
        }
        library = dlopen(path, RTLD_NOW | RTLD_LOCAL); /* for its text if it fails again */
    }
    return library;
}

static int check_plugin(const sc_device_plugin **out, void *library, const char *path,
                        simclr_error *err)
{
    sc_device_entry entry;
    void *symbol = dlsym(library, "simclr_device_plugin");
    if (symbol == NULL) {
        return sc_fail(err, SIMCLR_E_DEVICE, "%s: is no plug-in of simclr", path);
    }
    memcpy(&entry, &symbol, sizeof(entry)); /* ISO C converts no object pointer to a function's */
    const sc_device_plugin *plugin = entry();
    if (plugin->abi != SC_DEVICE_ABI || plugin->bytes != sizeof(*plugin)) {
        return sc_fail(err, SIMCLR_E_DEVICE,
                       "%s: is of another version of simclr (interface %u of %u bytes, here %d of "
                       "%zu); install both from the same version",
                       path, plugin->abi, plugin->bytes, SC_DEVICE_ABI, sizeof(*plugin));
    }
    *out = plugin;
    return SIMCLR_OK;
}

/* The plug-in, loaded.  It stays: CUDA does not take being unloaded well. */
static int load(const sc_device_plugin **out, simclr_error *err)
{
    const char *wish = getenv("SIMCLR_CUDA");
    char path[SC_PATH_MAX];
    if (wish != NULL && strcmp(wish, "off") == 0) {
        return sc_fail(err, SIMCLR_E_DEVICE, "switched off by SIMCLR_CUDA");
    }
    if (wish == NULL || wish[0] == '\0') {
        sc_plugin_path(path, PLUGIN);
    } else if (strchr(wish, '/') == NULL ||
               snprintf(path, sizeof(path), "%s", wish) >= SC_PATH_MAX) {
        return sc_fail(err, SIMCLR_E_DEVICE, "SIMCLR_CUDA: '%.200s' is neither a path nor off",
                       wish);
    }
    void *library = open_library(path);
    return library != NULL ? check_plugin(out, library, path, err) : no_plugin(err, path);
}

int sc_device_probe(char *text, size_t size)
{
    const sc_device_plugin *plugin = NULL;
    simclr_error err = {SIMCLR_OK, ""};
    if (load(&plugin, &err) != SIMCLR_OK) {
        snprintf(text, size, "none: %s", err.text);
        return 0;
    }
    char found[1200] = "";
    int usable = plugin->probe(found, sizeof(found));
    snprintf(text, size, "%s%s", usable > 0 ? "" : "none: ", found);
    return usable;
}

int sc_device_count(void)
{
    const sc_device_plugin *plugin = NULL;
    return load(&plugin, NULL) == SIMCLR_OK ? plugin->count() : 0;
}

int sc_device_load(const sc_device **out, int number, simclr_error *err)
{
    const sc_device_plugin *plugin = NULL;
    *out = NULL;
    int rc = load(&plugin, err);
    if (rc == SIMCLR_OK) {
        rc = plugin->open(out, number, err);
    }
    if (rc == SIMCLR_OK && ((*out)->abi != SC_DEVICE_ABI || (*out)->bytes != sizeof(**out))) {
        rc = sc_fail(err, SIMCLR_E_DEVICE,
                     PLUGIN ": is of another version of simclr (its device has %u bytes; this "
                            "one's %zu); install both from the same version",
                     (*out)->bytes, sizeof(**out));
        plugin->close();
        *out = NULL;
    }
    return rc;
}

const char *sc_device_note(const sc_device *device)
{
    const char *note = device != NULL && device->note != NULL ? device->note() : NULL;
    return note != NULL ? note : "";
}

void sc_device_close(void)
{
    const sc_device_plugin *plugin = NULL;
    simclr_error err = {SIMCLR_OK, ""};
    if (load(&plugin, &err) == SIMCLR_OK) {
        plugin->close();
    }
}
