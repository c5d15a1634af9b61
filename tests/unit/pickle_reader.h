/* SPDX-License-Identifier: MIT
 *
 * pickle_reader.h - the stack machine of pickle, as far as a state_dict needs it and no further: an opcode or
 * global that torch.load(weights_only=True) of PyTorch 1.13 does not take fails the test.
 */
#ifndef SCT_UNIT_PICKLE_READER_H
#define SCT_UNIT_PICKLE_READER_H

#include "support/support.h"

#include <stdio.h>
#include <string.h>

typedef enum { PK_MARK, PK_TEXT, PK_INTEGER, PK_FALSE, PK_TUPLE, PK_DICT, PK_GLOBAL } pk_kind;

enum { PK_STACK = 1024, PK_POOL = 65536 };

typedef struct {
    pk_kind kind;
    char text[96]; /* or "module name" of a global */
    uint64_t number;
    size_t first, count; /* of a tuple or dict (keys and values): in items */
    size_t called, id;   /* 1 + the arguments, 1 + the persistent id; 0: it was none */
    size_t state;        /* 1 + what BUILD gave */
} pk_object;

typedef struct {
    pk_object *pool;
    size_t *items;
    size_t pool_used, items_used, stack[PK_STACK], depth;
} pk_machine;

static inline size_t pk_push(pk_machine *m, pk_object object)
{
    assert_true(m->pool_used < PK_POOL && m->depth < PK_STACK);
    m->pool[m->pool_used] = object;
    m->stack[m->depth++] = m->pool_used;
    return m->pool_used++;
}

static inline const pk_object *pk_pop(pk_machine *m)
{
    assert_true(m->depth > 0);
    return &m->pool[m->stack[--m->depth]];
}

/* Moves what is above the last mark to items. */
static inline void pk_gather(pk_machine *m, size_t *first, size_t *count)
{
    size_t mark = m->depth;
    while (mark > 0 && m->pool[m->stack[mark - 1]].kind != PK_MARK)
        mark--;
    assert_true(mark > 0);
    *first = m->items_used;
    *count = m->depth - mark;
    assert_true(m->items_used + *count <= PK_POOL);
    memcpy(m->items + m->items_used, m->stack + mark, *count * sizeof *m->items);
    m->items_used += *count;
    m->depth = mark - 1;
}

static inline uint64_t pk_number(const unsigned char *at, int bytes)
{
    uint64_t value = 0;
    for (int i = bytes; i-- > 0;)
        value = value << 8 | at[i];
    return value;
}

/* The text of a BINUNICODE; where it ends. */
static inline const unsigned char *pk_text(pk_machine *m, const unsigned char *at)
{
    pk_object o = {.kind = PK_TEXT};
    size_t length = (size_t)pk_number(at, 4);
    assert_true(length < sizeof o.text);
    memcpy(o.text, at + 4, length);
    pk_push(m, o);
    return at + 4 + length;
}

static inline const unsigned char *pk_global(pk_machine *m, const unsigned char *at)
{
    static const char *const allowed[] = {"collections OrderedDict", "torch FloatStorage",
                                          "torch LongStorage", "torch._utils _rebuild_tensor_v2"};
    pk_object o = {.kind = PK_GLOBAL};
    char module[48], name[48];
    int length = 0;
    bool known = false;
    assert_int_equal(sscanf((const char *)at, "%47s\n%47s%n", module, name, &length), 2);
    snprintf(o.text, sizeof o.text, "%s %s", module, name);
    for (int i = 0; i < 4; i++)
        known = known || strcmp(o.text, allowed[i]) == 0;
    assert_true(known);
    assert_int_equal(at[length], '\n');
    pk_push(m, o);
    return at + length + 1;
}

static inline void pk_integer(pk_machine *m, uint64_t value)
{
    pk_push(m, (pk_object){.kind = PK_INTEGER, .number = value});
}

static inline void pk_tuple(pk_machine *m)
{
    pk_object o = {.kind = PK_TUPLE};
    pk_gather(m, &o.first, &o.count);
    pk_push(m, o);
}

static inline void pk_set_items(pk_machine *m)
{
    size_t first, count;
    pk_gather(m, &first, &count);
    pk_object *dict = &m->pool[m->stack[m->depth - 1]];
    assert_true(count % 2 == 0 && dict->count == 0);
    assert_true(dict->kind == PK_DICT || strcmp(dict->text, "collections OrderedDict") == 0);
    dict->first = first;
    dict->count = count;
}

/* A call is the global with its arguments. */
static inline void pk_reduce(pk_machine *m)
{
    size_t arguments = m->stack[--m->depth];
    pk_object call = *pk_pop(m);
    assert_int_equal(m->pool[arguments].kind, PK_TUPLE);
    assert_int_equal(call.kind, PK_GLOBAL);
    call.called = 1 + arguments;
    pk_push(m, call);
}

static inline void pk_build(pk_machine *m)
{
    size_t state = m->stack[--m->depth];
    m->pool[m->stack[m->depth - 1]].state = 1 + state;
}

/* Runs the program; the number of the object that it makes. */
static inline size_t pk_run(pk_machine *m, const unsigned char *at, size_t size)
{
    const unsigned char *end = at + size;
    assert_memory_equal(at, "\x80\x02", 2);
    at += 2;
    while (at < end) {
        unsigned char op = *at++;
        switch (op) {
        case '(':
            pk_push(m, (pk_object){.kind = PK_MARK});
            break;
        case 'X':
            at = pk_text(m, at);
            break;
        case 'c':
            at = pk_global(m, at);
            break;
        case 'K':
        case 'M':
        case 'J':
            pk_integer(m, pk_number(at, op == 'K' ? 1 : op == 'M' ? 2 : 4));
            at += op == 'K' ? 1 : op == 'M' ? 2 : 4;
            break;
        case ')':
            pk_push(m, (pk_object){.kind = PK_TUPLE});
            break;
        case '}':
            pk_push(m, (pk_object){.kind = PK_DICT});
            break;
        case 0x89:
            pk_push(m, (pk_object){.kind = PK_FALSE});
            break;
        case 't':
            pk_tuple(m);
            break;
        case 'u':
            pk_set_items(m);
            break;
        case 'R':
            pk_reduce(m);
            break;
        case 'b':
            pk_build(m);
            break;
        case 'Q':
            m->pool[m->stack[m->depth - 1]].id = 1;
            break;
        case '.':
            assert_true(at == end && m->depth == 1);
            return m->stack[0];
        default:
            fail_msg("opcode 0x%02x", op);
        }
    }
    fail_msg("no STOP");
    return 0;
}

#endif
