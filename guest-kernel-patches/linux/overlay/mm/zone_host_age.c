// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page cache in ZONE_HOST that nobody uses: DAMON's operations on physical memory tell which that is,
 * by the idle flags of pages and the accessed bits of who maps them, and drop it.  None of DAMON's
 * threads runs: the host says when to look.
 */
#include <linux/damon.h>
#include <linux/mm.h>
#include "zone_host.h"

static struct damon_ctx *zone_host_damon;
static struct damos *zone_host_damos;

static struct damos *zone_host_age_new_scheme(void)
{
	struct damos_access_pattern any = { .max_sz_region = ULONG_MAX };
	struct damos_quota no_quota = {};
	struct damos_watermarks always = { .metric = DAMOS_WMARK_NONE };
	struct damos *scheme = damon_new_scheme(&any, DAMOS_PAGEOUT, 0, &no_quota, &always,
						NUMA_NO_NODE);
	struct damos_filter *anon;

	if (!scheme)
		return NULL;
	/* What is swapped is swapped once, by the host. */
	anon = damos_new_filter(DAMOS_FILTER_TYPE_ANON, true);
	if (!anon) {
		damon_destroy_scheme(scheme);
		return NULL;
	}
	damos_add_filter(scheme, anon);
	return scheme;
}

/* Before anything else here; may be called again. */
int zone_host_age_start(void)
{
	if (zone_host_damos)
		return 0;
	if (!zone_host_damon)
		zone_host_damon = damon_new_ctx();
	if (!zone_host_damon)
		return -ENOMEM;
	if (damon_select_ops(zone_host_damon, DAMON_OPS_PADDR))
		return -ENOSYS;
	zone_host_damos = zone_host_age_new_scheme();
	return zone_host_damos ? 0 : -ENOMEM;
}

/*
 * Drops what is clean page cache in a block and was not used since the last time.  Returns how many
 * pages.  One at a time.
 */
unsigned long zone_host_age_block(unsigned long pfn)
{
	struct damon_region block = {
		.ar = { .start = PFN_PHYS(pfn), .end = PFN_PHYS(pfn + (1ul << ZONE_HOST_ORDER)) },
	};

	return zone_host_damon->ops.apply_scheme(zone_host_damon, NULL, &block,
						 zone_host_damos) >> PAGE_SHIFT;
}
