// SPDX-License-Identifier: GPL-2.0-only
/*
 * VM long polling by parking: a call waits while its vCPU is halted.
 *
 * The vCPU goes through KVM's own halt path, as by HLT; vmlp_has_message() is one
 * more condition that wakes it.  RAX was set to -EINTR, "ask again", so a wake-up
 * for any other reason, or a migration, needs no care.
 *
 * vcpu->arch.vmlp_state: RUNNING -> PARKED by the vCPU in its hypercall; PARKED ->
 * WOKEN by whoever has something for it; any -> RUNNING by the vCPU before it
 * enters the guest.  Whoever makes the transition to WOKEN knows that the guest will
 * look, because the poll has not returned to it.
 */
#include <linux/module.h>
#include <linux/nospec.h>

#include "internal.h"
#include "trace.h"

void __vmlp_unpark(struct kvm_vcpu *vcpu)
{
	struct vmrpc_vm *vm = vcpu->kvm->arch.vmrpc;

	clear_bit(vcpu->vcpu_idx, vm->pollers);
	WRITE_ONCE(vcpu->arch.vmlp_state, VMLP_RUNNING);
}

int vmlp_halt(struct kvm_vcpu *vcpu, struct vmrpc_vm *vm)
{
	atomic64_inc(&vm->stats.parks);
	kvm_emulate_halt_noskip(vcpu);
	return -EINTR;
}

static bool vmlp_wake(struct vmrpc_vm *vm, struct kvm_vcpu *vcpu)
{
	if (cmpxchg(&vcpu->arch.vmlp_state, VMLP_PARKED, VMLP_WOKEN) != VMLP_PARKED)
		return false;
	trace_vmlp_wake(vm->name, vcpu->vcpu_idx);
	kvm_vcpu_wake_up(vcpu);
	return true;
}

/**
 * vmlp_prepare_to_park - announce that a call is going to wait
 * @call: the call under way
 * @waiter: filled in, for vmlp_waiter_wake(); holds a reference to the VM until
 *	vmlp_waiter_put()
 *
 * After it the server looks once more whether there is something to wait for, and
 * then either returns vmlp_park() or goes on after vmlp_cancel_park().
 */
void vmlp_prepare_to_park(struct vmrpc_call *call, struct vmlp_waiter *waiter)
{
	kref_get(&call->vm->ref);
	waiter->vm = call->vm;
	waiter->vcpu_idx = call->vcpu->vcpu_idx;
	/* Full barrier: the state before the server's second look. */
	smp_store_mb(call->vcpu->arch.vmlp_state, VMLP_PARKED);
}
EXPORT_SYMBOL_GPL(vmlp_prepare_to_park);

/**
 * vmlp_park - halt the calling vCPU until the call's waiter is woken
 * @call: the call under way, after vmlp_prepare_to_park()
 *
 * The halt begins after the procedure returned.
 *
 * Context: on the vCPU's thread; does not sleep.
 * Return: what the procedure has to return.  The guest repeats the call, when it was
 * woken or when anything else (an interrupt, a migration) ended the halt.
 */
int vmlp_park(struct vmrpc_call *call)
{
	return vmlp_halt(call->vcpu, call->vm);
}
EXPORT_SYMBOL_GPL(vmlp_park);

/**
 * vmlp_cancel_park - do not park after all
 * @call: the call under way, after vmlp_prepare_to_park()
 */
void vmlp_cancel_park(struct vmrpc_call *call)
{
	WRITE_ONCE(call->vcpu->arch.vmlp_state, VMLP_RUNNING);
}
EXPORT_SYMBOL_GPL(vmlp_cancel_park);

/**
 * vmlp_waiter_wake - wake the vCPU of a parked call
 * @waiter: from vmlp_prepare_to_park()
 *
 * Does nothing if it is parked no more, or the VM is gone.
 *
 * Context: any, hard interrupts included.
 */
void vmlp_waiter_wake(struct vmlp_waiter *waiter)
{
	struct vmrpc_vm *vm = waiter->vm;
	struct kvm_vcpu *vcpu;
	unsigned long flags;

	spin_lock_irqsave(&vm->lock, flags);
	vcpu = vm->kvm ? kvm_get_vcpu(vm->kvm, waiter->vcpu_idx) : NULL;
	if (vcpu)
		vmlp_wake(vm, vcpu);
	spin_unlock_irqrestore(&vm->lock, flags);
}
EXPORT_SYMBOL_GPL(vmlp_waiter_wake);

/**
 * vmlp_waiter_put - release a waiter
 * @waiter: from vmlp_prepare_to_park()
 */
void vmlp_waiter_put(struct vmlp_waiter *waiter)
{
	vmrpc_vm_put(waiter->vm);
}
EXPORT_SYMBOL_GPL(vmlp_waiter_put);

/* The same for a user server, whose call comes again when the vCPU was woken. */
int vmlp_user_park(struct kvm_vcpu *vcpu, struct vmrpc_vm *vm)
{
	/* Full barrier: the state before the look whether it was woken already. */
	smp_store_mb(vcpu->arch.vmlp_state, VMLP_PARKED);
	if (test_bit(vcpu->vcpu_idx, vm->user_woken)) {
		WRITE_ONCE(vcpu->arch.vmlp_state, VMLP_RUNNING);
		return -EINTR;
	}
	return vmlp_halt(vcpu, vm);
}

int vmlp_user_wake(struct vmrpc_vm *vm, u32 vcpu_idx)
{
	struct vmlp_waiter waiter = { .vm = vm, .vcpu_idx = vcpu_idx };

	if (vcpu_idx >= KVM_MAX_VCPUS)
		return -EINVAL;
	set_bit(array_index_nospec(vcpu_idx, KVM_MAX_VCPUS), vm->user_woken);
	/* Pairs with vmlp_user_park(). */
	smp_mb__after_atomic();
	vmlp_waiter_wake(&waiter);
	return 0;
}

/* The same for POLL, which any parked poller may be woken for. */
void vmlp_poller_prepare(struct kvm_vcpu *vcpu, struct vmrpc_vm *vm)
{
	WRITE_ONCE(vcpu->arch.vmlp_state, VMLP_PARKED);
	/* Orders the state; pairs with vmlp_poller_wake()'s test of the bit. */
	smp_mb__before_atomic();
	set_bit(vcpu->vcpu_idx, vm->pollers);
}

/*
 * Halted, or about to halt, or on its way back into the guest.  An INIT takes a vCPU
 * out of its halt without an entry to the guest.
 */
static bool vmlp_poller_will_look(struct kvm_vcpu *vcpu)
{
	int mp_state = READ_ONCE(vcpu->arch.mp_state);

	return mp_state == KVM_MP_STATE_HALTED || mp_state == KVM_MP_STATE_RUNNABLE;
}

/* Wakes one parked poller; false if there is none.  The caller holds a reference to @kvm. */
bool vmlp_poller_wake(struct vmrpc_vm *vm, struct kvm *kvm)
{
	struct kvm_vcpu *vcpu;
	int i;

	for_each_set_bit(i, vm->pollers, atomic_read(&kvm->online_vcpus)) {
		vcpu = kvm_get_vcpu(kvm, i);
		if (!vcpu || !vmlp_poller_will_look(vcpu))
			continue;
		if (test_and_clear_bit(i, vm->pollers) && vmlp_wake(vm, vcpu))
			return true;
	}
	return false;
}

/* The VMM stopped the vCPUs and is about to reset them. */
void vmlp_reset(struct vmrpc_vm *vm, struct kvm *kvm)
{
	struct kvm_vcpu *vcpu;
	unsigned long i;

	kvm_for_each_vcpu(i, vcpu, kvm)
		WRITE_ONCE(vcpu->arch.vmlp_state, VMLP_RUNNING);
	bitmap_zero(vm->pollers, KVM_MAX_VCPUS);
}
