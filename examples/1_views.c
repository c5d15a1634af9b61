/* SPDX-License-Identifier: MIT
 *
 * Part 1: two views of an image.
 *
 *     image -> (x_1, x_2)
 *
 * An image becomes two by random crop, flip, colour jitter, grayscale and blur.  Whatever both have in
 * common is what the encoder is to find.  The random numbers are a function of (seed, epoch, image,
 * view), so the same call gives the same pixels again.
 */
#include <simclr.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 4, SIDE = 32, PIXELS = SIDE * SIDE * 3 };

static int fail(const simclr_error *err)
{
    fprintf(stderr, "1_views: %s\n", err->text);
    return 1;
}

int main(void)
{
    simclr_error err = {0};
    simclr_config *config;
    simclr_dataset *shapes;
    const uint32_t index[N] = {0, 1, 2, 3};
    static float x[2 * N * PIXELS], again[2 * N * PIXELS], later[2 * N * PIXELS];

    if (simclr_config_new(&config, &err) < 0 ||
        simclr_dataset_open(&shapes, "shapes", "train", config, &err) < 0)
        return fail(&err);

    /* x (2N, H, W, C): rows 0..3 are view 1 of the images, rows 4..7 view 2. */
    if (simclr_views_make(x, shapes, index, N, 0, config, &err) < 0 ||
        simclr_views_make(again, shapes, index, N, 0, config, &err) < 0 ||
        simclr_views_make(later, shapes, index, N, 1, config, &err) < 0)
        return fail(&err);

    printf("x: %d views of %dx%d, row i and row i+%d show the same image\n", 2 * N, SIDE, SIDE, N);
    printf("same epoch, same pixels: %s\n", memcmp(x, again, sizeof x) == 0 ? "yes" : "NO");
    printf("next epoch, other views: %s\n", memcmp(x, later, sizeof x) != 0 ? "yes" : "NO");
    if (simclr_views_sheet("1_views.png", shapes, 8, config, &err) < 0)
        return fail(&err);
    printf("1_views.png: each image, then its two views\n");

    bool ok = memcmp(x, again, sizeof x) == 0 && memcmp(x, later, sizeof x) != 0;
    simclr_dataset_close(shapes);
    simclr_config_free(config);
    return ok ? 0 : 1;
}
