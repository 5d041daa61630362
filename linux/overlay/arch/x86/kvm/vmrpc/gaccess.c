// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory by guest virtual address, as the calling vCPU would access it: its
 * page tables, its permissions.  Nothing here keeps a mapping; an address is
 * translated at each access, since the guest may change it at any time.
 */
#include <linux/module.h>

#include "internal.h"
#include "../mmu.h"
#include "../smm.h"
#include "../x86.h"

/* The page walk ignores the bits above those it uses, the CPU does not. */
static bool vmrpc_range_valid(struct kvm_vcpu *vcpu, u64 gva, size_t size)
{
	u64 last = gva + size - 1;

	if (last < gva)
		return false;
	if (!is_64_bit_mode(vcpu))
		return last <= U32_MAX;
	return !is_noncanonical_address(gva, vcpu, 0) &&
	       !is_noncanonical_address(last, vcpu, 0) &&
	       (gva ^ last) >> 63 == 0;
}

/*
 * KVM enters what it writes for a vCPU into its dirty ring, accessed bits of the guest's
 * page tables included, and only on the way to the guest looks whether that is full.  It
 * keeps a reserve for what one exit writes, and a call must not write more.  False as long
 * as there is room for one more page, and then still for the call's argument.
 */
static bool vmrpc_dirty_ring_full(struct kvm_vcpu *vcpu)
{
	struct kvm_dirty_ring *ring = &vcpu->dirty_ring;
	u32 used = READ_ONCE(ring->dirty_index) - READ_ONCE(ring->reset_index);

	return vcpu->kvm->dirty_ring_size &&
	       used + PT64_ROOT_MAX_LEVEL + 1 + VMRPC_ARGUMENT_PAGES > ring->size;
}

/* Page by page, for the ring's sake. */
static int vmrpc_access_guest(struct kvm_vcpu *vcpu, u64 gva, void *data, size_t size, bool write)
{
	struct x86_exception fault;
	size_t part;
	int ret;

	if (size && !vmrpc_range_valid(vcpu, gva, size))
		return -EFAULT;
	for (; size; size -= part, gva += part, data += part) {
		part = min_t(size_t, size, PAGE_SIZE - offset_in_page(gva));
		if (vmrpc_dirty_ring_full(vcpu))
			return -EBUSY;
		ret = write ? kvm_write_guest_virt_system(vcpu, gva, data, part, &fault) :
			      kvm_read_guest_virt(vcpu, gva, data, part, &fault);
		if (ret != X86EMUL_CONTINUE)
			return -EFAULT;
	}
	return 0;
}

int vmrpc_read_guest(struct kvm_vcpu *vcpu, void *to, u64 gva, size_t size)
{
	return vmrpc_access_guest(vcpu, gva, to, size, false);
}

int vmrpc_write_guest(struct kvm_vcpu *vcpu, u64 gva, const void *from, size_t size)
{
	return vmrpc_access_guest(vcpu, gva, (void *)from, size, true);
}

/* Walks the guest's page tables.  Returns 0, -EFAULT, or -EBUSY if the dirty ring is full. */
static int vmrpc_translate(struct kvm_vcpu *vcpu, u64 gva, bool write, gpa_t *gpa)
{
	struct x86_exception fault;

	if (!vmrpc_range_valid(vcpu, gva, 1))
		return -EFAULT;
	if (vmrpc_dirty_ring_full(vcpu))
		return -EBUSY;
	*gpa = write ? kvm_mmu_gva_to_gpa_write(vcpu, gva, &fault) :
		       kvm_mmu_gva_to_gpa_read(vcpu, gva, &fault);
	return *gpa == INVALID_GPA ? -EFAULT : 0;
}

/*
 * Maps the page that @gva is in, until kvm_vcpu_unmap().  Only RAM that the guest can
 * write; not for a vCPU in SMM, which kvm_vcpu_map() knows nothing of.
 */
int vmrpc_map_guest(struct kvm_vcpu *vcpu, u64 gva, bool write, struct kvm_host_map *map)
{
	gpa_t gpa;
	int ret;

	if (is_smm(vcpu))
		return -EFAULT;
	ret = vmrpc_translate(vcpu, gva, write, &gpa);
	if (ret)
		return ret;
	if (kvm_vcpu_map(vcpu, gpa_to_gfn(gpa), map))
		return -EFAULT;
	if (map->page != KVM_UNMAPPED_PAGE)
		return 0;
	kvm_vcpu_unmap(vcpu, map, false);
	return -EFAULT;
}

/*
 * Translates an argument, page by page.  The result is good for the whole call: a guest
 * that changes a translation cannot count on that before this vCPU has flushed its TLB,
 * which it does when it enters the guest again.  The pages themselves are looked
 * up in the memslots at each access.
 */
int vmrpc_argument_translate(struct kvm_vcpu *vcpu, struct vmrpc_argument *argument, u64 gva,
			     size_t size, bool write)
{
	int ret = 0;
	u32 n;

	argument->offset = offset_in_page(gva);
	argument->size = size;
	if (!size)
		return 0;
	if (size > VMRPC_MAX_ARG || !vmrpc_range_valid(vcpu, gva, size))
		return -EFAULT;
	/* By number: the last page may end where addresses do. */
	for (n = 0; n < DIV_ROUND_UP(argument->offset + size, PAGE_SIZE) && !ret; n++)
		ret = vmrpc_translate(vcpu, (gva & PAGE_MASK) + n * PAGE_SIZE, write,
				      &argument->page[n]);
	return ret;
}

/* Copies the argument from (or, @write, to) guest memory. */
int vmrpc_argument_copy(struct kvm_vcpu *vcpu, const struct vmrpc_argument *argument, void *data,
			bool write)
{
	u32 n, part, offset = argument->offset, left = argument->size;
	gfn_t gfn;
	int ret;

	for (n = 0; left; n++, data += part, left -= part, offset = 0) {
		part = min_t(u32, left, PAGE_SIZE - offset);
		gfn = gpa_to_gfn(argument->page[n]);
		ret = write ? kvm_vcpu_write_guest_page(vcpu, gfn, data, offset, part) :
			      kvm_vcpu_read_guest_page(vcpu, gfn, data, offset, part);
		if (ret)
			return -EFAULT;
	}
	return 0;
}

/**
 * copy_from_guest - read guest memory
 * @call: the call under way
 * @to: host memory
 * @gva: guest virtual address, in the calling vCPU's current address space
 * @size: bytes
 *
 * Context: only from the call, on the vCPU's thread; may sleep.
 * Return: 0, or -EFAULT with an unknown part copied, always if the call is a process's;
 * -EBUSY as copy_to_guest().
 */
int copy_from_guest(struct vmrpc_call *call, void *to, u64 gva, size_t size)
{
	int ret;

	if (call->process)
		return -EFAULT;
	kvm_vcpu_srcu_read_lock(call->vcpu);
	ret = vmrpc_read_guest(call->vcpu, to, gva, size);
	kvm_vcpu_srcu_read_unlock(call->vcpu);
	return ret;
}
EXPORT_SYMBOL_GPL(copy_from_guest);

/**
 * copy_to_guest - write guest memory
 * @call: the call under way
 * @gva: guest virtual address, in the calling vCPU's current address space
 * @from: host memory
 * @size: bytes
 *
 * Context: only from the call, on the vCPU's thread; may sleep.
 * Return: 0, or -EFAULT with an unknown part copied, always if the call is a process's;
 * -EBUSY, the same, when the VM's writes are logged in a dirty ring which is full: there a
 * call can count on some twenty copies of a page.
 */
int copy_to_guest(struct vmrpc_call *call, u64 gva, const void *from, size_t size)
{
	int ret;

	if (call->process)
		return -EFAULT;
	kvm_vcpu_srcu_read_lock(call->vcpu);
	ret = vmrpc_write_guest(call->vcpu, gva, from, size);
	kvm_vcpu_srcu_read_unlock(call->vcpu);
	return ret;
}
EXPORT_SYMBOL_GPL(copy_to_guest);

/**
 * get_hva - translate a guest virtual address to one in the VMM's address space
 * @call: the call under way
 * @gva: guest virtual address
 * @write: whether it will be written
 *
 * Good up to the end of its page, and until the server sleeps or returns: then it
 * must be translated again.  Accesses go through copy_from_user() and its like, and
 * writes through it are not in the dirty log.
 *
 * Context: only from the call, on the vCPU's thread.
 * Return: the address, or NULL if the guest could not access it so, or the call is a
 * process's.
 */
void __user *get_hva(struct vmrpc_call *call, u64 gva, bool write)
{
	struct kvm_vcpu *vcpu = call->vcpu;
	unsigned long hva = KVM_HVA_ERR_BAD;
	bool writable = false;
	gpa_t gpa;

	if (call->process)
		return NULL;
	kvm_vcpu_srcu_read_lock(vcpu);
	if (!vmrpc_translate(vcpu, gva, write, &gpa))
		hva = kvm_vcpu_gfn_to_hva_prot(vcpu, gpa_to_gfn(gpa), &writable);
	kvm_vcpu_srcu_read_unlock(vcpu);

	if (kvm_is_error_hva(hva) || (write && !writable))
		return NULL;
	return (void __user *)(hva + offset_in_page(gva));
}
EXPORT_SYMBOL_GPL(get_hva);
