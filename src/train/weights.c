/* SPDX-License-Identifier: MIT
 *
 * weights.c - the table of parameters as safetensors, and back.
 */
#include "train/weights.h"

#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "core/alloc.h"
#include "core/sha256.h"

enum { METADATA_MAX = SC_CONFIG_ROWS_MAX + 1 }; /* a setting each, and the format */

static bool is_projector(const char *name)
{
    return strncmp(name, "projector.", 10) == 0;
}

static bool is_classifier(const char *name)
{
    return strncmp(name, "fc.", 3) == 0;
}

static bool in_part(const sc_param *p, sc_weights_part part)
{
    return part == SC_WEIGHTS_ALL || !is_projector(p->name);
}

static sc_tensor_desc describe(const sc_param *p, const void *data)
{
    sc_tensor_desc t = {
        .name = p->name, .dtype = SC_DTYPE_F32, .ndim = (size_t)p->ndim, .data = data};
    if (p->flags & SC_PARAM_COUNTER)
        t.dtype = SC_DTYPE_I64;
    for (int i = 0; i < p->ndim; i++)
        t.shape[i] = p->shape[i];
    return t;
}

int sc_weights_describe(sc_weights_tensors *out, const sc_network *network, sc_weights_part part,
                        simclr_error *err)
{
    const sc_params *params = &network->params;
    *out =
        (sc_weights_tensors){.list = sc_alloc(params->entry_count, sizeof *out->list, err),
                             .counter = sc_alloc(params->entry_count, sizeof *out->counter, err)};
    int rc = out->list == NULL || out->counter == NULL ? SIMCLR_E_MEMORY : 0;
    if (rc == 0)
        rc = sc_params_pull(params, err);
    for (size_t i = 0; rc == 0 && i < params->entry_count; i++) {
        const sc_param *p = &params->entry[i];
        if (!in_part(p, part))
            continue;
        const sc_real *value = params->value + p->offset;
        out->counter[i] = (int64_t)value[0];
        out->list[out->count++] = describe(
            p, p->flags & SC_PARAM_COUNTER ? (const void *)&out->counter[i] : (const void *)value);
    }
    return rc;
}

void sc_weights_tensors_free(sc_weights_tensors *tensors)
{
    sc_free(tensors->counter);
    sc_free(tensors->list);
    memset(tensors, 0, sizeof *tensors);
}

int sc_weights_save(const char *path, const sc_network *network, sc_weights_part part,
                    const sc_string_pair *metadata, size_t metadata_count, simclr_error *err)
{
    sc_weights_tensors tensors;
    int rc = sc_weights_describe(&tensors, network, part, err);
    if (rc == 0) {
        sc_string_pair pairs[METADATA_MAX] = {{"format", "pt"}};
        size_t n = metadata_count < METADATA_MAX ? metadata_count : METADATA_MAX - 1;
        if (n > 0)
            memcpy(pairs + 1, metadata, n * sizeof *metadata);
        rc = sc_safetensors_write(path, tensors.list, tensors.count, pairs, n + 1, err);
    }
    sc_weights_tensors_free(&tensors);
    return rc;
}

static float half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16, exponent = half >> 10 & 31u;
    uint32_t fraction = half & 1023u, bits;
    float value;
    if (exponent == 0) { /* zero or subnormal: fraction * 2^-24 */
        value = (float)fraction / 16777216.0f;
        return sign ? -value : value;
    }
    bits = sign | (exponent == 31 ? 255u : exponent + 112u) << 23 | fraction << 13;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static sc_real element(const sc_tensor_desc *t, size_t i)
{
    const unsigned char *at = (const unsigned char *)t->data + i * (sc_dtype_bits(t->dtype) / 8);
    float f;
    double d;
    int64_t whole;
    uint16_t half;
    uint32_t bits;
    switch (t->dtype) {
    case SC_DTYPE_F64:
        memcpy(&d, at, sizeof d);
        return (sc_real)d;
    case SC_DTYPE_I64:
        memcpy(&whole, at, sizeof whole);
        return (sc_real)whole;
    case SC_DTYPE_F16:
        memcpy(&half, at, sizeof half);
        return (sc_real)half_to_float(half);
    case SC_DTYPE_BF16:
        memcpy(&half, at, sizeof half);
        bits = (uint32_t)half << 16;
        memcpy(&f, &bits, sizeof f);
        return (sc_real)f;
    default:
        memcpy(&f, at, sizeof f);
        return (sc_real)f;
    }
}

static bool dtype_fits(const sc_tensor_desc *t, const sc_param *p)
{
    if (p->flags & SC_PARAM_COUNTER)
        return t->dtype == SC_DTYPE_I64;
    return t->dtype == SC_DTYPE_F32 || t->dtype == SC_DTYPE_F64 || t->dtype == SC_DTYPE_F16 ||
           t->dtype == SC_DTYPE_BF16;
}

static bool shape_fits(const sc_tensor_desc *t, const sc_param *p)
{
    if (t->ndim != (size_t)p->ndim)
        return false;
    for (int i = 0; i < p->ndim; i++)
        if (t->shape[i] != p->shape[i])
            return false;
    return true;
}

/* A growing list of faults, cut when the text is full. */
typedef struct {
    char text[400];
    size_t used, count;
} fault_list;

static void fault(fault_list *list, const char *what, const char *name)
{
    list->count++;
    int n = snprintf(list->text + list->used, sizeof list->text - list->used, "%s%s %s",
                     list->used > 0 ? ", " : "", what, name);
    if (n > 0 && list->used + (size_t)n < sizeof list->text)
        list->used += (size_t)n;
    else
        list->text[list->used] = '\0';
}

static void shape_text(char *out, size_t size, const char *name, const sc_tensor_desc *t,
                       const sc_param *p)
{
    size_t used = (size_t)snprintf(out, size, "%s [", name);
    for (size_t i = 0; i < t->ndim && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%llu", i ? "," : "",
                                 (unsigned long long)t->shape[i]);
    if (used < size)
        used += (size_t)snprintf(out + used, size - used, "] instead of [");
    for (int i = 0; i < p->ndim && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%zu", i ? "," : "", p->shape[i]);
    if (used < size)
        snprintf(out + used, size - used, "]");
}

static void check_tensors(fault_list *faults, const sc_params *params, const sc_safetensors *st,
                          sc_weights_part part)
{
    for (size_t i = 0; i < params->entry_count; i++) {
        const sc_param *p = &params->entry[i];
        sc_tensor_desc t;
        if (!in_part(p, part))
            continue;
        if (sc_safetensors_find(st, p->name, &t, NULL) < 0) {
            if (!(p->flags & SC_PARAM_COUNTER))
                fault(faults, "missing", p->name);
        } else if (!shape_fits(&t, p)) {
            char text[192];
            shape_text(text, sizeof text, p->name, &t, p);
            fault(faults, "misshapen", text);
        } else if (!dtype_fits(&t, p)) {
            fault(faults, sc_dtype_name(t.dtype), p->name);
        }
    }
    for (size_t i = 0; i < sc_safetensors_count(st); i++) {
        const char *name = sc_safetensors_at(st, i)->name;
        bool passed_over =
            is_classifier(name) || (part == SC_WEIGHTS_ENCODER && is_projector(name));
        if (!passed_over && sc_params_find(params, name) < 0)
            fault(faults, "superfluous", name);
    }
}

int sc_weights_check(const sc_network *network, const sc_safetensors *st, const char *path,
                     sc_weights_part part, simclr_error *err)
{
    fault_list faults = {0};
    check_tensors(&faults, &network->params, st, part);
    if (faults.count == 0)
        return 0;
    return sc_fail(err, SIMCLR_E_CHECKPOINT, "%s: %zu tensors do not fit this model: %s", path,
                   faults.count, faults.text);
}

/* Whether every tensor is one of `prefix`, or of the projector beside it. */
static bool is_common(const sc_safetensors *st, const char *prefix)
{
    size_t with = 0, count = sc_safetensors_count(st);
    for (size_t i = 0; i < count; i++) {
        const char *name = sc_safetensors_at(st, i)->name;
        bool begins = strncmp(name, prefix, strlen(prefix)) == 0;
        if (!begins && !is_projector(name))
            return false;
        with += begins;
    }
    return with > 0;
}

static const char *find_wrapper(const sc_safetensors *st)
{
    static const char *const wrappers[] = {"module.", "model.", "encoder.", "backbone."};
    for (size_t i = 0; i < sizeof wrappers / sizeof *wrappers; i++)
        if (is_common(st, wrappers[i]))
            return wrappers[i];
    return NULL;
}

int sc_weights_open(sc_safetensors **out, char prefix[SC_WEIGHTS_PREFIX], const char *path,
                    simclr_error *err)
{
    const char *wrapper;
    size_t used = 0;
    prefix[0] = '\0';
    int rc = sc_safetensors_open(out, path, err);
    while (rc == 0 && (wrapper = find_wrapper(*out)) != NULL &&
           used + strlen(wrapper) < SC_WEIGHTS_PREFIX) {
        sc_safetensors_strip(*out, wrapper);
        memcpy(prefix + used, wrapper, strlen(wrapper) + 1);
        used += strlen(wrapper);
    }
    return rc;
}

int sc_weights_load(sc_network *network, const char *path, sc_weights_part part, simclr_error *err)
{
    sc_params *params = &network->params;
    sc_safetensors *st;
    char prefix[SC_WEIGHTS_PREFIX];
    int rc = sc_weights_open(&st, prefix, path, err);
    if (rc < 0)
        return rc;
    rc = sc_weights_check(network, st, path, part, err);
    for (size_t i = 0; rc == 0 && i < params->entry_count; i++) {
        const sc_param *p = &params->entry[i];
        sc_tensor_desc t;
        if (!in_part(p, part) || sc_safetensors_find(st, p->name, &t, NULL) < 0)
            continue;
        sc_real *value = params->value + p->offset;
        for (size_t k = 0; k < p->count; k++)
            value[k] = element(&t, k);
    }
    sc_params_push(params);
    sc_safetensors_close(st);
    return rc;
}

/* "m." or "v." before each name. */
typedef struct {
    char text[SC_PARAM_NAME + 2];
} slot_name;

int sc_slots_save(const char *path, const sc_params *params, simclr_error *err)
{
    size_t most = 2 * params->entry_count;
    sc_tensor_desc *list = sc_alloc(most, sizeof *list, err);
    slot_name *name = sc_alloc(most, sizeof *name, err);
    int rc = list == NULL || name == NULL ? SIMCLR_E_MEMORY : 0;
    size_t count = 0;
    if (rc == 0)
        rc = sc_params_pull(params, err);
    for (size_t slot = 0; rc == 0 && slot < 2; slot++)
        for (size_t i = 0; i < params->entry_count; i++) {
            const sc_param *p = &params->entry[i];
            if (p->flags & SC_PARAM_BUFFER)
                continue;
            list[count] = describe(p, (slot ? params->v : params->m) + p->offset);
            snprintf(name[count].text, sizeof name[count].text, "%c.%s", slot ? 'v' : 'm', p->name);
            list[count].name = name[count].text;
            count++;
        }
    if (rc == 0)
        rc = sc_safetensors_write(path, list, count, NULL, 0, err);
    sc_free(name);
    sc_free(list);
    return rc;
}

int sc_slots_load(sc_params *params, const char *path, simclr_error *err)
{
    sc_safetensors *st = NULL;
    int rc = sc_safetensors_open(&st, path, err);
    for (size_t slot = 0; rc == 0 && slot < 2; slot++)
        for (size_t i = 0; rc == 0 && i < params->entry_count; i++) {
            const sc_param *p = &params->entry[i];
            slot_name name;
            sc_tensor_desc t;
            if (p->flags & SC_PARAM_BUFFER)
                continue;
            snprintf(name.text, sizeof name.text, "%c.%s", slot ? 'v' : 'm', p->name);
            rc = sc_safetensors_find(st, name.text, &t, err);
            if (rc == 0 && (!shape_fits(&t, p) || t.dtype != SC_DTYPE_F32))
                rc = sc_fail(err, SIMCLR_E_CHECKPOINT, "%s: %s does not fit this model", path,
                             name.text);
            if (rc == 0)
                memcpy((slot ? params->v : params->m) + p->offset, t.data,
                       p->count * sizeof(sc_real));
        }
    sc_params_push(params);
    sc_safetensors_close(st);
    return rc;
}

int sc_weights_digest(char hex[65], const sc_network *network, simclr_error *err)
{
    const sc_params *params = &network->params;
    int rc = sc_params_pull(params, err);
    return rc < 0 ? rc : sc_sha256(hex, params->value, params->total * sizeof(sc_real), err);
}
