/* SPDX-License-Identifier: MIT
 *
 * tutorial.h - what the two files that read the tutorial's YAML share.  Inside config/.
 */
#ifndef SC_CONFIG_TUTORIAL_H
#define SC_CONFIG_TUTORIAL_H

#include "config/load.h"

#define SC_TUTORIAL_KWARGS "model.kwargs." /* an open node: unknown keys below it are allowed */

typedef enum { LIT_NONE, LIT_BOOL, LIT_NUMBER, LIT_TEXT, LIT_LIST, LIT_MAP } sc_literal_kind;

typedef struct {
    sc_literal_kind kind;
    char text[SC_CONFIG_TEXT]; /* as sc_config_set takes it */
    char path[160];            /* the tutorial's name of the key */
    char where[512];           /* "file:line:column: path" */
} sc_literal;

typedef struct {
    sc_load *load;
    char dataset[64], root[SC_CONFIG_STRING];
    bool affine, decays, drops,
        scheduled; /* what the file says: affine at all, decay above 0 ... */
} sc_tutorial;

/* A key of the tutorial: our key, or a function for those that need more than a new name. */
typedef struct {
    const char *path;
    const char *target; /* our key, or NULL */
    void (*handle)(sc_tutorial *t, const sc_literal *lit);
} sc_tutorial_key;

/* NULL past the end. */
const sc_tutorial_key *sc_tutorial_key_at(size_t i);

/* "what: text" */
void sc_note(const sc_tutorial *t, const char *what, const char *text);
void sc_note_unused(const sc_tutorial *t, const sc_literal *lit, const char *why);
void sc_bad_value(sc_tutorial *t, const sc_literal *lit, const char *wrong);

#endif
