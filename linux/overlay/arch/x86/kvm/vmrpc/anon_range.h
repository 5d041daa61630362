/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _KVM_X86_VMRPC_ANON_RANGE_H
#define _KVM_X86_VMRPC_ANON_RANGE_H

struct mm_struct;

/* Pages, as the page tables tell: merged ones (KSM) are counted each time that they are mapped. */
struct anon_range {
	unsigned long	resident;
	unsigned long	swapped;
};

int anon_range_drop(struct mm_struct *mm, unsigned long start, unsigned long end, bool wait);
int anon_range_count(struct mm_struct *mm, unsigned long start, unsigned long end,
		     struct anon_range *range);

#endif /* _KVM_X86_VMRPC_ANON_RANGE_H */
