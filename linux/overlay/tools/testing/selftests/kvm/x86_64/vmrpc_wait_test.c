// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of calls that wait, on the vCPU's thread or parked, and of what ends them:
 * a timer, an interrupt, a signal, an unbind, the server's unloading.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vmrpc_util.h"

#define LONG_MS		VMRPC_TEST_WAIT_MAX	/* not waited for: something ends it */
#define SHORT_MS	100

/* Two vCPUs, of which the first waits in a call of the server "test". */
FIXTURE(wait)
{
	struct vmrpc_tvm tvm;
	struct kvm_vcpu *vcpu, *other;
	uint64_t handle;
	uint64_t gva;
	struct vmrpc_test_wait *arg;
	struct vmrpc_async async;
};

FIXTURE_SETUP(wait)
{
	if (!kvm_has_cap(KVM_CAP_VMRPC))
		SKIP(return, "the host kernel has no KVM_CAP_VMRPC");
	if (vmrpc_server_load())
		SKIP(return, "vmrpc_test_server.ko cannot be loaded");
	vmrpc_tvm_create(&self->tvm);
	vmrpc_tvm_enable(&self->tvm, -1);
	self->vcpu = self->tvm.vcpus[0];
	self->other = self->tvm.vcpus[1];
	ASSERT_EQ(0, vmrpc_bind(self->vcpu, VMRPC_TEST_MODULE, VMRPC_TEST_VERSION,
				&self->handle));
	self->gva = vm_vaddr_alloc_page(self->tvm.vm);
	self->arg = addr_gva2hva(self->tvm.vm, self->gva);
	self->arg->reserved = 0;
}

FIXTURE_TEARDOWN(wait)
{
	vmrpc_tvm_free(&self->tvm);
}

#define start(self, procedure, wait_ms)						\
do {										\
	(self)->arg->ms = (wait_ms);						\
	vmrpc_async_start(&(self)->async, (self)->vcpu,				\
			  VMRPC_OP_PERFORM | (procedure) << VMRPC_PROCEDURE_SHIFT, \
			  (self)->handle, sizeof(*(self)->arg), (self)->gva);	\
} while (0)

/* Returns when the server was called, or the vCPU parked. */
#define start_sleep(self, wait_ms)						\
do {										\
	start(self, VMRPC_TEST_SLEEP, wait_ms);					\
	VMRPC_WAIT_FOR(vmrpc_info((self)->tvm.fd).performs == 1);		\
} while (0)

#define start_park(self, wait_ms)						\
do {										\
	start(self, VMRPC_TEST_PARK, wait_ms);					\
	VMRPC_WAIT_FOR(vmrpc_info((self)->tvm.fd).parks == 1);			\
} while (0)

static int64_t echo(struct kvm_vcpu *vcpu, uint64_t handle, uint64_t gva)
{
	return vmrpc_perform(vcpu, handle, VMRPC_TEST_ECHO, gva, 8, NULL);
}

static uint32_t mp_state(struct kvm_vcpu *vcpu)
{
	struct kvm_mp_state state;

	vcpu_mp_state_get(vcpu, &state);
	return state.mp_state;
}

TEST_F(wait, sleep_over_answered)
{
	start(self, VMRPC_TEST_SLEEP, SHORT_MS);
	vmrpc_async_join(&self->async);
	ASSERT_EQ(0, self->async.run_errno);
	ASSERT_EQ(0, self->async.ret);
	ASSERT_EQ(SHORT_MS, self->async.result);
}

TEST_F(wait, sleep_on_one_vcpu_other_runs)
{
	int i;

	start_sleep(self, LONG_MS);
	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, echo(self->other, self->handle, self->gva));
	ASSERT_FALSE(self->async.done);
	vmrpc_async_signal(&self->async);
	vmrpc_async_join(&self->async);
}

TEST_F(wait, sleep_signalled_interrupted)
{
	start_sleep(self, LONG_MS);
	vmrpc_async_signal(&self->async);
	vmrpc_async_join(&self->async);
	ASSERT_EQ(EINTR, self->async.run_errno);
	ASSERT_EQ(-VMRPC_EINTR, self->async.ret);
	ASSERT_EQ(KVM_MP_STATE_RUNNABLE, mp_state(self->vcpu));
	/* The guest goes on, and may call again. */
	vcpu_run(self->vcpu);
	ASSERT_EQ(0, echo(self->vcpu, self->handle, self->gva));
}

TEST_F(wait, sleep_unbound_goes_on_then_stale)
{
	start_sleep(self, SHORT_MS);
	ASSERT_EQ(0, vmrpc_unbind(self->other, self->handle));
	ASSERT_EQ(-VMRPC_ESTALE, echo(self->other, self->handle, self->gva));
	vmrpc_async_join(&self->async);
	ASSERT_EQ(0, self->async.run_errno);
	ASSERT_EQ(0, self->async.ret);
	ASSERT_EQ(SHORT_MS, self->async.result);
	ASSERT_EQ(-VMRPC_ESTALE, echo(self->vcpu, self->handle, self->gva));
}

TEST_F(wait, sleep_vm_reset_goes_on)
{
	start_sleep(self, SHORT_MS);
	ASSERT_EQ(0, ioctl(self->tvm.fd, VMRPC_VM_RESET));
	vmrpc_async_join(&self->async);
	ASSERT_EQ(0, self->async.ret);
	ASSERT_EQ(-VMRPC_ESTALE, echo(self->vcpu, self->handle, self->gva));
}

/* Memory slots may change under a call that sleeps: it holds no lock of KVM's. */
TEST_F(wait, sleep_memory_slot_added_not_blocked)
{
	start_sleep(self, LONG_MS);
	vm_userspace_mem_region_add(self->tvm.vm, VM_MEM_SRC_ANONYMOUS, 1ull << 32, 10, 1, 0);
	vm_mem_region_delete(self->tvm.vm, 10);
	ASSERT_FALSE(self->async.done);
	vmrpc_async_signal(&self->async);
	vmrpc_async_join(&self->async);
}

/* In a socket, and in a semaphore: any of the kernel's sleeps will do. */

static void start_call(struct vmrpc_async *async, struct kvm_vcpu *vcpu, uint64_t handle,
		       uint32_t procedure, uint32_t size, uint64_t gva)
{
	vmrpc_async_start(async, vcpu, VMRPC_OP_PERFORM | procedure << VMRPC_PROCEDURE_SHIFT,
			  handle, size, gva);
}

TEST_F(wait, socket_waits_until_other_sends)
{
	uint64_t gva = vm_vaddr_alloc_page(self->tvm.vm);
	char *message = addr_gva2hva(self->tvm.vm, gva);

	start_call(&self->async, self->vcpu, self->handle, VMRPC_TEST_RECV, 64, self->gva);
	VMRPC_WAIT_FOR(vmrpc_info(self->tvm.fd).performs == 1);
	usleep(20000);
	ASSERT_FALSE(self->async.done);
	strcpy(message, "from the other");
	ASSERT_EQ(0, vmrpc_perform(self->other, self->handle, VMRPC_TEST_SEND, gva, 15, NULL));
	vmrpc_async_join(&self->async);
	ASSERT_EQ(0, self->async.ret);
	ASSERT_EQ(15, self->async.result);
	ASSERT_STREQ("from the other", (char *)self->arg);
}

TEST_F(wait, socket_signalled_nothing_lost)
{
	start_call(&self->async, self->vcpu, self->handle, VMRPC_TEST_RECV, 64, self->gva);
	VMRPC_WAIT_FOR(vmrpc_info(self->tvm.fd).performs == 1);
	vmrpc_async_signal(&self->async);
	vmrpc_async_join(&self->async);
	ASSERT_EQ(EINTR, self->async.run_errno);
	ASSERT_EQ(-VMRPC_EINTR, self->async.ret);
	vcpu_run(self->vcpu);
	ASSERT_EQ(0, vmrpc_perform(self->other, self->handle, VMRPC_TEST_SEND, self->gva, 8, NULL));
	ASSERT_EQ(0, vmrpc_perform(self->vcpu, self->handle, VMRPC_TEST_RECV, self->gva, 64, NULL));
}

TEST_F(wait, semaphore_waits_until_other_ups)
{
	start_call(&self->async, self->vcpu, self->handle, VMRPC_TEST_DOWN, 0, 0);
	VMRPC_WAIT_FOR(vmrpc_info(self->tvm.fd).performs == 1);
	usleep(20000);
	ASSERT_FALSE(self->async.done);
	ASSERT_EQ(0, vmrpc_perform(self->other, self->handle, VMRPC_TEST_UP, 0, 0, NULL));
	vmrpc_async_join(&self->async);
	ASSERT_EQ(0, self->async.ret);
}

/* As the kernel's semaphore has it. */
TEST_F(wait, semaphore_two_wait_woken_in_order)
{
	struct vmrpc_async second;
	struct kvm_vcpu *third = vm_vcpu_add(self->tvm.vm, VMRPC_TEST_VCPUS, NULL);

	start_call(&self->async, self->other, self->handle, VMRPC_TEST_DOWN, 0, 0);
	VMRPC_WAIT_FOR(vmrpc_info(self->tvm.fd).performs == 1 && vmrpc_async_asleep(&self->async));
	start_call(&second, self->vcpu, self->handle, VMRPC_TEST_DOWN, 0, 0);
	VMRPC_WAIT_FOR(vmrpc_info(self->tvm.fd).performs == 2 && vmrpc_async_asleep(&second));

	ASSERT_EQ(0, vmrpc_perform(third, self->handle, VMRPC_TEST_UP, 0, 0, NULL));
	VMRPC_WAIT_FOR(READ_ONCE(self->async.done) || READ_ONCE(second.done));
	ASSERT_TRUE(READ_ONCE(self->async.done));
	ASSERT_FALSE(READ_ONCE(second.done));
	ASSERT_EQ(0, vmrpc_perform(third, self->handle, VMRPC_TEST_UP, 0, 0, NULL));
	vmrpc_async_join(&self->async);
	vmrpc_async_join(&second);
	ASSERT_EQ(0, self->async.ret);
	ASSERT_EQ(0, second.ret);
}

/* As a guest does it. */
static int64_t repeat(struct kvm_vcpu *vcpu, uint64_t handle, uint16_t procedure, uint64_t gva,
		      uint64_t *result)
{
	int64_t ret;

	do {
		ret = vmrpc_perform(vcpu, handle, procedure, gva, sizeof(struct vmrpc_test_wait),
				    result);
	} while (ret == -VMRPC_EINTR);
	return ret;
}

#define park_until_answered(self, procedure)						\
do {											\
	uint64_t result;								\
											\
	start(self, procedure, SHORT_MS);						\
	vmrpc_async_join(&(self)->async);						\
	ASSERT_EQ(0, (self)->async.run_errno);						\
	ASSERT_EQ(-VMRPC_EINTR, (self)->async.ret);					\
	ASSERT_EQ(0, repeat((self)->vcpu, (self)->handle, procedure, (self)->gva, &result)); \
	ASSERT_EQ(SHORT_MS, result);							\
	ASSERT_LE(1, vmrpc_info((self)->tvm.fd).parks);					\
} while (0)

TEST_F(wait, park_until_timer_answered)
{
	park_until_answered(self, VMRPC_TEST_PARK);
}

TEST_F(wait, park_until_other_thread_answered)
{
	park_until_answered(self, VMRPC_TEST_PARK_WORK);
}

/* The timer wakes a vCPU that has its interrupts disabled. */
TEST_F(wait, park_interrupts_disabled_woken_by_timer)
{
	self->arg->ms = SHORT_MS;
	ASSERT_EQ(-VMRPC_EINTR, vmrpc_perform(self->vcpu, self->handle, VMRPC_TEST_PARK,
					      self->gva, sizeof(*self->arg), NULL));
	ASSERT_EQ(1, vmrpc_info(self->tvm.fd).parks);
}

TEST_F(wait, park_interrupt_wakes)
{
	start_park(self, LONG_MS);
	ASSERT_EQ(0, vmrpc_guest_interrupts(self->tvm.vm));
	vmrpc_send_interrupt(self->tvm.vm, self->vcpu->id);
	vmrpc_async_join(&self->async);
	ASSERT_EQ(0, self->async.run_errno);
	ASSERT_EQ(-VMRPC_EINTR, self->async.ret);
	ASSERT_EQ(1, vmrpc_guest_interrupts(self->tvm.vm));
}

TEST_F(wait, park_signalled_shows_halted)
{
	start_park(self, LONG_MS);
	vmrpc_async_signal(&self->async);
	vmrpc_async_join(&self->async);
	ASSERT_EQ(EINTR, self->async.run_errno);
	ASSERT_EQ(-VMRPC_EINTR, self->async.ret);
	ASSERT_EQ(KVM_MP_STATE_HALTED, mp_state(self->vcpu));
}

TEST_F(wait, park_resumed_after_signal_waits_on)
{
	start_park(self, LONG_MS);
	vmrpc_async_signal(&self->async);
	vmrpc_async_join(&self->async);

	/* Into the same halt again; only the interrupt ends it. */
	vmrpc_async_resume(&self->async, self->vcpu);
	vmrpc_send_interrupt(self->tvm.vm, self->vcpu->id);
	vmrpc_async_join(&self->async);
	ASSERT_EQ(0, self->async.run_errno);
	ASSERT_EQ(-VMRPC_EINTR, self->async.ret);
	ASSERT_EQ(1, vmrpc_guest_interrupts(self->tvm.vm));
}

TEST_F(wait, park_unbound_woken_then_stale)
{
	start_park(self, LONG_MS);
	ASSERT_EQ(0, vmrpc_unbind(self->other, self->handle));
	vmrpc_async_join(&self->async);
	ASSERT_EQ(-VMRPC_EINTR, self->async.ret);
	ASSERT_EQ(-VMRPC_ESTALE, echo(self->vcpu, self->handle, self->gva));
}

/* Destroying a VM that waits in both ways leaves nothing; the kernel would say so. */
TEST_F(wait, vm_destroyed_while_parked)
{
	start_park(self, LONG_MS);
	vmrpc_async_signal(&self->async);
	vmrpc_async_join(&self->async);
	kvm_vm_free(self->tvm.vm);
	self->tvm.vm = NULL;
	VMRPC_WAIT_FOR(vmrpc_info(self->tvm.fd).state == VMRPC_VM_GONE);
}

/* Unloading the server */

static void *unload_main(void *arg)
{
	int *ret = arg;

	__atomic_store_n(ret, vmrpc_server_unload(), __ATOMIC_RELEASE);
	return NULL;
}

TEST_F(wait, server_unloaded_handle_dead)
{
	ASSERT_EQ(0, vmrpc_server_unload());
	ASSERT_EQ(-VMRPC_ENODEV, echo(self->vcpu, self->handle, self->gva));
	ASSERT_EQ(-VMRPC_ENOENT, vmrpc_bind(self->vcpu, VMRPC_TEST_MODULE, VMRPC_TEST_VERSION,
					    NULL));
	/* And not alive again when the server is back. */
	ASSERT_EQ(0, vmrpc_server_load());
	ASSERT_EQ(-VMRPC_ENODEV, echo(self->vcpu, self->handle, self->gva));
	ASSERT_EQ(0, vmrpc_bind(self->vcpu, VMRPC_TEST_MODULE, VMRPC_TEST_VERSION, NULL));
}

TEST_F(wait, server_unloaded_waits_for_call)
{
	pthread_t unloader;
	int unloaded = -1;

	start_sleep(self, LONG_MS);
	pthread_create(&unloader, NULL, unload_main, &unloaded);
	VMRPC_WAIT_FOR(echo(self->other, self->handle, self->gva) == -VMRPC_ENODEV);
	ASSERT_EQ(-1, unloaded);
	ASSERT_FALSE(self->async.done);

	vmrpc_async_signal(&self->async);
	vmrpc_async_join(&self->async);
	ASSERT_EQ(-VMRPC_EINTR, self->async.ret);
	pthread_join(unloader, NULL);
	ASSERT_EQ(0, unloaded);
	ASSERT_EQ(0, vmrpc_server_load());
}

TEST_F(wait, server_unloaded_while_parked_wakes)
{
	start_park(self, LONG_MS);
	ASSERT_EQ(0, vmrpc_server_unload());
	vmrpc_async_join(&self->async);
	ASSERT_EQ(-VMRPC_EINTR, self->async.ret);
	ASSERT_EQ(-VMRPC_ENODEV, echo(self->vcpu, self->handle, self->gva));
	ASSERT_EQ(0, vmrpc_server_load());
}

/* The VMM is killed, with calls under way in both directions */

static void be_killed(int ready)
{
	uint64_t handle, gva;
	struct vmrpc_channel channel;
	struct vmrpc_async async;
	struct vmrpc_tvm tvm;

	vmrpc_tvm_create(&tvm);
	vmrpc_tvm_enable(&tvm, -1);
	vmrpc_channel_init(&channel, tvm.vm, 1);
	TEST_ASSERT_EQ(vmrpc_register(tvm.vcpus[1], 1, channel.gpa / getpagesize(), NULL), 0);
	TEST_ASSERT_EQ(vmrpc_bind(tvm.vcpus[0], VMRPC_TEST_MODULE, VMRPC_TEST_VERSION, &handle), 0);
	gva = vm_vaddr_alloc_page(tvm.vm);
	*(struct vmrpc_test_wait *)addr_gva2hva(tvm.vm, gva) =
		(struct vmrpc_test_wait){ .ms = LONG_MS };
	vmrpc_async_start(&async, tvm.vcpus[0],
			  VMRPC_OP_PERFORM | VMRPC_TEST_SLEEP << VMRPC_PROCEDURE_SHIFT,
			  handle, sizeof(struct vmrpc_test_wait), gva);
	TEST_ASSERT_EQ(write(ready, tvm.name, sizeof(tvm.name)), sizeof(tvm.name));
	pause();
}

TEST(vmm_killed_calls_end_nothing_left)
{
	struct vmrpc_caller caller;
	char name[VMRPC_NAME_LEN];
	int ready[2], fd, status;
	pid_t child;

	if (!kvm_has_cap(KVM_CAP_VMRPC))
		SKIP(return, "the host kernel has no KVM_CAP_VMRPC");
	if (vmrpc_server_load())
		SKIP(return, "vmrpc_test_server.ko cannot be loaded");
	ASSERT_EQ(0, pipe(ready));
	child = fork();
	if (!child)
		be_killed(ready[1]);
	ASSERT_EQ(sizeof(name), read(ready[0], name, sizeof(name)));
	fd = vmrpc_attach(name);
	ASSERT_LE(0, fd);
	vmrpc_caller_init(&caller, fd, LONG_MS);
	vmrpc_caller_start(&caller);
	VMRPC_WAIT_FOR(vmrpc_info(fd).performs == 1 && vmrpc_info(fd).calls_in_flight == 1);

	kill(child, SIGKILL);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	ASSERT_EQ(ESHUTDOWN, vmrpc_caller_join(&caller));
	ASSERT_EQ(VMRPC_VM_GONE, vmrpc_info(fd).state);
	ASSERT_EQ(-ENOENT, vmrpc_attach(name));
	/* The call that slept dropped its handle: the server can go. */
	ASSERT_EQ(0, vmrpc_server_unload());
	ASSERT_EQ(0, vmrpc_server_load());
	close(fd);
}

TEST_HARNESS_MAIN
