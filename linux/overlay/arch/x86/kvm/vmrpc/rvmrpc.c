// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reverse VMRPC: calls from the host to a guest kernel, through a channel of slots in
 * guest memory.
 *
 * A channel lives from REGISTER until it is closed (by UNREGISTER, another REGISTER,
 * reset or the VM's end) and its last caller is done.  Its pages are touched only
 * between rvmrpc_page_lock() and _unlock().
 *
 * A slot belongs to the caller that claimed it, until it releases it.  A caller that
 * gives up leaves its slot abandoned: the guest may still write to it, so it is free
 * again only when the guest answered.  What the guest wrote is read once.
 *
 * The pages that the host writes are not entered into the dirty log: after a
 * migration or the loading of a snapshot the guest registers a new channel.
 */
#include <linux/module.h>
#include <linux/random.h>
#include <linux/sched/mm.h>
#include <linux/wait_bit.h>
#include <linux/workqueue.h>

#include "internal.h"
#include "trace.h"

#define RVMRPC_CALLERS_MAX	1024	/* per VM, waiting for a slot or an answer */
#define RVMRPC_REKICK		2	/* jiffies until a kick that had no effect is repeated */

/* In this order: from SENT on the guest may write to the slot. */
enum rvmrpc_slot_state {
	RVMRPC_FREE = 0,
	RVMRPC_CLAIMED,			/* its caller prepares a request, or reads the answer */
	RVMRPC_SENT,			/* its caller waits */
	RVMRPC_ABANDONED,		/* its caller gave up after it sent */
};

/* What became of the requests that wanted a kick since the guest last polled. */
enum rvmrpc_kick {
	RVMRPC_QUIET = 0,		/* there was none */
	RVMRPC_WOKEN,			/* there was one, and a parked poller was woken for it */
	RVMRPC_NEWS,			/* there were more, or no poller was parked */
};

struct rvmrpc_slot {
	struct rvmrpc_page	request;
	struct rvmrpc_page	response;
	enum rvmrpc_slot_state	state;	/* under channel->lock */
	u64			seq;	/* of the last request; written by the claimer, under channel->lock */
	u64			sent_at;	/* jiffies_64 */
	struct rvmrpc_async	*async;	/* under channel->lock; NULL: a thread waits for done */
	struct rvmrpc_bulk	*bulk;	/* the request's, while it is SENT and the channel open; may be NULL */
	struct completion	done;	/* answered, or the channel is closed */
};

struct rvmrpc_channel {
	struct kref		ref;
	struct kvm		*kvm;		/* NULL: loopback */
	u32			nr_slots;
	bool			bulk;		/* the guest transfers what is larger than a slot */
	spinlock_t		lock;
	int			closed;		/* -errno for all callers; under lock */
	u64			next_seq;	/* under lock */
	wait_queue_head_t	free_wait;
	struct rvmrpc_page	control;
	struct rvmrpc_slot	slots[] __counted_by(nr_slots);
};

static void rvmrpc_channel_free(struct kref *ref)
{
	kvfree(container_of(ref, struct rvmrpc_channel, ref));
}

void rvmrpc_channel_put(struct rvmrpc_channel *channel)
{
	kref_put(&channel->ref, rvmrpc_channel_free);
}

void rvmrpc_channel_hold(struct rvmrpc_channel *channel)
{
	kref_get(&channel->ref);
}

static struct rvmrpc_channel *rvmrpc_channel_get(struct vmrpc_vm *vm)
{
	struct rvmrpc_channel *channel;
	unsigned long flags;

	spin_lock_irqsave(&vm->lock, flags);
	channel = vm->channel;
	if (channel)
		kref_get(&channel->ref);
	else
		channel = ERR_PTR(vm->gone ? -ESHUTDOWN : -ENOTCONN);
	spin_unlock_irqrestore(&vm->lock, flags);
	return channel;
}

/* The errors that are the guest's to report; any other it has no business with. */
static int rvmrpc_guest_error(u32 status)
{
	switch (status) {
	case VMRPC_EINTR:
	case VMRPC_E2BIG:
	case VMRPC_ENOMEM:
	case VMRPC_EFAULT:
	case VMRPC_EINVAL:
	case VMRPC_ENOSYS:
	case VMRPC_EMSGSIZE:
	case VMRPC_EPROTONOSUPPORT:
	case VMRPC_ECONNREFUSED:
		return -(int)status;
	}
	return -EPROTO;
}

/* Jiffies until the caller gives up; 0 when it did. */
static long rvmrpc_time_left(const struct rvmrpc_args *args)
{
	return max((long)(args->deadline - jiffies), 0l);
}

static int rvmrpc_response_read(struct rvmrpc_slot *slot, const struct vmrpc_response *response,
				struct rvmrpc_args *args)
{
	struct vmrpc_response header;
	u32 size;

	memcpy(&header, response, sizeof(header));
	/* The guest may go on writing: decide by the copy only. */
	barrier();
	size = le32_to_cpu(header.res_size);
	if (le64_to_cpu(header.seq) != slot->seq)
		return -EPROTO;
	if (header.status)
		return rvmrpc_guest_error(le32_to_cpu(header.status));
	if (size > args->res_size || memchr_inv(header.reserved, 0, sizeof(header.reserved)))
		return -EPROTO;
	if (size > VMRPC_SLOT_DATA && rvmrpc_bulk_stored(args->bulk) < size)
		return -EPROTO;
	if (size <= VMRPC_SLOT_DATA)
		memcpy(args->res, response + 1, size);
	args->res_size = size;
	args->result = le64_to_cpu(header.result);
	return 0;
}

static int rvmrpc_slot_read(struct rvmrpc_slot *slot, struct rvmrpc_args *args)
{
	struct vmrpc_response *response;
	unsigned long flags;
	int ret;

	response = rvmrpc_page_lock(&slot->response, rvmrpc_time_left(args), &flags);
	ret = response ? rvmrpc_response_read(slot, response, args) : -EPROTO;
	rvmrpc_page_unlock(&slot->response, flags);
	return ret;
}

static void rvmrpc_slot_set(struct rvmrpc_channel *channel, struct rvmrpc_slot *slot,
			    enum rvmrpc_slot_state state)
{
	spin_lock(&channel->lock);
	slot->state = state;
	spin_unlock(&channel->lock);
	if (state == RVMRPC_FREE)
		wake_up(&channel->free_wait);
}

void rvmrpc_async_put(struct rvmrpc_async *async)
{
	if (!refcount_dec_and_test(&async->ref))
		return;
	if (async->channel)
		rvmrpc_channel_put(async->channel);
	if (async->vm)
		vmrpc_vm_put(async->vm);
	async->release(async);
}

static void rvmrpc_async_stop_deadline(struct rvmrpc_async *async)
{
	if (cancel_delayed_work(&async->deadline))
		rvmrpc_async_put(async);
}

/* Who took @async from its slot ends it. */
static void rvmrpc_async_finish(struct rvmrpc_async *async, int ret)
{
	rvmrpc_bulk_stop(async->args.bulk);
	vmrpc_stat_call(async->vm, &async->args, ret);
	rvmrpc_async_stop_deadline(async);
	async->done(async, ret);
}

/* A page that cannot be had may be so because the channel was closed. */
static int rvmrpc_closed_or(struct rvmrpc_channel *channel, int ret)
{
	return ret == -EPROTO && READ_ONCE(channel->closed) ? channel->closed : ret;
}

/* The answer was read: @ret. */
static void rvmrpc_async_received(struct rvmrpc_async *async, int ret)
{
	struct rvmrpc_slot *slot = async->slot;

	ret = rvmrpc_closed_or(async->channel, ret);
	rvmrpc_slot_set(async->channel, slot, RVMRPC_FREE);
	rvmrpc_async_finish(async, ret);
}

/* The sequence number of the guest's last answer in the slot, 0 if it cannot be had. */
static u64 rvmrpc_slot_answered(struct rvmrpc_slot *slot)
{
	struct vmrpc_response *response;
	unsigned long flags;
	u64 seq = 0;

	response = rvmrpc_page_lock(&slot->response, 0, &flags);
	if (response) {
		/* Pairs with the guest's release: the rest of the response is there. */
		seq = le64_to_cpu(smp_load_acquire(&response->seq));
	}
	rvmrpc_page_unlock(&slot->response, flags);
	return seq;
}

/*
 * Hands the slot to its caller, or frees it if the caller gave up.  @seq was read
 * without the lock: another vCPU may have delivered that answer meanwhile, and the
 * slot may be sent anew.  Returns whether it is free now.
 */
static bool rvmrpc_slot_deliver(struct rvmrpc_channel *channel, struct rvmrpc_slot *slot, u64 seq)
{
	struct rvmrpc_async *async = NULL;
	bool freed = false;

	spin_lock(&channel->lock);
	if (slot->seq == seq && slot->state == RVMRPC_SENT) {
		slot->state = RVMRPC_CLAIMED;
		async = slot->async;
		slot->async = NULL;
		if (!async)
			complete(&slot->done);
	} else if (slot->seq == seq && slot->state == RVMRPC_ABANDONED) {
		slot->state = RVMRPC_FREE;
		freed = true;
	}
	spin_unlock(&channel->lock);
	if (async)
		rvmrpc_async_received(async, rvmrpc_slot_read(slot, &async->args));
	return freed;
}

/* Delivers all answers.  On a vCPU's thread, with kvm->srcu held. */
static void rvmrpc_deliver(struct rvmrpc_channel *channel)
{
	struct rvmrpc_slot *slot;
	u32 i;

	for (i = 0; i < channel->nr_slots; i++) {
		slot = &channel->slots[i];
		if (READ_ONCE(slot->state) >= RVMRPC_SENT &&
		    rvmrpc_slot_deliver(channel, slot, rvmrpc_slot_answered(slot)))
			wake_up(&channel->free_wait);
	}
}

/* Claims a free slot; false if there is none and the channel is open. */
static bool rvmrpc_slot_try_claim(struct rvmrpc_channel *channel, struct rvmrpc_slot **slot)
{
	bool decided = false;
	u32 i;

	spin_lock(&channel->lock);
	if (channel->closed) {
		*slot = ERR_PTR(channel->closed);
		decided = true;
	}
	for (i = 0; i < channel->nr_slots && !decided; i++) {
		if (channel->slots[i].state != RVMRPC_FREE)
			continue;
		*slot = &channel->slots[i];
		(*slot)->state = RVMRPC_CLAIMED;
		(*slot)->seq = ++channel->next_seq;
		reinit_completion(&(*slot)->done);
		decided = true;
	}
	spin_unlock(&channel->lock);
	return decided;
}

static struct rvmrpc_slot *rvmrpc_slot_claim(struct rvmrpc_channel *channel, long *timeout)
{
	struct rvmrpc_slot *slot;
	long ret;

	if (rvmrpc_slot_try_claim(channel, &slot))
		return slot;
	/* Exclusively: a slot wakes one caller, who has waited longest. */
	ret = ___wait_event(channel->free_wait,
			    ___wait_cond_timeout(rvmrpc_slot_try_claim(channel, &slot)),
			    TASK_INTERRUPTIBLE, 1, *timeout, __ret = schedule_timeout(__ret));
	if (ret <= 0) {
		/* It may have been woken all the same. */
		wake_up(&channel->free_wait);
		return ERR_PTR(ret ? -EINTR : -ETIMEDOUT);
	}
	*timeout = ret;
	return slot;
}

static bool rvmrpc_needs_kick(struct rvmrpc_channel *channel, const struct rvmrpc_args *args)
{
	struct vmrpc_control *control;
	unsigned long flags;
	bool need;

	control = rvmrpc_page_lock(&channel->control, rvmrpc_time_left(args), &flags);
	need = !control || le32_to_cpu(READ_ONCE(control->need_kick)) != 0;
	rvmrpc_page_unlock(&channel->control, flags);
	return need;
}

static bool rvmrpc_wake_poller(struct vmrpc_vm *vm, struct rvmrpc_channel *channel)
{
	if (!channel->kvm || !vmlp_poller_wake(vm, channel->kvm))
		return false;
	atomic64_inc(&vm->stats.wakes);
	return true;
}

/*
 * Tells the guest to look at its slots.  Once told it looks at all of them before it
 * parks again, so the requests that come meanwhile need no kick of their own: the poll
 * that ends its looking does not park when there is news.  So a request is never
 * missed, by a guest that parks with its interrupts disabled neither.
 */
static void rvmrpc_kick(struct vmrpc_vm *vm, struct rvmrpc_channel *channel)
{
	int old = atomic_read(&vm->kick);

	while (!atomic_try_cmpxchg(&vm->kick, &old,
				   old == RVMRPC_QUIET ? RVMRPC_WOKEN : RVMRPC_NEWS))
		;
	if (old != RVMRPC_QUIET && time_before(jiffies, READ_ONCE(vm->kicked_at) + RVMRPC_REKICK))
		return;
	WRITE_ONCE(vm->kicked_at, jiffies);

	if (rvmrpc_wake_poller(vm, channel))
		return;
	/* Full barrier: a poller that does not see the news is seen here. */
	atomic_xchg(&vm->kick, RVMRPC_NEWS);
	if (rvmrpc_wake_poller(vm, channel))
		return;
	atomic64_inc(&vm->stats.interrupts);
	vm->interrupt(vm);
}

static void rvmrpc_request_write(struct rvmrpc_slot *slot, struct vmrpc_request *request,
				 const struct rvmrpc_args *args)
{
	request->timeout_ns = cpu_to_le64(jiffies64_to_nsecs(rvmrpc_time_left(args)));
	memset(request->module, 0, sizeof(request->module));
	strscpy(request->module, args->module, sizeof(request->module));
	request->procedure = cpu_to_le32(args->procedure);
	request->arg_size = cpu_to_le32(args->arg_size);
	request->res_max = cpu_to_le32(args->res_size);
	request->reserved = 0;
	if (args->arg_size <= VMRPC_SLOT_DATA)
		memcpy(request + 1, args->arg, args->arg_size);
	/* Pairs with the guest's acquire. */
	smp_store_release(&request->seq, cpu_to_le64(slot->seq));
}

static int rvmrpc_slot_write(struct rvmrpc_slot *slot, const struct rvmrpc_args *args)
{
	struct vmrpc_request *request;
	unsigned long flags;

	request = rvmrpc_page_lock(&slot->request, rvmrpc_time_left(args), &flags);
	if (request)
		rvmrpc_request_write(slot, request, args);
	rvmrpc_page_unlock(&slot->request, flags);
	return request ? 0 : -EPROTO;
}

static int rvmrpc_slot_send(struct vmrpc_vm *vm, struct rvmrpc_channel *channel,
			    struct rvmrpc_slot *slot, struct rvmrpc_args *args)
{
	int ret;

	WRITE_ONCE(slot->sent_at, get_jiffies_64());
	slot->bulk = channel->bulk ? args->bulk : NULL;
	rvmrpc_slot_set(channel, slot, RVMRPC_SENT);
	ret = rvmrpc_slot_write(slot, args);
	if (ret) {
		rvmrpc_slot_set(channel, slot, RVMRPC_CLAIMED);
		return ret;
	}
	trace_rvmrpc_request(vm->name, slot - channel->slots, slot->seq, args->module,
			     args->procedure, args->arg_size);
	atomic64_inc(&vm->stats.calls);
	args->seq = slot->seq;
	/* The request before need_kick; the guest has it the other way round. */
	smp_mb();
	if (rvmrpc_needs_kick(channel, args))
		rvmrpc_kick(vm, channel);
	return 0;
}

/*
 * Waits for the answer.  When it returns an error other than the channel's end, the
 * slot was left to the guest.
 */
static int rvmrpc_slot_wait(struct rvmrpc_channel *channel, struct rvmrpc_slot *slot, long timeout)
{
	long left = wait_for_completion_interruptible_timeout(&slot->done, timeout);
	int ret = 0;

	spin_lock(&channel->lock);
	if (channel->closed) {
		ret = channel->closed;
	} else if (slot->state == RVMRPC_SENT) {
		slot->state = RVMRPC_ABANDONED;
		ret = left < 0 ? -EINTR : -ETIMEDOUT;
	}
	spin_unlock(&channel->lock);
	return ret;
}

enum rvmrpc_direction { RVMRPC_SEND, RVMRPC_RECEIVE };

static int rvmrpc_touch(struct vmrpc_vm *vm, struct rvmrpc_channel *channel,
			struct rvmrpc_slot *slot, struct rvmrpc_args *args,
			enum rvmrpc_direction direction)
{
	return direction == RVMRPC_SEND ? rvmrpc_slot_send(vm, channel, slot, args) :
					  rvmrpc_slot_read(slot, args);
}

/*
 * Touches the channel's pages while neither the VM nor the VMM's memory can go away: of what a process
 * has when it exits KVM's caches are not told, and it may exit before its VM does.
 */
static int rvmrpc_touch_kvm(struct vmrpc_vm *vm, struct rvmrpc_channel *channel,
			    struct rvmrpc_slot *slot, struct rvmrpc_args *args,
			    enum rvmrpc_direction direction)
{
	struct kvm *kvm = vmrpc_vm_get_kvm(vm);
	int ret, idx;

	if (!kvm)
		return -ESHUTDOWN;
	ret = -ESHUTDOWN;
	if (mmget_not_zero(kvm->mm)) {
		idx = srcu_read_lock(&kvm->srcu);
		ret = rvmrpc_touch(vm, channel, slot, args, direction);
		srcu_read_unlock(&kvm->srcu, idx);
		mmput_async(kvm->mm);
	}
	kvm_put_kvm(kvm);
	return ret;
}

/* One half of a call.  A loopback's pages are its own. */
static int rvmrpc_exchange(struct vmrpc_vm *vm, struct rvmrpc_channel *channel,
			   struct rvmrpc_slot *slot, struct rvmrpc_args *args,
			   enum rvmrpc_direction direction)
{
	int ret = channel->kvm ? rvmrpc_touch_kvm(vm, channel, slot, args, direction) :
				 rvmrpc_touch(vm, channel, slot, args, direction);

	/* The wait for a page may have been cut short. */
	if (ret == -EPROTO && signal_pending(current))
		return -EINTR;
	ret = rvmrpc_closed_or(channel, ret);
	return ret == -EPROTO && !rvmrpc_time_left(args) ? -ETIMEDOUT : ret;
}

/* Without bulk a guest can neither take a large argument nor give a large result. */
static int rvmrpc_channel_fit(struct rvmrpc_channel *channel, struct rvmrpc_args *args)
{
	if (channel->bulk)
		return 0;
	args->res_size = min(args->res_size, VMRPC_SLOT_DATA);
	return args->arg_size > VMRPC_SLOT_DATA ? -E2BIG : 0;
}

static int rvmrpc_channel_call(struct vmrpc_vm *vm, struct rvmrpc_channel *channel,
			       struct rvmrpc_args *args, long timeout)
{
	struct rvmrpc_slot *slot;
	int ret = rvmrpc_channel_fit(channel, args);

	if (ret)
		return ret;
	slot = rvmrpc_slot_claim(channel, &timeout);
	if (IS_ERR(slot))
		return PTR_ERR(slot);
	args->deadline = jiffies + timeout;
	ret = rvmrpc_exchange(vm, channel, slot, args, RVMRPC_SEND);
	if (ret)
		goto out_free;
	ret = rvmrpc_slot_wait(channel, slot, rvmrpc_time_left(args));
	if (ret)
		return ret;
	ret = rvmrpc_exchange(vm, channel, slot, args, RVMRPC_RECEIVE);
out_free:
	rvmrpc_slot_set(channel, slot, RVMRPC_FREE);
	return ret;
}

static int rvmrpc_args_check(const struct rvmrpc_args *args, unsigned int timeout_ms)
{
	if (strlen(args->module) >= VMRPC_MODULE_LEN || !timeout_ms ||
	    timeout_ms > VMRPC_MAX_TIMEOUT_MS)
		return -EINVAL;
	return !args->bulk && max(args->arg_size, args->res_size) > VMRPC_SLOT_DATA ? -E2BIG : 0;
}

/* Returns the channel, referenced; rvmrpc_caller_end() has to follow in any case. */
static struct rvmrpc_channel *rvmrpc_caller_begin(struct vmrpc_vm *vm)
{
	if (atomic_inc_return(&vm->callers) > RVMRPC_CALLERS_MAX)
		return ERR_PTR(-EBUSY);
	return rvmrpc_channel_get(vm);
}

static void rvmrpc_caller_end(struct vmrpc_vm *vm)
{
	if (atomic_dec_and_test(&vm->callers))
		wake_up_var(&vm->callers);
}

/* As rvmrpc_call(), which has the rest of @args; results are left in it. */
int __rvmrpc_call(struct vmrpc_vm *vm, struct rvmrpc_args *args, unsigned int timeout_ms)
{
	struct rvmrpc_channel *channel;
	int ret = rvmrpc_args_check(args, timeout_ms);

	if (ret)
		return ret;
	channel = rvmrpc_caller_begin(vm);
	ret = PTR_ERR_OR_ZERO(channel);
	if (!ret) {
		ret = rvmrpc_channel_call(vm, channel, args, msecs_to_jiffies(timeout_ms));
		rvmrpc_channel_put(channel);
	}
	rvmrpc_caller_end(vm);
	vmrpc_stat_call(vm, args, ret);
	return ret;
}

/**
 * rvmrpc_call - call a procedure of a guest kernel
 * @vm: the VM, referenced
 * @module: that serves the call in the guest
 * @procedure: its number
 * @arg: the argument
 * @arg_size: bytes, at most VMRPC_SLOT_DATA
 * @res: where the result's bytes go; may be the same memory as @arg
 * @res_size: in: room at @res in bytes, at most VMRPC_SLOT_DATA; out: bytes written
 * @result: out: the procedure's own result
 * @timeout_ms: deadline from now, 1 to VMRPC_MAX_TIMEOUT_MS
 *
 * The guest's bytes are data of a stranger: nothing about them is checked but their
 * number.  Calls may overtake each other.
 *
 * Context: process; sleeps, interruptibly.
 * Return: 0; or the errors that VMRPC_VM_CALL lists in <linux/vmrpc_dev.h>, -E2BIG for
 * sizes above the limit, -EINVAL for a bad name or timeout.
 */
int rvmrpc_call(struct vmrpc_vm *vm, const char *module, u32 procedure,
		const void *arg, u32 arg_size, void *res, u32 *res_size,
		s64 *result, unsigned int timeout_ms)
{
	struct rvmrpc_args args = {
		.module = module, .procedure = procedure,
		.arg = arg, .arg_size = arg_size, .res = res, .res_size = *res_size,
	};
	int ret = __rvmrpc_call(vm, &args, timeout_ms);

	if (ret)
		return ret;
	*res_size = args.res_size;
	*result = args.result;
	return 0;
}
EXPORT_SYMBOL_GPL(rvmrpc_call);

/* Takes @async from its slot, which is left to the guest; false: somebody else did. */
static bool rvmrpc_async_abandon(struct rvmrpc_async *async)
{
	struct rvmrpc_slot *slot = async->slot;
	bool taken;

	lockdep_assert_held(&async->channel->lock);
	taken = slot->async == async;
	if (taken) {
		slot->async = NULL;
		slot->state = RVMRPC_ABANDONED;
	}
	return taken;
}

static void rvmrpc_async_deadline(struct work_struct *work)
{
	struct rvmrpc_async *async = container_of(work, struct rvmrpc_async, deadline.work);
	bool taken;

	spin_lock(&async->channel->lock);
	async->expired = true;
	taken = rvmrpc_async_abandon(async);
	spin_unlock(&async->channel->lock);
	if (taken)
		rvmrpc_async_finish(async, -ETIMEDOUT);
	rvmrpc_async_put(async);
}

/*
 * The request was sent: leaves the slot to the guest's answer, or takes that if it
 * was faster.  Until then the slot was its submitter's, as if a thread waited.  From
 * now on whatever ends the call is told by async->done.
 */
static void rvmrpc_async_attach(struct rvmrpc_async *async)
{
	struct rvmrpc_channel *channel = async->channel;
	struct rvmrpc_slot *slot = async->slot;
	bool answered = false;
	int ret = 0;

	spin_lock(&channel->lock);
	if (channel->closed) {
		ret = channel->closed;
	} else if (slot->state != RVMRPC_SENT) {
		answered = true;
	} else if (async->expired) {
		slot->state = RVMRPC_ABANDONED;
		ret = -ETIMEDOUT;
	} else {
		slot->async = async;
	}
	spin_unlock(&channel->lock);
	if (answered)
		rvmrpc_async_received(async, rvmrpc_exchange(async->vm, channel, slot, &async->args,
							     RVMRPC_RECEIVE));
	else if (ret)
		rvmrpc_async_finish(async, ret);
}

static int rvmrpc_async_send(struct rvmrpc_async *async, long timeout)
{
	int ret;

	async->args.deadline = jiffies + timeout;
	INIT_DELAYED_WORK(&async->deadline, rvmrpc_async_deadline);
	refcount_inc(&async->ref);
	queue_delayed_work(vmrpc_wq, &async->deadline, timeout);
	ret = rvmrpc_exchange(async->vm, async->channel, async->slot, &async->args, RVMRPC_SEND);
	if (!ret) {
		rvmrpc_async_attach(async);
		return 0;
	}
	rvmrpc_slot_set(async->channel, async->slot, RVMRPC_FREE);
	rvmrpc_async_stop_deadline(async);
	return ret;
}

static int rvmrpc_async_submit(struct rvmrpc_async *async, long timeout, bool wait)
{
	int ret = rvmrpc_channel_fit(async->channel, &async->args);

	if (ret)
		return ret;
	if (wait)
		async->slot = rvmrpc_slot_claim(async->channel, &timeout);
	else if (!rvmrpc_slot_try_claim(async->channel, &async->slot))
		return -EAGAIN;
	return IS_ERR(async->slot) ? PTR_ERR(async->slot) : rvmrpc_async_send(async, timeout);
}

/*
 * Sends a call and does not wait for its answer.  @wait: for a slot, else -EAGAIN if
 * all are in use.  Returns an error, also of rvmrpc_call(), after which async->done
 * is never called, or 0.
 */
int rvmrpc_submit(struct vmrpc_vm *vm, struct rvmrpc_async *async, unsigned int timeout_ms,
		  bool wait)
{
	struct rvmrpc_channel *channel;
	int ret = rvmrpc_args_check(&async->args, timeout_ms);

	if (ret)
		return ret;
	/* It may end, and be gone, before this returns. */
	refcount_inc(&async->ref);
	channel = rvmrpc_caller_begin(vm);
	ret = PTR_ERR_OR_ZERO(channel);
	if (!ret) {
		kref_get(&vm->ref);
		async->vm = vm;
		async->channel = channel;
		ret = rvmrpc_async_submit(async, msecs_to_jiffies(timeout_ms), wait);
	}
	rvmrpc_caller_end(vm);
	if (!ret) {
		/* Pairs with rvmrpc_cancel(). */
		smp_store_release(&async->submitted, true);
	} else if (ret != -EAGAIN) {
		vmrpc_stat_call(vm, &async->args, ret);
	}
	rvmrpc_async_put(async);
	return ret;
}

/*
 * Gives up on a call that was submitted.  Returns whether async->done will not be called; false
 * also if rvmrpc_submit() has not returned yet.
 */
bool rvmrpc_cancel(struct rvmrpc_async *async)
{
	bool taken;

	/* Pairs with rvmrpc_submit(). */
	if (!smp_load_acquire(&async->submitted))
		return false;
	spin_lock(&async->channel->lock);
	taken = rvmrpc_async_abandon(async);
	spin_unlock(&async->channel->lock);
	if (taken) {
		rvmrpc_bulk_stop(async->args.bulk);
		vmrpc_stat_call(async->vm, &async->args, -ECANCELED);
		rvmrpc_async_stop_deadline(async);
	}
	return taken;
}

/*
 * The bulk of the request @seq in slot @n, while somebody waits for it, with a reference
 * for a vCPU; a slot whose caller has gone no longer counts as SENT.
 */
struct rvmrpc_bulk *rvmrpc_slot_bulk(struct vmrpc_vm *vm, u32 n, u64 seq)
{
	struct rvmrpc_channel *channel = rvmrpc_channel_get(vm);
	struct rvmrpc_bulk *bulk = NULL;
	struct rvmrpc_slot *slot;

	if (IS_ERR(channel))
		return ERR_CAST(channel);
	if (n < channel->nr_slots) {
		slot = &channel->slots[array_index_nospec(n, channel->nr_slots)];
		spin_lock(&channel->lock);
		if (!channel->closed && slot->state == RVMRPC_SENT && slot->seq == seq)
			bulk = slot->bulk;
		if (bulk)
			rvmrpc_bulk_get(bulk);
		spin_unlock(&channel->lock);
	}
	rvmrpc_channel_put(channel);
	return bulk ? bulk : ERR_PTR(-ECANCELED);
}

/* Page @n as the guest counts them: control, request 0, response 0, request 1, ... */
static struct rvmrpc_page *rvmrpc_channel_page(struct rvmrpc_channel *channel, u32 n)
{
	struct rvmrpc_slot *slot;

	if (!n)
		return &channel->control;
	slot = &channel->slots[(n - 1) / 2];
	return n % 2 ? &slot->request : &slot->response;
}

static u32 rvmrpc_nr_pages(u32 nr_slots)
{
	return 1 + 2 * nr_slots;
}

static void rvmrpc_channel_deactivate(struct rvmrpc_channel *channel)
{
	u32 n;

	for (n = 0; channel->kvm && n < rvmrpc_nr_pages(channel->nr_slots); n++)
		kvm_gpc_deactivate(&rvmrpc_channel_page(channel, n)->cache);
}

/* On a vCPU's thread, so that the caches' first refresh is in the right address space. */
static int rvmrpc_channel_activate(struct rvmrpc_channel *channel, u64 gfn)
{
	int ret = 0;
	u32 n;

	for (n = 0; n < rvmrpc_nr_pages(channel->nr_slots) && !ret; n++)
		ret = kvm_gpc_activate(&rvmrpc_channel_page(channel, n)->cache,
				       gfn_to_gpa(gfn + n), PAGE_SIZE);
	if (ret)
		rvmrpc_channel_deactivate(channel);
	return ret;
}

static struct rvmrpc_channel *rvmrpc_channel_alloc(struct kvm *kvm, u32 nr_slots)
{
	struct rvmrpc_channel *channel;
	u32 n;

	channel = kvzalloc(struct_size(channel, slots, nr_slots), GFP_KERNEL_ACCOUNT);
	if (!channel)
		return NULL;
	kref_init(&channel->ref);
	channel->kvm = kvm;
	channel->nr_slots = nr_slots;
	/* Not those of a channel before: a guest's late worker may still have one. */
	channel->next_seq = (u64)(get_random_u32() >> 1) << 32;
	spin_lock_init(&channel->lock);
	init_waitqueue_head(&channel->free_wait);
	for (n = 0; n < rvmrpc_nr_pages(nr_slots); n++)
		rvmrpc_page_init(rvmrpc_channel_page(channel, n), kvm, channel);
	for (n = 0; n < nr_slots; n++)
		init_completion(&channel->slots[n].done);
	return channel;
}

/*
 * Puts @next, which may be NULL, in the place of the VM's channel, whose callers end with
 * @reason.  One step: a poll meanwhile must not hear that there is no channel.
 */
static int rvmrpc_channel_replace(struct vmrpc_vm *vm, struct rvmrpc_channel *next, int reason)
{
	struct rvmrpc_channel *channel;
	struct rvmrpc_async *async;
	u32 i;

	lockdep_assert_held(&vm->channel_mutex);
	spin_lock_irq(&vm->lock);
	channel = vm->channel;
	vm->channel = next;
	spin_unlock_irq(&vm->lock);
	if (!channel)
		return -ENOTCONN;

	spin_lock(&channel->lock);
	channel->closed = reason;
	for (i = 0; i < channel->nr_slots; i++) {
		complete(&channel->slots[i].done);
		async = channel->slots[i].async;
		channel->slots[i].async = NULL;
		if (async)
			rvmrpc_async_finish(async, reason);
	}
	spin_unlock(&channel->lock);
	wake_up_all(&channel->free_wait);

	rvmrpc_channel_deactivate(channel);
	rvmrpc_channel_put(channel);
	return 0;
}

/* Closes the VM's channel; -ENOTCONN if it has none. */
int rvmrpc_close(struct vmrpc_vm *vm, int reason)
{
	int ret;

	mutex_lock(&vm->channel_mutex);
	ret = rvmrpc_channel_replace(vm, NULL, reason);
	mutex_unlock(&vm->channel_mutex);
	return ret;
}

/*
 * Makes @channel the VM's; one that was registered before is closed.  Returns its generation:
 * not from 1 on, for who knows the VM's last one from another host.
 */
static u32 rvmrpc_channel_install(struct vmrpc_vm *vm, struct rvmrpc_channel *channel)
{
	u32 generation;

	mutex_lock(&vm->channel_mutex);
	if (!vm->generation)
		vm->generation = get_random_u32_below(U32_MAX / 2);
	generation = ++vm->generation;
	atomic_set(&vm->kick, RVMRPC_QUIET);
	rvmrpc_channel_replace(vm, channel, -ECONNRESET);
	mutex_unlock(&vm->channel_mutex);
	return generation;
}

/* The caller holds kvm->srcu. */
int rvmrpc_register(struct kvm_vcpu *vcpu, struct vmrpc_vm *vm, u64 slots, u64 gfn, u64 flags,
		    u64 *result)
{
	struct rvmrpc_channel *channel;
	int ret;

	if (flags & ~(u64)VMRPC_CHANNEL_BULK)
		return -EINVAL;
	if (!slots || slots > VMRPC_MAX_SLOTS || gfn > gpa_to_gfn(GENMASK_ULL(51, 0)) - 2 * slots)
		return -EINVAL;
	channel = rvmrpc_channel_alloc(vcpu->kvm, slots);
	if (!channel)
		return -ENOMEM;
	channel->bulk = flags & VMRPC_CHANNEL_BULK;
	ret = rvmrpc_channel_activate(channel, gfn);
	if (ret) {
		rvmrpc_channel_put(channel);
		return -EFAULT;
	}

	*result = rvmrpc_channel_install(vm, channel);
	return 0;
}

static int rvmrpc_poll_deliver(struct vmrpc_vm *vm)
{
	struct rvmrpc_channel *channel = rvmrpc_channel_get(vm);

	if (IS_ERR(channel))
		return PTR_ERR(channel);
	atomic64_inc(&vm->stats.polls);
	WRITE_ONCE(vm->polled_at, get_jiffies_64());
	rvmrpc_deliver(channel);
	rvmrpc_channel_put(channel);
	return 0;
}

/* Did requests come that no parked poller was woken for? */
static bool rvmrpc_poll_look_again(struct vmrpc_vm *vm)
{
	return atomic_xchg(&vm->kick, RVMRPC_QUIET) == RVMRPC_NEWS;
}

/* The caller holds kvm->srcu. */
int rvmrpc_poll(struct kvm_vcpu *vcpu, struct vmrpc_vm *vm, u64 flags, u64 *result)
{
	bool park = flags & VMRPC_POLL_PARK;
	int ret;

	if (flags & ~(u64)VMRPC_POLL_PARK)
		return -EINVAL;
	ret = rvmrpc_poll_deliver(vm);
	if (ret)
		return ret;

	if (park)
		vmlp_poller_prepare(vcpu, vm);
	/* Full barrier: a request that makes news from here on finds the poller. */
	*result = rvmrpc_poll_look_again(vm);
	if (park && !*result)
		return vmlp_halt(vcpu, vm);
	if (park)
		__vmlp_unpark(vcpu);
	return 0;
}

/* Since @then, but at least 1 and at most U32_MAX. */
static u32 rvmrpc_ms_since(u64 then)
{
	return clamp(jiffies64_to_msecs(get_jiffies_64() - then), 1ull, (u64)U32_MAX);
}

void rvmrpc_info(struct vmrpc_vm *vm, struct vmrpc_vm_info *info)
{
	struct rvmrpc_channel *channel = rvmrpc_channel_get(vm);
	u64 polled_at = READ_ONCE(vm->polled_at);
	u32 i;

	info->generation = READ_ONCE(vm->generation);
	info->polled_ms = polled_at ? rvmrpc_ms_since(polled_at) : U32_MAX;
	if (IS_ERR(channel))
		return;
	info->state = VMRPC_VM_READY;
	info->slots = channel->nr_slots;
	for (i = 0; i < channel->nr_slots; i++) {
		if (READ_ONCE(channel->slots[i].state) < RVMRPC_SENT)
			continue;
		info->calls_in_flight++;
		info->oldest_call_ms = max(info->oldest_call_ms,
					   rvmrpc_ms_since(READ_ONCE(channel->slots[i].sent_at)));
	}
	rvmrpc_channel_put(channel);
}

#if IS_ENABLED(CONFIG_KVM_VMRPC_LOOPBACK)

/* Registers @pages, which outlive the VM's calls, as a loopback's channel. */
int rvmrpc_loopback_register(struct vmrpc_vm *vm, void *pages, u32 nr_slots)
{
	struct rvmrpc_channel *channel = rvmrpc_channel_alloc(NULL, nr_slots);
	u32 n;

	if (!channel)
		return -ENOMEM;
	for (n = 0; n < rvmrpc_nr_pages(nr_slots); n++)
		rvmrpc_channel_page(channel, n)->own = pages + n * PAGE_SIZE;
	rvmrpc_channel_install(vm, channel);
	return 0;
}

/* POLL without PARK.  Returns whether to look again. */
bool rvmrpc_loopback_poll(struct vmrpc_vm *vm)
{
	rvmrpc_poll_deliver(vm);
	return rvmrpc_poll_look_again(vm);
}
EXPORT_SYMBOL_GPL(rvmrpc_loopback_poll);

#endif
