// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of processes that the host does not page out.  Their pages are pinned here, as for a
 * device, so that they stay where they are (and leave ZONE_HOST, which is for what moves), and the
 * host is told where that is, part by part: a call of the host's must not keep a CPU for long.
 */
#define pr_fmt(fmt) "vmrpc: " fmt

#include <linux/io.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include "internal.h"

#define VMRPC_PIN_PART		(VMRPC_MAX_ARG / sizeof(struct vmrpc_mem_range))	/* pages */

struct vmrpc_pin {
	struct list_head	parts;
	struct mm_struct	*mm;		/* whose locked memory it is */
	unsigned long		size;		/* pages */
};

struct vmrpc_pin_part {
	struct list_head	node;		/* of the pin */
	struct list_head	all_node;	/* vmrpc_pin_parts, when there are all pages */
	s64			number;		/* the host's; 0: it knows none */
	unsigned int		nr_pages;
	struct page		*pages[];
};

/* Covers the parts' numbers, and the handle by which the host is told. */
static DEFINE_MUTEX(vmrpc_pins_lock);
static LIST_HEAD(vmrpc_pin_parts);

static unsigned int vmrpc_pin_part_ranges(const struct vmrpc_pin_part *part,
					  struct vmrpc_mem_range *ranges)
{
	unsigned int n, nr = 0;
	u64 next = 0, gpa;

	for (n = 0; n < part->nr_pages; n++) {
		gpa = page_to_phys(part->pages[n]);
		if (nr && gpa == next) {
			le64_add_cpu(&ranges[nr - 1].size, PAGE_SIZE);
		} else {
			ranges[nr].gpa = cpu_to_le64(gpa);
			ranges[nr++].size = cpu_to_le64(PAGE_SIZE);
		}
		next = gpa + PAGE_SIZE;
	}
	return nr;
}

static int vmrpc_pin_part_tell(struct vmrpc_pin_part *part, struct vmrpc_mem_range *ranges)
{
	unsigned int nr = vmrpc_pin_part_ranges(part, ranges);

	lockdep_assert_held(&vmrpc_pins_lock);
	return vmrpc_mem_perform(VMRPC_MEM_PIN, ranges, nr * sizeof(*ranges), &part->number);
}

static void vmrpc_pin_part_untell(struct vmrpc_pin_part *part)
{
	struct vmrpc_mem_unpin arg = { .pin = cpu_to_le64(part->number) };

	lockdep_assert_held(&vmrpc_pins_lock);
	/* A host that does not know it has forgotten it. */
	if (part->number)
		vmrpc_mem_perform(VMRPC_MEM_UNPIN, &arg, sizeof(arg), NULL);
	part->number = 0;
}

static int vmrpc_pin_part_add(struct vmrpc_pin_part *part, struct vmrpc_mem_range *ranges)
{
	int ret = mutex_lock_killable(&vmrpc_pins_lock);

	if (ret)
		return ret;
	ret = vmrpc_pin_part_tell(part, ranges);
	/* The VM is another one now: vmrpc_pins_renew() is about to tell the host of all parts. */
	if (ret == -ESTALE || ret == -EBADF)
		ret = 0;
	if (!ret)
		list_add_tail(&part->all_node, &vmrpc_pin_parts);
	mutex_unlock(&vmrpc_pins_lock);
	return ret;
}

static int vmrpc_pin_part_pages(struct vmrpc_pin_part *part, u64 address, unsigned int nr)
{
	int ret;

	while (part->nr_pages < nr) {
		ret = pin_user_pages_fast(address + part->nr_pages * PAGE_SIZE, nr - part->nr_pages,
					  FOLL_WRITE | FOLL_LONGTERM, part->pages + part->nr_pages);
		if (ret <= 0)
			return ret ?: -EFAULT;
		part->nr_pages += ret;
	}
	return 0;
}

static void vmrpc_pin_part_free(struct vmrpc_pin_part *part)
{
	mutex_lock(&vmrpc_pins_lock);
	list_del(&part->all_node);
	vmrpc_pin_part_untell(part);
	mutex_unlock(&vmrpc_pins_lock);
	unpin_user_pages_dirty_lock(part->pages, part->nr_pages, true);
	list_del(&part->node);
	kvfree(part);
}

static int vmrpc_pin_next(struct vmrpc_pin *pin, u64 address, unsigned int nr,
			  struct vmrpc_mem_range *ranges)
{
	struct vmrpc_pin_part *part = kvzalloc(struct_size(part, pages, nr), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!part)
		return -ENOMEM;
	INIT_LIST_HEAD(&part->all_node);
	list_add_tail(&part->node, &pin->parts);
	ret = vmrpc_pin_part_pages(part, address, nr);
	return ret ? ret : vmrpc_pin_part_add(part, ranges);
}

static int vmrpc_pin_all(struct vmrpc_pin *pin, u64 address)
{
	struct vmrpc_mem_range *ranges = kvmalloc(VMRPC_MAX_ARG, GFP_KERNEL);
	unsigned long page, nr;
	int ret = 0;

	if (!ranges)
		return -ENOMEM;
	for (page = 0; page < pin->size && !ret; page += nr) {
		nr = min(pin->size - page, VMRPC_PIN_PART);
		ret = fatal_signal_pending(current) ? -EINTR :
		      vmrpc_pin_next(pin, address + page * PAGE_SIZE, nr, ranges);
		cond_resched();
	}
	kvfree(ranges);
	return ret;
}

void vmrpc_pin_end(struct vmrpc_pin *pin)
{
	struct vmrpc_pin_part *part, *next;

	list_for_each_entry_safe(part, next, &pin->parts, node)
		vmrpc_pin_part_free(part);
	account_locked_vm(pin->mm, pin->size, false);
	mmdrop(pin->mm);
	kfree(pin);
}

/*
 * Pins @size bytes of the caller's memory, until vmrpc_pin_end().  Returns the pin or an error of
 * VMRPC_GUEST_PIN.
 */
struct vmrpc_pin *vmrpc_pin_begin(u64 address, u64 size)
{
	struct vmrpc_pin *pin;
	int ret;

	if (!size || !PAGE_ALIGNED(address | size) || address + size < address)
		return ERR_PTR(-EINVAL);
	if (!vmrpc_mem_is_used())
		return ERR_PTR(-ENODEV);
	pin = kzalloc(sizeof(*pin), GFP_KERNEL_ACCOUNT);
	if (!pin)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&pin->parts);
	ret = account_locked_vm(current->mm, size >> PAGE_SHIFT, true);
	if (ret) {
		kfree(pin);
		return ERR_PTR(ret);
	}
	pin->size = size >> PAGE_SHIFT;
	pin->mm = current->mm;
	mmgrab(pin->mm);
	ret = vmrpc_pin_all(pin, address);
	if (!ret)
		return pin;
	vmrpc_pin_end(pin);
	return ERR_PTR(ret);
}

/*
 * @rebind gets the handle by which the host is told.  The host may have forgotten all numbers, or none,
 * and one that it has forgotten it gives again: so first it forgets all.
 */
int vmrpc_pins_renew(int (*rebind)(void))
{
	struct vmrpc_mem_range *ranges = kvmalloc(VMRPC_MAX_ARG, GFP_KERNEL);
	struct vmrpc_pin_part *part;
	int ret, failed = 0;

	mutex_lock(&vmrpc_pins_lock);
	list_for_each_entry(part, &vmrpc_pin_parts, all_node)
		vmrpc_pin_part_untell(part);
	ret = rebind();
	list_for_each_entry(part, &vmrpc_pin_parts, all_node)
		failed = (ranges ? vmrpc_pin_part_tell(part, ranges) : -ENOMEM) ?: failed;
	mutex_unlock(&vmrpc_pins_lock);
	kvfree(ranges);
	if (failed)
		pr_warn("the host does not pin all that it did: error %d\n", failed);
	return ret;
}
