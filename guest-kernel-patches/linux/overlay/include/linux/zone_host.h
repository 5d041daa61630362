/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ZONE_HOST: memory of this guest that belongs to its host, in blocks of 2 MiB.  The host
 * takes blocks that are free here, and gives memory to those that are used, without
 * telling this kernel: the states of all blocks are in a table that both share, see
 * struct vmrpc_mem_table.  The zone holds movable pages only, as ZONE_MOVABLE does.
 *
 * <linux/mmzone.h> includes this file, when it has defined its types; the allocator's hooks
 * are in mm/zone_host.h.
 */
#ifndef _LINUX_ZONE_HOST_H
#define _LINUX_ZONE_HOST_H

#include <linux/types.h>

struct vmrpc_mem_table;

#ifdef CONFIG_ZONE_HOST

/* The zone that movable allocations begin with. */
#define OPT_ZONE_HOST		ZONE_HOST

static inline bool zone_type_movable(enum zone_type type)
{
	return type == ZONE_MOVABLE || type == ZONE_HOST;
}

void zone_host_reserve(unsigned long start_pfn, unsigned long nr_pages);
int zone_host_start(struct vmrpc_mem_table *table, void (*wait)(void));
unsigned long zone_host_give(unsigned long nr_blocks);
unsigned long zone_host_age(unsigned int ms);

#else

#define OPT_ZONE_HOST		ZONE_MOVABLE

static inline bool zone_type_movable(enum zone_type type)
{
	return type == ZONE_MOVABLE;
}

#endif

#endif /* _LINUX_ZONE_HOST_H */
