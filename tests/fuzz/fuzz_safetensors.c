/* SPDX-License-Identifier: MIT
 *
 * fuzz_safetensors.c - any bytes as a safetensors file; reads every byte of every tensor found, and the
 * settings.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "train/metadata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Keeps the reading of every byte: a size beyond the file shows under ASan. */
static volatile unsigned sink;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    simclr_error err;
    sc_safetensors *st;
    if (sc_safetensors_parse(&st, data, size, "fuzz", &err) < 0)
        return 0;
    unsigned sum = 0;
    for (size_t i = 0; i < sc_safetensors_count(st); i++) {
        const sc_tensor_desc *t = sc_safetensors_at(st, i);
        for (size_t k = 0; k < t->size; k++)
            sum += ((const unsigned char *)t->data)[k];
    }
    sink = sum;
    for (int projector = 0; projector < 2; projector++) {
        sc_config cfg;
        sc_config_default(&cfg);
        if (sc_metadata_read(&cfg, st, "fuzz", projector != 0, NULL, &err) == 0 &&
            sc_config_check(&cfg, &err) < 0)
            abort(); /* what was taken over is sound, where nothing else was given */
    }
    sc_safetensors_close(st);
    return 0;
}
