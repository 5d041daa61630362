// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of calls by io_uring.  The test plays the guest's server.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/stddef.h>
#include <io_uring/mini_liburing.h>

#include "kselftest_harness.h"
#include "vmrpc_util.h"

#define PAGE		4096ull
#define LONG_MS		60000	/* not waited for: something ends the call */
#define SHORT_MS	50	/* waited for */
#define SLOTS		2
#define CALLS		(SLOTS + 1)

FIXTURE(uring)
{
	struct vmrpc_tvm tvm;
	struct kvm_vcpu *vcpu;
	struct vmrpc_channel channel;
	struct io_uring ring;
	struct vmrpc_vm_call calls[CALLS];
	uint64_t args[CALLS], res[CALLS];
};

FIXTURE_SETUP(uring)
{
	int i, ret;

	if (!kvm_has_cap(KVM_CAP_VMRPC))
		SKIP(return, "the host kernel has no KVM_CAP_VMRPC");
	ret = io_uring_queue_init(8, &self->ring, 0);
	if (ret == -ENOSYS || ret == -1)
		SKIP(return, "the host kernel has no io_uring");
	ASSERT_EQ(0, ret);
	vmrpc_tvm_create(&self->tvm);
	vmrpc_tvm_enable(&self->tvm, -1);
	self->vcpu = self->tvm.vcpus[0];
	vmrpc_channel_init(&self->channel, self->tvm.vm, SLOTS);
	ASSERT_EQ(0, vmrpc_register(self->vcpu, SLOTS, self->channel.gpa / PAGE, NULL));
	for (i = 0; i < CALLS; i++) {
		self->args[i] = 0x1000 + i;
		self->calls[i] = (struct vmrpc_vm_call) {
			.module = VMRPC_ECHO_MODULE, .procedure = VMRPC_ECHO_ECHO,
			.timeout_ms = LONG_MS,
			.arg = (unsigned long)&self->args[i], .arg_size = sizeof(self->args[i]),
			.res = (unsigned long)&self->res[i], .res_size = sizeof(self->res[i]),
		};
	}
}

FIXTURE_TEARDOWN(uring)
{
	vmrpc_tvm_free(&self->tvm);
}

static struct io_uring_sqe *prepare(struct io_uring *ring, int fd, const void *call, uint64_t data)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	struct vmrpc_uring_cmd cmd = { .call = (unsigned long)call };

	TEST_ASSERT(sqe, "The ring is full");
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = fd;
	sqe->cmd_op = VMRPC_VM_CALL;
	sqe->user_data = data;
	memcpy(sqe->cmd, &cmd, sizeof(cmd));
	return sqe;
}

/* Call @n of the fixture, whose number comes with the completion. */
#define prepare_call(self, n)	\
	prepare(&(self)->ring, (self)->tvm.fd, &(self)->calls[n], n)

#define submit_call(self, n)						\
do {									\
	prepare_call(self, n);						\
	ASSERT_EQ(1, io_uring_submit(&(self)->ring));			\
} while (0)

/* Waits for one; returns its result. */
static int completion(struct io_uring *ring, uint64_t *data)
{
	struct io_uring_cqe *cqe;
	int ret = io_uring_wait_cqe(ring, &cqe);

	TEST_ASSERT(!ret, "io_uring_wait_cqe failed, %d", ret);
	ret = cqe->res;
	if (data)
		*data = cqe->user_data;
	io_uring_cqe_seen(ring);
	return ret;
}

static bool completed(struct io_uring *ring)
{
	read_barrier();
	return *ring->cq.khead != *(volatile unsigned int *)ring->cq.ktail;
}

static void answer_all(struct kvm_vcpu *vcpu, struct vmrpc_channel *channel)
{
	vmrpc_channel_echo(channel);
	vmrpc_poll(vcpu, 0, NULL);
}

TEST_F(uring, answered)
{
	uint64_t data;

	submit_call(self, 1);
	ASSERT_FALSE(completed(&self->ring));
	answer_all(self->vcpu, &self->channel);
	ASSERT_EQ(0, completion(&self->ring, &data));
	ASSERT_EQ(1, data);
	ASSERT_EQ(0x1001, self->res[1]);
	ASSERT_EQ(8, self->calls[1].res_size);
	ASSERT_EQ(0, vmrpc_info(self->tvm.fd).calls_in_flight);
}

TEST_F(uring, by_a_worker_answered)
{
	prepare_call(self, 1)->flags = IOSQE_ASYNC;
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	VMRPC_WAIT_FOR(vmrpc_info(self->tvm.fd).calls_in_flight == 1);
	answer_all(self->vcpu, &self->channel);
	ASSERT_EQ(0, completion(&self->ring, NULL));
	ASSERT_EQ(0x1001, self->res[1]);
}

TEST_F(uring, completion_deferred_answered)
{
	struct io_uring ring;

	ASSERT_EQ(0, io_uring_queue_init(8, &ring, IORING_SETUP_SINGLE_ISSUER |
					 IORING_SETUP_DEFER_TASKRUN));
	prepare(&ring, self->tvm.fd, &self->calls[1], 1);
	ASSERT_EQ(1, io_uring_submit(&ring));
	answer_all(self->vcpu, &self->channel);
	ASSERT_EQ(0, completion(&ring, NULL));
	ASSERT_EQ(0x1001, self->res[1]);
}

TEST_F(uring, several_under_way)
{
	prepare_call(self, 0);
	prepare_call(self, 1);
	ASSERT_EQ(2, io_uring_submit(&self->ring));
	ASSERT_EQ(2, vmrpc_info(self->tvm.fd).calls_in_flight);
	answer_all(self->vcpu, &self->channel);
	ASSERT_EQ(0, completion(&self->ring, NULL));
	ASSERT_EQ(0, completion(&self->ring, NULL));
	ASSERT_EQ(0x1000, self->res[0]);
	ASSERT_EQ(0x1001, self->res[1]);
}

TEST_F(uring, no_slot_waits_for_one)
{
	int i;

	for (i = 0; i < CALLS; i++)
		prepare_call(self, i);
	ASSERT_EQ(CALLS, io_uring_submit(&self->ring));
	ASSERT_EQ(SLOTS, vmrpc_info(self->tvm.fd).calls_in_flight);
	answer_all(self->vcpu, &self->channel);
	VMRPC_WAIT_FOR(vmrpc_info(self->tvm.fd).calls_in_flight == CALLS - SLOTS);
	answer_all(self->vcpu, &self->channel);
	for (i = 0; i < CALLS; i++)
		ASSERT_EQ(0, completion(&self->ring, NULL));
	for (i = 0; i < CALLS; i++)
		ASSERT_EQ(0x1000 + i, self->res[i]);
}

TEST_F(uring, large_transferred)
{
	uint8_t *memory = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			       -1, 0);
	uint64_t gva = vm_vaddr_alloc_pages(self->tvm.vm, 3);
	struct vmrpc_transfer *arg = addr_gva2hva(self->tvm.vm, gva + 2 * PAGE);

	ASSERT_EQ(0, vmrpc_hypercall(self->vcpu, VMRPC_OP_REGISTER, SLOTS, self->channel.gpa / PAGE,
				     VMRPC_CHANNEL_BULK, NULL));
	self->calls[0].res = (unsigned long)memory;
	self->calls[0].res_size = 2 * PAGE;
	submit_call(self, 0);
	VMRPC_WAIT_FOR(vmrpc_channel_pending(&self->channel, 0));
	memset(addr_gva2hva(self->tvm.vm, gva), 0x5a, 2 * PAGE);
	*arg = (struct vmrpc_transfer) {
		.seq = vmrpc_channel_request(&self->channel, 0)->seq,
		.gva = gva, .size = 2 * PAGE, .flags = VMRPC_TRANSFER_RESULT,
	};
	ASSERT_EQ(0, vmrpc_hypercall(self->vcpu, VMRPC_OP_TRANSFER, 0, 0, gva + 2 * PAGE, NULL));
	vmrpc_channel_reply(&self->channel, 0, 0, NULL, 0);
	vmrpc_channel_response(&self->channel, 0)->res_size = 2 * PAGE;
	vmrpc_poll(self->vcpu, 0, NULL);
	ASSERT_EQ(0, completion(&self->ring, NULL));
	ASSERT_EQ(2 * PAGE, self->calls[0].res_size);
	ASSERT_EQ(0x5a, memory[2 * PAGE - 1]);
}

TEST_F(uring, guest_fails_error)
{
	submit_call(self, 0);
	vmrpc_channel_reply(&self->channel, 0, VMRPC_EINVAL, NULL, 0);
	vmrpc_poll(self->vcpu, 0, NULL);
	ASSERT_EQ(-EINVAL, completion(&self->ring, NULL));
}

TEST_F(uring, deadline_passed_timed_out)
{
	self->calls[0].timeout_ms = SHORT_MS;
	submit_call(self, 0);
	ASSERT_EQ(-ETIMEDOUT, completion(&self->ring, NULL));
}

TEST_F(uring, deadline_passed_while_waiting_timed_out)
{
	uint64_t data;

	self->calls[SLOTS].timeout_ms = SHORT_MS;
	submit_call(self, 0);
	submit_call(self, 1);
	submit_call(self, SLOTS);
	ASSERT_EQ(-ETIMEDOUT, completion(&self->ring, &data));
	ASSERT_EQ(SLOTS, data);
}

TEST_F(uring, reset_ends_it)
{
	submit_call(self, 0);
	ASSERT_EQ(0, ioctl(self->tvm.fd, VMRPC_VM_RESET));
	ASSERT_EQ(-ECONNRESET, completion(&self->ring, NULL));
}

TEST_F(uring, no_channel_not_connected)
{
	ASSERT_EQ(0, ioctl(self->tvm.fd, VMRPC_VM_RESET));
	submit_call(self, 0);
	ASSERT_EQ(-ENOTCONN, completion(&self->ring, NULL));
}

TEST_F(uring, descriptor_closed_goes_on)
{
	int fd = vmrpc_attach(self->tvm.name);

	prepare(&self->ring, fd, &self->calls[0], 0);
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	close(fd);
	answer_all(self->vcpu, &self->channel);
	ASSERT_EQ(0, completion(&self->ring, NULL));
	ASSERT_EQ(0x1000, self->res[0]);
}

/* The slots are the guest's until it answers; nothing is written to the caller then. */
TEST_F(uring, ring_closed_gives_up)
{
	int i;

	for (i = 0; i < CALLS; i++)
		prepare_call(self, i);
	ASSERT_EQ(CALLS, io_uring_submit(&self->ring));
	io_uring_queue_exit(&self->ring);
	/* Which leaves the ring a mapping, and so open. */
	munmap((void *)((unsigned long)self->ring.cq.khead & -PAGE), self->ring.cq.ring_sz);
	VMRPC_WAIT_FOR(vmrpc_info(self->tvm.fd).errors >= SLOTS);
	answer_all(self->vcpu, &self->channel);
	VMRPC_WAIT_FOR(!vmrpc_info(self->tvm.fd).calls_in_flight);
	for (i = 0; i < CALLS; i++)
		ASSERT_EQ(0, self->res[i]);
}

TEST_F(uring, process_killed_gives_up)
{
	int i, status;
	pid_t pid = fork();

	if (!pid) {
		if (io_uring_queue_init(8, &self->ring, 0))
			_exit(1);
		for (i = 0; i < CALLS; i++)
			prepare_call(self, i);
		io_uring_submit(&self->ring);
		pause();
	}
	VMRPC_WAIT_FOR(vmrpc_info(self->tvm.fd).calls_in_flight == SLOTS);
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	answer_all(self->vcpu, &self->channel);
	VMRPC_WAIT_FOR(!vmrpc_info(self->tvm.fd).calls_in_flight);
}

/* What is wrong shows in the completion. */

TEST_F(uring, other_operation_refused)
{
	prepare_call(self, 0)->cmd_op = VMRPC_VM_INFO;
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	ASSERT_EQ(-ENOTTY, completion(&self->ring, NULL));
}

TEST_F(uring, reserved_set_refused)
{
	((struct vmrpc_uring_cmd *)prepare_call(self, 0)->cmd)->reserved = 1;
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	ASSERT_EQ(-EINVAL, completion(&self->ring, NULL));
}

TEST_F(uring, malformed_call_refused)
{
	self->calls[0].reserved = 1;
	submit_call(self, 0);
	ASSERT_EQ(-EINVAL, completion(&self->ring, NULL));
}

TEST_F(uring, call_unmapped_fault)
{
	prepare(&self->ring, self->tvm.fd, (void *)PAGE, 0);
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	ASSERT_EQ(-EFAULT, completion(&self->ring, NULL));
}

TEST_F(uring, room_unmapped_fault)
{
	self->calls[0].res = PAGE;
	submit_call(self, 0);
	answer_all(self->vcpu, &self->channel);
	ASSERT_EQ(-EFAULT, completion(&self->ring, NULL));
}

TEST_F(uring, nonblocking_no_slot_refused)
{
	uint64_t data;

	ASSERT_EQ(0, fcntl(self->tvm.fd, F_SETFL, O_RDWR | O_NONBLOCK));
	submit_call(self, 0);
	submit_call(self, 1);
	submit_call(self, SLOTS);
	ASSERT_EQ(-EAGAIN, completion(&self->ring, &data));
	ASSERT_EQ(SLOTS, data);
}

TEST_HARNESS_MAIN
