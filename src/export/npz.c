/* SPDX-License-Identifier: MIT
 *
 * npz.c - tensors as members NAME.npy of a stored ZIP archive.
 */
#include "export/npz.h"

#include <stdio.h>

#include "core/alloc.h"
#include "core/json.h"
#include "export/npy.h"
#include "export/zip.h"

static int add_array(sc_zip *zip, const char *path, const sc_tensor_desc *t, simclr_error *err)
{
    char name[256], header[SC_NPY_HEADER];
    uint64_t bytes;
    int rc = sc_tensor_bytes(&bytes, path, t, err);
    if (rc < 0)
        return rc;
    if ((t->dtype != SC_DTYPE_F32 && t->dtype != SC_DTYPE_I64) || t->ndim > SC_NPY_DIMS)
        return sc_fail(err, SIMCLR_E_INTERNAL, "%s: %s is no array for a .npz file", path, t->name);
    snprintf(name, sizeof name, "%s.npy", t->name);
    size_t size = sc_npy_put_header(header, t->dtype == SC_DTYPE_F32 ? SC_NPY_F32 : SC_NPY_I64,
                                    t->shape, t->ndim);
    const sc_zip_part parts[] = {{header, size}, {t->data, (size_t)bytes}};
    return sc_zip_add(zip, name, parts, 2, err);
}

static int settings_text(char **text, const sc_string_pair *metadata, size_t count,
                         simclr_error *err)
{
    sc_json *json = sc_json_new_object();
    for (size_t i = 0; i < count; i++)
        sc_json_set_string(json, metadata[i].key, metadata[i].value);
    int rc = sc_json_dump(text, json, false, err);
    sc_json_free(json);
    return rc;
}

int sc_npz_write(const char *path, const sc_tensor_desc *list, size_t count,
                 const sc_string_pair *metadata, size_t metadata_count, simclr_error *err)
{
    sc_zip *zip;
    char *settings;
    int rc = settings_text(&settings, metadata, metadata_count, err);
    if (rc < 0)
        return rc;
    rc = sc_zip_open(&zip, path, err);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = add_array(zip, path, &list[i], err);
    if (rc == 0)
        rc = sc_zip_commit(zip, settings, err);
    else
        sc_zip_abandon(zip);
    sc_free(settings);
    return rc;
}
