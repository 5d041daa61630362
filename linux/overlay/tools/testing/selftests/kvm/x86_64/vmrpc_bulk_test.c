// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of arguments and results that do not fit a slot, and are transferred.  The test
 * plays the guest's server, and as a guest that lies.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <linux/userfaultfd.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vmrpc_util.h"

#define PAGE		4096ull
#define LONG_MS		60000	/* not waited for: something ends the call */
#define SHORT_MS	50	/* waited for */
#define SLOTS		2
#define SIZE		(3 * PAGE + 100)	/* of the argument, and of the room for the result */
#define ODD		123	/* where they begin in a page */
#define GUEST_PAGES	(SIZE / PAGE + 2)

FIXTURE(bulk)
{
	struct vmrpc_tvm tvm;
	struct kvm_vcpu *vcpu;
	struct vmrpc_channel channel;
	struct vmrpc_caller caller;
	uint8_t *arg, *res;	/* of the caller, of SIZE bytes */
	uint64_t gva;		/* of the guest, GUEST_PAGES pages */
	uint8_t *guest;		/* the same memory here */
	uint64_t param;		/* of TRANSFER */
};

static int64_t register_flags(struct kvm_vcpu *vcpu, struct vmrpc_channel *channel, uint64_t flags)
{
	return vmrpc_hypercall(vcpu, VMRPC_OP_REGISTER, SLOTS, channel->gpa / PAGE, flags, NULL);
}

static uint8_t *map(size_t size)
{
	uint8_t *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	TEST_ASSERT(memory != MAP_FAILED, "mmap failed, errno %d", errno);
	return memory;
}

static void setup(struct _test_data_bulk *self, uint32_t dirty_ring_size)
{
	uint32_t i;

	vmrpc_tvm_create_dirty_ring(&self->tvm, dirty_ring_size);
	vmrpc_tvm_enable(&self->tvm, -1);
	self->vcpu = self->tvm.vcpus[0];
	vmrpc_channel_init(&self->channel, self->tvm.vm, SLOTS);
	TEST_ASSERT(!register_flags(self->vcpu, &self->channel, VMRPC_CHANNEL_BULK),
		    "REGISTER failed");

	self->gva = vm_vaddr_alloc_pages(self->tvm.vm, GUEST_PAGES);
	self->guest = addr_gva2hva(self->tvm.vm, self->gva);
	self->param = vm_vaddr_alloc_page(self->tvm.vm);
	self->arg = map(2 * SIZE) + ODD;
	self->res = map(2 * SIZE) + ODD;
	for (i = 0; i < SIZE; i++)
		self->arg[i] = i * 7 + i / 256;
	vmrpc_caller_init(&self->caller, self->tvm.fd, LONG_MS);
	self->caller.call.arg = (unsigned long)self->arg;
	self->caller.call.arg_size = SIZE;
	self->caller.call.res = (unsigned long)self->res;
	self->caller.call.res_size = SIZE;
}

FIXTURE_SETUP(bulk)
{
	if (!(kvm_check_cap(KVM_CAP_VMRPC) & VMRPC_F_BULK))
		SKIP(return, "the host kernel has no VMRPC_F_BULK");
	setup(self, 0);
}

FIXTURE_TEARDOWN(bulk)
{
	vmrpc_tvm_free(&self->tvm);
}

/* The TRANSFER of the whole argument or result of slot 0, by the first bytes of the guest's memory. */
#define transfer_init(self, the_flags)							\
({											\
	struct vmrpc_transfer *__arg = addr_gva2hva((self)->tvm.vm, (self)->param);	\
											\
	*__arg = (struct vmrpc_transfer) {						\
		.seq = vmrpc_channel_request(&(self)->channel, 0)->seq,			\
		.gva = (self)->gva, .size = SIZE, .flags = the_flags,			\
	};										\
	__arg;										\
})

#define transfer(self, copied)								\
	vmrpc_hypercall((self)->vcpu, VMRPC_OP_TRANSFER, 0, 0, (self)->param, copied)

#define call_start(self)								\
do {											\
	vmrpc_caller_start(&(self)->caller);						\
	VMRPC_WAIT_FOR(vmrpc_channel_pending(&(self)->channel, 0));			\
} while (0)

#define answer(self, status, size)							\
do {											\
	vmrpc_channel_reply(&(self)->channel, 0, status, NULL, 0);			\
	vmrpc_channel_response(&(self)->channel, 0)->res_size = size;			\
	vmrpc_poll((self)->vcpu, 0, NULL);						\
} while (0)

#define end_call(self)									\
do {											\
	answer(self, VMRPC_EINVAL, 0);							\
	ASSERT_EQ(EINVAL, vmrpc_caller_join(&(self)->caller));				\
} while (0)

static bool all(const uint8_t *memory, uint8_t byte, size_t size)
{
	while (size--)
		if (memory[size] != byte)
			return false;
	return true;
}

TEST_F(bulk, register_unknown_flag_refused)
{
	ASSERT_EQ(-VMRPC_EINVAL, register_flags(self->vcpu, &self->channel, VMRPC_CHANNEL_BULK << 1));
}

TEST_F(bulk, request_tells_sizes)
{
	call_start(self);
	ASSERT_EQ(SIZE, vmrpc_channel_request(&self->channel, 0)->arg_size);
	ASSERT_EQ(SIZE, vmrpc_channel_request(&self->channel, 0)->res_max);
	end_call(self);
}

TEST_F(bulk, argument_copied_to_guest)
{
	uint64_t copied;

	call_start(self);
	transfer_init(self, 0)->gva += 5;
	ASSERT_EQ(0, transfer(self, &copied));
	ASSERT_EQ(SIZE, copied);
	ASSERT_EQ(0, memcmp(self->guest + 5, self->arg, SIZE));
	ASSERT_TRUE(all(self->guest, 0, 5));
	ASSERT_TRUE(all(self->guest + 5 + SIZE, 0, 50));
	end_call(self);
}

TEST_F(bulk, result_copied_to_caller)
{
	uint64_t copied;

	call_start(self);
	memset(self->guest, 0x5a, SIZE);
	transfer_init(self, VMRPC_TRANSFER_RESULT);
	ASSERT_EQ(0, transfer(self, &copied));
	ASSERT_EQ(SIZE, copied);
	answer(self, 0, SIZE);
	ASSERT_EQ(0, vmrpc_caller_join(&self->caller));
	ASSERT_EQ(SIZE, self->caller.call.res_size);
	ASSERT_TRUE(all(self->res, 0x5a, SIZE));
	ASSERT_TRUE(all(self->res - ODD, 0, ODD));
	ASSERT_TRUE(all(self->res + SIZE, 0, 50));
}

TEST_F(bulk, pieces_put_together)
{
	uint64_t done, copied;

	call_start(self);
	for (done = 0; done < SIZE; done += copied) {
		struct vmrpc_transfer *arg = transfer_init(self, 0);

		arg->offset = done;
		arg->gva += done;
		arg->size = SIZE - done < 1000 ? SIZE - done : 1000;
		ASSERT_EQ(0, transfer(self, &copied));
		ASSERT_EQ(arg->size, copied);
	}
	ASSERT_EQ(0, memcmp(self->guest, self->arg, SIZE));
	end_call(self);
}

TEST_F(bulk, small_answer_comes_by_slot)
{
	call_start(self);
	vmrpc_channel_reply(&self->channel, 0, 0, "short", 5);
	vmrpc_poll(self->vcpu, 0, NULL);
	ASSERT_EQ(0, vmrpc_caller_join(&self->caller));
	ASSERT_EQ(5, self->caller.call.res_size);
	ASSERT_EQ(0, memcmp(self->res, "short", 5));
}

TEST_F(bulk, small_argument_is_in_slot)
{
	self->caller.call.arg_size = 100;
	call_start(self);
	ASSERT_EQ(0, memcmp(vmrpc_channel_request(&self->channel, 0) + 1, self->arg, 100));
	end_call(self);
}

TEST_F(bulk, counted)
{
	struct vmrpc_vm_stat stat;

	call_start(self);
	transfer_init(self, VMRPC_TRANSFER_RESULT);
	ASSERT_EQ(0, transfer(self, NULL));
	answer(self, 0, SIZE);
	ASSERT_EQ(0, vmrpc_caller_join(&self->caller));
	stat = vmrpc_stat(self->tvm.fd, VMRPC_STAT_GUEST, VMRPC_ECHO_MODULE, VMRPC_ECHO_ECHO);
	ASSERT_EQ(SIZE, stat.arg_bytes);
	ASSERT_EQ(SIZE, stat.res_bytes);
}

#define LARGE	((1 << 20) + PAGE)

/* An argument of LARGE bytes.  The guest takes it to one page, at as many addresses. */
#define large_call_start(self)								\
do {											\
	const uint64_t __gva = 1ull << 40;						\
	uint64_t __i;									\
	struct vmrpc_transfer *__param;							\
											\
	for (__i = 0; __i < LARGE; __i += PAGE)						\
		virt_pg_map((self)->tvm.vm, __gva + __i,				\
			    addr_gva2gpa((self)->tvm.vm, (self)->gva));			\
	(self)->caller.call.arg = (unsigned long)map(LARGE);				\
	(self)->caller.call.arg_size = LARGE;						\
	call_start(self);								\
	__param = transfer_init(self, 0);						\
	__param->size = LARGE;								\
	__param->gva = __gva;								\
} while (0)

TEST_F(bulk, more_than_a_hypercall_does)
{
	uint64_t copied;

	large_call_start(self);
	ASSERT_EQ(0, transfer(self, &copied));
	ASSERT_LE(1, copied);
	ASSERT_GT(LARGE, copied);
	end_call(self);
}

/* The host kernel would warn. */
TEST_F(bulk, dirty_ring_not_overrun)
{
	struct kvm_vcpu *vcpu;
	uint64_t copied;

	vmrpc_tvm_free(&self->tvm);
	setup(self, getpagesize());
	vm_mem_region_set_flags(self->tvm.vm, 0, KVM_MEM_LOG_DIRTY_PAGES);
	large_call_start(self);
	vcpu = self->vcpu;
	vmrpc_hypercall_begin(vcpu, VMRPC_OP_TRANSFER, 0, 0, self->param, 0);
	vcpu_run(vcpu);
	TEST_ASSERT_KVM_EXIT_REASON(vcpu, KVM_EXIT_DIRTY_RING_FULL);
	ASSERT_EQ(0, vmrpc_hypercall_end(vcpu, &copied));
	ASSERT_LE(1, copied);
	ASSERT_GT(getpagesize() / sizeof(struct kvm_dirty_gfn) * PAGE, copied);
	self->vcpu = self->tvm.vcpus[1];
	end_call(self);
}

/* What a caller may not */

TEST_F(bulk, argument_over_limit_refused)
{
	self->caller.call.arg_size = VMRPC_MAX_BULK + 1;
	ASSERT_EQ(E2BIG, vmrpc_caller_call(&self->caller));
}

TEST_F(bulk, room_over_limit_refused)
{
	self->caller.call.res_size = VMRPC_MAX_BULK + 1;
	ASSERT_EQ(E2BIG, vmrpc_caller_call(&self->caller));
}

TEST_F(bulk, argument_unmapped_fault)
{
	ASSERT_EQ(0, munmap(self->arg - ODD + 2 * PAGE, PAGE));
	ASSERT_EQ(EFAULT, vmrpc_caller_call(&self->caller));
}

TEST_F(bulk, room_read_only_fault)
{
	ASSERT_EQ(0, mprotect(self->res - ODD + 2 * PAGE, PAGE, PROT_READ));
	ASSERT_EQ(EFAULT, vmrpc_caller_call(&self->caller));
}

/* Root's limit is not asked for: in a child that gave that up. */
static int call_without_capability(struct vmrpc_caller *caller, rlim_t limit)
{
	struct rlimit memlock = { limit, limit };
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(setrlimit(RLIMIT_MEMLOCK, &memlock) || setuid(65534) ?
		      255 : vmrpc_caller_call(caller));
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

TEST_F(bulk, limit_of_locked_memory_counts)
{
	self->caller.call.timeout_ms = SHORT_MS;
	ASSERT_EQ(ENOMEM, call_without_capability(&self->caller, 7 * PAGE));
	ASSERT_EQ(ETIMEDOUT, call_without_capability(&self->caller, 8 * PAGE));
}

TEST_F(bulk, argument_at_end_of_addresses_fault)
{
	self->caller.call.arg = -PAGE;
	ASSERT_EQ(EFAULT, vmrpc_caller_call(&self->caller));
}

/* A guest that did not say it transfers */

TEST_F(bulk, guest_without_argument_refused)
{
	ASSERT_EQ(0, register_flags(self->vcpu, &self->channel, 0));
	ASSERT_EQ(E2BIG, vmrpc_caller_call(&self->caller));
	ASSERT_EQ(0, vmrpc_info(self->tvm.fd).calls);
	ASSERT_EQ(0, vmrpc_stat_rows(self->tvm.fd) > 1);
}

TEST_F(bulk, guest_without_room_cut_to_slot)
{
	ASSERT_EQ(0, register_flags(self->vcpu, &self->channel, 0));
	self->caller.call.arg_size = 0;
	call_start(self);
	ASSERT_EQ(VMRPC_SLOT_DATA, vmrpc_channel_request(&self->channel, 0)->res_max);
	transfer_init(self, VMRPC_TRANSFER_RESULT);
	ASSERT_EQ(-VMRPC_ECANCELED, transfer(self, NULL));
	vmrpc_channel_reply(&self->channel, 0, 0, "x", 1);
	vmrpc_poll(self->vcpu, 0, NULL);
	ASSERT_EQ(0, vmrpc_caller_join(&self->caller));
	ASSERT_EQ(1, self->caller.call.res_size);
}

/* A guest that lies */

TEST_F(bulk, result_not_transferred_refused)
{
	call_start(self);
	answer(self, 0, SIZE);
	ASSERT_EQ(EPROTO, vmrpc_caller_join(&self->caller));
}

TEST_F(bulk, result_transferred_in_part_refused)
{
	call_start(self);
	transfer_init(self, VMRPC_TRANSFER_RESULT)->size = SIZE - 1;
	ASSERT_EQ(0, transfer(self, NULL));
	answer(self, 0, SIZE);
	ASSERT_EQ(EPROTO, vmrpc_caller_join(&self->caller));
}

TEST_F(bulk, result_with_gap_refused)
{
	struct vmrpc_transfer *arg;

	call_start(self);
	arg = transfer_init(self, VMRPC_TRANSFER_RESULT);
	arg->size = PAGE;
	ASSERT_EQ(0, transfer(self, NULL));
	ASSERT_EQ(0, transfer(self, NULL));
	arg->offset = PAGE + 1;
	arg->size = SIZE - PAGE - 1;
	ASSERT_EQ(0, transfer(self, NULL));
	answer(self, 0, SIZE);
	ASSERT_EQ(EPROTO, vmrpc_caller_join(&self->caller));
}

TEST_F(bulk, result_over_room_refused)
{
	call_start(self);
	transfer_init(self, VMRPC_TRANSFER_RESULT);
	ASSERT_EQ(0, transfer(self, NULL));
	ASSERT_EQ(0, transfer(self, NULL));
	answer(self, 0, SIZE + 1);
	ASSERT_EQ(EPROTO, vmrpc_caller_join(&self->caller));
}

/* TRANSFER, with one thing wrong */

#define expect_transfer(self, the_flags, error, ...)					\
do {											\
	struct vmrpc_transfer *arg;							\
											\
	call_start(self);								\
	arg = transfer_init(self, the_flags);						\
	(void)arg;									\
	__VA_ARGS__;									\
	ASSERT_EQ(-error, transfer(self, NULL));					\
	ASSERT_TRUE(all((self)->guest, 0, SIZE));					\
	ASSERT_TRUE(all((self)->res, 0, SIZE));						\
	end_call(self);									\
} while (0)

TEST_F(bulk, transfer_unknown_flag_refused)
{
	expect_transfer(self, VMRPC_TRANSFER_RESULT << 1, VMRPC_EINVAL, (void)0);
}

TEST_F(bulk, transfer_no_bytes_refused)
{
	expect_transfer(self, 0, VMRPC_EINVAL, arg->size = 0);
}

TEST_F(bulk, transfer_past_end_refused)
{
	expect_transfer(self, 0, VMRPC_EINVAL, arg->offset = 1);
}

TEST_F(bulk, transfer_past_room_refused)
{
	expect_transfer(self, VMRPC_TRANSFER_RESULT, VMRPC_EINVAL, arg->size = SIZE + 1);
}

TEST_F(bulk, transfer_offset_wraps_refused)
{
	expect_transfer(self, 0, VMRPC_EINVAL, arg->offset = -PAGE);
}

TEST_F(bulk, transfer_size_wraps_refused)
{
	expect_transfer(self, 0, VMRPC_EINVAL, arg->offset = 1; arg->size = ~0ull);
}

TEST_F(bulk, transfer_memory_wraps_fault)
{
	expect_transfer(self, 0, VMRPC_EFAULT, arg->gva = -PAGE);
}

TEST_F(bulk, transfer_of_argument_in_slot_refused)
{
	self->caller.call.arg_size = 100;
	expect_transfer(self, 0, VMRPC_EINVAL, arg->size = 100);
}

TEST_F(bulk, transfer_other_request_canceled)
{
	expect_transfer(self, 0, VMRPC_ECANCELED, arg->seq++);
}

TEST_F(bulk, transfer_other_slot_canceled)
{
	expect_transfer(self, 0, VMRPC_ECANCELED, arg->slot = 1);
}

TEST_F(bulk, transfer_no_slot_canceled)
{
	expect_transfer(self, 0, VMRPC_ECANCELED, arg->slot = SLOTS);
}

TEST_F(bulk, transfer_memory_unmapped_fault)
{
	expect_transfer(self, 0, VMRPC_EFAULT, arg->gva = 1ull << 46);
}

TEST_F(bulk, transfer_memory_read_only_fault)
{
	expect_transfer(self, 0, VMRPC_EFAULT,
			vmrpc_page_protect(self->tvm.vm, self->gva, PTE_WRITABLE_MASK));
}

TEST_F(bulk, transfer_memory_noncanonical_fault)
{
	expect_transfer(self, 0, VMRPC_EFAULT, arg->gva = 1ull << 62);
}

TEST_F(bulk, transfer_registers_reserved_refused)
{
	const uint64_t op = VMRPC_OP_TRANSFER;

	call_start(self);
	transfer_init(self, 0);
	ASSERT_EQ(-VMRPC_EINVAL, vmrpc_hypercall(self->vcpu, op, 1, 0, self->param, NULL));
	ASSERT_EQ(-VMRPC_EINVAL, vmrpc_hypercall(self->vcpu, op, 0, 1, self->param, NULL));
	ASSERT_EQ(-VMRPC_EINVAL, vmrpc_hypercall(self->vcpu, op | 1 << VMRPC_PROCEDURE_SHIFT, 0, 0,
						 self->param, NULL));
	ASSERT_EQ(0, transfer(self, NULL));
	end_call(self);
}

TEST_F(bulk, transfer_parameters_unmapped_fault)
{
	ASSERT_EQ(-VMRPC_EFAULT,
		  vmrpc_hypercall(self->vcpu, VMRPC_OP_TRANSFER, 0, 0, 1ull << 46, NULL));
}

TEST_F(bulk, transfer_no_channel_not_connected)
{
	ASSERT_EQ(0, vmrpc_hypercall(self->vcpu, VMRPC_OP_UNREGISTER, 0, 0, 0, NULL));
	transfer_init(self, 0);
	ASSERT_EQ(-VMRPC_ENOTCONN, transfer(self, NULL));
}

TEST_F(bulk, transfer_of_small_call_canceled)
{
	self->caller.call.arg_size = self->caller.call.res_size = 8;
	expect_transfer(self, 0, VMRPC_ECANCELED, arg->size = 8);
}

/* What was copied is told first, and the error by the next transfer. */
TEST_F(bulk, transfer_memory_ends_part_copied)
{
	uint64_t copied;

	call_start(self);
	transfer_init(self, 0);
	vmrpc_page_protect(self->tvm.vm, self->gva + PAGE, PTE_PRESENT_MASK);
	ASSERT_EQ(0, transfer(self, &copied));
	ASSERT_EQ(PAGE, copied);
	end_call(self);
}

/* A call that has ended: its caller's memory is not touched any more. */

#define expect_canceled(self)								\
do {											\
	memset((self)->guest, 0x5a, SIZE);						\
	transfer_init(self, VMRPC_TRANSFER_RESULT);					\
	ASSERT_EQ(-VMRPC_ECANCELED, transfer(self, NULL));				\
	ASSERT_TRUE(all((self)->res, 0, SIZE));						\
} while (0)

TEST_F(bulk, deadline_passed_canceled)
{
	self->caller.call.timeout_ms = SHORT_MS;
	call_start(self);
	ASSERT_EQ(ETIMEDOUT, vmrpc_caller_join(&self->caller));
	expect_canceled(self);
}

TEST_F(bulk, answered_canceled)
{
	call_start(self);
	end_call(self);
	expect_canceled(self);
}

TEST_F(bulk, registered_anew_canceled)
{
	call_start(self);
	ASSERT_EQ(0, register_flags(self->vcpu, &self->channel, VMRPC_CHANNEL_BULK));
	ASSERT_EQ(ECONNRESET, vmrpc_caller_join(&self->caller));
	expect_canceled(self);
}

/* The guest's worker does not know yet that its call is not this one. */
TEST_F(bulk, registered_anew_next_call_is_not_the_old_one)
{
	uint64_t seq;

	call_start(self);
	seq = vmrpc_channel_request(&self->channel, 0)->seq;
	vmrpc_channel_request(&self->channel, 0)->seq = 0;
	ASSERT_EQ(0, register_flags(self->vcpu, &self->channel, VMRPC_CHANNEL_BULK));
	ASSERT_EQ(ECONNRESET, vmrpc_caller_join(&self->caller));
	expect_transfer(self, VMRPC_TRANSFER_RESULT, VMRPC_ECANCELED, arg->seq = seq);
}

/* The vCPU is in the middle of it, and waits for the VMM's memory. */
TEST_F(bulk, ends_meanwhile_canceled)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range = { .start = (unsigned long)self->guest, .len = PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct uffdio_zeropage zero = { .range = range.range };
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC);
	struct vmrpc_async async;
	struct uffd_msg fault;

	if (fd < 0)
		SKIP(return, "no userfaultfd");
	ASSERT_EQ(0, madvise(self->guest, PAGE, MADV_DONTNEED));
	ASSERT_EQ(0, ioctl(fd, UFFDIO_API, &api));
	ASSERT_EQ(0, ioctl(fd, UFFDIO_REGISTER, &range));
	memset(self->res, 0x5a, SIZE);
	call_start(self);
	transfer_init(self, VMRPC_TRANSFER_RESULT);
	vmrpc_async_start(&async, self->vcpu, VMRPC_OP_TRANSFER, 0, 0, self->param);
	ASSERT_EQ(sizeof(fault), read(fd, &fault, sizeof(fault)));
	ASSERT_EQ(0, ioctl(self->tvm.fd, VMRPC_VM_RESET));
	ASSERT_EQ(ECONNRESET, vmrpc_caller_join(&self->caller));
	ASSERT_FALSE(__atomic_load_n(&async.done, __ATOMIC_ACQUIRE));
	ASSERT_EQ(0, ioctl(fd, UFFDIO_ZEROPAGE, &zero));
	vmrpc_async_join(&async);
	ASSERT_EQ(0, async.run_errno);
	ASSERT_EQ(-VMRPC_ECANCELED, async.ret);
	ASSERT_TRUE(all(self->res, 0x5a, SIZE));
	close(fd);
}

/* Calls that are submitted */

#define submit(self, from)								\
({											\
	struct vmrpc_vm_submit __submit = { .call = (self)->caller.call };		\
											\
	ioctl(from, VMRPC_VM_SUBMIT, &__submit) ? errno : 0;				\
})

TEST_F(bulk, submitted_result_there_when_reaped)
{
	struct vmrpc_vm_done done;
	struct vmrpc_entries reap = { .entries = (unsigned long)&done, .count = 1 };

	ASSERT_EQ(0, submit(self, self->tvm.fd));
	memset(self->guest, 0x5a, SIZE);
	transfer_init(self, VMRPC_TRANSFER_RESULT);
	ASSERT_EQ(0, transfer(self, NULL));
	answer(self, 0, SIZE);
	ASSERT_EQ(0, ioctl(self->tvm.fd, VMRPC_VM_REAP, &reap));
	ASSERT_EQ(0, done.status);
	ASSERT_EQ(SIZE, done.res_size);
	ASSERT_TRUE(all(self->res, 0x5a, SIZE));
	memset(self->res, 0, SIZE);
	expect_canceled(self);
}

TEST_F(bulk, submitted_deadline_passed_canceled)
{
	struct vmrpc_vm_done done;
	struct vmrpc_entries reap = { .entries = (unsigned long)&done, .count = 1 };

	self->caller.call.timeout_ms = SHORT_MS;
	ASSERT_EQ(0, submit(self, self->tvm.fd));
	VMRPC_WAIT_FOR(!ioctl(self->tvm.fd, VMRPC_VM_REAP, &reap));
	ASSERT_EQ(-ETIMEDOUT, done.status);
	expect_canceled(self);
}

TEST_F(bulk, submitted_descriptor_closed_canceled)
{
	int fd = vmrpc_attach(self->tvm.name);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, submit(self, fd));
	close(fd);
	expect_canceled(self);
}

/* All pins are given back. */

static long pins(void)
{
	char name[64];
	long value, balance = 0;
	FILE *file;
	int refresh = open("/proc/sys/vm/stat_refresh", O_WRONLY);

	/* Has all CPUs tell what they have counted. */
	TEST_ASSERT(write(refresh, "1", 1) == 1, "No stat_refresh, errno %d", errno);
	close(refresh);
	file = fopen("/proc/vmstat", "r");

	while (file && fscanf(file, "%63s %ld", name, &value) == 2) {
		if (!strcmp(name, "nr_foll_pin_acquired"))
			balance += value;
		else if (!strcmp(name, "nr_foll_pin_released"))
			balance -= value;
	}
	if (file)
		fclose(file);
	return balance;
}

TEST_F(bulk, submitted_pins_given_back_before_reaped)
{
	long before = pins();

	ASSERT_EQ(0, submit(self, self->tvm.fd));
	ASSERT_LT(before, pins());
	answer(self, VMRPC_EINVAL, 0);
	VMRPC_WAIT_FOR(pins() == before);
}

TEST_F(bulk, pins_given_back)
{
	long before = pins();
	int fd = vmrpc_attach(self->tvm.name);

	call_start(self);
	ASSERT_LT(before, pins());
	ASSERT_EQ(0, submit(self, fd));
	close(fd);
	end_call(self);
	ASSERT_EQ(0, munmap(self->arg - ODD + 2 * PAGE, PAGE));
	ASSERT_EQ(EFAULT, vmrpc_caller_call(&self->caller));
	VMRPC_WAIT_FOR(pins() == before);
}

TEST_HARNESS_MAIN
