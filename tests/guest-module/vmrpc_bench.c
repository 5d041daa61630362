// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a call to the host costs a guest kernel, against the cheapest hypercall
 * that KVM has.  The measurement is the loading of the module: in turns a call of
 * KVM_HC_VAPIC_POLL_IRQ, which does nothing, one of a procedure that returns its
 * 16 bytes, of the host's server "test", and one of the VMM's server "kvstore".
 * Each round is one line in the log.
 */
#include <linux/kvm_para.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/vmrpc.h>

#include "kvstore.h"

#define BENCH_ECHO	0	/* VMRPC_TEST_ECHO of the server "test" */
#define BENCH_SIZE	16	/* bytes */

static unsigned int rounds = 7;
module_param(rounds, uint, 0);
MODULE_PARM_DESC(rounds, "how often both are measured");

static unsigned int calls = 500;
module_param(calls, uint, 0);
MODULE_PARM_DESC(calls, "calls of each in a round");

enum { BENCH_NULL, BENCH_KERNEL, BENCH_USER, BENCH_KINDS };

struct bench {
	u32			kernel;	/* handles */
	u32			user;
	u8			echo[BENCH_SIZE];
	struct kvstore_arg	kv;
	u64			*ns[BENCH_KINDS];
};

static int bench_call(struct bench *bench, int kind)
{
	switch (kind) {
	case BENCH_KERNEL:
		return vmrpc_perform_kernel(bench->kernel, BENCH_ECHO, bench->echo, BENCH_SIZE,
					    NULL);
	case BENCH_USER:
		return vmrpc_perform(bench->user, KVSTORE_GET, &bench->kv, sizeof(bench->kv),
				     NULL);
	default:
		return kvm_hypercall0(KVM_HC_VAPIC_POLL_IRQ);
	}
}

static int bench_compare(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static u64 bench_median(u64 *ns)
{
	sort(ns, calls, sizeof(*ns), bench_compare, NULL);
	return ns[calls / 2];
}

/* Call by call in turns: what slows the machine down for a while slows all of them. */
static int bench_round(struct bench *bench, unsigned int round)
{
	unsigned int i;
	int kind, ret;
	u64 start;

	for (i = 0; i < calls; i++) {
		for (kind = 0; kind < BENCH_KINDS; kind++) {
			start = ktime_get_ns();
			ret = bench_call(bench, kind);
			bench->ns[kind][i] = ktime_get_ns() - start;
			if (ret)
				return ret;
		}
	}
	pr_info("vmrpc_bench: round=%u null_hypercall=%llu perform_kernel=%llu perform_user=%llu\n",
		round, bench_median(bench->ns[BENCH_NULL]), bench_median(bench->ns[BENCH_KERNEL]),
		bench_median(bench->ns[BENCH_USER]));
	cond_resched();
	return 0;
}

static int bench_rounds(struct bench *bench)
{
	unsigned int i;
	int ret;

	ret = vmrpc_perform(bench->user, KVSTORE_PUT, &bench->kv, sizeof(bench->kv), NULL);
	for (i = 0; i < rounds && !ret; i++)
		ret = bench_round(bench, i);
	return ret;
}

/* Return: a handle, or a negative errno. */
static s64 bench_bind(s64 (*bind)(const char *module, const char *version), const char *module)
{
	s64 handle = bind(module, "1");

	if (handle < 0)
		pr_err("vmrpc_bench: cannot bind \"%s\": error %lld\n", module, handle);
	return handle;
}

static int bench_run(struct bench *bench)
{
	s64 kernel = bench_bind(vmrpc_bind_module_kernel, "test");
	s64 user = bench_bind(vmrpc_bind_module, KVSTORE_MODULE);
	int ret = kernel < 0 ? kernel : user < 0 ? user : 0;

	bench->kernel = kernel;
	bench->user = user;
	if (!ret)
		ret = bench_rounds(bench);
	if (user >= 0)
		vmrpc_unbind_module(user);
	if (kernel >= 0)
		vmrpc_unbind_module_kernel(kernel);
	return ret;
}

static int __init bench_init(void)
{
	struct bench *bench;
	int kind, ret = -ENOMEM;
	u64 *ns;

	if (!kvm_para_available() || !calls)
		return -ENODEV;
	bench = kzalloc(sizeof(*bench), GFP_KERNEL);
	ns = kvmalloc_array(calls, BENCH_KINDS * sizeof(*ns), GFP_KERNEL);
	if (bench && ns) {
		for (kind = 0; kind < BENCH_KINDS; kind++)
			bench->ns[kind] = ns + kind * calls;
		ret = bench_run(bench);
	}
	if (ret)
		pr_err("vmrpc_bench: error %d\n", ret);
	kvfree(ns);
	kfree(bench);
	return ret;
}
module_init(bench_init);

static void __exit bench_exit(void)
{
}
module_exit(bench_exit);

MODULE_DESCRIPTION("Benchmark of VMRPC from the guest's kernel");
MODULE_LICENSE("GPL");
