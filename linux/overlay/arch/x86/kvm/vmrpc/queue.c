// SPDX-License-Identifier: GPL-2.0-only
/*
 * The calls that were submitted on a VM descriptor: under way, and those that wait to be
 * reaped.  The descriptor's end gives up on them; an answer that comes at that moment
 * finds the queue closed, which therefore has references.
 */
#include <linux/poll.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "internal.h"

#define VMRPC_QUEUE_MAX	1024	/* calls of a descriptor */

struct vmrpc_queue {
	struct kref		ref;		/* the descriptor's, and each call's */
	spinlock_t		lock;		/* the fields below; nests in a channel's */
	struct list_head	sent;
	struct list_head	done;
	u32			nr;
	bool			closed;
	wait_queue_head_t	wait;
};

struct vmrpc_queued {
	struct rvmrpc_async	async;
	struct vmrpc_queue	*queue;
	struct list_head	node;
	u64			user_data;
	struct vmrpc_client	client;
	struct mm_struct	*mm;	/* that the client's memory is in */
	int			status;
};

struct vmrpc_queue *vmrpc_queue_new(void)
{
	struct vmrpc_queue *queue = kzalloc(sizeof(*queue), GFP_KERNEL_ACCOUNT);

	if (!queue)
		return NULL;
	kref_init(&queue->ref);
	spin_lock_init(&queue->lock);
	INIT_LIST_HEAD(&queue->sent);
	INIT_LIST_HEAD(&queue->done);
	init_waitqueue_head(&queue->wait);
	return queue;
}

static void vmrpc_queue_free(struct kref *ref)
{
	kfree(container_of(ref, struct vmrpc_queue, ref));
}

static void vmrpc_queued_release(struct rvmrpc_async *async)
{
	struct vmrpc_queued *queued = container_of(async, struct vmrpc_queued, async);

	kref_put(&queued->queue->ref, vmrpc_queue_free);
	mmdrop(queued->mm);
	vmrpc_client_free_later(&queued->client);
	kfree(queued);
}

/* Takes a call that the submitter still has out of the queue. */
static void vmrpc_queued_drop(struct vmrpc_queued *queued)
{
	struct vmrpc_queue *queue = queued->queue;

	spin_lock(&queue->lock);
	list_del_init(&queued->node);
	queue->nr--;
	spin_unlock(&queue->lock);
	rvmrpc_async_put(&queued->async);
}

static void vmrpc_queued_done(struct rvmrpc_async *async, int ret)
{
	struct vmrpc_queued *queued = container_of(async, struct vmrpc_queued, async);
	struct vmrpc_queue *queue = queued->queue;
	bool closed;

	/* Nobody may ever reap it. */
	vmrpc_client_free_bulk(&queued->client);
	spin_lock(&queue->lock);
	queued->status = ret;
	closed = queue->closed;
	if (!closed) {
		list_move_tail(&queued->node, &queue->done);
		/* Under the lock: who reaps the call may close the queue. */
		wake_up(&queue->wait);
	}
	spin_unlock(&queue->lock);
	if (closed)
		vmrpc_queued_drop(queued);
}

static struct vmrpc_queued *vmrpc_queued_new(struct vmrpc_queue *queue,
					     const struct vmrpc_vm_submit *arg)
{
	struct vmrpc_queued *queued;
	int ret;

	queued = kzalloc(sizeof(*queued), GFP_KERNEL_ACCOUNT);
	if (!queued)
		return ERR_PTR(-ENOMEM);
	ret = vmrpc_client_init(&queued->client, &queued->async.args, &arg->call);
	if (ret) {
		kfree(queued);
		return ERR_PTR(ret);
	}
	queued->async.done = vmrpc_queued_done;
	queued->async.release = vmrpc_queued_release;
	refcount_set(&queued->async.ref, 1);
	queued->user_data = arg->user_data;
	queued->mm = current->mm;
	mmgrab(queued->mm);
	queued->queue = queue;
	kref_get(&queue->ref);
	return queued;
}

int vmrpc_queue_submit(struct vmrpc_vm *vm, struct vmrpc_queue *queue,
		       const struct vmrpc_vm_submit *arg, bool wait)
{
	struct vmrpc_queued *queued = vmrpc_queued_new(queue, arg);
	bool full;
	int ret;

	if (IS_ERR(queued))
		return PTR_ERR(queued);
	spin_lock(&queue->lock);
	full = queue->nr >= VMRPC_QUEUE_MAX;
	queue->nr++;
	list_add_tail(&queued->node, &queue->sent);
	spin_unlock(&queue->lock);
	if (full) {
		ret = -EBUSY;
		vmrpc_stat_call(vm, &queued->async.args, ret);
	} else {
		ret = rvmrpc_submit(vm, &queued->async, arg->call.timeout_ms, wait);
	}
	if (ret)
		vmrpc_queued_drop(queued);
	return ret;
}

/* The call submitted first of those with @user_data that are under way, referenced. */
static struct vmrpc_queued *vmrpc_queue_find_sent(struct vmrpc_queue *queue, u64 user_data)
{
	struct vmrpc_queued *queued;

	spin_lock(&queue->lock);
	list_for_each_entry(queued, &queue->sent, node) {
		if (queued->user_data != user_data)
			continue;
		refcount_inc(&queued->async.ref);
		spin_unlock(&queue->lock);
		return queued;
	}
	spin_unlock(&queue->lock);
	return NULL;
}

int vmrpc_queue_cancel(struct vmrpc_queue *queue, u64 user_data)
{
	struct vmrpc_queued *queued = vmrpc_queue_find_sent(queue, user_data);
	bool cancelled;

	if (!queued)
		return -ENOENT;
	cancelled = rvmrpc_cancel(&queued->async);
	if (cancelled)
		vmrpc_queued_done(&queued->async, -ECANCELED);
	rvmrpc_async_put(&queued->async);
	return cancelled ? 0 : -ENOENT;
}

static struct vmrpc_queued *vmrpc_queue_pop(struct vmrpc_queue *queue)
{
	struct vmrpc_queued *queued;

	spin_lock(&queue->lock);
	queued = list_first_entry_or_null(&queue->done, struct vmrpc_queued, node);
	if (queued)
		list_del_init(&queued->node);
	spin_unlock(&queue->lock);
	return queued;
}

static void vmrpc_queue_push_back(struct vmrpc_queue *queue, struct vmrpc_queued *queued)
{
	spin_lock(&queue->lock);
	list_add(&queued->node, &queue->done);
	wake_up(&queue->wait);
	spin_unlock(&queue->lock);
}

static int vmrpc_queued_reap(struct vmrpc_queued *queued, struct vmrpc_vm_done __user *to)
{
	const struct rvmrpc_args *args = &queued->async.args;
	struct vmrpc_vm_done done = {
		.user_data = queued->user_data,
		.status = queued->status,
	};

	if (!done.status && current->mm != queued->mm)
		done.status = -EFAULT;
	if (!done.status)
		done.status = vmrpc_client_result(&queued->client, args);
	if (!done.status) {
		done.result = args->result;
		done.res_size = args->res_size;
	}
	return copy_to_user(to, &done, sizeof(done)) ? -EFAULT : 0;
}

/* Fills the array of @arg as far as there are answers; -EAGAIN if there is none. */
int vmrpc_queue_reap(struct vmrpc_queue *queue, struct vmrpc_entries *arg)
{
	struct vmrpc_vm_done __user *entries = u64_to_user_ptr(arg->entries);
	struct vmrpc_queued *queued;
	u32 count = 0;
	int ret = 0;

	while (count < arg->count && (queued = vmrpc_queue_pop(queue))) {
		ret = vmrpc_queued_reap(queued, &entries[count]);
		if (ret) {
			vmrpc_queue_push_back(queue, queued);
			break;
		}
		vmrpc_queued_drop(queued);
		count++;
	}
	arg->count = count;
	if (count)
		return 0;
	return ret ? ret : -EAGAIN;
}

__poll_t vmrpc_queue_poll(struct vmrpc_queue *queue, struct file *file, poll_table *wait)
{
	poll_wait(file, &queue->wait, wait);
	return list_empty_careful(&queue->done) ? 0 : EPOLLIN | EPOLLRDNORM;
}

/* The call submitted first that is still under way, referenced; the queue is closed. */
static struct vmrpc_queued *vmrpc_queue_take_sent(struct vmrpc_queue *queue)
{
	struct vmrpc_queued *queued;

	spin_lock(&queue->lock);
	queue->closed = true;
	queued = list_first_entry_or_null(&queue->sent, struct vmrpc_queued, node);
	if (queued) {
		list_del_init(&queued->node);
		refcount_inc(&queued->async.ref);
	}
	spin_unlock(&queue->lock);
	return queued;
}

void vmrpc_queue_close(struct vmrpc_queue *queue)
{
	struct vmrpc_queued *queued;

	while ((queued = vmrpc_queue_take_sent(queue))) {
		if (rvmrpc_cancel(&queued->async))
			vmrpc_queued_drop(queued);
		rvmrpc_async_put(&queued->async);
	}
	while ((queued = vmrpc_queue_pop(queue)))
		vmrpc_queued_drop(queued);
	kref_put(&queue->ref, vmrpc_queue_free);
}
