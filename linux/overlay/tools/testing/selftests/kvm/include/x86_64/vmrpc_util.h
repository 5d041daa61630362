/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of VMRPC share.
 *
 * The guest is a single instruction: the host sets a vCPU's registers, lets it
 * execute one hypercall, and reads the registers again.  So a test reads as the
 * guest's side of the protocol, and can break any rule of it.  The guest's memory is
 * shared with the test, which also plays the guest's server on a channel.
 */
#ifndef SELFTEST_KVM_VMRPC_UTIL_H
#define SELFTEST_KVM_VMRPC_UTIL_H

#include <pthread.h>
#include <linux/vmrpc.h>
#include <linux/vmrpc_dev.h>

#include "kvm_util.h"
#include "processor.h"
#include "../../../../../../arch/x86/kvm/vmrpc/vmrpc_test_server.h"

#define VMRPC_TEST_VCPUS	2
#define VMRPC_IRQ_VECTOR	0x60

#define RFLAGS_IF		(1u << 9)
#define RFLAGS_IOPL		(3u << 12)

/* A VM under test.  @fd is the owner's descriptor, -1 while VMRPC is not enabled. */
struct vmrpc_tvm {
	struct kvm_vm	*vm;
	struct kvm_vcpu	*vcpus[VMRPC_TEST_VCPUS];
	int		fd;
	char		name[VMRPC_NAME_LEN];
};

void vmrpc_tvm_create(struct vmrpc_tvm *tvm);
void vmrpc_tvm_create_dirty_ring(struct vmrpc_tvm *tvm, uint32_t ring_size);
void vmrpc_tvm_enable(struct vmrpc_tvm *tvm, int irq_eventfd);
void vmrpc_tvm_free(struct vmrpc_tvm *tvm);
void vmrpc_config_init(struct kvm_vmrpc_config *config);
struct vmrpc_vm_info vmrpc_info(int fd);
int vmrpc_attach(const char *name);

/* The counters of a procedure, zeros if there is no row; and how many rows there are. */
struct vmrpc_vm_stat vmrpc_stat(int fd, uint32_t direction, const char *module,
				uint32_t procedure);
uint32_t vmrpc_stat_rows(int fd);

/* The server "test": 0, or the errno; loaded already is fine. */
int vmrpc_server_load(void);
int vmrpc_server_unload(void);

/* One hypercall.  All return RAX; *result is RBX, and may be NULL. */
enum vmrpc_insn {
	VMRPC_INSN_NATIVE,	/* of this CPU's vendor */
	VMRPC_INSN_VMCALL,
	VMRPC_INSN_VMMCALL,
};

int64_t vmrpc_hypercall(struct kvm_vcpu *vcpu, uint64_t a0, uint64_t a1, uint64_t a2,
			uint64_t a3, uint64_t *result);
int64_t vmrpc_hypercall_by(struct kvm_vcpu *vcpu, enum vmrpc_insn insn, uint64_t a0);
int64_t vmrpc_bind(struct kvm_vcpu *vcpu, const char *module, const char *version,
		   uint64_t *handle);
int64_t vmrpc_unbind(struct kvm_vcpu *vcpu, uint64_t handle);
int64_t vmrpc_perform(struct kvm_vcpu *vcpu, uint64_t handle, uint16_t procedure, uint64_t gva,
		      uint64_t size, uint64_t *result);
int64_t vmrpc_register(struct kvm_vcpu *vcpu, uint64_t slots, uint64_t gfn, uint64_t *generation);
int64_t vmrpc_poll(struct kvm_vcpu *vcpu, uint64_t flags, uint64_t *again);

/* The same in two steps: KVM_RUN in between is the caller's. */
void vmrpc_hypercall_begin(struct kvm_vcpu *vcpu, uint64_t a0, uint64_t a1, uint64_t a2,
			   uint64_t a3, uint64_t rflags);
int64_t vmrpc_hypercall_end(struct kvm_vcpu *vcpu, uint64_t *result);

/* Guest memory */
struct vmrpc_bind *vmrpc_bind_fill(struct kvm_vm *vm, uint64_t gva, const char *module,
				   const char *version);
void vmrpc_page_protect(struct kvm_vm *vm, uint64_t gva, uint64_t clear);
void vmrpc_page_allow_user(struct kvm_vm *vm, uint64_t gva);
void vmrpc_vcpu_drop_to_user(struct kvm_vcpu *vcpu);
void vmrpc_vcpu_enter_compat_mode(struct kvm_vcpu *vcpu);
uint64_t vmrpc_guest_interrupts(struct kvm_vm *vm);
void vmrpc_send_interrupt(struct kvm_vm *vm, uint32_t vcpu_id);

/* A hypercall on a thread of its own: one KVM_RUN, with interrupts enabled. */
struct vmrpc_async {
	pthread_t	thread;
	pid_t		tid;		/* 0 until it runs the vCPU */
	struct kvm_vcpu	*vcpu;
	bool		done;
	int		run_errno;	/* of KVM_RUN; 0: the hypercall returned */
	int64_t		ret;
	uint64_t	result;
};

void vmrpc_async_start(struct vmrpc_async *async, struct kvm_vcpu *vcpu, uint64_t a0, uint64_t a1,
		       uint64_t a2, uint64_t a3);
void vmrpc_async_start_masked(struct vmrpc_async *async, struct kvm_vcpu *vcpu, uint64_t a0,
			      uint64_t a1, uint64_t a2, uint64_t a3);
void vmrpc_async_resume(struct vmrpc_async *async, struct kvm_vcpu *vcpu);
void vmrpc_async_signal(struct vmrpc_async *async);
void vmrpc_signal_until_ended(pthread_t thread);
/* Whether it sleeps in its hypercall, or its vCPU is halted. */
bool vmrpc_async_asleep(struct vmrpc_async *async);
void vmrpc_async_join(struct vmrpc_async *async);

/* The guest's side of a channel */
struct vmrpc_channel {
	struct kvm_vm	*vm;
	uint64_t	gpa;
	uint32_t	slots;
};

void vmrpc_channel_init(struct vmrpc_channel *channel, struct kvm_vm *vm, uint32_t slots);
struct vmrpc_control *vmrpc_channel_control(struct vmrpc_channel *channel);
struct vmrpc_request *vmrpc_channel_request(struct vmrpc_channel *channel, uint32_t slot);
struct vmrpc_response *vmrpc_channel_response(struct vmrpc_channel *channel, uint32_t slot);
bool vmrpc_channel_pending(struct vmrpc_channel *channel, uint32_t slot);
void vmrpc_channel_reply(struct vmrpc_channel *channel, uint32_t slot, uint32_t status,
			 const void *data, uint32_t size);
/* Answers every pending request with its argument, and returns how many there were. */
int vmrpc_channel_echo(struct vmrpc_channel *channel);

/* The host's side: one VMRPC_VM_CALL on a thread of its own. */
struct vmrpc_caller {
	pthread_t		thread;
	pid_t			tid;	/* 0 until it calls */
	int			fd;
	struct vmrpc_vm_call	call;
	uint8_t			arg[64];
	uint8_t			res[64];
	bool			done;
	int			err;	/* errno; 0: answered */
};

void vmrpc_caller_init(struct vmrpc_caller *caller, int fd, uint32_t timeout_ms);
int vmrpc_caller_call(struct vmrpc_caller *caller);
void vmrpc_caller_start(struct vmrpc_caller *caller);
/* Whether it sleeps in its call, for a slot or for its answer. */
bool vmrpc_caller_asleep(struct vmrpc_caller *caller);
int vmrpc_caller_join(struct vmrpc_caller *caller);

/* -s SECONDS (10) and -r SEED (any), of tests that do things at random */
void vmrpc_fuzz_options(int argc, char **argv, int *seconds, unsigned int *seed);

/* Whether a thread that tells its number there (0: not yet) sleeps. */
bool vmrpc_thread_asleep(pid_t *thread);

/* Waits for what another thread is about to do; the bound is only against a hang. */
#define VMRPC_WAIT_FOR(condition)						\
do {										\
	int __tries = 25000;							\
										\
	while (!(condition)) {							\
		TEST_ASSERT(__tries--, "Waited in vain for: %s", #condition);	\
		usleep(1000);							\
	}									\
} while (0)

#endif /* SELFTEST_KVM_VMRPC_UTIL_H */
