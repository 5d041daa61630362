// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of calls that are submitted and reaped.  The test plays the guest's server.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vmrpc_util.h"

#define PAGE		4096ull
#define LONG_MS		60000	/* not waited for: something ends the call */
#define SHORT_MS	50	/* waited for */
#define SLOTS		4
#define QUEUE_MAX	1024

FIXTURE(queue)
{
	struct vmrpc_tvm tvm;
	struct kvm_vcpu *vcpu;
	struct vmrpc_channel channel;
	uint64_t args[SLOTS + 1];	/* of the calls submitted, and their results */
	uint64_t res[SLOTS + 1];
	struct vmrpc_vm_done done[SLOTS + 1];
};

FIXTURE_SETUP(queue)
{
	if (!kvm_has_cap(KVM_CAP_VMRPC))
		SKIP(return, "the host kernel has no KVM_CAP_VMRPC");
	vmrpc_tvm_create(&self->tvm);
	vmrpc_tvm_enable(&self->tvm, -1);
	self->vcpu = self->tvm.vcpus[0];
	vmrpc_channel_init(&self->channel, self->tvm.vm, SLOTS);
	ASSERT_EQ(0, vmrpc_register(self->vcpu, SLOTS, self->channel.gpa / PAGE, NULL));
	ASSERT_EQ(0, fcntl(self->tvm.fd, F_SETFL, O_RDWR | O_NONBLOCK));
}

FIXTURE_TEARDOWN(queue)
{
	vmrpc_tvm_free(&self->tvm);
}

static void submit_init(struct vmrpc_vm_submit *submit, uint64_t *arg, uint64_t *res,
			uint64_t user_data, uint32_t timeout_ms)
{
	*submit = (struct vmrpc_vm_submit) {
		.call = {
			.module = VMRPC_ECHO_MODULE, .procedure = VMRPC_ECHO_ECHO,
			.timeout_ms = timeout_ms,
			.arg = (unsigned long)arg, .arg_size = sizeof(*arg),
			.res = (unsigned long)res, .res_size = sizeof(*res),
		},
		.user_data = user_data,
	};
}

/* Submits number @n of the fixture's calls; returns 0 or the errno. */
#define submit_on(self, fd, n, ms)							\
({											\
	struct vmrpc_vm_submit __submit;						\
											\
	(self)->args[n] = 0x1000 + (n);							\
	submit_init(&__submit, &(self)->args[n], &(self)->res[n], n, ms);		\
	ioctl(fd, VMRPC_VM_SUBMIT, &__submit) ? errno : 0;				\
})

#define submit(self, n)	submit_on(self, (self)->tvm.fd, n, LONG_MS)

/* Returns how many were reaped into @done, or minus the errno. */
static int reap(int fd, struct vmrpc_vm_done *done, uint32_t count)
{
	struct vmrpc_entries reap = { .entries = (unsigned long)done, .count = count };

	return ioctl(fd, VMRPC_VM_REAP, &reap) ? -errno : (int)reap.count;
}

static bool readable(int fd, int timeout_ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, timeout_ms) == 1 && poll_fd.revents == POLLIN;
}

static void answer_all(struct kvm_vcpu *vcpu, struct vmrpc_channel *channel)
{
	vmrpc_channel_echo(channel);
	vmrpc_poll(vcpu, 0, NULL);
}

static void answer_one(struct kvm_vcpu *vcpu, struct vmrpc_channel *channel, uint32_t slot)
{
	struct vmrpc_request *request = vmrpc_channel_request(channel, slot);

	vmrpc_channel_reply(channel, slot, 0, request + 1, request->arg_size);
	vmrpc_poll(vcpu, 0, NULL);
}

TEST_F(queue, answer_reaped)
{
	ASSERT_EQ(0, submit(self, 1));
	ASSERT_FALSE(readable(self->tvm.fd, 0));
	ASSERT_EQ(-EAGAIN, reap(self->tvm.fd, self->done, 1));
	answer_all(self->vcpu, &self->channel);
	ASSERT_TRUE(readable(self->tvm.fd, 0));
	ASSERT_EQ(0, self->res[1]);
	ASSERT_EQ(1, reap(self->tvm.fd, self->done, SLOTS));
	ASSERT_EQ(1, self->done[0].user_data);
	ASSERT_EQ(0, self->done[0].status);
	ASSERT_EQ(8, self->done[0].res_size);
	ASSERT_EQ(0x1001, self->res[1]);
	ASSERT_FALSE(readable(self->tvm.fd, 0));
	ASSERT_EQ(-EAGAIN, reap(self->tvm.fd, self->done, 1));
	ASSERT_EQ(0, vmrpc_info(self->tvm.fd).calls_in_flight);
	ASSERT_EQ(0, vmrpc_info(self->tvm.fd).errors);
}

TEST_F(queue, answers_in_the_order_they_came)
{
	static const int order[SLOTS] = { 2, 0, 3, 1 };
	int i;

	for (i = 0; i < SLOTS; i++)
		ASSERT_EQ(0, submit(self, i));
	for (i = 0; i < SLOTS; i++)
		answer_one(self->vcpu, &self->channel, order[i]);
	ASSERT_EQ(3, reap(self->tvm.fd, self->done, 3));
	ASSERT_EQ(1, reap(self->tvm.fd, self->done + 3, 3));
	for (i = 0; i < SLOTS; i++) {
		ASSERT_EQ(order[i], self->done[i].user_data);
		ASSERT_EQ(0x1000 + i, self->res[i]);
	}
}

/* What is not reaped keeps no slot. */
TEST_F(queue, slots_in_use_try_again)
{
	int i;

	for (i = 0; i < SLOTS; i++)
		ASSERT_EQ(0, submit(self, i));
	ASSERT_EQ(EAGAIN, submit(self, SLOTS));
	answer_one(self->vcpu, &self->channel, 0);
	ASSERT_EQ(0, submit(self, SLOTS));
	answer_all(self->vcpu, &self->channel);
	ASSERT_EQ(SLOTS + 1, reap(self->tvm.fd, self->done, SLOTS + 1));
	ASSERT_EQ(0, vmrpc_info(self->tvm.fd).errors);
}

TEST_F(queue, slots_in_use_blocking_times_out)
{
	int i;

	for (i = 0; i < SLOTS; i++)
		ASSERT_EQ(0, submit(self, i));
	ASSERT_EQ(0, fcntl(self->tvm.fd, F_SETFL, O_RDWR));
	ASSERT_EQ(ETIMEDOUT, submit_on(self, self->tvm.fd, SLOTS, SHORT_MS));
}

TEST_F(queue, too_many_not_reaped_busy)
{
	int i, left;

	for (i = 0; i < QUEUE_MAX; i++) {
		ASSERT_EQ(0, submit(self, 0));
		if (i % SLOTS == SLOTS - 1)
			answer_all(self->vcpu, &self->channel);
	}
	ASSERT_EQ(EBUSY, submit(self, 0));
	ASSERT_EQ(1, vmrpc_info(self->tvm.fd).errors);
	ASSERT_EQ(1, reap(self->tvm.fd, self->done, 1));
	ASSERT_EQ(0, submit(self, 0));
	answer_all(self->vcpu, &self->channel);
	for (left = QUEUE_MAX; left > 0; left -= i) {
		i = reap(self->tvm.fd, self->done, SLOTS);
		ASSERT_LT(0, i);
	}
	ASSERT_EQ(-EAGAIN, reap(self->tvm.fd, self->done, 1));
}

TEST_F(queue, not_answered_times_out)
{
	ASSERT_EQ(0, submit_on(self, self->tvm.fd, 1, SHORT_MS));
	ASSERT_TRUE(readable(self->tvm.fd, LONG_MS));
	ASSERT_EQ(1, reap(self->tvm.fd, self->done, SLOTS));
	ASSERT_EQ(-ETIMEDOUT, self->done[0].status);
	ASSERT_EQ(1, self->done[0].user_data);
	/* The slot is the guest's until it answers. */
	ASSERT_EQ(1, vmrpc_info(self->tvm.fd).calls_in_flight);
	answer_all(self->vcpu, &self->channel);
	ASSERT_EQ(0, vmrpc_info(self->tvm.fd).calls_in_flight);
	ASSERT_EQ(-EAGAIN, reap(self->tvm.fd, self->done, 1));
}

static int cancel(int fd, uint64_t user_data)
{
	struct vmrpc_vm_cancel cancel = { .user_data = user_data };

	return ioctl(fd, VMRPC_VM_CANCEL, &cancel) ? errno : 0;
}

TEST_F(queue, cancelled_slot_busy_until_answered)
{
	struct vmrpc_vm_stat stat;
	int i;

	for (i = 0; i < SLOTS; i++)
		ASSERT_EQ(0, submit(self, i));
	ASSERT_EQ(0, cancel(self->tvm.fd, 2));
	ASSERT_TRUE(readable(self->tvm.fd, 0));
	ASSERT_EQ(1, reap(self->tvm.fd, self->done, SLOTS));
	ASSERT_EQ(2, self->done[0].user_data);
	ASSERT_EQ(-ECANCELED, self->done[0].status);
	ASSERT_EQ(SLOTS, vmrpc_info(self->tvm.fd).calls_in_flight);
	ASSERT_EQ(EAGAIN, submit(self, SLOTS));

	answer_all(self->vcpu, &self->channel);
	ASSERT_EQ(SLOTS - 1, reap(self->tvm.fd, self->done, SLOTS));
	ASSERT_EQ(0, self->res[2]);
	ASSERT_EQ(0, submit(self, SLOTS));
	stat = vmrpc_stat(self->tvm.fd, VMRPC_STAT_GUEST, VMRPC_ECHO_MODULE, VMRPC_ECHO_ECHO);
	ASSERT_EQ(SLOTS - 1, stat.calls);
	ASSERT_EQ(1, vmrpc_info(self->tvm.fd).errors);
}

TEST_F(queue, cancelled_when_not_under_way_not_found)
{
	int fd = vmrpc_attach(self->tvm.name);

	ASSERT_LE(0, fd);
	ASSERT_EQ(ENOENT, cancel(self->tvm.fd, 1));
	ASSERT_EQ(0, submit(self, 1));
	ASSERT_EQ(ENOENT, cancel(self->tvm.fd, 0));
	ASSERT_EQ(ENOENT, cancel(fd, 1));
	answer_all(self->vcpu, &self->channel);
	ASSERT_EQ(ENOENT, cancel(self->tvm.fd, 1));
	ASSERT_EQ(1, reap(self->tvm.fd, self->done, SLOTS));
	ASSERT_EQ(0, self->done[0].status);
	close(fd);
}

TEST_F(queue, cancelled_twice_oldest_first)
{
	ASSERT_EQ(0, submit(self, 1));
	ASSERT_EQ(0, submit(self, 1));
	ASSERT_EQ(0, cancel(self->tvm.fd, 1));
	answer_one(self->vcpu, &self->channel, 1);
	ASSERT_EQ(ENOENT, cancel(self->tvm.fd, 1));
	ASSERT_EQ(2, reap(self->tvm.fd, self->done, SLOTS));
	ASSERT_EQ(-ECANCELED, self->done[0].status);
	ASSERT_EQ(0, self->done[1].status);
}

struct submitter {
	pthread_t thread;
	pid_t tid;
	int fd;
	struct vmrpc_vm_submit submit;
	int err;
};

static void *submitter_main(void *arg)
{
	struct submitter *submitter = arg;

	__atomic_store_n(&submitter->tid, gettid(), __ATOMIC_RELEASE);
	submitter->err = ioctl(submitter->fd, VMRPC_VM_SUBMIT, &submitter->submit) ? errno : 0;
	return NULL;
}

/* In another thread's SUBMIT it is not under way yet. */
TEST_F(queue, cancelled_before_it_has_a_slot_not_found)
{
	struct submitter submitter = { .fd = self->tvm.fd };
	int i;

	for (i = 0; i < SLOTS; i++)
		ASSERT_EQ(0, submit(self, i));
	ASSERT_EQ(0, fcntl(self->tvm.fd, F_SETFL, O_RDWR));
	submit_init(&submitter.submit, &self->args[SLOTS], &self->res[SLOTS], SLOTS, LONG_MS);
	ASSERT_EQ(0, pthread_create(&submitter.thread, NULL, submitter_main, &submitter));
	VMRPC_WAIT_FOR(vmrpc_thread_asleep(&submitter.tid));
	ASSERT_EQ(ENOENT, cancel(self->tvm.fd, SLOTS));
	answer_one(self->vcpu, &self->channel, 0);
	pthread_join(submitter.thread, NULL);
	ASSERT_EQ(0, submitter.err);
	ASSERT_EQ(0, cancel(self->tvm.fd, SLOTS));
}

TEST_F(queue, guests_error_reaped)
{
	ASSERT_EQ(0, submit(self, 0));
	vmrpc_channel_reply(&self->channel, 0, VMRPC_ECONNREFUSED, NULL, 0);
	vmrpc_poll(self->vcpu, 0, NULL);
	ASSERT_EQ(1, reap(self->tvm.fd, self->done, 1));
	ASSERT_EQ(-ECONNREFUSED, self->done[0].status);
	ASSERT_EQ(1, vmrpc_info(self->tvm.fd).errors);
}

TEST_F(queue, vm_reset_reset)
{
	ASSERT_EQ(0, submit(self, 0));
	ASSERT_EQ(0, submit(self, 1));
	ASSERT_EQ(0, ioctl(self->tvm.fd, VMRPC_VM_RESET));
	ASSERT_TRUE(readable(self->tvm.fd, 0));
	ASSERT_EQ(2, reap(self->tvm.fd, self->done, SLOTS));
	ASSERT_EQ(-ECONNRESET, self->done[0].status);
	ASSERT_EQ(-ECONNRESET, self->done[1].status);
	ASSERT_EQ(ENOTCONN, submit(self, 0));
}

TEST_F(queue, vm_destroyed_shut_down)
{
	ASSERT_EQ(0, submit(self, 0));
	kvm_vm_free(self->tvm.vm);
	self->tvm.vm = NULL;
	ASSERT_TRUE(readable(self->tvm.fd, LONG_MS));
	ASSERT_EQ(1, reap(self->tvm.fd, self->done, SLOTS));
	ASSERT_EQ(-ESHUTDOWN, self->done[0].status);
	ASSERT_EQ(ESHUTDOWN, submit(self, 0));
}

TEST_F(queue, closed_calls_given_up)
{
	int fd = vmrpc_attach(self->tvm.name), i;

	ASSERT_LE(0, fd);
	for (i = 0; i < SLOTS; i++)
		ASSERT_EQ(0, submit_on(self, fd, i, LONG_MS));
	close(fd);
	ASSERT_EQ(SLOTS, vmrpc_info(self->tvm.fd).calls_in_flight);
	ASSERT_EQ(EAGAIN, submit(self, 0));
	answer_all(self->vcpu, &self->channel);
	ASSERT_EQ(0, submit(self, 0));
}

/* Whoever ends a call, it is counted once. */
TEST_F(queue, stat_counts_ended_calls)
{
	int fd = vmrpc_attach(self->tvm.name);
	struct vmrpc_vm_stat stat;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, submit(self, 0));
	answer_all(self->vcpu, &self->channel);
	ASSERT_EQ(0, submit_on(self, fd, 2, LONG_MS));
	ASSERT_EQ(1, vmrpc_stat(fd, VMRPC_STAT_GUEST, VMRPC_ECHO_MODULE, VMRPC_ECHO_ECHO).calls);
	ASSERT_EQ(0, submit_on(self, self->tvm.fd, 1, SHORT_MS));
	close(fd);
	ASSERT_EQ(1, reap(self->tvm.fd, self->done, 1));
	ASSERT_TRUE(readable(self->tvm.fd, LONG_MS));

	stat = vmrpc_stat(self->tvm.fd, VMRPC_STAT_GUEST, VMRPC_ECHO_MODULE, VMRPC_ECHO_ECHO);
	ASSERT_EQ(3, stat.calls);
	ASSERT_EQ(2, stat.errors);
	ASSERT_EQ(3 * 8, stat.arg_bytes);
	ASSERT_EQ(8, stat.res_bytes);
	ASSERT_EQ(2, vmrpc_info(self->tvm.fd).errors);
}

/* Each descriptor has its own. */
TEST_F(queue, other_descriptor_reaps_nothing)
{
	int fd = vmrpc_attach(self->tvm.name);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, submit(self, 0));
	answer_all(self->vcpu, &self->channel);
	ASSERT_FALSE(readable(fd, 0));
	ASSERT_EQ(-EAGAIN, reap(fd, self->done, 1));
	ASSERT_EQ(1, reap(self->tvm.fd, self->done, 1));
	close(fd);
}

TEST_F(queue, result_address_not_there_fault)
{
	struct vmrpc_vm_submit submit;

	submit_init(&submit, &self->args[0], NULL, 7, LONG_MS);
	ASSERT_EQ(0, ioctl(self->tvm.fd, VMRPC_VM_SUBMIT, &submit));
	answer_all(self->vcpu, &self->channel);
	ASSERT_EQ(1, reap(self->tvm.fd, self->done, 1));
	ASSERT_EQ(-EFAULT, self->done[0].status);
	ASSERT_EQ(7, self->done[0].user_data);
}

/* Its memory is not where the result would go. */
TEST_F(queue, reaped_by_another_process_fault)
{
	int status;
	pid_t pid;

	ASSERT_EQ(0, submit(self, 1));
	answer_all(self->vcpu, &self->channel);
	pid = fork();
	if (!pid)
		_exit(reap(self->tvm.fd, self->done, 1) != 1 || self->done[0].status != -EFAULT);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
}

TEST_F(queue, entries_not_there_answer_kept)
{
	ASSERT_EQ(0, submit(self, 0));
	answer_all(self->vcpu, &self->channel);
	ASSERT_EQ(-EFAULT, reap(self->tvm.fd, NULL, 1));
	ASSERT_EQ(1, reap(self->tvm.fd, self->done, 1));
}

TEST_F(queue, malformed_refused)
{
	struct vmrpc_entries reap = { .entries = (unsigned long)self->done, .count = 0 };
	struct vmrpc_vm_submit submit;

	submit_init(&submit, &self->args[0], &self->res[0], 0, LONG_MS);
	submit.reserved = 1;
	ASSERT_EQ(-1, ioctl(self->tvm.fd, VMRPC_VM_SUBMIT, &submit));
	ASSERT_EQ(EINVAL, errno);
	submit_init(&submit, &self->args[0], &self->res[0], 0, 0);
	ASSERT_EQ(-1, ioctl(self->tvm.fd, VMRPC_VM_SUBMIT, &submit));
	ASSERT_EQ(EINVAL, errno);
	submit_init(&submit, NULL, &self->res[0], 0, LONG_MS);
	ASSERT_EQ(-1, ioctl(self->tvm.fd, VMRPC_VM_SUBMIT, &submit));
	ASSERT_EQ(EFAULT, errno);
	submit.call.arg_size = VMRPC_MAX_BULK + 1;
	ASSERT_EQ(-1, ioctl(self->tvm.fd, VMRPC_VM_SUBMIT, &submit));
	ASSERT_EQ(E2BIG, errno);
	ASSERT_EQ(-1, ioctl(self->tvm.fd, VMRPC_VM_REAP, &reap));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(-1, ioctl(self->tvm.fd, VMRPC_VM_CANCEL,
			    &(struct vmrpc_vm_cancel) { .reserved = 1 }));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(-1, ioctl(self->tvm.fd, VMRPC_VM_CANCEL, NULL));
	ASSERT_EQ(EFAULT, errno);
	reap.count = reap.reserved = 1;
	ASSERT_EQ(-1, ioctl(self->tvm.fd, VMRPC_VM_REAP, &reap));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(-EAGAIN, -(ioctl(self->tvm.fd, VMRPC_VM_REAP, &(struct vmrpc_entries) {
		.entries = (unsigned long)self->done, .count = 1 }) ? errno : 0));
}

struct server {
	struct kvm_vcpu *vcpu;
	struct vmrpc_channel *channel;
	bool stop;
};

static void *server_main(void *arg)
{
	struct server *server = arg;

	while (!__atomic_load_n(&server->stop, __ATOMIC_ACQUIRE))
		answer_all(server->vcpu, server->channel);
	return NULL;
}

/* Answers, deadlines and the descriptor's end at once: nothing is lost or used too late. */
TEST_F_TIMEOUT(queue, closed_while_answers_come, 120)
{
	struct server server = { .vcpu = self->vcpu, .channel = &self->channel };
	pthread_t thread;
	int fd, i, n;

	ASSERT_EQ(0, pthread_create(&thread, NULL, server_main, &server));
	for (i = 0; i < 300; i++) {
		fd = vmrpc_attach(self->tvm.name);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK));
		for (n = 0; n < SLOTS; n++)
			submit_on(self, fd, n, n % 2 ? LONG_MS : 1);
		if (i % 3 == 0)
			readable(fd, 5);
		if (i % 3 == 1)
			reap(fd, self->done, SLOTS);
		for (n = 0; i % 2 && n < SLOTS; n++)
			cancel(fd, n);
		close(fd);
	}
	__atomic_store_n(&server.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	answer_all(self->vcpu, &self->channel);
	ASSERT_EQ(0, vmrpc_info(self->tvm.fd).calls_in_flight);
	for (n = 0; n < SLOTS; n++)
		ASSERT_EQ(0, submit(self, n));
}

TEST_HARNESS_MAIN
