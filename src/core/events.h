/* SPDX-License-Identifier: MIT
 *
 * events.h - how a long call speaks to its caller: lines of text through a simclr_observer.
 */
#ifndef SC_CORE_EVENTS_H
#define SC_CORE_EVENTS_H

#include "core/error.h"

/* Formats one line and passes it on; an observer that is NULL or has no `message` hears nothing. */
void sc_say(const simclr_observer *observer, simclr_message_kind kind, const char *fmt, ...)
    SC_PRINTF(3, 4);

bool sc_stop_asked(const simclr_observer *observer);

#endif
