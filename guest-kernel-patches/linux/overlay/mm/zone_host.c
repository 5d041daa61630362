// SPDX-License-Identifier: GPL-2.0-only
/*
 * The allocator's side of memory that belongs to the host; drivers/virt/vmrpc/mem.c is
 * the client that gets the memory, once, and never gives it up.
 *
 * A block is used from when it leaves the buddy allocator's free lists as a whole until it
 * has merged back.  Both happen under zone->lock, which also protects @free_blocks; the
 * block's state is changed by compare-and-swap, as the host changes it, too.
 *
 * The allocator splits pages that are larger than a block by taking them and giving back what it
 * does not need: a block that is ABSENT can become FREE so, and the host finds nothing there
 * to take.
 *
 * What the host gives holds zeros.  Until a page of such a block has come back to the allocator,
 * whatever is allocated there is as it was given, and nobody clears it again.
 */
#define pr_fmt(fmt) "zone_host: " fmt

#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/memory.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/spinlock.h>
#include <linux/suspend.h>
#include <uapi/linux/vmrpc.h>
#include "internal.h"
#include "zone_host.h"

#define ZONE_HOST_PAGES		(1ul << ZONE_HOST_ORDER)
#define ZONE_HOST_GIVE_TIME	(60 * HZ)
#define ZONE_HOST_AGE_TIME	(2 * HZ)	/* of either part */

static struct {
	unsigned long		start_pfn;	/* set once, before the memory is onlined */
	unsigned long		nr_pages;
	unsigned long		nr_blocks;
	struct vmrpc_mem_table	*table;
	u8			*states;
	unsigned long		*zero;		/* a block's bit: no page came back since it was ABSENT */
	unsigned long		free_blocks;	/* in the free lists; under zone->lock */
	bool			started;
	void			(*wait)(void);
} zone_host;

DEFINE_STATIC_KEY_FALSE(zone_host_key);

bool zone_host_has(unsigned long pfn)
{
	return pfn - zone_host.start_pfn < zone_host.nr_pages;
}

struct zone *zone_host_zone(int nid)
{
	return &NODE_DATA(nid)->node_zones[ZONE_HOST];
}

bool zone_is_host(const struct zone *zone)
{
	return zone_idx(zone) == ZONE_HOST;
}

static unsigned long zone_host_block_of(const struct page *page)
{
	return (page_to_pfn(page) - zone_host.start_pfn) >> ZONE_HOST_ORDER;
}

bool __zone_host_is_zero(const struct page *page, unsigned int order)
{
	return smp_load_acquire(&zone_host.started) && order <= ZONE_HOST_ORDER &&
	       zone_host_has(page_to_pfn(page)) && test_bit(zone_host_block_of(page), zone_host.zero);
}

/* The bit is seen to be clear by who gets the page next: a list's lock is between the two. */
static void zone_host_block_dirtied(unsigned long block)
{
	if (test_bit(block, zone_host.zero))
		clear_bit(block, zone_host.zero);
}

void __zone_host_dirtied(const struct page *page, unsigned int order)
{
	unsigned long n;

	if (!smp_load_acquire(&zone_host.started) || !zone_host_has(page_to_pfn(page)))
		return;
	for (n = 0; n < 1ul << order; n += ZONE_HOST_PAGES)
		zone_host_block_dirtied(zone_host_block_of(page + n));
}

/* The host may be dropping what the block had: then it says so, and ends before long. */
static void zone_host_block_take(unsigned long block)
{
	u8 *state = &zone_host.states[block];
	u8 old = READ_ONCE(*state);

	do {
		while (old == VMRPC_MEM_BUSY) {
			zone_host.wait();
			old = READ_ONCE(*state);
		}
	} while (!try_cmpxchg(state, &old, VMRPC_MEM_USED));
	/* What is used from the start was not given since. */
	if (old == VMRPC_MEM_ABSENT && zone_host.started)
		set_bit(block, zone_host.zero);
	zone_host.free_blocks--;
}

static void zone_host_block_free(unsigned long block)
{
	/* All that was written to the block comes before; pairs with the host's FREE -> BUSY. */
	cmpxchg(&zone_host.states[block], VMRPC_MEM_USED, VMRPC_MEM_FREE);
	zone_host.free_blocks++;
}

static void zone_host_tell_used(void)
{
	WRITE_ONCE(zone_host.table->used,
		   cpu_to_le64(zone_host.nr_blocks - zone_host.free_blocks));
}

static void zone_host_change(struct zone *zone, struct page *page, unsigned int order,
			     void (*change)(unsigned long block))
{
	unsigned long n;

	if (!zone_host.started || !zone_is_host(zone))
		return;
	lockdep_assert_held(&zone->lock);
	for (n = 0; n < 1ul << (order - ZONE_HOST_ORDER); n++)
		change(zone_host_block_of(page) + n);
	zone_host_tell_used();
}

void __zone_host_taken(struct zone *zone, struct page *page, unsigned int order)
{
	zone_host_change(zone, page, order, zone_host_block_take);
}

void __zone_host_freed(struct zone *zone, struct page *page, unsigned int order)
{
	zone_host_change(zone, page, order, zone_host_block_free);
}

/* Of the free blocks, how many the limit still allows. */
static unsigned long zone_host_allowed(unsigned long free_blocks)
{
	unsigned long limit = le64_to_cpu(READ_ONCE(zone_host.table->limit));
	unsigned long used = zone_host.nr_blocks - free_blocks;

	return limit > used ? min(limit - used, free_blocks) : 0;
}

bool __zone_host_full(const struct zone *zone)
{
	if (!zone_is_host(zone))
		return false;
	return !READ_ONCE(zone_host.started) ||
	       !zone_host_allowed(READ_ONCE(zone_host.free_blocks));
}

/* What is free in blocks that are used may be had in any case. */
unsigned long __zone_host_unusable_all(void)
{
	unsigned long free_blocks = READ_ONCE(zone_host.free_blocks);

	if (!READ_ONCE(zone_host.started))
		return zone_host.nr_pages;
	return (free_blocks - zone_host_allowed(free_blocks)) << ZONE_HOST_ORDER;
}

unsigned long __zone_host_unusable(const struct zone *zone)
{
	return zone_is_host(zone) ? __zone_host_unusable_all() : 0;
}

/* Of the block's pages, about as many are free: others may take some meanwhile. */
static unsigned long zone_host_block_free_pages(unsigned long start)
{
	unsigned long pfn = start, free_pages = 0;
	unsigned int order;
	struct page *page;

	while (pfn < start + ZONE_HOST_PAGES) {
		page = pfn_to_page(pfn);
		order = PageBuddy(page) ? min(buddy_order_unsafe(page), ZONE_HOST_ORDER) : 0;
		if (PageBuddy(page))
			free_pages += 1ul << order;
		pfn += 1ul << order;
	}
	return free_pages;
}

/*
 * Whether what is in a block, of which @free_pages are free, finds room: in other blocks that
 * are used, or in the ordinary zones, where the kernel's own memory is: a quarter stays free for that.
 */
static bool zone_host_has_room(struct zone *host, unsigned long free_pages)
{
	unsigned long needed = ZONE_HOST_PAGES - free_pages, ordinary = 0, reserve = 0;
	unsigned long others = READ_ONCE(zone_host.free_blocks) * ZONE_HOST_PAGES + free_pages;
	struct zone *zone;

	if (zone_page_state(host, NR_FREE_PAGES) >= others + needed)
		return true;
	for_each_populated_zone(zone) {
		if (zone_is_host(zone))
			continue;
		ordinary += zone_page_state(zone, NR_FREE_PAGES);
		reserve += zone_managed_pages(zone) / 4;
	}
	return ordinary >= reserve + needed;
}

/*
 * Returns 0 if the block became free, -EBUSY if it is no such block or something there cannot
 * move, -ENOMEM if there is no room for it.
 */
static int zone_host_empty_block(unsigned long n, unsigned long least_free)
{
	unsigned long pfn = zone_host.start_pfn + n * ZONE_HOST_PAGES, free_pages;
	struct zone *zone = page_zone(pfn_to_page(pfn));
	int ret;

	if (READ_ONCE(zone_host.states[n]) != VMRPC_MEM_USED)
		return -EBUSY;
	free_pages = zone_host_block_free_pages(pfn);
	if (free_pages < least_free)
		return -EBUSY;
	if (!zone_host_has_room(zone, free_pages))
		return -ENOMEM;
	ret = alloc_contig_range(pfn, pfn + ZONE_HOST_PAGES, MIGRATE_MOVABLE,
				 GFP_KERNEL | __GFP_NOWARN);
	if (ret)
		return ret;
	free_contig_range(pfn, ZONE_HOST_PAGES);
	/* None of them waits on a CPU's own list: the block is free, and not where others move to. */
	drain_all_pages(zone);
	return 0;
}

/* Until so many became free, or there is no room for what is in them, or no more time. */
static unsigned long zone_host_empty_blocks(unsigned long nr_blocks)
{
	unsigned long end = jiffies + ZONE_HOST_GIVE_TIME, least_free = ZONE_HOST_PAGES;
	unsigned long given = 0, n;
	int ret;

	do {
		least_free -= ZONE_HOST_PAGES / 4;
		for (n = zone_host.nr_blocks; n-- && given < nr_blocks; cond_resched()) {
			ret = zone_host_empty_block(n, least_free);
			if ((ret && ret != -EBUSY) || time_after(jiffies, end))
				return given;
			given += !ret;
		}
	} while (least_free && given < nr_blocks);
	return given;
}

/**
 * zone_host_give - make blocks free that are used
 * @nr_blocks: how many
 *
 * Empties those that have the fewest pages first: drops clean page cache there, and moves the rest
 * into other blocks, as far as the limit allows, and into other zones, as far as these have
 * plenty.  A page that cannot be moved now keeps its block.
 *
 * Context: process; takes up to a minute.
 * Return: how many became free; 0 as well if another call is at it.
 */
unsigned long zone_host_give(unsigned long nr_blocks)
{
	static DEFINE_MUTEX(mutex);
	unsigned long given;

	if (!READ_ONCE(zone_host.started) || !mutex_trylock(&mutex))
		return 0;
	given = zone_host_empty_blocks(nr_blocks);
	mutex_unlock(&mutex);
	return given;
}

/*
 * @change is for each block that is used, from *@next on, as long as there is time; then *@next is
 * where the next call goes on.  Returns the sum.
 */
static unsigned long zone_host_for_each_used(unsigned long *next,
					     unsigned long (*change)(unsigned long n))
{
	unsigned long end = jiffies + ZONE_HOST_AGE_TIME, sum = 0, left;

	for (left = zone_host.nr_blocks; left && !time_after(jiffies, end); left--) {
		if (READ_ONCE(zone_host.states[*next]) == VMRPC_MEM_USED)
			sum += change(*next);
		*next = (*next + 1) % zone_host.nr_blocks;
		cond_resched();
	}
	return sum;
}

static unsigned long zone_host_age_one(unsigned long n)
{
	return zone_host_age_block(zone_host.start_pfn + n * ZONE_HOST_PAGES);
}

static unsigned long zone_host_empty_sparse(unsigned long n)
{
	return !zone_host_empty_block(n, ZONE_HOST_PAGES / 4 * 3);
}

static unsigned long zone_host_age_all(void)
{
	static unsigned long next_age, next_sparse;
	unsigned long dropped = zone_host_for_each_used(&next_age, zone_host_age_one);

	drain_all_pages(page_zone(pfn_to_page(zone_host.start_pfn)));
	zone_host_for_each_used(&next_sparse, zone_host_empty_sparse);
	return dropped;
}

/**
 * zone_host_age - drop page cache that is not used
 * @ms: for about so long
 *
 * Drops what is clean page cache and was not used since the last call, and empties the blocks of
 * which three quarters are free then, as zone_host_give() does.  A call that comes too early,
 * after less than half of @ms, does nothing: what is used would not have been, yet.
 *
 * Context: process; takes up to some seconds, and the next call goes on where there was no more time.
 * Return: how many pages were dropped; 0 as well if another call is at it.
 */
unsigned long zone_host_age(unsigned int ms)
{
	static DEFINE_MUTEX(mutex);
	static unsigned long last;
	unsigned long dropped = 0;

	if (!READ_ONCE(zone_host.started) || !mutex_trylock(&mutex))
		return 0;
	if (!last || time_after(jiffies, last + msecs_to_jiffies(ms / 2))) {
		last = jiffies;
		dropped = zone_host_age_all();
	}
	mutex_unlock(&mutex);
	return dropped;
}

/*
 * Memory at @start_pfn, of whole memory blocks, that is put online later goes to ZONE_HOST,
 * and nothing is allocated from there before zone_host_start().
 */
void __init zone_host_reserve(unsigned long start_pfn, unsigned long nr_pages)
{
	zone_host.start_pfn = start_pfn;
	zone_host.nr_pages = nr_pages;
	zone_host.nr_blocks = nr_pages >> ZONE_HOST_ORDER;
	static_branch_enable(&zone_host_key);
}

/* A block's pages are free as one page, or as a part of a larger one. */
static bool __init zone_host_block_is_free(unsigned long pfn)
{
	unsigned int order;
	struct page *page;

	for (order = ZONE_HOST_ORDER; order <= MAX_PAGE_ORDER; order++) {
		page = pfn_to_page(pfn & ~((1ul << order) - 1));
		if (PageBuddy(page) && buddy_order(page) >= order)
			return true;
	}
	return false;
}

/*
 * What was written to free pages as they were put online (init_on_free) has given the block
 * memory, which the host takes back from FREE blocks only.
 */
static void __init zone_host_block_start(unsigned long n)
{
	bool is_free = zone_host_block_is_free(zone_host.start_pfn + (n << ZONE_HOST_ORDER));

	if (is_free && !want_init_on_free())
		return;
	zone_host_block_take(n);
	if (is_free)
		zone_host_block_free(n);
}

static int zone_host_memory_notify(struct notifier_block *nb, unsigned long action, void *data)
{
	const struct memory_notify *arg = data;

	if (action != MEM_GOING_OFFLINE || !zone_host_has(arg->start_pfn))
		return NOTIFY_DONE;
	pr_info("this memory cannot be put offline: set a limit in the host\n");
	return notifier_from_errno(-EBUSY);
}

/* The image of a hibernation would not have the states. */
static int zone_host_pm_notify(struct notifier_block *nb, unsigned long action, void *data)
{
	if (action != PM_HIBERNATION_PREPARE)
		return NOTIFY_DONE;
	pr_info("no hibernation with memory of the host's: boot without vmrpc.outsource=mem\n");
	return notifier_from_errno(-EBUSY);
}

static struct notifier_block zone_host_pm_nb = { .notifier_call = zone_host_pm_notify };

static struct notifier_block zone_host_memory_nb = { .notifier_call = zone_host_memory_notify };

/*
 * The memory is online: begins to use it.  @wait is called with zone->lock held, for a block
 * that the host is busy with, and may return at any time.
 */
int __init zone_host_start(struct vmrpc_mem_table *table, void (*wait)(void))
{
	struct zone *zone = page_zone(pfn_to_page(zone_host.start_pfn));
	unsigned long flags, n;

	if (!zone_is_host(zone))
		return -EINVAL;
	zone_host.zero = kvcalloc(BITS_TO_LONGS(zone_host.nr_blocks), sizeof(long), GFP_KERNEL);
	if (!zone_host.zero)
		return -ENOMEM;
	zone_host.table = table;
	zone_host.states = (u8 *)(table + 1);
	zone_host.wait = wait;

	spin_lock_irqsave(&zone->lock, flags);
	zone_host.free_blocks = zone_host.nr_blocks;
	for (n = 0; n < zone_host.nr_blocks; n++)
		zone_host_block_start(n);
	zone_host_tell_used();
	/* What others read without the lock comes before. */
	smp_store_release(&zone_host.started, true);
	spin_unlock_irqrestore(&zone->lock, flags);
	register_pm_notifier(&zone_host_pm_nb);
	return register_memory_notifier(&zone_host_memory_nb);
}
