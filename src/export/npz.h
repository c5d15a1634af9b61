/* SPDX-License-Identifier: MIT
 *
 * npz.h - named arrays in one file for numpy.load: a ZIP archive of .npy files.
 *
 * The settings that make a function of the weights are the archive's comment, a JSON object of strings: a member
 * would come up among the arrays.
 */
#ifndef SC_EXPORT_NPZ_H
#define SC_EXPORT_NPZ_H

#include "checkpoint/safetensors.h"

/* Writes all tensors, F32 or I64 of at most 4 dimensions, atomically and in their order. */
int sc_npz_write(const char *path, const sc_tensor_desc *list, size_t count,
                 const sc_string_pair *metadata, size_t metadata_count, simclr_error *err);

#endif
