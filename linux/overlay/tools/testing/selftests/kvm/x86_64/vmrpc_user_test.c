// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of servers in the VMM: adding them, and the two halves of a call.  The test is
 * the guest and the VMM.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vmrpc_util.h"

#define MODULE		"store"
#define VERSION		"1"
#define SERVER		77	/* the VMM's number for it */

/* Its procedures: the first reads its argument, the second reads and writes. */
#define IN		1
#define OUT		2
#define PROC_IN		0
#define PROC_BOTH	1
#define MIN_SIZE	8
#define MAX_SIZE	VMRPC_MAX_ARG

FIXTURE(user)
{
	struct vmrpc_tvm tvm;
	struct kvm_vcpu *vcpu;
	struct vmrpc_vm_procedure procedures[2];
	struct vmrpc_vm_server server;
	struct vmrpc_async async;
	uint64_t handle;
	uint64_t gva;
	uint8_t *arg;
};

static void server_init(struct vmrpc_vm_server *server, struct vmrpc_vm_procedure *procedures)
{
	memset(server, 0, sizeof(*server));
	strcpy((char *)server->module, MODULE);
	strcpy((char *)server->version, VERSION);
	procedures[PROC_IN] = (struct vmrpc_vm_procedure) { IN, MIN_SIZE, MAX_SIZE };
	procedures[PROC_BOTH] = (struct vmrpc_vm_procedure) { IN | OUT, MIN_SIZE, MAX_SIZE };
	server->procedures = (unsigned long)procedures;
	server->nr_procedures = 2;
	server->server = SERVER;
}

static int64_t bind_user(struct kvm_vcpu *vcpu, const char *module, uint32_t flags,
			 uint64_t *handle)
{
	uint64_t gva = vm_vaddr_alloc_page(vcpu->vm);

	vmrpc_bind_fill(vcpu->vm, gva, module, VERSION)->flags = flags;
	return vmrpc_hypercall(vcpu, VMRPC_OP_BIND, 0, 0, gva, handle);
}

FIXTURE_SETUP(user)
{
	if (!(kvm_check_cap(KVM_CAP_VMRPC) & VMRPC_F_USER))
		SKIP(return, "the host kernel has no servers in the VMM");
	vmrpc_tvm_create(&self->tvm);
	vmrpc_tvm_enable(&self->tvm, -1);
	self->vcpu = self->tvm.vcpus[0];
	server_init(&self->server, self->procedures);
	ASSERT_EQ(0, ioctl(self->tvm.fd, VMRPC_VM_ADD_SERVER, &self->server));
	ASSERT_EQ(0, bind_user(self->vcpu, MODULE, VMRPC_BIND_USER, &self->handle));
	self->gva = vm_vaddr_alloc(self->tvm.vm, VMRPC_MAX_ARG, KVM_UTIL_MIN_VADDR);
	self->arg = addr_gva2hva(self->tvm.vm, self->gva);
}

FIXTURE_TEARDOWN(user)
{
	vmrpc_tvm_free(&self->tvm);
}

static uint64_t perform_op(uint32_t procedure)
{
	return VMRPC_OP_PERFORM | procedure << VMRPC_PROCEDURE_SHIFT;
}

/* The first half: the guest calls, and the VMM has it. */
#define begin(self, procedure, size)							\
do {											\
	vmrpc_hypercall_begin((self)->vcpu, perform_op(procedure), (self)->handle, size,	\
			      (self)->gva, 0);						\
	vcpu_run((self)->vcpu);								\
	ASSERT_EQ(KVM_EXIT_HYPERCALL, (self)->vcpu->run->exit_reason);			\
	ASSERT_EQ(VMRPC_HYPERCALL, (self)->vcpu->run->hypercall.nr);			\
} while (0)

/* The second: *result is RBX. */
static int64_t finish(struct kvm_vcpu *vcpu, uint64_t *result)
{
	vcpu_run(vcpu);
	TEST_ASSERT(vcpu->run->exit_reason == KVM_EXIT_IO, "Exit reason %u",
		    vcpu->run->exit_reason);
	return vmrpc_hypercall_end(vcpu, result);
}

static int answer(struct kvm_vcpu *vcpu, int fd, int status, int64_t result, void *data,
		  uint32_t flags)
{
	struct vmrpc_vm_user_answer answer = {
		.vcpu = vcpu->run->hypercall.args[0], .status = status, .result = result,
		.data = (unsigned long)data, .flags = flags,
	};

	return ioctl(fd, VMRPC_VM_USER_ANSWER, &answer) ? errno : 0;
}

static int read_call(struct kvm_vcpu *vcpu, int fd, struct vmrpc_vm_user_call *call, void *data,
		     uint32_t size)
{
	*call = (struct vmrpc_vm_user_call) {
		.vcpu = vcpu->run->hypercall.args[0], .size = size, .data = (unsigned long)data,
	};
	return ioctl(fd, VMRPC_VM_USER_CALL, call) ? errno : 0;
}

/* Adding */

TEST_F(user, add_same_again_exists)
{
	ASSERT_EQ(-1, ioctl(self->tvm.fd, VMRPC_VM_ADD_SERVER, &self->server));
	ASSERT_EQ(EEXIST, errno);
	strcpy((char *)self->server.version, "2");
	ASSERT_EQ(0, ioctl(self->tvm.fd, VMRPC_VM_ADD_SERVER, &self->server));
}

TEST_F(user, add_by_client_refused)
{
	int fd = vmrpc_attach(self->tvm.name);

	ASSERT_LE(0, fd);
	strcpy((char *)self->server.version, "2");
	ASSERT_EQ(-1, ioctl(fd, VMRPC_VM_ADD_SERVER, &self->server));
	ASSERT_EQ(EACCES, errno);
	close(fd);
}

TEST_F(user, add_malformed_refused)
{
	struct vmrpc_vm_server bad[4] = { self->server, self->server, self->server, self->server };
	int i;

	bad[0].nr_procedures = 0;
	bad[1].nr_procedures = 257;
	bad[2].module[0] = 0;
	bad[3].reserved = 1;
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(-1, ioctl(self->tvm.fd, VMRPC_VM_ADD_SERVER, &bad[i]));
		ASSERT_EQ(EINVAL, errno);
	}
}

TEST_F(user, add_malformed_procedure_refused)
{
	struct vmrpc_vm_procedure bad[] = {
		{ .direction = 4, .max_size = 8 },
		{ .direction = IN, .min_size = 9, .max_size = 8 },
		{ .direction = IN, .max_size = VMRPC_MAX_ARG + 1 },
		{ .direction = IN, .max_size = 8, .reserved = 1 },
	};
	int i;

	strcpy((char *)self->server.version, "2");
	self->server.nr_procedures = 1;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		self->server.procedures = (unsigned long)&bad[i];
		ASSERT_EQ(-1, ioctl(self->tvm.fd, VMRPC_VM_ADD_SERVER, &self->server));
		ASSERT_EQ(EINVAL, errno);
	}
	self->server.procedures = 1;
	ASSERT_EQ(-1, ioctl(self->tvm.fd, VMRPC_VM_ADD_SERVER, &self->server));
	ASSERT_EQ(EFAULT, errno);
}

TEST_F(user, add_too_many_busy)
{
	int i;

	for (i = 1; i < 64; i++) {
		sprintf((char *)self->server.version, "v%d", i);
		ASSERT_EQ(0, ioctl(self->tvm.fd, VMRPC_VM_ADD_SERVER, &self->server));
	}
	strcpy((char *)self->server.version, "more");
	ASSERT_EQ(-1, ioctl(self->tvm.fd, VMRPC_VM_ADD_SERVER, &self->server));
	ASSERT_EQ(EBUSY, errno);
}

/* Binding: the kernel's servers and the VMM's are two worlds */

TEST_F(user, bind_in_kernel_not_there)
{
	ASSERT_EQ(-VMRPC_ENOENT, bind_user(self->vcpu, MODULE, 0, NULL));
}

TEST_F(user, bind_kernels_module_in_vmm_not_there)
{
	ASSERT_EQ(-VMRPC_ENOENT, bind_user(self->vcpu, VMRPC_PRINT_MODULE, VMRPC_BIND_USER, NULL));
	ASSERT_EQ(0, bind_user(self->vcpu, VMRPC_PRINT_MODULE, 0, NULL));
}

TEST_F(user, bind_other_vm_not_there)
{
	struct kvm_vmrpc_config config;
	struct vmrpc_tvm other;

	vmrpc_tvm_create(&other);
	vmrpc_config_init(&config);
	config.name[0] = 'x';
	other.fd = __vm_enable_cap(other.vm, KVM_CAP_VMRPC, (unsigned long)&config);
	ASSERT_LE(0, other.fd);
	ASSERT_EQ(-VMRPC_ENOENT, bind_user(other.vcpus[0], MODULE, VMRPC_BIND_USER, NULL));
	vmrpc_tvm_free(&other);
}

TEST_F(user, bind_unknown_flag_refused)
{
	ASSERT_EQ(-VMRPC_EINVAL, bind_user(self->vcpu, MODULE, 4, NULL));
}

/* Calls */

TEST_F(user, call_comes_and_goes)
{
	struct vmrpc_vm_user_call call;
	char data[16], back[16] = "0123456789abcde";
	uint64_t result;

	memcpy(self->arg, "the guest's word", 16);
	begin(self, PROC_BOTH, 16);
	ASSERT_EQ(0, read_call(self->vcpu, self->tvm.fd, &call, data, sizeof(data)));
	ASSERT_EQ(SERVER, call.server);
	ASSERT_EQ(PROC_BOTH, call.procedure);
	ASSERT_EQ(16, call.size);
	ASSERT_EQ(0, memcmp(data, "the guest's word", 16));
	ASSERT_EQ(0, answer(self->vcpu, self->tvm.fd, 0, -5, back, 0));
	ASSERT_EQ(0, finish(self->vcpu, &result));
	ASSERT_EQ(-5, (int64_t)result);
	ASSERT_EQ(0, memcmp(self->arg, back, 16));
}

TEST_F(user, call_largest_comes_and_goes)
{
	static uint8_t data[VMRPC_MAX_ARG];
	struct vmrpc_vm_user_call call;

	memset(self->arg, 0x42, VMRPC_MAX_ARG);
	begin(self, PROC_BOTH, VMRPC_MAX_ARG);
	ASSERT_EQ(0, read_call(self->vcpu, self->tvm.fd, &call, data, sizeof(data)));
	ASSERT_EQ(0, memcmp(data, self->arg, sizeof(data)));
	data[VMRPC_MAX_ARG - 1] = 1;
	ASSERT_EQ(0, answer(self->vcpu, self->tvm.fd, 0, 0, data, 0));
	ASSERT_EQ(0, finish(self->vcpu, NULL));
	ASSERT_EQ(0, memcmp(data, self->arg, sizeof(data)));
}

TEST_F(user, call_only_in_nothing_written)
{
	char back[8] = "changed";

	memcpy(self->arg, "as it is", 8);
	begin(self, PROC_IN, 8);
	ASSERT_EQ(0, answer(self->vcpu, self->tvm.fd, 0, 0, back, 0));
	ASSERT_EQ(0, finish(self->vcpu, NULL));
	ASSERT_EQ(0, memcmp(self->arg, "as it is", 8));
}

TEST_F(user, call_fails_nothing_written)
{
	char back[8] = "changed";
	uint64_t result;

	memcpy(self->arg, "as it is", 8);
	begin(self, PROC_BOTH, 8);
	ASSERT_EQ(0, answer(self->vcpu, self->tvm.fd, -VMRPC_ENOENT, 1, back, 0));
	ASSERT_EQ(-VMRPC_ENOENT, finish(self->vcpu, &result));
	ASSERT_EQ(perform_op(PROC_BOTH), result);
	ASSERT_EQ(0, memcmp(self->arg, "as it is", 8));
}

TEST_F(user, call_wrong_size_never_seen)
{
	ASSERT_EQ(-VMRPC_EINVAL, vmrpc_perform(self->vcpu, self->handle, PROC_IN, self->gva,
					       MIN_SIZE - 1, NULL));
	ASSERT_EQ(-VMRPC_ENOSYS, vmrpc_perform(self->vcpu, self->handle, 2, self->gva, 8, NULL));
}

/* A result that could not be handed over is not produced. */
TEST_F(user, call_argument_read_only_never_seen)
{
	vmrpc_page_protect(self->tvm.vm, self->gva, 1ull << 1);
	ASSERT_EQ(-VMRPC_EFAULT, vmrpc_perform(self->vcpu, self->handle, PROC_BOTH, self->gva, 8,
					       NULL));
	begin(self, PROC_IN, 8);
}

TEST_F(user, call_room_too_small_told)
{
	struct vmrpc_vm_user_call call;
	char data[8];

	begin(self, PROC_IN, 16);
	ASSERT_EQ(EMSGSIZE, read_call(self->vcpu, self->tvm.fd, &call, data, sizeof(data)));
	ASSERT_EQ(16, call.size);
}

TEST_F(user, call_not_answered_guest_asks_again)
{
	begin(self, PROC_IN, 8);
	ASSERT_EQ(-VMRPC_EINTR, finish(self->vcpu, NULL));
	begin(self, PROC_IN, 8);
	ASSERT_EQ(0, answer(self->vcpu, self->tvm.fd, 0, 0, NULL, 0));
	ASSERT_EQ(0, finish(self->vcpu, NULL));
}

TEST_F(user, answer_without_call_refused)
{
	ASSERT_EQ(ENOENT, answer(self->vcpu, self->tvm.fd, 0, 0, NULL, 0));
	begin(self, PROC_IN, 8);
	ASSERT_EQ(0, answer(self->vcpu, self->tvm.fd, 0, 0, NULL, 0));
	ASSERT_EQ(0, finish(self->vcpu, NULL));
	ASSERT_EQ(ENOENT, answer(self->vcpu, self->tvm.fd, 0, 0, NULL, 0));
}

TEST_F(user, answer_malformed_refused)
{
	begin(self, PROC_IN, 8);
	ASSERT_EQ(EINVAL, answer(self->vcpu, self->tvm.fd, 1, 0, NULL, 0));
	ASSERT_EQ(EINVAL, answer(self->vcpu, self->tvm.fd, -4096, 0, NULL, 0));
	ASSERT_EQ(EINVAL, answer(self->vcpu, self->tvm.fd, 0, 0, NULL, 2));
	ASSERT_EQ(-VMRPC_EINTR, finish(self->vcpu, NULL));
}

TEST_F(user, call_unbound_meanwhile_finishes)
{
	begin(self, PROC_IN, 8);
	ASSERT_EQ(0, vmrpc_unbind(self->tvm.vcpus[1], self->handle));
	ASSERT_EQ(0, answer(self->vcpu, self->tvm.fd, 0, 0, NULL, 0));
	ASSERT_EQ(0, finish(self->vcpu, NULL));
}

/* The registers are the new life's: nothing of the call gets into them. */
TEST_F(user, call_vm_reset_forgotten)
{
	begin(self, PROC_IN, 8);
	ASSERT_EQ(0, ioctl(self->tvm.fd, VMRPC_VM_RESET));
	ASSERT_EQ(ENOENT, answer(self->vcpu, self->tvm.fd, 0, 0, NULL, 0));
	ASSERT_EQ(-VMRPC_ESTALE, vmrpc_perform(self->vcpu, self->handle, PROC_IN, self->gva, 8,
					       NULL));
}

TEST_F(user, call_vm_destroyed_meanwhile)
{
	begin(self, PROC_IN, 8);
	kvm_vm_free(self->tvm.vm);
	self->tvm.vm = NULL;
	ASSERT_EQ(VMRPC_VM_GONE, vmrpc_info(self->tvm.fd).state);
	ASSERT_EQ(-1, ioctl(self->tvm.fd, VMRPC_VM_ADD_SERVER, &self->server));
	ASSERT_EQ(ESHUTDOWN, errno);
}

/* Copying by an address in the argument */

static int copy(struct kvm_vcpu *vcpu, int fd, uint64_t guest, void *data, uint32_t size,
		uint32_t flags)
{
	struct vmrpc_vm_user_copy copy = {
		.vcpu = vcpu->run->hypercall.args[0], .flags = flags, .guest = guest,
		.data = (unsigned long)data, .size = size,
	};

	return ioctl(fd, VMRPC_VM_USER_COPY, &copy) ? errno : 0;
}

TEST_F(user, copy_from_guest)
{
	static uint8_t data[VMRPC_MAX_ARG];

	memset(self->arg, 0x17, sizeof(data));
	begin(self, PROC_IN, 8);
	ASSERT_EQ(0, copy(self->vcpu, self->tvm.fd, self->gva, data, sizeof(data), 0));
	ASSERT_EQ(0, memcmp(data, self->arg, sizeof(data)));
}

TEST_F(user, copy_to_guest_across_pages)
{
	uint8_t data[100];

	memset(data, 0x29, sizeof(data));
	begin(self, PROC_IN, 8);
	ASSERT_EQ(0, copy(self->vcpu, self->tvm.fd, self->gva + 4096 - 50, data, sizeof(data),
			  VMRPC_COPY_TO_GUEST));
	ASSERT_EQ(0, memcmp(self->arg + 4096 - 50, data, sizeof(data)));
	ASSERT_EQ(0, self->arg[4096 - 51]);
	ASSERT_EQ(0, self->arg[4096 + 50]);
	ASSERT_EQ(0, answer(self->vcpu, self->tvm.fd, 0, 0, NULL, 0));
	ASSERT_EQ(0, finish(self->vcpu, NULL));
}

TEST_F(user, copy_nothing)
{
	begin(self, PROC_IN, 8);
	ASSERT_EQ(0, copy(self->vcpu, self->tvm.fd, 1, NULL, 0, 0));
}

TEST_F(user, copy_what_guest_may_not_fails)
{
	uint8_t data[16] = { 0 };

	begin(self, PROC_IN, 8);
	ASSERT_EQ(EFAULT, copy(self->vcpu, self->tvm.fd, 0x7fffff000000, data, 16, 0));
	ASSERT_EQ(EFAULT, copy(self->vcpu, self->tvm.fd, 1ull << 62, data, 16, 0));
	ASSERT_EQ(EFAULT, copy(self->vcpu, self->tvm.fd, -8ull, data, 16, 0));
	vmrpc_page_protect(self->tvm.vm, self->gva, 1ull << 1);
	ASSERT_EQ(0, copy(self->vcpu, self->tvm.fd, self->gva, data, 16, 0));
	ASSERT_EQ(EFAULT, copy(self->vcpu, self->tvm.fd, self->gva, data, 16,
			       VMRPC_COPY_TO_GUEST));
}

TEST_F(user, copy_callers_memory_not_there_fails)
{
	begin(self, PROC_IN, 8);
	ASSERT_EQ(EFAULT, copy(self->vcpu, self->tvm.fd, self->gva, NULL, 16, 0));
	ASSERT_EQ(EFAULT, copy(self->vcpu, self->tvm.fd, self->gva, NULL, 16,
			       VMRPC_COPY_TO_GUEST));
}

TEST_F(user, copy_malformed_refused)
{
	uint8_t data[16];

	begin(self, PROC_IN, 8);
	ASSERT_EQ(EINVAL, copy(self->vcpu, self->tvm.fd, self->gva, data, 16, 2));
	ASSERT_EQ(E2BIG, copy(self->vcpu, self->tvm.fd, self->gva, data, VMRPC_MAX_ARG + 1, 0));
}

TEST_F(user, copy_for_a_process_refused)
{
	uint8_t data[16];

	ASSERT_EQ(0, bind_user(self->vcpu, MODULE, VMRPC_BIND_USER | VMRPC_BIND_PROCESS,
			       &self->handle));
	begin(self, PROC_IN, 8);
	ASSERT_EQ(EFAULT, copy(self->vcpu, self->tvm.fd, self->gva, data, 16, 0));
	ASSERT_EQ(EFAULT, copy(self->vcpu, self->tvm.fd, self->gva, data, 16,
			       VMRPC_COPY_TO_GUEST));
}

TEST_F(user, copy_without_call_refused)
{
	uint8_t data[16];

	ASSERT_EQ(ENOENT, copy(self->vcpu, self->tvm.fd, self->gva, data, 16, 0));
	begin(self, PROC_IN, 8);
	self->vcpu->run->hypercall.args[0] = 1 << 20;
	ASSERT_EQ(ENOENT, copy(self->vcpu, self->tvm.fd, self->gva, data, 16, 0));
}

/* It would go to the addresses of another process. */
TEST_F(user, copy_by_other_process_refused)
{
	uint8_t data[16];
	int status;
	pid_t pid;

	begin(self, PROC_IN, 8);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(copy(self->vcpu, self->tvm.fd, self->gva, data, 16, 0));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	ASSERT_EQ(EIO, WEXITSTATUS(status));
}

/* Parked is on its way back: the call is over. */
TEST_F(user, copy_while_parked_refused)
{
	uint8_t data[16];

	begin(self, PROC_IN, 8);
	ASSERT_EQ(0, answer(self->vcpu, self->tvm.fd, 0, 0, NULL, VMRPC_ANSWER_PARK));
	vmrpc_async_resume(&self->async, self->vcpu);
	VMRPC_WAIT_FOR(vmrpc_info(self->tvm.fd).parks == 1);
	ASSERT_EQ(ENOENT, copy(self->vcpu, self->tvm.fd, self->gva, data, 16, 0));
	ASSERT_EQ(0, ioctl(self->tvm.fd, VMRPC_VM_USER_WAKE, 0));
	vmrpc_async_join(&self->async);
}

TEST_F(user, stat_counts_ended_calls)
{
	struct vmrpc_vm_stat stat;
	char back[16] = "";

	begin(self, PROC_BOTH, 16);
	ASSERT_EQ(0, answer(self->vcpu, self->tvm.fd, 0, 0, back, 0));
	ASSERT_EQ(0, finish(self->vcpu, NULL));
	begin(self, PROC_BOTH, 16);
	ASSERT_EQ(0, answer(self->vcpu, self->tvm.fd, -VMRPC_ENOENT, 0, back, 0));
	ASSERT_EQ(-VMRPC_ENOENT, finish(self->vcpu, NULL));
	/* To be repeated: no error. */
	begin(self, PROC_BOTH, 16);
	ASSERT_EQ(-VMRPC_EINTR, finish(self->vcpu, NULL));

	stat = vmrpc_stat(self->tvm.fd, VMRPC_STAT_VMM, MODULE, PROC_BOTH);
	ASSERT_EQ(3, stat.calls);
	ASSERT_EQ(1, stat.errors);
	ASSERT_EQ(3 * 16, stat.arg_bytes);
	ASSERT_EQ(16, stat.res_bytes);
	ASSERT_EQ(1, vmrpc_stat_rows(self->tvm.fd));
}

/* Parking */

TEST_F(user, parked_woken_guest_asks_again)
{
	begin(self, PROC_IN, 8);
	ASSERT_EQ(0, answer(self->vcpu, self->tvm.fd, 0, 0, NULL, VMRPC_ANSWER_PARK));
	vmrpc_async_resume(&self->async, self->vcpu);
	VMRPC_WAIT_FOR(vmrpc_info(self->tvm.fd).parks == 1);
	usleep(20000);
	ASSERT_FALSE(self->async.done);
	ASSERT_EQ(0, ioctl(self->tvm.fd, VMRPC_VM_USER_WAKE, 0));
	vmrpc_async_join(&self->async);
	ASSERT_EQ(-VMRPC_EINTR, self->async.ret);
}

TEST_F(user, woken_before_parked_does_not_park)
{
	begin(self, PROC_IN, 8);
	ASSERT_EQ(0, ioctl(self->tvm.fd, VMRPC_VM_USER_WAKE, 0));
	ASSERT_EQ(0, answer(self->vcpu, self->tvm.fd, 0, 0, NULL, VMRPC_ANSWER_PARK));
	ASSERT_EQ(-VMRPC_EINTR, finish(self->vcpu, NULL));
	ASSERT_EQ(0, vmrpc_info(self->tvm.fd).parks);
}

TEST_F(user, woken_for_an_earlier_call_parks)
{
	ASSERT_EQ(0, ioctl(self->tvm.fd, VMRPC_VM_USER_WAKE, 0));
	begin(self, PROC_IN, 8);
	ASSERT_EQ(0, answer(self->vcpu, self->tvm.fd, 0, 0, NULL, VMRPC_ANSWER_PARK));
	vmrpc_async_resume(&self->async, self->vcpu);
	VMRPC_WAIT_FOR(vmrpc_info(self->tvm.fd).parks == 1);
	ASSERT_EQ(0, ioctl(self->tvm.fd, VMRPC_VM_USER_WAKE, 0));
	vmrpc_async_join(&self->async);
}

TEST_F(user, wake_no_such_vcpu_harmless)
{
	ASSERT_EQ(0, ioctl(self->tvm.fd, VMRPC_VM_USER_WAKE, VMRPC_TEST_VCPUS));
	ASSERT_EQ(-1, ioctl(self->tvm.fd, VMRPC_VM_USER_WAKE, 1ul << 20));
	ASSERT_EQ(EINVAL, errno);
}

TEST_HARNESS_MAIN
