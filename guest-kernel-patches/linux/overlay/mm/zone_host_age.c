// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page cache in ZONE_HOST that nobody uses.  A page's idle flag is set here and cleared by whoever reads
 * or writes its file; of who maps it the accessed bits tell.
 */
#include <linux/mm.h>
#include <linux/mm_inline.h>
#include <linux/page_idle.h>
#include <linux/rmap.h>
#include "internal.h"
#include "zone_host.h"

/* A page in the LRU lists, with a reference; or NULL. */
static struct folio *zone_host_get_folio(unsigned long pfn)
{
	struct page *page = pfn_to_page(pfn);
	struct folio *folio = page_folio(page);

	if (!folio_test_lru(folio) || !folio_try_get(folio))
		return NULL;
	if (page_folio(page) == folio && folio_test_lru(folio))
		return folio;
	folio_put(folio);
	return NULL;
}

/* Memory of processes and of tmpfs is not: who can bring that back is the host. */
static bool zone_host_is_clean_cache(struct folio *folio)
{
	return folio_is_file_lru(folio) && !folio_test_anon(folio) && !folio_test_dirty(folio) &&
	       !folio_test_writeback(folio) && !folio_test_unevictable(folio);
}

/* Since this was asked for the last time. */
static bool zone_host_was_used(struct folio *folio)
{
	unsigned long vm_flags;
	bool mapped = folio_referenced(folio, 0, NULL, &vm_flags);

	if (!mapped && folio_test_idle(folio))
		return false;
	/* What the accessed bits said reclaim would not see any more. */
	if (mapped)
		folio_set_referenced(folio);
	folio_set_idle(folio);
	return true;
}

/*
 * Drops what is clean page cache in a block and was not used since the last time; returns how many
 * pages.
 */
unsigned long zone_host_age_block(unsigned long pfn)
{
	unsigned long end = pfn + (1ul << ZONE_HOST_ORDER);
	LIST_HEAD(idle);

	while (pfn < end) {
		struct folio *folio = zone_host_get_folio(pfn);

		if (!folio) {
			pfn++;
			continue;
		}
		pfn = folio_pfn(folio) + folio_nr_pages(folio);
		if (zone_host_is_clean_cache(folio) && !zone_host_was_used(folio) &&
		    folio_isolate_lru(folio))
			list_add(&folio->lru, &idle);
		folio_put(folio);
	}
	return reclaim_pages(&idle);
}
