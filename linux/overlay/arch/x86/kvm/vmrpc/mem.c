// SPDX-License-Identifier: GPL-2.0-only
/*
 * Outsourced memory: the server "mem", and what the host does with a VM's blocks.
 *
 * The memory is the VMM's, which gave it once: see mem_backing.c.  The
 * table is the guest's to write: a state that is read from there, or that it changes behind
 * our back, decides about data of that guest only.
 *
 * mem->mutex serializes whatever changes the blocks' memory; the guest waits on it for
 * a block that is BUSY.
 */
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/slab.h>

#include "internal.h"

#define VMRPC_MEM_RUN		32	/* blocks that are BUSY at once: 64 MiB */
#define VMRPC_MEM_TRIES		500	/* with a tick or more between them */

static struct vmrpc_server *vmrpc_mem_server;

static unsigned long *vmrpc_mem_bitmap(u64 nr_blocks)
{
	return kvcalloc(BITS_TO_LONGS(nr_blocks), sizeof(long), GFP_KERNEL_ACCOUNT);
}

/*
 * Drops the memory of @nr blocks: they are zeros when they are touched again.  Who migrates the VM
 * knows that before the guest may use them.
 */
static int vmrpc_mem_drop(struct vmrpc_mem *mem, u64 block, u64 nr, bool wait)
{
	lockdep_assert_held(&mem->mutex);
	bitmap_set(mem->dropped, block, nr);
	return vmrpc_mem_backing_drop(mem, block, nr, wait);
}

static void vmrpc_mem_begin_table(struct vmrpc_mem *mem, bool attached)
{
	memset(mem->table, 0, sizeof(*mem->table) + mem->nr_blocks);
	mem->table->limit = cpu_to_le64(mem->limit);
	mem->attached = attached;
}

/* All blocks are ABSENT then; a guest that uses some loses what they hold. */
static int vmrpc_mem_restart(struct vmrpc_mem *mem, bool attached)
{
	int ret = vmrpc_mem_drop(mem, 0, mem->nr_blocks, true);

	if (!ret)
		vmrpc_mem_begin_table(mem, attached);
	return ret;
}

static void vmrpc_mem_forget(struct vmrpc_mem *mem)
{
	vmrpc_mem_pin_forget(mem);
	kvfree(mem->dropped);
	mem->dropped = NULL;
	vmrpc_mem_backing_put(mem);
}

static bool vmrpc_mem_arg_valid(const struct vmrpc_vm_set_mem *arg)
{
	return !(arg->flags & ~VMRPC_MEM_PRIVATE) &&
	       !memchr_inv(arg->reserved, 0, sizeof(arg->reserved)) && arg->size &&
	       arg->size <= (u64)VMRPC_MEM_MAX_BLOCKS * VMRPC_MEM_BLOCK &&
	       IS_ALIGNED(arg->gpa | arg->size, VMRPC_MEM_ALIGN) && arg->gpa &&
	       arg->gpa + arg->size > arg->gpa && IS_ALIGNED(arg->pin_max, PAGE_SIZE) &&
	       arg->limit <= arg->size && IS_ALIGNED(arg->limit, VMRPC_MEM_BLOCK);
}

static int vmrpc_mem_set(struct vmrpc_mem *mem, struct file *file, struct kvm *kvm,
			 const struct vmrpc_vm_set_mem *arg)
{
	int ret;

	lockdep_assert_held(&mem->mutex);
	if (mem->file)
		return -EEXIST;
	mem->gpa = arg->gpa;
	mem->nr_blocks = arg->size / VMRPC_MEM_BLOCK;
	mem->limit = arg->limit / VMRPC_MEM_BLOCK;
	ret = vmrpc_mem_backing_get(mem, file, arg->flags & VMRPC_MEM_PRIVATE ? kvm : NULL);
	if (ret)
		return ret;
	mem->dropped = vmrpc_mem_bitmap(mem->nr_blocks);
	ret = mem->dropped ? vmrpc_mem_pin_setup(mem, arg->pin_max) : -ENOMEM;
	if (!ret)
		bitmap_fill(mem->dropped, mem->nr_blocks);
	/* Private memory the VMM gives to the guest later. */
	if (!ret && !vmrpc_mem_is_private(mem))
		ret = vmrpc_mem_backing_drop(mem, 0, mem->nr_blocks, true);
	if (!ret)
		ret = vmrpc_mems_add(mem);
	if (!ret)
		vmrpc_mem_begin_table(mem, false);
	if (ret)
		vmrpc_mem_forget(mem);
	return ret;
}

/* VMRPC_VM_SET_MEM */
int vmrpc_mem_setup(struct vmrpc_vm *vm, const struct vmrpc_vm_set_mem *arg)
{
	struct vmrpc_mem *mem = &vm->mem;
	struct file *file;
	struct kvm *kvm;
	int ret = -EINVAL;

	if (!vmrpc_mem_arg_valid(arg))
		return -EINVAL;
	file = fget(arg->fd);
	if (!file)
		return -EBADF;
	kvm = vmrpc_vm_get_kvm(vm);
	if (!kvm) {
		ret = -ESHUTDOWN;
	} else if (vmrpc_mem_backing_valid(file, arg)) {
		mutex_lock(&mem->mutex);
		ret = vmrpc_mem_set(mem, file, kvm, arg);
		mutex_unlock(&mem->mutex);
	}
	if (kvm)
		kvm_put_kvm(kvm);
	fput(file);
	return ret;
}

void vmrpc_mem_init(struct vmrpc_vm *vm)
{
	mutex_init(&vm->mem.mutex);
	vmrpc_mem_pin_init(&vm->mem);
	vmrpc_mem_auto_init(&vm->mem);
}

/* The VM is gone: so is its memory, though a client may still have its descriptor. */
void vmrpc_mem_destroy(struct vmrpc_vm *vm)
{
	struct vmrpc_mem *mem = &vm->mem;

	vmrpc_mem_unpin_all(mem);
	mutex_lock(&mem->mutex);
	if (mem->file) {
		vmrpc_mems_del(mem);
		vmrpc_mem_forget(mem);
	}
	mutex_unlock(&mem->mutex);
	vmrpc_mem_auto_cancel(mem);
}

/* The guest starts anew. */
int vmrpc_mem_reset(struct vmrpc_vm *vm)
{
	struct vmrpc_mem *mem = &vm->mem;
	int ret = 0;

	vmrpc_mem_unpin_all(mem);
	mutex_lock(&mem->mutex);
	if (mem->file)
		ret = vmrpc_mem_restart(mem, false);
	mutex_unlock(&mem->mutex);
	return ret;
}

/* Returns 0 with the mutex held, or why the VM has no memory to speak of. */
int vmrpc_mem_begin(struct vmrpc_vm *vm)
{
	if (mutex_lock_interruptible(&vm->mem.mutex))
		return -EINTR;
	if (vm->mem.file)
		return 0;
	mutex_unlock(&vm->mem.mutex);
	return READ_ONCE(vm->gone) ? -ESHUTDOWN : -ENODEV;
}

void vmrpc_mem_end(struct vmrpc_vm *vm)
{
	mutex_unlock(&vm->mem.mutex);
}

static void vmrpc_mem_count(const struct vmrpc_mem *mem, struct vmrpc_vm_mem_info *info)
{
	u64 count[VMRPC_MEM_BUSY + 1] = {}, n;
	u8 state;

	for (n = 0; n < mem->nr_blocks; n++) {
		state = READ_ONCE(mem->states[n]);
		/* No state that there is: the guest's business. */
		if (state < ARRAY_SIZE(count))
			count[array_index_nospec(state, ARRAY_SIZE(count))]++;
	}
	info->used = count[VMRPC_MEM_USED] * VMRPC_MEM_BLOCK;
	info->free = (count[VMRPC_MEM_FREE] + count[VMRPC_MEM_BUSY]) * VMRPC_MEM_BLOCK;
	info->absent = count[VMRPC_MEM_ABSENT] * VMRPC_MEM_BLOCK;
}

/* The mutex is held for a part at a time. */
static int vmrpc_mem_count_backing(struct vmrpc_vm *vm, struct vmrpc_vm_mem_info *info)
{
	u64 block = 0;
	int ret;

	do {
		ret = vmrpc_mem_begin(vm);
		if (ret)
			return ret;
		ret = vmrpc_mem_backing_count(&vm->mem, &block, info);
		vmrpc_mem_end(vm);
		cond_resched();
	} while (!ret && block < info->max / VMRPC_MEM_BLOCK);
	return ret;
}

/* VMRPC_VM_MEM_INFO */
int vmrpc_mem_info(struct vmrpc_vm *vm, struct vmrpc_vm_mem_info *info)
{
	struct vmrpc_mem *mem = &vm->mem;
	int ret = vmrpc_mem_begin(vm);

	if (ret)
		return ret;
	*info = (struct vmrpc_vm_mem_info){
		.max		= mem->nr_blocks * VMRPC_MEM_BLOCK,
		.limit		= mem->limit * VMRPC_MEM_BLOCK,
		.reclaimed	= mem->reclaimed * VMRPC_MEM_BLOCK,
		.pinned		= vmrpc_mem_pinned(mem),
		.attached	= mem->attached,
		.auto_ms	= mem->auto_ms,
		.idle_ms	= mem->idle_ms,
	};
	vmrpc_mem_count(mem, info);
	vmrpc_mem_end(vm);
	return vmrpc_mem_count_backing(vm, info);
}

static int vmrpc_mem_set_limit(struct vmrpc_mem *mem, u64 blocks)
{
	if (blocks > mem->nr_blocks)
		return -ERANGE;
	if (!mem->attached)
		return -ENOTCONN;
	if (blocks < mem->nr_pinned)
		return -EBUSY;
	mem->limit = blocks;
	WRITE_ONCE(mem->table->limit, cpu_to_le64(blocks));
	return 0;
}

/* VMRPC_VM_MEM_LIMIT */
int vmrpc_mem_limit(struct vmrpc_vm *vm, u64 size)
{
	int ret = vmrpc_mem_begin(vm);

	if (ret)
		return ret;
	ret = vmrpc_mem_set_limit(&vm->mem, size / VMRPC_MEM_BLOCK);
	vmrpc_mem_end(vm);
	return ret;
}

/* The guest's writes to the block come before its FREE. */
static bool vmrpc_mem_claim_one(struct vmrpc_mem *mem, u64 block, u8 age)
{
	if (READ_ONCE(mem->states[block]) != VMRPC_MEM_FREE || (age && mem->ages[block] < age) ||
	    vmrpc_mem_block_pinned(mem, block))
		return false;
	return cmpxchg(&mem->states[block], VMRPC_MEM_FREE, VMRPC_MEM_BUSY) == VMRPC_MEM_FREE;
}

/* How many blocks from @block on, at most @max, became BUSY. */
static u64 vmrpc_mem_claim(struct vmrpc_mem *mem, u64 block, u64 max, u8 age)
{
	u64 n;

	for (n = 0; n < max && vmrpc_mem_claim_one(mem, block + n, age); n++)
		;
	return n;
}

static void vmrpc_mem_release(struct vmrpc_mem *mem, u64 block, u64 nr, u8 state)
{
	u64 n;

	for (n = 0; n < nr; n++)
		cmpxchg(&mem->states[block + n], VMRPC_MEM_BUSY, state);
}

/*
 * Takes the first run of FREE blocks from *@block on, of that age (0: any).  Returns how many,
 * or an error.
 */
long vmrpc_mem_reclaim_run(struct vmrpc_mem *mem, u64 *block, u64 max, u8 age)
{
	u64 nr = 0;
	int ret;

	lockdep_assert_held(&mem->mutex);
	/* What is being loaded has a table of its own. */
	if (!mem->attached)
		return 0;
	for (; *block < mem->nr_blocks && !nr; *block += nr ?: 1)
		nr = vmrpc_mem_claim(mem, *block,
				     min3(max, mem->nr_blocks - *block, (u64)VMRPC_MEM_RUN), age);
	if (!nr)
		return 0;
	ret = vmrpc_mem_drop(mem, *block - nr, nr, false);
	vmrpc_mem_release(mem, *block - nr, nr, ret ? VMRPC_MEM_FREE : VMRPC_MEM_ABSENT);
	if (ret)
		return ret;
	if (mem->ages)
		memset(mem->ages + *block - nr, 0, nr);
	mem->reclaimed += nr;
	return nr;
}

/* A run; what changes the VMM's mappings meanwhile goes first, for a second. */
static long vmrpc_mem_reclaim_next(struct vmrpc_vm *vm, u64 *block, u64 max)
{
	unsigned int tries;
	u64 from = *block;
	long nr;

	for (tries = 0; tries < VMRPC_MEM_TRIES; tries++) {
		nr = vmrpc_mem_begin(vm);
		if (nr)
			return nr;
		*block = from;
		nr = vm->mem.attached ? vmrpc_mem_reclaim_run(&vm->mem, block, max, 0) : -ENOTCONN;
		vmrpc_mem_end(vm);
		if (nr != -EAGAIN)
			return nr;
		if (msleep_interruptible(1))
			return -EINTR;
	}
	return nr;
}

/*
 * VMRPC_VM_MEM_RECLAIM.  The mutex is held for a run at a time: the guest may wait for one
 * of its blocks.
 */
int vmrpc_mem_reclaim(struct vmrpc_vm *vm, u64 *size)
{
	u64 want = *size / VMRPC_MEM_BLOCK + !!(*size % VMRPC_MEM_BLOCK), block = 0, taken = 0;
	long nr;

	do {
		nr = signal_pending(current) ? -EINTR : vmrpc_mem_reclaim_next(vm, &block, want - taken);
		if (nr > 0)
			taken += nr;
		cond_resched();
	} while (nr > 0 && taken < want);
	*size = taken * VMRPC_MEM_BLOCK;
	return taken ? 0 : min(nr, 0l);
}

/*
 * What is behind these blocks is older than their state, or nothing; for the guest they are free, and
 * zeros where it takes them for ABSENT.
 */
static int vmrpc_mem_drop_unused(struct vmrpc_mem *mem)
{
	u64 block, nr;
	int ret = 0;

	for (block = 0; block < mem->nr_blocks && !ret; block += nr ?: 1) {
		for (nr = 0; block + nr < mem->nr_blocks; nr++)
			if (READ_ONCE(mem->states[block + nr]) == VMRPC_MEM_USED)
				break;
		if (nr)
			ret = vmrpc_mem_drop(mem, block, nr, true);
		if (!ret)
			memset(mem->states + block, VMRPC_MEM_ABSENT, nr);
	}
	return ret;
}

/* VMRPC_VM_MEM_LOAD */
int vmrpc_mem_load(struct vmrpc_vm *vm, u64 limit)
{
	struct vmrpc_mem *mem = &vm->mem;
	int ret = vmrpc_mem_begin(vm);

	if (ret)
		return ret;
	if (limit % VMRPC_MEM_BLOCK || limit / VMRPC_MEM_BLOCK > mem->nr_blocks) {
		ret = -EINVAL;
	} else {
		ret = vmrpc_mem_drop_unused(mem);
		mem->attached = !ret;
		if (!ret)
			ret = vmrpc_mem_set_limit(mem, limit / VMRPC_MEM_BLOCK);
	}
	vmrpc_mem_end(vm);
	return ret;
}

/* VMRPC_VM_MEM_DROPPED */
int vmrpc_mem_dropped(struct vmrpc_vm *vm, const struct vmrpc_vm_mem_dropped *arg)
{
	struct vmrpc_mem *mem = &vm->mem;
	unsigned long *bitmap;
	int ret;

	if (!arg->size || arg->size > BITS_TO_BYTES(VMRPC_MEM_MAX_BLOCKS))
		return -EINVAL;
	bitmap = vmrpc_mem_bitmap(arg->size * BITS_PER_BYTE);
	if (!bitmap)
		return -ENOMEM;
	ret = vmrpc_mem_begin(vm);
	if (!ret) {
		if (arg->size * BITS_PER_BYTE == mem->nr_blocks)
			swap(mem->dropped, bitmap);
		else
			ret = -EINVAL;
		vmrpc_mem_end(vm);
	}
	/* Without the mutex, which others wait for: the VMM's memory may be slow. */
	if (!ret && copy_to_user(u64_to_user_ptr(arg->bitmap), bitmap, arg->size))
		ret = -EFAULT;
	kvfree(bitmap);
	return ret;
}

/* Nothing that the guest had pinned before is. */
static int vmrpc_mem_begin_anew(struct vmrpc_call *call)
{
	if (call->process)
		return -EPERM;
	vmrpc_mem_unpin_all(&call->vm->mem);
	return vmrpc_mem_begin(call->vm);
}

static void vmrpc_mem_tell_region(const struct vmrpc_mem *mem, struct vmrpc_mem_region *region)
{
	*region = (struct vmrpc_mem_region){
		.table		= cpu_to_le64(mem->gpa - VMRPC_MEM_BLOCK),
		.blocks		= cpu_to_le64(mem->gpa),
		.nr_blocks	= cpu_to_le64(mem->nr_blocks),
	};
}

static int vmrpc_mem_attach(struct vmrpc_call *call)
{
	struct vmrpc_mem *mem = &call->vm->mem;
	int ret = vmrpc_mem_begin_anew(call);

	if (ret)
		return ret;
	ret = vmrpc_mem_restart(mem, true);
	vmrpc_mem_tell_region(mem, call->arg);
	vmrpc_mem_end(call->vm);
	return ret;
}

static int vmrpc_mem_where(struct vmrpc_call *call)
{
	struct vmrpc_mem *mem = &call->vm->mem;
	int ret = call->process ? -EPERM : vmrpc_mem_begin(call->vm);

	if (ret)
		return ret;
	ret = mem->attached ? 0 : -ENOTCONN;
	vmrpc_mem_tell_region(mem, call->arg);
	vmrpc_mem_end(call->vm);
	return ret;
}

static int vmrpc_mem_detach(struct vmrpc_call *call)
{
	int ret = vmrpc_mem_begin_anew(call);

	if (ret)
		return ret;
	ret = vmrpc_mem_restart(&call->vm->mem, false);
	vmrpc_mem_end(call->vm);
	return ret;
}

/* Whoever has a block BUSY holds the mutex. */
static int vmrpc_mem_wait(struct vmrpc_call *call)
{
	int ret = vmrpc_mem_begin(call->vm);

	if (!ret)
		vmrpc_mem_end(call->vm);
	return ret;
}

static int vmrpc_mem_bind(struct vmrpc_vm *vm, void **priv)
{
	return READ_ONCE(vm->mem.file) ? 0 : -ENOENT;
}

static const struct vmrpc_procedure vmrpc_mem_procedures[] = {
	[VMRPC_MEM_ATTACH] = {
		.name		= "attach",
		.direction	= VMRPC_OUT,
		.min_size	= sizeof(struct vmrpc_mem_region),
		.max_size	= sizeof(struct vmrpc_mem_region),
		.call		= vmrpc_mem_attach,
	},
	[VMRPC_MEM_WAIT] = {
		.name		= "wait",
		.call		= vmrpc_mem_wait,
	},
	[VMRPC_MEM_DETACH] = {
		.name		= "detach",
		.call		= vmrpc_mem_detach,
	},
	[VMRPC_MEM_PIN] = {
		.name		= "pin",
		.direction	= VMRPC_IN,
		.min_size	= sizeof(struct vmrpc_mem_range),
		.max_size	= VMRPC_MAX_ARG,
		.call		= vmrpc_mem_pin,
	},
	[VMRPC_MEM_UNPIN] = {
		.name		= "unpin",
		.direction	= VMRPC_IN,
		.min_size	= sizeof(struct vmrpc_mem_unpin),
		.max_size	= sizeof(struct vmrpc_mem_unpin),
		.call		= vmrpc_mem_unpin,
	},
	[VMRPC_MEM_WHERE] = {
		.name		= "where",
		.direction	= VMRPC_OUT,
		.min_size	= sizeof(struct vmrpc_mem_region),
		.max_size	= sizeof(struct vmrpc_mem_region),
		.call		= vmrpc_mem_where,
	},
};

static const struct vmrpc_server_ops vmrpc_mem_ops = {
	.module		= VMRPC_MEM_MODULE,
	.version	= VMRPC_MEM_VERSION,
	.bind		= vmrpc_mem_bind,
	.procedures	= vmrpc_mem_procedures,
	.nr_procedures	= ARRAY_SIZE(vmrpc_mem_procedures),
};

int vmrpc_mem_server_init(void)
{
	int ret = vmrpc_mem_auto_start();

	if (ret)
		return ret;
	vmrpc_mem_server = vmrpc_register_server(&vmrpc_mem_ops);
	if (!IS_ERR(vmrpc_mem_server))
		return 0;
	vmrpc_mem_auto_stop();
	return PTR_ERR(vmrpc_mem_server);
}

void vmrpc_mem_server_exit(void)
{
	vmrpc_unregister_server(vmrpc_mem_server);
	vmrpc_mem_auto_stop();
}
