/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the page allocator asks and tells ZONE_HOST: compiled away without CONFIG_ZONE_HOST,
 * and skipped until zone_host_reserve().
 */
#ifndef _MM_ZONE_HOST_H
#define _MM_ZONE_HOST_H

#include <linux/jump_label.h>
#include <linux/mmzone.h>

/* Pages that wait on a CPU's own lists keep their blocks from the host: few of them. */
#define ZONE_HOST_PCP_BATCHES	4

#ifdef CONFIG_ZONE_HOST

#define ZONE_HOST_ORDER		(21 - PAGE_SHIFT)	/* of a block */

DECLARE_STATIC_KEY_FALSE(zone_host_key);

bool zone_host_has(unsigned long pfn);
struct zone *zone_host_zone(int nid);
bool zone_is_host(const struct zone *zone);

void __zone_host_taken(struct zone *zone, struct page *page, unsigned int order);
void __zone_host_freed(struct zone *zone, struct page *page, unsigned int order);
bool __zone_host_full(const struct zone *zone);
unsigned long __zone_host_unusable(const struct zone *zone);
unsigned long __zone_host_unusable_all(void);
bool __zone_host_is_zero(const struct page *page, unsigned int order);
void __zone_host_dirtied(const struct page *page, unsigned int order);

/* zone_host_age.c */
unsigned long zone_host_age_block(unsigned long pfn);

/* A free page leaves its list, under zone->lock: whole blocks begin to be used. */
static inline void zone_host_taken(struct zone *zone, struct page *page, unsigned int order)
{
	if (order >= ZONE_HOST_ORDER && static_branch_unlikely(&zone_host_key))
		__zone_host_taken(zone, page, order);
}

/* A free page has come on a list, under zone->lock: whole blocks are not used any more. */
static inline void zone_host_freed(struct zone *zone, struct page *page, unsigned int order)
{
	if (order >= ZONE_HOST_ORDER && static_branch_unlikely(&zone_host_key))
		__zone_host_freed(zone, page, order);
}

/* The host's limit keeps free pages of @order, and all larger ones, from use. */
static inline bool zone_host_full(const struct zone *zone, unsigned int order)
{
	return order >= ZONE_HOST_ORDER && static_branch_unlikely(&zone_host_key) &&
	       __zone_host_full(zone);
}

/* Free pages of the zone that the limit keeps from use. */
static inline unsigned long zone_host_unusable(const struct zone *zone)
{
	return static_branch_unlikely(&zone_host_key) ? __zone_host_unusable(zone) : 0;
}

/* The same, of all zones. */
static inline unsigned long zone_host_unusable_all(void)
{
	return static_branch_unlikely(&zone_host_key) ? __zone_host_unusable_all() : 0;
}

/* Pages that were just allocated hold zeros, as the host gave them. */
static inline bool zone_host_is_zero(const struct page *page, unsigned int order)
{
	return static_branch_unlikely(&zone_host_key) && __zone_host_is_zero(page, order);
}

/* Pages come back to the allocator, before they are on any list, with whatever is in them. */
static inline void zone_host_dirtied(const struct page *page, unsigned int order)
{
	if (static_branch_unlikely(&zone_host_key))
		__zone_host_dirtied(page, order);
}

#else

static inline bool zone_host_has(unsigned long pfn)
{
	return false;
}

static inline struct zone *zone_host_zone(int nid)
{
	return NULL;
}

static inline bool zone_is_host(const struct zone *zone)
{
	return false;
}

static inline void zone_host_taken(struct zone *zone, struct page *page, unsigned int order)
{
}

static inline void zone_host_freed(struct zone *zone, struct page *page, unsigned int order)
{
}

static inline bool zone_host_full(const struct zone *zone, unsigned int order)
{
	return false;
}

static inline unsigned long zone_host_unusable(const struct zone *zone)
{
	return 0;
}

static inline unsigned long zone_host_unusable_all(void)
{
	return 0;
}

static inline bool zone_host_is_zero(const struct page *page, unsigned int order)
{
	return false;
}

static inline void zone_host_dirtied(const struct page *page, unsigned int order)
{
}

#endif

#endif /* _MM_ZONE_HOST_H */
