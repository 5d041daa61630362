// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arguments and results that are too large for a slot.  The client's pages are pinned
 * when it makes the call, and a vCPU of the guest copies between them and the guest's
 * memory (TRANSFER): once, a page at a time, with both mapped.
 *
 * Who made the call owns the bulk.  rvmrpc_bulk_stop() ends the vCPUs' part of it before
 * the client learns that the call has ended; a vCPU that still waits for a page of the
 * guest's then finds it stopped, and has a reference for that.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include "internal.h"

#define RVMRPC_TRANSFER_MAX	(1u << 20)	/* bytes in one hypercall */

struct rvmrpc_pages {
	struct page	**pages;
	u32		nr;
	u32		offset;		/* in the first page */
	u32		size;		/* bytes; 0: none, it fits a slot */
};

struct rvmrpc_bulk {
	refcount_t		ref;		/* the owner's, and that of each vCPU that copies */
	struct mm_struct	*mm;		/* the client's */
	u32			charged;	/* pages, to mm->pinned_vm */
	struct rvmrpc_pages	arg, res;	/* pinned as long as the owner is there */
	spinlock_t		lock;		/* the fields below; the pages' contents until stopped */
	bool			stopped;
	u64			stored;		/* bytes of the result, from its beginning; read without the lock */
	struct work_struct	free_work;
};

static u32 rvmrpc_pages_needed(u64 address, u32 size)
{
	/* What fits a slot needs none. */
	if (size <= VMRPC_SLOT_DATA)
		return 0;
	return DIV_ROUND_UP(offset_in_page(address) + (u64)size, PAGE_SIZE);
}

static void rvmrpc_pages_unpin(struct rvmrpc_pages *pages, bool dirty)
{
	unpin_user_pages_dirty_lock(pages->pages, pages->nr, dirty);
	kvfree(pages->pages);
}

static int rvmrpc_pages_pin(struct rvmrpc_pages *pages, u64 address, u32 size, bool write)
{
	u32 nr = rvmrpc_pages_needed(address, size);
	unsigned int flags = FOLL_LONGTERM | (write ? FOLL_WRITE : 0);
	long ret;

	if (!nr)
		return 0;
	if (!access_ok(u64_to_user_ptr(address), size))
		return -EFAULT;
	pages->pages = kvmalloc_array(nr, sizeof(*pages->pages), GFP_KERNEL_ACCOUNT);
	if (!pages->pages)
		return -ENOMEM;
	while (pages->nr < nr) {
		ret = pin_user_pages_fast((address & PAGE_MASK) + (u64)pages->nr * PAGE_SIZE,
					  nr - pages->nr, flags, pages->pages + pages->nr);
		if (ret <= 0)
			return ret ? ret : -EFAULT;
		pages->nr += ret;
	}
	pages->offset = offset_in_page(address);
	pages->size = size;
	return 0;
}

u64 rvmrpc_bulk_stored(const struct rvmrpc_bulk *bulk)
{
	return READ_ONCE(bulk->stored);
}

/* Nothing is copied any more when it returned.  NULL will do. */
void rvmrpc_bulk_stop(struct rvmrpc_bulk *bulk)
{
	if (!bulk)
		return;
	spin_lock(&bulk->lock);
	bulk->stopped = true;
	spin_unlock(&bulk->lock);
}

static void rvmrpc_bulk_put(struct rvmrpc_bulk *bulk)
{
	if (refcount_dec_and_test(&bulk->ref))
		kfree(bulk);
}

/* By its owner. */
void rvmrpc_bulk_free(struct rvmrpc_bulk *bulk)
{
	rvmrpc_bulk_stop(bulk);
	rvmrpc_pages_unpin(&bulk->arg, false);
	rvmrpc_pages_unpin(&bulk->res, rvmrpc_bulk_stored(bulk));
	atomic64_sub(bulk->charged, &bulk->mm->pinned_vm);
	mmdrop(bulk->mm);
	rvmrpc_bulk_put(bulk);
}

static void rvmrpc_bulk_free_work(struct work_struct *work)
{
	rvmrpc_bulk_free(container_of(work, struct rvmrpc_bulk, free_work));
}

/* The same, from where one must not sleep. */
void rvmrpc_bulk_free_later(struct rvmrpc_bulk *bulk)
{
	rvmrpc_bulk_stop(bulk);
	queue_work(vmrpc_wq, &bulk->free_work);
}

/* As RDMA does it: the guest may keep the pages pinned until the deadline. */
static int rvmrpc_bulk_charge(struct rvmrpc_bulk *bulk, u32 pages)
{
	u64 pinned = atomic64_add_return(pages, &bulk->mm->pinned_vm);

	bulk->charged = pages;
	return pinned > rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT && !capable(CAP_IPC_LOCK) ? -ENOMEM : 0;
}

static int rvmrpc_bulk_pin(struct rvmrpc_bulk *bulk, const struct vmrpc_vm_call *call)
{
	int ret;

	ret = rvmrpc_bulk_charge(bulk, rvmrpc_pages_needed(call->arg, call->arg_size) +
				       rvmrpc_pages_needed(call->res, call->res_size));
	if (!ret)
		ret = rvmrpc_pages_pin(&bulk->arg, call->arg, call->arg_size, false);
	if (!ret)
		ret = rvmrpc_pages_pin(&bulk->res, call->res, call->res_size, true);
	return ret;
}

/* In the client's process.  Returns NULL if argument and result fit a slot. */
struct rvmrpc_bulk *rvmrpc_bulk_new(const struct vmrpc_vm_call *call)
{
	struct rvmrpc_bulk *bulk;
	int ret;

	if (call->arg_size <= VMRPC_SLOT_DATA && call->res_size <= VMRPC_SLOT_DATA)
		return NULL;
	bulk = kzalloc(sizeof(*bulk), GFP_KERNEL_ACCOUNT);
	if (!bulk)
		return ERR_PTR(-ENOMEM);
	refcount_set(&bulk->ref, 1);
	bulk->mm = current->mm;
	mmgrab(bulk->mm);
	spin_lock_init(&bulk->lock);
	INIT_WORK(&bulk->free_work, rvmrpc_bulk_free_work);
	ret = rvmrpc_bulk_pin(bulk, call);
	if (ret) {
		rvmrpc_bulk_free(bulk);
		return ERR_PTR(ret);
	}
	return bulk;
}

/* @result: to the client's pages, else from them; their bytes from @offset on. */
static void rvmrpc_pages_copy(const struct rvmrpc_pages *pages, u64 offset, void *guest,
			      u32 size, bool result)
{
	u64 at = pages->offset + offset;
	u32 part;
	void *page;

	for (; size; at += part, guest += part, size -= part) {
		part = min_t(u32, size, PAGE_SIZE - offset_in_page(at));
		page = kmap_local_page(pages->pages[at / PAGE_SIZE]);
		if (result)
			memcpy(page + offset_in_page(at), guest, part);
		else
			memcpy(guest, page + offset_in_page(at), part);
		kunmap_local(page);
	}
}

static int rvmrpc_bulk_copy(struct rvmrpc_bulk *bulk, u64 offset, void *guest, u32 size,
			    bool result)
{
	int ret = 0;

	spin_lock(&bulk->lock);
	if (bulk->stopped) {
		ret = -ECANCELED;
	} else {
		rvmrpc_pages_copy(result ? &bulk->res : &bulk->arg, offset, guest, size, result);
		if (result && offset <= bulk->stored)
			WRITE_ONCE(bulk->stored, max(bulk->stored, offset + size));
	}
	spin_unlock(&bulk->lock);
	return ret;
}

/* Copies up to the end of the guest's page.  Returns the number of bytes, or an error. */
static int rvmrpc_transfer_page(struct kvm_vcpu *vcpu, struct rvmrpc_bulk *bulk, u64 offset,
				u64 gva, u64 size, bool result)
{
	u32 part = min_t(u64, size, PAGE_SIZE - offset_in_page(gva));
	struct kvm_host_map map;
	int ret;

	ret = vmrpc_map_guest(vcpu, gva, !result, &map);
	if (ret)
		return ret;
	ret = rvmrpc_bulk_copy(bulk, offset, map.hva + offset_in_page(gva), part, result);
	kvm_vcpu_unmap(vcpu, &map, !result);
	return ret ? ret : part;
}

/* What was copied before something failed, or filled the dirty ring, is told first. */
static int rvmrpc_transfer_pages(struct kvm_vcpu *vcpu, struct rvmrpc_bulk *bulk, u64 offset,
				 u64 gva, u64 size, bool result, u64 *copied)
{
	int ret;

	*copied = 0;
	do {
		ret = rvmrpc_transfer_page(vcpu, bulk, offset + *copied, gva + *copied,
					   size - *copied, result);
		if (ret < 0)
			break;
		*copied += ret;
		cond_resched();
	} while (*copied < size && !signal_pending(current));
	return *copied ? 0 : ret;
}

static bool rvmrpc_transfer_valid(const struct vmrpc_transfer *arg)
{
	return arg->size && !(le32_to_cpu(arg->flags) & ~VMRPC_TRANSFER_RESULT);
}

/* The caller holds kvm->srcu. */
int rvmrpc_transfer(struct kvm_vcpu *vcpu, struct vmrpc_vm *vm, u64 gva, u64 *result)
{
	const struct rvmrpc_pages *pages;
	struct vmrpc_transfer arg;
	struct rvmrpc_bulk *bulk;
	u64 offset, size;
	bool store;
	int ret;

	if (vmrpc_read_guest(vcpu, &arg, gva, sizeof(arg)))
		return -EFAULT;
	if (!rvmrpc_transfer_valid(&arg))
		return -EINVAL;
	bulk = rvmrpc_slot_bulk(vm, le32_to_cpu(arg.slot), le64_to_cpu(arg.seq));
	if (IS_ERR(bulk))
		return PTR_ERR(bulk);
	offset = le64_to_cpu(arg.offset);
	size = le64_to_cpu(arg.size);
	store = arg.flags & cpu_to_le32(VMRPC_TRANSFER_RESULT);
	pages = store ? &bulk->res : &bulk->arg;
	if (offset > pages->size || size > pages->size - offset)
		ret = -EINVAL;
	else if (le64_to_cpu(arg.gva) + size < size)
		ret = -EFAULT;
	else
		ret = rvmrpc_transfer_pages(vcpu, bulk, offset, le64_to_cpu(arg.gva),
					    min_t(u64, size, RVMRPC_TRANSFER_MAX), store, result);
	rvmrpc_bulk_put(bulk);
	return ret;
}

/* A reference for a vCPU. */
void rvmrpc_bulk_get(struct rvmrpc_bulk *bulk)
{
	refcount_inc(&bulk->ref);
}
