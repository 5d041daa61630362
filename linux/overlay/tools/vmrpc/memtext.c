// SPDX-License-Identifier: GPL-2.0-only
/*
 * Outsourced memory as a table and as JSON.  What only a guest reports is "-" and null while
 * none is attached: what the host reads then is of no guest, or of an earlier one.
 */
#include <string.h>

#include "memtext.h"
#include "output.h"
#include "table.h"

#define HEADER	"NAME", "MAX", "LIMIT", "USED", "FREE", "ABSENT", "RESIDENT", "SWAPPED", "PINNED", \
		"AUTO", "IDLE"

static const char *const header[] = { HEADER, NULL };
static const char *const header_changes[] = { HEADER, "TAKEN", "CHANGE", NULL };

#define COLUMNS	(G_N_ELEMENTS(header) - 1)	/* of a VM; then of its changes */

static char *guest_cell(const struct vmrpc_vm_mem_info *info, guint64 bytes)
{
	return info->attached ? format_bytes(bytes) : g_strdup("-");
}

static char *time_cell(guint32 ms)
{
	return ms ? g_strdup_printf("%gs", ms / 1000.0) : g_strdup("off");
}

static char **cells_of(const struct mem_vm *vm)
{
	const struct vmrpc_vm_mem_info *info = &vm->info;
	char *cells[G_N_ELEMENTS(header_changes)] = {
		escape(vm->name),
		format_bytes(info->max),
		format_bytes(info->limit),
		guest_cell(info, info->used),
		guest_cell(info, info->free),
		guest_cell(info, info->absent),
		format_bytes(info->resident),
		format_bytes(info->swapped),
		format_bytes(info->pinned),
		time_cell(info->auto_ms),
		time_cell(info->idle_ms),
	};

	return g_memdup2(cells, sizeof(cells));
}

/* What the host took, and by how much what it holds became more or less. */
static char **cells_of_change(const struct mem_vm *now, const struct vmrpc_vm_mem_info *before)
{
	const struct vmrpc_vm_mem_info *info = &now->info;
	char **cells = cells_of(now);
	g_autofree char *change = format_bytes(info->resident > before->resident ?
					       info->resident - before->resident :
					       before->resident - info->resident);

	cells[COLUMNS] = format_bytes(info->reclaimed - before->reclaimed);
	cells[COLUMNS + 1] = g_strconcat(info->resident < before->resident ? "-" : "+", change,
					 NULL);
	return cells;
}

/* One that was not there, or was another of this name, has not changed. */
static const struct vmrpc_vm_mem_info *info_before(const GArray *before, const struct mem_vm *vm)
{
	for (guint i = 0; i < before->len; i++) {
		const struct mem_vm *old = &g_array_index(before, struct mem_vm, i);

		if (!strcmp(old->name, vm->name) && old->info.reclaimed <= vm->info.reclaimed)
			return &old->info;
	}
	return &vm->info;
}

char *memtext_changes(const GArray *now, const GArray *before)
{
	g_autoptr(GPtrArray) table = table_new(header_changes);

	for (guint i = 0; i < now->len; i++) {
		const struct mem_vm *vm = &g_array_index(now, struct mem_vm, i);

		g_ptr_array_add(table, cells_of_change(vm, info_before(before, vm)));
	}
	return table_text(table, 1);
}

char *memtext_table(const GArray *vms)
{
	g_autoptr(GPtrArray) table = table_new(header);

	for (guint i = 0; i < vms->len; i++)
		g_ptr_array_add(table, cells_of(&g_array_index(vms, struct mem_vm, i)));
	return table_text(table, 1);
}

static void build_guest_int(JsonBuilder *builder, const struct vmrpc_vm_mem_info *info,
			    const char *name, guint64 bytes)
{
	json_builder_set_member_name(builder, name);
	if (info->attached)
		json_builder_add_int_value(builder, bytes);
	else
		json_builder_add_null_value(builder);
}

void memtext_build(JsonBuilder *builder, const struct mem_vm *vm)
{
	const struct vmrpc_vm_mem_info *info = &vm->info;

	build_string(builder, "name", vm->name);
	json_builder_set_member_name(builder, "attached");
	json_builder_add_boolean_value(builder, info->attached);
	build_int(builder, "max", info->max);
	build_int(builder, "limit", info->limit);
	build_guest_int(builder, info, "used", info->used);
	build_guest_int(builder, info, "free", info->free);
	build_guest_int(builder, info, "absent", info->absent);
	build_int(builder, "resident", info->resident);
	build_int(builder, "swapped", info->swapped);
	build_int(builder, "pinned", info->pinned);
	build_int(builder, "reclaimed", info->reclaimed);
	build_int(builder, "auto_ms", info->auto_ms);
	build_int(builder, "idle_ms", info->idle_ms);
}

char *memtext_over(guint64 used, guint64 limit, const char *error)
{
	g_autofree char *used_text = format_bytes(used);
	g_autofree char *limit_text = format_bytes(limit);

	if (used <= limit)
		return NULL;
	return g_strdup_printf("the guest still uses %s, more than %s: %s", used_text, limit_text,
			       error ?: "it cannot free more now");
}

char *memtext_taken(guint64 taken, guint64 asked)
{
	g_autofree char *taken_text = format_bytes(taken);
	g_autofree char *asked_text = format_bytes(asked);

	if (taken >= asked)
		return g_strdup_printf("took %s", taken_text);
	return g_strdup_printf("took %s of %s: no more was free", taken_text, asked_text);
}
