// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading it makes the guest's kernel call the procedure SLEEP of the host's server
 * "test", and lasts as long as the call.  Then it fails with -EAGAIN on purpose:
 * nothing stays.
 */
#include <linux/module.h>
#include <linux/vmrpc.h>

#define TEST_SLEEP	4	/* VMRPC_TEST_SLEEP: struct sleep_arg */

struct sleep_arg {
	__le32	ms;
	__le32	reserved;
};

static unsigned int ms = 60000;
module_param(ms, uint, 0);
MODULE_PARM_DESC(ms, "how long the host's server sleeps, up to 60000");

static int __init vmrpc_sleep_init(void)
{
	struct sleep_arg arg = { .ms = cpu_to_le32(ms) };
	s64 handle, result = 0;
	int ret;

	handle = vmrpc_bind_module_kernel("test", "1");
	if (handle < 0) {
		pr_err("vmrpc_sleep: cannot bind \"test\": error %lld\n", handle);
		return handle;
	}
	ret = vmrpc_perform_kernel(handle, TEST_SLEEP, &arg, sizeof(arg), &result);
	pr_info("vmrpc_sleep: status %d, slept %lld ms\n", ret, result);
	vmrpc_unbind_module_kernel(handle);
	return -EAGAIN;
}
module_init(vmrpc_sleep_init);

MODULE_DESCRIPTION("A guest's call that sleeps in the host");
MODULE_LICENSE("GPL");
