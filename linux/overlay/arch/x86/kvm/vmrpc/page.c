// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pages of a channel, which the guest and the host share.  Each is mapped by a
 * gfn_to_pfn_cache, which follows paging and memslot changes, but not the VMM's exit; a page is
 * touched only under its cache's lock, with kvm->srcu and references to the VM and to the users of the
 * VMM's memory held: a vCPU that runs has these.
 */
#include <linux/kthread.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "internal.h"

#define RVMRPC_MAP_TRIES	64
#define RVMRPC_REFRESH_WAIT	(5 * HZ)	/* at most, for the VMM's memory */
#define RVMRPC_REFRESHES_MAX	8	/* per VM, under way in workers */

/* @kvm: NULL for a loopback's, which is then given in ->own. */
void rvmrpc_page_init(struct rvmrpc_page *page, struct kvm *kvm, struct rvmrpc_channel *channel)
{
	kvm_gpc_init(&page->cache, kvm);
	page->channel = channel;
}

/*
 * A cache is refreshed in the VMM's address space; a client is in its own.  The VMM's
 * memory may take for ever (a file system in user space): a client waits until it
 * is tired or gets a signal, and leaves the worker to itself.  So a VM has only a few
 * workers at a time, and all of them are of a queue that nobody else needs.
 */
struct rvmrpc_refresh {
	struct work_struct	work;
	struct kref		ref;		/* the worker's, and who waits */
	struct completion	done;
	struct rvmrpc_page	*page;		/* of ->channel, referenced, as ->kvm is */
	struct rvmrpc_channel	*channel;
	struct kvm		*kvm;
	int			ret;
};

static void rvmrpc_refresh_free(struct kref *ref)
{
	struct rvmrpc_refresh *refresh = container_of(ref, struct rvmrpc_refresh, ref);

	rvmrpc_channel_put(refresh->channel);
	kvm_put_kvm(refresh->kvm);
	kfree(refresh);
}

static int rvmrpc_refresh_in_mm(struct rvmrpc_page *page, struct kvm *kvm)
{
	int idx, ret;

	if (!mmget_not_zero(kvm->mm))
		return -ESHUTDOWN;
	kthread_use_mm(kvm->mm);
	idx = srcu_read_lock(&kvm->srcu);
	ret = kvm_gpc_refresh(&page->cache, PAGE_SIZE);
	srcu_read_unlock(&kvm->srcu, idx);
	kthread_unuse_mm(kvm->mm);
	mmput(kvm->mm);
	return ret;
}

/* Waits for a turn.  Returns the jiffies that are left of @wait, or what is not above 0. */
static long rvmrpc_refresh_begin(struct vmrpc_vm *vm, long wait)
{
	return wait_event_interruptible_timeout(vm->refresh_wait,
			atomic_add_unless(&vm->refreshes, 1, RVMRPC_REFRESHES_MAX), wait);
}

/* The VM is still there: the caller holds a reference to its struct kvm. */
static void rvmrpc_refresh_end(struct vmrpc_vm *vm)
{
	atomic_dec(&vm->refreshes);
	wake_up(&vm->refresh_wait);
}

static void rvmrpc_refresh_work(struct work_struct *work)
{
	struct rvmrpc_refresh *refresh = container_of(work, struct rvmrpc_refresh, work);

	refresh->ret = rvmrpc_refresh_in_mm(refresh->page, refresh->kvm);
	rvmrpc_refresh_end(refresh->kvm->arch.vmrpc);
	complete(&refresh->done);
	kref_put(&refresh->ref, rvmrpc_refresh_free);
}

static struct rvmrpc_refresh *rvmrpc_refresh_new(struct rvmrpc_page *page)
{
	struct rvmrpc_refresh *refresh = kzalloc(sizeof(*refresh), GFP_KERNEL_ACCOUNT);

	if (!refresh)
		return NULL;
	INIT_WORK(&refresh->work, rvmrpc_refresh_work);
	kref_init(&refresh->ref);
	init_completion(&refresh->done);
	refresh->page = page;
	refresh->channel = page->channel;
	rvmrpc_channel_hold(refresh->channel);
	/* The caller has one. */
	refresh->kvm = page->cache.kvm;
	kvm_get_kvm(refresh->kvm);
	return refresh;
}

static int rvmrpc_page_refresh(struct rvmrpc_page *page, long wait)
{
	struct kvm *kvm = page->cache.kvm;
	struct rvmrpc_refresh *refresh;
	int ret = -EINTR;
	long left;

	if (current->mm == kvm->mm)
		return kvm_gpc_refresh(&page->cache, PAGE_SIZE);
	left = rvmrpc_refresh_begin(kvm->arch.vmrpc, min_t(long, wait, RVMRPC_REFRESH_WAIT));
	if (left <= 0)
		return -EINTR;
	refresh = rvmrpc_refresh_new(page);
	if (!refresh) {
		rvmrpc_refresh_end(kvm->arch.vmrpc);
		return -ENOMEM;
	}
	kref_get(&refresh->ref);
	queue_work(vmrpc_refresh_wq, &refresh->work);
	if (wait_for_completion_interruptible_timeout(&refresh->done, left) > 0)
		ret = refresh->ret;
	kref_put(&refresh->ref, rvmrpc_refresh_free);
	return ret;
}

static bool rvmrpc_page_mapped(struct rvmrpc_page *page)
{
	return page->own || kvm_gpc_check(&page->cache, PAGE_SIZE);
}

/* A page that is read-only for the guest is the VMM's, not the guest's to point us to. */
static void *rvmrpc_page_address(struct rvmrpc_page *page)
{
	if (page->own)
		return page->own;
	return page->cache.memslot->flags & KVM_MEM_READONLY ? NULL : page->cache.khva;
}

/*
 * Returns the page's address, to be used until rvmrpc_page_unlock(), which has to follow
 * in any case, or NULL if it cannot be had (the guest's memory there is gone, or the
 * channel is closed).
 * @wait: jiffies at most, for the VMM's memory.
 */
void *rvmrpc_page_lock(struct rvmrpc_page *page, long wait, unsigned long *flags)
	__acquires(&page->cache.lock)
{
	struct gfn_to_pfn_cache *cache = &page->cache;
	int tries, ret;

	read_lock_irqsave(&cache->lock, *flags);
	for (tries = 0; !rvmrpc_page_mapped(page); tries++) {
		read_unlock_irqrestore(&cache->lock, *flags);
		ret = tries < RVMRPC_MAP_TRIES ? rvmrpc_page_refresh(page, wait) : -EAGAIN;
		read_lock_irqsave(&cache->lock, *flags);
		if (ret)
			return NULL;
	}
	return rvmrpc_page_address(page);
}

void rvmrpc_page_unlock(struct rvmrpc_page *page, unsigned long flags)
	__releases(&page->cache.lock)
{
	read_unlock_irqrestore(&page->cache.lock, flags);
}
