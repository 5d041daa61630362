// SPDX-License-Identifier: GPL-2.0-only
/*
 * vmrpc_dev_fuzz_test [-s SECONDS] [-r SEED]: two processes make all ioctls of /dev/vmrpc and of
 * the descriptors that it gives out, their own and the VMM's, with fields changed, while
 * VMs, whose guests answer them, come and go.  Nothing is expected of the answers: the test
 * is that the host kernel reports nothing, and that all of it ends.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest.h"
#include "vmrpc_util.h"

#define CLIENTS		2
#define VMS		2
#define SLOTS		4
#define FDS		8
#define ROUNDS		200		/* at most, of a VM's life */
#define TIMEOUT_MS	20
#define TICK_US		20000		/* ends what a client waits for */
#define BUFFER_SIZE	(4u << 20)	/* more than any ioctl fills */
#define LAST_FD		32		/* of the VMM's; its VMs' descriptors are among them */
#define USER_MODULE	"fuzz"

static unsigned int seed;

/* For all to see; the names of the VMs end in the number of their life. */
static struct {
	uint64_t ioctls, good, lives;
} *counts;

static uint32_t pick(uint32_t below)
{
	return rand_r(&seed) % below;
}

/* Often a sensible number, sometimes an extreme one, sometimes any; never an address. */
static uint64_t number(uint64_t sensible)
{
	static const uint64_t extremes[] = {
		0, 1, 2, ~0ull, 1ull << 63, 1ull << 32, 0xffffffff, 0x7fffffff, VMRPC_SLOT_DATA,
		VMRPC_SLOT_DATA + 1, VMRPC_MAX_ARG, VMRPC_MAX_ARG + 1, 4095, 1024, ~0ull << 47,
	};

	switch (pick(8)) {
	case 0:
		return extremes[pick(ARRAY_SIZE(extremes))];
	case 1:
		return 1ull << 62 | (uint64_t)rand_r(&seed) << 31 | rand_r(&seed);
	default:
		return sensible;
	}
}

/* A client */

static int dev, vmm;		/* vmm: its pidfd */
static int vmm_pid;
static int fds[FDS];
static int mem_file;		/* that can be a VM's outsourced memory */
static uint8_t *buffer;		/* all that is handed to the host points here, or nowhere */

static uint64_t place(void)
{
	return number((unsigned long)buffer);
}

static void vm_name(char *name, int parent, uint64_t life)
{
	memset(name, 0, VMRPC_NAME_LEN);
	snprintf(name, VMRPC_NAME_LEN, "fuzz-%d-%lu", parent, life);
}

static void name_fill(uint8_t *module)
{
	static const char *const names[] = {
		VMRPC_ECHO_MODULE, VMRPC_PROCFS_MODULE, USER_MODULE, "", " ",
	};

	memset(module, 0, VMRPC_MODULE_LEN);
	strcpy((char *)module, names[pick(ARRAY_SIZE(names))]);
	/* Guests answer for any: so all rows of the counters are used, and more. */
	if (!pick(4))
		module[0] = 'a' + pick(26);
}

static struct vmrpc_entries entries(void)
{
	struct vmrpc_entries list = {
		.entries = place(), .count = number(pick(8)), .reserved = !pick(32),
	};

	return list;
}

static struct vmrpc_vm_call vm_call(void)
{
	struct vmrpc_vm_call call = {
		.procedure = number(pick(70)), .timeout_ms = number(1 + pick(TIMEOUT_MS)),
		.arg = place(), .res = place(),
		.arg_size = number(pick(64)), .res_size = number(pick(64)), .reserved = !pick(32),
	};

	name_fill(call.module);
	return call;
}

/* The structure that @cmd takes, in @arg; returns what is handed over. */
static unsigned long argument_fill(unsigned long cmd, void *arg)
{
	switch (cmd) {
	case VMRPC_DEV_LIST:
	case VMRPC_VM_STAT:
	case VMRPC_VM_REAP:
		*(struct vmrpc_entries *)arg = entries();
		break;
	case VMRPC_DEV_ATTACH:
		*(struct vmrpc_dev_attach *)arg = (struct vmrpc_dev_attach) {
			.reserved = !pick(32),
		};
		vm_name(arg, vmm_pid, READ_ONCE(counts->lives) - pick(VMS + 1));
		break;
	case VMRPC_VM_CALL:
		*(struct vmrpc_vm_call *)arg = vm_call();
		break;
	case VMRPC_VM_SUBMIT:
		*(struct vmrpc_vm_submit *)arg = (struct vmrpc_vm_submit) {
			.call = vm_call(), .user_data = pick(16), .reserved = !pick(32),
		};
		break;
	case VMRPC_VM_CANCEL:
		*(struct vmrpc_vm_cancel *)arg = (struct vmrpc_vm_cancel) {
			.user_data = pick(16), .reserved = !pick(32),
		};
		break;
	case VMRPC_VM_ADD_SERVER:
		*(struct vmrpc_vm_server *)arg = (struct vmrpc_vm_server) {
			.version = "1", .procedures = place(), .nr_procedures = number(pick(8)),
			.server = pick(4), .reserved = !pick(32),
		};
		name_fill(((struct vmrpc_vm_server *)arg)->module);
		break;
	case VMRPC_VM_USER_CALL:
		*(struct vmrpc_vm_user_call *)arg = (struct vmrpc_vm_user_call) {
			.vcpu = number(pick(VMRPC_TEST_VCPUS)), .size = number(64), .data = place(),
			.reserved = !pick(32),
		};
		break;
	case VMRPC_VM_USER_ANSWER:
		*(struct vmrpc_vm_user_answer *)arg = (struct vmrpc_vm_user_answer) {
			.vcpu = number(pick(VMRPC_TEST_VCPUS)), .status = -number(pick(2)),
			.data = place(), .flags = pick(3), .reserved = !pick(32),
		};
		break;
	case VMRPC_VM_USER_COPY:
		*(struct vmrpc_vm_user_copy *)arg = (struct vmrpc_vm_user_copy) {
			.vcpu = number(pick(VMRPC_TEST_VCPUS)), .flags = pick(3),
			.guest = number(0), .data = place(), .size = number(64),
			.reserved = !pick(32),
		};
		break;
	case VMRPC_VM_SET_MEM:
		*(struct vmrpc_vm_set_mem *)arg = (struct vmrpc_vm_set_mem) {
			.fd = pick(8) ? mem_file : number(pick(FDS)), .flags = pick(3),
			.gpa = number(1ull << 39), .size = number(VMRPC_MEM_ALIGN),
			.limit = number(pick(8) * VMRPC_MEM_BLOCK),
		};
		break;
	case VMRPC_VM_MEM_LIMIT:
	case VMRPC_VM_MEM_RECLAIM:
	case VMRPC_VM_MEM_LOAD:
		*(struct vmrpc_vm_mem_size *)arg = (struct vmrpc_vm_mem_size) {
			.size = number(pick(64) * VMRPC_MEM_BLOCK), .reserved = !pick(32),
		};
		break;
	case VMRPC_VM_MEM_AUTO:
		*(struct vmrpc_vm_mem_auto *)arg = (struct vmrpc_vm_mem_auto) {
			.ms = number(pick(4) * VMRPC_MEM_AUTO_MIN_MS),
			.idle_ms = pick(2) ? number(pick(4) * VMRPC_MEM_IDLE_MIN_MS) : 0,
			.reserved = { !pick(32) },
		};
		break;
	case VMRPC_VM_MEM_DROPPED:
		*(struct vmrpc_vm_mem_dropped *)arg = (struct vmrpc_vm_mem_dropped) {
			.bitmap = place(), .size = pick(4) ? 8 : number(64),
		};
		break;
	case VMRPC_VM_USER_WAKE:
		return number(pick(VMRPC_TEST_VCPUS));
	}
	return pick(32) ? (unsigned long)arg : number(0);
}

static const unsigned long vm_cmds[] = {
	VMRPC_VM_INFO, VMRPC_VM_CALL, VMRPC_VM_CALL, VMRPC_VM_SUBMIT, VMRPC_VM_SUBMIT,
	VMRPC_VM_SUBMIT, VMRPC_VM_REAP, VMRPC_VM_REAP, VMRPC_VM_CANCEL, VMRPC_VM_STAT, VMRPC_VM_RESET,
	VMRPC_VM_ADD_SERVER, VMRPC_VM_USER_CALL, VMRPC_VM_USER_ANSWER, VMRPC_VM_USER_COPY,
	VMRPC_VM_USER_WAKE, VMRPC_VM_SET_MEM, VMRPC_VM_MEM_INFO, VMRPC_VM_MEM_LIMIT,
	VMRPC_VM_MEM_RECLAIM, VMRPC_VM_MEM_AUTO, VMRPC_VM_MEM_LOAD,
	VMRPC_VM_MEM_DROPPED,
};

/* Only ever with our own type of ioctl: no other device shall be changed by chance. */
static int fuzz_ioctl(int fd, unsigned long cmd)
{
	uint8_t arg[256] = { };
	unsigned long handed;
	int ret;

	handed = argument_fill(cmd, arg);
	if (!pick(32))
		cmd ^= 1ul << (pick(2) ? pick(_IOC_NRBITS) : _IOC_SIZESHIFT + pick(_IOC_SIZEBITS));
	ret = ioctl(fd, cmd, handed);
	__atomic_add_fetch(&counts->ioctls, 1, __ATOMIC_RELAXED);
	if (ret >= 0)
		__atomic_add_fetch(&counts->good, 1, __ATOMIC_RELAXED);
	return ret;
}

static void fd_put(int i, int fd)
{
	if (fds[i] >= 0)
		close(fds[i]);
	fds[i] = fd;
}

/* A descriptor of the VMM's own, if it is one: as if it had been handed to us. */
static int fd_of_vmm(void)
{
	struct vmrpc_vm_info info;
	int fd = syscall(__NR_pidfd_getfd, vmm, pick(LAST_FD), 0);

	if (fd < 0 || !ioctl(fd, VMRPC_VM_INFO, &info))
		return fd;
	close(fd);
	return -1;
}

static void fuzz_dev(int i)
{
	if (pick(4))
		fd_put(i, fuzz_ioctl(dev, VMRPC_DEV_ATTACH));
	else if (pick(2))
		fd_put(i, fd_of_vmm());
	else
		fuzz_ioctl(dev, VMRPC_DEV_LIST);
}

static void fuzz_fd(int i)
{
	struct pollfd poll_fd = { .fd = fds[i], .events = POLLIN };

	switch (pick(6)) {
	case 0:
		poll(&poll_fd, 1, pick(2));
		break;
	case 1:
		fcntl(fds[i], F_SETFL, pick(2) ? O_NONBLOCK : 0);
		break;
	case 2:
		fd_put(pick(FDS), dup(fds[i]));
		break;
	case 3:
		if (read(fds[i], buffer, 8) < 0 && write(fds[i], buffer, 8) < 0)
			lseek(fds[i], 1, SEEK_SET);
		break;
	default:
		fd_put(i, -1);
	}
}

static void on_tick(int sig)
{
}

/* Signals that end what waits. */
static void ticks(long us)
{
	struct itimerval tick = { { 0, us }, { 0, us } };
	struct sigaction action = { .sa_handler = on_tick };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &tick, NULL);
}

/* Another process, with other memory, that reaps, or is the last to have a descriptor. */
static void fuzz_fork(int i)
{
	pid_t pid = fork();

	if (!pid) {
		ticks(TICK_US);
		fuzz_ioctl(fds[i], VMRPC_VM_REAP);
		fuzz_ioctl(fds[i], VMRPC_VM_SUBMIT);
		_exit(0);
	}
	fd_put(i, -1);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0)
		;
}

static void fuzz_once(void)
{
	int i = pick(FDS);

	if (fds[i] < 0)
		fuzz_dev(i);
	else if (!pick(512))
		fuzz_fork(i);
	else if (!pick(16))
		fuzz_fd(i);
	else
		fuzz_ioctl(fds[i], vm_cmds[pick(ARRAY_SIZE(vm_cmds))]);
}

static void client(int nr, int seconds)
{
	time_t end = time(NULL) + seconds;
	int i;

	seed += 1 + nr;
	vmm_pid = getppid();
	for (i = 0; i < FDS; i++)
		fds[i] = -1;
	dev = open("/dev/vmrpc", O_RDWR | O_CLOEXEC);
	vmm = syscall(__NR_pidfd_open, vmm_pid, 0);
	mem_file = memfd_create("fuzz", MFD_CLOEXEC);
	buffer = mmap(NULL, BUFFER_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (dev < 0 || vmm < 0 || buffer == MAP_FAILED ||
	    ftruncate(mem_file, VMRPC_MEM_BLOCK + VMRPC_MEM_ALIGN))
		_exit(KSFT_FAIL);
	ticks(TICK_US);
	while (time(NULL) < end)
		fuzz_once();
	_exit(KSFT_PASS);
}

/* The VMM */

struct fuzz_vm {
	struct vmrpc_tvm	tvm;
	struct vmrpc_channel	channel;
	uint64_t		gva;
	int			irq;
	unsigned int		rounds;		/* left */
};

static struct fuzz_vm vms[VMS];

static void vm_enable(struct fuzz_vm *vm)
{
	struct kvm_vmrpc_config config;

	vmrpc_config_init(&config);
	vm_name((char *)config.name, getpid(), ++counts->lives);
	vm->irq = eventfd(0, EFD_NONBLOCK);
	config.irq_eventfd = pick(2) ? vm->irq : -1;
	vm->tvm.fd = __vm_enable_cap(vm->tvm.vm, KVM_CAP_VMRPC, (unsigned long)&config);
	TEST_ASSERT(vm->tvm.fd >= 0, "KVM_CAP_VMRPC failed, errno %d", errno);
}

/* A client may have done this, or anything else, before us. */
static void vm_add_server(struct fuzz_vm *vm)
{
	struct vmrpc_vm_procedure procedure = { .direction = 3, .max_size = 64 };
	struct vmrpc_vm_server server = {
		.module = USER_MODULE, .version = "1", .procedures = (unsigned long)&procedure,
		.nr_procedures = 1,
	};

	ioctl(vm->tvm.fd, VMRPC_VM_ADD_SERVER, &server);
}

static void vm_begin(struct fuzz_vm *vm)
{
	vmrpc_tvm_create(&vm->tvm);
	vm_enable(vm);
	vm_add_server(vm);
	vmrpc_channel_init(&vm->channel, vm->tvm.vm, SLOTS);
	vm->gva = vm_vaddr_alloc_page(vm->tvm.vm);
	vm->rounds = 1 + pick(ROUNDS);
}

static void vm_end(struct fuzz_vm *vm)
{
	vmrpc_tvm_free(&vm->tvm);
	close(vm->irq);
}

/* With what a client answered, or we, or nobody; it may have been a park. */
static void vm_perform_to_its_end(struct fuzz_vm *vm, struct kvm_vcpu *vcpu)
{
	struct vmrpc_vm_user_answer answer = {
		.vcpu = vcpu->id, .data = (unsigned long)addr_gva2hva(vm->tvm.vm, vm->gva),
	};
	struct kvm_mp_state runnable = { KVM_MP_STATE_RUNNABLE };

	while (__vcpu_run(vcpu) || vcpu->run->exit_reason == KVM_EXIT_HYPERCALL) {
		if (vcpu->run->exit_reason == KVM_EXIT_HYPERCALL)
			usleep(pick(1000));
		else
			vcpu_mp_state_set(vcpu, &runnable);
		if (pick(2))
			ioctl(vm->tvm.fd, VMRPC_VM_USER_ANSWER, &answer);
	}
}

/* Whoever resets the VM meanwhile. */
static void vm_call_user_server(struct fuzz_vm *vm, struct kvm_vcpu *vcpu)
{
	struct vmrpc_bind *bind = vmrpc_bind_fill(vm->tvm.vm, vm->gva, USER_MODULE, "1");
	uint64_t handle;

	bind->flags = VMRPC_BIND_USER;
	if (vmrpc_hypercall(vcpu, VMRPC_OP_BIND, 0, 0, vm->gva, &handle))
		return;
	vmrpc_hypercall_begin(vcpu, VMRPC_OP_PERFORM, handle, 64, vm->gva, 0);
	ticks(TICK_US);
	vm_perform_to_its_end(vm, vcpu);
	ticks(0);
	vmrpc_unbind(vcpu, handle);
}

static void vm_answer(struct fuzz_vm *vm)
{
	if (pick(4))
		vmrpc_channel_echo(&vm->channel);
	else
		vmrpc_channel_reply(&vm->channel, pick(SLOTS), pick(128), "x", pick(2));
}

static void vm_round(struct fuzz_vm *vm)
{
	struct kvm_vcpu *vcpu = vm->tvm.vcpus[pick(VMRPC_TEST_VCPUS)];

	if (pick(4))
		vm_answer(vm);
	if (!pick(8))
		vm_call_user_server(vm, vcpu);
	if (vmrpc_poll(vcpu, 0, NULL) == -VMRPC_ENOTCONN) {
		memset(vmrpc_channel_control(&vm->channel), 0, (1 + 2 * SLOTS) * getpagesize());
		vmrpc_register(vcpu, SLOTS, vm->channel.gpa / getpagesize(), NULL);
	}
}

static void vms_come_and_go(int seconds)
{
	time_t end = time(NULL) + seconds;
	struct fuzz_vm *vm;

	for (vm = vms; vm < vms + VMS; vm++)
		vm_begin(vm);
	while (time(NULL) < end) {
		for (vm = vms; vm < vms + VMS; vm++) {
			vm_round(vm);
			if (--vm->rounds)
				continue;
			vm_end(vm);
			vm_begin(vm);
		}
	}
	for (vm = vms; vm < vms + VMS; vm++)
		vm_end(vm);
}

/* Whether they all ended, and by themselves. */
static bool clients_end(const pid_t *clients)
{
	bool good = true;
	int i, status;

	for (i = 0; i < CLIENTS; i++) {
		TEST_ASSERT(waitpid(clients[i], &status, 0) == clients[i], "No client to wait for");
		good &= WIFEXITED(status) && !WEXITSTATUS(status);
	}
	return good;
}

static bool vms_are_gone(void)
{
	char name[VMRPC_NAME_LEN];
	bool gone = true;
	uint64_t life;

	for (life = 1; life <= counts->lives; life++) {
		vm_name(name, getpid(), life);
		gone &= vmrpc_attach(name) == -ENOENT;
	}
	return gone;
}

int main(int argc, char **argv)
{
	int i, seconds;
	pid_t clients[CLIENTS];

	vmrpc_fuzz_options(argc, argv, &seconds, &seed);
	ksft_print_header();
	if (!kvm_has_cap(KVM_CAP_VMRPC))
		ksft_exit_skip("the host kernel has no KVM_CAP_VMRPC\n");
	ksft_set_plan(2);
	ksft_print_msg("seed %u, %d s\n", seed, seconds);
	counts = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	TEST_ASSERT(counts != MAP_FAILED, "Out of memory");
	fflush(stdout);
	for (i = 0; i < CLIENTS; i++) {
		clients[i] = fork();
		TEST_ASSERT(clients[i] >= 0, "Cannot fork");
		if (!clients[i])
			client(i, seconds);
	}
	vms_come_and_go(seconds);
	ksft_test_result(clients_end(clients), "ioctls_at_random_end\n");
	ksft_test_result(vms_are_gone(), "vms_are_gone\n");
	ksft_print_msg("%lu ioctls, %lu of them good, %lu VMs\n", counts->ioctls, counts->good,
		       counts->lives);
	ksft_finished();
}
