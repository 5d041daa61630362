// SPDX-License-Identifier: GPL-2.0-only
/* KUnit tests of what needs no host. */
#include <kunit/test.h>
#include <linux/string.h>
#include "internal.h"

/* What @list allows of a module "procfs" with the procedures "meminfo" and "loadavg": two bits. */
static u64 test_allowed(const char *list)
{
	static const struct rvmrpc_procedure procedures[] = {
		{ .name = "meminfo" }, { .name = "loadavg" },
	};
	struct rvmrpc_module module = {
		.name = "procfs", .procedures = procedures, .nr_procedures = 2,
	};

	return rvmrpc_allowed(list, &module);
}

static void test_allow_all_allows_any(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, test_allowed("all"), 3);
}

static void test_allow_none_allows_nothing(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, test_allowed("none"), 0);
	KUNIT_EXPECT_EQ(test, test_allowed(""), 0);
}

static void test_allow_list_matches_whole_names(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, test_allowed("procfs"), 3);
	KUNIT_EXPECT_EQ(test, test_allowed("echo,procfs"), 3);
	KUNIT_EXPECT_EQ(test, test_allowed(",,procfs,"), 3);
	KUNIT_EXPECT_EQ(test, test_allowed("echo,proc"), 0);
	KUNIT_EXPECT_EQ(test, test_allowed("procfs2"), 0);
	KUNIT_EXPECT_EQ(test, test_allowed("echo,all"), 0);
}

static void test_allow_procedures_by_name(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, test_allowed("procfs/meminfo"), 1);
	KUNIT_EXPECT_EQ(test, test_allowed("echo,procfs/loadavg"), 2);
	KUNIT_EXPECT_EQ(test, test_allowed("procfs/loadavg,procfs/meminfo"), 3);
	KUNIT_EXPECT_EQ(test, test_allowed("procfs/"), 0);
	KUNIT_EXPECT_EQ(test, test_allowed("procfs/load"), 0);
	KUNIT_EXPECT_EQ(test, test_allowed("echo/meminfo"), 0);
}

static void test_user_permits_listed_names(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, vmrpc_list_has("kvstore", "kvstore"));
	KUNIT_EXPECT_TRUE(test, vmrpc_list_has("a,kvstore", "kvstore"));
	KUNIT_EXPECT_FALSE(test, vmrpc_list_has("a,kvstore", "kv"));
	KUNIT_EXPECT_FALSE(test, vmrpc_list_has("a,b", "a,b"));
}

static void test_user_empty_permits_nothing(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, vmrpc_list_has("", "kvstore"));
	KUNIT_EXPECT_FALSE(test, vmrpc_list_has("none", "kvstore"));
}

static void test_user_all_is_a_name(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, vmrpc_list_has("all", "kvstore"));
}

static struct vmrpc_request test_request(void)
{
	return (struct vmrpc_request) {
		.seq		= cpu_to_le64(1),
		.module		= VMRPC_ECHO_MODULE,
		.arg_size	= cpu_to_le32(VMRPC_SLOT_DATA),
		.res_max	= cpu_to_le32(VMRPC_SLOT_DATA),
	};
}

static void test_call_grow_within_limit(struct kunit *test)
{
	struct rvmrpc_call call = { .res_max = 3 * VMRPC_SLOT_DATA };

	KUNIT_ASSERT_EQ(test, rvmrpc_call_grow(&call, VMRPC_SLOT_DATA + 1), 0);
	KUNIT_ASSERT_EQ(test, rvmrpc_call_grow(&call, call.res_max), 0);
	memset(call.res, 1, call.res_max);
	rvmrpc_call_free(&call);
	KUNIT_EXPECT_NULL(test, call.bulk_res);
}

static void test_call_grow_above_limit_refused(struct kunit *test)
{
	struct rvmrpc_call call = { .res_max = VMRPC_SLOT_DATA };

	KUNIT_EXPECT_EQ(test, rvmrpc_call_grow(&call, VMRPC_SLOT_DATA + 1), -EMSGSIZE);
	KUNIT_EXPECT_NULL(test, call.res);
}

static void test_request_valid_accepted(struct kunit *test)
{
	struct vmrpc_request req = test_request();

	KUNIT_EXPECT_EQ(test, rvmrpc_request_check(&req, false), 0);
}

static void test_request_long_name_refused(struct kunit *test)
{
	struct vmrpc_request req = test_request();

	memset(req.module, 'a', sizeof(req.module));
	KUNIT_EXPECT_EQ(test, rvmrpc_request_check(&req, false), -EINVAL);
}

static void test_request_reserved_refused(struct kunit *test)
{
	struct vmrpc_request req = test_request();

	req.reserved = cpu_to_le32(1);
	KUNIT_EXPECT_EQ(test, rvmrpc_request_check(&req, false), -EINVAL);
}

static void test_request_big_argument_refused(struct kunit *test)
{
	struct vmrpc_request req = test_request();

	req.arg_size = cpu_to_le32(VMRPC_SLOT_DATA + 1);
	KUNIT_EXPECT_EQ(test, rvmrpc_request_check(&req, false), -EINVAL);
}

static void test_request_big_result_refused(struct kunit *test)
{
	struct vmrpc_request req = test_request();

	req.res_max = cpu_to_le32(U32_MAX);
	KUNIT_EXPECT_EQ(test, rvmrpc_request_check(&req, false), -EINVAL);
}

static void test_request_big_bulk_accepted(struct kunit *test)
{
	struct vmrpc_request req = test_request();

	req.arg_size = cpu_to_le32(VMRPC_MAX_BULK);
	req.res_max = cpu_to_le32(VMRPC_MAX_BULK);
	KUNIT_EXPECT_EQ(test, rvmrpc_request_check(&req, true), 0);
}

static void test_request_too_big_bulk_refused(struct kunit *test)
{
	struct vmrpc_request req = test_request();

	req.arg_size = cpu_to_le32(VMRPC_MAX_BULK + 1);
	KUNIT_EXPECT_EQ(test, rvmrpc_request_check(&req, true), -EINVAL);
}

static void test_seq_pending_until_handled(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, rvmrpc_seq_pending(0, 0));
	KUNIT_EXPECT_TRUE(test, rvmrpc_seq_pending(1, 0));
	KUNIT_EXPECT_FALSE(test, rvmrpc_seq_pending(1, 1));
	KUNIT_EXPECT_TRUE(test, rvmrpc_seq_pending(2, 1));
	/* A page that is older than the rest of memory, and a host that starts anywhere. */
	KUNIT_EXPECT_FALSE(test, rvmrpc_seq_pending(1, 2));
	KUNIT_EXPECT_FALSE(test, rvmrpc_seq_pending(0, U64_MAX));
	KUNIT_EXPECT_TRUE(test, rvmrpc_seq_pending(U64_MAX, 0));
}

static void test_status_unknown_error_replaced(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, rvmrpc_status(0), 0);
	KUNIT_EXPECT_EQ(test, rvmrpc_status(-ECONNREFUSED), VMRPC_ECONNREFUSED);
	KUNIT_EXPECT_EQ(test, rvmrpc_status(-EIO), VMRPC_EFAULT);
	KUNIT_EXPECT_EQ(test, rvmrpc_status(7), VMRPC_EFAULT);
}

static int test_module_call(struct rvmrpc_call *call)
{
	return 0;
}

static int test_module_positive(struct rvmrpc_call *call)
{
	return 1;
}

static const struct rvmrpc_procedure test_procedures[] = {
	{ .name = "call", .call = test_module_call, .min_size = 4, .max_size = 8 },
	{ .name = "slow", .call = test_module_call, .slow = true },
	{ .name = "positive", .call = test_module_positive },
};

static int test_module_perform(const char *name, u32 procedure, u32 size)
{
	struct rvmrpc_call call = { .arg_size = size };

	return rvmrpc_call_perform(name, procedure, &call, false);
}

static void test_module_look_up(struct kunit *test)
{
	static struct rvmrpc_module module = {
		.name		= "kunit",
		.procedures	= test_procedures,
		.nr_procedures	= ARRAY_SIZE(test_procedures),
	};

	KUNIT_EXPECT_EQ(test, test_module_perform("kunit", 0, 4), -EPROTONOSUPPORT);
	KUNIT_ASSERT_EQ(test, rvmrpc_register_module(&module), 0);
	KUNIT_EXPECT_EQ(test, rvmrpc_register_module(&module), -EEXIST);
	module.allowed = 0;
	KUNIT_EXPECT_EQ(test, test_module_perform("kunit", 0, 4), -ECONNREFUSED);
	module.allowed = BIT_ULL(1);
	KUNIT_EXPECT_EQ(test, test_module_perform("kunit", 0, 4), -ECONNREFUSED);
	KUNIT_EXPECT_EQ(test, test_module_perform("kunit", 3, 4), -ENOSYS);
	module.allowed = GENMASK_ULL(2, 0);
	KUNIT_EXPECT_EQ(test, test_module_perform("kunit", 0, 4), 0);
	KUNIT_EXPECT_EQ(test, test_module_perform("kunit", 1, 0), 1);
	KUNIT_EXPECT_EQ(test, test_module_perform("kunit", 2, 0), 0);
	KUNIT_EXPECT_EQ(test, test_module_perform("kunit", 3, 4), -ENOSYS);
	KUNIT_EXPECT_EQ(test, test_module_perform("kunit", 0, 3), -EINVAL);
	KUNIT_EXPECT_EQ(test, test_module_perform("kunit", 0, 9), -EINVAL);
	rvmrpc_unregister_module(&module);
	KUNIT_EXPECT_EQ(test, test_module_perform("kunit", 0, 4), -EPROTONOSUPPORT);
}

static void test_module_bad_name_refused(struct kunit *test)
{
	struct rvmrpc_module module = {
		.name		= "all",
		.procedures	= test_procedures,
		.nr_procedures	= ARRAY_SIZE(test_procedures),
	};

	KUNIT_EXPECT_EQ(test, rvmrpc_register_module(&module), -EINVAL);
	module.name = "a,b";
	KUNIT_EXPECT_EQ(test, rvmrpc_register_module(&module), -EINVAL);
	module.name = "0123456789abcdef0123456789abcdef";
	KUNIT_EXPECT_EQ(test, rvmrpc_register_module(&module), -EINVAL);
}

static struct kunit_case vmrpc_test_cases[] = {
	KUNIT_CASE(test_allow_all_allows_any),
	KUNIT_CASE(test_allow_none_allows_nothing),
	KUNIT_CASE(test_allow_list_matches_whole_names),
	KUNIT_CASE(test_allow_procedures_by_name),
	KUNIT_CASE(test_user_permits_listed_names),
	KUNIT_CASE(test_user_empty_permits_nothing),
	KUNIT_CASE(test_user_all_is_a_name),
	KUNIT_CASE(test_call_grow_within_limit),
	KUNIT_CASE(test_call_grow_above_limit_refused),
	KUNIT_CASE(test_request_valid_accepted),
	KUNIT_CASE(test_request_long_name_refused),
	KUNIT_CASE(test_request_reserved_refused),
	KUNIT_CASE(test_request_big_argument_refused),
	KUNIT_CASE(test_request_big_result_refused),
	KUNIT_CASE(test_request_big_bulk_accepted),
	KUNIT_CASE(test_request_too_big_bulk_refused),
	KUNIT_CASE(test_seq_pending_until_handled),
	KUNIT_CASE(test_status_unknown_error_replaced),
	KUNIT_CASE(test_module_look_up),
	KUNIT_CASE(test_module_bad_name_refused),
	{}
};

static struct kunit_suite vmrpc_test_suite = {
	.name		= "vmrpc_guest",
	.test_cases	= vmrpc_test_cases,
};
kunit_test_suite(vmrpc_test_suite);
