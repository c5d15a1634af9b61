/* SPDX-License-Identifier: MIT
 *
 * health.c - the verdict, and its text.  The effective rank is in effective_rank.c.
 *
 * Not learning: the loss stays within 0.5 % of its range of the ceiling.  Collapsing: all z alike,
 * seen as uniformity near 0 or an effective rank near 1.  One sighting of that, or of a loss below the
 * ceiling, can be chance: it takes three in a row.
 */
#include "monitor/health.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { SIGHTINGS = 3 };

static const double ceiling_margin = 0.005;      /* of the range */
static const double collapsed_uniformity = -0.1; /* spread: about -2 at a healthy start, min -4 */
static const double collapsed_rank = 1.5;

void sc_health_init(sc_health *health, uint64_t patience)
{
    memset(health, 0, sizeof *health);
    health->patience = patience > 0 ? patience : 1;
}

double sc_health_fraction(double loss, double ceiling, double floor)
{
    double f = (ceiling - loss) / (ceiling - floor);
    if (!(f > 0)) /* also NaN */
        return 0;
    return f < 1 ? f : 1;
}

sc_health_verdict sc_health_update(sc_health *health, const sc_health_input *in)
{
    bool flat = in->uniformity > collapsed_uniformity; /* false for NaN */
    bool thin = in->effective_rank < collapsed_rank;
    bool stuck = sc_health_fraction(in->loss, in->ceiling, in->floor) < ceiling_margin;
    health->stuck = stuck ? health->stuck + 1 : 0;
    health->moving = stuck ? 0 : health->moving + 1;
    health->sunken = flat || thin ? health->sunken + 1 : 0;
    if (health->sunken >= SIGHTINGS)
        return SC_HEALTH_COLLAPSING;
    if (health->stuck >= health->patience) {
        health->learning = false;
        return SC_HEALTH_NOT_LEARNING;
    }
    if (health->moving >= SIGHTINGS)
        health->learning = true;
    return health->learning ? SC_HEALTH_LEARNING : SC_HEALTH_STARTING;
}

const char *sc_health_name(sc_health_verdict verdict)
{
    switch (verdict) {
    case SC_HEALTH_LEARNING:
        return "learning";
    case SC_HEALTH_NOT_LEARNING:
        return "not learning";
    case SC_HEALTH_COLLAPSING:
        return "collapsing";
    default:
        return "starting";
    }
}

void sc_health_text(char *out, size_t out_size, sc_health_verdict verdict,
                    const sc_health_input *in)
{
    char top1[48] = "", rank[48] = "";
    const char *advice = "";
    if (isfinite(in->top1))
        snprintf(top1, sizeof top1, ", top-1 %.0f%%", 100 * in->top1);
    if (isfinite(in->effective_rank))
        snprintf(rank, sizeof rank, ", rank %.1f", in->effective_rank);
    if (verdict == SC_HEALTH_NOT_LEARNING)
        advice = "; try another learning rate or temperature, and look at the views";
    if (verdict == SC_HEALTH_COLLAPSING)
        advice = "; all images get nearly the same z: lower the learning rate";
    snprintf(out, out_size, "%s: loss %.2f has covered %.0f%% of the range %.2f ... %.2f%s%s%s",
             sc_health_name(verdict), in->loss,
             100 * sc_health_fraction(in->loss, in->ceiling, in->floor), in->ceiling, in->floor,
             top1, rank, advice);
}
