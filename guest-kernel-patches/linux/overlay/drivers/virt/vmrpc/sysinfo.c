// SPDX-License-Identifier: GPL-2.0-only
/* The module "sysinfo": figures that a guest of any operating system can give. */
#include <linux/cpumask.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/sched/loadavg.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/utsname.h>
#include <linux/vmstat.h>
#include "internal.h"

static void rvmrpc_sysinfo_memory(struct vmrpc_sysinfo *info)
{
	struct sysinfo si;

	si_meminfo(&si);
	info->mem_total = cpu_to_le64((u64)si.totalram << PAGE_SHIFT);
	info->mem_free = cpu_to_le64((u64)si.freeram << PAGE_SHIFT);
	info->mem_available = cpu_to_le64((u64)max(si_mem_available(), 0L) << PAGE_SHIFT);
	info->mem_cached = cpu_to_le64((u64)global_node_page_state(NR_FILE_PAGES) << PAGE_SHIFT);
}

static void rvmrpc_sysinfo_load(struct vmrpc_sysinfo *info)
{
	unsigned long load[ARRAY_SIZE(info->load)];
	int i;

	get_avenrun(load, 0, VMRPC_SYSINFO_LOAD_SHIFT - FSHIFT);
	for (i = 0; i < ARRAY_SIZE(load); i++)
		info->load[i] = cpu_to_le32(load[i]);
}

static int rvmrpc_sysinfo_get(struct rvmrpc_call *call)
{
	struct vmrpc_sysinfo *info = call->res;

	if (call->res_max < sizeof(*info))
		return -EMSGSIZE;
	memset(info, 0, sizeof(*info));
	strscpy((char *)info->os_name, init_utsname()->sysname, sizeof(info->os_name));
	strscpy((char *)info->os_release, init_utsname()->release, sizeof(info->os_release));
	info->uptime_ms = cpu_to_le64(ktime_to_ms(ktime_get_boottime()));
	info->cpus_online = cpu_to_le32(num_online_cpus());
	rvmrpc_sysinfo_memory(info);
	rvmrpc_sysinfo_load(info);
	call->res_size = sizeof(*info);
	return 0;
}

static const struct rvmrpc_procedure rvmrpc_sysinfo_procedures[] = {
	[VMRPC_SYSINFO_GET] = {
		.name	= "get",
		.call	= rvmrpc_sysinfo_get,
	},
};

struct rvmrpc_module rvmrpc_sysinfo = {
	.name		= VMRPC_SYSINFO_MODULE,
	.procedures	= rvmrpc_sysinfo_procedures,
	.nr_procedures	= ARRAY_SIZE(rvmrpc_sysinfo_procedures),
};
