// SPDX-License-Identifier: GPL-2.0-only
/*
 * A call that a client in user space makes: its argument and its result.  What fits a
 * slot goes by way of memory of ours, larger things are in a bulk.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "internal.h"

static int vmrpc_client_check(const struct vmrpc_vm_call *call)
{
	if (call->reserved || !vmrpc_name_valid(call->module, sizeof(call->module)))
		return -EINVAL;
	return call->arg_size > VMRPC_MAX_BULK || call->res_size > VMRPC_MAX_BULK ? -E2BIG : 0;
}

/* The size that is in a slot. */
static u32 vmrpc_client_slot_size(u32 size)
{
	return size > VMRPC_SLOT_DATA ? 0 : size;
}

static int vmrpc_client_data(struct vmrpc_client *client, const struct vmrpc_vm_call *call)
{
	u32 arg_size = vmrpc_client_slot_size(call->arg_size);

	/* A larger result may be wanted than there will be. */
	client->data = kmalloc(max(arg_size, min(call->res_size, VMRPC_SLOT_DATA)),
			       GFP_KERNEL_ACCOUNT);
	if (!client->data)
		return -ENOMEM;
	return copy_from_user(client->data, u64_to_user_ptr(call->arg), arg_size) ? -EFAULT : 0;
}

/* Fills @args, for which @client has to stay. */
int vmrpc_client_init(struct vmrpc_client *client, struct rvmrpc_args *args,
		      const struct vmrpc_vm_call *call)
{
	int ret = vmrpc_client_check(call);

	if (ret)
		return ret;
	memcpy(client->module, call->module, sizeof(client->module));
	client->res = u64_to_user_ptr(call->res);
	ret = vmrpc_client_data(client, call);
	if (!ret) {
		client->bulk = rvmrpc_bulk_new(call);
		ret = PTR_ERR_OR_ZERO(client->bulk);
	}
	if (ret) {
		kfree(client->data);
		return ret;
	}
	*args = (struct rvmrpc_args) {
		.module = client->module, .procedure = call->procedure,
		.arg = client->data, .arg_size = call->arg_size,
		.res = client->data, .res_size = call->res_size,
		.bulk = client->bulk,
	};
	return 0;
}

/* In the client's process: a large result is there already. */
int vmrpc_client_result(const struct vmrpc_client *client, const struct rvmrpc_args *args)
{
	u32 size = vmrpc_client_slot_size(args->res_size);

	return copy_to_user(client->res, client->data, size) ? -EFAULT : 0;
}

/* After the call has ended. */
void vmrpc_client_free(struct vmrpc_client *client)
{
	kfree(client->data);
	if (client->bulk)
		rvmrpc_bulk_free(client->bulk);
}

/* From where one must not sleep: the client's memory is its own again. */
void vmrpc_client_free_bulk(struct vmrpc_client *client)
{
	if (client->bulk)
		rvmrpc_bulk_free_later(client->bulk);
	client->bulk = NULL;
}

/* vmrpc_client_free(), from there. */
void vmrpc_client_free_later(struct vmrpc_client *client)
{
	kfree(client->data);
	vmrpc_client_free_bulk(client);
}
