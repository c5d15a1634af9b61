/* SPDX-License-Identifier: MIT
 *
 * nearest.c - the k nearest of a stream of similarities.
 *
 * A list keeps every candidate above a bound, the k-th best similarity when the list was last full.
 * Nearly all similarities fall to one comparison of a group with the bound; a full list is cut to
 * its k nearest, which raises the bound.  What survives n similarities in random order is about
 * k (1 + log(n / k)) candidates, and each costs a few instructions without a branch.
 */
#include "eval/nearest.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { GROUP = 16 };

/* A list is cut when it is full: seldom where it holds some times k. */
static size_t full(size_t k)
{
    return 2 * k + 4 * GROUP;
}

size_t sc_nearest_room(size_t k)
{
    return 2 * full(k); /* the second half is partition's */
}

void sc_nearest_begin(sc_nearest *nearest, sc_neighbour *list, size_t k)
{
    *nearest = (sc_nearest){list, k, 0, -(sc_real)INFINITY};
}

/* 1 where a is nearer than b.  Indices differ, so any two neighbours do.  No branch: half of them
 * would be foretold wrongly. */
static size_t nearer(const sc_neighbour *a, const sc_neighbour *b)
{
    return (size_t)(a->similarity > b->similarity) |
           ((size_t)(a->similarity >= b->similarity) & (size_t)(a->index < b->index));
}

/* The median of the first, the middle and the last item changes places with the last. */
static void choose_pivot(sc_neighbour *list, size_t n)
{
    sc_neighbour *a = list, *b = list + n / 2, *c = list + n - 1;
    size_t ab = nearer(a, b), bc = nearer(b, c), ac = nearer(a, c);
    sc_neighbour *median = ab == bc ? b : ab == ac ? c : a;
    sc_neighbour pivot = *median;
    *median = *c;
    *c = pivot;
}

/* A pivot goes where it belongs, what is nearer before it, the rest after it; its place.  spare (n):
 * without it every step would wait for the store of the step before. */
static size_t partition(sc_neighbour *list, size_t n, sc_neighbour *restrict spare)
{
    choose_pivot(list, n);
    sc_neighbour pivot = list[n - 1];
    size_t before = 0, after = 0;
    for (size_t i = 0; i < n - 1; i++) {
        sc_neighbour item = list[i];
        size_t near = nearer(&item, &pivot);
        list[before] = item;
        spare[after] = item;
        before += near;
        after += 1 - near;
    }
    list[before] = pivot;
    memcpy(list + before + 1, spare, after * sizeof *spare);
    return before;
}

/* Brings the k nearest of list[0 .. n-1] to its front, the k-th to list[k-1]. */
static void select_nearest(sc_neighbour *list, size_t n, size_t k, sc_neighbour *spare)
{
    while (n > 1) {
        size_t place = partition(list, n, spare);
        if (place == k - 1) {
            return;
        }
        if (place > k - 1) {
            n = place;
        } else {
            list += place + 1;
            n -= place + 1;
            k -= place + 1;
        }
    }
}

static void sort(sc_neighbour *list, size_t n, sc_neighbour *spare)
{
    while (n > 1) {
        size_t place = partition(list, n, spare), after = n - place - 1;
        if (place < after) { /* the shorter side first: the stack stays shallow */
            sort(list, place, spare);
            list += place + 1;
            n = after;
        } else {
            sort(list + place + 1, after, spare);
            n = place;
        }
    }
}

/* The k nearest to the front of the list. */
static void cut(sc_nearest *nearest)
{
    select_nearest(nearest->list, nearest->count, nearest->k, nearest->list + full(nearest->k));
    nearest->count = nearest->k;
    nearest->worst = nearest->list[nearest->k - 1].similarity;
}

/* Is one of GROUP similarities above `worst`?  Without a branch, so that it becomes vector code. */
static bool any_above(const sc_real *similarity, sc_real worst)
{
    int any = 0;
    for (size_t i = 0; i < GROUP; i++) {
        any |= similarity[i] > worst;
    }
    return any != 0;
}

/* At most GROUP of them; the list has room. */
static void offer_group(sc_nearest *nearest, const sc_real *similarity, size_t first, size_t n)
{
    sc_neighbour *list = nearest->list;
    size_t count = nearest->count;
    for (size_t i = 0; i < n; i++) {
        list[count] = (sc_neighbour){similarity[i], (uint32_t)(first + i)};
        count += similarity[i] > nearest->worst;
    }
    nearest->count = count;
}

/* Indices rise: one that only equals the k-th best similarity is farther than the k-th. */
void sc_nearest_offer(sc_nearest *nearest, const sc_real *similarity, size_t first, size_t n)
{
    for (size_t j = 0; j < n; j += GROUP) {
        size_t size = n - j < GROUP ? n - j : GROUP;
        if (size == GROUP && !any_above(similarity + j, nearest->worst)) {
            continue;
        }
        if (nearest->count + GROUP > full(nearest->k)) {
            cut(nearest);
        }
        offer_group(nearest, similarity + j, first + j, size);
    }
}

void sc_nearest_sort(sc_nearest *nearest)
{
    cut(nearest);
    sort(nearest->list, nearest->k, nearest->list + full(nearest->k));
}
