// SPDX-License-Identifier: GPL-2.0-only
/*
 * How much of a range of a process's private anonymous memory there is.
 *
 * Part of the kernel itself, though KVM may be a module: modules cannot walk page tables.
 */
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/pagewalk.h>
#include <linux/swap.h>
#include <linux/swapops.h>

#include "anon_range.h"

static void anon_range_add_huge(struct anon_range *range, pmd_t pmd)
{
	if (!pmd_present(pmd) || !is_huge_zero_pmd(pmd))
		range->resident += HPAGE_PMD_NR;
}

static void anon_range_add(struct anon_range *range, pte_t pte)
{
	if (pte_present(pte))
		range->resident += !is_zero_pfn(pte_pfn(pte));
	else if (is_swap_pte(pte) && !non_swap_entry(pte_to_swp_entry(pte)))
		range->swapped++;
	else if (is_swap_pte(pte) && is_migration_entry(pte_to_swp_entry(pte)))
		range->resident++;
}

static int anon_range_walk_pmd(pmd_t *pmd, unsigned long addr, unsigned long end, struct mm_walk *walk)
{
	struct anon_range *range = walk->private;
	pte_t *first, *pte;
	spinlock_t *ptl;

	ptl = pmd_trans_huge_lock(pmd, walk->vma);
	if (ptl) {
		anon_range_add_huge(range, *pmd);
		spin_unlock(ptl);
		return 0;
	}
	first = pte_offset_map_lock(walk->mm, pmd, addr, &ptl);
	if (!first) {
		walk->action = ACTION_AGAIN;
		return 0;
	}
	for (pte = first; addr < end; addr += PAGE_SIZE, pte++)
		anon_range_add(range, ptep_get(pte));
	pte_unmap_unlock(first, ptl);
	cond_resched();
	return 0;
}

static int anon_range_walk_vma(unsigned long addr, unsigned long end, struct mm_walk *walk)
{
	/* 1: not this one. */
	return !vma_is_anonymous(walk->vma);
}

static const struct mm_walk_ops anon_range_walk = {
	.pmd_entry	= anon_range_walk_pmd,
	.test_walk	= anon_range_walk_vma,
	.walk_lock	= PGWALK_RDLOCK,
};

/**
 * anon_range_count() - what there is of a range of private anonymous memory
 * @mm: the process's, with a reference to its users (mmget()); its mmap_lock is held for reading
 * @start: address; a page's, or a huge page's if there may be any
 * @end: likewise; what is mapped between these that is not anonymous is not counted
 * @range: filled in
 *
 * Context: may sleep.
 */
void anon_range_count(struct mm_struct *mm, unsigned long start, unsigned long end,
		      struct anon_range *range)
{
	mmap_assert_locked(mm);
	*range = (struct anon_range){};
	walk_page_range(mm, start, end, &anon_range_walk, range);
}
EXPORT_SYMBOL_GPL(anon_range_count);
