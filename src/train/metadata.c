/* SPDX-License-Identifier: MIT
 *
 * metadata.c - the settings that a file of weights carries, and back.  Nothing of the file is believed:
 * its values go through the parser of the configuration, with its ranges.
 */
#include "train/metadata.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "train/setup.h"

enum { VALUE_BYTES = 40 * SC_CONFIG_LIST + 8 }; /* a list of numbers; none of these is free text */

static bool is_carried(const char *key, bool projector)
{
    static const char *const others[] = {"data.image_size", "data.channels", "views.interpolation",
                                         "views.normalize", "views.mean",    "views.std"};
    if (projector)
        return strncmp(key, "projector.", 10) == 0;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(key, others[i]) == 0)
            return true;
    return strncmp(key, "model.", 6) == 0;
}

int sc_metadata_write(sc_metadata *out, const sc_config *cfg, uint32_t size, sc_weights_part part,
                      simclr_error *err)
{
    sc_config settled = *cfg;
    memset(out, 0, sizeof *out);
    out->text = sc_alloc(sc_config_row_count(), VALUE_BYTES, err);
    if (out->text == NULL)
        return SIMCLR_E_MEMORY;
    sc_setup_settle_model(&settled, size);
    for (size_t row = 0; row < sc_config_row_count(); row++) {
        const char *key = sc_config_row_at(row)->key;
        char *value = out->text + out->count * VALUE_BYTES;
        if (!is_carried(key, false) && !(part == SC_WEIGHTS_ALL && is_carried(key, true)))
            continue;
        sc_config_row_text(&settled, row, value, VALUE_BYTES);
        out->pair[out->count++] = (sc_string_pair){key, value};
    }
    return 0;
}

void sc_metadata_free(sc_metadata *metadata)
{
    sc_free(metadata->text);
    memset(metadata, 0, sizeof *metadata);
}

/* ---- back ---- */

/* *theirs: the defaults, with what the file says of origin `file`. */
static int read_all(sc_config *theirs, const sc_safetensors *st, const char *path, bool projector,
                    simclr_error *err)
{
    char file[256], where[280];
    sc_printable(file, sizeof file, path);
    snprintf(where, sizeof where, "%s: metadata", file);
    sc_config_default(theirs);
    for (size_t row = 0; row < sc_config_row_count(); row++) {
        const char *key = sc_config_row_at(row)->key;
        const char *value = is_carried(key, projector) ? sc_safetensors_metadata(st, key) : NULL;
        int rc = value == NULL ? 0 : sc_config_set(theirs, key, value, SC_ORIGIN_FILE, where, err);
        if (rc == SIMCLR_E_USAGE) { /* a damaged model, for the program's exit code */
            rc = SIMCLR_E_CHECKPOINT;
            if (err != NULL)
                err->code = rc;
        }
        if (rc < 0)
            return rc;
    }
    simclr_error wrong = {0, ""};
    if (sc_config_check(theirs, &wrong) < 0)
        return sc_fail(err, SIMCLR_E_CHECKPOINT, "%s: %s", where, wrong.text);
    sc_setup_settle_model(theirs, sc_setup_weights_size(theirs));
    return 0;
}

static bool was_set(const sc_config *cfg, size_t row)
{
    return sc_config_origin(cfg, row) != SC_ORIGIN_DEFAULT;
}

typedef struct {
    char ours[VALUE_BYTES], theirs[VALUE_BYTES];
} value_pair;

/* Whether the user and the file both say this key, and otherwise.  `auto` is what it comes to. */
static bool contradicts(value_pair *out, const sc_config *cfg, const sc_config *theirs, size_t row)
{
    sc_config settled = *cfg;
    sc_setup_settle_model(&settled, sc_setup_weights_size(cfg));
    sc_config_row_text(&settled, row, out->ours, sizeof out->ours);
    sc_config_row_text(theirs, row, out->theirs, sizeof out->theirs);
    return was_set(cfg, row) && was_set(theirs, row) && strcmp(out->ours, out->theirs) != 0;
}

/* Whether this key only goes with a value of the file that the user has replaced. */
static bool is_pointless(const sc_config *cfg, const sc_config *theirs, const char *key)
{
    static const struct {
        const char *key, *with;
    } table[] = {
        {"views.mean", "views.normalize"},
        {"views.std", "views.normalize"},
        {"model.strides", "model.stem"},
        {"model.stem_kernel", "model.stem"},
        {"model.pool_kernel", "model.stem"},
        {"model.down", "model.stem"},
        {"model.down", "model.strides"},
        {"model.activation_alpha", "model.activation"},
        {"projector.activation_alpha", "projector.activation"},
        {"projector.last_activation_alpha", "projector.last_activation"},
    };
    value_pair value;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].key, key) == 0 &&
            contradicts(&value, cfg, theirs, (size_t)sc_config_find(table[i].with)))
            return true;
    return false;
}

int sc_metadata_read(sc_config *cfg, const sc_safetensors *st, const char *path, bool projector,
                     const simclr_observer *observer, simclr_error *err)
{
    sc_config theirs;
    int rc = read_all(&theirs, st, path, projector, err);
    /* In the order of the table, in which a key stands behind those that it goes with. */
    for (size_t row = 0; rc == 0 && row < sc_config_row_count(); row++) {
        const char *key = sc_config_row_at(row)->key;
        value_pair value;
        if (!was_set(&theirs, row) || is_pointless(cfg, &theirs, key))
            continue;
        if (contradicts(&value, cfg, &theirs, row))
            sc_say(observer, SIMCLR_WARNING,
                   "%s: %s is %s in the file, but %s was given and is used", path, key,
                   value.theirs, value.ours);
        else if (!was_set(cfg, row))
            rc = sc_config_set(cfg, key, value.theirs, SC_ORIGIN_FILE, path, err);
    }
    return rc;
}
