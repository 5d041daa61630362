// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ranges of a process's private anonymous memory, that a guest has: dropped, and counted.
 *
 * Part of the kernel itself, though KVM may be a module: modules can neither walk page tables nor lock
 * a mapping alone.
 */
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/pagewalk.h>
#include <linux/sched/mm.h>
#include <linux/swap.h>
#include <linux/swapops.h>
#include <linux/userfaultfd_k.h>

#include "anon_range.h"

/* Whether it reads as zeros once it is dropped, which its owner might do, too. */
static bool anon_range_has(struct vm_area_struct *vma)
{
	return vma_is_anonymous(vma) && !userfaultfd_armed(vma) && (vma->vm_flags & VM_WRITE) &&
	       !(vma->vm_flags & (VM_SHARED | VM_PFNMAP | VM_MIXEDMAP | VM_IO | VM_SEALED));
}

/* What of it begins at @start; @vma is locked.  Returns where it ends, or an error. */
static long anon_range_drop_vma(struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	end = min(end, vma->vm_end);
	if (!anon_range_has(vma))
		return -EFAULT;
	zap_page_range_single(vma, start, end - start, NULL);
	return end;
}

/* Likewise, with all of the process's mappings locked; there may be none. */
static long anon_range_drop_any(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	struct vm_area_struct *vma = vma_lookup(mm, start);

	return vma ? anon_range_drop_vma(vma, start, end) : -EFAULT;
}

/**
 * anon_range_drop() - drops private anonymous memory: it reads as zeros then
 * @mm: the process's, with a reference to its users (mmget())
 * @start: address; a page's, or a huge page's if there may be any
 * @end: likewise
 * @wait: for who changes the process's mappings just now
 *
 * Context: may sleep.  Who changes the mappings may wait for a fault to end that allocates memory, and so
 * waits for reclaim: that calls this without @wait.
 * Return: 0; -EFAULT there is no such memory, or some is of another kind: what comes before was dropped;
 * -EAGAIN without @wait, and -EINTR with it.
 */
int anon_range_drop(struct mm_struct *mm, unsigned long start, unsigned long end, bool wait)
{
	struct vm_area_struct *vma;
	long to;

	for (; start < end; start = to) {
		vma = lock_vma_under_rcu(mm, start);
		if (vma) {
			to = anon_range_drop_vma(vma, start, end);
			vma_end_read(vma);
		} else {
			if (wait ? mmap_read_lock_killable(mm) : !mmap_read_trylock(mm))
				return wait ? -EINTR : -EAGAIN;
			to = anon_range_drop_any(mm, start, end);
			mmap_read_unlock(mm);
		}
		if (to < 0)
			return to;
		cond_resched();
	}
	return 0;
}
EXPORT_SYMBOL_GPL(anon_range_drop);

static void anon_range_add_huge(struct anon_range *range, pmd_t pmd, unsigned long size)
{
	if (!pmd_present(pmd) || !is_huge_zero_pmd(pmd))
		range->resident += size >> PAGE_SHIFT;
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
		anon_range_add_huge(range, *pmd, end - addr);
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
	return !anon_range_has(walk->vma);
}

static const struct mm_walk_ops anon_range_walk = {
	.pmd_entry	= anon_range_walk_pmd,
	.test_walk	= anon_range_walk_vma,
	.walk_lock	= PGWALK_RDLOCK,
};

/**
 * anon_range_count() - adds what there is of a range of private anonymous memory
 * @mm: the process's, with a reference to its users (mmget())
 * @start: address; a page's, or a huge page's if there may be any
 * @end: likewise; what is mapped between these that is of another kind is not counted
 * @range: added to
 *
 * The process cannot change its mappings meanwhile.
 *
 * Context: may sleep.
 * Return: 0, or -EINTR: nothing was counted.
 */
int anon_range_count(struct mm_struct *mm, unsigned long start, unsigned long end,
		     struct anon_range *range)
{
	if (mmap_read_lock_killable(mm))
		return -EINTR;
	walk_page_range(mm, start, end, &anon_range_walk, range);
	mmap_read_unlock(mm);
	return 0;
}
EXPORT_SYMBOL_GPL(anon_range_count);
