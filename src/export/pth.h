/* SPDX-License-Identifier: MIT
 *
 * pth.h - a state_dict for torch.load(path, weights_only=True): what torch.save writes since PyTorch 1.6.
 *
 *   archive/data.pkl      a pickle of the dict, in which a tensor is a view of storage number k
 *   archive/byteorder     "little"
 *   archive/data/k        the bytes of storage k
 *   archive/version       "3\n"
 *
 * The settings that make a function of the weights are the attribute `metadata` of the dict, a dict of strings:
 * load_state_dict takes no notice of it, as of `_metadata`, which torch.save itself attaches there.
 */
#ifndef SC_EXPORT_PTH_H
#define SC_EXPORT_PTH_H

#include "checkpoint/safetensors.h"

/* Writes all tensors, F32 or I64, atomically and in their order. */
int sc_pth_write(const char *path, const sc_tensor_desc *list, size_t count,
                 const sc_string_pair *metadata, size_t metadata_count, simclr_error *err);

#endif
