/* SPDX-License-Identifier: MIT
 *
 * softmax_xent.c - cross-entropy of a softmax over class scores, with its gradient:
 *
 *   loss_i = log sum_c exp(s_ic) - s_i,y_i,      dloss_i/ds_ic = softmax(s_i)_c - [c = y_i]
 */
#include "loss/softmax_xent.h"

#include <assert.h>
#include <math.h>

double sc_softmax_xent(sc_real *dscores, const sc_real *scores, const int32_t *labels, size_t rows,
                       size_t classes, double scale)
{
    double total = 0.0;
    for (size_t i = 0; i < rows; i++) {
        const sc_real *s = scores + i * classes;
        size_t y = (size_t)labels[i];
        assert(labels[i] >= 0 && y < classes);
        double largest = (double)s[0];
        for (size_t c = 1; c < classes; c++) {
            largest = (double)s[c] > largest ? (double)s[c] : largest;
        }
        double sum = 0.0, score = (double)s[y];
        sc_real *d = dscores ? dscores + i * classes : NULL;
        for (size_t c = 0; c < classes; c++) {
            double e = exp((double)s[c] - largest);
            sum += e;
            if (d) {
                d[c] = (sc_real)e;
            }
        }
        total += largest + log(sum) - score;
        for (size_t c = 0; d && c < classes; c++) {
            d[c] = (sc_real)(scale * ((double)d[c] / sum - (c == y ? 1.0 : 0.0)));
        }
    }
    return total;
}

size_t sc_topk_hits(const sc_real *scores, const int32_t *labels, size_t rows, size_t classes,
                    size_t k)
{
    size_t hits = 0;
    for (size_t i = 0; i < rows; i++) {
        const sc_real *s = scores + i * classes;
        size_t y = (size_t)labels[i];
        assert(labels[i] >= 0 && y < classes);
        size_t ahead = 0;
        for (size_t c = 0; c < classes; c++) {
            ahead += s[c] > s[y] || (s[c] == s[y] && c < y);
        }
        hits += ahead < k;
    }
    return hits;
}
