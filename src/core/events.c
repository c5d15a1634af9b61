/* SPDX-License-Identifier: MIT
 *
 * events.c - lines of text to the caller's observer.
 */
#include "core/events.h"

#include <stdarg.h>
#include <stdio.h>

void sc_say(const simclr_observer *observer, simclr_message_kind kind, const char *fmt, ...)
{
    if (observer == NULL || observer->message == NULL)
        return;
    char line[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    observer->message(observer->context, kind, line);
}

bool sc_stop_asked(const simclr_observer *observer)
{
    return observer != NULL && observer->stop != NULL && observer->stop(observer->context);
}
