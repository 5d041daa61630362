// SPDX-License-Identifier: GPL-2.0-only
/* See latency.h. */
#include "latency.h"

static int compare(gconstpointer a, gconstpointer b)
{
	gint64 x = *(const gint64 *)a, y = *(const gint64 *)b;

	return (x > y) - (x < y);
}

/* The smallest sample that at least @percent of all do not exceed. */
static gint64 percentile(const GArray *sorted, guint percent)
{
	guint rank = ((guint64)sorted->len * percent + 99) / 100;

	return g_array_index(sorted, gint64, MAX(rank, 1) - 1);
}

struct latency latency_summary(GArray *samples)
{
	if (!samples->len)
		return (struct latency) {};

	g_array_sort(samples, compare);
	return (struct latency) {
		.min = percentile(samples, 0),
		.p50 = percentile(samples, 50),
		.p90 = percentile(samples, 90),
		.p99 = percentile(samples, 99),
		.max = percentile(samples, 100),
	};
}
