/* SPDX-License-Identifier: MIT
 *
 * onnx_value.h - the values of a model while it is evaluated (onnx_eval.h), and attributes of its nodes.
 */
#ifndef SCT_UNIT_ONNX_VALUE_H
#define SCT_UNIT_ONNX_VALUE_H

#include "support/support.h"

#include <string.h>

#include "core/alloc.h"
#include "onnx.pb-c.h"

enum { OE_VALUES = 2048, OE_DIMS = 8 };

typedef struct {
    const char *name;
    float *data;
    size_t dim[OE_DIMS], ndim, count;
    const int64_t *integers; /* instead of data */
} oe_value;

typedef struct {
    const Onnx__Model *model;
    oe_value value[OE_VALUES];
    size_t values;
} oe_run;

static inline oe_value *oe_find(oe_run *run, const char *name)
{
    for (size_t i = 0; i < run->values; i++)
        if (strcmp(run->value[i].name, name) == 0)
            return &run->value[i];
    fail_msg("%s is read and was not made", name);
    return NULL;
}

/* A value of these dimensions, which must be new. */
static inline oe_value *oe_new(oe_run *run, const char *name, const size_t *dim, size_t ndim)
{
    for (size_t i = 0; i < run->values; i++)
        if (strcmp(run->value[i].name, name) == 0)
            fail_msg("%s is made twice", name);
    assert_true(run->values < OE_VALUES && ndim <= OE_DIMS);
    oe_value *v = &run->value[run->values++];
    *v = (oe_value){.name = name, .ndim = ndim, .count = 1};
    for (size_t i = 0; i < ndim; i++)
        v->count *= v->dim[i] = dim[i];
    v->data = sc_alloc(v->count, sizeof *v->data, NULL);
    assert_non_null(v->data);
    return v;
}

static inline void oe_initializer(oe_run *run, const Onnx__Tensor *t)
{
    size_t dim[OE_DIMS];
    for (size_t i = 0; i < t->n_dims; i++)
        dim[i] = (size_t)t->dims[i];
    oe_value *v = oe_new(run, t->name, dim, t->n_dims);
    bool integers = t->data_type == ONNX__TENSOR__DATA_TYPE__INT64;
    assert_true(integers || t->data_type == ONNX__TENSOR__DATA_TYPE__FLOAT);
    assert_int_equal(t->raw_data.len, v->count * (integers ? 8 : 4));
    if (integers) {
        sc_free(v->data);
        v->data = sc_alloc(v->count, 8, NULL);
        assert_non_null(v->data);
        v->integers = (const int64_t *)(const void *)v->data;
    }
    memcpy(v->data, t->raw_data.data, t->raw_data.len);
}

static inline const Onnx__Attribute *oe_attribute(const Onnx__Node *n, const char *name)
{
    for (size_t i = 0; i < n->n_attribute; i++)
        if (strcmp(n->attribute[i]->name, name) == 0)
            return n->attribute[i];
    return NULL;
}

static inline double oe_float(const Onnx__Node *n, const char *name, double otherwise)
{
    const Onnx__Attribute *a = oe_attribute(n, name);
    assert_true(a == NULL || a->type == ONNX__ATTRIBUTE__TYPE__FLOAT);
    return a == NULL ? otherwise : (double)a->f;
}

static inline size_t oe_ints(const Onnx__Node *n, const char *name, size_t i, size_t otherwise)
{
    const Onnx__Attribute *a = oe_attribute(n, name);
    if (a == NULL)
        return otherwise;
    assert_int_equal(a->type, ONNX__ATTRIBUTE__TYPE__INTS);
    assert_true(i < a->n_ints);
    return (size_t)a->ints[i];
}

static inline oe_value *oe_like(oe_run *run, const Onnx__Node *n, const oe_value *x)
{
    return oe_new(run, n->output[0], x->dim, x->ndim);
}

#endif
