/* SPDX-License-Identifier: MIT
 *
 * tfevents_event.h - what tfevents.c and tfevents_hparams.c share; for no other file, since it
 * shows the generated types.
 */
#ifndef SC_MONITOR_TFEVENTS_EVENT_H
#define SC_MONITOR_TFEVENTS_EVENT_H

#include "monitor/tfevents.h"
#include "tensorboard.pb-c.h"

/* Stamps the time, packs, frames and appends. */
int sc_tfevents_put(sc_tfevents *events, Tb__Event *event, simclr_error *err);
int sc_tfevents_put_value(sc_tfevents *events, Tb__Summary__Value *value, uint64_t step,
                          simclr_error *err);
double sc_tfevents_now(const sc_tfevents *events);

/* protobuf-c's structs hold char * even for packing, which only reads. */
static inline char *sc_tfevents_mutable(const char *text)
{
    return (char *)(uintptr_t)text;
}

#endif
