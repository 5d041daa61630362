// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pinned memory: what a guest asked the host to neither page out nor take.
 *
 * A pin holds pages of the guest's memory, outsourced or not, as for a device.  It ends when the
 * guest says so, attaches or detaches, or is reset.  What counts is what cannot be paged out, once: the
 * folios that are pinned, against what the VMM lets the guest pin, and against its RLIMIT_MEMLOCK.
 * The pages of all pins together are as few.
 *
 * mem->mutex covers how often blocks are pinned, and nothing else here: who has to give memory
 * back may wait for it.  mem->pin_mutex covers how often folios are.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "internal.h"

#define VMRPC_PIN_PAGES		(VMRPC_MEM_PIN_MAX >> PAGE_SHIFT)
#define VMRPC_PIN_BATCH		512ul	/* pages, between two looks for a signal */

struct vmrpc_pin {
	struct mm_struct	*mm;		/* the VMM's, whose locked memory it is */
	unsigned long		size;		/* pages */
	struct page		**pages;
	unsigned long		nr_pages;	/* that are pinned by now */
	unsigned long		nr_counted;	/* of these, whose folios are counted */
	u32			nr_ranges;
	struct vmrpc_mem_range	ranges[];	/* checked */
};

static u64 vmrpc_range_gfn(const struct vmrpc_mem_range *range)
{
	return le64_to_cpu(range->gpa) >> PAGE_SHIFT;
}

static u64 vmrpc_range_pages(const struct vmrpc_mem_range *range)
{
	return le64_to_cpu(range->size) >> PAGE_SHIFT;
}

static bool vmrpc_range_valid(const struct vmrpc_mem_range *range)
{
	u64 gpa = le64_to_cpu(range->gpa), size = le64_to_cpu(range->size);

	return size && gpa + size > gpa && IS_ALIGNED(gpa | size, PAGE_SIZE);
}

/* How many pages, or why they are not to be pinned. */
static s64 vmrpc_ranges_size(const struct vmrpc_mem_range *ranges, u32 nr)
{
	u64 size = 0;
	u32 n;

	for (n = 0; n < nr; n++) {
		if (!vmrpc_range_valid(&ranges[n]))
			return -EINVAL;
		if (vmrpc_range_pages(&ranges[n]) > VMRPC_PIN_PAGES - size)
			return -E2BIG;
		size += vmrpc_range_pages(&ranges[n]);
	}
	return size;
}

/* How many of @nr pages from @gfn on are at *@hva. */
u64 vmrpc_find_memory(struct kvm *kvm, gfn_t gfn, u64 nr, unsigned long *hva)
{
	struct kvm_memory_slot *slot;
	u64 found = 0;
	int idx;

	idx = srcu_read_lock(&kvm->srcu);
	slot = gfn_to_memslot(kvm, gfn);
	if (slot && !(slot->flags & (KVM_MEMSLOT_INVALID | KVM_MEM_READONLY))) {
		*hva = __gfn_to_hva_memslot(slot, gfn);
		found = min(nr, slot->base_gfn + slot->npages - gfn);
	}
	srcu_read_unlock(&kvm->srcu, idx);
	return found;
}

/* Among what the VMM lets the guest pin, and may lock itself. */
static int vmrpc_pin_charge(struct vmrpc_mem *mem, struct vmrpc_pin *pin, unsigned long pages)
{
	int ret = -EBUSY;

	if (atomic_long_add_return(pages, &mem->pinned) <= mem->pin_max)
		ret = account_locked_vm(pin->mm, pages, true);
	if (ret)
		atomic_long_sub(pages, &mem->pinned);
	return ret;
}

static void vmrpc_pin_uncharge(struct vmrpc_mem *mem, struct vmrpc_pin *pin, unsigned long pages)
{
	account_locked_vm(pin->mm, pages, false);
	atomic_long_sub(pages, &mem->pinned);
}

/* Once more, or less.  Returns how many pages cannot, or can, be paged out now, or an error. */
static long vmrpc_pin_count_folio(struct vmrpc_mem *mem, struct folio *folio, int change)
{
	unsigned long count, pfn = folio_pfn(folio);
	void *entry = xa_load(&mem->pinned_folios, pfn);
	int ret = 0;

	lockdep_assert_held(&mem->pin_mutex);
	count = (entry ? xa_to_value(entry) : 0) + change;
	if (count)
		ret = xa_err(xa_store(&mem->pinned_folios, pfn, xa_mk_value(count),
				      GFP_KERNEL_ACCOUNT));
	else
		xa_erase(&mem->pinned_folios, pfn);
	return ret ? ret : !entry || !count ? folio_nr_pages(folio) : 0;
}

/* Of the pages that were counted, all but the first @nr. */
static unsigned long vmrpc_pin_uncount(struct vmrpc_mem *mem, struct vmrpc_pin *pin,
				       unsigned long nr)
{
	unsigned long pages = 0;

	while (pin->nr_counted > nr)
		pages += vmrpc_pin_count_folio(mem, page_folio(pin->pages[--pin->nr_counted]), -1);
	return pages;
}

/* The pages that were pinned since. */
static int vmrpc_pin_count_pages(struct vmrpc_mem *mem, struct vmrpc_pin *pin)
{
	unsigned long before = pin->nr_counted, pages = 0;
	struct folio *folio;
	long ret = 0;

	mutex_lock(&mem->pin_mutex);
	while (pin->nr_counted < pin->nr_pages && ret >= 0) {
		folio = page_folio(pin->pages[pin->nr_counted]);
		/* Each pin of a page is many references. */
		ret = folio_ref_count(folio) > INT_MAX / 2 ? -EBUSY :
		      vmrpc_pin_count_folio(mem, folio, 1);
		if (ret >= 0) {
			pages += ret;
			pin->nr_counted++;
		}
	}
	ret = ret < 0 ? ret : vmrpc_pin_charge(mem, pin, pages);
	if (ret)
		vmrpc_pin_uncount(mem, pin, before);
	mutex_unlock(&mem->pin_mutex);
	return ret;
}

static int vmrpc_pin_range(struct vmrpc_pin *pin, struct kvm *kvm,
			   const struct vmrpc_mem_range *range)
{
	u64 gfn = vmrpc_range_gfn(range), left = vmrpc_range_pages(range), nr;
	unsigned long hva;
	int ret, pinned;

	for (; left; gfn += pinned, left -= pinned) {
		if (signal_pending(current))
			return -EINTR;
		nr = vmrpc_find_memory(kvm, gfn, left, &hva);
		if (!nr)
			return -EFAULT;
		pinned = pin_user_pages_fast(hva, min(nr, VMRPC_PIN_BATCH), FOLL_WRITE | FOLL_LONGTERM,
					     pin->pages + pin->nr_pages);
		if (pinned <= 0)
			return pinned ?: -EFAULT;
		pin->nr_pages += pinned;
		ret = vmrpc_pin_count_pages(&kvm->arch.vmrpc->mem, pin);
		if (ret)
			return ret;
	}
	return 0;
}

static int vmrpc_pin_ranges(struct vmrpc_pin *pin, struct kvm *kvm)
{
	int ret = 0;
	u32 n;

	for (n = 0; n < pin->nr_ranges && !ret; n++)
		ret = vmrpc_pin_range(pin, kvm, &pin->ranges[n]);
	return ret;
}

static void vmrpc_pin_free(struct vmrpc_mem *mem, struct vmrpc_pin *pin)
{
	mutex_lock(&mem->pin_mutex);
	vmrpc_pin_uncharge(mem, pin, vmrpc_pin_uncount(mem, pin, 0));
	mutex_unlock(&mem->pin_mutex);
	unpin_user_pages(pin->pages, pin->nr_pages);
	atomic_long_sub(pin->size, &mem->pin_pages);
	kvfree(pin->pages);
	mmdrop(pin->mm);
	kvfree(pin);
}

/* For the VMM's process, on one of its vCPUs' threads. */
static struct vmrpc_pin *vmrpc_pin_new(const struct vmrpc_mem_range *ranges, u32 nr, u64 size)
{
	struct vmrpc_pin *pin = kvzalloc(struct_size(pin, ranges, nr), GFP_KERNEL_ACCOUNT);

	if (!pin)
		return NULL;
	pin->pages = kvcalloc(size, sizeof(*pin->pages), GFP_KERNEL_ACCOUNT);
	if (!pin->pages) {
		kvfree(pin);
		return NULL;
	}
	memcpy(pin->ranges, ranges, nr * sizeof(*ranges));
	pin->nr_ranges = nr;
	pin->size = size;
	pin->mm = current->mm;
	mmgrab(pin->mm);
	return pin;
}

/* Of a block that is pinned so often: once more, or once less. */
static void vmrpc_pin_count_block(struct vmrpc_mem *mem, u64 block, bool pinned)
{
	if (pinned)
		mem->nr_pinned += !mem->pinned_blocks[block]++;
	else
		mem->nr_pinned -= !--mem->pinned_blocks[block];
}

/* Of the blocks that a pin touches: none of them is taken while it is counted. */
static void vmrpc_pin_count(struct vmrpc_mem *mem, const struct vmrpc_pin *pin, bool pinned)
{
	u64 start, end, block;
	u32 n;

	mutex_lock(&mem->mutex);
	for (n = 0; n < pin->nr_ranges; n++) {
		start = max(le64_to_cpu(pin->ranges[n].gpa), mem->gpa);
		end = min(le64_to_cpu(pin->ranges[n].gpa) + le64_to_cpu(pin->ranges[n].size),
			  mem->gpa + mem->nr_blocks * VMRPC_MEM_BLOCK);
		if (start >= end)
			continue;
		for (block = (start - mem->gpa) / VMRPC_MEM_BLOCK;
		     block <= (end - 1 - mem->gpa) / VMRPC_MEM_BLOCK; block++)
			vmrpc_pin_count_block(mem, block, pinned);
	}
	mutex_unlock(&mem->mutex);
}

static void vmrpc_pin_end(struct vmrpc_mem *mem, struct vmrpc_pin *pin)
{
	vmrpc_pin_count(mem, pin, false);
	vmrpc_pin_free(mem, pin);
}

static int vmrpc_pin_begin(struct vmrpc_call *call, u64 size)
{
	u32 nr = call->size / sizeof(struct vmrpc_mem_range), id;
	struct vmrpc_pin *pin = vmrpc_pin_new(call->arg, nr, size);
	struct vmrpc_mem *mem = &call->vm->mem;
	int ret;

	if (!pin) {
		atomic_long_sub(size, &mem->pin_pages);
		return -ENOMEM;
	}
	vmrpc_pin_count(mem, pin, true);
	ret = vmrpc_pin_ranges(pin, call->vcpu->kvm);
	/* Last: a number can be unpinned as soon as there is one. */
	if (!ret)
		ret = xa_alloc(&mem->pins, &id, pin, XA_LIMIT(1, S32_MAX), GFP_KERNEL_ACCOUNT);
	if (ret)
		vmrpc_pin_end(mem, pin);
	else
		call->result = id;
	return ret;
}

/* VMRPC_MEM_PIN */
int vmrpc_mem_pin(struct vmrpc_call *call)
{
	struct vmrpc_mem *mem = &call->vm->mem;
	s64 size;

	if (call->process)
		return -EPERM;
	if (call->size % sizeof(struct vmrpc_mem_range))
		return -EINVAL;
	size = vmrpc_ranges_size(call->arg, call->size / sizeof(struct vmrpc_mem_range));
	if (size < 0)
		return size;
	if (atomic_long_add_return(size, &mem->pin_pages) <= mem->pin_max)
		return vmrpc_pin_begin(call, size);
	atomic_long_sub(size, &mem->pin_pages);
	return -EBUSY;
}

/* VMRPC_MEM_UNPIN */
int vmrpc_mem_unpin(struct vmrpc_call *call)
{
	const struct vmrpc_mem_unpin *arg = call->arg;
	struct vmrpc_mem *mem = &call->vm->mem;
	u64 id = le64_to_cpu(arg->pin);
	struct vmrpc_pin *pin;

	if (call->process)
		return -EPERM;
	if (arg->reserved)
		return -EINVAL;
	pin = id <= S32_MAX ? xa_erase(&mem->pins, id) : NULL;
	if (!pin)
		return -ENOENT;
	vmrpc_pin_end(mem, pin);
	return 0;
}

/* The guest starts anew, or is gone.  Without the mutex. */
void vmrpc_mem_unpin_all(struct vmrpc_mem *mem)
{
	struct vmrpc_pin *pin;
	unsigned long id;

	xa_for_each(&mem->pins, id, pin) {
		/* The guest may be faster. */
		pin = xa_erase(&mem->pins, id);
		if (pin)
			vmrpc_pin_end(mem, pin);
		cond_resched();
	}
}

void vmrpc_mem_pin_init(struct vmrpc_mem *mem)
{
	mutex_init(&mem->pin_mutex);
	xa_init_flags(&mem->pins, XA_FLAGS_ALLOC | XA_FLAGS_ACCOUNT);
	xa_init_flags(&mem->pinned_folios, XA_FLAGS_ACCOUNT);
}

/* @size: bytes that the guest may pin; there is outsourced memory now, if without contents. */
int vmrpc_mem_pin_setup(struct vmrpc_mem *mem, u64 size)
{
	mem->pin_max = size >> PAGE_SHIFT;
	if (!mem->pin_max)
		return 0;
	mem->pinned_blocks = kvcalloc(mem->nr_blocks, sizeof(*mem->pinned_blocks),
				      GFP_KERNEL_ACCOUNT);
	return mem->pinned_blocks ? 0 : -ENOMEM;
}

void vmrpc_mem_pin_forget(struct vmrpc_mem *mem)
{
	kvfree(mem->pinned_blocks);
	mem->pinned_blocks = NULL;
}

u64 vmrpc_mem_pinned(const struct vmrpc_mem *mem)
{
	return (u64)atomic_long_read(&mem->pinned) << PAGE_SHIFT;
}

bool vmrpc_mem_block_pinned(const struct vmrpc_mem *mem, u64 block)
{
	return mem->nr_pinned && mem->pinned_blocks[block];
}
