// SPDX-License-Identifier: GPL-2.0-only
/*
 * Servers in the VMM, its *user servers*.
 *
 * To bind and to perform they are servers like the kernel's, but of one VM: the VMM
 * describes them with VMRPC_VM_ADD_SERVER.  A call of theirs has two halves.  The
 * first ends in KVM_EXIT_HYPERCALL, with the argument in a struct vmrpc_user_call,
 * which the VMM reads and answers on its descriptor; the second runs when the VMM
 * enters the vCPU again.  A vCPU that comes back without an answer, because the VMM
 * needed it for something else, has its guest ask again.
 *
 * vm->user_mutex covers vm->user_calls and what is in them.  It nests in kvm->srcu.
 */
#include <linux/module.h>
#include <linux/uaccess.h>

#include "internal.h"
#include "../kvm_cache_regs.h"
#include "../x86.h"

#define VMRPC_USER_PROCEDURES	256
#define VMRPC_USER_SERVERS	64

/* One of the VMM's servers; it stays until the VM is destroyed. */
struct vmrpc_user_server {
	struct vmrpc_server_ops	ops;
	char			module[VMRPC_MODULE_LEN];
	char			version[VMRPC_VERSION_LEN];
	u32			number;		/* the VMM's own for it */
	struct vmrpc_procedure	procedures[];
};

/* A call that is in the VMM, or was answered by it. */
struct vmrpc_user_call {
	struct vmrpc_binding	*binding;
	struct vmrpc_argument	argument;
	u32			server;
	u32			procedure;
	bool			out;
	bool			park;
	int			status;
	s64			result;
	u8			data[];
};

/* The first half. */

static struct vmrpc_user_call *vmrpc_user_call_new(const struct vmrpc_call *call)
{
	struct vmrpc_user_call *user;

	user = kvzalloc(struct_size(user, data, call->size), GFP_KERNEL_ACCOUNT);
	if (!user)
		return NULL;
	memcpy(user->data, call->arg, call->size);
	user->procedure = call->procedure;
	user->status = -EINTR;
	return user;
}

static void vmrpc_user_call_free(struct vmrpc_user_call *user)
{
	vmrpc_binding_put(user->binding);
	kvfree(user);
}

/* Leaves the call to the VMM; takes a reference to @binding.  The caller holds kvm->srcu. */
int vmrpc_user_begin(struct vmrpc_call *call, struct vmrpc_binding *binding,
		     const struct vmrpc_argument *argument, bool out)
{
	struct kvm_vcpu *vcpu = call->vcpu;
	struct vmrpc_vm *vm = call->vm;
	struct vmrpc_user_call *user = vmrpc_user_call_new(call);
	int ret;

	if (!user)
		return -ENOMEM;
	user->argument = *argument;
	user->out = out;
	user->server = container_of(binding->ops, struct vmrpc_user_server, ops)->number;
	user->binding = binding;

	mutex_lock(&vm->user_mutex);
	clear_bit(vcpu->vcpu_idx, vm->user_woken);
	ret = xa_insert(&vm->user_calls, vcpu->vcpu_idx, user, GFP_KERNEL_ACCOUNT);
	if (!ret)
		refcount_inc(&binding->ref);
	mutex_unlock(&vm->user_mutex);
	if (ret) {
		kvfree(user);
		return ret;
	}
	vcpu->run->exit_reason = KVM_EXIT_HYPERCALL;
	vcpu->run->hypercall.nr = VMRPC_HYPERCALL;
	vcpu->run->hypercall.args[0] = vcpu->vcpu_idx;
	vcpu->run->hypercall.flags = 0;
	vcpu->arch.complete_userspace_io = vmrpc_user_complete;
	return 0;
}

bool vmrpc_exit_pending(struct kvm_vcpu *vcpu)
{
	return vcpu->arch.complete_userspace_io == vmrpc_user_complete;
}

/* The second half. */

static int vmrpc_user_finish(struct kvm_vcpu *vcpu, struct vmrpc_vm *vm,
			     struct vmrpc_user_call *user)
{
	struct vmrpc_counters *counters = vmrpc_stat_perform(vm, user->binding, user->procedure);
	int ret = 0;

	if (user->park)
		return vmlp_user_park(vcpu, vm);
	if (user->status)
		ret = vmrpc_call_status(user->status);
	else if (user->out)
		ret = vmrpc_argument_copy(vcpu, &user->argument, user->data, true);
	if (!ret && user->out)
		atomic64_add(user->argument.size, &counters->res_bytes);
	vmrpc_stat_perform_end(counters, ret);
	return ret;
}

/*
 * When the VMM enters the vCPU again, with kvm->srcu held.  A vCPU that was reset
 * meanwhile has no hypercall to return from.
 */
int vmrpc_user_complete(struct kvm_vcpu *vcpu)
{
	struct vmrpc_vm *vm = vcpu->kvm->arch.vmrpc;
	struct vmrpc_user_call *user;
	int ret;

	mutex_lock(&vm->user_mutex);
	user = xa_erase(&vm->user_calls, vcpu->vcpu_idx);
	mutex_unlock(&vm->user_mutex);
	if (!user)
		return 1;
	ret = vmrpc_user_finish(vcpu, vm, user);
	vmrpc_hypercall_return(vcpu, VMRPC_OP_PERFORM, user->binding->handle, user->procedure, ret,
			       user->result);
	kvm_rax_write(vcpu, is_64_bit_mode(vcpu) ? (long)ret : (u32)ret);
	kvm_vcpu_srcu_read_unlock(vcpu);
	vmrpc_user_call_free(user);
	kvm_vcpu_srcu_read_lock(vcpu);
	++vcpu->stat.hypercalls;
	return kvm_skip_emulated_instruction(vcpu);
}

/* What the VMM does meanwhile. */

/* Bytes of the argument that is written, or read (@out false); -ENOENT the vCPU is in no call. */
static int vmrpc_user_size(struct vmrpc_vm *vm, u32 vcpu_idx, bool out)
{
	struct vmrpc_user_call *user;
	int ret = -ENOENT;

	mutex_lock(&vm->user_mutex);
	user = xa_load(&vm->user_calls, vcpu_idx);
	if (user)
		ret = out && !user->out ? 0 : user->argument.size;
	mutex_unlock(&vm->user_mutex);
	return ret;
}

/* @data: room for @size bytes, of which as many are filled as the argument has. */
static int vmrpc_user_take(struct vmrpc_vm *vm, struct vmrpc_vm_user_call *arg, void *data,
			   u32 size)
{
	struct vmrpc_user_call *user;
	int ret = -ENOENT;

	mutex_lock(&vm->user_mutex);
	user = xa_load(&vm->user_calls, arg->vcpu);
	if (user) {
		arg->server = user->server;
		arg->procedure = user->procedure;
		arg->flags = user->binding->process ? VMRPC_CALL_PROCESS : 0;
		arg->size = user->argument.size;
		ret = arg->size > size ? -EMSGSIZE : 0;
		if (!ret)
			memcpy(data, user->data, arg->size);
	}
	mutex_unlock(&vm->user_mutex);
	return ret;
}

/*
 * The VMM's memory may keep us waiting for as long as it likes, so it is touched without
 * the mutex, which the VM's end needs.
 */
int vmrpc_user_read(struct vmrpc_vm *vm, struct vmrpc_vm_user_call *arg)
{
	int ret, size = vmrpc_user_size(vm, arg->vcpu, false);
	void *data;

	if (arg->reserved)
		return -EINVAL;
	if (size < 0)
		return size;
	size = min_t(u32, size, arg->size);
	data = kvzalloc(size, GFP_KERNEL_ACCOUNT);
	if (!data)
		return -ENOMEM;
	ret = vmrpc_user_take(vm, arg, data, size);
	if (!ret && copy_to_user(u64_to_user_ptr(arg->data), data, arg->size))
		ret = -EFAULT;
	kvfree(data);
	return ret;
}

/* @data: the argument as written, @size bytes, or 0 if nothing is. */
static int vmrpc_user_put(struct vmrpc_vm *vm, const struct vmrpc_vm_user_answer *arg,
			  const void *data, u32 size)
{
	struct vmrpc_user_call *user;
	int ret = -ENOENT;

	mutex_lock(&vm->user_mutex);
	user = xa_load(&vm->user_calls, arg->vcpu);
	/* Another size: it is another call by now. */
	if (user && (!size || (user->out && user->argument.size == size))) {
		memcpy(user->data, data, size);
		user->status = arg->status;
		user->result = arg->result;
		user->park = arg->flags & VMRPC_ANSWER_PARK;
		ret = 0;
	}
	mutex_unlock(&vm->user_mutex);
	return ret;
}

int vmrpc_user_answer(struct vmrpc_vm *vm, const struct vmrpc_vm_user_answer *arg)
{
	bool out = !arg->status && !(arg->flags & VMRPC_ANSWER_PARK);
	void *data = NULL;
	int size = 0, ret;

	if (arg->status > 0 || arg->status < -MAX_ERRNO || arg->flags & ~VMRPC_ANSWER_PARK ||
	    arg->reserved)
		return -EINVAL;
	if (out)
		size = vmrpc_user_size(vm, arg->vcpu, true);
	if (size < 0)
		return size;
	if (size) {
		data = vmemdup_user(u64_to_user_ptr(arg->data), size);
		if (IS_ERR(data))
			return PTR_ERR(data);
	}
	ret = vmrpc_user_put(vm, arg, data, size);
	kvfree(data);
	return ret;
}

static int vmrpc_user_copy_part(struct kvm_vcpu *vcpu, u64 gva, void __user *data, void *page,
				u32 size, bool to_guest)
{
	int ret;

	if (to_guest)
		return copy_from_user(page, data, size) ? -EFAULT :
		       vmrpc_write_guest(vcpu, gva, page, size);
	ret = vmrpc_read_guest(vcpu, page, gva, size);
	if (ret)
		return ret;
	return copy_to_user(data, page, size) ? -EFAULT : 0;
}

/* By way of a page of ours.  The caller holds vcpu->mutex. */
static int vmrpc_user_copy_parts(struct kvm_vcpu *vcpu, const struct vmrpc_vm_user_copy *arg)
{
	void *page = (void *)__get_free_page(GFP_KERNEL_ACCOUNT);
	u8 __user *data = u64_to_user_ptr(arg->data);
	u64 gva = arg->guest;
	u32 left, part;
	int ret = 0;

	if (!page)
		return -ENOMEM;
	vcpu_load(vcpu);
	kvm_vcpu_srcu_read_lock(vcpu);
	for (left = arg->size; left && !ret; left -= part, gva += part, data += part) {
		part = min_t(u32, left, PAGE_SIZE - offset_in_page(gva));
		ret = vmrpc_user_copy_part(vcpu, gva, data, page, part,
					   arg->flags & VMRPC_COPY_TO_GUEST);
	}
	kvm_vcpu_srcu_read_unlock(vcpu);
	vcpu_put(vcpu);
	free_page((unsigned long)page);
	return ret;
}

/* Whether the vCPU is in a call whose addresses may be followed. */
static int vmrpc_user_may_copy(struct vmrpc_vm *vm, u32 vcpu_idx)
{
	struct vmrpc_user_call *user;
	int ret = -ENOENT;

	mutex_lock(&vm->user_mutex);
	user = xa_load(&vm->user_calls, vcpu_idx);
	if (user)
		ret = user->binding->process ? -EFAULT : 0;
	mutex_unlock(&vm->user_mutex);
	return ret;
}

static int vmrpc_user_copy_of(struct kvm *kvm, struct vmrpc_vm *vm,
			      const struct vmrpc_vm_user_copy *arg)
{
	struct kvm_vcpu *vcpu;
	int ret;

	/* Guest memory is reached by the addresses of its process. */
	if (kvm->mm != current->mm)
		return -EIO;
	ret = vmrpc_user_may_copy(vm, arg->vcpu);
	if (ret)
		return ret;
	vcpu = kvm_get_vcpu(kvm, arg->vcpu);
	if (!vcpu || !mutex_trylock(&vcpu->mutex))
		return -EBUSY;
	/* The call ends with the mutex held, or by a reset, which the copy survives. */
	ret = vmrpc_user_may_copy(vm, arg->vcpu);
	if (!ret)
		ret = vmrpc_user_copy_parts(vcpu, arg);
	mutex_unlock(&vcpu->mutex);
	return ret;
}

int vmrpc_user_copy(struct vmrpc_vm *vm, const struct vmrpc_vm_user_copy *arg)
{
	struct kvm *kvm;
	int ret;

	if (arg->reserved || arg->flags & ~VMRPC_COPY_TO_GUEST)
		return -EINVAL;
	if (arg->size > VMRPC_MAX_ARG)
		return -E2BIG;
	if (arg->guest + arg->size < arg->guest)
		return -EFAULT;
	kvm = vmrpc_vm_get_kvm(vm);
	if (!kvm)
		return -ESHUTDOWN;
	ret = vmrpc_user_copy_of(kvm, vm, arg);
	kvm_put_kvm(kvm);
	return ret;
}

/* Servers */

static int vmrpc_user_procedure_read(struct vmrpc_procedure *procedure,
				     const struct vmrpc_vm_procedure __user *user)
{
	struct vmrpc_vm_procedure from;

	if (copy_from_user(&from, user, sizeof(from)))
		return -EFAULT;
	if (from.reserved || from.direction & ~(VMRPC_IN | VMRPC_OUT) ||
	    from.min_size > from.max_size || from.max_size > VMRPC_MAX_ARG)
		return -EINVAL;
	procedure->direction = from.direction;
	procedure->min_size = from.min_size;
	procedure->max_size = from.max_size;
	return 0;
}

static struct vmrpc_user_server *vmrpc_user_server_new(const struct vmrpc_vm_server *arg)
{
	const struct vmrpc_vm_procedure __user *from = u64_to_user_ptr(arg->procedures);
	struct vmrpc_user_server *server;
	int ret = 0;
	u32 i;

	server = kvzalloc(struct_size(server, procedures, arg->nr_procedures), GFP_KERNEL_ACCOUNT);
	if (!server)
		return ERR_PTR(-ENOMEM);
	memcpy(server->module, arg->module, sizeof(server->module));
	memcpy(server->version, arg->version, sizeof(server->version));
	server->number = arg->server;
	server->ops.module = server->module;
	server->ops.version = server->version;
	server->ops.procedures = server->procedures;
	server->ops.nr_procedures = arg->nr_procedures;
	for (i = 0; i < arg->nr_procedures && !ret; i++)
		ret = vmrpc_user_procedure_read(&server->procedures[i], &from[i]);
	if (ret) {
		kvfree(server);
		return ERR_PTR(ret);
	}
	return server;
}

/* @arg was checked for its reserved fields and names. */
int vmrpc_user_add_server(struct vmrpc_vm *vm, const struct vmrpc_vm_server *arg)
{
	struct vmrpc_user_server *server;
	struct vmrpc_server *added;
	int ret = -EBUSY;

	if (!arg->nr_procedures || arg->nr_procedures > VMRPC_USER_PROCEDURES)
		return -EINVAL;
	server = vmrpc_user_server_new(arg);
	if (IS_ERR(server))
		return PTR_ERR(server);

	mutex_lock(&vm->user_mutex);
	/* Not under vm->lock; see vmrpc_user_remove_servers(). */
	if (READ_ONCE(vm->gone)) {
		ret = -ESHUTDOWN;
	} else if (list_count_nodes(&vm->user_servers) < VMRPC_USER_SERVERS) {
		added = vmrpc_server_add(&vm->user_servers, &server->ops);
		ret = PTR_ERR_OR_ZERO(added);
	}
	mutex_unlock(&vm->user_mutex);
	if (ret)
		kvfree(server);
	return ret;
}

/* The calls under way are nobody's any more: the VM was reset, or is being destroyed. */
void vmrpc_user_forget_calls(struct vmrpc_vm *vm)
{
	struct vmrpc_user_call *user;
	unsigned long i;

	mutex_lock(&vm->user_mutex);
	xa_for_each(&vm->user_calls, i, user) {
		xa_erase(&vm->user_calls, i);
		vmrpc_user_call_free(user);
	}
	mutex_unlock(&vm->user_mutex);
}

/* After vm->gone was set, and no handle is bound any more. */
void vmrpc_user_remove_servers(struct vmrpc_vm *vm)
{
	struct vmrpc_server *server, *next;
	const struct vmrpc_server_ops *ops;

	/* Who adds a server saw that the VM is gone, or is done. */
	mutex_lock(&vm->user_mutex);
	mutex_unlock(&vm->user_mutex);
	list_for_each_entry_safe(server, next, &vm->user_servers, node) {
		ops = server->ops;
		vmrpc_unregister_server(server);
		kvfree(container_of(ops, struct vmrpc_user_server, ops));
	}
}
