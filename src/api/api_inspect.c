/* SPDX-License-Identifier: MIT
 *
 * api_inspect.c - public functions: what a run, a checkpoint, a safetensors or a .npy file holds.
 */
#include "api/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors.h"
#include "core/alloc.h"
#include "core/fs.h"
#include "export/npy.h"
#include "monitor/status.h"

static const size_t FILE_LIMIT = (size_t)16 << 30;

static void print_tensors(FILE *out, const sc_safetensors *st)
{
    size_t numbers = 0;
    for (size_t i = 0; i < sc_safetensors_count(st); i++) {
        const sc_tensor_desc *t = sc_safetensors_at(st, i);
        char name[256];
        size_t count = 1;
        sc_printable(name, sizeof name, t->name);
        fprintf(out, "%-5s %-44s [", sc_dtype_name(t->dtype), name);
        for (size_t k = 0; k < t->ndim; k++) {
            fprintf(out, "%s%llu", k ? ", " : "", (unsigned long long)t->shape[k]);
            count *= (size_t)t->shape[k];
        }
        fprintf(out, "]\n");
        numbers += count;
    }
    fprintf(out, "%zu tensors, %zu numbers\n", sc_safetensors_count(st), numbers);
}

static int print_npy(FILE *out, const char *path, const void *data, size_t size, simclr_error *err)
{
    static const char *const types[] = {
        [SC_NPY_F32] = "float32", [SC_NPY_F64] = "float64", [SC_NPY_I64] = "int64",
        [SC_NPY_I32] = "int32",   [SC_NPY_U8] = "uint8",    [SC_NPY_F16] = "float16"};
    sc_npy_header h;
    int rc = sc_npy_parse(&h, data, size, path, err);
    if (rc < 0)
        return rc;
    fprintf(out, "NumPy array, %s, shape (", types[h.type]);
    for (size_t k = 0; k < h.ndim; k++)
        fprintf(out, "%s%llu", k ? ", " : "", (unsigned long long)h.shape[k]);
    fprintf(out, ")%s\n", h.fortran_order ? ", Fortran order" : "");
    return 0;
}

static int print_file(FILE *out, const char *path, simclr_error *err)
{
    void *data;
    size_t size;
    sc_safetensors *st;
    int rc = sc_fs_read(&data, &size, path, FILE_LIMIT, err);
    if (rc < 0)
        return rc;
    if (size >= 6 && memcmp(data, "\x93NUMPY", 6) == 0) {
        rc = print_npy(out, path, data, size, err);
    } else {
        rc = sc_safetensors_parse(&st, data, size, path, err);
        if (rc == 0) {
            print_tensors(out, st);
            sc_safetensors_close(st);
        }
    }
    sc_free(data);
    return rc;
}

static int print_checkpoint(FILE *out, const char *path, bool verify, simclr_error *err)
{
    char name[SC_PATH_MAX];
    uint64_t step;
    int rc = verify ? sc_checkpoint_verify(path, &step, err) : 0;
    if (rc < 0)
        return rc;
    if (verify)
        fprintf(out, "checkpoint of step %llu: every hash is right\n", (unsigned long long)step);
    rc = sc_path_join(name, path, "model.safetensors", err);
    return rc < 0 ? rc : print_file(out, name, err);
}

static int print_run(FILE *out, const char *path, bool verify, simclr_error *err)
{
    char at[SC_PATH_MAX], last[SC_PATH_MAX];
    void *text;
    size_t size;
    sc_status status;
    int rc = sc_path_join(at, path, "config.yaml", err);
    if (rc == 0)
        rc = sc_fs_read(&text, &size, at, 1 << 20, err);
    if (rc < 0)
        return rc;
    fprintf(out, "%s\n", (const char *)text);
    sc_free(text);
    if (sc_status_read(&status, path, NULL) == 0)
        fprintf(out, "%s at step %llu\n", status.phase, (unsigned long long)status.step);
    rc = sc_path_join(last, path, "checkpoints/last", err);
    if (rc == 0 && sc_fs_exists(last))
        return print_checkpoint(out, last, verify, err);
    sc_checkpoint_found found; /* where there are no symbolic links */
    if (rc == 0)
        rc = sc_checkpoint_look(&found, path, NULL, NULL, err);
    if (rc == SIMCLR_E_NOT_FOUND)
        return 0;
    return rc < 0 ? rc : print_checkpoint(out, found.path, verify, err);
}

static bool has(const char *directory, const char *name)
{
    char path[SC_PATH_MAX];
    return sc_path_join(path, directory, name, NULL) == 0 && sc_fs_exists(path);
}

static int print_any(FILE *out, const char *path, bool verify, simclr_error *err)
{
    if (!sc_fs_is_dir(path))
        return print_file(out, path, err);
    if (has(path, "config.yaml"))
        return print_run(out, path, verify, err);
    if (has(path, "MANIFEST"))
        return print_checkpoint(out, path, verify, err);
    return sc_fail(
        err, SIMCLR_E_USAGE,
        "%s: a directory that is neither a run (config.yaml) nor a checkpoint (MANIFEST)", path);
}

int simclr_inspect(char **text, const char *path, bool verify, simclr_error *err)
{
    char *buffer = NULL;
    size_t size;
    *text = NULL;
    FILE *out = open_memstream(&buffer, &size);
    if (out == NULL)
        return sc_fail(err, SIMCLR_E_MEMORY, "no memory for the description of %s", path);
    int rc = print_any(out, path, verify, err);
    if (fclose(out) != 0 && rc == 0)
        rc = sc_fail(err, SIMCLR_E_MEMORY, "no memory for the description of %s", path);
    if (rc == 0) {
        *text = sc_strdup(buffer, err);
        rc = *text == NULL ? SIMCLR_E_MEMORY : 0;
    }
    free(buffer);
    return rc;
}
