/* SPDX-License-Identifier: MIT
 *
 * embedding_projector.c - writes the assets first and the config that names them last.
 *
 * The server tries to read the vectors as TSV and falls back to raw float32 only on a decoding
 * error, which some binary data (all zeros) never raise: so TSV while it is small.
 */
#include "monitor/embedding_projector.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/fs.h"
#include "data/image.h"

enum { TSV_VALUES_MAX = 4000000, NAME_MAX_BYTES = 240 };

uint32_t sc_sprite_columns(size_t count)
{
    uint32_t columns = (uint32_t)sqrt((double)count);
    while ((uint64_t)columns * columns < count)
        columns++;
    while (columns > 1 && (uint64_t)(columns - 1) * (columns - 1) >= count)
        columns--;
    return columns > 0 ? columns : 1;
}

uint32_t sc_sprite_thumb_side(size_t count, uint32_t wanted)
{
    uint32_t most = SC_SPRITE_SIDE_MAX / sc_sprite_columns(count);
    return wanted < most ? wanted : most;
}

/* %.6g of a finite value; the viewer does not know NaN. */
static size_t put_value(char *out, size_t room, float value, char after)
{
    int n = snprintf(out, room, "%.6g%c", isfinite(value) ? (double)value : 0.0, after);
    for (int i = 0; i < n; i++)
        if (out[i] == ',')
            out[i] = '.';
    return (size_t)n;
}

static int write_tsv(const char *path, const sc_embedding_projector *p, size_t count,
                     simclr_error *err)
{
    sc_fs_writer *writer;
    enum { VALUE_ROOM = 20 };
    char *row = sc_alloc(p->dim + 1, VALUE_ROOM, err);
    if (row == NULL)
        return SIMCLR_E_MEMORY;
    int rc = sc_fs_writer_open(&writer, path, err);
    if (rc < 0) {
        sc_free(row);
        return rc;
    }
    for (size_t i = 0; rc == 0 && i < count; i++) {
        size_t used = 0;
        for (size_t k = 0; k < p->dim; k++)
            used += put_value(row + used, VALUE_ROOM, p->features[i * p->dim + k],
                              k + 1 < p->dim ? '\t' : '\n');
        rc = sc_fs_writer_write(writer, row, used, err);
    }
    sc_free(row);
    if (rc == 0)
        return sc_fs_writer_commit(writer, err);
    sc_fs_writer_abandon(writer);
    return rc;
}

/* A cell: printable, without tabs; "-" for nothing, since empty lines confuse the viewer. */
static void cell(char out[NAME_MAX_BYTES], const char *text)
{
    sc_printable(out, NAME_MAX_BYTES, text != NULL && text[0] != '\0' ? text : "-");
}

static int write_metadata(const char *path, const sc_embedding_projector *p, size_t count,
                          simclr_error *err)
{
    char line[2 * NAME_MAX_BYTES + 32], class_name[NAME_MAX_BYTES], item[NAME_MAX_BYTES];
    sc_fs_writer *writer;
    int rc = sc_fs_writer_open(&writer, path, err);
    if (rc < 0)
        return rc;
    rc = sc_fs_writer_write(writer, "index\tclass\tname\n", 17, err);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        cell(class_name, p->class_name ? p->class_name(p->context, i) : NULL);
        cell(item, p->item_name ? p->item_name(p->context, i) : NULL);
        int n = snprintf(line, sizeof line, "%zu\t%s\t%s\n", i, class_name, item);
        rc = sc_fs_writer_write(writer, line, (size_t)n, err);
    }
    if (rc == 0)
        return sc_fs_writer_commit(writer, err);
    sc_fs_writer_abandon(writer);
    return rc;
}

int sc_sprite_encode(void **png, size_t *size, const sc_embedding_projector *p, size_t count,
                     uint32_t side, simclr_error *err)
{
    uint32_t columns = sc_sprite_columns(count);
    size_t width = (size_t)columns * side;
    uint8_t *sheet = sc_alloc(width * width, 3, err);
    uint8_t *thumb = sc_alloc((size_t)side * side, 3, err);
    int rc = sheet == NULL || thumb == NULL ? SIMCLR_E_MEMORY : 0;
    if (rc == 0)
        memset(sheet, 255, width * width * 3);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = p->thumb(thumb, p->context, i, err);
        uint8_t *corner = sheet + (i / columns * side * width + i % columns * side) * 3;
        for (uint32_t y = 0; rc == 0 && y < side; y++)
            memcpy(corner + y * width * 3, thumb + (size_t)y * side * 3, (size_t)side * 3);
    }
    if (rc == 0)
        rc = sc_png_encode(png, size, sheet, (uint32_t)width, (uint32_t)width, 3, err);
    sc_free(thumb);
    sc_free(sheet);
    return rc;
}

static int write_sprite(const char *path, const sc_embedding_projector *p, size_t count,
                        uint32_t side, simclr_error *err)
{
    void *png;
    size_t size;
    int rc = sc_sprite_encode(&png, &size, p, count, side, err);
    if (rc < 0)
        return rc;
    rc = sc_fs_write_atomic(path, png, size, err);
    sc_free(png);
    return rc;
}

static int write_config(const char *run, const sc_embedding_projector *p, size_t count, bool tsv,
                        uint32_t side, simclr_error *err)
{
    char path[SC_PATH_MAX], sprite[160] = "", text[640];
    if (side > 0)
        snprintf(sprite, sizeof sprite,
                 "  sprite {\n    image_path: \"projector/sprite.png\"\n"
                 "    single_image_dim: %u\n    single_image_dim: %u\n  }\n",
                 side, side);
    int n = snprintf(text, sizeof text,
                     "embeddings {\n  tensor_name: \"features\"\n"
                     "  tensor_path: \"projector/features.%s\"\n"
                     "  tensor_shape: %zu\n  tensor_shape: %zu\n"
                     "  metadata_path: \"projector/metadata.tsv\"\n%s}\n",
                     tsv ? "tsv" : "bytes", count, p->dim, sprite);
    int rc = sc_path_join(path, run, "projector_config.pbtxt", err);
    return rc < 0 ? rc : sc_fs_write_atomic(path, text, (size_t)n, err);
}

static int join(char out[SC_PATH_MAX], const char *dir, const char *name, int rc, simclr_error *err)
{
    return rc < 0 ? rc : sc_path_join(out, dir, name, err);
}

int sc_embedding_projector_write(const char *run, const sc_embedding_projector *p,
                                 simclr_error *err)
{
    char dir[SC_PATH_MAX], path[SC_PATH_MAX];
    size_t count = p->count < SC_PROJECTOR_POINTS_MAX ? p->count : SC_PROJECTOR_POINTS_MAX;
    if (count == 0 || p->dim == 0 || p->dim > SIZE_MAX / 64 / count)
        return sc_fail(err, SIMCLR_E_DATA, "%s: no features to show in the projector", run);
    bool tsv = count * p->dim <= TSV_VALUES_MAX;
    uint32_t side = p->thumb && p->thumb_side ? sc_sprite_thumb_side(count, p->thumb_side) : 0;

    int rc = sc_path_join(dir, run, "projector", err);
    if (rc == 0)
        rc = sc_fs_mkdirs(dir, err);
    rc = join(path, dir, tsv ? "features.tsv" : "features.bytes", rc, err);
    if (rc == 0 && tsv)
        rc = write_tsv(path, p, count, err);
    else if (rc == 0)
        rc = sc_fs_write_atomic(path, p->features, count * p->dim * sizeof(float), err);
    rc = join(path, dir, "metadata.tsv", rc, err);
    if (rc == 0)
        rc = write_metadata(path, p, count, err);
    rc = join(path, dir, "sprite.png", rc, err);
    if (rc == 0 && side > 0)
        rc = write_sprite(path, p, count, side, err);
    return rc < 0 ? rc : write_config(run, p, count, tsv, side, err);
}
