// SPDX-License-Identifier: GPL-2.0-only
/* KUnit tests of the bounds of the counters; included by stat.c, whose statics they test. */
#include <kunit/test.h>

static void stat_test_free(void *vm)
{
	vmrpc_stat_free(vm);
}

static struct vmrpc_vm *stat_test_vm(struct kunit *test)
{
	struct vmrpc_vm *vm = kunit_kzalloc(test, sizeof(*vm), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, vm);
	KUNIT_ASSERT_EQ(test, kunit_add_action(test, stat_test_free, vm), 0);
	return vm;
}

static void test_stat_module_same_name_same_counters(struct kunit *test)
{
	struct vmrpc_vm *vm = stat_test_vm(test);
	struct vmrpc_stat_module *a = vmrpc_stat_module(vm, VMRPC_STAT_KERNEL, "a");

	KUNIT_ASSERT_NOT_NULL(test, a);
	KUNIT_EXPECT_PTR_NE(test, vmrpc_stat_module(vm, VMRPC_STAT_KERNEL, "b"), a);
	KUNIT_EXPECT_PTR_NE(test, vmrpc_stat_module(vm, VMRPC_STAT_VMM, "a"), a);
	KUNIT_EXPECT_PTR_EQ(test, vmrpc_stat_module(vm, VMRPC_STAT_KERNEL, "a"), a);
}

static void test_stat_modules_full_no_more(struct kunit *test)
{
	struct vmrpc_vm *vm = stat_test_vm(test);
	char name[VMRPC_MODULE_LEN];
	int i;

	for (i = 0; i < VMRPC_STAT_MODULES; i++) {
		snprintf(name, sizeof(name), "m%d", i);
		KUNIT_ASSERT_NOT_NULL(test, vmrpc_stat_module(vm, VMRPC_STAT_GUEST, name));
	}
	KUNIT_EXPECT_NULL(test, vmrpc_stat_module(vm, VMRPC_STAT_GUEST, "more"));
	KUNIT_EXPECT_NOT_NULL(test, vmrpc_stat_module(vm, VMRPC_STAT_GUEST, "m0"));
	KUNIT_EXPECT_NOT_NULL(test, vmrpc_stat_module(vm, VMRPC_STAT_KERNEL, "more"));
}

static void test_stat_procedure_over_limit_with_the_others(struct kunit *test)
{
	struct vmrpc_vm *vm = stat_test_vm(test);
	struct vmrpc_stat_module *a = vmrpc_stat_module(vm, VMRPC_STAT_KERNEL, "a");
	struct vmrpc_counters *others;

	KUNIT_ASSERT_NOT_NULL(test, a);
	others = &a->procedures[VMRPC_STAT_PROCEDURES];
	KUNIT_EXPECT_PTR_EQ(test, vmrpc_stat_counters(vm, VMRPC_STAT_KERNEL, a, 0),
			    &a->procedures[0]);
	KUNIT_EXPECT_PTR_EQ(test, vmrpc_stat_counters(vm, VMRPC_STAT_KERNEL, a,
						      VMRPC_STAT_PROCEDURES - 1), others - 1);
	KUNIT_EXPECT_PTR_EQ(test, vmrpc_stat_counters(vm, VMRPC_STAT_KERNEL, a,
						      VMRPC_STAT_PROCEDURES), others);
	KUNIT_EXPECT_PTR_EQ(test, vmrpc_stat_counters(vm, VMRPC_STAT_KERNEL, a, U32_MAX), others);
}

static void stat_test_call(struct vmrpc_vm *vm, const char *module, u32 procedure, int ret)
{
	struct rvmrpc_args args = {
		.module = module, .procedure = procedure, .arg_size = 8, .res_size = 16,
		.seq = 1,
	};

	vmrpc_stat_call(vm, &args, ret);
}

static void test_stat_call_unknown_module_with_the_others(struct kunit *test)
{
	struct vmrpc_vm *vm = stat_test_vm(test);
	struct vmrpc_counters *others = &vm->stat_other[VMRPC_STAT_GUEST];

	stat_test_call(vm, "made-up", 0, -EPROTONOSUPPORT);
	stat_test_call(vm, "made-up", 0, -ECONNREFUSED);
	stat_test_call(vm, "made-up", 0, -ETIMEDOUT);
	KUNIT_EXPECT_NULL(test, vmrpc_stat_row(vm, VMRPC_STAT_GUEST, 0));
	KUNIT_EXPECT_EQ(test, atomic64_read(&others->calls), 3);
	KUNIT_EXPECT_EQ(test, atomic64_read(&others->errors), 3);
	KUNIT_EXPECT_EQ(test, atomic64_read(&others->arg_bytes), 24);
	KUNIT_EXPECT_EQ(test, atomic64_read(&others->res_bytes), 0);
	KUNIT_EXPECT_EQ(test, atomic64_read(&vm->stats.errors), 3);
}

static void test_stat_call_answered_own_row(struct kunit *test)
{
	struct vmrpc_vm *vm = stat_test_vm(test);
	struct vmrpc_stat_module *module;

	stat_test_call(vm, "echo", 1, -ENOSYS);
	stat_test_call(vm, "echo", 0, 0);
	stat_test_call(vm, "echo", 0, -ETIMEDOUT);
	module = vmrpc_stat_row(vm, VMRPC_STAT_GUEST, 0);
	KUNIT_ASSERT_NOT_NULL(test, module);
	KUNIT_EXPECT_EQ(test, atomic64_read(&module->procedures[0].calls), 2);
	KUNIT_EXPECT_EQ(test, atomic64_read(&module->procedures[0].errors), 1);
	KUNIT_EXPECT_EQ(test, atomic64_read(&module->procedures[0].res_bytes), 16);
	KUNIT_EXPECT_EQ(test, atomic64_read(&module->procedures[1].errors), 1);
	KUNIT_EXPECT_EQ(test, atomic64_read(&vm->stat_other[VMRPC_STAT_GUEST].calls), 0);
}

static struct kunit_case vmrpc_stat_test_cases[] = {
	KUNIT_CASE(test_stat_module_same_name_same_counters),
	KUNIT_CASE(test_stat_modules_full_no_more),
	KUNIT_CASE(test_stat_procedure_over_limit_with_the_others),
	KUNIT_CASE(test_stat_call_unknown_module_with_the_others),
	KUNIT_CASE(test_stat_call_answered_own_row),
	{ }
};

static struct kunit_suite vmrpc_stat_test_suite = {
	.name		= "kvm-vmrpc-stat",
	.test_cases	= vmrpc_stat_test_cases,
};
kunit_test_suite(vmrpc_stat_test_suite);
