// SPDX-License-Identifier: GPL-2.0-only
/* What the tests of VMRPC share; see vmrpc_util.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "apic.h"
#include "vmrpc_util.h"

#define VMRPC_DEVICE		"/dev/vmrpc"
#define VMRPC_SERVER_NAME	"vmrpc_test_server"
#define VMRPC_SERVER_FILE	"/usr/lib/vmrpc/modules/vmrpc_test_server.ko"

#define VMRPC_EXTRA_PAGES	1024
#define VMRPC_EXIT_PORT		0xe0

/* The guest; the bytes mean the same in 64-bit and in compatibility mode. */
void vmrpc_guest_vmcall(void);
void vmrpc_guest_vmmcall(void);
asm(".pushsection .text\n"
    ".globl vmrpc_guest_vmcall\n"
    ".globl vmrpc_guest_vmmcall\n"
    ".balign 4096\n"
    "vmrpc_guest_vmcall:\n"
    "	vmcall\n"
    "	jmp 1f\n"
    "vmrpc_guest_vmmcall:\n"
    "	vmmcall\n"
    "1:	out %al, $0xe0\n"
    "	jmp 1b\n"
    ".popsection\n");

static volatile uint64_t guest_interrupts;

static void guest_interrupt(struct ex_regs *regs)
{
	guest_interrupts++;
	x2apic_write_reg(APIC_EOI, 0);
}

static void guest_init(void)
{
	x2apic_enable();
	for (;;)
		asm volatile("out %%al, %0" : : "i"(VMRPC_EXIT_PORT), "a"(0));
}

/* The VM */

static void on_signal(int sig)
{
}

static void catch_signal(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGUSR1, &action, NULL);
}

static void expect_exit(struct kvm_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	if (run->exit_reason != KVM_EXIT_IO)
		vcpu_dump(stderr, vcpu, 2);
	TEST_ASSERT_KVM_EXIT_REASON(vcpu, KVM_EXIT_IO);
	if (run->io.port != VMRPC_EXIT_PORT)
		assert_on_unhandled_exception(vcpu);
	TEST_ASSERT_EQ(run->io.port, VMRPC_EXIT_PORT);
}

static void protect_supervisor_writes(struct kvm_vcpu *vcpu)
{
	struct kvm_sregs sregs;

	vcpu_sregs_get(vcpu, &sregs);
	sregs.cr0 |= X86_CR0_WP;
	vcpu_sregs_set(vcpu, &sregs);
}

void vmrpc_tvm_create_dirty_ring(struct vmrpc_tvm *tvm, uint32_t ring_size)
{
	int i;

	catch_signal();
	snprintf(tvm->name, sizeof(tvm->name), "selftest-%d", getpid());
	tvm->fd = -1;
	tvm->vm = __vm_create(VM_SHAPE_DEFAULT, VMRPC_TEST_VCPUS, VMRPC_EXTRA_PAGES);
	if (ring_size)
		vm_enable_dirty_ring(tvm->vm, ring_size);
	for (i = 0; i < VMRPC_TEST_VCPUS; i++)
		tvm->vcpus[i] = vm_vcpu_add(tvm->vm, i, guest_init);
	vm_install_exception_handler(tvm->vm, VMRPC_IRQ_VECTOR, guest_interrupt);
	for (i = 0; i < VMRPC_TEST_VCPUS; i++) {
		protect_supervisor_writes(tvm->vcpus[i]);
		vcpu_run(tvm->vcpus[i]);
		expect_exit(tvm->vcpus[i]);
	}
}

void vmrpc_tvm_create(struct vmrpc_tvm *tvm)
{
	vmrpc_tvm_create_dirty_ring(tvm, 0);
}

void vmrpc_config_init(struct kvm_vmrpc_config *config)
{
	memset(config, 0, sizeof(*config));
	snprintf((char *)config->name, sizeof(config->name), "selftest-%d", getpid());
	config->irq_eventfd = -1;
}

void vmrpc_tvm_enable(struct vmrpc_tvm *tvm, int irq_eventfd)
{
	struct kvm_vmrpc_config config;

	vmrpc_config_init(&config);
	config.irq_eventfd = irq_eventfd;
	tvm->fd = __vm_enable_cap(tvm->vm, KVM_CAP_VMRPC, (unsigned long)&config);
	TEST_ASSERT(tvm->fd >= 0, "KVM_CAP_VMRPC failed, errno %d", errno);
}

void vmrpc_tvm_free(struct vmrpc_tvm *tvm)
{
	if (tvm->vm)
		kvm_vm_free(tvm->vm);
	if (tvm->fd >= 0)
		close(tvm->fd);
	tvm->vm = NULL;
	tvm->fd = -1;
}

struct vmrpc_vm_info vmrpc_info(int fd)
{
	struct vmrpc_vm_info info;

	TEST_ASSERT(!ioctl(fd, VMRPC_VM_INFO, &info), "VMRPC_VM_INFO failed, errno %d", errno);
	return info;
}

static void stat_list(int fd, struct vmrpc_entries *list)
{
	TEST_ASSERT(!ioctl(fd, VMRPC_VM_STAT, list), "VMRPC_VM_STAT failed, errno %d", errno);
}

uint32_t vmrpc_stat_rows(int fd)
{
	struct vmrpc_entries list = { };

	stat_list(fd, &list);
	return list.count;
}

struct vmrpc_vm_stat vmrpc_stat(int fd, uint32_t direction, const char *module, uint32_t procedure)
{
	uint32_t i, room = vmrpc_stat_rows(fd);
	struct vmrpc_vm_stat *rows = calloc(room + 1, sizeof(*rows)), found = { };
	struct vmrpc_entries list = { .entries = (unsigned long)rows, .count = room };

	TEST_ASSERT(rows, "Out of memory");
	stat_list(fd, &list);
	/* There may be more by now. */
	for (i = 0; i < list.count && i < room; i++)
		if (rows[i].direction == direction && rows[i].procedure == procedure &&
		    !strcmp((char *)rows[i].module, module))
			found = rows[i];
	free(rows);
	return found;
}

/* Returns a descriptor, or -errno. */
int vmrpc_attach(const char *name)
{
	struct vmrpc_dev_attach attach = { };
	int dev, fd;

	dev = open(VMRPC_DEVICE, O_RDWR | O_CLOEXEC);
	TEST_ASSERT(dev >= 0, "Cannot open " VMRPC_DEVICE ", errno %d", errno);
	strncpy((char *)attach.name, name, sizeof(attach.name) - 1);
	fd = ioctl(dev, VMRPC_DEV_ATTACH, &attach);
	if (fd < 0)
		fd = -errno;
	close(dev);
	return fd;
}

int vmrpc_server_load(void)
{
	const char *file = getenv("VMRPC_TEST_SERVER") ?: VMRPC_SERVER_FILE;
	int ret, fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno;
	ret = syscall(__NR_finit_module, fd, "", 0) && errno != EEXIST ? errno : 0;
	close(fd);
	return ret;
}

int vmrpc_server_unload(void)
{
	return syscall(__NR_delete_module, VMRPC_SERVER_NAME, O_NONBLOCK) ? errno : 0;
}

/* Hypercalls */

static void begin_at(struct kvm_vcpu *vcpu, void (*insn)(void), uint64_t a0, uint64_t a1,
		     uint64_t a2, uint64_t a3, uint64_t rflags)
{
	struct kvm_regs regs;

	vcpu_regs_get(vcpu, &regs);
	regs.rax = VMRPC_HYPERCALL;
	regs.rbx = a0;
	regs.rcx = a1;
	regs.rdx = a2;
	regs.rsi = a3;
	regs.rip = (unsigned long)insn;
	regs.rflags = X86_EFLAGS_FIXED | rflags;
	vcpu_regs_set(vcpu, &regs);
}

static void (*native_insn(void))(void)
{
	return host_cpu_is_amd ? vmrpc_guest_vmmcall : vmrpc_guest_vmcall;
}

void vmrpc_hypercall_begin(struct kvm_vcpu *vcpu, uint64_t a0, uint64_t a1, uint64_t a2,
			   uint64_t a3, uint64_t rflags)
{
	begin_at(vcpu, native_insn(), a0, a1, a2, a3, rflags);
}

int64_t vmrpc_hypercall_end(struct kvm_vcpu *vcpu, uint64_t *result)
{
	struct kvm_regs regs;

	vcpu_regs_get(vcpu, &regs);
	if (result)
		*result = regs.rbx;
	return regs.rax;
}

int64_t vmrpc_hypercall(struct kvm_vcpu *vcpu, uint64_t a0, uint64_t a1, uint64_t a2,
			uint64_t a3, uint64_t *result)
{
	vmrpc_hypercall_begin(vcpu, a0, a1, a2, a3, 0);
	vcpu_run(vcpu);
	expect_exit(vcpu);
	return vmrpc_hypercall_end(vcpu, result);
}

int64_t vmrpc_hypercall_by(struct kvm_vcpu *vcpu, enum vmrpc_insn insn, uint64_t a0)
{
	begin_at(vcpu, insn == VMRPC_INSN_VMCALL ? vmrpc_guest_vmcall : vmrpc_guest_vmmcall,
		 a0, 0, 0, 0, 0);
	vcpu_run(vcpu);
	expect_exit(vcpu);
	return vmrpc_hypercall_end(vcpu, NULL);
}

struct vmrpc_bind *vmrpc_bind_fill(struct kvm_vm *vm, uint64_t gva, const char *module,
				   const char *version)
{
	struct vmrpc_bind *bind = addr_gva2hva(vm, gva);

	memset(bind, 0, sizeof(*bind));
	memcpy(bind->module, module, strlen(module));
	memcpy(bind->version, version, strlen(version));
	return bind;
}

int64_t vmrpc_bind(struct kvm_vcpu *vcpu, const char *module, const char *version,
		   uint64_t *handle)
{
	uint64_t gva = vm_vaddr_alloc_page(vcpu->vm);

	vmrpc_bind_fill(vcpu->vm, gva, module, version);
	return vmrpc_hypercall(vcpu, VMRPC_OP_BIND, 0, 0, gva, handle);
}

int64_t vmrpc_unbind(struct kvm_vcpu *vcpu, uint64_t handle)
{
	return vmrpc_hypercall(vcpu, VMRPC_OP_UNBIND, handle, 0, 0, NULL);
}

int64_t vmrpc_perform(struct kvm_vcpu *vcpu, uint64_t handle, uint16_t procedure, uint64_t gva,
		      uint64_t size, uint64_t *result)
{
	uint64_t a0 = VMRPC_OP_PERFORM | (uint64_t)procedure << VMRPC_PROCEDURE_SHIFT;

	return vmrpc_hypercall(vcpu, a0, handle, size, gva, result);
}

int64_t vmrpc_register(struct kvm_vcpu *vcpu, uint64_t slots, uint64_t gfn, uint64_t *generation)
{
	return vmrpc_hypercall(vcpu, VMRPC_OP_REGISTER, slots, gfn, 0, generation);
}

int64_t vmrpc_poll(struct kvm_vcpu *vcpu, uint64_t flags, uint64_t *again)
{
	return vmrpc_hypercall(vcpu, VMRPC_OP_POLL, flags, 0, 0, again);
}

/* Guest memory and state */

void vmrpc_page_protect(struct kvm_vm *vm, uint64_t gva, uint64_t clear)
{
	*vm_get_page_table_entry(vm, gva) &= ~clear;
}

void vmrpc_page_allow_user(struct kvm_vm *vm, uint64_t gva)
{
	int level;

	for (level = PG_LEVEL_512G; level >= PG_LEVEL_4K; level--) {
		int wanted = level;

		*__vm_get_page_table_entry(vm, gva, &wanted) |= PTE_USER_MASK;
	}
}

void vmrpc_vcpu_drop_to_user(struct kvm_vcpu *vcpu)
{
	struct kvm_sregs sregs;

	vmrpc_page_allow_user(vcpu->vm, (unsigned long)native_insn());
	vcpu_sregs_get(vcpu, &sregs);
	sregs.cs.selector |= 3;
	sregs.cs.dpl = 3;
	sregs.ss = sregs.ds;
	sregs.ss.selector |= 3;
	sregs.ss.dpl = 3;
	vcpu_sregs_set(vcpu, &sregs);
}

void vmrpc_vcpu_enter_compat_mode(struct kvm_vcpu *vcpu)
{
	struct kvm_sregs sregs;

	vcpu_sregs_get(vcpu, &sregs);
	sregs.cs.l = 0;
	sregs.cs.db = 1;
	vcpu_sregs_set(vcpu, &sregs);
}

uint64_t vmrpc_guest_interrupts(struct kvm_vm *vm)
{
	return *(uint64_t *)addr_gva2hva(vm, (unsigned long)&guest_interrupts);
}

void vmrpc_send_interrupt(struct kvm_vm *vm, uint32_t vcpu_id)
{
	struct kvm_msi msi = {
		.address_lo = APIC_DEFAULT_GPA | vcpu_id << 12,
		.data = VMRPC_IRQ_VECTOR,
	};

	TEST_ASSERT(__vm_ioctl(vm, KVM_SIGNAL_MSI, &msi) == 1, "The interrupt was not accepted");
}

/* Hypercalls on threads */

static void *async_main(void *arg)
{
	struct vmrpc_async *async = arg;

	__atomic_store_n(&async->tid, gettid(), __ATOMIC_RELEASE);
	if (__vcpu_run(async->vcpu))
		async->run_errno = errno;
	else
		expect_exit(async->vcpu);
	async->ret = vmrpc_hypercall_end(async->vcpu, &async->result);
	__atomic_store_n(&async->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* Runs the vCPU on from where it is. */
void vmrpc_async_resume(struct vmrpc_async *async, struct kvm_vcpu *vcpu)
{
	memset(async, 0, sizeof(*async));
	async->vcpu = vcpu;
	pthread_create(&async->thread, NULL, async_main, async);
}

static void async_start(struct vmrpc_async *async, struct kvm_vcpu *vcpu, uint64_t a0, uint64_t a1,
			uint64_t a2, uint64_t a3, uint64_t rflags)
{
	vmrpc_hypercall_begin(vcpu, a0, a1, a2, a3, rflags);
	vmrpc_async_resume(async, vcpu);
}

void vmrpc_async_start(struct vmrpc_async *async, struct kvm_vcpu *vcpu, uint64_t a0, uint64_t a1,
		       uint64_t a2, uint64_t a3)
{
	async_start(async, vcpu, a0, a1, a2, a3, RFLAGS_IF);
}

void vmrpc_async_start_masked(struct vmrpc_async *async, struct kvm_vcpu *vcpu, uint64_t a0,
			      uint64_t a1, uint64_t a2, uint64_t a3)
{
	async_start(async, vcpu, a0, a1, a2, a3, 0);
}

/* Only for a vCPU that is known to wait in its hypercall. */
void vmrpc_async_signal(struct vmrpc_async *async)
{
	pthread_kill(async->thread, SIGUSR1);
}

/* For a thread that may be about to wait: one signal could come too early. */
void vmrpc_signal_until_ended(pthread_t thread)
{
	while (pthread_tryjoin_np(thread, NULL) == EBUSY) {
		pthread_kill(thread, SIGUSR1);
		usleep(1000);
	}
}

void vmrpc_async_join(struct vmrpc_async *async)
{
	pthread_join(async->thread, NULL);
}

/* The channel */

void vmrpc_channel_init(struct vmrpc_channel *channel, struct kvm_vm *vm, uint32_t slots)
{
	uint32_t pages = 1 + 2 * slots;

	channel->vm = vm;
	channel->slots = slots;
	channel->gpa = vm_phy_pages_alloc(vm, pages, KVM_GUEST_PAGE_TABLE_MIN_PADDR, 0);
	memset(addr_gpa2hva(vm, channel->gpa), 0, pages * VMRPC_PAGE_SIZE);
}

static void *channel_page(struct vmrpc_channel *channel, uint32_t page)
{
	return addr_gpa2hva(channel->vm, channel->gpa + page * VMRPC_PAGE_SIZE);
}

struct vmrpc_control *vmrpc_channel_control(struct vmrpc_channel *channel)
{
	return channel_page(channel, 0);
}

struct vmrpc_request *vmrpc_channel_request(struct vmrpc_channel *channel, uint32_t slot)
{
	return channel_page(channel, 1 + 2 * slot);
}

struct vmrpc_response *vmrpc_channel_response(struct vmrpc_channel *channel, uint32_t slot)
{
	return channel_page(channel, 2 + 2 * slot);
}

bool vmrpc_channel_pending(struct vmrpc_channel *channel, uint32_t slot)
{
	struct vmrpc_request *request = vmrpc_channel_request(channel, slot);

	return __atomic_load_n(&request->seq, __ATOMIC_ACQUIRE) !=
	       vmrpc_channel_response(channel, slot)->seq;
}

void vmrpc_channel_reply(struct vmrpc_channel *channel, uint32_t slot, uint32_t status,
			 const void *data, uint32_t size)
{
	struct vmrpc_response *response = vmrpc_channel_response(channel, slot);

	memset(response->reserved, 0, sizeof(response->reserved));
	response->result = size;
	response->status = status;
	response->res_size = size;
	memcpy(response + 1, data, size);
	__atomic_store_n(&response->seq, vmrpc_channel_request(channel, slot)->seq,
			 __ATOMIC_RELEASE);
}

/* Callers */

int vmrpc_channel_echo(struct vmrpc_channel *channel)
{
	struct vmrpc_request *request;
	int answered = 0;
	uint32_t i;

	for (i = 0; i < channel->slots; i++) {
		if (!vmrpc_channel_pending(channel, i))
			continue;
		request = vmrpc_channel_request(channel, i);
		vmrpc_channel_reply(channel, i, 0, request + 1, request->arg_size);
		answered++;
	}
	return answered;
}

void vmrpc_caller_init(struct vmrpc_caller *caller, int fd, uint32_t timeout_ms)
{
	memset(caller, 0, sizeof(*caller));
	caller->fd = fd;
	strcpy((char *)caller->call.module, VMRPC_ECHO_MODULE);
	caller->call.procedure = VMRPC_ECHO_ECHO;
	caller->call.timeout_ms = timeout_ms;
	caller->call.arg = (unsigned long)caller->arg;
	caller->call.arg_size = sizeof(uint64_t);
	caller->call.res = (unsigned long)caller->res;
	caller->call.res_size = sizeof(caller->res);
}

int vmrpc_caller_call(struct vmrpc_caller *caller)
{
	caller->err = ioctl(caller->fd, VMRPC_VM_CALL, &caller->call) ? errno : 0;
	return caller->err;
}

static void *caller_main(void *arg)
{
	struct vmrpc_caller *caller = arg;

	__atomic_store_n(&caller->tid, gettid(), __ATOMIC_RELEASE);
	vmrpc_caller_call(caller);
	__atomic_store_n(&caller->done, true, __ATOMIC_RELEASE);
	return NULL;
}

void vmrpc_caller_start(struct vmrpc_caller *caller)
{
	caller->done = false;
	caller->tid = 0;
	pthread_create(&caller->thread, NULL, caller_main, caller);
}

bool vmrpc_thread_asleep(pid_t *thread)
{
	pid_t tid = __atomic_load_n(thread, __ATOMIC_ACQUIRE);
	char path[64], state = 0;
	FILE *stat;

	if (!tid)
		return false;
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	stat = fopen(path, "r");
	if (!stat)
		return false;
	if (fscanf(stat, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	fclose(stat);
	return state == 'S';
}

bool vmrpc_async_asleep(struct vmrpc_async *async)
{
	return vmrpc_thread_asleep(&async->tid);
}

bool vmrpc_caller_asleep(struct vmrpc_caller *caller)
{
	return vmrpc_thread_asleep(&caller->tid);
}

int vmrpc_caller_join(struct vmrpc_caller *caller)
{
	pthread_join(caller->thread, NULL);
	return caller->err;
}

void vmrpc_fuzz_options(int argc, char **argv, int *seconds, unsigned int *seed)
{
	int opt;

	*seconds = 10;
	*seed = getpid() ^ time(NULL);
	while ((opt = getopt(argc, argv, "s:r:")) != -1) {
		if (opt == 's')
			*seconds = atoi(optarg);
		else if (opt == 'r')
			*seed = strtoul(optarg, NULL, 0);
		else
			exit(KSFT_FAIL);
	}
}
