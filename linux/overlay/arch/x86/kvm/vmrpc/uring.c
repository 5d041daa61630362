// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMRPC_VM_CALL by io_uring.  A call that finds no free slot is issued again by one of
 * io_uring's workers, which waits for one.
 *
 * A ring that is closed, and a process that ends, cancel their commands: those that are
 * marked cancelable, until io_uring_cmd_done().
 */
#include <linux/io_uring/cmd.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "internal.h"

struct vmrpc_uring {
	struct rvmrpc_async		async;
	struct vmrpc_client		client;
	struct vmrpc_vm_call __user	*user;
	struct io_uring_cmd		*cmd;
	int				status;
};

static struct vmrpc_uring **vmrpc_uring_of(struct io_uring_cmd *cmd)
{
	return io_uring_cmd_to_pdu(cmd, struct vmrpc_uring *);
}

static void vmrpc_uring_release(struct rvmrpc_async *async)
{
	struct vmrpc_uring *uring = container_of(async, struct vmrpc_uring, async);

	vmrpc_client_free_later(&uring->client);
	kfree(uring);
}

static int vmrpc_uring_result(const struct vmrpc_uring *uring)
{
	const struct rvmrpc_args *args = &uring->async.args;

	if (vmrpc_client_result(&uring->client, args) ||
	    put_user(args->res_size, &uring->user->res_size) ||
	    put_user(args->result, &uring->user->result))
		return -EFAULT;
	return 0;
}

/* In the task that submitted it, unless that is no more. */
static void vmrpc_uring_complete(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	struct vmrpc_uring *uring = *vmrpc_uring_of(cmd);
	int ret = uring->status;

	if (issue_flags & IO_URING_F_TASK_DEAD)
		ret = -ECANCELED;
	else if (!ret)
		ret = vmrpc_uring_result(uring);
	io_uring_cmd_done(cmd, ret, 0, issue_flags);
	rvmrpc_async_put(&uring->async);
}

static void vmrpc_uring_done(struct rvmrpc_async *async, int ret)
{
	struct vmrpc_uring *uring = container_of(async, struct vmrpc_uring, async);

	uring->status = ret;
	io_uring_cmd_complete_in_task(uring->cmd, vmrpc_uring_complete);
}

static int vmrpc_uring_cancel(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	struct vmrpc_uring *uring = *vmrpc_uring_of(cmd);

	/* If it is not submitted yet io_uring asks again. */
	if (rvmrpc_cancel(&uring->async)) {
		io_uring_cmd_done(cmd, -ECANCELED, 0, issue_flags);
		rvmrpc_async_put(&uring->async);
	}
	return 0;
}

static struct vmrpc_uring *vmrpc_uring_new(struct io_uring_cmd *cmd,
					   const struct vmrpc_vm_call *call)
{
	struct vmrpc_uring *uring = kzalloc(sizeof(*uring), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!uring)
		return ERR_PTR(-ENOMEM);
	ret = vmrpc_client_init(&uring->client, &uring->async.args, call);
	if (ret) {
		kfree(uring);
		return ERR_PTR(ret);
	}
	refcount_set(&uring->async.ref, 1);
	uring->async.done = vmrpc_uring_done;
	uring->async.release = vmrpc_uring_release;
	uring->cmd = cmd;
	*vmrpc_uring_of(cmd) = uring;
	return uring;
}

/* By the task itself, which completes nothing meanwhile. */
static int vmrpc_uring_issue(struct vmrpc_vm *vm, struct vmrpc_uring *uring,
			     unsigned int timeout_ms, unsigned int issue_flags)
{
	struct io_uring_cmd *cmd = uring->cmd;
	int ret = rvmrpc_submit(vm, &uring->async, timeout_ms, false);

	if (ret) {
		/* Not a signal: the task has other completions to see to. */
		if (ret == -EINTR && !uring->async.args.seq)
			ret = -EAGAIN;
		rvmrpc_async_put(&uring->async);
		return ret;
	}
	io_uring_cmd_mark_cancelable(cmd, issue_flags);
	return -EIOCBQUEUED;
}

/* By a worker: the task may complete or cancel it at any time. */
static int vmrpc_uring_issue_wait(struct vmrpc_vm *vm, struct vmrpc_uring *uring,
				  unsigned int timeout_ms, unsigned int issue_flags)
{
	struct io_uring_cmd *cmd = uring->cmd;
	int ret;

	io_uring_cmd_mark_cancelable(cmd, issue_flags);
	ret = rvmrpc_submit(vm, &uring->async, timeout_ms, !(cmd->file->f_flags & O_NONBLOCK));
	if (ret) {
		io_uring_cmd_done(cmd, ret, 0, issue_flags);
		rvmrpc_async_put(&uring->async);
	}
	return -EIOCBQUEUED;
}

int vmrpc_uring_cmd(struct vmrpc_vm *vm, struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	const struct vmrpc_uring_cmd *arg;
	struct vmrpc_vm_call __user *user;
	struct vmrpc_uring *uring;
	struct vmrpc_vm_call call;

	if (issue_flags & IO_URING_F_CANCEL)
		return vmrpc_uring_cancel(cmd, issue_flags);
	if (cmd->cmd_op != VMRPC_VM_CALL)
		return -ENOTTY;
	arg = io_uring_sqe_cmd(cmd->sqe);
	user = u64_to_user_ptr(READ_ONCE(arg->call));
	if (READ_ONCE(arg->reserved) || cmd->flags)
		return -EINVAL;
	if (copy_from_user(&call, user, sizeof(call)))
		return -EFAULT;
	/* Pinning takes long: a worker does it. */
	if (issue_flags & IO_URING_F_NONBLOCK &&
	    max(call.arg_size, call.res_size) > VMRPC_SLOT_DATA)
		return -EAGAIN;
	uring = vmrpc_uring_new(cmd, &call);
	if (IS_ERR(uring))
		return PTR_ERR(uring);
	uring->user = user;
	if (issue_flags & IO_URING_F_NONBLOCK)
		return vmrpc_uring_issue(vm, uring, call.timeout_ms, issue_flags);
	return vmrpc_uring_issue_wait(vm, uring, call.timeout_ms, issue_flags);
}
