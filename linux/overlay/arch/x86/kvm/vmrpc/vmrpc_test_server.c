// SPDX-License-Identifier: GPL-2.0-only
/*
 * The server "test", version "1", for the tests of VMRPC; a loadable module, so that
 * they can unload it.  Both ways to wait are here as samples: SLEEP, RECV (in a
 * socket) and DOWN (in a semaphore) on the vCPU's thread, PARK and PARK_WORK with the
 * vCPU halted until a timer's interrupt, or another thread, ends it.
 */
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/semaphore.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
#include <linux/vmrpc_server.h>
#include <linux/workqueue.h>
#include <net/net_namespace.h>

#include "vmrpc_test_server.h"

#define TEST_CHUNK	256u

/* One parked call a binding: a second caller is told so. */
struct test_binding {
	spinlock_t		lock;	/* the fields below */
	struct hrtimer		timer;
	struct delayed_work	work;
	bool			pending;	/* from PARK until one of them ends it */
	bool			ended;		/* and the guest was not told yet */
	struct vmlp_waiter	waiter;		/* valid if ->vm */

	struct socket		*pair[2];	/* RECV's and SEND's */
	struct semaphore	sem;
};

static struct vmrpc_server *test_server;

static int test_echo(struct vmrpc_call *call)
{
	call->result = call->size;
	return 0;
}

static int test_sum(struct vmrpc_call *call)
{
	const struct vmrpc_test_memory *arg = call->arg;
	u64 gva = arg->gva, length = min_t(u64, arg->length, VMRPC_MAX_ARG);
	u8 chunk[TEST_CHUNK];
	u32 i, part;
	int ret;

	for (; length; gva += part, length -= part) {
		part = min_t(u64, length, sizeof(chunk));
		ret = copy_from_guest(call, chunk, gva, part);
		if (ret)
			return ret;
		for (i = 0; i < part; i++)
			call->result += chunk[i];
	}
	return 0;
}

static int test_fill(struct vmrpc_call *call)
{
	const struct vmrpc_test_memory *arg = call->arg;
	u64 gva = arg->gva, length = min_t(u64, arg->length, VMRPC_MAX_ARG);
	u8 chunk[TEST_CHUNK];
	u32 part;
	int ret;

	memset(chunk, arg->value, sizeof(chunk));
	for (; length; gva += part, length -= part) {
		part = min_t(u64, length, sizeof(chunk));
		ret = copy_to_guest(call, gva, chunk, part);
		if (ret)
			return ret;
		call->result += part;
	}
	return 0;
}

static int test_hva(struct vmrpc_call *call)
{
	const struct vmrpc_test_memory *arg = call->arg;
	u8 __user *hva = get_hva(call, arg->gva, false);
	u8 byte;

	if (!hva || get_user(byte, hva))
		return -EFAULT;
	call->result = byte;
	return 0;
}

static int test_sleep(struct vmrpc_call *call)
{
	const struct vmrpc_test_wait *arg = call->arg;

	if (arg->ms > VMRPC_TEST_WAIT_MAX)
		return -EINVAL;
	if (msleep_interruptible(arg->ms))
		return -EINTR;
	call->result = arg->ms;
	return 0;
}

static int test_recv(struct vmrpc_call *call)
{
	struct test_binding *binding = call->priv;
	struct kvec vec = { call->arg, call->size };
	struct msghdr msg = { };
	int ret = kernel_recvmsg(binding->pair[0], &msg, &vec, 1, call->size, 0);

	if (ret < 0)
		return ret;
	call->result = ret;
	return 0;
}

static int test_send(struct vmrpc_call *call)
{
	struct test_binding *binding = call->priv;
	struct kvec vec = { call->arg, call->size };
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT };
	int ret = kernel_sendmsg(binding->pair[1], &msg, &vec, 1, call->size);

	return ret == -EAGAIN ? -EBUSY : min(ret, 0);
}

static int test_down(struct vmrpc_call *call)
{
	struct test_binding *binding = call->priv;

	return down_interruptible(&binding->sem);
}

static int test_up(struct vmrpc_call *call)
{
	struct test_binding *binding = call->priv;

	up(&binding->sem);
	return 0;
}

static void test_park_end(struct test_binding *binding)
{
	unsigned long flags;

	spin_lock_irqsave(&binding->lock, flags);
	binding->pending = false;
	binding->ended = true;
	if (binding->waiter.vm)
		vmlp_waiter_wake(&binding->waiter);
	spin_unlock_irqrestore(&binding->lock, flags);
}

static enum hrtimer_restart test_timer(struct hrtimer *timer)
{
	test_park_end(container_of(timer, struct test_binding, timer));
	return HRTIMER_NORESTART;
}

static void test_work(struct work_struct *work)
{
	test_park_end(container_of(work, struct test_binding, work.work));
}

static void test_park_begin(struct test_binding *binding, bool by_work, u32 ms)
{
	binding->pending = true;
	if (by_work)
		schedule_delayed_work(&binding->work, msecs_to_jiffies(ms));
	else
		hrtimer_start(&binding->timer, ms_to_ktime(ms), HRTIMER_MODE_REL);
}

static void test_waiter_forget(struct test_binding *binding)
{
	if (binding->waiter.vm)
		vmlp_waiter_put(&binding->waiter);
	binding->waiter.vm = NULL;
}

/* Called again by the guest whenever the vCPU was woken, by us or not. */
static int test_park(struct vmrpc_call *call)
{
	const struct vmrpc_test_wait *arg = call->arg;
	struct test_binding *binding = call->priv;
	int ret = 0;

	if (arg->ms > VMRPC_TEST_WAIT_MAX)
		return -EINVAL;

	spin_lock_irq(&binding->lock);
	test_waiter_forget(binding);
	if (!binding->pending && !binding->ended)
		test_park_begin(binding, call->procedure == VMRPC_TEST_PARK_WORK, arg->ms);
	vmlp_prepare_to_park(call, &binding->waiter);
	if (binding->ended) {
		binding->ended = false;
		vmlp_cancel_park(call);
		test_waiter_forget(binding);
		call->result = arg->ms;
	} else {
		ret = vmlp_park(call);
	}
	spin_unlock_irq(&binding->lock);
	return ret;
}

static void test_binding_free(struct test_binding *binding)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(binding->pair); i++)
		if (binding->pair[i])
			sock_release(binding->pair[i]);
	kfree(binding);
}

static int test_socket_pair(struct socket **pair)
{
	int i, ret = 0;

	for (i = 0; i < 2 && !ret; i++)
		ret = sock_create_kern(&init_net, PF_UNIX, SOCK_DGRAM, 0, &pair[i]);
	return ret ? ret : pair[0]->ops->socketpair(pair[0], pair[1]);
}

static int test_bind(struct vmrpc_vm *vm, void **priv)
{
	struct test_binding *binding = kzalloc(sizeof(*binding), GFP_KERNEL_ACCOUNT);

	if (!binding)
		return -ENOMEM;
	if (test_socket_pair(binding->pair)) {
		test_binding_free(binding);
		return -ENOMEM;
	}
	sema_init(&binding->sem, 0);
	spin_lock_init(&binding->lock);
	hrtimer_init(&binding->timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	binding->timer.function = test_timer;
	INIT_DELAYED_WORK(&binding->work, test_work);
	*priv = binding;
	return 0;
}

static void test_unbind(void *priv)
{
	struct test_binding *binding = priv;

	hrtimer_cancel(&binding->timer);
	cancel_delayed_work_sync(&binding->work);
	/* Who still parks asks again, and hears that the handle is stale. */
	if (binding->waiter.vm)
		vmlp_waiter_wake(&binding->waiter);
	test_waiter_forget(binding);
	test_binding_free(binding);
}

#define TEST_MEMORY_PROCEDURE(_name)				\
	{							\
		.name		= #_name,			\
		.direction	= VMRPC_IN,			\
		.min_size	= sizeof(struct vmrpc_test_memory),	\
		.max_size	= sizeof(struct vmrpc_test_memory),	\
		.call		= test_##_name,			\
	}

#define TEST_WAIT_PROCEDURE(_name)				\
	{							\
		.name		= #_name,			\
		.direction	= VMRPC_IN,			\
		.min_size	= sizeof(struct vmrpc_test_wait),	\
		.max_size	= sizeof(struct vmrpc_test_wait),	\
		.call		= test_##_name,			\
	}

#define TEST_PLAIN_PROCEDURE(_name, _direction, _min, _max)	\
	{							\
		.name		= #_name,			\
		.direction	= _direction,			\
		.min_size	= _min,				\
		.max_size	= _max,				\
		.call		= test_##_name,			\
	}

static const struct vmrpc_procedure test_procedures[VMRPC_TEST_PROCEDURES] = {
	[VMRPC_TEST_ECHO]	= TEST_PLAIN_PROCEDURE(echo, VMRPC_IN | VMRPC_OUT, 0, VMRPC_MAX_ARG),
	[VMRPC_TEST_SUM]	= TEST_MEMORY_PROCEDURE(sum),
	[VMRPC_TEST_FILL]	= TEST_MEMORY_PROCEDURE(fill),
	[VMRPC_TEST_HVA]	= TEST_MEMORY_PROCEDURE(hva),
	[VMRPC_TEST_SLEEP]	= TEST_WAIT_PROCEDURE(sleep),
	[VMRPC_TEST_PARK]	= TEST_WAIT_PROCEDURE(park),
	[VMRPC_TEST_PARK_WORK]	= TEST_WAIT_PROCEDURE(park),
	[VMRPC_TEST_RECV]	= TEST_PLAIN_PROCEDURE(recv, VMRPC_OUT, 1, VMRPC_TEST_MESSAGE_MAX),
	[VMRPC_TEST_SEND]	= TEST_PLAIN_PROCEDURE(send, VMRPC_IN, 1, VMRPC_TEST_MESSAGE_MAX),
	[VMRPC_TEST_DOWN]	= TEST_PLAIN_PROCEDURE(down, VMRPC_IN, 0, 0),
	[VMRPC_TEST_UP]		= TEST_PLAIN_PROCEDURE(up, VMRPC_IN, 0, 0),
};

static const struct vmrpc_server_ops test_ops = {
	.module		= VMRPC_TEST_MODULE,
	.version	= VMRPC_TEST_VERSION,
	.bind		= test_bind,
	.unbind		= test_unbind,
	.procedures	= test_procedures,
	.nr_procedures	= ARRAY_SIZE(test_procedures),
};

static int __init test_init(void)
{
	test_server = vmrpc_register_server(&test_ops);
	return PTR_ERR_OR_ZERO(test_server);
}
module_init(test_init);

static void __exit test_exit(void)
{
	vmrpc_unregister_server(test_server);
}
module_exit(test_exit);

MODULE_DESCRIPTION("VMRPC server for tests");
MODULE_LICENSE("GPL");
