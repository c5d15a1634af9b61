/* SPDX-License-Identifier: MIT
 *
 * ram.h - how much memory the system grants this process: the machine's, or a container's.
 */
#ifndef SC_CORE_RAM_H
#define SC_CORE_RAM_H

#include <stddef.h>

/* Bytes; 0: the system does not say. */
typedef struct {
    size_t total;
    size_t free; /* what can be had without others losing theirs; file caches give way */
} sc_ram;

sc_ram sc_ram_here(void);
/* Testing: as /proc and /sys below `root` have it. */
sc_ram sc_ram_below(const char *root);

#endif
