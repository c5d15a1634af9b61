/* SPDX-License-Identifier: MIT
 *
 * fuzz_json.c - any bytes as JSON; what was read must survive being written and read again.
 */
#include <stddef.h>
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
    char *text;
    if (sc_json_parse(&json, (const char *)data, size, "fuzz", &err) < 0)
        return 0;
    if (sc_json_dump(&text, json, false, &err) == 0) {
        if (sc_json_parse(&again, text, strlen(text), "again", &err) < 0)
            abort();
        sc_json_free(again);
        sc_free(text);
    }
    sc_json_free(json);
    return 0;
}
