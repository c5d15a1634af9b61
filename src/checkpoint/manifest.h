/* SPDX-License-Identifier: MIT
 *
 * manifest.h - the list of a checkpoint's files, with sizes and SHA-256, and of its own text.
 *
 *     simclr-checkpoint 1
 *     step 120
 *     <sha256> <size> <name>        one line a file, in the order given
 *     end <sha256 of everything above>
 */
#ifndef SC_CHECKPOINT_MANIFEST_H
#define SC_CHECKPOINT_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

/* Text of the manifest for the files `names` of directory `dir`; the caller's, sc_free. */
int sc_manifest_make(char **text, const char *dir, uint64_t step, const char *const *names,
                     size_t count, simclr_error *err);

/* Checks every file of `dir` against DIR/MANIFEST; SIMCLR_E_CHECKPOINT when anything differs. */
int sc_manifest_verify(const char *dir, uint64_t *step, simclr_error *err);

#endif
