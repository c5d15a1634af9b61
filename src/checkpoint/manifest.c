/* SPDX-License-Identifier: MIT
 *
 * manifest.c - makes and checks the MANIFEST of a checkpoint.
 *
 * The text is accepted only when it is byte for byte what this program would write, so that any
 * flipped bit shows: either in a file's digest, or in the digest of the manifest itself.
 */
#define _DEFAULT_SOURCE
#include "checkpoint/manifest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "checkpoint/checkpoint.h"
#include "core/alloc.h"
#include "core/fs.h"
#include "core/sha256.h"

enum { LINE_MAX_BYTES = 512, MANIFEST_MAX = 1 << 20, NAME_MAX_BYTES = 200 };

static const char first_line[] = "simclr-checkpoint ";

static int file_facts(char hex[SC_SHA256_HEX], uint64_t *size, const char *dir, const char *name,
                      simclr_error *err)
{
    char path[SC_PATH_MAX];
    struct stat st;
    int rc = sc_path_join(path, dir, name, err);
    if (rc < 0)
        return rc;
    if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return sc_fail(err, SIMCLR_E_CHECKPOINT, "%s: the file is missing", path);
    *size = (uint64_t)st.st_size;
    return sc_sha256_file(hex, path, err);
}

int sc_manifest_make(char **text, const char *dir, uint64_t step, const char *const *names,
                     size_t count, simclr_error *err)
{
    char hex[SC_SHA256_HEX];
    uint64_t size;
    size_t room = (count + 3) * LINE_MAX_BYTES;
    char *out = sc_alloc(room, 1, err);
    *text = NULL;
    if (out == NULL)
        return SIMCLR_E_MEMORY;
    size_t used = (size_t)snprintf(out, room, "%s%d\nstep %" PRIu64 "\n", first_line,
                                   SC_CHECKPOINT_VERSION, step);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = strlen(names[i]) <= NAME_MAX_BYTES
                 ? file_facts(hex, &size, dir, names[i], err)
                 : sc_fail(err, SIMCLR_E_INTERNAL, "%s: the name is too long", names[i]);
        if (rc == 0)
            used += (size_t)snprintf(out + used, room - used, "%s %" PRIu64 " %s\n", hex, size,
                                     names[i]);
    }
    if (rc == 0)
        rc = sc_sha256(hex, out, used, err);
    if (rc < 0) {
        sc_free(out);
        return rc;
    }
    snprintf(out + used, room - used, "end %s\n", hex);
    *text = out;
    return 0;
}

static int bad(const char *dir, const char *fact, simclr_error *err)
{
    return sc_fail(err, SIMCLR_E_CHECKPOINT, "%s: %s", dir, fact);
}

/* "<sha256> <size> <name>"; the line is cut apart in place. */
static int verify_line(char *line, const char *dir, simclr_error *err)
{
    char hex[SC_SHA256_HEX];
    char *space = strchr(line, ' ');
    char *name = space ? strchr(space + 1, ' ') : NULL;
    if (name == NULL || space - line != SC_SHA256_HEX - 1 || strchr(name + 1, '/') ||
        name[1] == '.' || name[1] == '\0')
        return bad(dir, "MANIFEST has a line that makes no sense", err);
    *space = '\0';
    *name++ = '\0';
    uint64_t size, listed = strtoull(space + 1, NULL, 10);
    int rc = file_facts(hex, &size, dir, name, err);
    if (rc < 0)
        return rc;
    if (size != listed)
        return sc_fail(err, SIMCLR_E_CHECKPOINT,
                       "%s/%s: %" PRIu64 " bytes instead of %" PRIu64 "; the file is damaged", dir,
                       name, size, listed);
    if (strcmp(hex, line) != 0)
        return sc_fail(err, SIMCLR_E_CHECKPOINT,
                       "%s/%s: contents differ from the SHA-256 in MANIFEST; the file is damaged",
                       dir, name);
    return 0;
}

/* Checks the last line against all before it and cuts it off. */
static int check_end(char *text, size_t size, const char *dir, simclr_error *err)
{
    enum { END_LINE = 4 + SC_SHA256_HEX }; /* "end ", digits, newline */
    char hex[SC_SHA256_HEX];
    if (size < END_LINE || memchr(text, '\0', size) != NULL || text[size - 1] != '\n')
        return bad(dir, "MANIFEST is cut short or damaged", err);
    char *end = text + size - END_LINE;
    int rc = sc_sha256(hex, text, (size_t)(end - text), err);
    if (rc < 0)
        return rc;
    if (memcmp(end, "end ", 4) != 0 || memcmp(end + 4, hex, SC_SHA256_HEX - 1) != 0)
        return bad(dir, "MANIFEST is cut short or damaged", err);
    *end = '\0';
    return 0;
}

static int verify_text(char *text, size_t size, const char *dir, uint64_t *step, simclr_error *err)
{
    int rc = 0;
    const size_t tag = sizeof first_line - 1;
    if (size > tag && memcmp(text, first_line, tag) == 0 &&
        strtol(text + tag, NULL, 10) > SC_CHECKPOINT_VERSION &&
        check_end(text, size, dir, NULL) == 0)
        return bad(dir, "written by a newer version of simclr; use that version", err);
    rc = check_end(text, size, dir, err);
    if (rc < 0)
        return rc;
    char *line = text, *next;
    for (int number = 0; (next = strchr(line, '\n')) != NULL; line = next + 1, number++) {
        *next = '\0';
        if (number == 0 && strncmp(line, first_line, tag) != 0)
            rc = bad(dir, "MANIFEST is not one of simclr's", err);
        else if (number == 1 && strncmp(line, "step ", 5) != 0)
            rc = bad(dir, "MANIFEST does not tell the step", err);
        else if (number == 1)
            *step = strtoull(line + 5, NULL, 10);
        else if (number > 1)
            rc = verify_line(line, dir, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int sc_manifest_verify(const char *dir, uint64_t *step, simclr_error *err)
{
    char path[SC_PATH_MAX];
    void *text;
    size_t size;
    int rc = sc_path_join(path, dir, "MANIFEST", err);
    if (rc < 0)
        return rc;
    rc = sc_fs_read(&text, &size, path, MANIFEST_MAX, err);
    if (rc == SIMCLR_E_NOT_FOUND)
        return bad(dir, "there is no MANIFEST", err);
    if (rc < 0)
        return rc;
    *step = 0;
    rc = verify_text(text, size, dir, step, err);
    sc_free(text);
    return rc;
}
