// SPDX-License-Identifier: GPL-2.0-only
/*
 * Outsourced memory: gets the memory that the host has reserved for this guest, and adds it
 * to the page allocator as ZONE_HOST (mm/zone_host.c), once and for good.
 */
#define pr_fmt(fmt) "vmrpc: " fmt

#include <linux/crash_dump.h>
#include <linux/init.h>
#include <linux/io.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/moduleparam.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include "internal.h"

static char *vmrpc_outsource;
module_param_named(outsource, vmrpc_outsource, charp, 0444);
MODULE_PARM_DESC(outsource, "what the host does for this guest: \"mem\" (default: nothing)");

static u32 vmrpc_mem_handle;	/* 0: none */

/* The host is dropping a block's memory.  From any context, with interrupts off. */
static void vmrpc_mem_wait(void)
{
	/* Interrupted, or not well: the caller looks at the block again in any case. */
	vmrpc_hypercall(VMRPC_OP_PERFORM | VMRPC_MEM_WAIT << VMRPC_PROCEDURE_SHIFT,
			READ_ONCE(vmrpc_mem_handle), 0, 0, NULL);
	cpu_relax();
}

/* As vmrpc_perform_kernel(), of the host's server. */
int vmrpc_mem_perform(unsigned int procedure, void *arg, size_t size, s64 *result)
{
	u32 handle = READ_ONCE(vmrpc_mem_handle);

	return handle ? vmrpc_perform_kernel(handle, procedure, arg, size, result) : -ENODEV;
}

bool vmrpc_mem_is_used(void)
{
	return READ_ONCE(vmrpc_mem_handle);
}

static int rvmrpc_mem_give(struct rvmrpc_call *call)
{
	const struct vmrpc_mem_give *arg = call->arg;

	if (arg->reserved)
		return -EINVAL;
	call->result = zone_host_give(le64_to_cpu(arg->blocks));
	return 0;
}

static int rvmrpc_mem_age(struct rvmrpc_call *call)
{
	const struct vmrpc_mem_age *arg = call->arg;

	if (arg->reserved || le64_to_cpu(arg->ms) > UINT_MAX)
		return -EINVAL;
	call->result = zone_host_age(le64_to_cpu(arg->ms));
	return 0;
}

static const struct rvmrpc_procedure rvmrpc_mem_procedures[] = {
	[VMRPC_MEM_GIVE] = {
		.name		= "give",
		.call		= rvmrpc_mem_give,
		.min_size	= sizeof(struct vmrpc_mem_give),
		.max_size	= sizeof(struct vmrpc_mem_give),
		.slow		= true,
	},
	[VMRPC_MEM_AGE] = {
		.name		= "age",
		.call		= rvmrpc_mem_age,
		.min_size	= sizeof(struct vmrpc_mem_age),
		.max_size	= sizeof(struct vmrpc_mem_age),
		.slow		= true,
	},
};

static struct rvmrpc_module rvmrpc_mem = {
	.name		= VMRPC_MEM_MODULE,
	.procedures	= rvmrpc_mem_procedures,
	.nr_procedures	= ARRAY_SIZE(rvmrpc_mem_procedures),
};

static int __init vmrpc_mem_online(struct memory_block *mem, void *unused)
{
	int ret;

	mem->online_type = MMOP_ONLINE_MOVABLE;
	ret = device_online(&mem->dev);
	return ret < 0 ? ret : 0;
}

/* New memory blocks may have been put online as they were added, as the system is set up. */
static int __init vmrpc_mem_add(u64 start, u64 size)
{
	int ret = add_memory_driver_managed(memory_add_physaddr_to_nid(start), start, size,
					    "System RAM (vmrpc)", MHP_NONE);

	if (ret)
		return ret;
	lock_device_hotplug();
	ret = walk_memory_blocks(start, size, NULL, vmrpc_mem_online);
	unlock_device_hotplug();
	return ret;
}

/* Only whole memory blocks of this kernel can be used. */
static u64 __init vmrpc_mem_usable(const struct vmrpc_mem_region *region)
{
	u64 start = le64_to_cpu(region->blocks), nr = le64_to_cpu(region->nr_blocks);

	if (!nr || nr > VMRPC_MEM_MAX_BLOCKS || !IS_ALIGNED(start, memory_block_size_bytes()))
		return 0;
	return ALIGN_DOWN(nr * VMRPC_MEM_BLOCK, memory_block_size_bytes());
}

static int __init vmrpc_mem_start(const struct vmrpc_mem_region *region)
{
	u64 start = le64_to_cpu(region->blocks), size = vmrpc_mem_usable(region);
	struct vmrpc_mem_table *table;
	int ret;

	if (!size)
		return -ERANGE;
	table = memremap(le64_to_cpu(region->table), VMRPC_MEM_BLOCK, MEMREMAP_WB);
	if (!table)
		return -ENOMEM;
	zone_host_reserve(PHYS_PFN(start), PHYS_PFN(size));
	ret = vmrpc_mem_add(start, size);
	if (ret)
		return ret;
	ret = zone_host_start(table, vmrpc_mem_wait);
	if (ret)
		return ret;
	if (rvmrpc_register_module(&rvmrpc_mem))
		pr_warn("outsource=mem: the host cannot ask for what is used\n");
	pr_info("%llu MiB of the host's memory, limit %llu MiB\n", size / SZ_1M,
		le64_to_cpu(table->limit) * VMRPC_MEM_BLOCK / SZ_1M);
	return 0;
}

static int vmrpc_mem_bind(void)
{
	s64 handle = vmrpc_bind_module_kernel(VMRPC_MEM_MODULE, VMRPC_MEM_VERSION);

	if (handle < 0)
		return handle;
	WRITE_ONCE(vmrpc_mem_handle, handle);
	return 0;
}

static int vmrpc_mem_rebind(void)
{
	vmrpc_unbind_module_kernel(vmrpc_mem_handle);
	return vmrpc_mem_bind();
}

static int __init vmrpc_mem_attach(void)
{
	struct vmrpc_mem_region region;
	int ret = vmrpc_mem_bind();

	if (ret)
		return ret;
	ret = vmrpc_mem_perform(VMRPC_MEM_ATTACH, &region, sizeof(region), NULL);
	if (!ret)
		ret = vmrpc_mem_start(&region);
	return ret;
}

/* The kernel before this one (kexec) may have used memory that nobody will. */
static void __init vmrpc_mem_detach(void)
{
	s64 handle = vmrpc_bind_module_kernel(VMRPC_MEM_MODULE, VMRPC_MEM_VERSION);

	if (handle < 0)
		return;
	vmrpc_perform_kernel(handle, VMRPC_MEM_DETACH, NULL, 0, NULL);
	vmrpc_unbind_module_kernel(handle);
}

#ifdef CONFIG_PROC_VMCORE

/* What the kernel had that crashed. */
static struct {
	u64		start_pfn;
	u64		nr_blocks;
	const u8	*states;
} vmrpc_mem_crashed __ro_after_init;

/* A block that it did not use is not read, as the host would give it memory. */
static bool vmrpc_mem_crashed_has(struct vmcore_cb *cb, unsigned long pfn)
{
	u64 block = (pfn - vmrpc_mem_crashed.start_pfn) / (VMRPC_MEM_BLOCK >> PAGE_SHIFT);

	return block >= vmrpc_mem_crashed.nr_blocks ||
	       READ_ONCE(vmrpc_mem_crashed.states[block]) == VMRPC_MEM_USED;
}

static struct vmcore_cb vmrpc_mem_vmcore_cb = { .pfn_is_ram = vmrpc_mem_crashed_has };

static void __init vmrpc_mem_dump(const struct vmrpc_mem_region *region)
{
	struct vmrpc_mem_table *table;

	table = memremap(le64_to_cpu(region->table), VMRPC_MEM_BLOCK, MEMREMAP_WB);
	if (!table) {
		pr_warn("outsourced memory: the dump will give the guest what it reads\n");
		return;
	}
	vmrpc_mem_crashed.start_pfn = PHYS_PFN(le64_to_cpu(region->blocks));
	vmrpc_mem_crashed.nr_blocks = min_t(u64, le64_to_cpu(region->nr_blocks), VMRPC_MEM_MAX_BLOCKS);
	vmrpc_mem_crashed.states = (const u8 *)(table + 1);
	register_vmcore_cb(&vmrpc_mem_vmcore_cb);
}

/* It has the command line of the kernel that crashed, whose memory is to be dumped: it uses none of it. */
static void __init vmrpc_mem_crashed_init(void)
{
	s64 handle = vmrpc_bind_module_kernel(VMRPC_MEM_MODULE, VMRPC_MEM_VERSION);
	struct vmrpc_mem_region region;
	s64 ret = handle;

	if (handle >= 0) {
		ret = vmrpc_perform_kernel(handle, VMRPC_MEM_WHERE, &region, sizeof(region), NULL);
		if (!ret)
			vmrpc_mem_dump(&region);
		vmrpc_unbind_module_kernel(handle);
	}
	/* Such VMs have no outsourced memory, or did not use it. */
	if (ret < 0 && ret != -ENOENT && ret != -ENOTCONN)
		pr_warn("outsourced memory: error %lld: the dump will give the guest what it reads\n", ret);
}

#else

static void __init vmrpc_mem_crashed_init(void) { }

#endif

/* The VM is another one now (migration, a snapshot), with the same memory. */
void vmrpc_outsource_renew(void)
{
	if (vmrpc_mem_is_used() && vmrpc_pins_renew(vmrpc_mem_rebind))
		pr_warn("outsource=mem: the host forgot this guest's memory\n");
}

void __init vmrpc_outsource_init(void)
{
	int ret;

	if (is_kdump_kernel()) {
		vmrpc_mem_crashed_init();
		return;
	}
	if (!vmrpc_outsource) {
		vmrpc_mem_detach();
		return;
	}
	if (strcmp(vmrpc_outsource, "mem")) {
		pr_warn("outsource=%s: there is only \"mem\"\n", vmrpc_outsource);
		return;
	}
	if (page_poisoning_enabled()) {
		pr_warn("outsource=mem: not with page_poison, the host clears free pages\n");
		return;
	}
	ret = vmrpc_mem_attach();
	if (ret == -ENOENT)
		pr_warn("outsource=mem: the host has none, start it with -device vmrpc,mem-max=\n");
	else if (ret)
		pr_err("outsource=mem: error %d, the host's memory is not used\n", ret);
}
