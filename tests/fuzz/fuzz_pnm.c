/* SPDX-License-Identifier: MIT
 *
 * fuzz_pnm.c - bytes through the image reader; corpus/pnm holds files of this format.
 *
 * What is accepted has the size it says, within the limits, and every pixel can be read.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "data/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sc_image image;
    uint32_t height, width;
    simclr_error err;
    sc_image_options options = {size % 2 == 0 ? 3 : 1, true};
    if (sc_image_probe(&height, &width, data, size, "fuzz", &err) != 0 ||
        (uint64_t)height * width > 1u << 22 || /* allowed, but slow */
        sc_image_decode_with(&image, data, size, "fuzz", &options, &err) != 0) {
        return 0;
    }
    size_t n = (size_t)image.height * image.width * image.channels;
    if (n == 0 || (size_t)image.height * image.width != (size_t)height * width ||
        image.channels != (uint32_t)options.channels || !image.owned) {
        abort();
    }
    volatile unsigned sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += image.pixels[i];
    }
    (void)sum;
    sc_image_free(&image);
    return 0;
}
