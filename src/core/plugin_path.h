/* SPDX-License-Identifier: MIT
 *
 * plugin_path.h - where the program's plug-ins are.
 */
#ifndef SC_CORE_PLUGIN_PATH_H
#define SC_CORE_PLUGIN_PATH_H

#include "core/fs.h"

/* Path of the plug-in `name` ("libsimclr_cuda.so"): in the directory of the program or of libsimclr.so,
 * which in a build is that of the plug-ins; else ../lib from there; else its bare name, for the system's
 * search. */
void sc_plugin_path(char out[SC_PATH_MAX], const char *name);

#endif
