/* SPDX-License-Identifier: MIT
 *
 * fuzz_npy.c - any bytes as a .npy file; an accepted header must describe bytes that are there.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "export/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    simclr_error err;
    sc_npy_header h;
    if (sc_npy_parse(&h, data, size, "fuzz", &err) == 0 && h.offset + h.size != size)
        abort();
    return 0;
}
