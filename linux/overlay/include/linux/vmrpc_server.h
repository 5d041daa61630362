/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a VMRPC server in the host kernel, and a caller of guests, includes.
 *
 * A server registers its module with vmrpc_register_server() from built-in code
 * or a loadable module.  Its callbacks run on the thread of the calling vCPU, in
 * process context, with no KVM lock held: they may sleep, interruptibly, and
 * return -EINTR when a signal comes; the guest then asks again.
 */
#ifndef _LINUX_VMRPC_SERVER_H
#define _LINUX_VMRPC_SERVER_H

#include <linux/bits.h>
#include <linux/types.h>
#include <uapi/linux/vmrpc.h>

struct kvm_vcpu;
struct vmrpc_vm;
struct vmrpc_server;

/* Directions of a procedure's argument. */
#define VMRPC_IN	BIT(0)	/* copied from the guest before the call */
#define VMRPC_OUT	BIT(1)	/* copied to the guest after a call that returned 0 */

/**
 * struct vmrpc_call - one PERFORM under way
 * @vcpu: the calling vCPU; only for passing on
 * @vm: the calling VM, valid during the call; see vmlp_waiter_init() to keep it
 * @priv: what the server's bind callback stored
 * @process: the guest's kernel calls for a process of its: addresses in the argument are
 *	not followed, and what changes the whole VM is better refused
 * @procedure: index into the server's procedures
 * @size: of the argument in bytes, within the procedure's limits
 * @arg: the argument, in host memory (a copy: the guest cannot change it); zeroed
 *	before the call if the procedure is not VMRPC_IN
 * @result: the procedure's own result, handed to the guest if the call returns 0
 */
struct vmrpc_call {
	struct kvm_vcpu	*vcpu;
	struct vmrpc_vm	*vm;
	void		*priv;
	bool		process;
	u32		procedure;
	u32		size;
	void		*arg;
	s64		result;
};

/**
 * struct vmrpc_procedure - one procedure of a server
 * @name: for traces
 * @direction: VMRPC_IN, VMRPC_OUT or both
 * @min_size: smallest argument in bytes; a smaller one is refused with -EINVAL
 * @max_size: largest argument in bytes, at most VMRPC_MAX_ARG; a larger one is
 *	refused with -E2BIG
 * @call: returns 0 or a negative errno of enum VMRPC_E*, or what vmlp_park() returned
 */
struct vmrpc_procedure {
	const char	*name;
	unsigned int	direction;
	u32		min_size;
	u32		max_size;
	int		(*call)(struct vmrpc_call *call);
};

/**
 * struct vmrpc_server_ops - what a server tells of itself
 * @module: the name that guests bind, shorter than VMRPC_MODULE_LEN
 * @version: shorter than VMRPC_VERSION_LEN
 * @bind: optional; may refuse with a negative errno; *priv comes back in calls
 * @unbind: optional; called once for each bind, when no call with that handle is
 *	under way any more: after UNBIND, reset, the VM's end or unregistration
 * @procedures: their numbers are their indices
 * @nr_procedures: length of @procedures
 */
struct vmrpc_server_ops {
	const char			*module;
	const char			*version;
	int				(*bind)(struct vmrpc_vm *vm, void **priv);
	void				(*unbind)(void *priv);
	const struct vmrpc_procedure	*procedures;
	unsigned int			nr_procedures;
};

struct vmrpc_server *vmrpc_register_server(const struct vmrpc_server_ops *ops);
void vmrpc_unregister_server(struct vmrpc_server *server);

int copy_from_guest(struct vmrpc_call *call, void *to, u64 gva, size_t size);
int copy_to_guest(struct vmrpc_call *call, u64 gva, const void *from, size_t size);
void __user *get_hva(struct vmrpc_call *call, u64 gva, bool write);
const char *vmrpc_vm_name(const struct vmrpc_vm *vm);

/**
 * struct vmlp_waiter - a vCPU that a parked call has to wake
 * @vm: referenced
 * @vcpu_idx: index of the vCPU
 */
struct vmlp_waiter {
	struct vmrpc_vm	*vm;
	int		vcpu_idx;
};

void vmlp_prepare_to_park(struct vmrpc_call *call, struct vmlp_waiter *waiter);
int vmlp_park(struct vmrpc_call *call);
void vmlp_cancel_park(struct vmrpc_call *call);
void vmlp_waiter_wake(struct vmlp_waiter *waiter);
void vmlp_waiter_put(struct vmlp_waiter *waiter);

/* Calls into a guest. */
struct vmrpc_vm *vmrpc_vm_get_by_name(const char *name);
void vmrpc_vm_put(struct vmrpc_vm *vm);
int rvmrpc_call(struct vmrpc_vm *vm, const char *module, u32 procedure,
		const void *arg, u32 arg_size, void *res, u32 *res_size,
		s64 *result, unsigned int timeout_ms);

#endif /* _LINUX_VMRPC_SERVER_H */
