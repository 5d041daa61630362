// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of VMRPC: enabling it, binding modules, performing procedures, and how the
 * host reads and writes the guest's memory while it does.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vmrpc_util.h"

#define PAGE		4096ull
#define NON_CANONICAL	0x4000000000000000ull
#define RING_BYTES	4096		/* the smallest dirty ring: of 256 entries */
#define ARGUMENT_GVA	0x40000000ull	/* far from what the library allocates */

/* A VM that VMRPC is not enabled in. */
FIXTURE(config)
{
	struct vmrpc_tvm tvm;
	struct kvm_vmrpc_config config;
};

FIXTURE_SETUP(config)
{
	if (!kvm_has_cap(KVM_CAP_VMRPC))
		SKIP(return, "the host kernel has no KVM_CAP_VMRPC");
	vmrpc_tvm_create(&self->tvm);
	vmrpc_config_init(&self->config);
}

FIXTURE_TEARDOWN(config)
{
	vmrpc_tvm_free(&self->tvm);
}

/* KVM_ENABLE_CAP: a descriptor, or -errno. */
static int enable(struct kvm_vm *vm, struct kvm_vmrpc_config *config)
{
	int fd = __vm_enable_cap(vm, KVM_CAP_VMRPC, (unsigned long)config);

	return fd < 0 ? -errno : fd;
}

TEST_F(config, capability_checked_gives_features)
{
	ASSERT_EQ(VMRPC_F_KERNEL | VMRPC_F_REVERSE | VMRPC_F_USER | VMRPC_F_BULK,
		  vm_check_cap(self->tvm.vm, KVM_CAP_VMRPC));
}

TEST_F(config, not_enabled_hypercall_unknown)
{
	ASSERT_EQ(-KVM_ENOSYS, vmrpc_hypercall(self->tvm.vcpus[0], VMRPC_OP_POLL, 0, 0, 0, NULL));
}

TEST_F(config, enabled_gives_descriptor)
{
	int fd = enable(self->tvm.vm, &self->config);

	ASSERT_LE(0, fd);
	ASSERT_STREQ(self->tvm.name, (char *)vmrpc_info(fd).name);
	close(fd);
}

TEST_F(config, enabled_twice_already)
{
	ASSERT_LE(0, enable(self->tvm.vm, &self->config));
	self->config.name[0] = 'x';
	ASSERT_EQ(-EALREADY, enable(self->tvm.vm, &self->config));
}

TEST_F(config, name_in_use_exists)
{
	struct vmrpc_tvm other;

	vmrpc_tvm_create(&other);
	vmrpc_tvm_enable(&other, -1);
	ASSERT_EQ(-EEXIST, enable(self->tvm.vm, &self->config));
	vmrpc_tvm_free(&other);
	ASSERT_LE(0, enable(self->tvm.vm, &self->config));
}

TEST_F(config, name_empty_refused)
{
	memset(self->config.name, 0, sizeof(self->config.name));
	ASSERT_EQ(-EINVAL, enable(self->tvm.vm, &self->config));
}

TEST_F(config, name_not_terminated_refused)
{
	memset(self->config.name, 'a', sizeof(self->config.name));
	ASSERT_EQ(-EINVAL, enable(self->tvm.vm, &self->config));
}

TEST_F(config, name_with_blank_refused)
{
	self->config.name[4] = ' ';
	ASSERT_EQ(-EINVAL, enable(self->tvm.vm, &self->config));
}

TEST_F(config, name_padding_set_refused)
{
	self->config.name[VMRPC_NAME_LEN - 1] = 'a';
	ASSERT_EQ(-EINVAL, enable(self->tvm.vm, &self->config));
}

TEST_F(config, flags_set_refused)
{
	self->config.flags = ~VMRPC_CONFIG_GROUP;
	ASSERT_EQ(-EINVAL, enable(self->tvm.vm, &self->config));
}

TEST_F(config, reserved_set_refused)
{
	self->config.reserved2[1] = 1;
	ASSERT_EQ(-EINVAL, enable(self->tvm.vm, &self->config));
}

TEST_F(config, address_unmapped_fault)
{
	ASSERT_EQ(-EFAULT, enable(self->tvm.vm, (void *)PAGE));
}

TEST_F(config, irq_descriptor_closed_refused)
{
	self->config.irq_eventfd = 1000;
	ASSERT_EQ(-EBADF, enable(self->tvm.vm, &self->config));
}

TEST_F(config, irq_not_an_eventfd_refused)
{
	self->config.irq_eventfd = open("/dev/null", O_RDWR);
	ASSERT_LE(0, self->config.irq_eventfd);
	ASSERT_EQ(-EINVAL, enable(self->tvm.vm, &self->config));
}

/* A VM whose local APIC is in user space cannot park. */
TEST_F(config, no_irqchip_refused)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_VMRPC,
		.args[0] = (unsigned long)&self->config,
	};
	int kvm = open_kvm_dev_path_or_exit();
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);

	ASSERT_LE(0, vm);
	ASSERT_EQ(-1, ioctl(vm, KVM_ENABLE_CAP, &cap));
	ASSERT_EQ(EINVAL, errno);
	close(vm);
	close(kvm);
}

/* A VM with VMRPC, and room for a request. */
FIXTURE(bind)
{
	struct vmrpc_tvm tvm;
	struct kvm_vcpu *vcpu;
	uint64_t gva;
	struct vmrpc_bind *arg;
};

FIXTURE_SETUP(bind)
{
	if (!kvm_has_cap(KVM_CAP_VMRPC))
		SKIP(return, "the host kernel has no KVM_CAP_VMRPC");
	if (vmrpc_server_load())
		SKIP(return, "vmrpc_test_server.ko cannot be loaded");
	vmrpc_tvm_create(&self->tvm);
	vmrpc_tvm_enable(&self->tvm, -1);
	self->vcpu = self->tvm.vcpus[0];
	self->gva = vm_vaddr_alloc_page(self->tvm.vm);
	self->arg = vmrpc_bind_fill(self->tvm.vm, self->gva, VMRPC_TEST_MODULE,
				    VMRPC_TEST_VERSION);
}

FIXTURE_TEARDOWN(bind)
{
	vmrpc_tvm_free(&self->tvm);
}

#define do_bind(self) vmrpc_hypercall((self)->vcpu, VMRPC_OP_BIND, 0, 0, (self)->gva, NULL)

TEST_F(bind, module_known_gives_handle)
{
	uint64_t handle = 0;

	ASSERT_EQ(0, vmrpc_bind(self->vcpu, VMRPC_TEST_MODULE, VMRPC_TEST_VERSION, &handle));
	ASSERT_NE(0, handle);
	ASSERT_EQ(0, handle >> 32);
	ASSERT_EQ(1, vmrpc_info(self->tvm.fd).handles);
}

TEST_F(bind, module_bound_twice_two_handles)
{
	uint64_t first, second;

	ASSERT_EQ(0, vmrpc_bind(self->vcpu, VMRPC_TEST_MODULE, VMRPC_TEST_VERSION, &first));
	ASSERT_EQ(0, vmrpc_bind(self->vcpu, VMRPC_TEST_MODULE, VMRPC_TEST_VERSION, &second));
	ASSERT_NE(first, second);
}

TEST_F(bind, module_unknown_refused)
{
	uint64_t unchanged = 0;

	strcpy((char *)self->arg->module, "no-such");
	ASSERT_EQ(-VMRPC_ENOENT, vmrpc_hypercall(self->vcpu, VMRPC_OP_BIND, 0, 0, self->gva,
						 &unchanged));
	ASSERT_EQ(VMRPC_OP_BIND, unchanged);
	ASSERT_EQ(1, vmrpc_info(self->tvm.fd).refused);
}

TEST_F(bind, version_wrong_refused)
{
	strcpy((char *)self->arg->version, "2");
	ASSERT_EQ(-VMRPC_EPROTONOSUPPORT, do_bind(self));
}

TEST_F(bind, module_empty_refused)
{
	memset(self->arg->module, 0, sizeof(self->arg->module));
	ASSERT_EQ(-VMRPC_EINVAL, do_bind(self));
}

TEST_F(bind, module_not_terminated_refused)
{
	memset(self->arg->module, 'a', sizeof(self->arg->module));
	ASSERT_EQ(-VMRPC_EINVAL, do_bind(self));
}

TEST_F(bind, module_padding_set_refused)
{
	self->arg->module[VMRPC_MODULE_LEN - 1] = 'a';
	ASSERT_EQ(-VMRPC_EINVAL, do_bind(self));
}

TEST_F(bind, version_empty_refused)
{
	memset(self->arg->version, 0, sizeof(self->arg->version));
	ASSERT_EQ(-VMRPC_EINVAL, do_bind(self));
}

TEST_F(bind, flags_set_refused)
{
	self->arg->flags = ~VMRPC_BIND_FLAGS;
	ASSERT_EQ(-VMRPC_EINVAL, do_bind(self));
}

TEST_F(bind, reserved_set_refused)
{
	self->arg->reserved = 1u << 31;
	ASSERT_EQ(-VMRPC_EINVAL, do_bind(self));
}

TEST_F(bind, argument_unmapped_fault)
{
	vmrpc_page_protect(self->tvm.vm, self->gva, PTE_PRESENT_MASK);
	ASSERT_EQ(-VMRPC_EFAULT, do_bind(self));
}

TEST_F(bind, table_full_busy)
{
	uint64_t first, handle;
	int i;

	ASSERT_EQ(0, vmrpc_bind(self->vcpu, VMRPC_TEST_MODULE, VMRPC_TEST_VERSION, &first));
	for (i = 1; i < VMRPC_MAX_HANDLES; i++)
		ASSERT_EQ(0, do_bind(self));
	ASSERT_EQ(-VMRPC_EBUSY, do_bind(self));
	ASSERT_EQ(VMRPC_MAX_HANDLES, vmrpc_info(self->tvm.fd).handles);

	ASSERT_EQ(0, vmrpc_unbind(self->vcpu, first));
	ASSERT_EQ(0, vmrpc_bind(self->vcpu, VMRPC_TEST_MODULE, VMRPC_TEST_VERSION, &handle));
	ASSERT_NE(first, handle);
}

TEST_F(bind, instruction_of_either_vendor_accepted)
{
	ASSERT_EQ(-VMRPC_ENOTCONN, vmrpc_hypercall_by(self->vcpu, VMRPC_INSN_VMMCALL,
						      VMRPC_OP_POLL));
	ASSERT_EQ(-VMRPC_ENOTCONN, vmrpc_hypercall_by(self->vcpu, VMRPC_INSN_VMCALL,
						      VMRPC_OP_POLL));
}

TEST_F(bind, user_mode_refused)
{
	vmrpc_vcpu_drop_to_user(self->vcpu);
	vmrpc_hypercall_begin(self->vcpu, VMRPC_OP_BIND, 0, 0, self->gva, RFLAGS_IOPL);
	vcpu_run(self->vcpu);
	ASSERT_EQ(-VMRPC_EPERM, vmrpc_hypercall_end(self->vcpu, NULL));
	ASSERT_EQ(0, vmrpc_info(self->tvm.fd).handles);
}

TEST_F(bind, operation_unknown_refused)
{
	ASSERT_EQ(-VMRPC_ENOSYS, vmrpc_hypercall(self->vcpu, VMRPC_OP_TRANSFER + 1, 0, 0, 0, NULL));
	ASSERT_EQ(-VMRPC_ENOSYS, vmrpc_hypercall(self->vcpu, VMRPC_OP_MASK, 0, 0, 0, NULL));
}

TEST_F(bind, print_line_written)
{
	struct vmrpc_print *print = addr_gva2hva(self->tvm.vm, self->gva);
	uint64_t handle, written;

	ASSERT_EQ(0, vmrpc_bind(self->vcpu, VMRPC_PRINT_MODULE, VMRPC_PRINT_VERSION, &handle));
	memset(print, 0, sizeof(*print));
	strcpy((char *)(print + 1), "vmrpc_test says hello");
	print->string = self->gva + sizeof(*print);
	print->length = 21;
	ASSERT_EQ(0, vmrpc_perform(self->vcpu, handle, VMRPC_PRINT_PRINT, self->gva,
				   sizeof(*print), &written));
	ASSERT_EQ(21, written);
}

TEST_F(bind, print_too_long_refused)
{
	struct vmrpc_print *print = addr_gva2hva(self->tvm.vm, self->gva);
	uint64_t handle;

	ASSERT_EQ(0, vmrpc_bind(self->vcpu, VMRPC_PRINT_MODULE, VMRPC_PRINT_VERSION, &handle));
	memset(print, 0, PAGE);
	print->string = self->gva;
	print->length = VMRPC_PRINT_MAX + 1;
	ASSERT_EQ(-VMRPC_EINVAL, vmrpc_perform(self->vcpu, handle, VMRPC_PRINT_PRINT, self->gva,
					       sizeof(*print), NULL));
}

/* A reserved bit in one argument of an otherwise valid hypercall. */
FIXTURE(reserved)
{
	struct vmrpc_tvm tvm;
	uint64_t args[4];
};

FIXTURE_VARIANT(reserved)
{
	uint64_t op;
	int arg;		/* that gets ... */
	uint64_t bits;		/* ... these */
};

#define RESERVED(_name, _op, _arg, _bits)					\
	FIXTURE_VARIANT_ADD(reserved, _name) { .op = _op, .arg = _arg, .bits = _bits }

RESERVED(bind_a0_high, VMRPC_OP_BIND, 0, 1ull << 32);
RESERVED(bind_a0_procedure, VMRPC_OP_BIND, 0, 1 << VMRPC_PROCEDURE_SHIFT);
RESERVED(bind_a1, VMRPC_OP_BIND, 1, 1);
RESERVED(bind_a2, VMRPC_OP_BIND, 2, 1);
RESERVED(unbind_a0_high, VMRPC_OP_UNBIND, 0, 1ull << 63);
RESERVED(unbind_a0_procedure, VMRPC_OP_UNBIND, 0, 1u << 31);
RESERVED(unbind_a1_high, VMRPC_OP_UNBIND, 1, 1ull << 32);
RESERVED(unbind_a2, VMRPC_OP_UNBIND, 2, 1);
RESERVED(unbind_a3, VMRPC_OP_UNBIND, 3, 1);
RESERVED(perform_a0_high, VMRPC_OP_PERFORM, 0, 1ull << 32);
RESERVED(perform_a1_high, VMRPC_OP_PERFORM, 1, 1ull << 32);
RESERVED(register_a0_procedure, VMRPC_OP_REGISTER, 0, 1 << VMRPC_PROCEDURE_SHIFT);
RESERVED(register_a1_high, VMRPC_OP_REGISTER, 1, 1ull << 32);
RESERVED(register_a3_flag, VMRPC_OP_REGISTER, 3, 1 << 1);
RESERVED(register_a3_high, VMRPC_OP_REGISTER, 3, 1ull << 63);
RESERVED(poll_a0_procedure, VMRPC_OP_POLL, 0, 1 << VMRPC_PROCEDURE_SHIFT);
RESERVED(poll_a1_flag, VMRPC_OP_POLL, 1, 1 << 1);
RESERVED(poll_a1_high, VMRPC_OP_POLL, 1, 1ull << 63);
RESERVED(poll_a2, VMRPC_OP_POLL, 2, 1);
RESERVED(poll_a3, VMRPC_OP_POLL, 3, 1);
RESERVED(unregister_a0_procedure, VMRPC_OP_UNREGISTER, 0, 1 << VMRPC_PROCEDURE_SHIFT);
RESERVED(unregister_a1, VMRPC_OP_UNREGISTER, 1, 1);
RESERVED(unregister_a2, VMRPC_OP_UNREGISTER, 2, 1);
RESERVED(unregister_a3, VMRPC_OP_UNREGISTER, 3, 1);

FIXTURE_SETUP(reserved)
{
	struct vmrpc_channel channel;
	struct kvm_vcpu *vcpu;
	uint64_t gva, handle;

	if (!kvm_has_cap(KVM_CAP_VMRPC))
		SKIP(return, "the host kernel has no KVM_CAP_VMRPC");
	if (vmrpc_server_load())
		SKIP(return, "vmrpc_test_server.ko cannot be loaded");
	vmrpc_tvm_create(&self->tvm);
	vmrpc_tvm_enable(&self->tvm, -1);
	vcpu = self->tvm.vcpus[0];
	ASSERT_EQ(0, vmrpc_bind(vcpu, VMRPC_TEST_MODULE, VMRPC_TEST_VERSION, &handle));
	vmrpc_channel_init(&channel, self->tvm.vm, 1);
	ASSERT_EQ(0, vmrpc_register(vcpu, 1, channel.gpa / PAGE, NULL));
	gva = vm_vaddr_alloc_page(self->tvm.vm);
	vmrpc_bind_fill(self->tvm.vm, gva, VMRPC_TEST_MODULE, VMRPC_TEST_VERSION);

	self->args[0] = variant->op;
	if (variant->op == VMRPC_OP_UNBIND || variant->op == VMRPC_OP_PERFORM)
		self->args[1] = handle;
	if (variant->op == VMRPC_OP_BIND || variant->op == VMRPC_OP_PERFORM)
		self->args[3] = gva;
	if (variant->op == VMRPC_OP_REGISTER) {
		self->args[1] = 1;
		self->args[2] = channel.gpa / PAGE;
	}
}

FIXTURE_TEARDOWN(reserved)
{
	vmrpc_tvm_free(&self->tvm);
}

TEST_F(reserved, bit_set_refused)
{
	struct kvm_vcpu *vcpu = self->tvm.vcpus[0];
	uint64_t args[4];

	memcpy(args, self->args, sizeof(args));
	args[variant->arg] |= variant->bits;
	ASSERT_EQ(-VMRPC_EINVAL, vmrpc_hypercall(vcpu, args[0], args[1], args[2], args[3], NULL));

	memcpy(args, self->args, sizeof(args));
	ASSERT_EQ(0, vmrpc_hypercall(vcpu, args[0], args[1], args[2], args[3], NULL));
}

/* A bound module, and an argument of two pages. */
FIXTURE(perform)
{
	struct vmrpc_tvm tvm;
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpu;
	uint64_t handle;
	uint64_t gva;
	uint8_t *page[2];
};

/* Two virtual pages that follow each other, on frames in the opposite order. */
static uint64_t map_crossed(struct kvm_vm *vm, uint8_t **page)
{
	uint64_t gpa = vm_phy_pages_alloc(vm, 2, KVM_GUEST_PAGE_TABLE_MIN_PADDR, 0);

	virt_pg_map(vm, ARGUMENT_GVA, gpa + PAGE);
	virt_pg_map(vm, ARGUMENT_GVA + PAGE, gpa);
	page[0] = addr_gpa2hva(vm, gpa + PAGE);
	page[1] = addr_gpa2hva(vm, gpa);
	return ARGUMENT_GVA;
}

FIXTURE_SETUP(perform)
{
	if (!kvm_has_cap(KVM_CAP_VMRPC))
		SKIP(return, "the host kernel has no KVM_CAP_VMRPC");
	if (vmrpc_server_load())
		SKIP(return, "vmrpc_test_server.ko cannot be loaded");
	vmrpc_tvm_create(&self->tvm);
	vmrpc_tvm_enable(&self->tvm, -1);
	self->vm = self->tvm.vm;
	self->vcpu = self->tvm.vcpus[0];
	ASSERT_EQ(0, vmrpc_bind(self->vcpu, VMRPC_TEST_MODULE, VMRPC_TEST_VERSION,
				&self->handle));
	self->gva = map_crossed(self->vm, self->page);
	memset(self->page[0], 1, PAGE);
	memset(self->page[1], 2, PAGE);
}

FIXTURE_TEARDOWN(perform)
{
	vmrpc_tvm_free(&self->tvm);
}

#define echo(self, gva, size, result)						\
	vmrpc_perform((self)->vcpu, (self)->handle, VMRPC_TEST_ECHO, gva, size, result)

TEST_F(perform, echo_small_comes_back)
{
	uint64_t result;

	memcpy(self->page[0], "0123456789abcdef", 16);
	ASSERT_EQ(0, echo(self, self->gva, 16, &result));
	ASSERT_EQ(16, result);
	ASSERT_EQ(0, memcmp(self->page[0], "0123456789abcdef\1", 17));
	ASSERT_EQ(1, vmrpc_info(self->tvm.fd).performs);
}

TEST_F(perform, length_zero_accepted)
{
	uint64_t result;

	ASSERT_EQ(0, echo(self, 0, 0, &result));
	ASSERT_EQ(0, result);
}

TEST_F(perform, page_boundary_crossed)
{
	memcpy(self->page[0] + PAGE - 4, "ABCD", 4);
	memcpy(self->page[1], "EFGH", 4);
	ASSERT_EQ(0, echo(self, self->gva + PAGE - 4, 8, NULL));
	ASSERT_EQ(0, memcmp(self->page[0] + PAGE - 5, "\1ABCD", 5));
	ASSERT_EQ(0, memcmp(self->page[1], "EFGH\2", 5));
}

TEST_F(perform, memory_slots_crossed)
{
	uint64_t gpa = 1ull << 32, gva = self->gva + 16 * PAGE;
	uint64_t result;

	vm_userspace_mem_region_add(self->vm, VM_MEM_SRC_ANONYMOUS, gpa, 10, 1, 0);
	vm_userspace_mem_region_add(self->vm, VM_MEM_SRC_ANONYMOUS, gpa + PAGE, 11, 1, 0);
	virt_pg_map(self->vm, gva, gpa);
	virt_pg_map(self->vm, gva + PAGE, gpa + PAGE);
	ASSERT_EQ(0, echo(self, gva, 2 * PAGE, &result));
	ASSERT_EQ(2 * PAGE, result);
}

TEST_F(perform, largest_argument_accepted)
{
	uint64_t gva = vm_vaddr_alloc(self->vm, VMRPC_MAX_ARG, KVM_UTIL_MIN_VADDR);
	uint64_t result;

	ASSERT_EQ(0, echo(self, gva, VMRPC_MAX_ARG, &result));
	ASSERT_EQ(VMRPC_MAX_ARG, result);
}

TEST_F(perform, length_over_interface_limit_refused)
{
	uint64_t gva = vm_vaddr_alloc(self->vm, 2 * VMRPC_MAX_ARG, KVM_UTIL_MIN_VADDR);

	ASSERT_EQ(-VMRPC_E2BIG, echo(self, gva, VMRPC_MAX_ARG + 1, NULL));
}

TEST_F(perform, length_enormous_refused)
{
	ASSERT_EQ(-VMRPC_E2BIG, echo(self, self->gva, 1ull << 32, NULL));
	ASSERT_EQ(-VMRPC_E2BIG, echo(self, self->gva, ~0ull, NULL));
}

TEST_F(perform, length_over_procedure_limit_refused)
{
	ASSERT_EQ(-VMRPC_E2BIG, vmrpc_perform(self->vcpu, self->handle, VMRPC_TEST_SUM, self->gva,
					      sizeof(struct vmrpc_test_memory) + 1, NULL));
}

TEST_F(perform, length_under_procedure_limit_refused)
{
	ASSERT_EQ(-VMRPC_EINVAL, vmrpc_perform(self->vcpu, self->handle, VMRPC_TEST_SUM, self->gva,
					       sizeof(struct vmrpc_test_memory) - 1, NULL));
}

TEST_F(perform, procedure_unknown_refused)
{
	ASSERT_EQ(-VMRPC_ENOSYS, vmrpc_perform(self->vcpu, self->handle, VMRPC_TEST_PROCEDURES,
					       self->gva, 8, NULL));
	ASSERT_EQ(-VMRPC_ENOSYS, vmrpc_perform(self->vcpu, self->handle, 0xffff, self->gva, 8,
					       NULL));
}

#define stat_of(self, procedure)						\
	vmrpc_stat((self)->tvm.fd, VMRPC_STAT_KERNEL, VMRPC_TEST_MODULE, procedure)

TEST_F(perform, stat_counts_calls_errors_bytes)
{
	struct vmrpc_vm_stat stat;
	int i;

	ASSERT_EQ(0, vmrpc_stat_rows(self->tvm.fd));
	for (i = 0; i < 5; i++)
		ASSERT_EQ(0, echo(self, self->gva, 16, NULL));
	vmrpc_page_protect(self->vm, self->gva + PAGE, PTE_PRESENT_MASK);
	ASSERT_EQ(-VMRPC_EFAULT, echo(self, self->gva + PAGE, 8, NULL));

	stat = stat_of(self, VMRPC_TEST_ECHO);
	ASSERT_EQ(6, stat.calls);
	ASSERT_EQ(1, stat.errors);
	ASSERT_EQ(5 * 16, stat.arg_bytes);
	ASSERT_EQ(5 * 16, stat.res_bytes);
	ASSERT_EQ(1, vmrpc_stat_rows(self->tvm.fd));
	ASSERT_EQ(6, vmrpc_info(self->tvm.fd).performs);
}

TEST_F(perform, stat_argument_only_read_no_result_bytes)
{
	struct vmrpc_test_memory *arg = (void *)self->page[0];
	struct vmrpc_vm_stat stat;

	*arg = (struct vmrpc_test_memory){ .gva = self->gva + PAGE, .length = 4 };
	ASSERT_EQ(0, vmrpc_perform(self->vcpu, self->handle, VMRPC_TEST_SUM, self->gva,
				   sizeof(*arg), NULL));
	stat = stat_of(self, VMRPC_TEST_SUM);
	ASSERT_EQ(1, stat.calls);
	ASSERT_EQ(sizeof(*arg), stat.arg_bytes);
	ASSERT_EQ(0, stat.res_bytes);
}

TEST_F(perform, stat_procedures_unknown_counted_and_bounded)
{
	uint32_t procedure;

	for (procedure = 0x40; procedure < 0x60; procedure++)
		ASSERT_EQ(-VMRPC_ENOSYS, vmrpc_perform(self->vcpu, self->handle, procedure,
						       self->gva, 8, NULL));
	ASSERT_EQ(-VMRPC_ENOSYS, vmrpc_perform(self->vcpu, self->handle, 0xffff, self->gva, 8,
					       NULL));
	ASSERT_EQ(0x21, stat_of(self, VMRPC_STAT_OTHER).calls);
	ASSERT_EQ(0x21, stat_of(self, VMRPC_STAT_OTHER).errors);
	ASSERT_EQ(0, stat_of(self, VMRPC_STAT_OTHER).arg_bytes);
	ASSERT_EQ(1, vmrpc_stat_rows(self->tvm.fd));
}

TEST_F(perform, stat_handle_invalid_counted_as_refused)
{
	ASSERT_EQ(-VMRPC_EBADF, vmrpc_perform(self->vcpu, 0, VMRPC_TEST_ECHO, self->gva, 8, NULL));
	ASSERT_EQ(0, vmrpc_stat_rows(self->tvm.fd));
	ASSERT_EQ(0, vmrpc_info(self->tvm.fd).performs);
	ASSERT_EQ(1, vmrpc_info(self->tvm.fd).refused);
}

TEST_F(perform, stat_kept_over_unbind_and_reset)
{
	uint64_t handle;

	ASSERT_EQ(0, echo(self, self->gva, 8, NULL));
	ASSERT_EQ(0, vmrpc_unbind(self->vcpu, self->handle));
	ASSERT_EQ(0, ioctl(self->tvm.fd, VMRPC_VM_RESET));
	ASSERT_EQ(1, stat_of(self, VMRPC_TEST_ECHO).calls);
	ASSERT_EQ(0, vmrpc_bind(self->vcpu, VMRPC_TEST_MODULE, VMRPC_TEST_VERSION, &handle));
	ASSERT_EQ(0, vmrpc_perform(self->vcpu, handle, VMRPC_TEST_ECHO, self->gva, 8, NULL));
	ASSERT_EQ(2, stat_of(self, VMRPC_TEST_ECHO).calls);
	ASSERT_EQ(1, vmrpc_stat_rows(self->tvm.fd));
}

TEST_F(perform, stat_kept_when_vm_is_destroyed)
{
	ASSERT_EQ(0, echo(self, self->gva, 8, NULL));
	kvm_vm_free(self->vm);
	self->tvm.vm = NULL;
	ASSERT_EQ(1, stat_of(self, VMRPC_TEST_ECHO).calls);
	ASSERT_EQ(1, vmrpc_info(self->tvm.fd).performs);
}

TEST_F(perform, page_unmapped_fault)
{
	vmrpc_page_protect(self->vm, self->gva, PTE_PRESENT_MASK);
	ASSERT_EQ(-VMRPC_EFAULT, echo(self, self->gva, 8, NULL));
}

TEST_F(perform, second_page_unmapped_fault)
{
	vmrpc_page_protect(self->vm, self->gva + PAGE, PTE_PRESENT_MASK);
	ASSERT_EQ(0, echo(self, self->gva + PAGE - 8, 8, NULL));
	ASSERT_EQ(-VMRPC_EFAULT, echo(self, self->gva + PAGE - 7, 8, NULL));
}

TEST_F(perform, result_page_read_only_fault)
{
	vmrpc_page_protect(self->vm, self->gva, PTE_WRITABLE_MASK);
	ASSERT_EQ(-VMRPC_EFAULT, echo(self, self->gva, 8, NULL));
}

TEST_F(perform, argument_page_read_only_accepted)
{
	struct vmrpc_test_memory *arg = (void *)self->page[0];
	uint64_t result;

	*arg = (struct vmrpc_test_memory){ .gva = self->gva + PAGE, .length = 4 };
	vmrpc_page_protect(self->vm, self->gva, PTE_WRITABLE_MASK);
	ASSERT_EQ(0, vmrpc_perform(self->vcpu, self->handle, VMRPC_TEST_SUM, self->gva,
				   sizeof(*arg), &result));
	ASSERT_EQ(8, result);
}

TEST_F(perform, frame_without_memory_fault)
{
	uint64_t gva = self->gva + 16 * PAGE;

	virt_pg_map(self->vm, gva, self->vm->max_gfn * PAGE - 16 * PAGE);
	ASSERT_EQ(-VMRPC_EFAULT, echo(self, gva, 8, NULL));
}

TEST_F(perform, memory_slot_read_only_fault)
{
	uint64_t gpa = 1ull << 32, gva = self->gva + 16 * PAGE;

	vm_userspace_mem_region_add(self->vm, VM_MEM_SRC_ANONYMOUS, gpa, 10, 1, KVM_MEM_READONLY);
	virt_pg_map(self->vm, gva, gpa);
	ASSERT_EQ(-VMRPC_EFAULT, echo(self, gva, 8, NULL));
}

TEST_F(perform, address_not_canonical_fault)
{
	ASSERT_EQ(-VMRPC_EFAULT, echo(self, NON_CANONICAL, 8, NULL));
	ASSERT_EQ(-VMRPC_EFAULT, echo(self, self->gva | NON_CANONICAL, 8, NULL));
}

TEST_F(perform, address_wraps_fault)
{
	ASSERT_EQ(-VMRPC_EFAULT, echo(self, ~0ull - 3, 8, NULL));
}

TEST_F(perform, handle_unbound_stale)
{
	ASSERT_EQ(0, vmrpc_unbind(self->vcpu, self->handle));
	ASSERT_EQ(-VMRPC_ESTALE, echo(self, self->gva, 8, NULL));
	ASSERT_EQ(-VMRPC_ESTALE, vmrpc_unbind(self->vcpu, self->handle));
}

TEST_F(perform, handle_of_reused_row_stale)
{
	uint64_t second;

	ASSERT_EQ(0, vmrpc_unbind(self->vcpu, self->handle));
	ASSERT_EQ(0, vmrpc_bind(self->vcpu, VMRPC_TEST_MODULE, VMRPC_TEST_VERSION, &second));
	ASSERT_EQ(-VMRPC_ESTALE, echo(self, self->gva, 8, NULL));
	self->handle = second;
	ASSERT_EQ(0, echo(self, self->gva, 8, NULL));
}

TEST_F(perform, handle_never_valid_bad)
{
	uint64_t bad[] = { 0, 0xffffffff, self->handle + 1, self->handle + 0x100 };
	int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		self->handle = bad[i];
		ASSERT_EQ(-VMRPC_EBADF, echo(self, self->gva, 8, NULL));
		ASSERT_EQ(-VMRPC_EBADF, vmrpc_unbind(self->vcpu, bad[i]));
	}
}

TEST_F(perform, handle_of_other_vm_bad)
{
	struct kvm_vmrpc_config config;
	struct vmrpc_tvm other;
	int fd;

	vmrpc_tvm_create(&other);
	vmrpc_config_init(&config);
	strcat((char *)config.name, "-other");
	fd = enable(other.vm, &config);
	ASSERT_LE(0, fd);
	ASSERT_EQ(-VMRPC_EBADF, vmrpc_unbind(other.vcpus[0], self->handle));
	close(fd);
	vmrpc_tvm_free(&other);
}

TEST_F(perform, compatibility_mode_echo_comes_back)
{
	uint64_t result;

	memcpy(self->page[0], "0123456789abcdef", 16);
	vmrpc_vcpu_enter_compat_mode(self->vcpu);
	ASSERT_EQ(0, echo(self, self->gva, 16, &result));
	ASSERT_EQ(16, result);
}

TEST_F(perform, compatibility_mode_error_32_bits)
{
	vmrpc_vcpu_enter_compat_mode(self->vcpu);
	ASSERT_EQ((uint32_t)-VMRPC_EFAULT, echo(self, 0xfffffffc, 8, NULL));
}

/* The server follows pointers in the argument. */
static int64_t call_memory(struct kvm_vcpu *vcpu, uint64_t handle, uint16_t procedure,
			   uint64_t gva, uint64_t length, uint64_t *result)
{
	uint64_t arg_gva = vm_vaddr_alloc_page(vcpu->vm);
	struct vmrpc_test_memory *arg = addr_gva2hva(vcpu->vm, arg_gva);

	*arg = (struct vmrpc_test_memory){ .gva = gva, .length = length, .value = 0x5a };
	return vmrpc_perform(vcpu, handle, procedure, arg_gva, sizeof(*arg), result);
}

#define memory(self, procedure, gva, length, result)				\
	call_memory((self)->vcpu, (self)->handle, procedure, gva, length, result)

TEST_F(perform, pointer_read_crosses_pages)
{
	uint64_t result;

	ASSERT_EQ(0, memory(self, VMRPC_TEST_SUM, self->gva + PAGE - 300, 600, &result));
	ASSERT_EQ(300 * 1 + 300 * 2, result);
}

TEST_F(perform, argument_in_last_page_of_addresses_read)
{
	struct vmrpc_test_memory arg = { .gva = self->gva, .length = 4 };
	uint64_t gva = -PAGE, result;

	virt_pg_map(self->vm, gva, addr_hva2gpa(self->vm, self->page[1]));
	memcpy(self->page[1] + PAGE - sizeof(arg), &arg, sizeof(arg));
	ASSERT_EQ(0, vmrpc_perform(self->vcpu, self->handle, VMRPC_TEST_SUM,
				   gva + PAGE - sizeof(arg), sizeof(arg), &result));
	ASSERT_EQ(4 * 1, result);
}

TEST_F(perform, pointer_read_unmapped_fault)
{
	ASSERT_EQ(-VMRPC_EFAULT, memory(self, VMRPC_TEST_SUM, self->gva + 2 * PAGE - 8, 16, NULL));
}

TEST_F(perform, pointer_written_crosses_pages)
{
	uint64_t result;

	ASSERT_EQ(0, memory(self, VMRPC_TEST_FILL, self->gva + PAGE - 300, 600, &result));
	ASSERT_EQ(600, result);
	ASSERT_EQ(1, self->page[0][PAGE - 301]);
	ASSERT_EQ(0x5a, self->page[0][PAGE - 300]);
	ASSERT_EQ(0x5a, self->page[0][PAGE - 1]);
	ASSERT_EQ(0x5a, self->page[1][299]);
	ASSERT_EQ(2, self->page[1][300]);
}

TEST_F(perform, pointer_written_read_only_fault)
{
	vmrpc_page_protect(self->vm, self->gva, PTE_WRITABLE_MASK);
	ASSERT_EQ(-VMRPC_EFAULT, memory(self, VMRPC_TEST_FILL, self->gva, 8, NULL));
	ASSERT_EQ(1, self->page[0][0]);
}

/* The kernel calls for a process: what an address in the argument says is not followed. */
TEST_F(perform, pointer_of_a_process_fault)
{
	uint64_t gva = vm_vaddr_alloc_page(self->vm), handle;

	vmrpc_bind_fill(self->vm, gva, VMRPC_TEST_MODULE, VMRPC_TEST_VERSION)->flags =
		VMRPC_BIND_PROCESS;
	ASSERT_EQ(0, vmrpc_hypercall(self->vcpu, VMRPC_OP_BIND, 0, 0, gva, &handle));
	self->handle = handle;
	ASSERT_EQ(-VMRPC_EFAULT, memory(self, VMRPC_TEST_SUM, self->gva, 8, NULL));
	ASSERT_EQ(-VMRPC_EFAULT, memory(self, VMRPC_TEST_FILL, self->gva, 8, NULL));
	ASSERT_EQ(-VMRPC_EFAULT, memory(self, VMRPC_TEST_HVA, self->gva, 8, NULL));
	ASSERT_EQ(0, echo(self, self->gva, 8, NULL));
}

TEST_F(perform, pointer_not_canonical_fault)
{
	ASSERT_EQ(-VMRPC_EFAULT, memory(self, VMRPC_TEST_SUM, NON_CANONICAL, 8, NULL));
	ASSERT_EQ(-VMRPC_EFAULT, memory(self, VMRPC_TEST_FILL, NON_CANONICAL, 8, NULL));
	ASSERT_EQ(-VMRPC_EFAULT, memory(self, VMRPC_TEST_HVA, NON_CANONICAL, 8, NULL));
}

/* Its VMM has to empty the ring of each vCPU; the memory from @gva on is entered into it. */
static void create_with_dirty_ring(struct vmrpc_tvm *tvm, uint64_t gva, uint64_t *handle)
{
	uint64_t gpa = 1ull << 32;

	vmrpc_tvm_create_dirty_ring(tvm, RING_BYTES);
	vmrpc_tvm_enable(tvm, -1);
	TEST_ASSERT(!vmrpc_bind(tvm->vcpus[0], VMRPC_TEST_MODULE, VMRPC_TEST_VERSION, handle),
		    "BIND failed");
	vm_userspace_mem_region_add(tvm->vm, VM_MEM_SRC_ANONYMOUS, gpa, 10, VMRPC_MAX_ARG / PAGE,
				    KVM_MEM_LOG_DIRTY_PAGES);
	virt_map(tvm->vm, gva, gpa, VMRPC_MAX_ARG / PAGE);
}

/* In its small steps the server enters each page many times: more than fits. */
TEST(pointer_written_dirty_ring_full_busy)
{
	struct vmrpc_tvm tvm;
	uint64_t handle, arg;
	int64_t ret;

	if (!kvm_has_cap(KVM_CAP_VMRPC) || vmrpc_server_load())
		SKIP(return, "no KVM_CAP_VMRPC, or no vmrpc_test_server.ko");
	if (!host_cpu_is_amd)
		SKIP(return, "the ring is larger with Intel's page modification logging");
	create_with_dirty_ring(&tvm, ARGUMENT_GVA, &handle);
	ASSERT_EQ(0, call_memory(tvm.vcpus[0], handle, VMRPC_TEST_FILL, ARGUMENT_GVA, PAGE, NULL));
	arg = vm_vaddr_alloc_page(tvm.vm);
	*(struct vmrpc_test_memory *)addr_gva2hva(tvm.vm, arg) = (struct vmrpc_test_memory) {
		.gva = ARGUMENT_GVA, .length = VMRPC_MAX_ARG,
	};
	vmrpc_hypercall_begin(tvm.vcpus[0], VMRPC_OP_PERFORM |
			      VMRPC_TEST_FILL << VMRPC_PROCEDURE_SHIFT, handle,
			      sizeof(struct vmrpc_test_memory), arg, 0);
	ASSERT_EQ(0, __vcpu_run(tvm.vcpus[0]));
	ret = vmrpc_hypercall_end(tvm.vcpus[0], NULL);
	ASSERT_EQ(KVM_EXIT_DIRTY_RING_FULL, tvm.vcpus[0]->run->exit_reason);
	ASSERT_EQ(-VMRPC_EBUSY, ret);
	vmrpc_tvm_free(&tvm);
}

TEST_F(perform, hva_translated)
{
	uint64_t result;

	self->page[1][7] = 99;
	ASSERT_EQ(0, memory(self, VMRPC_TEST_HVA, self->gva + PAGE + 7, 1, &result));
	ASSERT_EQ(99, result);
}

TEST_F(perform, hva_unmapped_fault)
{
	ASSERT_EQ(-VMRPC_EFAULT, memory(self, VMRPC_TEST_HVA, self->gva + 2 * PAGE, 1, NULL));
}

TEST_F(perform, vm_reset_handle_stale)
{
	ASSERT_EQ(0, ioctl(self->tvm.fd, VMRPC_VM_RESET));
	ASSERT_EQ(-VMRPC_ESTALE, echo(self, self->gva, 8, NULL));
	ASSERT_EQ(0, vmrpc_info(self->tvm.fd).handles);
}

TEST_HARNESS_MAIN
