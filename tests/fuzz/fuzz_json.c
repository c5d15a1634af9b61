/* SPDX-License-Identifier: MIT
 *
 * fuzz_json.c - what is accepted comes out of dump and parse again as the same text.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    simclr_error err;
    sc_json *json, *again;
    char *text, *second;

    if (sc_json_parse(&json, (const char *)data, size, "fuzz", &err) < 0) {
        if (err.code != SIMCLR_E_FORMAT)
            abort();
        return 0;
    }
    if (sc_json_dump(&text, json, size % 2, &err) < 0 ||
        sc_json_parse(&again, text, strlen(text), "dump", &err) < 0 ||
        sc_json_dump(&second, again, size % 2, &err) < 0 || strcmp(text, second) != 0)
        abort();
    sc_free(text);
    sc_free(second);
    sc_json_free(json);
    sc_json_free(again);
    return 0;
}
