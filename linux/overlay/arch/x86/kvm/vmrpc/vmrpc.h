/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the rest of KVM sees of VMRPC: the calls made by the hooks, each a no-op
 * or the answer "not there" when CONFIG_KVM_VMRPC is off.
 */
#ifndef _KVM_X86_VMRPC_VMRPC_H
#define _KVM_X86_VMRPC_VMRPC_H

#include <linux/kvm_host.h>
#include <uapi/linux/vmrpc_dev.h>

#ifdef CONFIG_KVM_VMRPC

void vmrpc_init(void);
void vmrpc_exit(void);
void vmrpc_module_exit(void);
int vmrpc_features(struct kvm *kvm);
int vmrpc_vm_enable(struct kvm *kvm, u64 config);
void vmrpc_vm_destroy(struct kvm *kvm);
unsigned long kvm_vmrpc_hypercall(struct kvm_vcpu *vcpu, unsigned long a0, unsigned long a1,
				  unsigned long a2, unsigned long a3);
bool vmrpc_exit_pending(struct kvm_vcpu *vcpu);
void __vmlp_unpark(struct kvm_vcpu *vcpu);

enum vmlp_state {
	VMLP_RUNNING = 0,
	VMLP_PARKED,		/* halted by a call that waits */
	VMLP_WOKEN,		/* ... that has something to look at */
};

/* Before every entry to the guest: whatever woke the vCPU, it waits no more. */
static inline void vmlp_unpark(struct kvm_vcpu *vcpu)
{
	if (unlikely(READ_ONCE(vcpu->arch.vmlp_state) != VMLP_RUNNING))
		__vmlp_unpark(vcpu);
}

/* The one wake condition that a parked vCPU has more than a halted one. */
static inline bool vmlp_has_message(struct kvm_vcpu *vcpu)
{
	return READ_ONCE(vcpu->arch.vmlp_state) == VMLP_WOKEN;
}

#else

static inline void vmrpc_init(void) { }
static inline void vmrpc_exit(void) { }
static inline void vmrpc_module_exit(void) { }
static inline int vmrpc_features(struct kvm *kvm) { return 0; }
static inline int vmrpc_vm_enable(struct kvm *kvm, u64 config) { return -EINVAL; }
static inline void vmrpc_vm_destroy(struct kvm *kvm) { }
static inline unsigned long kvm_vmrpc_hypercall(struct kvm_vcpu *vcpu, unsigned long a0,
						unsigned long a1, unsigned long a2,
						unsigned long a3)
{
	return -KVM_ENOSYS;
}
static inline bool vmrpc_exit_pending(struct kvm_vcpu *vcpu) { return false; }
static inline void vmlp_unpark(struct kvm_vcpu *vcpu) { }
static inline bool vmlp_has_message(struct kvm_vcpu *vcpu) { return false; }

#endif

#endif /* _KVM_X86_VMRPC_VMRPC_H */
