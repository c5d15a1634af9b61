/* SPDX-License-Identifier: MIT
 *
 * Part 4: the NT-Xent loss and its gradient.
 *
 *     l_i = -s(i, p(i)) / t + log sum_{k != i} exp(s(i, k) / t),   s the cosine, p(i) the other view
 *
 * Each view must find its partner among all other views of the batch.  Here a few points on a circle
 * are moved along the negative gradient, with no network at all: partners meet, the others part.
 */
#include <simclr.h>

#include <math.h>
#include <stdio.h>

enum { N = 4, D = 2 };

int main(void)
{
    const double temperature = 0.5;
    float z[2 * N * D], dz[2 * N * D];
    simclr_error err = {0};
    double loss = 0, first = 0;

    for (int i = 0; i < 2 * N; i++) { /* all over the place */
        z[i * D] = (float)cos(2.4 * i * i);
        z[i * D + 1] = (float)sin(2.4 * i * i);
    }
    printf("between %.4f (nothing learnt) and %.4f (a simplex, in enough dimensions)\n",
           simclr_ntxent_ceiling(N), simclr_ntxent_floor(N, temperature));
    for (int step = 0; step <= 200; step++) {
        if (simclr_ntxent(&loss, dz, z, N, D, temperature, &err) < 0) {
            fprintf(stderr, "4_ntxent: %s\n", err.text);
            return 1;
        }
        if (step == 0)
            first = loss;
        if (step % 50 == 0)
            printf("step %3d  loss %.4f\n", step, loss);
        for (int k = 0; k < 2 * N * D; k++)
            z[k] -= 2 * dz[k];
    }
    for (int i = 0; i < N; i++) {
        double a = atan2(z[i * D + 1], z[i * D]), b = atan2(z[(i + N) * D + 1], z[(i + N) * D]);
        printf("image %d: views at %4.0f and %4.0f degrees\n", i, a * 57.29578, b * 57.29578);
    }
    return loss < first ? 0 : 1;
}
