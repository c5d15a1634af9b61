/* SPDX-License-Identifier: MIT
 *
 * checkpoint.h - RUN/checkpoints/step-%08llu/: a directory written once, complete or not at all.
 *
 * .tmp-<step>-<pid>/ -> every file written and fsynced -> MANIFEST (size and SHA-256 of each file,
 * and of itself) last -> fsync of the directory -> rename -> fsync of the parent -> `last` replaced
 * -> only then old ones pruned.  A crash at any point leaves the old or the new checkpoint.
 * Equal state gives equal bytes on processors of one kind (state.json names the kernels and the precision).
 */
#ifndef SC_CHECKPOINT_CHECKPOINT_H
#define SC_CHECKPOINT_CHECKPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/fs.h"

enum { SC_CHECKPOINT_VERSION = 1, SC_CHECKPOINT_KEEP = 2 };

/* One file of a checkpoint: contents in memory, or a function that writes the file at `path`
 * (with sc_safetensors_write or any other writer of core/fs). */
typedef struct {
    const char *name; /* without '/', not starting with '.' */
    uint64_t size;    /* bytes, at most: for the check of free space */
    const void *bytes;
    int (*write)(const char *path, void *context, simclr_error *err); /* used when bytes is NULL */
    void *context;
} sc_checkpoint_file;

/* Saves step `step`, then keeps the newest `keep` (0: all).  1 instead of 0: the file system has no
 * symbolic links, so there is no `last`; nothing that reads checkpoints needs it.
 * No space: SIMCLR_E_IO naming bytes needed and free; older checkpoints stay as they were. */
int sc_checkpoint_save(const char *run, uint64_t step, const sc_checkpoint_file *files,
                       size_t count, size_t keep, simclr_error *err);

typedef struct {
    char path[SC_PATH_MAX];
    uint64_t step;
} sc_checkpoint_found;

/* Called with one line of text for each thing found wrong and what was done about it. */
typedef void (*sc_checkpoint_report)(void *context, const char *text);

/* The newest checkpoint whose MANIFEST verifies; SIMCLR_E_NOT_FOUND when there is none.  Newer ones
 * that do not verify are renamed to step-N.corrupt and reported, leftovers of a killed save are
 * removed, and `last` is made to point to what was found.  Only for the process that holds the run's
 * lock: what another one is saving would be taken for a leftover.  report may be NULL. */
int sc_checkpoint_find(sc_checkpoint_found *out, const char *run, sc_checkpoint_report report,
                       void *context, simclr_error *err);

/* The same for those who only read, while a training may be saving: nothing is changed; newer ones that
 * do not verify are passed over and reported.  SIMCLR_E_CHECKPOINT when none of them verifies.  The
 * training may prune what was found at any time: look again when it cannot be opened. */
int sc_checkpoint_look(sc_checkpoint_found *out, const char *run, sc_checkpoint_report report,
                       void *context, simclr_error *err);

/* Checks one checkpoint directory, changing nothing; SIMCLR_E_CHECKPOINT when anything differs.
 * step may be NULL. */
int sc_checkpoint_verify(const char *path, uint64_t *step, simclr_error *err);

#endif
