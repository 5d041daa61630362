// SPDX-License-Identifier: GPL-2.0-only
/*
 * The server "print": a guest's string becomes a line of the host's log.  The
 * argument holds a pointer, so it also shows how a server follows one.
 */
#include <linux/string_helpers.h>

#include "internal.h"

/* A byte becomes at most four: \\ooo. */
#define PRINT_ESCAPED_MAX	(4 * VMRPC_PRINT_MAX)

static struct vmrpc_server *print_server;

static int print_print(struct vmrpc_call *call)
{
	const struct vmrpc_print *arg = call->arg;
	u32 length = le32_to_cpu(arg->length);
	char text[VMRPC_PRINT_MAX];
	char *escaped;
	int ret;

	if (!length || length > VMRPC_PRINT_MAX || arg->reserved)
		return -EINVAL;
	ret = copy_from_guest(call, text, le64_to_cpu(arg->string), length);
	if (ret)
		return ret;
	if (!__ratelimit(&call->vm->print_limit))
		return -EBUSY;

	escaped = kmalloc(PRINT_ESCAPED_MAX + 1, GFP_KERNEL_ACCOUNT);
	if (!escaped)
		return -ENOMEM;
	ret = string_escape_mem(text, length, escaped, PRINT_ESCAPED_MAX,
				ESCAPE_ANY | ESCAPE_NAP, NULL);
	escaped[ret] = '\0';
	pr_info("vmrpc: %s: %s\n", vmrpc_vm_name(call->vm), escaped);
	kfree(escaped);
	call->result = length;
	return 0;
}

static const struct vmrpc_procedure print_procedures[] = {
	[VMRPC_PRINT_PRINT] = {
		.name		= "print",
		.direction	= VMRPC_IN,
		.min_size	= sizeof(struct vmrpc_print),
		.max_size	= sizeof(struct vmrpc_print),
		.call		= print_print,
	},
};

static const struct vmrpc_server_ops print_ops = {
	.module		= VMRPC_PRINT_MODULE,
	.version	= VMRPC_PRINT_VERSION,
	.procedures	= print_procedures,
	.nr_procedures	= ARRAY_SIZE(print_procedures),
};

int vmrpc_print_init(void)
{
	print_server = vmrpc_register_server(&print_ops);
	return PTR_ERR_OR_ZERO(print_server);
}

void vmrpc_print_exit(void)
{
	vmrpc_unregister_server(print_server);
}
