// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reverse VMRPC: the host calls this kernel.
 *
 * The channel (see <uapi/linux/vmrpc.h>) is allocated once and never freed; what
 * comes and goes is its registration: it ends at shutdown, and is renewed when the
 * host has forgotten it (restore of a snapshot, migration).
 *
 * Each CPU has a server thread.  It serves slots until none is pending, then waits
 * in the host ("parks") for a short window, and sleeps after that.  While it
 * sleeps, its CPU's idle loop parks instead (idle.c); where that is not possible, an
 * interrupt comes (pci.c).  Both wake the thread of their CPU: a thread for each CPU
 * means that whoever learns of a request always has one at hand that is asleep.
 * A parked CPU that gets another task is woken by the interrupt that brings it, or, if
 * another CPU wakes that task without one, by the next tick.
 *
 * The threads are SCHED_FIFO, of lowest priority: need_kick is 0 while one of them
 * looks at the slots, which is only right if it is not kept from running.  So what
 * takes long goes to a workqueue.
 *
 * A slot belongs to who set its bit in @claimed.  @lock orders a renewal (write)
 * against reading requests and writing responses; no lock nests in it.  A call that a
 * renewal finds under way keeps its memory, and the slot gets new.
 */
#define pr_fmt(fmt) "vmrpc: " fmt

#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/irqflags.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/reboot.h>
#include <linux/sched/clock.h>
#include <linux/sched/stat.h>
#include <linux/slab.h>
#include <linux/smpboot.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/workqueue.h>
#include <uapi/linux/sched/types.h>
#include "internal.h"
#include "trace.h"

static unsigned int rvmrpc_slots = 8;
module_param_named(slots, rvmrpc_slots, uint, 0444);
MODULE_PARM_DESC(slots, "calls of the host that can be under way at once (default 8)");

static unsigned int rvmrpc_nr_threads;
module_param_named(threads, rvmrpc_nr_threads, uint, 0444);
MODULE_PARM_DESC(threads, "slow and large calls that are carried out at once (default 0: all)");

static unsigned int rvmrpc_park_ms = 20;
module_param_named(park_ms, rvmrpc_park_ms, uint, 0644);
MODULE_PARM_DESC(park_ms, "how long after a call a server thread itself waits for the next (default 20, 0: never)");

/* One call, in memory that the host cannot change; owned by who claimed the slot. */
struct rvmrpc_slot {
	unsigned int			n;
	bool				taken;		/* its request was read; under lock */
	unsigned int			generation;	/* of the channel, when taken */
	struct work_struct		work;
	struct vmrpc_request		req;
	struct rvmrpc_call		call;
	u8				arg[VMRPC_SLOT_DATA] __aligned(8);
	u8				res[VMRPC_SLOT_DATA] __aligned(8);
};

static struct {
	void			*pages;
	unsigned int		nr_slots;
	bool			bulk;		/* larger arguments and results than a slot's */
	struct rvmrpc_slot	*slots[VMRPC_MAX_SLOTS];	/* written under lock */
	u64			handled[VMRPC_MAX_SLOTS];	/* last request answered */
	DECLARE_BITMAP(claimed, VMRPC_MAX_SLOTS);
	atomic_t		lookers;	/* threads that look at the slots */
	rwlock_t		lock;
	bool			live;		/* registered; written under lock */
	unsigned int		generation;	/* of registrations; under lock */
	struct mutex		renew;		/* one registration at a time */
	bool			down;		/* for good; under renew */
	bool			check;		/* ask the host whether it knows us */
} rvmrpc = {
	.lock = __RW_LOCK_UNLOCKED(rvmrpc.lock),
	.renew = __MUTEX_INITIALIZER(rvmrpc.renew),
};

static struct workqueue_struct *rvmrpc_wq;
static DEFINE_PER_CPU(struct task_struct *, rvmrpc_thread);

static struct vmrpc_control *rvmrpc_control(void)
{
	return rvmrpc.pages;
}

static struct vmrpc_request *rvmrpc_request(unsigned int n)
{
	return rvmrpc.pages + (1 + 2 * n) * VMRPC_PAGE_SIZE;
}

static struct vmrpc_response *rvmrpc_response(unsigned int n)
{
	return rvmrpc.pages + (2 + 2 * n) * VMRPC_PAGE_SIZE;
}

/*
 * A number below the last one is that of a request page from before a migration, which is
 * older than the rest of our memory: that request was answered.
 */
bool rvmrpc_seq_pending(u64 seq, u64 handled)
{
	return seq > handled;
}

static bool rvmrpc_slot_pending(unsigned int n)
{
	u64 seq = le64_to_cpu(READ_ONCE(rvmrpc_request(n)->seq));

	return rvmrpc_seq_pending(seq, READ_ONCE(rvmrpc.handled[n]));
}

/* Whether some slot waits for a server.  From any context. */
bool rvmrpc_pending(void)
{
	unsigned int n;

	if (!READ_ONCE(rvmrpc.live))
		return false;
	for (n = 0; n < rvmrpc.nr_slots; n++)
		if (rvmrpc_slot_pending(n) && !test_bit(n, rvmrpc.claimed))
			return true;
	return false;
}

/* Whether a poll would wait.  From any context. */
bool rvmrpc_may_park(void)
{
	return READ_ONCE(rvmrpc.live);
}

/* Wake this CPU's thread.  From any context. */
void rvmrpc_wake(void)
{
	struct task_struct *thread;

	preempt_disable();
	thread = __this_cpu_read(rvmrpc_thread);
	if (thread)
		wake_up_process(thread);
	preempt_enable();
}

/* Have this CPU's thread poll once: the host may have forgotten us.  From any context. */
void rvmrpc_check(void)
{
	WRITE_ONCE(rvmrpc.check, true);
	rvmrpc_wake();
}

/* Something may have come.  From any context. */
void rvmrpc_kick(void)
{
	if (rvmrpc_pending())
		rvmrpc_wake();
	else
		rvmrpc_check();
}

/*
 * From the first thread that begins to look until the last ends, the host need not
 * tell anyone of a request.  The last one's 1 comes after every 0: a thread writes
 * its 0 before it leaves the count.
 */
static void rvmrpc_look_begin(void)
{
	if (atomic_inc_return(&rvmrpc.lookers) == 1)
		WRITE_ONCE(rvmrpc_control()->need_kick, cpu_to_le32(0));
}

/* The caller looks at all slots once more after it. */
static void rvmrpc_look_end(void)
{
	if (atomic_dec_and_test(&rvmrpc.lookers))
		WRITE_ONCE(rvmrpc_control()->need_kick, cpu_to_le32(1));
	/*
	 * Pairs with the host's full barrier between writing a request and reading
	 * need_kick: either it sees the 1, or we see the request.
	 */
	smp_mb();
}

/* Whether a request (a private copy) makes sense. Return: 0 or a negative errno. */
int rvmrpc_request_check(const struct vmrpc_request *req, bool bulk)
{
	u32 max = bulk ? VMRPC_MAX_BULK : VMRPC_SLOT_DATA;

	if (!memchr(req->module, 0, sizeof(req->module)) || req->reserved)
		return -EINVAL;
	if (le32_to_cpu(req->arg_size) > max || le32_to_cpu(req->res_max) > max)
		return -EINVAL;
	return 0;
}

/* Copy the request: it is read once, and only the copy is looked at. */
static int rvmrpc_slot_read(struct rvmrpc_slot *slot)
{
	const struct vmrpc_request *shared = rvmrpc_request(slot->n);
	u32 size;
	__le64 seq;
	int ret;

	/* Pairs with the host's release: the request is complete. */
	seq = smp_load_acquire(&shared->seq);
	memcpy(&slot->req, shared, sizeof(slot->req));
	slot->req.seq = seq;
	barrier();	/* no second read after the check */
	ret = rvmrpc_request_check(&slot->req, rvmrpc.bulk);
	size = le32_to_cpu(slot->req.arg_size);
	if (!ret && size <= VMRPC_SLOT_DATA)
		memcpy(slot->arg, (void *)shared + VMRPC_SLOT_HEADER, size);
	return ret;
}

/* Return: the slot, with its request in ->req and ->arg, or NULL; *err says if it is bad. */
static struct rvmrpc_slot *rvmrpc_slot_claim(unsigned int n, int *err)
{
	struct rvmrpc_slot *slot = NULL;

	if (!rvmrpc_slot_pending(n) || test_and_set_bit_lock(n, rvmrpc.claimed))
		return NULL;
	read_lock(&rvmrpc.lock);
	if (rvmrpc.live && rvmrpc_slot_pending(n)) {
		slot = rvmrpc.slots[n];
		slot->taken = true;
		slot->generation = rvmrpc.generation;
		*err = rvmrpc_slot_read(slot);
	}
	read_unlock(&rvmrpc.lock);
	if (!slot)
		clear_bit_unlock(n, rvmrpc.claimed);
	return slot;
}

static void rvmrpc_slot_write(struct rvmrpc_slot *slot, u32 status)
{
	struct vmrpc_response *shared = rvmrpc_response(slot->n);
	u32 size = slot->call.res_size;

	shared->result = cpu_to_le64(status ? 0 : slot->call.result);
	shared->status = cpu_to_le32(status);
	shared->res_size = cpu_to_le32(size);
	if (size <= VMRPC_SLOT_DATA)
		memcpy((void *)shared + VMRPC_SLOT_HEADER, slot->call.res, size);
	/* Pairs with the host's acquire: the response is complete. */
	smp_store_release(&shared->seq, slot->req.seq);
	WRITE_ONCE(rvmrpc.handled[slot->n], le64_to_cpu(slot->req.seq));
}

/* Answer and give the slot back.  The host reads the response at the next poll. */
static void rvmrpc_slot_answer(struct rvmrpc_slot *slot, int err)
{
	struct rvmrpc_call call = slot->call;
	u32 status = rvmrpc_status(err);

	/* Freed when the slot may be another call's. */
	slot->call.bulk_arg = NULL;
	slot->call.bulk_res = NULL;
	if (status)
		slot->call.res_size = 0;
	trace_rvmrpc_answer(slot->n, le64_to_cpu(slot->req.seq), status,
			      slot->call.res_size);
	read_lock(&rvmrpc.lock);
	/* A channel registered anew has no such request. */
	if (rvmrpc.live && slot->generation == rvmrpc.generation)
		rvmrpc_slot_write(slot, status);
	slot->taken = false;
	if (slot == rvmrpc.slots[slot->n]) {
		clear_bit_unlock(slot->n, rvmrpc.claimed);
		slot = NULL;
	}
	read_unlock(&rvmrpc.lock);
	rvmrpc_call_free(&call);
	kfree(slot);
}

/* Return: as rvmrpc_call_perform(). */
static int rvmrpc_slot_call(struct rvmrpc_slot *slot, bool may_block)
{
	slot->call = (struct rvmrpc_call) {
		.arg		= slot->arg,
		.arg_size	= le32_to_cpu(slot->req.arg_size),
		.res		= slot->res,
		.res_max	= le32_to_cpu(slot->req.res_max),
		.seq		= le64_to_cpu(slot->req.seq),
		.slot		= slot->n,
	};
	return rvmrpc_call_perform((char *)slot->req.module,
				   le32_to_cpu(slot->req.procedure),
				   &slot->call, may_block);
}

static void rvmrpc_slot_work(struct work_struct *work)
{
	struct rvmrpc_slot *slot = container_of(work, struct rvmrpc_slot, work);

	rvmrpc_slot_answer(slot, rvmrpc_slot_call(slot, true));
	/* No server thread need be about to poll. */
	if (vmrpc_poll() < 0 || rvmrpc_pending())
		rvmrpc_kick();
}

/* Return: whether there was a request. */
static bool rvmrpc_slot_serve(unsigned int n)
{
	struct rvmrpc_slot *slot;
	int ret;

	slot = rvmrpc_slot_claim(n, &ret);
	if (!slot)
		return false;
	trace_rvmrpc_take(n, &slot->req);
	if (!ret)
		ret = rvmrpc_slot_call(slot, false);
	if (ret > 0)
		queue_work(rvmrpc_wq, &slot->work);
	else
		rvmrpc_slot_answer(slot, ret);
	return true;
}

/* Return: whether there was any request. */
static bool rvmrpc_slots_serve(void)
{
	bool served = false;
	unsigned int n;

	if (!READ_ONCE(rvmrpc.live))
		return false;
	for (n = 0; n < rvmrpc.nr_slots; n++)
		served |= rvmrpc_slot_serve(n);
	return served;
}

static struct rvmrpc_slot *rvmrpc_slot_new(unsigned int n, gfp_t gfp)
{
	struct rvmrpc_slot *slot = kzalloc(sizeof(*slot), gfp);

	if (slot) {
		slot->n = n;
		INIT_WORK(&slot->work, rvmrpc_slot_work);
	}
	return slot;
}

/* For a slot whose call is under way.  Without memory the slot waits for its end. */
static void rvmrpc_slot_renew(unsigned int n)
{
	struct rvmrpc_slot *slot = rvmrpc_slot_new(n, GFP_ATOMIC);

	if (!slot)
		return;
	rvmrpc.slots[n] = slot;
	clear_bit_unlock(n, rvmrpc.claimed);
}

/* Make the channel new: who still works on an old request will not answer it. */
static void rvmrpc_channel_clear(void)
{
	unsigned int n;

	write_lock(&rvmrpc.lock);
	WRITE_ONCE(rvmrpc.live, false);
	WRITE_ONCE(rvmrpc.generation, rvmrpc.generation + 1);
	memset(rvmrpc.pages, 0, (1 + 2 * rvmrpc.nr_slots) * VMRPC_PAGE_SIZE);
	WRITE_ONCE(rvmrpc_control()->need_kick, cpu_to_le32(1));
	for (n = 0; n < rvmrpc.nr_slots; n++) {
		WRITE_ONCE(rvmrpc.handled[n], 0);
		if (rvmrpc.slots[n]->taken)
			rvmrpc_slot_renew(n);
	}
	write_unlock(&rvmrpc.lock);
}

static int rvmrpc_channel_register(void)
{
	unsigned long gfn = virt_to_phys(rvmrpc.pages) / VMRPC_PAGE_SIZE;
	int ret;

	lockdep_assert_held(&rvmrpc.renew);
	rvmrpc_channel_clear();
	ret = vmrpc_hypercall(VMRPC_OP_REGISTER, rvmrpc.nr_slots, gfn,
			      rvmrpc.bulk ? VMRPC_CHANNEL_BULK : 0, NULL);
	if (ret)
		pr_err("host refuses the channel: error %d, it cannot call this guest\n", ret);
	else
		WRITE_ONCE(rvmrpc.live, true);
	return ret;
}

/* The host does not know the channel of @generation any more. */
static int rvmrpc_channel_renew(unsigned int generation)
{
	int ret = 0;

	mutex_lock(&rvmrpc.renew);
	/* Another thread may have been faster: its callers must not be cut off. */
	if (!rvmrpc.down && rvmrpc.generation == generation) {
		ret = rvmrpc_channel_register();
		vmrpc_outsource_renew();
	}
	mutex_unlock(&rvmrpc.renew);
	return ret;
}

/* The next kernel must not find the host writing into its memory. */
static int rvmrpc_reboot(struct notifier_block *nb, unsigned long action, void *data)
{
	mutex_lock(&rvmrpc.renew);
	rvmrpc.down = true;
	write_lock(&rvmrpc.lock);
	WRITE_ONCE(rvmrpc.live, false);
	write_unlock(&rvmrpc.lock);
	vmrpc_hypercall(VMRPC_OP_UNREGISTER, 0, 0, 0, NULL);
	mutex_unlock(&rvmrpc.renew);
	return NOTIFY_DONE;
}

static struct notifier_block rvmrpc_reboot_nb = { .notifier_call = rvmrpc_reboot };

/* Deliver responses without a park, and see whether the host knows us. */
static void rvmrpc_thread_poll(void)
{
	unsigned int generation = READ_ONCE(rvmrpc.generation);

	if (vmrpc_poll() == -ENOTCONN)
		rvmrpc_channel_renew(generation);
}

/*
 * Wait in the host, if this CPU has nothing else to do.
 * Return: -EAGAIN if it has, else as __vmrpc_poll_park().
 */
static int rvmrpc_thread_park(u64 last)
{
	u64 window = READ_ONCE(rvmrpc_park_ms) * (u64)NSEC_PER_MSEC;
	int ret;

	if (local_clock() - last >= window)
		return -EAGAIN;
	local_irq_disable();
	/* The interrupt of a request may have been handled just now: look again. */
	if (need_resched() || !single_task_running() || !rvmrpc_may_park() ||
	    rvmrpc_pending()) {
		local_irq_enable();
		return -EAGAIN;
	}
	/* As local_irq_enable() does; the instruction itself is in the poll. */
	trace_hardirqs_on();
	ret = __vmrpc_poll_park();
	trace_vmrpc_poll(VMRPC_POLL_PARK, ret);
	return ret;
}

static int rvmrpc_thread_should_run(unsigned int cpu)
{
	return READ_ONCE(rvmrpc.check) || rvmrpc_pending();
}

/* Serve until there was nothing to do for a while. */
static void rvmrpc_thread_run(unsigned int cpu)
{
	bool poll = xchg(&rvmrpc.check, false);
	u64 last = 0;
	int ret;

	while (!kthread_should_park() && !kthread_should_stop()) {
		rvmrpc_look_begin();
		while (rvmrpc_slots_serve()) {
			poll = true;
			last = local_clock();
			cond_resched();
		}
		rvmrpc_look_end();
		if (rvmrpc_pending())
			continue;
		ret = rvmrpc_thread_park(last);
		if (ret == -EAGAIN)
			break;
		poll = ret < 0 && ret != -EINTR;
		if (poll)
			break;
		cond_resched_tasks_rcu_qs();
	}
	/* Delivers, and tells the host that from now on news are news. */
	if (poll)
		rvmrpc_thread_poll();
}

static void rvmrpc_thread_setup(unsigned int cpu)
{
	sched_set_fifo_low(current);
}

static struct smp_hotplug_thread rvmrpc_threads = {
	.store			= &rvmrpc_thread,
	.setup			= rvmrpc_thread_setup,
	.thread_should_run	= rvmrpc_thread_should_run,
	.thread_fn		= rvmrpc_thread_run,
	.thread_comm		= "vmrpc/%u",
};

static int __init rvmrpc_channel_alloc(unsigned int max_slots)
{
	unsigned int n;

	rvmrpc.nr_slots = clamp(rvmrpc_slots, 1U, min(max_slots, VMRPC_MAX_SLOTS));
	for (n = 0; n < rvmrpc.nr_slots; n++) {
		rvmrpc.slots[n] = rvmrpc_slot_new(n, GFP_KERNEL);
		if (!rvmrpc.slots[n])
			goto err_slots;
	}
	rvmrpc.pages = alloc_pages_exact((1 + 2 * rvmrpc.nr_slots) * VMRPC_PAGE_SIZE,
					 GFP_KERNEL | __GFP_ZERO);
	if (!rvmrpc.pages)
		goto err_slots;
	/* Of which sysfs has max_active, to be changed at any time. */
	rvmrpc_wq = alloc_workqueue("vmrpc", WQ_UNBOUND | WQ_SYSFS,
				    min(rvmrpc_nr_threads, VMRPC_MAX_SLOTS));
	if (!rvmrpc_wq)
		goto err_pages;
	return 0;

err_pages:
	free_pages_exact(rvmrpc.pages, (1 + 2 * rvmrpc.nr_slots) * VMRPC_PAGE_SIZE);
err_slots:
	for (n = 0; n < rvmrpc.nr_slots; n++)
		kfree(rvmrpc.slots[n]);
	return -ENOMEM;
}

static void __init rvmrpc_modules_init(void)
{
	if (rvmrpc_register_module(&rvmrpc_echo) ||
	    rvmrpc_register_module(&rvmrpc_procfs) ||
	    rvmrpc_register_module(&rvmrpc_sysinfo))
		pr_warn("a module could not be registered\n");
	rvmrpc_allow_check();
}

int __init rvmrpc_init(unsigned int max_slots, bool bulk)
{
	int ret;

	BUILD_BUG_ON(VMRPC_PAGE_SIZE != PAGE_SIZE);
	rvmrpc_modules_init();
	rvmrpc.bulk = bulk;
	ret = rvmrpc_channel_alloc(max_slots);
	if (ret)
		return ret;
	ret = smpboot_register_percpu_thread(&rvmrpc_threads);
	if (ret)
		return ret;
	register_reboot_notifier(&rvmrpc_reboot_nb);
	ret = rvmrpc_channel_renew(0);
	if (ret)
		return ret;
	ret = vmrpc_pci_init();
	if (ret)
		pr_warn("no interrupts: error %d, the host's calls may have to wait\n", ret);
	vmrpc_idle_init();
	return 0;
}
