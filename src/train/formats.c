/* SPDX-License-Identifier: MIT
 *
 * formats.c - the table of formats, and what they are written by.
 *
 * To add one: a writer in export/, a function here that calls it, a row of the table.
 */
#include "train/formats.h"

#include <stdio.h>
#include <string.h>

#include "export/npz.h"
#include "export/onnx.h"
#include "export/pth.h"
#include "train/metadata.h"
#include "train/setup.h"
#include "train/state.h"

typedef int (*writer)(const char *path, const sc_network *network, sc_weights_part part,
                      const sc_config *cfg, simclr_error *err);

struct sc_format {
    const char *name, *other_extension; /* its extension is its name, or the other */
    writer write;
};

typedef int (*tensor_writer)(const char *path, const sc_tensor_desc *list, size_t count,
                             const sc_string_pair *metadata, size_t metadata_count,
                             simclr_error *err);

static int write_tensors(const char *path, tensor_writer write, const sc_network *network,
                         sc_weights_part part, const sc_config *cfg, simclr_error *err)
{
    sc_metadata settings;
    sc_weights_tensors tensors = {0};
    int rc = sc_metadata_write(&settings, cfg, (uint32_t)network->height, part, err);
    if (rc == 0)
        rc = sc_weights_describe(&tensors, network, part, err);
    if (rc == 0)
        rc = write(path, tensors.list, tensors.count, settings.pair, settings.count, err);
    sc_weights_tensors_free(&tensors);
    sc_metadata_free(&settings);
    return rc;
}

static int write_pth(const char *path, const sc_network *network, sc_weights_part part,
                     const sc_config *cfg, simclr_error *err)
{
    return write_tensors(path, sc_pth_write, network, part, cfg, err);
}

static int write_npz(const char *path, const sc_network *network, sc_weights_part part,
                     const sc_config *cfg, simclr_error *err)
{
    return write_tensors(path, sc_npz_write, network, part, cfg, err);
}

static int write_onnx(const char *path, const sc_network *network, sc_weights_part part,
                      const sc_config *cfg, simclr_error *err)
{
    sc_metadata settings;
    const sc_views_options views = sc_setup_views(cfg, (uint32_t)network->height);
    sc_onnx_options options = {.network = network, .projector = part == SC_WEIGHTS_ALL};
    int rc = sc_metadata_write(&settings, cfg, (uint32_t)network->height, part, err);
    memcpy(options.mean, views.view[0].mean, sizeof options.mean);
    memcpy(options.std, views.view[0].std, sizeof options.std);
    options.metadata = settings.pair;
    options.metadata_count = settings.count;
    if (rc == 0)
        rc = sc_onnx_write(path, &options, err);
    sc_metadata_free(&settings);
    return rc;
}

static const sc_format table[] = {
    {"safetensors", "safetensors", sc_state_export},
    {"pth", "pt", write_pth},
    {"onnx", "onnx", write_onnx},
    {"npz", "npz", write_npz},
};

enum { FORMATS = sizeof table / sizeof *table };

static bool is_called(const sc_format *format, const char *extension)
{
    return strcmp(extension, format->name) == 0 || strcmp(extension, format->other_extension) == 0;
}

int sc_format_find(const sc_format **out, const char *name, const char *path, simclr_error *err)
{
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(slash != NULL ? slash : path, '.');
    const char *sought = name != NULL ? name : dot != NULL ? dot + 1 : "";
    for (size_t i = 0; i < FORMATS; i++) {
        *out = &table[i];
        if (name != NULL ? strcmp(name, table[i].name) == 0 : is_called(&table[i], sought))
            return 0;
    }
    char all[80] = "";
    for (size_t i = 0, used = 0; i < FORMATS; i++)
        used += (size_t)snprintf(all + used, sizeof all - used, "%s%s",
                                 i == 0             ? ""
                                 : i + 1 == FORMATS ? " or "
                                                    : ", ",
                                 table[i].name);
    *out = NULL;
    if (name != NULL)
        return sc_fail(err, SIMCLR_E_USAGE, "format '%s' is not known; use %s", name, all);
    return sc_fail(err, SIMCLR_E_USAGE, "%s: its name tells no format; use --format %s", path, all);
}

int sc_format_write(const char *path, const sc_format *format, const sc_network *network,
                    sc_weights_part part, const sc_config *cfg, simclr_error *err)
{
    return format->write(path, network, part, cfg, err);
}
