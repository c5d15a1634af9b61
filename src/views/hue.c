/* SPDX-License-Identifier: MIT
 *
 * hue.c - shift of the hue as torchvision does on PIL images: RGB to HSV bytes, H + shift modulo
 * 256 (where 255 is the full circle), and back.
 *
 * v = max, s = 255 (max - min) / max, h = 255 / 6 (sector + fraction), each truncated to a byte;
 * back: p = v (1 - s), q = v (1 - s f), t = v (1 - s (1 - f)), rounded.  The conversions are in
 * loops_body.h; they equal Pillow's on every RGB value (tests/golden).
 */
#include "views/loops.h"
#include "views/ops.h"

void sc_hue(uint8_t *pixels, size_t n, double shift)
{
    const sc_loops *loops = sc_loops_here();
    sc_hsv_block block;
    uint8_t step = (uint8_t)(int)(shift * 255.0); /* truncated, then modulo 256 */
    for (size_t at = 0; at < n; at += SC_HSV_BLOCK) {
        size_t m = n - at < SC_HSV_BLOCK ? n - at : SC_HSV_BLOCK;
        uint8_t *r = pixels + at, *g = r + n, *b = g + n;
        loops->to_hsv(&block, r, g, b, m);
        for (size_t i = 0; i < m; i++) {
            block.h[i] = (uint8_t)(block.h[i] + step);
        }
        loops->from_hsv(r, g, b, &block, m);
    }
}
