// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMRPC in the host kernel: the VMs that have it, and the hypercall's dispatch.
 *
 * KVM_ENABLE_CAP(KVM_CAP_VMRPC) makes a struct vmrpc_vm and publishes it in
 * kvm->arch.vmrpc, once; it is undone when the VM is destroyed.
 */
#include <linux/cred.h>
#include <linux/ctype.h>
#include <linux/file.h>
#include <linux/user_namespace.h>
#include <linux/wait_bit.h>

#include "internal.h"
#include "../kvm_cache_regs.h"
#include "../irq.h"
#include "../x86.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

#define VMRPC_PRINT_RATE	10	/* lines a second */

struct workqueue_struct *vmrpc_wq, *vmrpc_refresh_wq;

static LIST_HEAD(vmrpc_vms);
static bool vmrpc_ready;	/* written when a vendor module comes and goes */
static DEFINE_MUTEX(vmrpc_vms_lock);

/* Printable, not empty, and terminated within its field, padded with NULs. */
bool vmrpc_name_valid(const char *name, size_t size)
{
	size_t i, len = strnlen(name, size);

	if (!len || len == size || memchr_inv(name + len, 0, size - len))
		return false;
	for (i = 0; i < len; i++)
		if (!isascii(name[i]) || !isgraph(name[i]))
			return false;
	return true;
}

static void vmrpc_vm_free(struct kref *ref)
{
	struct vmrpc_vm *vm = container_of(ref, struct vmrpc_vm, ref);

	if (vm->irq)
		eventfd_ctx_put(vm->irq);
	put_pid(vm->pid);
	vmrpc_stat_free(vm);
	kfree(vm);
}

/**
 * vmrpc_vm_put - drop a reference to a VM
 * @vm: from vmrpc_vm_get_by_name()
 *
 * Context: any.
 */
void vmrpc_vm_put(struct vmrpc_vm *vm)
{
	kref_put(&vm->ref, vmrpc_vm_free);
}
EXPORT_SYMBOL_GPL(vmrpc_vm_put);

/* Returns the VM's struct kvm, referenced, or NULL when the VM is gone. */
struct kvm *vmrpc_vm_get_kvm(struct vmrpc_vm *vm)
{
	struct kvm *kvm = NULL;
	unsigned long flags;

	spin_lock_irqsave(&vm->lock, flags);
	if (vm->kvm && kvm_get_kvm_safe(vm->kvm))
		kvm = vm->kvm;
	spin_unlock_irqrestore(&vm->lock, flags);
	return kvm;
}

static struct vmrpc_vm *vmrpc_vm_find(const char *name)
{
	struct vmrpc_vm *vm;

	lockdep_assert_held(&vmrpc_vms_lock);
	list_for_each_entry(vm, &vmrpc_vms, node)
		if (!strcmp(vm->name, name))
			return vm;
	return NULL;
}

/**
 * vmrpc_vm_get_by_name - find a VM to call
 * @name: of the VM
 *
 * Does not check permissions; see vmrpc_vm_may_access() for user space's.
 *
 * Context: process.
 * Return: the VM, referenced, or NULL if there is none of that name.
 */
struct vmrpc_vm *vmrpc_vm_get_by_name(const char *name)
{
	struct vmrpc_vm *vm;

	mutex_lock(&vmrpc_vms_lock);
	vm = vmrpc_vm_find(name);
	if (vm)
		kref_get(&vm->ref);
	mutex_unlock(&vmrpc_vms_lock);
	return vm;
}
EXPORT_SYMBOL_GPL(vmrpc_vm_get_by_name);

/**
 * vmrpc_vm_name - a VM's name, for messages
 * @vm: the VM
 */
const char *vmrpc_vm_name(const struct vmrpc_vm *vm)
{
	return vm->name;
}
EXPORT_SYMBOL_GPL(vmrpc_vm_name);

void vmrpc_for_each_vm(void (*fn)(struct vmrpc_vm *vm, struct vmrpc_server *server),
		       struct vmrpc_server *server)
{
	struct vmrpc_vm *vm;

	mutex_lock(&vmrpc_vms_lock);
	list_for_each_entry(vm, &vmrpc_vms, node)
		fn(vm, server);
	mutex_unlock(&vmrpc_vms_lock);
}

/* The user that runs the VM, the group it gave it to, and who may administer the host. */
bool vmrpc_vm_may_access(const struct vmrpc_vm *vm)
{
	return uid_eq(current_fsuid(), vm->uid) ||
	       (gid_valid(vm->gid) && in_group_p(vm->gid)) || capable(CAP_SYS_ADMIN);
}

void vmrpc_vm_info(struct vmrpc_vm *vm, struct vmrpc_vm_info *info)
{
	struct vmrpc_stats *stats = &vm->stats;
	unsigned long flags;
	int i;

	memset(info, 0, sizeof(*info));
	memcpy(info->name, vm->name, sizeof(info->name));
	info->pid = pid_vnr(vm->pid);
	info->uid = from_kuid_munged(current_user_ns(), vm->uid);
	info->performs = vmrpc_stat_performs(vm);
	info->polls = atomic64_read(&stats->polls);
	info->parks = atomic64_read(&stats->parks);
	info->calls = atomic64_read(&stats->calls);
	info->errors = atomic64_read(&stats->errors);
	info->refused = atomic64_read(&stats->refused);
	info->calls_refused = atomic64_read(&stats->calls_refused);
	info->wakes = atomic64_read(&stats->wakes);
	info->interrupts = atomic64_read(&stats->interrupts);
	rvmrpc_info(vm, info);

	spin_lock_irqsave(&vm->lock, flags);
	if (vm->kvm)
		info->vcpus = atomic_read(&vm->kvm->online_vcpus);
	if (vm->gone)
		info->state = VMRPC_VM_GONE;
	for (i = 0; i < VMRPC_MAX_HANDLES; i++)
		info->handles += !!vm->handles[i].binding;
	spin_unlock_irqrestore(&vm->lock, flags);
}

/* Fills @infos as far as it goes; returns the number of all that the caller may see. */
static u32 vmrpc_vm_list_fill(struct vmrpc_vm_info *infos, u32 room)
{
	struct vmrpc_vm *vm;
	u32 count = 0;

	lockdep_assert_held(&vmrpc_vms_lock);
	list_for_each_entry(vm, &vmrpc_vms, node) {
		if (!vmrpc_vm_may_access(vm))
			continue;
		if (count < room)
			vmrpc_vm_info(vm, &infos[count]);
		count++;
	}
	return count;
}

/*
 * Fills the array of @list as far as it goes, and counts all that the caller may see.
 * By way of memory of ours: the caller's may keep us waiting for as long as it likes.
 */
int vmrpc_vm_list(struct vmrpc_entries *list)
{
	struct vmrpc_vm_info *infos;
	u32 room;
	int ret;

	mutex_lock(&vmrpc_vms_lock);
	room = min(list->count, vmrpc_vm_list_fill(NULL, 0));
	mutex_unlock(&vmrpc_vms_lock);
	infos = kvcalloc(room, sizeof(*infos), GFP_KERNEL_ACCOUNT);
	if (room && !infos)
		return -ENOMEM;
	mutex_lock(&vmrpc_vms_lock);
	list->count = vmrpc_vm_list_fill(infos, room);
	mutex_unlock(&vmrpc_vms_lock);
	ret = copy_to_user(u64_to_user_ptr(list->entries), infos,
			   min(room, list->count) * sizeof(*infos)) ? -EFAULT : 0;
	kvfree(infos);
	return ret;
}

int vmrpc_features(struct kvm *kvm)
{
	return vmrpc_ready ? VMRPC_F_KERNEL | VMRPC_F_REVERSE | VMRPC_F_USER | VMRPC_F_BULK : 0;
}

static void vmrpc_vm_interrupt(struct vmrpc_vm *vm)
{
	if (vm->irq)
		eventfd_signal(vm->irq);
}

static struct vmrpc_vm *vmrpc_vm_alloc(struct kvm *kvm, const struct kvm_vmrpc_config *config)
{
	struct vmrpc_vm *vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);

	if (!vm)
		return ERR_PTR(-ENOMEM);
	if (config->irq_eventfd >= 0) {
		struct eventfd_ctx *irq = eventfd_ctx_fdget(config->irq_eventfd);

		if (IS_ERR(irq)) {
			kfree(vm);
			return ERR_CAST(irq);
		}
		vm->irq = irq;
	}
	kref_init(&vm->ref);
	INIT_LIST_HEAD(&vm->node);
	spin_lock_init(&vm->lock);
	vmrpc_handles_init(vm);
	mutex_init(&vm->channel_mutex);
	init_waitqueue_head(&vm->refresh_wait);
	vmrpc_mem_init(vm);
	mutex_init(&vm->user_mutex);
	xa_init(&vm->user_calls);
	INIT_LIST_HEAD(&vm->user_servers);
	ratelimit_state_init(&vm->print_limit, HZ, VMRPC_PRINT_RATE);
	ratelimit_set_flags(&vm->print_limit, RATELIMIT_MSG_ON_RELEASE);
	memcpy(vm->name, config->name, sizeof(vm->name));
	vm->pid = get_pid(task_tgid(current));
	vm->uid = current_fsuid();
	vm->gid = config->flags & VMRPC_CONFIG_GROUP ? make_kgid(current_user_ns(), config->gid) :
						       INVALID_GID;
	vm->interrupt = vmrpc_vm_interrupt;
	vm->kvm = kvm;
	return vm;
}

/* Makes @vm visible to clients and to its own hypercalls. */
static int vmrpc_vm_publish(struct kvm *kvm, struct vmrpc_vm *vm)
{
	int ret = 0;

	mutex_lock(&vmrpc_vms_lock);
	if (kvm && kvm->arch.vmrpc) {
		ret = -EALREADY;
	} else if (vmrpc_vm_find(vm->name)) {
		ret = -EEXIST;
	} else {
		list_add_tail(&vm->node, &vmrpc_vms);
		kref_get(&vm->ref);
		if (kvm)
			/* Pairs with kvm_vmrpc_hypercall(): it finds the VM initialized. */
			smp_store_release(&kvm->arch.vmrpc, vm);
	}
	mutex_unlock(&vmrpc_vms_lock);
	return ret;
}

/* Makes the VM's VMRPC; publishing it is the last step, which nothing has to undo. */
static struct file *vmrpc_vm_create(struct kvm *kvm, const struct kvm_vmrpc_config *config)
{
	struct vmrpc_vm *vm = vmrpc_vm_alloc(kvm, config);
	struct file *file;
	int ret;

	if (IS_ERR(vm))
		return ERR_CAST(vm);
	file = vmrpc_vm_file(vm, true);
	if (!IS_ERR(file)) {
		ret = vmrpc_vm_publish(kvm, vm);
		if (ret) {
			fput(file);
			file = ERR_PTR(ret);
		}
	}
	vmrpc_vm_put(vm);
	return file;
}

static bool vmrpc_config_valid(const struct kvm_vmrpc_config *config)
{
	if (config->flags & ~VMRPC_CONFIG_GROUP || config->reserved ||
	    memchr_inv(config->reserved2, 0, sizeof(config->reserved2)))
		return false;
	if (config->flags & VMRPC_CONFIG_GROUP &&
	    !gid_valid(make_kgid(current_user_ns(), config->gid)))
		return false;
	return vmrpc_name_valid(config->name, sizeof(config->name));
}

/*
 * KVM_ENABLE_CAP: @user_config is the user address of a struct kvm_vmrpc_config.
 * Returns the VMM's descriptor, or -EEXIST for a name in use, -EALREADY if the VM has
 * VMRPC, -EINVAL for a local APIC in user space (which could not park), protected
 * state (whose registers are not the host's to read), a malformed @config, or when
 * vmrpc_init() failed.
 */
int vmrpc_vm_enable(struct kvm *kvm, u64 user_config)
{
	struct kvm_vmrpc_config config;
	struct file *file;
	int fd;

	if (copy_from_user(&config, u64_to_user_ptr(user_config), sizeof(config)))
		return -EFAULT;
	if (!vmrpc_config_valid(&config))
		return -EINVAL;
	if (!vmrpc_ready || !irqchip_in_kernel(kvm) || kvm->arch.has_protected_state)
		return -EINVAL;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	file = vmrpc_vm_create(kvm, &config);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	fd_install(fd, file);
	return fd;
}

/* Forgets what the guest set up; calls under way end with -ECONNRESET. */
int vmrpc_vm_reset(struct vmrpc_vm *vm)
{
	struct kvm *kvm = vmrpc_vm_get_kvm(vm);
	int ret;

	if (!kvm)
		return -ESHUTDOWN;
	rvmrpc_close(vm, -ECONNRESET);
	vmlp_reset(vm, kvm);
	vmrpc_user_forget_calls(vm);
	vmrpc_unbind_all(vm);
	vmrpc_handles_renew(vm);
	ret = vmrpc_mem_reset(vm);
	kvm_put_kvm(kvm);
	return ret;
}

/* Undoes vmrpc_vm_publish(), but for kvm->arch.vmrpc. */
static void vmrpc_vm_withdraw(struct vmrpc_vm *vm)
{
	mutex_lock(&vmrpc_vms_lock);
	list_del(&vm->node);
	mutex_unlock(&vmrpc_vms_lock);

	spin_lock_irq(&vm->lock);
	vm->kvm = NULL;
	WRITE_ONCE(vm->gone, true);
	spin_unlock_irq(&vm->lock);
	rvmrpc_close(vm, -ESHUTDOWN);
	vmrpc_user_forget_calls(vm);
	vmrpc_unbind_all(vm);
	vmrpc_user_remove_servers(vm);
	vmrpc_mem_destroy(vm);
	vmrpc_vm_put(vm);
}

/* No vCPU runs and none will; vCPUs and memory are still there. */
void vmrpc_vm_destroy(struct kvm *kvm)
{
	struct vmrpc_vm *vm = kvm->arch.vmrpc;

	kvm->arch.vmrpc = NULL;
	if (vm)
		vmrpc_vm_withdraw(vm);
}

#if IS_ENABLED(CONFIG_KVM_VMRPC_LOOPBACK)

/*
 * A VM that is none: its channel is @pages, zeroed, in host memory, and who made it
 * plays the guest.  @interrupt is called, in any context, when there are requests.
 */
struct vmrpc_vm *vmrpc_loopback_create(const char *name, void (*interrupt)(struct vmrpc_vm *vm),
				       void *pages, u32 nr_slots)
{
	struct kvm_vmrpc_config config = { .irq_eventfd = -1 };
	struct vmrpc_vm *vm;
	int ret;

	strscpy_pad(config.name, name, sizeof(config.name));
	vm = vmrpc_vm_alloc(NULL, &config);
	if (IS_ERR(vm))
		return vm;
	vm->interrupt = interrupt;
	ret = rvmrpc_loopback_register(vm, pages, nr_slots);
	if (!ret)
		ret = vmrpc_vm_publish(NULL, vm);
	if (ret)
		rvmrpc_close(vm, ret);
	vmrpc_vm_put(vm);
	return ret ? ERR_PTR(ret) : vm;
}
EXPORT_SYMBOL_GPL(vmrpc_loopback_create);

/* Calls under way end; the pages and @interrupt are used no more when it returned. */
void vmrpc_loopback_destroy(struct vmrpc_vm *vm)
{
	kref_get(&vm->ref);
	vmrpc_vm_withdraw(vm);
	wait_var_event(&vm->callers, !atomic_read(&vm->callers));
	vmrpc_vm_put(vm);
}
EXPORT_SYMBOL_GPL(vmrpc_loopback_destroy);

#endif

static int vmrpc_dispatch(struct kvm_vcpu *vcpu, struct vmrpc_vm *vm, u32 op, u32 procedure,
			  u64 a1, u64 a2, u64 a3, u64 *result)
{
	switch (op) {
	case VMRPC_OP_BIND:
		return a1 || a2 ? -EINVAL : vmrpc_op_bind(vcpu, vm, a3, result);
	case VMRPC_OP_UNBIND:
		return a1 > U32_MAX || a2 || a3 ? -EINVAL : vmrpc_op_unbind(vcpu, vm, a1);
	case VMRPC_OP_PERFORM:
		if (a1 > U32_MAX)
			return -EINVAL;
		if (a2 > VMRPC_MAX_ARG)
			return -E2BIG;
		return vmrpc_op_perform(vcpu, vm, a1, procedure, a2, a3, result);
	case VMRPC_OP_REGISTER:
		return rvmrpc_register(vcpu, vm, a1, a2, a3, result);
	case VMRPC_OP_UNREGISTER:
		return a1 || a2 || a3 ? -EINVAL : rvmrpc_close(vm, -ECONNRESET);
	case VMRPC_OP_POLL:
		return a2 || a3 ? -EINVAL : rvmrpc_poll(vcpu, vm, a1, result);
	case VMRPC_OP_TRANSFER:
		return a1 || a2 ? -EINVAL : rvmrpc_transfer(vcpu, vm, a3, result);
	default:
		return -ENOSYS;
	}
}

static u32 vmrpc_op_handle(u32 op, u64 a1)
{
	return op == VMRPC_OP_UNBIND || op == VMRPC_OP_PERFORM ? a1 : 0;
}

/* RAX is the caller's to write. */
void vmrpc_hypercall_return(struct kvm_vcpu *vcpu, u32 op, u32 handle, u32 procedure, int ret,
			    u64 result)
{
	trace_vmrpc_hypercall(vcpu->kvm->arch.vmrpc->name, vcpu->vcpu_idx, op, handle, procedure,
			      ret, result);
	if (!ret)
		kvm_rbx_write(vcpu, is_64_bit_mode(vcpu) ? result : (u32)result);
}

/*
 * The hypercall, at CPL 0 (checked by the caller).  The arguments were cut to 32 bits
 * for a guest that is not in 64-bit mode.  Returns what goes to RAX, unless
 * vmrpc_exit_pending(): then the VMM has the call.
 */
unsigned long kvm_vmrpc_hypercall(struct kvm_vcpu *vcpu, unsigned long a0, unsigned long a1,
				  unsigned long a2, unsigned long a3)
{
	/* Pairs with vmrpc_vm_publish(). */
	struct vmrpc_vm *vm = smp_load_acquire(&vcpu->kvm->arch.vmrpc);
	u32 op = a0 & VMRPC_OP_MASK, procedure = (u32)a0 >> VMRPC_PROCEDURE_SHIFT;
	u64 result = 0;
	int ret;

	/* Not every VM whose vCPUs' state is protected says so beforehand. */
	if (!vm || is_guest_mode(vcpu) || vcpu->arch.guest_state_protected)
		return -KVM_ENOSYS;

	if (a0 > U32_MAX || (procedure && op != VMRPC_OP_PERFORM))
		ret = -EINVAL;
	else
		ret = vmrpc_dispatch(vcpu, vm, op, procedure, a1, a2, a3, &result);
	if (!vmrpc_exit_pending(vcpu))
		vmrpc_hypercall_return(vcpu, op, vmrpc_op_handle(op, a1), procedure, ret, result);
	return ret;
}

/* Once: they outlive what descriptors that are still open may leave to them. */
static int vmrpc_wq_init(void)
{
	if (!vmrpc_wq)
		vmrpc_wq = alloc_workqueue("vmrpc_host", WQ_UNBOUND, 0);
	if (!vmrpc_refresh_wq)
		vmrpc_refresh_wq = alloc_workqueue("vmrpc_refresh", WQ_UNBOUND, WQ_MAX_ACTIVE);
	return vmrpc_wq && vmrpc_refresh_wq ? 0 : -ENOMEM;
}

static void vmrpc_wq_destroy(struct workqueue_struct *wq)
{
	if (wq)
		destroy_workqueue(wq);
}

/* No descriptor is open any more. */
void vmrpc_module_exit(void)
{
	vmrpc_wq_destroy(vmrpc_refresh_wq);
	vmrpc_wq_destroy(vmrpc_wq);
}

/* When KVM has found a CPU that it can use: a guest's kernel has no VMs, and no /dev/vmrpc. */
void vmrpc_init(void)
{
	int ret = vmrpc_wq_init();

	if (!ret)
		ret = vmrpc_print_init();
	if (ret)
		goto out;
	ret = vmrpc_mem_server_init();
	if (ret)
		goto out_print;
	ret = vmrpc_dev_init();
	if (!ret)
		goto out;

	vmrpc_mem_server_exit();
out_print:
	vmrpc_print_exit();
out:
	if (ret)
		pr_err("vmrpc: error %d, VMs go without\n", ret);
	vmrpc_ready = !ret;
}

void vmrpc_exit(void)
{
	if (!vmrpc_ready)
		return;
	vmrpc_ready = false;
	vmrpc_dev_exit();
	vmrpc_mem_server_exit();
	vmrpc_print_exit();
}
