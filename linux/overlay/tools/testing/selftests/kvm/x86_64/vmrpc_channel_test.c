// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of Reverse VMRPC: registering a channel, polling, calls from the host and
 * what ends them.  The test plays the guest's server, and as a guest that lies.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <linux/userfaultfd.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vmrpc_util.h"

#define PAGE		4096ull
#define NOBODY		65534
#define VMM_USER	65533
#define LONG_MS		60000	/* not waited for: something ends the call */
#define SHORT_MS	100	/* waited for */
#define SLOTS		4
#define MANY_CALLERS	32	/* more than REFRESHES */
#define REFRESHES	8	/* of a VM's pages at a time, in workers of the host */

/* A VM with room for a channel. */
FIXTURE(channel)
{
	struct vmrpc_tvm tvm;
	struct kvm_vcpu *vcpu;
	struct vmrpc_channel channel;
	struct vmrpc_caller caller;
	struct vmrpc_async async;
	int irq;
};

FIXTURE_SETUP(channel)
{
	if (!kvm_has_cap(KVM_CAP_VMRPC))
		SKIP(return, "the host kernel has no KVM_CAP_VMRPC");
	self->irq = eventfd(0, EFD_NONBLOCK);
	vmrpc_tvm_create(&self->tvm);
	vmrpc_tvm_enable(&self->tvm, self->irq);
	self->vcpu = self->tvm.vcpus[0];
	vmrpc_channel_init(&self->channel, self->tvm.vm, SLOTS);
	vmrpc_caller_init(&self->caller, self->tvm.fd, LONG_MS);
}

FIXTURE_TEARDOWN(channel)
{
	vmrpc_tvm_free(&self->tvm);
	close(self->irq);
}

static int64_t register_slots(struct kvm_vcpu *vcpu, struct vmrpc_channel *channel, uint32_t slots)
{
	return vmrpc_register(vcpu, slots, channel->gpa / PAGE, NULL);
}

#define register_all(self) register_slots((self)->vcpu, &(self)->channel, SLOTS)

static bool pending(struct vmrpc_channel *channel)
{
	uint32_t i;

	for (i = 0; i < channel->slots; i++)
		if (vmrpc_channel_pending(channel, i))
			return true;
	return false;
}

static uint64_t interrupts(int irq)
{
	uint64_t count = 0;

	return read(irq, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

/* Registering */

TEST_F(channel, register_gives_generation)
{
	struct vmrpc_vm_info info = vmrpc_info(self->tvm.fd);
	uint64_t generation;

	ASSERT_EQ(VMRPC_VM_ABSENT, info.state);
	ASSERT_EQ(0, info.generation);
	ASSERT_EQ(0, vmrpc_register(self->vcpu, SLOTS, self->channel.gpa / PAGE, &generation));
	info = vmrpc_info(self->tvm.fd);
	ASSERT_EQ(VMRPC_VM_READY, info.state);
	ASSERT_EQ(generation, info.generation);
	ASSERT_EQ(SLOTS, info.slots);
	ASSERT_EQ(VMRPC_TEST_VCPUS, info.vcpus);
}

TEST_F(channel, register_again_new_generation)
{
	uint64_t first, second;

	ASSERT_EQ(0, vmrpc_register(self->vcpu, SLOTS, self->channel.gpa / PAGE, &first));
	ASSERT_EQ(0, vmrpc_register(self->vcpu, SLOTS, self->channel.gpa / PAGE, &second));
	ASSERT_NE(first, second);
}

/* As when it moved to another host; by chance the same once in 2^31. */
TEST_F(channel, register_in_vm_made_anew_other_generation)
{
	uint64_t first, second;

	ASSERT_EQ(0, vmrpc_register(self->vcpu, SLOTS, self->channel.gpa / PAGE, &first));
	vmrpc_tvm_free(&self->tvm);
	vmrpc_tvm_create(&self->tvm);
	vmrpc_tvm_enable(&self->tvm, -1);
	vmrpc_channel_init(&self->channel, self->tvm.vm, SLOTS);
	ASSERT_EQ(0, vmrpc_register(self->tvm.vcpus[0], SLOTS, self->channel.gpa / PAGE, &second));
	ASSERT_NE(0, first);
	ASSERT_NE(0, second);
	ASSERT_NE(first, second);
}

TEST_F(channel, register_most_slots_accepted)
{
	vmrpc_channel_init(&self->channel, self->tvm.vm, VMRPC_MAX_SLOTS);
	ASSERT_EQ(0, register_slots(self->vcpu, &self->channel, VMRPC_MAX_SLOTS));
	ASSERT_EQ(VMRPC_MAX_SLOTS, vmrpc_info(self->tvm.fd).slots);
}

TEST_F(channel, register_no_slots_refused)
{
	ASSERT_EQ(-VMRPC_EINVAL, register_slots(self->vcpu, &self->channel, 0));
}

TEST_F(channel, register_too_many_slots_refused)
{
	vmrpc_channel_init(&self->channel, self->tvm.vm, VMRPC_MAX_SLOTS + 1);
	ASSERT_EQ(-VMRPC_EINVAL, register_slots(self->vcpu, &self->channel, VMRPC_MAX_SLOTS + 1));
}

TEST_F(channel, register_frame_out_of_range_refused)
{
	ASSERT_EQ(-VMRPC_EINVAL, vmrpc_register(self->vcpu, 1, ~0ull, NULL));
	ASSERT_EQ(-VMRPC_EINVAL, vmrpc_register(self->vcpu, 1, 1ull << 52, NULL));
}

TEST_F(channel, register_frame_without_memory_fault)
{
	ASSERT_EQ(-VMRPC_EFAULT, vmrpc_register(self->vcpu, 1, (1ull << 32) / PAGE, NULL));
	ASSERT_EQ(VMRPC_VM_ABSENT, vmrpc_info(self->tvm.fd).state);
}

TEST_F(channel, register_last_page_without_memory_fault)
{
	vm_userspace_mem_region_add(self->tvm.vm, VM_MEM_SRC_ANONYMOUS, 1ull << 32, 10, 2, 0);
	ASSERT_EQ(-VMRPC_EFAULT, vmrpc_register(self->vcpu, 1, (1ull << 32) / PAGE, NULL));
}

TEST_F(channel, register_memory_slot_read_only_fault)
{
	vm_userspace_mem_region_add(self->tvm.vm, VM_MEM_SRC_ANONYMOUS, 1ull << 32, 10, 3,
				    KVM_MEM_READONLY);
	ASSERT_EQ(-VMRPC_EFAULT, vmrpc_register(self->vcpu, 1, (1ull << 32) / PAGE, NULL));
}

TEST_F(channel, register_fails_old_channel_stays)
{
	ASSERT_EQ(0, register_all(self));
	ASSERT_EQ(-VMRPC_EFAULT, vmrpc_register(self->vcpu, 1, (1ull << 32) / PAGE, NULL));
	ASSERT_EQ(VMRPC_VM_READY, vmrpc_info(self->tvm.fd).state);
}

TEST_F(channel, unregister_absent_again)
{
	ASSERT_EQ(0, register_all(self));
	ASSERT_EQ(0, vmrpc_hypercall(self->vcpu, VMRPC_OP_UNREGISTER, 0, 0, 0, NULL));
	ASSERT_EQ(VMRPC_VM_ABSENT, vmrpc_info(self->tvm.fd).state);
}

TEST_F(channel, not_registered_operations_not_connected)
{
	ASSERT_EQ(-VMRPC_ENOTCONN, vmrpc_poll(self->vcpu, 0, NULL));
	ASSERT_EQ(-VMRPC_ENOTCONN, vmrpc_poll(self->vcpu, VMRPC_POLL_PARK, NULL));
	ASSERT_EQ(-VMRPC_ENOTCONN, vmrpc_hypercall(self->vcpu, VMRPC_OP_UNREGISTER, 0, 0, 0,
						   NULL));
}

/* Calls */

TEST_F(channel, call_not_registered_not_connected)
{
	ASSERT_EQ(ENOTCONN, vmrpc_caller_call(&self->caller));
	ASSERT_EQ(1, vmrpc_info(self->tvm.fd).errors);
}

TEST_F(channel, call_request_has_its_fields)
{
	struct vmrpc_request *request = vmrpc_channel_request(&self->channel, 0);

	ASSERT_EQ(0, register_all(self));
	strcpy((char *)self->caller.call.module, "procfs");
	self->caller.call.procedure = VMRPC_PROCFS_LOADAVG;
	self->caller.call.res_size = 33;
	memcpy(self->caller.arg, "argument", 8);
	vmrpc_caller_start(&self->caller);
	VMRPC_WAIT_FOR(vmrpc_channel_pending(&self->channel, 0));

	ASSERT_NE(0, request->seq);
	ASSERT_NE(0, request->timeout_ns);
	ASSERT_GE(LONG_MS * 1000000ull, request->timeout_ns);
	ASSERT_STREQ("procfs", (char *)request->module);
	ASSERT_EQ(VMRPC_PROCFS_LOADAVG, request->procedure);
	ASSERT_EQ(8, request->arg_size);
	ASSERT_EQ(33, request->res_max);
	ASSERT_EQ(0, request->reserved);
	ASSERT_EQ(0, memcmp(request + 1, "argument", 8));
	ASSERT_EQ(1, vmrpc_info(self->tvm.fd).calls_in_flight);

	vmrpc_channel_reply(&self->channel, 0, 0, "result", 6);
	ASSERT_EQ(0, vmrpc_poll(self->vcpu, 0, NULL));
	ASSERT_EQ(0, vmrpc_caller_join(&self->caller));
	ASSERT_EQ(6, self->caller.call.res_size);
	ASSERT_EQ(6, self->caller.call.result);
	ASSERT_EQ(0, memcmp(self->caller.res, "result", 6));
	ASSERT_EQ(0, vmrpc_info(self->tvm.fd).calls_in_flight);
}

TEST_F(channel, call_largest_comes_back)
{
	static uint8_t arg[VMRPC_SLOT_DATA], res[VMRPC_SLOT_DATA];

	ASSERT_EQ(0, register_all(self));
	memset(arg, 0x42, sizeof(arg));
	self->caller.call.arg = (unsigned long)arg;
	self->caller.call.arg_size = sizeof(arg);
	self->caller.call.res = (unsigned long)res;
	self->caller.call.res_size = sizeof(res);
	vmrpc_caller_start(&self->caller);
	VMRPC_WAIT_FOR(vmrpc_channel_echo(&self->channel));
	ASSERT_EQ(0, vmrpc_poll(self->vcpu, 0, NULL));
	ASSERT_EQ(0, vmrpc_caller_join(&self->caller));
	ASSERT_EQ(0, memcmp(arg, res, sizeof(arg)));
}

TEST_F(channel, call_kick_wanted_interrupt_raised)
{
	ASSERT_EQ(0, register_all(self));
	vmrpc_channel_control(&self->channel)->need_kick = 1;
	self->caller.call.timeout_ms = SHORT_MS;
	ASSERT_EQ(ETIMEDOUT, vmrpc_caller_call(&self->caller));
	ASSERT_EQ(1, interrupts(self->irq));
	ASSERT_EQ(1, vmrpc_info(self->tvm.fd).interrupts);
}

TEST_F(channel, call_no_kick_wanted_no_interrupt)
{
	ASSERT_EQ(0, register_all(self));
	self->caller.call.timeout_ms = SHORT_MS;
	ASSERT_EQ(ETIMEDOUT, vmrpc_caller_call(&self->caller));
	ASSERT_EQ(0, interrupts(self->irq));
}

TEST_F(channel, call_not_answered_times_out)
{
	struct vmrpc_vm_info info;

	ASSERT_EQ(0, register_all(self));
	self->caller.call.timeout_ms = SHORT_MS;
	ASSERT_EQ(ETIMEDOUT, vmrpc_caller_call(&self->caller));
	info = vmrpc_info(self->tvm.fd);
	ASSERT_EQ(1, info.calls);
	ASSERT_EQ(1, info.errors);
	ASSERT_EQ(1, info.calls_in_flight);
}

TEST_F(channel, info_tells_how_long_a_call_waits)
{
	struct vmrpc_vm_info info = vmrpc_info(self->tvm.fd);

	ASSERT_EQ(0, info.oldest_call_ms);
	ASSERT_EQ(~0u, info.polled_ms);
	ASSERT_EQ(0, register_all(self));
	ASSERT_EQ(0, vmrpc_poll(self->vcpu, 0, NULL));
	vmrpc_caller_start(&self->caller);
	VMRPC_WAIT_FOR(vmrpc_info(self->tvm.fd).oldest_call_ms >= SHORT_MS);
	info = vmrpc_info(self->tvm.fd);
	ASSERT_LE(info.oldest_call_ms, info.polled_ms);
	vmrpc_channel_echo(&self->channel);
	ASSERT_EQ(0, vmrpc_poll(self->vcpu, 0, NULL));
	ASSERT_EQ(0, vmrpc_caller_join(&self->caller));
	info = vmrpc_info(self->tvm.fd);
	ASSERT_EQ(0, info.oldest_call_ms);
	ASSERT_GT(LONG_MS, info.polled_ms);
}

TEST_F(channel, call_answer_with_wrong_sequence_times_out)
{
	ASSERT_EQ(0, register_all(self));
	self->caller.call.timeout_ms = 10 * SHORT_MS;
	vmrpc_caller_start(&self->caller);
	VMRPC_WAIT_FOR(vmrpc_channel_pending(&self->channel, 0));
	vmrpc_channel_reply(&self->channel, 0, 0, "x", 1);
	vmrpc_channel_response(&self->channel, 0)->seq++;
	ASSERT_EQ(0, vmrpc_poll(self->vcpu, 0, NULL));
	ASSERT_EQ(ETIMEDOUT, vmrpc_caller_join(&self->caller));
}

TEST_F(channel, slot_abandoned_not_reused_until_answered)
{
	uint64_t seq;

	ASSERT_EQ(0, register_slots(self->vcpu, &self->channel, 1));
	self->caller.call.timeout_ms = SHORT_MS;
	ASSERT_EQ(ETIMEDOUT, vmrpc_caller_call(&self->caller));
	seq = vmrpc_channel_request(&self->channel, 0)->seq;

	/* The one slot is the guest's: the next call cannot even be sent. */
	ASSERT_EQ(ETIMEDOUT, vmrpc_caller_call(&self->caller));
	ASSERT_EQ(seq, vmrpc_channel_request(&self->channel, 0)->seq);
	ASSERT_EQ(1, vmrpc_info(self->tvm.fd).calls);

	/* The guest gives it back, and the late answer is nobody's. */
	vmrpc_channel_reply(&self->channel, 0, 0, "late", 4);
	ASSERT_EQ(0, vmrpc_poll(self->vcpu, 0, NULL));
	self->caller.call.timeout_ms = LONG_MS;
	vmrpc_caller_start(&self->caller);
	VMRPC_WAIT_FOR(vmrpc_channel_pending(&self->channel, 0));
	ASSERT_NE(seq, vmrpc_channel_request(&self->channel, 0)->seq);
	vmrpc_channel_reply(&self->channel, 0, 0, "prompt", 6);
	ASSERT_EQ(0, vmrpc_poll(self->vcpu, 0, NULL));
	ASSERT_EQ(0, vmrpc_caller_join(&self->caller));
	ASSERT_EQ(0, memcmp(self->caller.res, "prompt", 6));
}

TEST_F(channel, slots_all_abandoned_waiter_gets_freed_one)
{
	ASSERT_EQ(0, register_slots(self->vcpu, &self->channel, 1));
	self->caller.call.timeout_ms = SHORT_MS;
	ASSERT_EQ(ETIMEDOUT, vmrpc_caller_call(&self->caller));

	self->caller.call.timeout_ms = LONG_MS;
	vmrpc_caller_start(&self->caller);
	ASSERT_EQ(1, vmrpc_channel_echo(&self->channel));
	ASSERT_EQ(0, vmrpc_poll(self->vcpu, 0, NULL));
	VMRPC_WAIT_FOR(vmrpc_channel_echo(&self->channel));
	ASSERT_EQ(0, vmrpc_poll(self->vcpu, 0, NULL));
	ASSERT_EQ(0, vmrpc_caller_join(&self->caller));
}

static void on_signal(int sig)
{
}

TEST_F(channel, call_signalled_interrupted)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGUSR2, &action, NULL);
	ASSERT_EQ(0, register_all(self));
	vmrpc_caller_start(&self->caller);
	VMRPC_WAIT_FOR(pending(&self->channel));
	pthread_kill(self->caller.thread, SIGUSR2);
	ASSERT_EQ(EINTR, vmrpc_caller_join(&self->caller));
}

TEST_F(channel, call_registered_again_reset)
{
	ASSERT_EQ(0, register_all(self));
	vmrpc_caller_start(&self->caller);
	VMRPC_WAIT_FOR(pending(&self->channel));
	ASSERT_EQ(0, register_all(self));
	ASSERT_EQ(ECONNRESET, vmrpc_caller_join(&self->caller));
}

TEST_F(channel, call_unregistered_reset)
{
	ASSERT_EQ(0, register_all(self));
	vmrpc_caller_start(&self->caller);
	VMRPC_WAIT_FOR(pending(&self->channel));
	ASSERT_EQ(0, vmrpc_hypercall(self->vcpu, VMRPC_OP_UNREGISTER, 0, 0, 0, NULL));
	ASSERT_EQ(ECONNRESET, vmrpc_caller_join(&self->caller));
}

TEST_F(channel, call_vm_reset_reset)
{
	ASSERT_EQ(0, register_all(self));
	vmrpc_caller_start(&self->caller);
	VMRPC_WAIT_FOR(pending(&self->channel));
	ASSERT_EQ(0, ioctl(self->tvm.fd, VMRPC_VM_RESET));
	ASSERT_EQ(ECONNRESET, vmrpc_caller_join(&self->caller));
	ASSERT_EQ(VMRPC_VM_ABSENT, vmrpc_info(self->tvm.fd).state);
	ASSERT_EQ(-VMRPC_ENOTCONN, vmrpc_poll(self->vcpu, 0, NULL));
}

TEST_F(channel, call_waiting_for_slot_vm_reset_reset)
{
	ASSERT_EQ(0, register_slots(self->vcpu, &self->channel, 1));
	self->caller.call.timeout_ms = SHORT_MS;
	ASSERT_EQ(ETIMEDOUT, vmrpc_caller_call(&self->caller));
	self->caller.call.timeout_ms = LONG_MS;
	vmrpc_caller_start(&self->caller);
	usleep(20000);
	ASSERT_EQ(0, ioctl(self->tvm.fd, VMRPC_VM_RESET));
	vmrpc_caller_join(&self->caller);
	/* Before it looked for a slot the channel was gone already. */
	ASSERT_TRUE(self->caller.err == ECONNRESET || self->caller.err == ENOTCONN);
}

TEST_F(channel, call_vm_destroyed_shut_down)
{
	ASSERT_EQ(0, register_all(self));
	vmrpc_caller_start(&self->caller);
	VMRPC_WAIT_FOR(pending(&self->channel));
	kvm_vm_free(self->tvm.vm);
	self->tvm.vm = NULL;
	ASSERT_EQ(ESHUTDOWN, vmrpc_caller_join(&self->caller));
	ASSERT_EQ(VMRPC_VM_GONE, vmrpc_info(self->tvm.fd).state);
	ASSERT_EQ(ESHUTDOWN, vmrpc_caller_call(&self->caller));
	ASSERT_EQ(-1, ioctl(self->tvm.fd, VMRPC_VM_RESET));
	ASSERT_EQ(ESHUTDOWN, errno);
}

TEST_F(channel, call_memory_slot_deleted_protocol_error)
{
	vm_userspace_mem_region_add(self->tvm.vm, VM_MEM_SRC_ANONYMOUS, 1ull << 32, 10, 3, 0);
	ASSERT_EQ(0, vmrpc_register(self->vcpu, 1, (1ull << 32) / PAGE, NULL));
	vm_mem_region_delete(self->tvm.vm, 10);
	ASSERT_EQ(EPROTO, vmrpc_caller_call(&self->caller));
}

/* The host's mapping follows: here, when the VMM drops the memory. */
TEST_F(channel, call_page_replaced_followed)
{
	void *page = vmrpc_channel_control(&self->channel);

	ASSERT_EQ(0, register_all(self));
	ASSERT_EQ(0, madvise(page, (1 + 2 * SLOTS) * PAGE, MADV_DONTNEED));
	vmrpc_caller_start(&self->caller);
	VMRPC_WAIT_FOR(vmrpc_channel_echo(&self->channel));
	ASSERT_EQ(0, vmrpc_poll(self->vcpu, 0, NULL));
	ASSERT_EQ(0, vmrpc_caller_join(&self->caller));
}

/* Polling */

TEST_F(channel, poll_parked_request_wakes)
{
	struct vmrpc_vm_info info;

	ASSERT_EQ(0, register_all(self));
	vmrpc_channel_control(&self->channel)->need_kick = 1;
	vmrpc_async_start(&self->async, self->vcpu, VMRPC_OP_POLL, VMRPC_POLL_PARK, 0, 0);
	VMRPC_WAIT_FOR(vmrpc_info(self->tvm.fd).parks == 1);
	vmrpc_caller_start(&self->caller);
	vmrpc_async_join(&self->async);
	ASSERT_EQ(0, self->async.run_errno);
	ASSERT_EQ(-VMRPC_EINTR, self->async.ret);
	info = vmrpc_info(self->tvm.fd);
	ASSERT_EQ(1, info.wakes);
	ASSERT_EQ(0, info.interrupts);
	ASSERT_EQ(0, vmrpc_guest_interrupts(self->tvm.vm));

	ASSERT_EQ(1, vmrpc_channel_echo(&self->channel));
	ASSERT_EQ(0, vmrpc_poll(self->vcpu, 0, NULL));
	ASSERT_EQ(0, vmrpc_caller_join(&self->caller));
}

/* A guest need not take interrupts to serve. */
TEST_F(channel, poll_parked_interrupts_disabled_request_wakes)
{
	ASSERT_EQ(0, register_all(self));
	vmrpc_channel_control(&self->channel)->need_kick = 1;
	vmrpc_async_start_masked(&self->async, self->vcpu, VMRPC_OP_POLL, VMRPC_POLL_PARK, 0, 0);
	VMRPC_WAIT_FOR(vmrpc_info(self->tvm.fd).parks == 1);
	self->caller.call.timeout_ms = SHORT_MS;
	ASSERT_EQ(ETIMEDOUT, vmrpc_caller_call(&self->caller));
	vmrpc_async_join(&self->async);
	ASSERT_EQ(-VMRPC_EINTR, self->async.ret);
}

TEST_F(channel, poll_parked_interrupt_wakes)
{
	ASSERT_EQ(0, register_all(self));
	vmrpc_async_start(&self->async, self->vcpu, VMRPC_OP_POLL, VMRPC_POLL_PARK, 0, 0);
	VMRPC_WAIT_FOR(vmrpc_info(self->tvm.fd).parks == 1);
	vmrpc_send_interrupt(self->tvm.vm, self->vcpu->id);
	vmrpc_async_join(&self->async);
	ASSERT_EQ(0, self->async.run_errno);
	ASSERT_EQ(-VMRPC_EINTR, self->async.ret);
	ASSERT_EQ(1, vmrpc_guest_interrupts(self->tvm.vm));
}

TEST_F(channel, poll_parked_signal_shows_halted)
{
	struct kvm_mp_state state;

	ASSERT_EQ(0, register_all(self));
	vmrpc_async_start(&self->async, self->vcpu, VMRPC_OP_POLL, VMRPC_POLL_PARK, 0, 0);
	VMRPC_WAIT_FOR(vmrpc_info(self->tvm.fd).parks == 1);
	vmrpc_async_signal(&self->async);
	vmrpc_async_join(&self->async);
	ASSERT_EQ(EINTR, self->async.run_errno);
	ASSERT_EQ(-VMRPC_EINTR, self->async.ret);
	vcpu_mp_state_get(self->vcpu, &state);
	ASSERT_EQ(KVM_MP_STATE_HALTED, state.mp_state);
}

/* Out of KVM_RUN by a signal the vCPU is still a poller: a request finds it. */
TEST_F(channel, poll_parked_signal_request_wakes_later)
{
	ASSERT_EQ(0, register_all(self));
	vmrpc_channel_control(&self->channel)->need_kick = 1;
	vmrpc_async_start(&self->async, self->vcpu, VMRPC_OP_POLL, VMRPC_POLL_PARK, 0, 0);
	VMRPC_WAIT_FOR(vmrpc_info(self->tvm.fd).parks == 1);
	vmrpc_async_signal(&self->async);
	vmrpc_async_join(&self->async);

	vmrpc_caller_start(&self->caller);
	VMRPC_WAIT_FOR(pending(&self->channel));
	vmrpc_async_resume(&self->async, self->vcpu);
	vmrpc_async_join(&self->async);
	ASSERT_EQ(0, self->async.run_errno);
	ASSERT_EQ(1, vmrpc_channel_echo(&self->channel));
	ASSERT_EQ(0, vmrpc_poll(self->vcpu, 0, NULL));
	ASSERT_EQ(0, vmrpc_caller_join(&self->caller));
}

TEST_F(channel, poll_park_delivers_first)
{
	ASSERT_EQ(0, register_all(self));
	vmrpc_caller_start(&self->caller);
	VMRPC_WAIT_FOR(vmrpc_channel_echo(&self->channel));
	vmrpc_async_start(&self->async, self->vcpu, VMRPC_OP_POLL, VMRPC_POLL_PARK, 0, 0);
	ASSERT_EQ(0, vmrpc_caller_join(&self->caller));
	VMRPC_WAIT_FOR(vmrpc_info(self->tvm.fd).parks == 1);
	vmrpc_send_interrupt(self->tvm.vm, self->vcpu->id);
	vmrpc_async_join(&self->async);
}

/* A request that found no parked vCPU: the poll does not park, interrupt or not. */
TEST_F(channel, poll_request_since_last_poll_told)
{
	uint64_t again;

	ASSERT_EQ(0, register_all(self));
	vmrpc_channel_control(&self->channel)->need_kick = 1;
	self->caller.call.timeout_ms = 1;
	ASSERT_EQ(ETIMEDOUT, vmrpc_caller_call(&self->caller));
	ASSERT_EQ(0, vmrpc_poll(self->vcpu, VMRPC_POLL_PARK, &again));
	ASSERT_EQ(1, again);
	ASSERT_EQ(0, vmrpc_info(self->tvm.fd).parks);
}

/* A second request after the one that woke the vCPU. */
TEST_F(channel, poll_request_since_wake_told)
{
	uint64_t again;

	ASSERT_EQ(0, register_all(self));
	vmrpc_channel_control(&self->channel)->need_kick = 1;
	vmrpc_async_start(&self->async, self->vcpu, VMRPC_OP_POLL, VMRPC_POLL_PARK, 0, 0);
	VMRPC_WAIT_FOR(vmrpc_info(self->tvm.fd).parks == 1);
	self->caller.call.timeout_ms = 1;
	ASSERT_EQ(ETIMEDOUT, vmrpc_caller_call(&self->caller));
	vmrpc_async_join(&self->async);
	ASSERT_EQ(ETIMEDOUT, vmrpc_caller_call(&self->caller));
	ASSERT_EQ(0, vmrpc_poll(self->vcpu, VMRPC_POLL_PARK, &again));
	ASSERT_EQ(1, again);
	ASSERT_EQ(1, vmrpc_info(self->tvm.fd).parks);
}

/* Ends the wait of a vCPU that is parked in a poll. */
static void interrupt_poller(struct vmrpc_async *async)
{
	vmrpc_send_interrupt(async->vcpu->vm, async->vcpu->id);
	vmrpc_async_join(async);
}

/* Whichever came first. */
TEST_F(channel, poll_two_parked_lowest_vcpu_woken)
{
	struct vmrpc_async pollers[2];
	int round, i;

	ASSERT_EQ(0, register_all(self));
	vmrpc_channel_control(&self->channel)->need_kick = 1;
	for (round = 0; round < 2; round++) {
		for (i = 0; i < 2; i++) {
			vmrpc_async_start(&pollers[i ^ round], self->tvm.vcpus[i ^ round],
					  VMRPC_OP_POLL, VMRPC_POLL_PARK, 0, 0);
			VMRPC_WAIT_FOR(vmrpc_info(self->tvm.fd).parks == 2 * round + i + 1);
		}
		vmrpc_caller_start(&self->caller);
		VMRPC_WAIT_FOR(READ_ONCE(pollers[0].done) || READ_ONCE(pollers[1].done));
		ASSERT_TRUE(READ_ONCE(pollers[0].done));
		ASSERT_FALSE(READ_ONCE(pollers[1].done));
		ASSERT_EQ(round + 1, vmrpc_info(self->tvm.fd).wakes);
		vmrpc_async_join(&pollers[0]);
		interrupt_poller(&pollers[1]);

		ASSERT_EQ(1, vmrpc_channel_echo(&self->channel));
		ASSERT_EQ(0, vmrpc_poll(self->vcpu, 0, NULL));
		ASSERT_EQ(0, vmrpc_caller_join(&self->caller));
	}
}

/* Many callers */

#define CALLERS		8
#define CALLS_EACH	25

struct client {
	pthread_t thread;
	int fd;
	uint64_t number;
	int wrong;
};

static void *client_main(void *arg)
{
	struct client *client = arg;
	struct vmrpc_caller caller;
	uint64_t i, sent;

	vmrpc_caller_init(&caller, client->fd, LONG_MS);
	for (i = 0; i < CALLS_EACH; i++) {
		sent = client->number << 32 | i;
		memcpy(caller.arg, &sent, sizeof(sent));
		memset(caller.res, 0, sizeof(caller.res));
		caller.call.res_size = sizeof(caller.res);
		if (vmrpc_caller_call(&caller) || memcmp(caller.res, &sent, sizeof(sent)))
			client->wrong++;
	}
	return NULL;
}

/* A guest's server with one vCPU: looks at the slots, parks when there is nothing. */
static void serve(struct kvm_vcpu *vcpu, struct vmrpc_channel *channel, int count)
{
	struct vmrpc_control *control = vmrpc_channel_control(channel);

	while (count > 0) {
		control->need_kick = 0;
		count -= vmrpc_channel_echo(channel);
		control->need_kick = 1;
		__sync_synchronize();
		vmrpc_poll(vcpu, pending(channel) || count <= 0 ? 0 : VMRPC_POLL_PARK, NULL);
	}
}

static int serve_clients(struct kvm_vcpu *vcpu, struct vmrpc_channel *channel, int fd)
{
	struct client clients[CALLERS];
	int i, wrong = 0;

	for (i = 0; i < CALLERS; i++) {
		clients[i] = (struct client){ .fd = fd, .number = i };
		pthread_create(&clients[i].thread, NULL, client_main, &clients[i]);
	}
	serve(vcpu, channel, CALLERS * CALLS_EACH);
	for (i = 0; i < CALLERS; i++) {
		pthread_join(clients[i].thread, NULL);
		wrong += clients[i].wrong;
	}
	return wrong;
}

TEST_F_TIMEOUT(channel, eight_callers_one_slot_each_its_answer, 60)
{
	ASSERT_EQ(0, register_slots(self->vcpu, &self->channel, 1));
	self->channel.slots = 1;
	ASSERT_EQ(0, serve_clients(self->vcpu, &self->channel, self->tvm.fd));
}

TEST_F_TIMEOUT(channel, eight_callers_four_slots_each_its_answer, 60)
{
	struct vmrpc_vm_info info;

	ASSERT_EQ(0, register_all(self));
	ASSERT_EQ(0, serve_clients(self->vcpu, &self->channel, self->tvm.fd));
	info = vmrpc_info(self->tvm.fd);
	ASSERT_EQ(CALLERS * CALLS_EACH, info.calls);
	ASSERT_EQ(0, info.errors);
	ASSERT_EQ(0, info.calls_in_flight);
}

TEST_F(channel, four_slots_all_in_flight)
{
	struct vmrpc_caller callers[SLOTS];
	int i;

	ASSERT_EQ(0, register_all(self));
	for (i = 0; i < SLOTS; i++) {
		vmrpc_caller_init(&callers[i], self->tvm.fd, LONG_MS);
		callers[i].arg[0] = i;
		vmrpc_caller_start(&callers[i]);
	}
	VMRPC_WAIT_FOR(vmrpc_info(self->tvm.fd).calls_in_flight == SLOTS);
	VMRPC_WAIT_FOR(vmrpc_channel_pending(&self->channel, 0) &&
		       vmrpc_channel_pending(&self->channel, 1) &&
		       vmrpc_channel_pending(&self->channel, 2) &&
		       vmrpc_channel_pending(&self->channel, 3));
	ASSERT_EQ(SLOTS, vmrpc_channel_echo(&self->channel));
	ASSERT_EQ(0, vmrpc_poll(self->vcpu, 0, NULL));
	for (i = 0; i < SLOTS; i++) {
		ASSERT_EQ(0, vmrpc_caller_join(&callers[i]));
		ASSERT_EQ(i, callers[i].res[0]);
	}
}

/* As long as they sleep: one that comes just then may be faster. */
TEST_F(channel, waiters_for_a_slot_served_in_order)
{
	struct vmrpc_caller callers[SLOTS];
	int i;

	ASSERT_EQ(0, register_slots(self->vcpu, &self->channel, 1));
	for (i = 0; i < SLOTS; i++) {
		vmrpc_caller_init(&callers[i], self->tvm.fd, LONG_MS);
		callers[i].arg[0] = i;
		vmrpc_caller_start(&callers[i]);
		VMRPC_WAIT_FOR(vmrpc_caller_asleep(&callers[i]));
	}
	for (i = 0; i < SLOTS; i++) {
		VMRPC_WAIT_FOR(vmrpc_channel_pending(&self->channel, 0));
		ASSERT_EQ(i, *(uint8_t *)(vmrpc_channel_request(&self->channel, 0) + 1));
		vmrpc_channel_reply(&self->channel, 0, 0, NULL, 0);
		ASSERT_EQ(0, vmrpc_poll(self->vcpu, 0, NULL));
		ASSERT_EQ(0, vmrpc_caller_join(&callers[i]));
	}
}

#define CALLERS_MAX	1024

TEST_F_TIMEOUT(channel, callers_too_many_busy_others_served, 240)
{
	struct vmrpc_caller *callers = calloc(CALLERS_MAX, sizeof(*callers));
	int i;

	ASSERT_NE(NULL, callers);
	ASSERT_EQ(0, register_all(self));
	for (i = 0; i < CALLERS_MAX; i++) {
		vmrpc_caller_init(&callers[i], self->tvm.fd, 4 * LONG_MS);
		vmrpc_caller_start(&callers[i]);
	}
	for (i = 0; i < CALLERS_MAX; i++)
		VMRPC_WAIT_FOR(vmrpc_caller_asleep(&callers[i]));
	self->caller.call.timeout_ms = SHORT_MS;
	ASSERT_EQ(EBUSY, vmrpc_caller_call(&self->caller));
	serve(self->vcpu, &self->channel, CALLERS_MAX);
	for (i = 0; i < CALLERS_MAX; i++)
		ASSERT_EQ(0, vmrpc_caller_join(&callers[i]));
	ASSERT_EQ(ETIMEDOUT, vmrpc_caller_call(&self->caller));
	free(callers);
}

/* One whose deadline passes leaves the queue. */
TEST_F(channel, waiter_for_a_slot_gives_up_others_served)
{
	struct vmrpc_caller callers[3];
	int i;

	ASSERT_EQ(0, register_slots(self->vcpu, &self->channel, 1));
	for (i = 0; i < 3; i++) {
		vmrpc_caller_init(&callers[i], self->tvm.fd, i == 1 ? SHORT_MS : LONG_MS);
		vmrpc_caller_start(&callers[i]);
		VMRPC_WAIT_FOR(i || vmrpc_channel_pending(&self->channel, 0));
	}
	ASSERT_EQ(ETIMEDOUT, vmrpc_caller_join(&callers[1]));
	for (i = 0; i < 3; i += 2) {
		VMRPC_WAIT_FOR(vmrpc_channel_pending(&self->channel, 0));
		vmrpc_channel_reply(&self->channel, 0, 0, NULL, 0);
		ASSERT_EQ(0, vmrpc_poll(self->vcpu, 0, NULL));
		ASSERT_EQ(0, vmrpc_caller_join(&callers[i]));
	}
}

/* Counting */

#define STAT_MODULES	64	/* that have rows of their own, in a direction */
#define STAT_PROCEDURES	62	/* likewise, of a module */

/* A call that the guest answers so; its errno. */
static int call_answered(struct kvm_vcpu *vcpu, struct vmrpc_channel *channel,
			 struct vmrpc_caller *caller, const char *module, uint32_t procedure,
			 uint32_t status)
{
	memset(caller->call.module, 0, sizeof(caller->call.module));
	strcpy((char *)caller->call.module, module);
	caller->call.procedure = procedure;
	caller->call.res_size = sizeof(caller->res);
	vmrpc_caller_start(caller);
	VMRPC_WAIT_FOR(vmrpc_channel_pending(channel, 0));
	vmrpc_channel_reply(channel, 0, status, "result", status ? 0 : 6);
	vmrpc_poll(vcpu, 0, NULL);
	return vmrpc_caller_join(caller);
}

#define do_call(self, module, procedure, status)					\
	call_answered((self)->vcpu, &(self)->channel, &(self)->caller, module, procedure, status)

#define stat_of(self, module, procedure)					\
	vmrpc_stat((self)->tvm.fd, VMRPC_STAT_GUEST, module, procedure)

TEST_F(channel, stat_counts_calls_errors_bytes)
{
	struct vmrpc_vm_stat stat;
	int i;

	ASSERT_EQ(0, register_all(self));
	for (i = 0; i < 5; i++)
		ASSERT_EQ(0, do_call(self, "echo", 1, 0));
	ASSERT_EQ(EINVAL, do_call(self, "echo", 1, VMRPC_EINVAL));
	self->caller.call.timeout_ms = SHORT_MS;
	ASSERT_EQ(ETIMEDOUT, vmrpc_caller_call(&self->caller));

	stat = stat_of(self, "echo", 1);
	ASSERT_EQ(7, stat.calls);
	ASSERT_EQ(2, stat.errors);
	ASSERT_EQ(7 * 8, stat.arg_bytes);
	ASSERT_EQ(5 * 6, stat.res_bytes);
	ASSERT_EQ(1, vmrpc_stat_rows(self->tvm.fd));
}

TEST_F(channel, stat_call_not_sent_no_argument_bytes)
{
	struct vmrpc_vm_stat stat;

	ASSERT_EQ(ENOTCONN, vmrpc_caller_call(&self->caller));
	stat = stat_of(self, "", VMRPC_STAT_OTHER);
	ASSERT_EQ(1, stat.calls);
	ASSERT_EQ(1, stat.errors);
	ASSERT_EQ(0, stat.arg_bytes);
}

/* Until the guest answered for a module its name is a caller's invention. */
TEST_F(channel, stat_module_unknown_or_refused_no_row)
{
	ASSERT_EQ(0, register_all(self));
	ASSERT_EQ(EPROTONOSUPPORT, do_call(self, "first", 0, VMRPC_EPROTONOSUPPORT));
	ASSERT_EQ(ECONNREFUSED, do_call(self, "second", 0, VMRPC_ECONNREFUSED));
	ASSERT_EQ(1, vmrpc_stat_rows(self->tvm.fd));
	ASSERT_EQ(2, stat_of(self, "", VMRPC_STAT_OTHER).errors);

	ASSERT_EQ(ENOSYS, do_call(self, "first", 0, VMRPC_ENOSYS));
	ASSERT_EQ(ECONNREFUSED, do_call(self, "first", 0, VMRPC_ECONNREFUSED));
	ASSERT_EQ(2, vmrpc_stat_rows(self->tvm.fd));
	ASSERT_EQ(2, stat_of(self, "first", 0).errors);
}

TEST_F_TIMEOUT(channel, stat_modules_bounded, 60)
{
	char module[VMRPC_MODULE_LEN];
	int i;

	ASSERT_EQ(0, register_all(self));
	for (i = 0; i < STAT_MODULES + 5; i++) {
		sprintf(module, "m%d", i);
		ASSERT_EQ(0, do_call(self, module, 0, 0));
	}
	ASSERT_EQ(STAT_MODULES + 1, vmrpc_stat_rows(self->tvm.fd));
	ASSERT_EQ(1, stat_of(self, "m0", 0).calls);
	ASSERT_EQ(5, stat_of(self, "", VMRPC_STAT_OTHER).calls);
	ASSERT_EQ(0, stat_of(self, "", VMRPC_STAT_OTHER).errors);
}

TEST_F(channel, stat_procedures_bounded)
{
	ASSERT_EQ(0, register_all(self));
	ASSERT_EQ(0, do_call(self, "echo", STAT_PROCEDURES - 1, 0));
	ASSERT_EQ(0, do_call(self, "echo", STAT_PROCEDURES, 0));
	ASSERT_EQ(0, do_call(self, "echo", ~0u, 0));
	ASSERT_EQ(1, stat_of(self, "echo", STAT_PROCEDURES - 1).calls);
	ASSERT_EQ(2, stat_of(self, "echo", VMRPC_STAT_OTHER).calls);
	ASSERT_EQ(2, vmrpc_stat_rows(self->tvm.fd));
}

TEST_F(channel, stat_room_too_small_filled_and_counted)
{
	struct vmrpc_vm_stat rows[2] = { };
	struct vmrpc_entries list = { .entries = (unsigned long)rows, .count = 1 };

	ASSERT_EQ(0, register_all(self));
	ASSERT_EQ(0, do_call(self, "echo", 0, 0));
	ASSERT_EQ(0, do_call(self, "echo", 1, 0));
	ASSERT_EQ(0, ioctl(self->tvm.fd, VMRPC_VM_STAT, &list));
	ASSERT_EQ(2, list.count);
	ASSERT_STREQ("echo", (char *)rows[0].module);
	ASSERT_EQ(1, rows[0].calls);
	ASSERT_EQ(0, rows[1].calls);
}

TEST_F(channel, stat_array_unmapped_fault)
{
	struct vmrpc_entries list = { .entries = PAGE, .count = 1 };

	ASSERT_EQ(ENOTCONN, vmrpc_caller_call(&self->caller));
	ASSERT_EQ(-1, ioctl(self->tvm.fd, VMRPC_VM_STAT, &list));
	ASSERT_EQ(EFAULT, errno);
}

TEST_F(channel, stat_reserved_set_refused)
{
	struct vmrpc_entries list = { .reserved = 1 };

	ASSERT_EQ(-1, ioctl(self->tvm.fd, VMRPC_VM_STAT, &list));
	ASSERT_EQ(EINVAL, errno);
}

/* What the guest says of an answer, and what its caller hears. */
FIXTURE(answer)
{
	struct vmrpc_tvm tvm;
	struct vmrpc_channel channel;
	struct vmrpc_caller caller;
};

FIXTURE_VARIANT(answer)
{
	uint32_t status;
	uint32_t res_size;
	uint64_t reserved;
	int expected;
};

#define ANSWER(_name, _status, _res_size, _reserved, _expected)			\
	FIXTURE_VARIANT_ADD(answer, _name) {					\
		.status = _status, .res_size = _res_size, .reserved = _reserved,\
		.expected = _expected,						\
	}

ANSWER(size_zero, 0, 0, 0, 0);
ANSWER(size_largest, 0, 64, 0, 0);
ANSWER(size_over_room, 0, 65, 0, EPROTO);
ANSWER(size_enormous, 0, ~0u, 0, EPROTO);
ANSWER(reserved_set, 0, 8, 1, EPROTO);
ANSWER(status_not_an_error, 9999, 0, 0, EPROTO);
ANSWER(status_negative, -VMRPC_EINVAL, 0, 0, EPROTO);
ANSWER(status_of_the_host, VMRPC_ENODEV, 0, 0, EPROTO);
ANSWER(status_eperm, VMRPC_EPERM, 0, 0, EPROTO);
ANSWER(status_refused, VMRPC_ECONNREFUSED, 0, 0, ECONNREFUSED);
ANSWER(status_no_module, VMRPC_EPROTONOSUPPORT, 0, 0, EPROTONOSUPPORT);
ANSWER(status_no_procedure, VMRPC_ENOSYS, 0, 0, ENOSYS);
ANSWER(status_result_too_large, VMRPC_EMSGSIZE, 0, 0, EMSGSIZE);
ANSWER(status_invalid, VMRPC_EINVAL, 0, 0, EINVAL);
ANSWER(status_too_big, VMRPC_E2BIG, 0, 0, E2BIG);
ANSWER(status_no_memory, VMRPC_ENOMEM, 0, 0, ENOMEM);

FIXTURE_SETUP(answer)
{
	if (!kvm_has_cap(KVM_CAP_VMRPC))
		SKIP(return, "the host kernel has no KVM_CAP_VMRPC");
	vmrpc_tvm_create(&self->tvm);
	vmrpc_tvm_enable(&self->tvm, -1);
	vmrpc_channel_init(&self->channel, self->tvm.vm, 1);
	ASSERT_EQ(0, register_slots(self->tvm.vcpus[0], &self->channel, 1));
	vmrpc_caller_init(&self->caller, self->tvm.fd, LONG_MS);
}

FIXTURE_TEARDOWN(answer)
{
	vmrpc_tvm_free(&self->tvm);
}

TEST_F(answer, given_caller_hears)
{
	struct vmrpc_response *response = vmrpc_channel_response(&self->channel, 0);
	struct vmrpc_request *request = vmrpc_channel_request(&self->channel, 0);

	vmrpc_caller_start(&self->caller);
	VMRPC_WAIT_FOR(vmrpc_channel_pending(&self->channel, 0));
	response->status = variant->status;
	response->res_size = variant->res_size;
	response->reserved[4] = variant->reserved;
	__atomic_store_n(&response->seq, request->seq, __ATOMIC_RELEASE);
	ASSERT_EQ(0, vmrpc_poll(self->tvm.vcpus[0], 0, NULL));
	ASSERT_EQ(variant->expected, vmrpc_caller_join(&self->caller));
	/* Whatever it was, the slot is free again. */
	ASSERT_EQ(0, vmrpc_info(self->tvm.fd).calls_in_flight);
}

/* /dev/vmrpc and the VM descriptors */

TEST_F(channel, attach_by_name_calls)
{
	int fd = vmrpc_attach(self->tvm.name);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, register_all(self));
	self->caller.fd = fd;
	vmrpc_caller_start(&self->caller);
	VMRPC_WAIT_FOR(vmrpc_channel_echo(&self->channel));
	ASSERT_EQ(0, vmrpc_poll(self->vcpu, 0, NULL));
	ASSERT_EQ(0, vmrpc_caller_join(&self->caller));
	close(fd);
}

TEST_F(channel, attach_unknown_name_not_found)
{
	ASSERT_EQ(-ENOENT, vmrpc_attach("no-such-vm"));
}

TEST_F(channel, attach_malformed_name_refused)
{
	ASSERT_EQ(-EINVAL, vmrpc_attach(""));
	ASSERT_EQ(-EINVAL, vmrpc_attach("two words"));
}

TEST_F(channel, attached_reset_denied)
{
	int fd = vmrpc_attach(self->tvm.name);

	ASSERT_EQ(0, register_all(self));
	ASSERT_EQ(-1, ioctl(fd, VMRPC_VM_RESET));
	ASSERT_EQ(EACCES, errno);
	ASSERT_EQ(VMRPC_VM_READY, vmrpc_info(fd).state);
	close(fd);
}

TEST_F(channel, attached_vm_destroyed_gone)
{
	int fd = vmrpc_attach(self->tvm.name);

	vmrpc_tvm_free(&self->tvm);
	ASSERT_EQ(VMRPC_VM_GONE, vmrpc_info(fd).state);
	ASSERT_EQ(-ENOENT, vmrpc_attach(self->tvm.name));
	self->caller.fd = fd;
	ASSERT_EQ(ESHUTDOWN, vmrpc_caller_call(&self->caller));
	close(fd);
}

/* Another VM. */
static void enable_other(struct vmrpc_tvm *tvm, struct kvm_vmrpc_config *config)
{
	config->name[0] = 'x';
	strcpy(tvm->name, (char *)config->name);
	tvm->fd = __vm_enable_cap(tvm->vm, KVM_CAP_VMRPC, (unsigned long)config);
	TEST_ASSERT(tvm->fd >= 0, "KVM_CAP_VMRPC failed, errno %d", errno);
}

/* One given to a group that NOBODY is in. */
static void enable_for_group(struct vmrpc_tvm *tvm)
{
	struct kvm_vmrpc_config config;

	vmrpc_config_init(&config);
	config.flags = VMRPC_CONFIG_GROUP;
	config.gid = NOBODY;
	enable_other(tvm, &config);
}

/* One whose VMM is not root's. */
static void enable_as_user(struct vmrpc_tvm *tvm, uid_t user)
{
	struct kvm_vmrpc_config config;

	vmrpc_config_init(&config);
	setfsuid(user);
	enable_other(tvm, &config);
	setfsuid(0);
}

/* How many VMs of that name the caller may see: 0 or 1; -errno. */
static int list_names(const char *name)
{
	struct vmrpc_vm_info infos[64];
	struct vmrpc_entries list = {
		.entries = (unsigned long)infos,
		.count = ARRAY_SIZE(infos),
	};
	int dev = open("/dev/vmrpc", O_RDWR), found = 0;
	uint32_t i;

	if (dev < 0 || ioctl(dev, VMRPC_DEV_LIST, &list))
		return -errno;
	for (i = 0; i < list.count && i < ARRAY_SIZE(infos); i++)
		found += !strcmp((char *)infos[i].name, name);
	close(dev);
	return found;
}

TEST_F(channel, list_shows_vm_until_destroyed)
{
	struct vmrpc_vm_info info = vmrpc_info(self->tvm.fd);

	ASSERT_EQ(getpid(), info.pid);
	ASSERT_EQ(getuid(), info.uid);
	ASSERT_EQ(1, list_names(self->tvm.name));
	vmrpc_tvm_free(&self->tvm);
	ASSERT_EQ(0, list_names(self->tvm.name));
}

TEST_F(channel, list_short_array_counts_all)
{
	struct vmrpc_entries list = { .count = 0 };
	int dev = open("/dev/vmrpc", O_RDWR);

	ASSERT_EQ(0, ioctl(dev, VMRPC_DEV_LIST, &list));
	ASSERT_LE(1, list.count);
	close(dev);
}

struct lister {
	pthread_t thread;
	struct vmrpc_entries list;
	bool done;
};

static void *lister_main(void *arg)
{
	struct lister *lister = arg;
	int dev = open("/dev/vmrpc", O_RDWR);

	ioctl(dev, VMRPC_DEV_LIST, &lister->list);
	__atomic_store_n(&lister->done, true, __ATOMIC_RELEASE);
	close(dev);
	return NULL;
}

/* Memory whose first access waits until it is put there. */
static int memory_not_there(void *page)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range = { .start = (unsigned long)page, .len = PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC);

	return fd < 0 || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &range) ?
	       -1 : fd;
}

TEST_F(channel, list_into_memory_not_there_hinders_nobody)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct lister lister = { .list = { .entries = (unsigned long)page, .count = 8 } };
	struct uffdio_zeropage zero = {
		.range = { .start = (unsigned long)page, .len = PAGE },
	};
	struct vmrpc_tvm other;
	int fd = memory_not_there(page);

	if (fd < 0)
		SKIP(return, "no userfaultfd");
	ASSERT_EQ(0, pthread_create(&lister.thread, NULL, lister_main, &lister));
	usleep(50000);
	ASSERT_FALSE(__atomic_load_n(&lister.done, __ATOMIC_ACQUIRE));
	vmrpc_tvm_create(&other);
	enable_for_group(&other);
	ASSERT_EQ(1, list_names(other.name));
	vmrpc_tvm_free(&other);
	ASSERT_EQ(0, ioctl(fd, UFFDIO_ZEROPAGE, &zero));
	pthread_join(lister.thread, NULL);
	close(fd);
	munmap(page, PAGE);
}

/* Workers of the host's kernel that cannot go on. */
static int workers_stuck(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	char path[300], name[64], state;
	int count = 0;
	FILE *file;

	while (proc && (entry = readdir(proc))) {
		snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
		file = fopen(path, "r");
		if (!file)
			continue;
		if (fscanf(file, "%*d (%63[^)]) %c", name, &state) == 2 &&
		    !strncmp(name, "kworker/", 8) && state == 'D')
			count++;
		fclose(file);
	}
	if (proc)
		closedir(proc);
	return count;
}

/* In a process that is not the VMM. */
static pid_t call_all_at_once(int fd)
{
	static struct vmrpc_caller callers[MANY_CALLERS];
	pid_t pid = fork();
	int i;

	if (pid)
		return pid;
	for (i = 0; i < MANY_CALLERS; i++) {
		vmrpc_caller_init(&callers[i], fd, LONG_MS);
		vmrpc_caller_start(&callers[i]);
	}
	for (i = 0; i < MANY_CALLERS; i++)
		vmrpc_caller_join(&callers[i]);
	_exit(0);
}

/* Returns the call's errno. */
static int call_from_another_process(int fd)
{
	struct vmrpc_caller caller;
	int status;

	if (!fork()) {
		vmrpc_caller_init(&caller, fd, SHORT_MS);
		_exit(vmrpc_caller_call(&caller));
	}
	wait(&status);
	return WEXITSTATUS(status);
}

TEST_F(channel, caller_killed_slot_busy_until_answered)
{
	pid_t pid;
	int status;

	ASSERT_EQ(0, register_slots(self->vcpu, &self->channel, 1));
	pid = fork();
	if (!pid)
		_exit(vmrpc_caller_call(&self->caller));
	VMRPC_WAIT_FOR(vmrpc_channel_pending(&self->channel, 0));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	ASSERT_EQ(1, vmrpc_info(self->tvm.fd).calls_in_flight);
	ASSERT_EQ(ETIMEDOUT, call_from_another_process(self->tvm.fd));
	ASSERT_EQ(1, vmrpc_info(self->tvm.fd).calls);

	ASSERT_EQ(1, vmrpc_channel_echo(&self->channel));
	ASSERT_EQ(0, vmrpc_poll(self->vcpu, 0, NULL));
	ASSERT_EQ(0, vmrpc_info(self->tvm.fd).calls_in_flight);
	vmrpc_caller_start(&self->caller);
	VMRPC_WAIT_FOR(vmrpc_channel_echo(&self->channel));
	ASSERT_EQ(0, vmrpc_poll(self->vcpu, 0, NULL));
	ASSERT_EQ(0, vmrpc_caller_join(&self->caller));
}

TEST_F(channel, call_memory_not_there_ends_by_deadline)
{
	void *request = vmrpc_channel_request(&self->channel, 0);
	struct uffdio_zeropage zero = {
		.range = { .start = (unsigned long)request, .len = PAGE },
	};
	int fd = memory_not_there(request);

	if (fd < 0)
		SKIP(return, "no userfaultfd");
	ASSERT_EQ(0, register_all(self));
	ASSERT_EQ(0, madvise(request, PAGE, MADV_DONTNEED));
	EXPECT_EQ(ETIMEDOUT, call_from_another_process(self->tvm.fd));
	ASSERT_EQ(0, ioctl(fd, UFFDIO_ZEROPAGE, &zero));
	close(fd);
}

TEST_F(channel, call_memory_not_there_holds_few_workers)
{
	struct uffdio_zeropage zero = { .range = { .len = PAGE } };
	void *control;
	pid_t pid;
	int fd;

	vmrpc_channel_init(&self->channel, self->tvm.vm, MANY_CALLERS);
	ASSERT_EQ(0, register_slots(self->vcpu, &self->channel, MANY_CALLERS));
	control = vmrpc_channel_control(&self->channel);
	fd = memory_not_there(control);
	if (fd < 0)
		SKIP(return, "no userfaultfd");
	ASSERT_EQ(0, madvise(control, PAGE, MADV_DONTNEED));
	pid = call_all_at_once(self->tvm.fd);
	VMRPC_WAIT_FOR(vmrpc_info(self->tvm.fd).calls_in_flight == MANY_CALLERS);
	VMRPC_WAIT_FOR(workers_stuck() >= REFRESHES);
	usleep(500000);
	EXPECT_LE(workers_stuck(), 2 * REFRESHES);
	zero.range.start = (unsigned long)control;
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	ASSERT_EQ(0, ioctl(fd, UFFDIO_ZEROPAGE, &zero));
	VMRPC_WAIT_FOR(!workers_stuck());
	close(fd);
}

TEST_F(channel, list_reserved_set_refused)
{
	struct vmrpc_entries list = { .reserved = 1 };
	int dev = open("/dev/vmrpc", O_RDWR);

	ASSERT_EQ(-1, ioctl(dev, VMRPC_DEV_LIST, &list));
	ASSERT_EQ(EINVAL, errno);
	close(dev);
}

TEST_F(channel, attach_reserved_set_refused)
{
	struct vmrpc_dev_attach attach = { .reserved = 1 };
	int dev = open("/dev/vmrpc", O_RDWR);

	strcpy((char *)attach.name, self->tvm.name);
	ASSERT_EQ(-1, ioctl(dev, VMRPC_DEV_ATTACH, &attach));
	ASSERT_EQ(EINVAL, errno);
	close(dev);
}

/* In a child, because there is no way back. */
static int as_user(uid_t user, int (*fn)(const char *name), const char *name)
{
	int status;

	if (!fork())
		_exit(setgid(user) || setuid(user) ? 255 : -fn(name));
	wait(&status);
	return WEXITSTATUS(status);
}

static int as_nobody(int (*fn)(const char *name), const char *name)
{
	return as_user(NOBODY, fn, name);
}

TEST_F(channel, other_user_attach_denied)
{
	if (getuid())
		SKIP(return, "not root");
	ASSERT_EQ(EACCES, as_nobody(vmrpc_attach, self->tvm.name));
}

TEST_F(channel, other_user_list_hidden)
{
	if (getuid())
		SKIP(return, "not root");
	ASSERT_EQ(0, as_nobody(list_names, self->tvm.name));
}

static int attach_and_reset(const char *name)
{
	int fd = vmrpc_attach(name);

	if (fd < 0)
		return fd;
	return ioctl(fd, VMRPC_VM_RESET) ? -errno : 0;
}

/* For as_user(): 1 if it is listed. */
static int lists(const char *name)
{
	return -list_names(name);
}

/* Likewise: 0 or an errno. */
static int attaches(const char *name)
{
	return min(vmrpc_attach(name), 0);
}

TEST_F(channel, user_of_vmm_and_root_attach_third_denied)
{
	struct vmrpc_tvm tvm;

	if (getuid())
		SKIP(return, "not root");
	vmrpc_tvm_create(&tvm);
	enable_as_user(&tvm, VMM_USER);
	ASSERT_EQ(VMM_USER, vmrpc_info(tvm.fd).uid);
	EXPECT_EQ(0, as_user(VMM_USER, attaches, tvm.name));
	EXPECT_EQ(1, as_user(VMM_USER, lists, tvm.name));
	EXPECT_EQ(EACCES, as_nobody(attaches, tvm.name));
	EXPECT_EQ(0, as_nobody(lists, tvm.name));
	EXPECT_EQ(0, as_user(0, attaches, tvm.name));
	EXPECT_EQ(1, as_user(0, lists, tvm.name));
	vmrpc_tvm_free(&tvm);
}

TEST_F(channel, group_may_attach_and_list)
{
	struct vmrpc_tvm tvm;

	if (getuid())
		SKIP(return, "not root");
	vmrpc_tvm_create(&tvm);
	enable_for_group(&tvm);
	ASSERT_EQ(1, as_nobody(lists, tvm.name));
	ASSERT_EQ(EACCES, as_nobody(attach_and_reset, tvm.name));
	ASSERT_EQ(EACCES, as_nobody(vmrpc_attach, self->tvm.name));
	vmrpc_tvm_free(&tvm);
}

TEST_F(channel, ioctl_unknown_refused)
{
	ASSERT_EQ(-1, ioctl(self->tvm.fd, VMRPC_DEV_LIST, NULL));
	ASSERT_EQ(ENOTTY, errno);
}

TEST_F(channel, call_timeout_zero_refused)
{
	ASSERT_EQ(0, register_all(self));
	self->caller.call.timeout_ms = 0;
	ASSERT_EQ(EINVAL, vmrpc_caller_call(&self->caller));
}

TEST_F(channel, call_timeout_over_limit_refused)
{
	ASSERT_EQ(0, register_all(self));
	self->caller.call.timeout_ms = VMRPC_MAX_TIMEOUT_MS + 1;
	ASSERT_EQ(EINVAL, vmrpc_caller_call(&self->caller));
}

TEST_F(channel, call_module_malformed_refused)
{
	ASSERT_EQ(0, register_all(self));
	memset(self->caller.call.module, 'a', sizeof(self->caller.call.module));
	ASSERT_EQ(EINVAL, vmrpc_caller_call(&self->caller));
}

TEST_F(channel, call_reserved_set_refused)
{
	ASSERT_EQ(0, register_all(self));
	self->caller.call.reserved = 1;
	ASSERT_EQ(EINVAL, vmrpc_caller_call(&self->caller));
}

TEST_F(channel, call_argument_unmapped_fault)
{
	ASSERT_EQ(0, register_all(self));
	self->caller.call.arg = PAGE;
	ASSERT_EQ(EFAULT, vmrpc_caller_call(&self->caller));
}

/*
 * A VMM whose guest has a channel; tells the VM's name by @name, and exits.  Its VM stays, as a child has
 * the descriptor, until nobody has @end open any more.
 */
static void vmm_exit_but_for_the_vm(int name, int end)
{
	struct vmrpc_channel channel;
	struct vmrpc_tvm tvm;
	char c;

	vmrpc_tvm_create(&tvm);
	vmrpc_tvm_enable(&tvm, -1);
	vmrpc_channel_init(&channel, tvm.vm, SLOTS);
	TEST_ASSERT(!register_slots(tvm.vcpus[0], &channel, SLOTS), "no channel");
	TEST_ASSERT(!madvise(vmrpc_channel_control(&channel), (1 + 2 * SLOTS) * PAGE, MADV_DONTFORK),
		    "madvise(): errno %d", errno);
	if (!fork()) {
		close(name);
		_exit(read(end, &c, 1));
	}
	TEST_ASSERT(write(name, tvm.name, sizeof(tvm.name)) == sizeof(tvm.name), "errno %d", errno);
	_exit(KSFT_PASS);
}

/* The guest's memory is gone then, though its VM is not: nobody writes there. */
TEST(vmm_exits_its_vm_stays_calls_refused)
{
	struct vmrpc_caller caller;
	char name[VMRPC_NAME_LEN];
	int names[2], end[2], status;
	pid_t vmm;

	if (!kvm_has_cap(KVM_CAP_VMRPC))
		SKIP(return, "the host kernel has no KVM_CAP_VMRPC");
	ASSERT_EQ(0, pipe(names));
	ASSERT_EQ(0, pipe(end));
	vmm = fork();
	ASSERT_LE(0, vmm);
	if (!vmm) {
		close(end[1]);
		vmm_exit_but_for_the_vm(names[1], end[0]);
	}
	ASSERT_EQ(vmm, waitpid(vmm, &status, 0));
	ASSERT_EQ(0, status);
	ASSERT_EQ(sizeof(name), read(names[0], name, sizeof(name)));
	vmrpc_caller_init(&caller, vmrpc_attach(name), SHORT_MS);
	ASSERT_LE(0, caller.fd);
	ASSERT_EQ(ESHUTDOWN, vmrpc_caller_call(&caller));
	close(caller.fd);
	close(end[1]);
}

TEST_HARNESS_MAIN
