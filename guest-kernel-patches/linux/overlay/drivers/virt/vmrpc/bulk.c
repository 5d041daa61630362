// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arguments and results that are too large for a slot: the host copies them between
 * the caller's memory and ours when we ask it to.
 */
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include "internal.h"

/* The host is trusted not to ask for more than this guest can do: but it may fail. */
static void *rvmrpc_call_alloc(u32 size)
{
	return kvmalloc(size, GFP_KERNEL | __GFP_NOWARN | __GFP_RETRY_MAYFAIL);
}

/* Copy @size bytes, from the argument or (VMRPC_TRANSFER_RESULT) to the result. */
static int rvmrpc_call_transfer(const struct rvmrpc_call *call, const void *data, u32 size, u32 flags)
{
	struct vmrpc_transfer arg = {
		.seq = cpu_to_le64(call->seq),
		.slot = cpu_to_le32(call->slot),
		.flags = cpu_to_le32(flags),
	};
	u32 done;
	u64 copied;
	int ret;

	for (done = 0; done < size; done += copied) {
		arg.gva = cpu_to_le64((unsigned long)data + done);
		arg.offset = cpu_to_le64(done);
		arg.size = cpu_to_le64(size - done);
		ret = vmrpc_hypercall(VMRPC_OP_TRANSFER, 0, 0, (unsigned long)&arg, &copied);
		if (ret)
			return ret;
		if (!copied || copied > size - done)
			return -EIO;
		cond_resched();
	}
	return 0;
}

/* Get an argument that is not in the slot. */
int rvmrpc_call_fetch(struct rvmrpc_call *call)
{
	if (call->arg_size <= VMRPC_SLOT_DATA)
		return 0;
	call->bulk_arg = rvmrpc_call_alloc(call->arg_size);
	if (!call->bulk_arg)
		return -ENOMEM;
	call->arg = call->bulk_arg;
	return rvmrpc_call_transfer(call, call->arg, call->arg_size, 0);
}

/* Hand over a result that does not go into the slot. */
int rvmrpc_call_store(struct rvmrpc_call *call)
{
	if (call->res_size <= VMRPC_SLOT_DATA)
		return 0;
	return rvmrpc_call_transfer(call, call->res, call->res_size, VMRPC_TRANSFER_RESULT);
}

/* The response was written. */
void rvmrpc_call_free(struct rvmrpc_call *call)
{
	kvfree(call->bulk_arg);
	kvfree(call->bulk_res);
	call->bulk_arg = NULL;
	call->bulk_res = NULL;
}

/**
 * rvmrpc_call_grow - make room for a large result
 * @call: the call under way; afterwards @call->res has room for @size bytes, and what
 *	was written there before is lost
 * @size: in bytes, at most @call->res_max
 *
 * Context: in the procedure, which is to be slow.  May sleep.
 * Return: 0, -EMSGSIZE the caller cannot take as much, -ENOMEM.
 */
int rvmrpc_call_grow(struct rvmrpc_call *call, u32 size)
{
	void *res;

	if (size > call->res_max)
		return -EMSGSIZE;
	if (size <= VMRPC_SLOT_DATA)
		return 0;
	res = rvmrpc_call_alloc(size);
	if (!res)
		return -ENOMEM;
	kvfree(call->bulk_res);
	call->bulk_res = res;
	call->res = res;
	return 0;
}
EXPORT_SYMBOL_GPL(rvmrpc_call_grow);
