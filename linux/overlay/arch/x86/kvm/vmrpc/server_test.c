// SPDX-License-Identifier: GPL-2.0-only
/* KUnit tests of handles and names; included by server.c, whose statics they test. */
#include <kunit/test.h>

static struct vmrpc_vm *test_vm(struct kunit *test)
{
	struct vmrpc_vm *vm = kunit_kzalloc(test, sizeof(*vm), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, vm);
	spin_lock_init(&vm->lock);
	return vm;
}

static u32 test_install(struct vmrpc_vm *vm, struct vmrpc_binding *binding)
{
	u32 handle;

	spin_lock_irq(&vm->lock);
	handle = vmrpc_handle_install(vm, binding);
	spin_unlock_irq(&vm->lock);
	return handle;
}

static long test_find(struct vmrpc_vm *vm, u32 handle)
{
	struct vmrpc_handle *row;

	spin_lock_irq(&vm->lock);
	row = vmrpc_handle_find(vm, handle);
	spin_unlock_irq(&vm->lock);
	return PTR_ERR_OR_ZERO(row);
}

static void test_handle_bound_found(struct kunit *test)
{
	struct vmrpc_vm *vm = test_vm(test);
	struct vmrpc_binding binding;
	u32 handle = test_install(vm, &binding);

	KUNIT_EXPECT_NE(test, handle, 0);
	KUNIT_EXPECT_EQ(test, test_find(vm, handle), 0);
}

static void test_handle_never_given_bad(struct kunit *test)
{
	struct vmrpc_vm *vm = test_vm(test);
	struct vmrpc_binding binding;
	u32 handle = test_install(vm, &binding);

	KUNIT_EXPECT_EQ(test, test_find(vm, 0), -EBADF);
	KUNIT_EXPECT_EQ(test, test_find(vm, U32_MAX), -EBADF);
	KUNIT_EXPECT_EQ(test, test_find(vm, handle + 1), -EBADF);
	KUNIT_EXPECT_EQ(test, test_find(vm, handle + (1 << VMRPC_HANDLE_ROW_BITS)), -EBADF);
	KUNIT_EXPECT_EQ(test, test_find(vm, VMRPC_MAX_HANDLES + 1), -EBADF);
}

static void test_handle_reused_row_stale(struct kunit *test)
{
	struct vmrpc_vm *vm = test_vm(test);
	struct vmrpc_binding binding;
	u32 first = test_install(vm, &binding);
	u32 second;

	vmrpc_handle_clear(&vm->handles[0], -ENODEV);
	KUNIT_EXPECT_EQ(test, test_find(vm, first), -ENODEV);
	second = test_install(vm, &binding);
	KUNIT_EXPECT_NE(test, first, second);
	KUNIT_EXPECT_EQ(test, test_find(vm, first), -ESTALE);
	KUNIT_EXPECT_EQ(test, test_find(vm, second), 0);
}

static void test_handle_table_full_refused(struct kunit *test)
{
	struct vmrpc_vm *vm = test_vm(test);
	struct vmrpc_binding binding;
	int i;

	for (i = 0; i < VMRPC_MAX_HANDLES; i++)
		KUNIT_ASSERT_NE(test, test_install(vm, &binding), 0);
	KUNIT_EXPECT_EQ(test, test_install(vm, &binding), 0);
}

static void test_handle_generations_used_up_row_retired(struct kunit *test)
{
	struct vmrpc_vm *vm = test_vm(test);
	struct vmrpc_binding binding;

	vm->handles[0].generation = VMRPC_GENERATION_MAX;
	KUNIT_EXPECT_EQ(test, test_install(vm, &binding) & 0xff, 2);
}

static void test_name_valid(struct kunit *test)
{
	char name[8] = "abc";

	KUNIT_EXPECT_TRUE(test, vmrpc_name_valid(name, sizeof(name)));
	name[6] = 'x';
	KUNIT_EXPECT_FALSE(test, vmrpc_name_valid(name, sizeof(name)));
	KUNIT_EXPECT_FALSE(test, vmrpc_name_valid("\0\0\0\0\0\0\0", 8));
	KUNIT_EXPECT_FALSE(test, vmrpc_name_valid("12345678", 8));
	KUNIT_EXPECT_FALSE(test, vmrpc_name_valid("a b\0\0\0\0", 8));
	KUNIT_EXPECT_FALSE(test, vmrpc_name_valid("a\xc3\0\0\0\0\0", 8));
}

static void test_call_status_kernel_codes_hidden(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, vmrpc_call_status(0), 0);
	KUNIT_EXPECT_EQ(test, vmrpc_call_status(-EFAULT), -EFAULT);
	KUNIT_EXPECT_EQ(test, vmrpc_call_status(-ERESTARTSYS), -EINTR);
	KUNIT_EXPECT_EQ(test, vmrpc_call_status(1), -EINVAL);
}

static struct kunit_case vmrpc_test_cases[] = {
	KUNIT_CASE(test_handle_bound_found),
	KUNIT_CASE(test_handle_never_given_bad),
	KUNIT_CASE(test_handle_reused_row_stale),
	KUNIT_CASE(test_handle_table_full_refused),
	KUNIT_CASE(test_handle_generations_used_up_row_retired),
	KUNIT_CASE(test_name_valid),
	KUNIT_CASE(test_call_status_kernel_codes_hidden),
	{ }
};

static struct kunit_suite vmrpc_test_suite = {
	.name		= "kvm-vmrpc",
	.test_cases	= vmrpc_test_cases,
};
kunit_test_suite(vmrpc_test_suite);
