/* SPDX-License-Identifier: MIT
 *
 * replay_main.c - main of a fuzz target without libFuzzer: runs every file of the directories and
 * files given, so that the corpus is an ordinary test with any compiler, and AFL++'s @@ works.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/alloc.h"
#include "core/fs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path)
{
    simclr_error err;
    void *data;
    size_t size;

    if (sc_fs_read(&data, &size, path, (size_t)1 << 28, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return -1;
    }
    LLVMFuzzerTestOneInput(data, size);
    sc_free(data);
    return 0;
}

int main(int argc, char **argv)
{
    simclr_error err;
    size_t count = 0;

    for (int i = 1; i < argc; i++) {
        if (!sc_fs_is_dir(argv[i])) {
            if (replay(argv[i]) < 0)
                return 1;
            count++;
            continue;
        }
        sc_fs_list list;
        if (sc_fs_list_dir(&list, argv[i], &err) < 0) {
            fprintf(stderr, "%s\n", err.text);
            return 1;
        }
        for (size_t j = 0; j < list.count; j++) {
            char path[SC_PATH_MAX];
            if (sc_path_join(path, argv[i], list.name[j], &err) < 0 || replay(path) < 0)
                return 1;
            count++;
        }
        sc_fs_list_free(&list);
    }
    /* The empty input is in every corpus. */
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    printf("%zu files replayed\n", count);
    if (count == 0)
        printf("*** SKIPPED: the corpus is empty ***\n");
    return count == 0 ? 77 : 0;
}
