// SPDX-License-Identifier: GPL-2.0-only
/*
 * Outsourced memory that the host takes without being asked to: blocks that stay FREE for a
 * time that is set per VM, and FREE blocks of all VMs when the host is short of memory.  Then a
 * guest that has no more of these is asked to make some; and, if that is set too, from time to time
 * to drop page cache that it does not use.
 *
 * A shrinker may be called by whoever allocates memory, with any lock of a file system held, and
 * the VMM can hold the locks of its file or its mappings; so a worker takes a VM's blocks, and the shrinker waits for
 * it for a moment only.
 *
 * A VM belongs to the memory cgroup of the process that gave us its memory: it gives when that
 * cgroup is short of memory, or one above it.
 */
#include <linux/list_lru.h>
#include <linux/sched/mm.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/swap.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "internal.h"

#define VMRPC_MEM_SCANS		8	/* in the time that a block is to stay FREE */
#define VMRPC_MEM_REST		4	/* a scan takes one part of so many, at most */
#define VMRPC_MEM_MAX_RUNS	256	/* that one scan or pass takes */
#define VMRPC_MEM_SHRINK_VMS	4	/* that are asked at once */
#define VMRPC_MEM_SHRINK_WAIT	(HZ / 20)
#define VMRPC_MEM_SHRINK_LONG	HZ	/* that a pass is waited for, again and again */
#define VMRPC_MEM_SHRINK_REST	HZ	/* of a VM that had nothing to give */
#define VMRPC_MEM_ASK		32	/* blocks that a guest is asked for at once */
#define VMRPC_MEM_ASK_MS	5000	/* for its answer */
#define VMRPC_MEM_ASK_AGAIN	HZ	/* after it gave some */
#define VMRPC_MEM_ASK_REST	(30 * HZ)
#define VMRPC_MEM_BLOCK_PAGES	(VMRPC_MEM_BLOCK >> PAGE_SHIFT)

/*
 * A VM with memory, charged to its cgroup: while it is on the list its file and its table stay.
 * On a host of several nodes it is on the list of one, that this object came from.
 */
struct vmrpc_mem_entry {
	struct list_head	node;
	struct vmrpc_mem	*mem;
};

static struct list_lru vmrpc_mems;
static struct kmem_cache *vmrpc_mem_entries;

static struct workqueue_struct *vmrpc_mem_wq;
static struct shrinker *vmrpc_mem_shrinker;
static DECLARE_WAIT_QUEUE_HEAD(vmrpc_mem_shrunk_wait);	/* a pass ended */

/* Blocks that stay FREE */

static void vmrpc_mem_auto_later(struct vmrpc_mem *mem, unsigned long at_least)
{
	unsigned long delay = msecs_to_jiffies(DIV_ROUND_UP(mem->auto_ms, VMRPC_MEM_SCANS));

	mod_delayed_work(vmrpc_mem_wq, &mem->auto_work, max(delay, at_least));
}

/* A block that was used and freed between two scans looks as if it had stayed FREE. */
static void vmrpc_mem_grow_older(struct vmrpc_mem *mem)
{
	u64 n;

	for (n = 0; n < mem->nr_blocks; n++) {
		if (READ_ONCE(mem->states[n]) != VMRPC_MEM_FREE)
			mem->ages[n] = 0;
		else if (mem->ages[n] <= VMRPC_MEM_SCANS)
			mem->ages[n]++;
	}
}

static void vmrpc_mem_auto_scan(struct work_struct *work)
{
	struct vmrpc_mem *mem = container_of(to_delayed_work(work), struct vmrpc_mem, auto_work);
	unsigned long start = jiffies;
	unsigned int runs = 0;
	u64 block = 0;
	long nr;

	mutex_lock(&mem->mutex);
	if (mem->file && mem->ages)
		vmrpc_mem_grow_older(mem);
	do {
		/* The guest may wait for a block. */
		mutex_unlock(&mem->mutex);
		cond_resched();
		mutex_lock(&mem->mutex);
		nr = mem->file && mem->ages ?
		     vmrpc_mem_reclaim_run(mem, &block, mem->nr_blocks, VMRPC_MEM_SCANS + 1) : 0;
	} while (nr > 0 && ++runs < VMRPC_MEM_MAX_RUNS);
	if (mem->file && mem->ages)
		/* A guest may have us find as much as it likes. */
		vmrpc_mem_auto_later(mem, (jiffies - start) * (VMRPC_MEM_REST - 1));
	mutex_unlock(&mem->mutex);
}

/*
 * A work that calls the guest may be what the VM has waited for to go away, and then that happens within the
 * call: see vmrpc_mem_auto_cancel().  What is left of the VM is there until the work puts it.
 */
static struct vmrpc_vm *vmrpc_mem_asker_begin(struct vmrpc_mem *mem)
{
	struct vmrpc_vm *vm = container_of(mem, struct vmrpc_vm, mem);

	/* Whoever destroys the VM meanwhile waits for us before it puts its reference. */
	kref_get(&vm->ref);
	return vm;
}

/* Page cache that the guest does not use */

static void vmrpc_mem_idle_later(struct vmrpc_mem *mem)
{
	if (mem->idle_ms)
		/* A guest may take its time, for which no pass is to wait. */
		mod_delayed_work(system_unbound_wq, &mem->idle_work,
				 msecs_to_jiffies(mem->idle_ms));
}

/* What becomes FREE so is taken when it stayed so. */
static void vmrpc_mem_idle_ask(struct work_struct *work)
{
	struct vmrpc_mem *mem = container_of(to_delayed_work(work), struct vmrpc_mem, idle_work);
	struct vmrpc_mem_age arg = { .ms = cpu_to_le64(READ_ONCE(mem->idle_ms)) };
	struct vmrpc_vm *vm = vmrpc_mem_asker_begin(mem);
	u32 res_size = 0;
	s64 dropped;

	/* One that cannot tell what it uses may be followed by one that can. */
	if (arg.ms && READ_ONCE(mem->attached))
		rvmrpc_call(vm, VMRPC_MEM_MODULE, VMRPC_MEM_AGE, &arg, sizeof(arg), NULL,
			    &res_size, &dropped, VMRPC_MEM_ASK_MS);
	mutex_lock(&mem->mutex);
	if (mem->file)
		vmrpc_mem_idle_later(mem);
	mutex_unlock(&mem->mutex);
	vmrpc_vm_put(vm);
}

static void vmrpc_mem_auto_begin(struct vmrpc_mem *mem, u8 *ages,
				 const struct vmrpc_vm_mem_auto *arg)
{
	kvfree(mem->ages);
	mem->ages = ages;
	mem->auto_ms = arg->ms;
	mem->idle_ms = arg->idle_ms;
	vmrpc_mem_auto_later(mem, 0);
	vmrpc_mem_idle_later(mem);
}

/* Whoever scans looks for the ages. */
static void vmrpc_mem_auto_end(struct vmrpc_mem *mem)
{
	kvfree(mem->ages);
	mem->ages = NULL;
	mem->auto_ms = 0;
	mem->idle_ms = 0;
}

/* Or 0. */
static bool vmrpc_mem_ms_valid(u32 ms, u32 least)
{
	return !ms || (ms >= least && ms <= VMRPC_MEM_AUTO_MAX_MS);
}

static bool vmrpc_mem_auto_valid(const struct vmrpc_vm_mem_auto *arg)
{
	return !memchr_inv(arg->reserved, 0, sizeof(arg->reserved)) &&
	       vmrpc_mem_ms_valid(arg->ms, VMRPC_MEM_AUTO_MIN_MS) &&
	       vmrpc_mem_ms_valid(arg->idle_ms, VMRPC_MEM_IDLE_MIN_MS) &&
	       (arg->ms || !arg->idle_ms);
}

/* VMRPC_VM_MEM_AUTO */
int vmrpc_mem_set_auto(struct vmrpc_vm *vm, const struct vmrpc_vm_mem_auto *arg)
{
	u64 nr_blocks = READ_ONCE(vm->mem.nr_blocks);
	u8 *ages = NULL;
	int ret;

	if (!vmrpc_mem_auto_valid(arg))
		return -EINVAL;
	/* Not with the mutex: to have this memory others may have to give theirs. */
	if (arg->ms) {
		ages = kvzalloc(nr_blocks, GFP_KERNEL_ACCOUNT);
		if (!ages)
			return -ENOMEM;
	}
	ret = vmrpc_mem_begin(vm);
	if (!ret) {
		/* Or it has memory since a moment ago. */
		if (nr_blocks != vm->mem.nr_blocks)
			ret = -ENODEV;
		else if (arg->ms)
			vmrpc_mem_auto_begin(&vm->mem, ages, arg);
		else
			vmrpc_mem_auto_end(&vm->mem);
		vmrpc_mem_end(vm);
	}
	if (ret)
		kvfree(ages);
	return ret;
}

/* Memory pressure */

/* What the states say is the guest's word only; more than this it cannot give. */
static unsigned long vmrpc_mem_givable(struct vmrpc_mem *mem)
{
	bool later = time_before(jiffies, READ_ONCE(mem->shrink_after));

	/* A pass that takes too long is not waited for any more. */
	if (later != READ_ONCE(mem->shrink_busy))
		return 0;
	return vmrpc_mem_resident(mem) >> PAGE_SHIFT;
}

static struct vmrpc_mem *vmrpc_mem_of(struct list_head *item)
{
	return container_of(item, struct vmrpc_mem_entry, node)->mem;
}

/* Of each VM that a call of the shrinker is for, once. */
static void vmrpc_mems_walk(struct shrink_control *sc, list_lru_walk_cb one, void *data)
{
	unsigned long vms = list_lru_shrink_count(&vmrpc_mems, sc);

	list_lru_walk_one(&vmrpc_mems, sc->nid, sc->memcg, one, data, &vms);
}

/* How these VMs are, together. */
struct vmrpc_mem_look {
	unsigned long		givable;	/* pages */
	int			busy;		/* VMs that are waited for */
	long			shrunk;		/* pages, ever */
};

static enum lru_status vmrpc_mem_look_one(struct list_head *item, struct list_lru_one *list,
					  spinlock_t *lock, void *data)
{
	struct vmrpc_mem *mem = vmrpc_mem_of(item);
	unsigned long givable = vmrpc_mem_givable(mem);
	struct vmrpc_mem_look *look = data;

	look->givable += givable;
	look->busy += givable && READ_ONCE(mem->shrink_busy);
	look->shrunk += atomic_long_read(&mem->shrunk);
	return LRU_SKIP;
}

static struct vmrpc_mem_look vmrpc_mems_look(struct shrink_control *sc)
{
	struct vmrpc_mem_look look = {};

	vmrpc_mems_walk(sc, vmrpc_mem_look_one, &look);
	return look;
}

static unsigned long vmrpc_mem_shrink_count(struct shrinker *shrinker, struct shrink_control *sc)
{
	return vmrpc_mems_look(sc).givable;
}

/*
 * Takes the next FREE blocks; returns how many pages the host has of it, or -ENOENT: there are none, or
 * another error.
 */
static long vmrpc_mem_shrink_run(struct vmrpc_mem *mem, u64 *block, u64 max)
{
	u64 before;
	long ret = -ENOENT;

	mutex_lock(&mem->mutex);
	if (mem->file) {
		before = vmrpc_mem_resident(mem);
		ret = vmrpc_mem_reclaim_run(mem, block, max, 0);
		/* Others touch the file meanwhile. */
		if (ret > 0)
			ret = max_t(s64, before - vmrpc_mem_resident(mem), 0) >> PAGE_SHIFT;
		else if (!ret)
			ret = -ENOENT;
	}
	mutex_unlock(&mem->mutex);
	return ret;
}

/* The guest drops page cache, or moves what it has elsewhere: what it makes FREE so is taken. */
static void vmrpc_mem_ask(struct work_struct *work)
{
	struct vmrpc_mem *mem = container_of(work, struct vmrpc_mem, ask_work);
	struct vmrpc_vm *vm = vmrpc_mem_asker_begin(mem);
	struct vmrpc_mem_give arg = { .blocks = cpu_to_le64(VMRPC_MEM_ASK) };
	u32 res_size = 0;
	s64 given;
	int ret;

	ret = rvmrpc_call(vm, VMRPC_MEM_MODULE, VMRPC_MEM_GIVE, &arg, sizeof(arg), NULL,
			  &res_size, &given, VMRPC_MEM_ASK_MS);
	if (!ret && given > 0 && !READ_ONCE(vm->gone)) {
		WRITE_ONCE(mem->ask_after, jiffies + VMRPC_MEM_ASK_AGAIN);
		WRITE_ONCE(mem->shrink_want, VMRPC_MEM_ASK * VMRPC_MEM_BLOCK_PAGES);
		queue_work(vmrpc_mem_wq, &mem->shrink_work);
	}
	vmrpc_vm_put(vm);
}

static void vmrpc_mem_ask_begin(struct vmrpc_mem *mem)
{
	if (!READ_ONCE(mem->attached) || time_before(jiffies, READ_ONCE(mem->ask_after)))
		return;
	WRITE_ONCE(mem->ask_after, jiffies + VMRPC_MEM_ASK_REST);
	/* A guest may take its time, for which no pass is to wait. */
	queue_work(system_unbound_wq, &mem->ask_work);
}

static void vmrpc_mem_shrink_pass(struct work_struct *work)
{
	struct vmrpc_mem *mem = container_of(work, struct vmrpc_mem, shrink_work);
	long want = READ_ONCE(mem->shrink_want), freed = 0, ret = 0;
	unsigned int flags = memalloc_noreclaim_save(), runs;
	u64 block = 0;

	for (runs = 0; freed < want && runs < VMRPC_MEM_MAX_RUNS; runs++) {
		ret = vmrpc_mem_shrink_run(mem, &block,
					   DIV_ROUND_UP(want - freed, VMRPC_MEM_BLOCK_PAGES));
		if (ret == -ENOENT)
			vmrpc_mem_ask_begin(mem);
		if (ret < 0)
			break;
		freed += ret;
		cond_resched();
	}
	atomic_long_add(freed, &mem->shrunk);
	/* It may have some in a moment. */
	WRITE_ONCE(mem->shrink_after,
		   freed || ret == -EAGAIN ? jiffies : jiffies + VMRPC_MEM_SHRINK_REST);
	WRITE_ONCE(mem->shrink_busy, false);
	wake_up_all(&vmrpc_mem_shrunk_wait);
	memalloc_noreclaim_restore(flags);
}

/* Begins a pass of some VMs, the next time of others. */
struct vmrpc_mem_shrink {
	long			want;		/* pages, of each */
	int			asked;		/* VMs */
};

static enum lru_status vmrpc_mem_shrink_one(struct list_head *item, struct list_lru_one *list,
					    spinlock_t *lock, void *data)
{
	struct vmrpc_mem_shrink *shrink = data;
	struct vmrpc_mem *mem = vmrpc_mem_of(item);

	if (shrink->asked == VMRPC_MEM_SHRINK_VMS)
		return LRU_STOP;
	if (READ_ONCE(mem->shrink_busy) || !vmrpc_mem_givable(mem))
		return LRU_ROTATE;
	WRITE_ONCE(mem->shrink_after, jiffies + VMRPC_MEM_SHRINK_LONG);
	WRITE_ONCE(mem->shrink_want, shrink->want);
	WRITE_ONCE(mem->shrink_busy, true);
	queue_work(vmrpc_mem_wq, &mem->shrink_work);
	shrink->asked++;
	return LRU_ROTATE;
}

static unsigned long vmrpc_mem_shrink_scan(struct shrinker *shrinker, struct shrink_control *sc)
{
	struct vmrpc_mem_look before = vmrpc_mems_look(sc), now;
	struct vmrpc_mem_shrink shrink = { .want = sc->nr_to_scan };
	long freed;

	vmrpc_mems_walk(sc, vmrpc_mem_shrink_one, &shrink);
	/* VMs may come and go meanwhile. */
	wait_event_timeout(vmrpc_mem_shrunk_wait,
			   (now = vmrpc_mems_look(sc),
			    now.shrunk - before.shrunk >= shrink.want || !now.busy),
			   VMRPC_MEM_SHRINK_WAIT);
	freed = now.shrunk - before.shrunk;
	if (freed <= 0)
		return SHRINK_STOP;
	/* Whole blocks, and to whoever else waits the same ones. */
	sc->nr_scanned = max(freed, shrink.want);
	mm_account_reclaimed_pages(freed);
	return freed;
}

/* A VM's life */

void vmrpc_mem_auto_init(struct vmrpc_mem *mem)
{
	INIT_DELAYED_WORK(&mem->auto_work, vmrpc_mem_auto_scan);
	INIT_DELAYED_WORK(&mem->idle_work, vmrpc_mem_idle_ask);
	INIT_WORK(&mem->shrink_work, vmrpc_mem_shrink_pass);
	INIT_WORK(&mem->ask_work, vmrpc_mem_ask);
	mem->shrink_after = jiffies;
	mem->ask_after = jiffies;
}

/* It has memory, from now on. */
int vmrpc_mems_add(struct vmrpc_mem *mem)
{
	struct vmrpc_mem_entry *entry;

	lockdep_assert_held(&mem->mutex);
	/* Nobody gets any memory who is short of it when more is in the pool. */
	if (vmrpc_mem_is_hugetlb(mem))
		return 0;
	entry = kmem_cache_alloc_lru(vmrpc_mem_entries, &vmrpc_mems, GFP_KERNEL_ACCOUNT);
	if (!entry)
		return -ENOMEM;
	INIT_LIST_HEAD(&entry->node);
	entry->mem = mem;
	mem->entry = entry;
	list_lru_add_obj(&vmrpc_mems, &entry->node);
	return 0;
}

/* Its file and its table are about to go. */
void vmrpc_mems_del(struct vmrpc_mem *mem)
{
	lockdep_assert_held(&mem->mutex);
	if (mem->entry) {
		list_lru_del_obj(&vmrpc_mems, &mem->entry->node);
		kmem_cache_free(vmrpc_mem_entries, mem->entry);
	}
	vmrpc_mem_auto_end(mem);
}

/* They are gone: what still runs finds nothing to do, and does not come back.  Not under the mutex. */
void vmrpc_mem_auto_cancel(struct vmrpc_mem *mem)
{
	struct work_struct *current_one = current_work();

	cancel_delayed_work_sync(&mem->auto_work);
	/* Either may be where we are, and does nothing after this but end. */
	if (current_one == &mem->idle_work.work)
		cancel_delayed_work(&mem->idle_work);
	else
		cancel_delayed_work_sync(&mem->idle_work);
	/* This one and the next may begin each other. */
	if (current_one == &mem->ask_work)
		disable_work(&mem->ask_work);
	else
		disable_work_sync(&mem->ask_work);
	cancel_work_sync(&mem->shrink_work);
}

static int vmrpc_mem_shrinker_start(void)
{
	int ret;

	vmrpc_mem_shrinker = shrinker_alloc(SHRINKER_MEMCG_AWARE | SHRINKER_NUMA_AWARE,
					    "vmrpc-mem");
	if (!vmrpc_mem_shrinker)
		return -ENOMEM;
	ret = list_lru_init_memcg(&vmrpc_mems, vmrpc_mem_shrinker);
	if (ret) {
		shrinker_free(vmrpc_mem_shrinker);
		return ret;
	}
	vmrpc_mem_shrinker->count_objects = vmrpc_mem_shrink_count;
	vmrpc_mem_shrinker->scan_objects = vmrpc_mem_shrink_scan;
	/* Nobody needs it: twice as much as of the caches that somebody may. */
	vmrpc_mem_shrinker->seeks = DEFAULT_SEEKS / 2;
	/* A pass takes a block at least. */
	vmrpc_mem_shrinker->batch = SWAP_CLUSTER_MAX;
	shrinker_register(vmrpc_mem_shrinker);
	return 0;
}

int vmrpc_mem_auto_start(void)
{
	int ret = -ENOMEM;

	/* A VMM can keep a work waiting, by what it does with its file: one of its own. */
	vmrpc_mem_wq = alloc_workqueue("vmrpc_mem", WQ_UNBOUND | WQ_MEM_RECLAIM, WQ_MAX_ACTIVE);
	if (!vmrpc_mem_wq)
		return ret;
	vmrpc_mem_entries = KMEM_CACHE(vmrpc_mem_entry, SLAB_ACCOUNT);
	if (vmrpc_mem_entries)
		ret = vmrpc_mem_shrinker_start();
	if (ret) {
		kmem_cache_destroy(vmrpc_mem_entries);
		destroy_workqueue(vmrpc_mem_wq);
	}
	return ret;
}

void vmrpc_mem_auto_stop(void)
{
	shrinker_free(vmrpc_mem_shrinker);
	list_lru_destroy(&vmrpc_mems);
	kmem_cache_destroy(vmrpc_mem_entries);
	destroy_workqueue(vmrpc_mem_wq);
}
