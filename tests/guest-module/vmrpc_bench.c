// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a call to the host costs a guest kernel, against the cheapest hypercall
 * that KVM has.  The measurement is the loading of the module: in turns a call of
 * KVM_HC_VAPIC_POLL_IRQ, which does nothing, and one of a procedure that returns
 * its 16 bytes, of the host's server "test".  Each round is one line in the log.
 */
#include <linux/kvm_para.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/vmrpc.h>

#define BENCH_ECHO	0	/* VMRPC_TEST_ECHO of the server "test" */
#define BENCH_SIZE	16	/* bytes */

static unsigned int rounds = 7;
module_param(rounds, uint, 0);
MODULE_PARM_DESC(rounds, "how often both are measured");

static unsigned int calls = 500;
module_param(calls, uint, 0);
MODULE_PARM_DESC(calls, "calls of each in a round");

static int bench_null(u32 handle, void *arg)
{
	return kvm_hypercall0(KVM_HC_VAPIC_POLL_IRQ);
}

static int bench_perform(u32 handle, void *arg)
{
	return vmrpc_perform_kernel(handle, BENCH_ECHO, arg, BENCH_SIZE, NULL);
}

static int bench_compare(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

/* Return: what one call took in ns, or a negative errno. */
static s64 bench_one(int (*call)(u32 handle, void *arg), u32 handle, void *arg)
{
	u64 start = ktime_get_ns();
	int ret = call(handle, arg);

	return ret ? ret : ktime_get_ns() - start;
}

static u64 bench_median(u64 *ns)
{
	sort(ns, calls, sizeof(*ns), bench_compare, NULL);
	return ns[calls / 2];
}

/* Call by call in turns: what slows the machine down for a while slows both. */
static int bench_round(u32 handle, unsigned int round, u64 *null, u64 *perform)
{
	u8 arg[BENCH_SIZE] = { 1 };
	unsigned int i;

	for (i = 0; i < calls; i++) {
		s64 a = bench_one(bench_null, handle, arg);
		s64 b = bench_one(bench_perform, handle, arg);

		if (a < 0 || b < 0)
			return a < 0 ? a : b;
		null[i] = a;
		perform[i] = b;
	}
	pr_info("vmrpc_bench: round=%u null_hypercall=%llu perform_kernel=%llu\n",
		round, bench_median(null), bench_median(perform));
	cond_resched();
	return 0;
}

static int __init bench_init(void)
{
	unsigned int i;
	int ret = 0;
	s64 handle;
	u64 *ns;

	if (!kvm_para_available() || !calls)
		return -ENODEV;
	handle = vmrpc_bind_module_kernel("test", "1");
	if (handle < 0) {
		pr_err("vmrpc_bench: cannot bind \"test\": error %lld; load vmrpc_test_server in the host\n",
		       handle);
		return handle;
	}
	ns = kvmalloc_array(calls, 2 * sizeof(*ns), GFP_KERNEL);
	if (!ns)
		ret = -ENOMEM;
	for (i = 0; i < rounds && !ret; i++)
		ret = bench_round(handle, i, ns, ns + calls);
	if (ret)
		pr_err("vmrpc_bench: error %d\n", ret);
	kvfree(ns);
	vmrpc_unbind_module_kernel(handle);
	return ret;
}
module_init(bench_init);

static void __exit bench_exit(void)
{
}
module_exit(bench_exit);

MODULE_DESCRIPTION("Benchmark of VMRPC from the guest's kernel");
MODULE_LICENSE("GPL");
