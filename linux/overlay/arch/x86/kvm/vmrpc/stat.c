// SPDX-License-Identifier: GPL-2.0-only
/*
 * What was called how often: counters for each VM, direction, module and procedure.
 *
 * A module's counters are allocated when a guest binds it, or when a guest first answers
 * for it, and stay until the VM's last user is gone.  So a binding points to them, and
 * who counts takes no lock: vm->stat is filled from the front by cmpxchg, and nothing is
 * ever taken out.  It is bounded, and so is what one module takes; what finds no room
 * is counted together.
 */
#include <linux/nospec.h>
#include <linux/uaccess.h>

#include "internal.h"
#include "trace.h"

static_assert(sizeof(struct vmrpc_stat_module) == SZ_2K);

/* The module in row @i, or NULL after the last one. */
static struct vmrpc_stat_module *vmrpc_stat_row(struct vmrpc_vm *vm,
						enum vmrpc_stat_direction direction, int i)
{
	/* Pairs with the cmpxchg: the name is there. */
	return i < VMRPC_STAT_MODULES ? smp_load_acquire(&vm->stat[direction][i]) : NULL;
}

/* Returns the counters of @name, or NULL.  Puts @fresh, if not NULL, there if they are missing. */
static struct vmrpc_stat_module *vmrpc_stat_find(struct vmrpc_vm *vm,
						 enum vmrpc_stat_direction direction,
						 const char *name, struct vmrpc_stat_module *fresh)
{
	struct vmrpc_stat_module *module;
	int i;

	for (i = 0; i < VMRPC_STAT_MODULES; i++) {
		module = vmrpc_stat_row(vm, direction, i);
		/* The row may be another's by now.  A full barrier. */
		if (!module && fresh)
			module = cmpxchg(&vm->stat[direction][i], NULL, fresh) ?: fresh;
		if (!module || !strcmp(module->name, name))
			return module;
	}
	return NULL;
}

/* Returns the counters of @name, new ones if need be; NULL if there is no room for them. */
struct vmrpc_stat_module *vmrpc_stat_module(struct vmrpc_vm *vm,
					    enum vmrpc_stat_direction direction, const char *name)
{
	struct vmrpc_stat_module *module = vmrpc_stat_find(vm, direction, name, NULL), *fresh;

	if (module || READ_ONCE(vm->stat[direction][VMRPC_STAT_MODULES - 1]))
		return module;
	fresh = kzalloc(sizeof(*fresh), GFP_KERNEL_ACCOUNT);
	if (!fresh)
		return NULL;
	strscpy(fresh->name, name, sizeof(fresh->name));
	module = vmrpc_stat_find(vm, direction, name, fresh);
	if (module != fresh)
		kfree(fresh);
	return module;
}

static struct vmrpc_counters *vmrpc_stat_counters(struct vmrpc_vm *vm,
						  enum vmrpc_stat_direction direction,
						  struct vmrpc_stat_module *module, u32 procedure)
{
	if (!module)
		return &vm->stat_other[direction];
	if (procedure >= VMRPC_STAT_PROCEDURES)
		return &module->procedures[VMRPC_STAT_PROCEDURES];
	return &module->procedures[array_index_nospec(procedure, VMRPC_STAT_PROCEDURES)];
}

/* Where to count a PERFORM; @procedure is as the guest gave it. */
struct vmrpc_counters *vmrpc_stat_perform(struct vmrpc_vm *vm, const struct vmrpc_binding *binding,
					  u32 procedure)
{
	return vmrpc_stat_counters(vm, binding->direction, binding->stat, procedure);
}

/* A PERFORM ended.  -EINTR is no error: the guest is to repeat it. */
void vmrpc_stat_perform_end(struct vmrpc_counters *counters, int ret)
{
	if (ret && ret != -EINTR)
		atomic64_inc(&counters->errors);
}

/* Does it take a module to answer so?  What else ends a call says nothing of the name. */
static bool vmrpc_stat_answered(const struct rvmrpc_args *args, int ret)
{
	if (!args->seq)
		return false;
	switch (ret) {
	case 0:
	case -E2BIG:
	case -ENOMEM:
	case -EFAULT:
	case -EINVAL:
	case -ENOSYS:
	case -EMSGSIZE:
		return true;
	}
	return false;
}

/*
 * Counts, and traces, a call of the host's that ended with @ret, sent or not.  The name is the
 * caller's: it gets counters only if the guest has such a module.  Sleeps only if the guest answered.
 */
void vmrpc_stat_call(struct vmrpc_vm *vm, const struct rvmrpc_args *args, int ret)
{
	struct vmrpc_stat_module *module;
	struct vmrpc_counters *counters;

	module = vmrpc_stat_answered(args, ret) ?
		 vmrpc_stat_module(vm, VMRPC_STAT_GUEST, args->module) :
		 vmrpc_stat_find(vm, VMRPC_STAT_GUEST, args->module, NULL);
	counters = vmrpc_stat_counters(vm, VMRPC_STAT_GUEST, module, args->procedure);
	atomic64_inc(&counters->calls);
	if (args->seq)
		atomic64_add(args->arg_size, &counters->arg_bytes);
	if (ret) {
		atomic64_inc(&counters->errors);
		atomic64_inc(&vm->stats.errors);
	} else {
		atomic64_add(args->res_size, &counters->res_bytes);
	}
	if (ret == -ECONNREFUSED)
		atomic64_inc(&vm->stats.calls_refused);
	trace_rvmrpc_end(vm->name, args->seq, args->module, args->procedure, ret, args->result);
}

static u64 vmrpc_stat_calls(struct vmrpc_vm *vm, enum vmrpc_stat_direction direction)
{
	u64 calls = atomic64_read(&vm->stat_other[direction].calls);
	struct vmrpc_stat_module *module;
	int i, j;

	for (i = 0; (module = vmrpc_stat_row(vm, direction, i)); i++)
		for (j = 0; j <= VMRPC_STAT_PROCEDURES; j++)
			calls += atomic64_read(&module->procedures[j].calls);
	return calls;
}

/* All PERFORM operations: no counter of its own, which all vCPUs would write to. */
u64 vmrpc_stat_performs(struct vmrpc_vm *vm)
{
	return vmrpc_stat_calls(vm, VMRPC_STAT_KERNEL) + vmrpc_stat_calls(vm, VMRPC_STAT_VMM);
}

struct vmrpc_stat_output {
	struct vmrpc_vm_stat __user	*entries;
	u32				room, count;
};

static int vmrpc_stat_put(struct vmrpc_stat_output *output, enum vmrpc_stat_direction direction,
			  const char *name, u32 procedure, const struct vmrpc_counters *counters)
{
	struct vmrpc_vm_stat stat = { .direction = direction, .procedure = procedure };

	/* In the opposite order of counting: no more errors than calls. */
	stat.res_bytes = atomic64_read(&counters->res_bytes);
	stat.arg_bytes = atomic64_read(&counters->arg_bytes);
	stat.errors = atomic64_read(&counters->errors);
	stat.calls = atomic64_read(&counters->calls);
	if (!stat.calls)
		return 0;
	strscpy(stat.module, name, sizeof(stat.module));
	if (output->count < output->room &&
	    copy_to_user(&output->entries[output->count], &stat, sizeof(stat)))
		return -EFAULT;
	output->count++;
	return 0;
}

static int vmrpc_stat_put_module(struct vmrpc_stat_output *output,
				 enum vmrpc_stat_direction direction,
				 const struct vmrpc_stat_module *module)
{
	int i, ret = 0;

	for (i = 0; i < VMRPC_STAT_PROCEDURES && !ret; i++)
		ret = vmrpc_stat_put(output, direction, module->name, i, &module->procedures[i]);
	if (!ret)
		ret = vmrpc_stat_put(output, direction, module->name, VMRPC_STAT_OTHER,
				     &module->procedures[i]);
	return ret;
}

static int vmrpc_stat_put_direction(struct vmrpc_stat_output *output, struct vmrpc_vm *vm,
				    enum vmrpc_stat_direction direction)
{
	struct vmrpc_stat_module *module;
	int i, ret = 0;

	for (i = 0; !ret && (module = vmrpc_stat_row(vm, direction, i)); i++)
		ret = vmrpc_stat_put_module(output, direction, module);
	if (!ret)
		ret = vmrpc_stat_put(output, direction, "", VMRPC_STAT_OTHER,
				     &vm->stat_other[direction]);
	return ret;
}

/* Fills the array of @list as far as it goes, and counts all rows. */
int vmrpc_vm_stat(struct vmrpc_vm *vm, struct vmrpc_entries *list)
{
	struct vmrpc_stat_output output = {
		.entries = u64_to_user_ptr(list->entries), .room = list->count,
	};
	int direction, ret = 0;

	for (direction = 0; direction < VMRPC_STAT_DIRECTIONS && !ret; direction++)
		ret = vmrpc_stat_put_direction(&output, vm, direction);
	list->count = output.count;
	return ret;
}

/* With the VM's last reference. */
void vmrpc_stat_free(struct vmrpc_vm *vm)
{
	int direction, i;

	for (direction = 0; direction < VMRPC_STAT_DIRECTIONS; direction++)
		for (i = 0; i < VMRPC_STAT_MODULES; i++)
			kfree(vm->stat[direction][i]);
}

#ifdef CONFIG_KVM_VMRPC_KUNIT_TEST
#include "stat_test.c"
#endif
