/* SPDX-License-Identifier: GPL-2.0-only */
/* Percentiles of the times that calls took. */
#ifndef VMRPC_LATENCY_H
#define VMRPC_LATENCY_H

#include <glib.h>

struct latency {
	gint64 min, p50, p90, p99, max;
};

/* Sorts @samples, of gint64; by nearest rank, so that each figure is one that was seen. */
struct latency latency_summary(GArray *samples);

#endif /* VMRPC_LATENCY_H */
