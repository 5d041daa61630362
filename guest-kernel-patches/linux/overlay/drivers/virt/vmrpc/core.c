// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMRPC in a guest: finds the interface, calls servers in the host's kernel, and
 * starts what serves the host's calls (reverse.c).  Nothing here is ever torn
 * down: the interface lives as long as the kernel.
 */
#define pr_fmt(fmt) "vmrpc: " fmt

#include <linux/cc_platform.h>
#include <linux/cpu.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/kstrtox.h>
#include <linux/mm.h>
#include <linux/reboot.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <linux/utsname.h>
#include <linux/xarray.h>
#include <asm/cpuid.h>
#include <asm/processor.h>
#include "internal.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

static bool vmrpc_on __initdata = true;
static u32 vmrpc_features __ro_after_init;
static u32 vmrpc_max_arg __ro_after_init;
static u32 vmrpc_max_slots __ro_after_init;

static DEFINE_XARRAY(vmrpc_handles);	/* that are bound: what the next kernel cannot know */
static bool vmrpc_down;			/* for good */

static int __init vmrpc_setup(char *arg)
{
	if (kstrtobool(arg, &vmrpc_on))
		pr_warn("vmrpc=%s: neither \"on\" nor \"off\", stays on\n", arg);
	return 1;
}
__setup("vmrpc=", vmrpc_setup);

/*
 * vmrpc_hypercall - one operation
 * @op: VMRPC_OP_* and what goes with it
 * @result: the operation's result, if it succeeds; may be NULL
 *
 * Return: 0 or a negative errno.
 */
int vmrpc_hypercall(unsigned long op, unsigned long rcx, unsigned long rdx,
		    unsigned long rsi, u64 *result)
{
	long ret = __vmrpc_hypercall(&op, rcx, rdx, rsi);

	if (ret > 0 || ret < -MAX_ERRNO)
		return -EIO;
	if (!ret && result)
		*result = op;
	return ret;
}

/* Deliver responses. Return: 1 look at the slots again, 0, or a negative errno. */
int vmrpc_poll(void)
{
	u64 again;
	int ret;

	ret = vmrpc_hypercall(VMRPC_OP_POLL, 0, 0, 0, &again);
	if (!ret)
		ret = !!again;
	trace_vmrpc_poll(0, ret);
	return ret;
}

/*
 * The host asks to repeat a call whose server was woken by something else.  @state is
 * the task's for the signals that end it: TASK_KILLABLE or TASK_INTERRUPTIBLE.  A
 * signal comes with an interrupt, which ends a park; one that comes between the look
 * at it and the hypercall has the next tick end it.
 */
static int vmrpc_hypercall_repeat(unsigned long op, unsigned long rcx,
				  unsigned long rdx, unsigned long rsi, u64 *result,
				  unsigned int state)
{
	int ret;

	/* Only the check of might_sleep(), not its reschedule: most calls end at once. */
	__might_sleep(__FILE__, __LINE__);
	while ((ret = vmrpc_hypercall(op, rcx, rdx, rsi, result)) == -EINTR) {
		/* A CPU that waits here does not idle, and the interrupt may be another's. */
		if (rvmrpc_pending())
			rvmrpc_wake();
		cond_resched();
		if (signal_pending_state(state, current))
			break;
	}
	return ret;
}

static int vmrpc_unbind(u32 handle)
{
	int ret = vmrpc_hypercall_repeat(VMRPC_OP_UNBIND, handle, 0, 0, NULL, TASK_KILLABLE);

	xa_erase(&vmrpc_handles, handle);
	return ret;
}

/* The host does not see one kernel follow another (kexec): handles would stay for ever. */
static int vmrpc_reboot(struct notifier_block *nb, unsigned long action, void *data)
{
	unsigned long handle;
	void *entry;

	/* Full barrier: who binds meanwhile sees it, or is seen here. */
	smp_store_mb(vmrpc_down, true);
	xa_for_each(&vmrpc_handles, handle, entry)
		vmrpc_unbind(handle);
	return NOTIFY_DONE;
}

static struct notifier_block vmrpc_reboot_nb = { .notifier_call = vmrpc_reboot };

static int vmrpc_bound(u32 handle)
{
	int ret = xa_err(xa_store(&vmrpc_handles, handle, xa_mk_value(0), GFP_KERNEL));

	/* Pairs with vmrpc_reboot(). */
	smp_mb();
	if (READ_ONCE(vmrpc_down))
		ret = -ENODEV;
	if (ret)
		vmrpc_unbind(handle);
	return ret;
}

static s64 __vmrpc_bind(const struct vmrpc_bind *bind, unsigned int state)
{
	bool user = bind->flags & cpu_to_le32(VMRPC_BIND_USER);
	u64 handle;
	int ret;

	if (!(vmrpc_features & (user ? VMRPC_F_USER : VMRPC_F_KERNEL)) || READ_ONCE(vmrpc_down))
		return -ENODEV;
	ret = vmrpc_hypercall_repeat(VMRPC_OP_BIND, 0, 0, (unsigned long)bind,
				     &handle, state);
	if (!ret)
		ret = vmrpc_bound(handle);
	if (ret)
		return ret;
	return (u32)handle;
}

static s64 vmrpc_bind(const char *module, const char *version, u32 flags)
{
	struct vmrpc_bind bind = { .flags = cpu_to_le32(flags) };

	if (strscpy((char *)bind.module, module, sizeof(bind.module)) <= 0 ||
	    strscpy((char *)bind.version, version, sizeof(bind.version)) <= 0)
		return -EINVAL;
	return __vmrpc_bind(&bind, TASK_KILLABLE);
}

/* For a process: any signal ends it. */
s64 vmrpc_bind_interruptible(const struct vmrpc_bind *bind)
{
	return __vmrpc_bind(bind, TASK_INTERRUPTIBLE);
}

/**
 * vmrpc_bind_module_kernel - bind a module of a server in the host's kernel
 * @module: its name, shorter than VMRPC_MODULE_LEN
 * @version: its version, shorter than VMRPC_VERSION_LEN, compared for equality
 *
 * Context: process context; may sleep.
 * Return: a handle (0 to U32_MAX) or a negative errno: -ENODEV there is no host to
 * call, -ENOENT it has no such module, -EPROTONOSUPPORT not in this version,
 * -EBUSY too many handles, -EINVAL a name is too long or empty, -EINTR a fatal
 * signal, or what the server's bind callback returned.
 */
s64 vmrpc_bind_module_kernel(const char *module, const char *version)
{
	return vmrpc_bind(module, version, 0);
}
EXPORT_SYMBOL_GPL(vmrpc_bind_module_kernel);

/**
 * vmrpc_bind_module - bind a module of a server in the VMM
 * @module: its name, shorter than VMRPC_MODULE_LEN
 * @version: its version, shorter than VMRPC_VERSION_LEN, compared for equality
 *
 * Context: process context; may sleep.
 * Return: as vmrpc_bind_module_kernel().
 */
s64 vmrpc_bind_module(const char *module, const char *version)
{
	return vmrpc_bind(module, version, VMRPC_BIND_USER);
}
EXPORT_SYMBOL_GPL(vmrpc_bind_module);

static int __vmrpc_perform(u32 handle, unsigned int procedure, void *arg, size_t size,
			   s64 *result, unsigned int state)
{
	int ret;

	if (!vmrpc_features)
		return -ENODEV;
	if (size > vmrpc_max_arg)
		return -E2BIG;
	if (procedure > U16_MAX)
		return -ENOSYS;
	ret = vmrpc_hypercall_repeat(VMRPC_OP_PERFORM |
				     procedure << VMRPC_PROCEDURE_SHIFT,
				     handle, size, (unsigned long)arg,
				     (u64 *)result, state);
	trace_vmrpc_perform(handle, procedure, size, ret);
	return ret;
}

/**
 * vmrpc_perform_kernel - call a procedure of a bound module
 * @handle: from vmrpc_bind_module_kernel()
 * @procedure: its number in the module
 * @arg: argument in kernel memory, resident as all kernel memory is; the host reads
 *	and writes it while the call lasts.  NULL if @size is 0
 * @size: of @arg in bytes, within the procedure's limits
 * @result: the procedure's own result, if the call succeeds; may be NULL
 *
 * The call is repeated while the host asks for it (a parked call that something
 * else woke), until a fatal signal comes.
 *
 * Context: process context; may sleep in the host.  @arg is translated by the page
 * tables of the CPU that makes the call: any kernel address will do.
 * Return: 0 or a negative errno: -ENODEV there is no host to call, or the server
 * went away, -EBADF or -ESTALE not a bound handle, -ENOSYS no such procedure,
 * -E2BIG or -EINVAL the size, -EFAULT the memory, -EINTR a fatal signal, or what
 * the procedure returned.
 */
int vmrpc_perform_kernel(u32 handle, unsigned int procedure, void *arg,
			 size_t size, s64 *result)
{
	return __vmrpc_perform(handle, procedure, arg, size, result, TASK_KILLABLE);
}
EXPORT_SYMBOL_GPL(vmrpc_perform_kernel);

/* For a process: any signal ends it. */
int vmrpc_perform_interruptible(u32 handle, unsigned int procedure, void *arg,
				size_t size, s64 *result)
{
	return __vmrpc_perform(handle, procedure, arg, size, result, TASK_INTERRUPTIBLE);
}

/**
 * vmrpc_unbind_module_kernel - give a handle back
 * @handle: from vmrpc_bind_module_kernel(); a call under way with it goes on to its end
 *
 * Context: process context; may sleep.
 * Return: 0 or a negative errno: -ENODEV there is no host to call, -EBADF or
 * -ESTALE not a bound handle, -EINTR a fatal signal.
 */
int vmrpc_unbind_module_kernel(u32 handle)
{
	if (!vmrpc_features)
		return -ENODEV;
	return vmrpc_unbind(handle);
}
EXPORT_SYMBOL_GPL(vmrpc_unbind_module_kernel);

/* Tell the host's log who is here: the first use of the first server. */
static void __init vmrpc_hello(void)
{
	struct vmrpc_print print = {};
	char text[VMRPC_PRINT_MAX];
	s64 handle;
	int ret;

	handle = vmrpc_bind_module_kernel(VMRPC_PRINT_MODULE, VMRPC_PRINT_VERSION);
	if (handle < 0) {
		pr_warn("cannot bind \"print\": error %d\n", (int)handle);
		return;
	}
	print.length = cpu_to_le32(scnprintf(text, sizeof(text),
					     "hello from Linux %s, %u CPUs, %lu MiB",
					     init_utsname()->release, num_online_cpus(),
					     totalram_pages() >> (20 - PAGE_SHIFT)));
	print.string = cpu_to_le64((unsigned long)text);
	ret = vmrpc_perform_kernel(handle, VMRPC_PRINT_PRINT, &print, sizeof(print), NULL);
	if (ret)
		pr_warn("cannot print to the host's log: error %d\n", ret);
	vmrpc_unbind_module_kernel(handle);
}

/*
 * Early enough for every client.  A host that must not read our memory cannot
 * serve us: encrypted guests do without.
 */
static int __init vmrpc_discover(void)
{
	u32 base, reserved;

	if (!vmrpc_on || !boot_cpu_has(X86_FEATURE_HYPERVISOR) ||
	    cc_platform_has(CC_ATTR_GUEST_MEM_ENCRYPT))
		return 0;
	base = hypervisor_cpuid_base(VMRPC_CPUID_SIGNATURE, VMRPC_CPUID_FEATURES);
	if (!base) {
		pr_debug("this machine has no VMRPC\n");
		return 0;
	}
	cpuid(base + VMRPC_CPUID_FEATURES, &vmrpc_features, &vmrpc_max_arg,
	      &vmrpc_max_slots, &reserved);
	pr_info("features %#x, arguments of up to %u bytes, %u slots\n",
		vmrpc_features, vmrpc_max_arg, vmrpc_max_slots);
	return 0;
}
subsys_initcall(vmrpc_discover);

static int __init vmrpc_start(void)
{
	int ret;

	if (vmrpc_features & VMRPC_F_KERNEL)
		vmrpc_hello();
	if (vmrpc_features & (VMRPC_F_KERNEL | VMRPC_F_USER)) {
		register_reboot_notifier(&vmrpc_reboot_nb);
		ret = vmrpc_guest_dev_init();
		if (ret)
			pr_warn("no /dev/vmrpc-guest: error %d\n", ret);
	}
	vmrpc_outsource_init();
	if (vmrpc_features & VMRPC_F_REVERSE)
		return rvmrpc_init(vmrpc_max_slots, vmrpc_features & VMRPC_F_BULK);
	return 0;
}
device_initcall(vmrpc_start);
