// SPDX-License-Identifier: GPL-2.0-only
/*
 * Serves the host the module "slow", whose procedure lasts until the parameter "end" is
 * set: a call that is under way for as long as a test wants.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/vmrpc.h>

static bool end;
module_param(end, bool, 0600);
MODULE_PARM_DESC(end, "let the calls end");

static int slow_wait(struct rvmrpc_call *call)
{
	while (!READ_ONCE(end))
		msleep(20);
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
