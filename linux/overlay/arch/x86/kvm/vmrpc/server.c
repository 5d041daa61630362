// SPDX-License-Identifier: GPL-2.0-only
/*
 * Servers in the host kernel, and the handles by which a guest reaches them.
 *
 * A server is on vmrpc_servers from register to unregister.  A binding joins a VM
 * and a server; the handle table and each call under way hold it, and the last to
 * drop it calls the server's unbind.  Unregistration empties the tables and then
 * waits until all bindings are gone, so no callback runs after it returned.
 */
#include <linux/module.h>
#include <linux/nospec.h>

#include "internal.h"
#include "trace.h"

/* A handle is a row's number plus one in the low bits, and the row's generation. */
#define VMRPC_HANDLE_ROW_BITS	8
#define VMRPC_GENERATION_MAX	(U32_MAX >> VMRPC_HANDLE_ROW_BITS)

static LIST_HEAD(vmrpc_servers);	/* the kernel's own */
static DEFINE_MUTEX(vmrpc_servers_lock);	/* that list, and those of the VMs' user servers */

static bool vmrpc_ops_valid(const struct vmrpc_server_ops *ops)
{
	unsigned int i;

	if (strlen(ops->module) >= VMRPC_MODULE_LEN || strlen(ops->version) >= VMRPC_VERSION_LEN)
		return false;
	if (!ops->nr_procedures || ops->nr_procedures > U16_MAX)
		return false;
	for (i = 0; i < ops->nr_procedures; i++)
		if (ops->procedures[i].max_size > VMRPC_MAX_ARG || !ops->procedures[i].call)
			return false;
	return true;
}

static struct vmrpc_server *vmrpc_server_find(struct list_head *servers, const char *module,
					      const char *version)
{
	struct vmrpc_server *server;
	int err = -ENOENT;

	lockdep_assert_held(&vmrpc_servers_lock);
	list_for_each_entry(server, servers, node) {
		if (strcmp(server->ops->module, module))
			continue;
		if (!strcmp(server->ops->version, version))
			return server;
		err = -EPROTONOSUPPORT;
	}
	return ERR_PTR(err);
}

/* Adds a server of @ops, whose limits the caller checked, to those of the kernel or of a VM. */
struct vmrpc_server *vmrpc_server_add(struct list_head *servers, const struct vmrpc_server_ops *ops)
{
	struct vmrpc_server *server = kzalloc(sizeof(*server), GFP_KERNEL_ACCOUNT);

	if (!server)
		return ERR_PTR(-ENOMEM);
	server->ops = ops;
	init_waitqueue_head(&server->wait);

	mutex_lock(&vmrpc_servers_lock);
	if (IS_ERR(vmrpc_server_find(servers, ops->module, ops->version))) {
		list_add_tail(&server->node, servers);
	} else {
		kfree(server);
		server = ERR_PTR(-EEXIST);
	}
	mutex_unlock(&vmrpc_servers_lock);
	return server;
}

/**
 * vmrpc_register_server - offer a module to guests
 * @ops: what it consists of; must stay until vmrpc_unregister_server() returned
 *
 * Several versions of one module may be registered at a time.
 *
 * Context: process.
 * Return: the server; or -EINVAL if @ops breaks a limit, -EEXIST if this version of
 * the module is registered, -ENOMEM.
 */
struct vmrpc_server *vmrpc_register_server(const struct vmrpc_server_ops *ops)
{
	if (!vmrpc_ops_valid(ops))
		return ERR_PTR(-EINVAL);
	return vmrpc_server_add(&vmrpc_servers, ops);
}
EXPORT_SYMBOL_GPL(vmrpc_register_server);

/**
 * vmrpc_unregister_server - withdraw a module
 * @server: from vmrpc_register_server(); invalid afterwards
 *
 * Guests' handles of it fail with -ENODEV from now on.  Waits for the calls under way.
 *
 * Context: process; not from a callback of the server.
 */
void vmrpc_unregister_server(struct vmrpc_server *server)
{
	mutex_lock(&vmrpc_servers_lock);
	list_del(&server->node);
	mutex_unlock(&vmrpc_servers_lock);

	/* A bind that found the server before sees this, or is found by the walk. */
	WRITE_ONCE(server->dead, true);
	vmrpc_for_each_vm(vmrpc_vm_drop_server, server);
	wait_event(server->wait, !atomic_read(&server->bindings));
	/* The last vmrpc_server_put() may still be in its wake_up. */
	spin_lock_irq(&server->wait.lock);
	spin_unlock_irq(&server->wait.lock);
	kfree(server);
}
EXPORT_SYMBOL_GPL(vmrpc_unregister_server);

static struct vmrpc_server *vmrpc_server_get(struct vmrpc_vm *vm, const struct vmrpc_bind *arg)
{
	bool user = arg->flags & cpu_to_le32(VMRPC_BIND_USER);
	struct vmrpc_server *server;

	mutex_lock(&vmrpc_servers_lock);
	server = vmrpc_server_find(user ? &vm->user_servers : &vmrpc_servers, arg->module,
				   arg->version);
	if (!IS_ERR(server))
		atomic_inc(&server->bindings);
	mutex_unlock(&vmrpc_servers_lock);
	return server;
}

static void vmrpc_server_put(struct vmrpc_server *server)
{
	unsigned long flags;

	/* Under the lock, so that vmrpc_unregister_server() does not free it meanwhile. */
	spin_lock_irqsave(&server->wait.lock, flags);
	if (atomic_dec_and_test(&server->bindings))
		wake_up_locked(&server->wait);
	spin_unlock_irqrestore(&server->wait.lock, flags);
}

static struct vmrpc_binding *vmrpc_binding_create(struct vmrpc_vm *vm, const struct vmrpc_bind *arg)
{
	struct vmrpc_binding *binding;
	int ret;

	binding = kzalloc(sizeof(*binding), GFP_KERNEL_ACCOUNT);
	if (!binding)
		return ERR_PTR(-ENOMEM);
	refcount_set(&binding->ref, 1);
	binding->server = vmrpc_server_get(vm, arg);
	ret = PTR_ERR_OR_ZERO(binding->server);
	if (ret)
		goto out_free;
	binding->ops = binding->server->ops;
	binding->process = arg->flags & cpu_to_le32(VMRPC_BIND_PROCESS);
	if (binding->ops->bind)
		ret = binding->ops->bind(vm, &binding->priv);
	if (ret)
		goto out_put;
	binding->direction = arg->flags & cpu_to_le32(VMRPC_BIND_USER) ? VMRPC_STAT_VMM :
									 VMRPC_STAT_KERNEL;
	binding->stat = vmrpc_stat_module(vm, binding->direction, binding->ops->module);
	return binding;
out_put:
	vmrpc_server_put(binding->server);
out_free:
	kfree(binding);
	return ERR_PTR(ret);
}

void vmrpc_binding_put(struct vmrpc_binding *binding)
{
	if (!refcount_dec_and_test(&binding->ref))
		return;
	if (binding->ops->unbind)
		binding->ops->unbind(binding->priv);
	vmrpc_server_put(binding->server);
	kfree(binding);
}

/* The same from a hypercall: the server's callbacks run without kvm->srcu. */
static void vmrpc_vcpu_binding_put(struct kvm_vcpu *vcpu, struct vmrpc_binding *binding)
{
	if (refcount_dec_not_one(&binding->ref))
		return;
	kvm_vcpu_srcu_read_unlock(vcpu);
	vmrpc_binding_put(binding);
	kvm_vcpu_srcu_read_lock(vcpu);
}

/*
 * Not from 1 on: a guest that was moved to another host, or loaded, may still have
 * handles of its old VM's.
 */
void vmrpc_handles_init(struct vmrpc_vm *vm)
{
	int i;

	vm->handles_base = get_random_u32_below(VMRPC_GENERATION_MAX / 2);
	for (i = 0; i < VMRPC_MAX_HANDLES; i++)
		vm->handles[i].generation = vm->handles_base;
}

/* For a new life of the VM, if the old one used up the handles of a row. */
void vmrpc_handles_renew(struct vmrpc_vm *vm)
{
	bool used_up = false;
	int i;

	spin_lock_irq(&vm->lock);
	for (i = 0; i < VMRPC_MAX_HANDLES; i++)
		used_up |= vm->handles[i].generation == VMRPC_GENERATION_MAX;
	for (i = 0; i < VMRPC_MAX_HANDLES; i++)
		used_up &= !vm->handles[i].binding;
	if (used_up)
		vmrpc_handles_init(vm);
	spin_unlock_irq(&vm->lock);
}

/* Puts @binding into a free row and returns its handle, or 0 if there is none. */
static u32 vmrpc_handle_install(struct vmrpc_vm *vm, struct vmrpc_binding *binding)
{
	struct vmrpc_handle *row;
	unsigned int i;

	lockdep_assert_held(&vm->lock);
	for (i = 0; i < VMRPC_MAX_HANDLES; i++) {
		row = &vm->handles[i];
		if (row->binding || row->generation == VMRPC_GENERATION_MAX)
			continue;
		row->binding = binding;
		binding->handle = ++row->generation << VMRPC_HANDLE_ROW_BITS | (i + 1);
		return binding->handle;
	}
	return 0;
}

/* Returns the row that @handle names now, or why it names none. */
static struct vmrpc_handle *vmrpc_handle_find(struct vmrpc_vm *vm, u32 handle)
{
	u32 index = (handle & GENMASK(VMRPC_HANDLE_ROW_BITS - 1, 0)) - 1;
	u32 generation = handle >> VMRPC_HANDLE_ROW_BITS;
	struct vmrpc_handle *row;

	lockdep_assert_held(&vm->lock);
	if (index >= VMRPC_MAX_HANDLES)
		return ERR_PTR(-EBADF);
	row = &vm->handles[array_index_nospec(index, VMRPC_MAX_HANDLES)];
	if (generation <= vm->handles_base || generation > row->generation)
		return ERR_PTR(-EBADF);
	if (generation < row->generation)
		return ERR_PTR(-ESTALE);
	return row->binding ? row : ERR_PTR(row->gone);
}

/* Takes the binding out of its row; the caller drops it without vm->lock. */
static struct vmrpc_binding *vmrpc_handle_clear(struct vmrpc_handle *row, int gone)
{
	struct vmrpc_binding *binding = row->binding;

	row->binding = NULL;
	row->gone = gone;
	return binding;
}

/* What breaks a rule is not kept: names are printed. */
static int vmrpc_bind_read(struct kvm_vcpu *vcpu, struct vmrpc_bind *arg, u64 gva)
{
	int ret = vmrpc_read_guest(vcpu, arg, gva, sizeof(*arg));

	if (!ret && (arg->flags & ~cpu_to_le32(VMRPC_BIND_FLAGS) || arg->reserved ||
		     !vmrpc_name_valid(arg->module, sizeof(arg->module)) ||
		     !vmrpc_name_valid(arg->version, sizeof(arg->version))))
		ret = -EINVAL;
	if (ret)
		memset(arg, 0, sizeof(*arg));
	return ret;
}

static int vmrpc_bind_install(struct kvm_vcpu *vcpu, struct vmrpc_vm *vm,
			      const struct vmrpc_bind *arg, u64 *result)
{
	struct vmrpc_binding *binding;
	u32 handle = 0;
	int ret;

	kvm_vcpu_srcu_read_unlock(vcpu);
	binding = vmrpc_binding_create(vm, arg);
	kvm_vcpu_srcu_read_lock(vcpu);
	if (IS_ERR(binding))
		return PTR_ERR(binding);

	ret = -EBUSY;
	spin_lock_irq(&vm->lock);
	if (READ_ONCE(binding->server->dead))
		ret = -ENOENT;
	else
		handle = vmrpc_handle_install(vm, binding);
	spin_unlock_irq(&vm->lock);
	if (!handle) {
		vmrpc_vcpu_binding_put(vcpu, binding);
		return ret;
	}
	*result = handle;
	return 0;
}

int vmrpc_op_bind(struct kvm_vcpu *vcpu, struct vmrpc_vm *vm, u64 gva, u64 *result)
{
	struct vmrpc_bind arg;
	int ret = vmrpc_bind_read(vcpu, &arg, gva);

	if (!ret)
		ret = vmrpc_bind_install(vcpu, vm, &arg, result);
	if (ret)
		atomic64_inc(&vm->stats.refused);
	trace_vmrpc_bind(vm->name, vcpu->vcpu_idx, arg.module, arg.version, le32_to_cpu(arg.flags),
			 ret, *result);
	return ret;
}

int vmrpc_op_unbind(struct kvm_vcpu *vcpu, struct vmrpc_vm *vm, u32 handle)
{
	struct vmrpc_binding *binding = NULL;
	struct vmrpc_handle *row;

	spin_lock_irq(&vm->lock);
	row = vmrpc_handle_find(vm, handle);
	if (!IS_ERR(row))
		binding = vmrpc_handle_clear(row, -ESTALE);
	spin_unlock_irq(&vm->lock);
	if (IS_ERR(row))
		return PTR_ERR(row);
	vmrpc_vcpu_binding_put(vcpu, binding);
	return 0;
}

/* Clears the rows that are bound to @server, or all if it is NULL. */
static void vmrpc_handles_clear(struct vmrpc_vm *vm, struct vmrpc_server *server, int gone)
{
	struct vmrpc_binding *binding;
	int i;

	for (i = 0; i < VMRPC_MAX_HANDLES; i++) {
		spin_lock_irq(&vm->lock);
		binding = vm->handles[i].binding;
		if (binding && (!server || binding->server == server))
			vmrpc_handle_clear(&vm->handles[i], gone);
		else
			binding = NULL;
		spin_unlock_irq(&vm->lock);
		if (binding)
			vmrpc_binding_put(binding);
	}
}

void vmrpc_unbind_all(struct vmrpc_vm *vm)
{
	vmrpc_handles_clear(vm, NULL, -ESTALE);
}

void vmrpc_vm_drop_server(struct vmrpc_vm *vm, struct vmrpc_server *server)
{
	vmrpc_handles_clear(vm, server, -ENODEV);
}

static struct vmrpc_binding *vmrpc_binding_get(struct vmrpc_vm *vm, u32 handle)
{
	struct vmrpc_binding *binding;
	struct vmrpc_handle *row;

	spin_lock_irq(&vm->lock);
	row = vmrpc_handle_find(vm, handle);
	if (IS_ERR(row)) {
		binding = ERR_CAST(row);
	} else {
		binding = row->binding;
		refcount_inc(&binding->ref);
	}
	spin_unlock_irq(&vm->lock);
	return binding;
}

/* What the guest sees of a server's return value: no code of the kernel's own. */
int vmrpc_call_status(int ret)
{
	switch (ret) {
	case -ERESTARTSYS:
	case -ERESTARTNOINTR:
	case -ERESTARTNOHAND:
	case -ERESTART_RESTARTBLOCK:
		return -EINTR;
	}
	return ret > 0 || ret < -MAX_ERRNO ? -EINVAL : ret;
}

/* One call, of the argument at @gva; the caller holds kvm->srcu. */
static int vmrpc_call_server(struct vmrpc_binding *binding, const struct vmrpc_procedure *procedure,
			     struct vmrpc_call *call, u64 gva)
{
	struct vmrpc_counters *counters = vmrpc_stat_perform(call->vm, binding, call->procedure);
	bool out = procedure->direction & VMRPC_OUT;
	struct vmrpc_argument argument;
	int ret;

	/* A result that could not be handed over must not be produced. */
	ret = vmrpc_argument_translate(call->vcpu, &argument, gva, call->size, out);
	if (!ret && procedure->direction & VMRPC_IN)
		ret = vmrpc_argument_copy(call->vcpu, &argument, call->arg, false);
	if (ret)
		return ret;
	if (procedure->direction & VMRPC_IN)
		atomic64_add(call->size, &counters->arg_bytes);
	if (!procedure->call)
		return vmrpc_user_begin(call, binding, &argument, out);

	kvm_vcpu_srcu_read_unlock(call->vcpu);
	ret = vmrpc_call_status(procedure->call(call));
	kvm_vcpu_srcu_read_lock(call->vcpu);

	if (ret || !out)
		return ret;
	ret = vmrpc_argument_copy(call->vcpu, &argument, call->arg, true);
	if (!ret)
		atomic64_add(call->size, &counters->res_bytes);
	return ret;
}

static int vmrpc_perform_bound(struct kvm_vcpu *vcpu, struct vmrpc_vm *vm,
			       struct vmrpc_binding *binding, u32 nr, u32 size, u64 gva,
			       u64 *result)
{
	const struct vmrpc_server_ops *ops = binding->ops;
	const struct vmrpc_procedure *procedure;
	struct vmrpc_call call = {
		.vcpu = vcpu, .vm = vm, .priv = binding->priv, .process = binding->process,
		.procedure = nr, .size = size,
	};
	u8 small[64] __aligned(8) = { };
	int ret;

	if (nr >= ops->nr_procedures)
		return -ENOSYS;
	procedure = &ops->procedures[array_index_nospec(nr, ops->nr_procedures)];
	if (size < procedure->min_size)
		return -EINVAL;
	if (size > procedure->max_size)
		return -E2BIG;

	call.arg = size <= sizeof(small) ? small : kvzalloc(size, GFP_KERNEL_ACCOUNT);
	if (!call.arg)
		return -ENOMEM;
	ret = vmrpc_call_server(binding, procedure, &call, gva);
	if (call.arg != small)
		kvfree(call.arg);
	*result = call.result;
	return ret;
}

int vmrpc_op_perform(struct kvm_vcpu *vcpu, struct vmrpc_vm *vm, u32 handle, u32 procedure,
		     u32 size, u64 gva, u64 *result)
{
	struct vmrpc_binding *binding = vmrpc_binding_get(vm, handle);
	struct vmrpc_counters *counters;
	int ret;

	if (IS_ERR(binding)) {
		atomic64_inc(&vm->stats.refused);
		return PTR_ERR(binding);
	}
	counters = vmrpc_stat_perform(vm, binding, procedure);
	atomic64_inc(&counters->calls);
	ret = vmrpc_perform_bound(vcpu, vm, binding, procedure, size, gva, result);
	vmrpc_stat_perform_end(counters, ret);
	vmrpc_vcpu_binding_put(vcpu, binding);
	return ret;
}

#ifdef CONFIG_KVM_VMRPC_KUNIT_TEST
#include "server_test.c"
#endif
