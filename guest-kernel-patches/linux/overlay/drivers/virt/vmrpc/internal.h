/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the files of VMRPC in a guest, and by their KUnit tests. */
#ifndef _VMRPC_INTERNAL_H
#define _VMRPC_INTERNAL_H

#include <linux/err.h>
#include <linux/vmrpc.h>
#include <asm/alternative.h>
#include <asm/cpufeatures.h>

#define VMRPC_INSN	ALTERNATIVE("vmcall", "vmmcall", X86_FEATURE_VMMCALL)

/* RBX holds the operation, and its result if RAX is 0: both are handed on as they are. */
static __always_inline long __vmrpc_hypercall(unsigned long *rbx, unsigned long rcx,
					      unsigned long rdx, unsigned long rsi)
{
	long rax;

	asm volatile(VMRPC_INSN
		     : "=a" (rax), "+b" (*rbx)
		     : "a" (VMRPC_HYPERCALL), "c" (rcx), "d" (rdx), "S" (rsi)
		     : "memory");
	return rax;
}

/*
 * Park this vCPU in the host until a request or an interrupt comes; returns the
 * number of pending requests or a negative errno.  Called with interrupts off
 * and returns with them on: as in "sti; hlt", an interrupt cannot come between the
 * two instructions, so one that came after the caller's last look at its reasons
 * to run is still pending in the hypercall, which then does not park.
 */
static __always_inline int __vmrpc_poll_park(void)
{
	unsigned long rbx = VMRPC_OP_POLL;
	long rax;

	asm volatile("sti; " VMRPC_INSN
		     : "=a" (rax), "+b" (rbx)
		     : "a" (VMRPC_HYPERCALL), "c" (VMRPC_POLL_PARK), "d" (0), "S" (0)
		     : "memory");
	return rax ? rax : rbx;
}

/* core.c */
int vmrpc_hypercall(unsigned long op, unsigned long rcx, unsigned long rdx,
		    unsigned long rsi, u64 *result);
int vmrpc_poll(void);
s64 vmrpc_bind_interruptible(const struct vmrpc_bind *bind);
int vmrpc_perform_interruptible(u32 handle, unsigned int procedure, void *arg,
				size_t size, s64 *result);

/* dev.c */
int vmrpc_guest_dev_init(void);

/* module.c */
bool vmrpc_list_has(const char *list, const char *name);
u64 rvmrpc_allowed(const char *list, const struct rvmrpc_module *module);
int rvmrpc_status(int err);
int rvmrpc_call_perform(const char *module, u32 procedure,
			struct rvmrpc_call *call, bool may_block);
void rvmrpc_allow_check(void);

/* bulk.c */
int rvmrpc_call_fetch(struct rvmrpc_call *call);
int rvmrpc_call_store(struct rvmrpc_call *call);
void rvmrpc_call_free(struct rvmrpc_call *call);

/* reverse.c */
int rvmrpc_init(unsigned int max_slots, bool bulk);
void rvmrpc_kick(void);
void rvmrpc_wake(void);
void rvmrpc_check(void);
bool rvmrpc_pending(void);
bool rvmrpc_may_park(void);
bool rvmrpc_seq_pending(u64 seq, u64 handled);
int rvmrpc_request_check(const struct vmrpc_request *req, bool bulk);

/* pci.c */
int vmrpc_pci_init(void);

/* idle.c */
#ifdef CONFIG_CPU_IDLE
void vmrpc_idle_init(void);
#else
static inline void vmrpc_idle_init(void) { }
#endif

/* mem.c */
#ifdef CONFIG_ZONE_HOST
void vmrpc_outsource_init(void);
void vmrpc_outsource_renew(void);
int vmrpc_mem_perform(unsigned int procedure, void *arg, size_t size, s64 *result);
bool vmrpc_mem_is_used(void);
#else
static inline void vmrpc_outsource_init(void) { }
static inline void vmrpc_outsource_renew(void) { }
#endif

/* pin.c */
struct vmrpc_pin;

#ifdef CONFIG_ZONE_HOST
struct vmrpc_pin *vmrpc_pin_begin(u64 address, u64 size);
void vmrpc_pin_end(struct vmrpc_pin *pin);
int vmrpc_pins_renew(int (*rebind)(void));
#else
static inline struct vmrpc_pin *vmrpc_pin_begin(u64 address, u64 size)
{
	return ERR_PTR(-ENODEV);
}
static inline void vmrpc_pin_end(struct vmrpc_pin *pin) { }
#endif

/* The modules that every guest serves. */
extern struct rvmrpc_module rvmrpc_echo;
extern struct rvmrpc_module rvmrpc_procfs;
extern struct rvmrpc_module rvmrpc_sysinfo;

#endif /* _VMRPC_INTERNAL_H */
