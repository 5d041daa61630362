// SPDX-License-Identifier: GPL-2.0-only
/*
 * Serves the host the module "slow", whose procedure lasts until the parameter "end" is
 * set: a call that is under way for as long as a test wants.  It counts those that are
 * under way at once.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/spinlock.h>
#include <linux/vmrpc.h>

static bool end;
module_param(end, bool, 0600);
MODULE_PARM_DESC(end, "let the calls end");

static DEFINE_SPINLOCK(slow_lock);

static unsigned int running;	/* under slow_lock, as is the next */
module_param(running, uint, 0400);
MODULE_PARM_DESC(running, "calls under way");

static unsigned int most;
module_param(most, uint, 0400);
MODULE_PARM_DESC(most, "calls that were under way at once");

static void slow_count(int change)
{
	spin_lock(&slow_lock);
	running += change;
	most = max(most, running);
	spin_unlock(&slow_lock);
}

static int slow_wait(struct rvmrpc_call *call)
{
	slow_count(1);
	while (!READ_ONCE(end))
		msleep(20);
	slow_count(-1);
	return 0;
}

static const struct rvmrpc_procedure slow_procedures[] = {
	{ .name = "wait", .call = slow_wait, .slow = true },
};

static struct rvmrpc_module slow_module = {
	.name		= "slow",
	.procedures	= slow_procedures,
	.nr_procedures	= ARRAY_SIZE(slow_procedures),
};

static int __init slow_init(void)
{
	return rvmrpc_register_module(&slow_module);
}
module_init(slow_init);

static void __exit slow_exit(void)
{
	rvmrpc_unregister_module(&slow_module);
}
module_exit(slow_exit);

MODULE_DESCRIPTION("A call of the host that a guest is long in answering");
MODULE_LICENSE("GPL");
