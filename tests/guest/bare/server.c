// SPDX-License-Identifier: GPL-2.0-only
/*
 * The modules that the host finds here: echo and sysinfo.
 */
#include "bare.h"

#ifdef __x86_64__
#define RELEASE	"1 (64 bit)"
#else
#define RELEASE	"1 (32 bit)"
#endif

static uint32_t server_echo(struct call *call)
{
	uint32_t size = call->request.arg_size;

	if (size > call->request.res_max)
		return VMRPC_EMSGSIZE;
	memcpy(call->res, call->arg, size);
	call->res_size = size;
	return 0;
}

static uint32_t server_sysinfo(struct call *call)
{
	uint64_t memory = machine_memory(), free = memory - (image_end - image_start);
	struct vmrpc_sysinfo info = {
		.os_name = "bare",
		.os_release = RELEASE,
		.uptime_ms = machine_uptime_ms(),
		.mem_total = memory,
		.mem_free = free,
		.mem_available = free,
		.cpus_online = machine_cpus(),
	};

	if (call->request.arg_size)
		return VMRPC_EINVAL;
	if (call->request.res_max < sizeof(info))
		return VMRPC_EMSGSIZE;
	memcpy(call->res, &info, sizeof(info));
	call->res_size = sizeof(info);
	return 0;
}

static const struct {
	uint8_t name[VMRPC_MODULE_LEN];
	uint32_t (*procedure_0)(struct call *call);
} modules[] = {
	{ VMRPC_ECHO_MODULE, server_echo },
	{ VMRPC_SYSINFO_MODULE, server_sysinfo },
};

/* The response's status. */
uint32_t server_call(struct call *call)
{
	const struct vmrpc_request *request = &call->request;

	if (request->arg_size > VMRPC_SLOT_DATA || request->res_max > VMRPC_SLOT_DATA ||
	    request->reserved)
		return VMRPC_EINVAL;
	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
		if (memcmp(request->module, modules[i].name, VMRPC_MODULE_LEN))
			continue;
		return request->procedure ? VMRPC_ENOSYS : modules[i].procedure_0(call);
	}
	return VMRPC_EPROTONOSUPPORT;
}
