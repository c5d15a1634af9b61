/* SPDX-License-Identifier: MIT
 *
 * image_list.c - images of a data set, by their numbers: which an evaluation looks at.
 */
#include "eval/image_list.h"

#include <string.h>

#include "core/alloc.h"
#include "eval/features.h"

int sc_image_list_choose(sc_image_list *out, sc_dataset *ds, bool labelled, size_t limit,
                         simclr_error *err)
{
    size_t count = sc_dataset_count(ds), total = 0;
    *out = (sc_image_list){.ds = ds, .index = sc_alloc(count, sizeof *out->index, err)};
    if (out->index == NULL)
        return SIMCLR_E_MEMORY;
    for (size_t i = 0; i < count; i++)
        if (!labelled || sc_dataset_label(ds, i) >= 0)
            out->index[total++] = (uint32_t)i;
    out->n = limit == 0 || limit > total ? total : limit;
    for (size_t k = 0; k < out->n; k++)
        out->index[k] = out->index[k * total / out->n];
    return 0;
}

void sc_image_list_free(sc_image_list *list)
{
    sc_free(list->index);
    memset(list, 0, sizeof *list);
}

bool sc_image_held_out(size_t i, size_t n)
{
    return i % SC_HELD_OUT_EVERY == SC_HELD_OUT_EVERY - 1 || (n < SC_HELD_OUT_EVERY && i == n - 1);
}

int sc_image_list_hold_out(sc_image_list *out, sc_image_list *list, simclr_error *err)
{
    size_t n = list->n;
    *out = (sc_image_list){.ds = list->ds, .index = sc_alloc(n, sizeof *out->index, err)};
    if (out->index == NULL)
        return SIMCLR_E_MEMORY;
    list->n = 0;
    for (size_t i = 0; i < n; i++) {
        sc_image_list *to = sc_image_held_out(i, n) ? out : list;
        to->index[to->n++] = list->index[i]; /* list->n <= i */
    }
    return 0;
}

int sc_image_list_label(const sc_image_list *list, size_t i)
{
    return sc_dataset_label(list->ds, list->index[i]);
}

size_t sc_image_list_classes(const sc_image_list *list)
{
    int largest = -1;
    for (size_t i = 0; i < list->n; i++) {
        int label = sc_image_list_label(list, i);
        largest = label > largest ? label : largest;
    }
    return (size_t)(largest + 1);
}

int sc_image_list_share(sc_image_list *list, double share, uint64_t seed, simclr_error *err)
{
    int32_t *label = sc_alloc(list->n, sizeof *label, err);
    uint32_t *row = sc_alloc(list->n, sizeof *row, err);
    const sc_features labels = {.label = label, .n = list->n};
    int rc = label == NULL || row == NULL ? SIMCLR_E_MEMORY : 0;
    for (size_t i = 0; rc == 0 && i < list->n; i++)
        label[i] = sc_image_list_label(list, i);
    if (rc == 0)
        rc = sc_features_share(row, &list->n, &labels, share, seed, err);
    for (size_t i = 0; rc == 0 && i < list->n; i++)
        row[i] = list->index[row[i]];
    if (rc == 0)
        memcpy(list->index, row, list->n * sizeof *row);
    sc_free(label);
    sc_free(row);
    return rc;
}
