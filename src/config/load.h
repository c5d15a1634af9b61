/* SPDX-License-Identifier: MIT
 *
 * load.h - what reading our files and the tutorial's share.  Inside config/.
 */
#ifndef SC_CONFIG_LOAD_H
#define SC_CONFIG_LOAD_H

#include "config/config.h"
#include "config/value.h"
#include "config/yaml.h"

typedef struct {
    sc_config *cfg;
    const char *name; /* of the file */
    bool as_shipped;
    sc_config_note_fn note; /* may be NULL */
    void *context;
    simclr_error found; /* all errors */
} sc_load;

/* A list as "[a, b]"; false if it is too long or holds lists or maps. */
bool sc_load_list_text(char *out, size_t out_size, const sc_yaml *list);
/* Sets a key; a failure is added to load->found. */
void sc_load_set(sc_load *load, const char *key, const char *value, const char *where);
/* "name:line:column" */
void sc_load_where(char *out, size_t out_size, const sc_load *load, const sc_yaml *node);

bool sc_tutorial_recognise(const sc_yaml *root);
void sc_tutorial_load(sc_load *load, const sc_yaml *root);

#endif
