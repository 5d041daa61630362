// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of processes that the host does not page out.  Their pages are pinned here, as for a
 * device, so that they stay where they are (and leave ZONE_HOST, which is for what moves), and the
 * host is told where that is.
 */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include "internal.h"

#define VMRPC_PIN_RANGES	(VMRPC_MAX_ARG / sizeof(struct vmrpc_mem_range))

/* The host knows it by parts, of one call each. */
struct vmrpc_pin {
	struct list_head	list;		/* vmrpc_pins */
	struct mm_struct	*mm;		/* whose locked memory it is */
	struct page		**pages;
	unsigned long		size;		/* pages */
	unsigned long		nr_pages;	/* that are pinned by now */
	unsigned int		nr_parts;
	s64			parts[];	/* the host's numbers; 0: it knows none */
};

static DEFINE_MUTEX(vmrpc_pins_lock);
static LIST_HEAD(vmrpc_pins);

/* The next ranges of pages from *@page on; returns how many. */
static unsigned int vmrpc_pin_fill(const struct vmrpc_pin *pin, unsigned long *page,
				   struct vmrpc_mem_range *ranges)
{
	unsigned long end = min(pin->nr_pages, *page + VMRPC_MEM_PIN_MAX / PAGE_SIZE);
	unsigned int nr = 0;
	u64 next = 0, gpa;

	for (; *page < end; ++*page) {
		gpa = page_to_phys(pin->pages[*page]);
		if (nr && gpa == next) {
			le64_add_cpu(&ranges[nr - 1].size, PAGE_SIZE);
		} else if (nr < VMRPC_PIN_RANGES) {
			ranges[nr].gpa = cpu_to_le64(gpa);
			ranges[nr++].size = cpu_to_le64(PAGE_SIZE);
		} else {
			break;
		}
		next = gpa + PAGE_SIZE;
	}
	return nr;
}

static void vmrpc_pin_untell(struct vmrpc_pin *pin)
{
	struct vmrpc_mem_unpin arg = {};
	unsigned int n;

	lockdep_assert_held(&vmrpc_pins_lock);
	for (n = 0; n < pin->nr_parts; n++) {
		arg.pin = cpu_to_le64(pin->parts[n]);
		if (pin->parts[n])
			vmrpc_mem_perform(VMRPC_MEM_UNPIN, &arg, sizeof(arg), NULL);
		pin->parts[n] = 0;
	}
}

static int vmrpc_pin_tell(struct vmrpc_pin *pin)
{
	struct vmrpc_mem_range *ranges = kvmalloc(VMRPC_MAX_ARG, GFP_KERNEL);
	unsigned int part, nr;
	unsigned long page = 0;
	int ret = 0;

	lockdep_assert_held(&vmrpc_pins_lock);
	if (!ranges)
		return -ENOMEM;
	for (part = 0; page < pin->nr_pages && !ret; part++) {
		nr = vmrpc_pin_fill(pin, &page, ranges);
		ret = vmrpc_mem_perform(VMRPC_MEM_PIN, ranges, nr * sizeof(*ranges),
					&pin->parts[part]);
	}
	kvfree(ranges);
	if (ret)
		vmrpc_pin_untell(pin);
	return ret;
}

static int vmrpc_pin_pages(struct vmrpc_pin *pin, u64 address)
{
	int ret;

	while (pin->nr_pages < pin->size) {
		ret = pin_user_pages_fast(address + pin->nr_pages * PAGE_SIZE,
					  min_t(unsigned long, pin->size - pin->nr_pages, INT_MAX),
					  FOLL_WRITE | FOLL_LONGTERM, pin->pages + pin->nr_pages);
		if (ret <= 0)
			return ret ?: -EFAULT;
		pin->nr_pages += ret;
	}
	return 0;
}

static void vmrpc_pin_free(struct vmrpc_pin *pin)
{
	if (pin->pages) {
		unpin_user_pages_dirty_lock(pin->pages, pin->nr_pages, true);
		kvfree(pin->pages);
		account_locked_vm(pin->mm, pin->size, false);
	}
	mmdrop(pin->mm);
	kfree(pin);
}

static struct vmrpc_pin *vmrpc_pin_new(unsigned long size)
{
	unsigned int parts = DIV_ROUND_UP(size, VMRPC_PIN_RANGES);
	struct vmrpc_pin *pin = kzalloc(struct_size(pin, parts, parts), GFP_KERNEL_ACCOUNT);
	int ret = -ENOMEM;

	if (!pin)
		return ERR_PTR(-ENOMEM);
	pin->size = size;
	pin->nr_parts = parts;
	pin->mm = current->mm;
	mmgrab(pin->mm);
	pin->pages = kvcalloc(size, sizeof(*pin->pages), GFP_KERNEL_ACCOUNT);
	if (pin->pages)
		ret = account_locked_vm(pin->mm, size, true);
	if (!ret)
		return pin;
	kvfree(pin->pages);
	pin->pages = NULL;
	vmrpc_pin_free(pin);
	return ERR_PTR(ret);
}

/*
 * Pins @size bytes of the caller's memory, until vmrpc_pin_end().  Returns the pin or an error of
 * VMRPC_GUEST_PIN.
 */
struct vmrpc_pin *vmrpc_pin_begin(u64 address, u64 size)
{
	struct vmrpc_pin *pin;
	int ret;

	if (!size || !PAGE_ALIGNED(address | size))
		return ERR_PTR(-EINVAL);
	if (size >> PAGE_SHIFT > totalram_pages())
		return ERR_PTR(-ENOMEM);
	pin = vmrpc_pin_new(size >> PAGE_SHIFT);
	if (IS_ERR(pin))
		return pin;
	ret = vmrpc_pin_pages(pin, address);
	if (!ret) {
		mutex_lock(&vmrpc_pins_lock);
		ret = vmrpc_pin_tell(pin);
		if (!ret)
			list_add_tail(&pin->list, &vmrpc_pins);
		mutex_unlock(&vmrpc_pins_lock);
	}
	if (!ret)
		return pin;
	vmrpc_pin_free(pin);
	return ERR_PTR(ret);
}

void vmrpc_pin_end(struct vmrpc_pin *pin)
{
	mutex_lock(&vmrpc_pins_lock);
	list_del(&pin->list);
	vmrpc_pin_untell(pin);
	mutex_unlock(&vmrpc_pins_lock);
	vmrpc_pin_free(pin);
}

/* The host may have forgotten them all, or none.  A number that it has forgotten it gives again. */
void vmrpc_pins_renew(void)
{
	struct vmrpc_pin *pin;
	int ret = 0;

	mutex_lock(&vmrpc_pins_lock);
	list_for_each_entry(pin, &vmrpc_pins, list)
		vmrpc_pin_untell(pin);
	list_for_each_entry(pin, &vmrpc_pins, list)
		ret = vmrpc_pin_tell(pin) ?: ret;
	mutex_unlock(&vmrpc_pins_lock);
	if (ret)
		pr_warn("vmrpc: the host does not pin all that it did: error %d\n", ret);
}
