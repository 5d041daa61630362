// SPDX-License-Identifier: GPL-2.0-only
/* The module "echo": returns its argument. Is this guest alive, and how fast is a call? */
#include <linux/string.h>
#include "internal.h"

static int rvmrpc_echo_echo(struct rvmrpc_call *call)
{
	if (call->arg_size > call->res_max)
		return -EMSGSIZE;
	if (call->arg_size > VMRPC_SLOT_DATA)
		call->res = (void *)call->arg;
	else
		memcpy(call->res, call->arg, call->arg_size);
	call->res_size = call->arg_size;
	return 0;
}

static const struct rvmrpc_procedure rvmrpc_echo_procedures[] = {
	[VMRPC_ECHO_ECHO] = {
		.name		= "echo",
		.call		= rvmrpc_echo_echo,
		.max_size	= VMRPC_MAX_BULK,
	},
};

struct rvmrpc_module rvmrpc_echo = {
	.name		= VMRPC_ECHO_MODULE,
	.procedures	= rvmrpc_echo_procedures,
	.nr_procedures	= ARRAY_SIZE(rvmrpc_echo_procedures),
};
