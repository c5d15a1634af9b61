/* SPDX-License-Identifier: MIT
 *
 * hue.c - shift of the hue as torchvision does on PIL images: RGB to HSV bytes, H + shift modulo
 * 256 (where 255 is the full circle), and back.
 *
 * v = max, s = 255 (max - min) / max, h = 255 / 6 (sector + fraction), each truncated to a byte;
 * back: p = v (1 - s), q = v (1 - s f), t = v (1 - s (1 - f)), rounded.  The loop is in
 * loops_body.h; it equals Pillow's on every RGB value (tests/golden).
 */
#include "views/ops.h"

void sc_hue(uint8_t *pixels, size_t n, double shift)
{
    uint8_t step = (uint8_t)(int)(shift * 255.0); /* truncated, then modulo 256 */
    sc_loops_here()->hue(pixels, pixels + n, pixels + 2 * n, n, step);
}
