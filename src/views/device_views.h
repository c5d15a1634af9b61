/* SPDX-License-Identifier: MIT
 *
 * device_views.h - views as a device makes them (backend/device.h).
 */
#ifndef SC_VIEWS_DEVICE_VIEWS_H
#define SC_VIEWS_DEVICE_VIEWS_H

#include "backend/device.h"
#include "views/views.h"

void sc_views_describe(sc_device_views *out, const sc_views *views);
/* View `view` (0, 1) as drawn, of an image of height x width that begins at `pixels` of the store. */
void sc_view_describe(sc_device_view *out, const sc_view_params *params, int view, uint64_t pixels,
                      uint32_t height, uint32_t width);

#endif
