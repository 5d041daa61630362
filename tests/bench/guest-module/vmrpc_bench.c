// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a call to the host costs a guest kernel, against the cheapest hypercall
 * that KVM has.  The measurement is the loading of the module: in turns a batch of
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

/* Return: the median of a batch in ns, or a negative errno. */
static s64 bench_batch(int (*call)(u32 handle, void *arg), u32 handle, u64 *ns)
{
	u8 arg[BENCH_SIZE] = { 1 };
	unsigned int i;
	u64 start;
	int ret;

	for (i = 0; i < calls; i++) {
		start = ktime_get_ns();
		ret = call(handle, arg);
		ns[i] = ktime_get_ns() - start;
		if (ret)
			return ret;
	}
	sort(ns, calls, sizeof(*ns), bench_compare, NULL);
	return ns[calls / 2];
}

static int bench_rounds(u32 handle, u64 *ns)
{
	s64 null, perform;
	unsigned int i;

	for (i = 0; i < rounds; i++) {
		null = bench_batch(bench_null, handle, ns);
		perform = bench_batch(bench_perform, handle, ns);
		if (null < 0 || perform < 0)
			return null < 0 ? null : perform;
		pr_info("vmrpc_bench: round=%u null_hypercall=%lld perform_kernel=%lld\n",
			i, null, perform);
		cond_resched();
	}
	return 0;
}

static int __init bench_init(void)
{
	s64 handle;
	u64 *ns;
	int ret;

	if (!kvm_para_available() || !calls)
		return -ENODEV;
	handle = vmrpc_bind_module_kernel("test", "1");
	if (handle < 0) {
		pr_err("vmrpc_bench: cannot bind \"test\": error %lld; load vmrpc_test_server in the host\n",
		       handle);
		return handle;
	}
	ns = kvmalloc_array(calls, sizeof(*ns), GFP_KERNEL);
	ret = ns ? bench_rounds(handle, ns) : -ENOMEM;
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
