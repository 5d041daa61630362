// SPDX-License-Identifier: GPL-2.0-only
/*
 * A loopback: the "VM" of the name "loopback" whose guest is a thread of this kernel.
 * It serves "echo" on a channel in host memory, by the rules that docs/abi.rst has for
 * guests, except that it polls by function call.  While @silent is set it does not answer.
 */
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/wait.h>

#include "internal.h"

#define LOOPBACK_SLOTS	8u
#define LOOPBACK_SIZE	((1 + 2 * LOOPBACK_SLOTS) * PAGE_SIZE)

static bool silent;
module_param(silent, bool, 0644);
MODULE_PARM_DESC(silent, "do not answer calls, as a guest that hangs");

static struct vmrpc_vm *loopback_vm;
static struct task_struct *loopback_thread;
static void *loopback_pages;
static u64 loopback_handled[LOOPBACK_SLOTS];
static DECLARE_WAIT_QUEUE_HEAD(loopback_wait);
static bool loopback_kicked;

static struct vmrpc_request *loopback_request(unsigned int n)
{
	return loopback_pages + (1 + 2 * n) * PAGE_SIZE;
}

static struct vmrpc_response *loopback_response(unsigned int n)
{
	return loopback_pages + (2 + 2 * n) * PAGE_SIZE;
}

static u32 loopback_serve(const struct vmrpc_request *request, struct vmrpc_response *response)
{
	u32 size = le32_to_cpu(request->arg_size);

	if (strcmp(request->module, VMRPC_ECHO_MODULE))
		return VMRPC_EPROTONOSUPPORT;
	if (le32_to_cpu(request->procedure) != VMRPC_ECHO_ECHO)
		return VMRPC_ENOSYS;
	if (size > le32_to_cpu(request->res_max))
		return VMRPC_EMSGSIZE;
	memcpy(response + 1, request + 1, size);
	response->res_size = cpu_to_le32(size);
	return 0;
}

static void loopback_answer(unsigned int n)
{
	const struct vmrpc_request *request = loopback_request(n);
	struct vmrpc_response *response = loopback_response(n);
	/* Pairs with the release by which the request was sent. */
	__le64 seq = smp_load_acquire(&request->seq);

	if (!seq || le64_to_cpu(seq) == loopback_handled[n])
		return;
	loopback_handled[n] = le64_to_cpu(seq);
	response->result = 0;
	response->res_size = 0;
	response->status = cpu_to_le32(loopback_serve(request, response));
	/* Pairs with the acquire by which the response is found. */
	smp_store_release(&response->seq, seq);
}

static int loopback_guest(void *unused)
{
	unsigned int n;

	for (;;) {
		wait_event_interruptible(loopback_wait, (READ_ONCE(loopback_kicked) && !silent) ||
					 kthread_should_stop());
		if (kthread_should_stop())
			return 0;
		WRITE_ONCE(loopback_kicked, false);
		do {
			for (n = 0; n < LOOPBACK_SLOTS; n++)
				loopback_answer(n);
		} while (rvmrpc_loopback_poll(loopback_vm));
	}
}

static void loopback_interrupt(struct vmrpc_vm *vm)
{
	WRITE_ONCE(loopback_kicked, true);
	wake_up(&loopback_wait);
}

static int __init loopback_init(void)
{
	struct vmrpc_control *control;
	int ret;

	loopback_pages = alloc_pages_exact(LOOPBACK_SIZE, GFP_KERNEL | __GFP_ZERO);
	if (!loopback_pages)
		return -ENOMEM;
	control = loopback_pages;
	control->need_kick = cpu_to_le32(1);

	loopback_vm = vmrpc_loopback_create("loopback", loopback_interrupt, loopback_pages,
					    LOOPBACK_SLOTS);
	ret = PTR_ERR_OR_ZERO(loopback_vm);
	if (ret)
		goto out_pages;
	loopback_thread = kthread_run(loopback_guest, NULL, "vmrpc_loopback");
	ret = PTR_ERR_OR_ZERO(loopback_thread);
	if (!ret)
		return 0;
	vmrpc_loopback_destroy(loopback_vm);
out_pages:
	free_pages_exact(loopback_pages, LOOPBACK_SIZE);
	return ret;
}
module_init(loopback_init);

static void __exit loopback_exit(void)
{
	kthread_stop(loopback_thread);
	vmrpc_loopback_destroy(loopback_vm);
	free_pages_exact(loopback_pages, LOOPBACK_SIZE);
}
module_exit(loopback_exit);

MODULE_DESCRIPTION("VMRPC loopback");
MODULE_LICENSE("GPL");
