// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pinned memory: what a guest asked the host to neither page out nor take.
 *
 * A pin holds pages of the guest's memory, outsourced or not, as for a device.  It ends when the
 * guest says so, attaches or detaches, or is reset.  Pages count as often as they are pinned: against
 * what the VMM lets the guest pin, and against its RLIMIT_MEMLOCK.
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
	u64			size;		/* of all ranges, pages */
	struct page		**pages;
	u64			nr_pages;	/* that are pinned by now */
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
static u64 vmrpc_pin_find(struct kvm *kvm, gfn_t gfn, u64 nr, unsigned long *hva)
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

static int vmrpc_pin_range(struct vmrpc_pin *pin, struct kvm *kvm,
			   const struct vmrpc_mem_range *range)
{
	u64 gfn = vmrpc_range_gfn(range), left = vmrpc_range_pages(range), nr;
	unsigned long hva;
	int ret;

	for (; left; gfn += ret, left -= ret) {
		if (signal_pending(current))
			return -EINTR;
		nr = vmrpc_pin_find(kvm, gfn, left, &hva);
		if (!nr)
			return -EFAULT;
		ret = pin_user_pages_fast(hva, min(nr, VMRPC_PIN_BATCH), FOLL_WRITE | FOLL_LONGTERM,
					  pin->pages + pin->nr_pages);
		if (ret <= 0)
			return ret ?: -EFAULT;
		pin->nr_pages += ret;
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

static void vmrpc_pin_free(struct vmrpc_pin *pin)
{
	if (pin->pages) {
		unpin_user_pages(pin->pages, pin->nr_pages);
		kvfree(pin->pages);
		account_locked_vm(pin->mm, pin->size, false);
	}
	mmdrop(pin->mm);
	kvfree(pin);
}

/* For the VMM's process, on one of its vCPUs' threads. */
static struct vmrpc_pin *vmrpc_pin_new(const struct vmrpc_mem_range *ranges, u32 nr, u64 size)
{
	struct vmrpc_pin *pin = kvzalloc(struct_size(pin, ranges, nr), GFP_KERNEL_ACCOUNT);
	int ret = -ENOMEM;

	if (!pin)
		return ERR_PTR(-ENOMEM);
	memcpy(pin->ranges, ranges, nr * sizeof(*ranges));
	pin->nr_ranges = nr;
	pin->size = size;
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

/* Of a block that is pinned so often: once more, or once less. */
static void vmrpc_pin_count_block(struct vmrpc_mem *mem, u64 block, bool pinned)
{
	if (pinned)
		mem->nr_pinned += !mem->pinned_blocks[block]++;
	else
		mem->nr_pinned -= !--mem->pinned_blocks[block];
}

/* Of the blocks that a pin touches. */
static void vmrpc_pin_count(struct vmrpc_mem *mem, const struct vmrpc_pin *pin, bool pinned)
{
	u64 start, end, block;
	u32 n;

	lockdep_assert_held(&mem->mutex);
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
}

static int vmrpc_pin_add(struct vmrpc_mem *mem, struct vmrpc_pin *pin, s64 *result)
{
	u32 id;
	int ret;

	lockdep_assert_held(&mem->mutex);
	ret = xa_alloc(&mem->pins, &id, pin, XA_LIMIT(1, S32_MAX), GFP_KERNEL_ACCOUNT);
	if (ret)
		return ret;
	vmrpc_pin_count(mem, pin, true);
	*result = id;
	return 0;
}

static void vmrpc_pin_remove(struct vmrpc_mem *mem, struct vmrpc_pin *pin)
{
	vmrpc_pin_count(mem, pin, false);
	mem->pinned -= pin->size;
	vmrpc_pin_free(pin);
}

/* Room for so many pages, among what the VMM lets the guest pin. */
static int vmrpc_pin_reserve(struct vmrpc_vm *vm, u64 size)
{
	struct vmrpc_mem *mem = &vm->mem;
	int ret = vmrpc_mem_begin(vm);

	if (ret)
		return ret;
	if (size > mem->pin_max - mem->pinned)
		ret = -EBUSY;
	else
		mem->pinned += size;
	vmrpc_mem_end(vm);
	return ret;
}

static void vmrpc_pin_unreserve(struct vmrpc_mem *mem, u64 size)
{
	mutex_lock(&mem->mutex);
	mem->pinned -= size;
	mutex_unlock(&mem->mutex);
}

/* The mutex is not held: what is paged out may take long to come back. */
static int vmrpc_pin_reserved(struct vmrpc_call *call, u64 size)
{
	u32 nr = call->size / sizeof(struct vmrpc_mem_range);
	struct vmrpc_pin *pin = vmrpc_pin_new(call->arg, nr, size);
	struct vmrpc_mem *mem = &call->vm->mem;
	int ret;

	if (IS_ERR(pin))
		return PTR_ERR(pin);
	ret = vmrpc_pin_ranges(pin, call->vcpu->kvm);
	if (!ret) {
		mutex_lock(&mem->mutex);
		ret = vmrpc_pin_add(mem, pin, &call->result);
		mutex_unlock(&mem->mutex);
	}
	if (ret)
		vmrpc_pin_free(pin);
	return ret;
}

/* VMRPC_MEM_PIN */
int vmrpc_mem_pin(struct vmrpc_call *call)
{
	s64 size;
	int ret;

	if (call->process)
		return -EPERM;
	if (call->size % sizeof(struct vmrpc_mem_range))
		return -EINVAL;
	size = vmrpc_ranges_size(call->arg, call->size / sizeof(struct vmrpc_mem_range));
	ret = size < 0 ? size : vmrpc_pin_reserve(call->vm, size);
	if (ret)
		return ret;
	ret = vmrpc_pin_reserved(call, size);
	if (ret)
		vmrpc_pin_unreserve(&call->vm->mem, size);
	return ret;
}

/* VMRPC_MEM_UNPIN */
int vmrpc_mem_unpin(struct vmrpc_call *call)
{
	const struct vmrpc_mem_unpin *arg = call->arg;
	u64 id = le64_to_cpu(arg->pin);
	struct vmrpc_pin *pin;
	int ret;

	if (call->process)
		return -EPERM;
	if (arg->reserved)
		return -EINVAL;
	ret = vmrpc_mem_begin(call->vm);
	if (ret)
		return ret;
	pin = id <= S32_MAX ? xa_erase(&call->vm->mem.pins, id) : NULL;
	if (pin)
		vmrpc_pin_remove(&call->vm->mem, pin);
	vmrpc_mem_end(call->vm);
	return pin ? 0 : -ENOENT;
}

/* The guest starts anew, or is gone. */
void vmrpc_mem_unpin_all(struct vmrpc_mem *mem)
{
	struct vmrpc_pin *pin;
	unsigned long id;

	lockdep_assert_held(&mem->mutex);
	xa_for_each(&mem->pins, id, pin) {
		xa_erase(&mem->pins, id);
		vmrpc_pin_remove(mem, pin);
	}
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
	vmrpc_mem_unpin_all(mem);
	kvfree(mem->pinned_blocks);
	mem->pinned_blocks = NULL;
}

bool vmrpc_mem_block_pinned(const struct vmrpc_mem *mem, u64 block)
{
	return mem->nr_pinned && mem->pinned_blocks[block];
}
