// SPDX-License-Identifier: GPL-2.0-only
/* See committext.h. */
#include "committext.h"
#include "output.h"
#include "table.h"

static const char *const header[] = {
	"NAME", "PID", "PROMISED", "LIMITED", "RESIDENT", "MERGED", "SWAPPED", "PINNED", "RECLAIMABLE", NULL
};

static char *cell(guint64 bytes)
{
	return bytes == COMMIT_UNKNOWN ? g_strdup("-") : format_bytes(bytes);
}

static char **cells_of(const struct commit_vm *vm)
{
	char *cells[G_N_ELEMENTS(header)] = {
		vm->name ? escape(vm->name) : g_strdup("-"),
		vm->pid ? g_strdup_printf("%d", vm->pid) : g_strdup(""),
		cell(vm->promised),
		cell(vm->limited),
		cell(vm->resident),
		cell(vm->merged),
		cell(vm->swapped),
		cell(vm->pinned),
		cell(vm->reclaimable),
	};

	return g_memdup2(cells, sizeof(cells));
}

static void add(guint64 *sum, guint64 bytes)
{
	if (bytes != COMMIT_UNKNOWN)
		*sum += bytes;
}

/* Of what is known. */
static struct commit_vm sum_of(const GArray *vms)
{
	struct commit_vm sum = { .name = "total" };

	for (guint i = 0; i < vms->len; i++) {
		const struct commit_vm *vm = &g_array_index(vms, struct commit_vm, i);

		add(&sum.promised, vm->promised);
		add(&sum.limited, vm->limited != COMMIT_UNKNOWN ? vm->limited : vm->promised);
		add(&sum.resident, vm->resident);
		add(&sum.merged, vm->merged);
		add(&sum.swapped, vm->swapped);
		add(&sum.pinned, vm->pinned);
		add(&sum.reclaimable, vm->reclaimable);
	}
	return sum;
}

static void append_host(GString *text, const struct commit_host *host, const struct commit_vm *sum)
{
	g_autofree char *total = format_bytes(host->total);
	g_autofree char *available = format_bytes(host->available);
	g_autofree char *swap = format_bytes(host->swap_used);
	g_autofree char *saved = cell(host->ksm_saved);
	g_autofree char *tried = cell(host->ksm_tried);

	g_string_append_printf(text, "\nhost: %s, %s available, %s swap used; promised %.2f times what it has\n",
			       total, available, swap, (double)sum->promised / MAX(host->total, 1));
	if (host->ksm_saved == COMMIT_UNKNOWN)
		g_string_append(text, "KSM: not in this kernel\n");
	else
		g_string_append_printf(text, "KSM: %s; saves %s, found nothing to merge in %s\n",
				       host->ksm_runs ? "on" : "off", saved, tried);
}

char *committext(const GArray *vms, const struct commit_host *host)
{
	g_autoptr(GPtrArray) table = table_new(header);
	struct commit_vm sum = sum_of(vms);
	g_autofree char *rows = NULL;
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < vms->len; i++)
		g_ptr_array_add(table, cells_of(&g_array_index(vms, struct commit_vm, i)));
	g_ptr_array_add(table, cells_of(&sum));
	rows = table_text(table, 1);
	g_string_append(text, rows);
	append_host(text, host, &sum);
	return g_string_free(text, FALSE);
}

static void build_bytes(JsonBuilder *builder, const char *name, guint64 bytes)
{
	json_builder_set_member_name(builder, name);
	if (bytes == COMMIT_UNKNOWN)
		json_builder_add_null_value(builder);
	else
		json_builder_add_int_value(builder, bytes);
}

static void build_figures(JsonBuilder *builder, const struct commit_vm *vm)
{
	build_bytes(builder, "promised", vm->promised);
	build_bytes(builder, "limited", vm->limited);
	build_bytes(builder, "resident", vm->resident);
	build_bytes(builder, "merged", vm->merged);
	build_bytes(builder, "swapped", vm->swapped);
	build_bytes(builder, "pinned", vm->pinned);
	build_bytes(builder, "reclaimable", vm->reclaimable);
}

static void build_vm_object(JsonBuilder *builder, const struct commit_vm *vm)
{
	json_builder_begin_object(builder);
	if (vm->name) {
		build_string(builder, "name", vm->name);
	} else {
		json_builder_set_member_name(builder, "name");
		json_builder_add_null_value(builder);
	}
	build_int(builder, "pid", vm->pid);
	build_figures(builder, vm);
	json_builder_end_object(builder);
}

void committext_build(JsonBuilder *builder, const GArray *vms, const struct commit_host *host)
{
	struct commit_vm sum = sum_of(vms);

	json_builder_begin_object(builder);
	json_builder_set_member_name(builder, "vms");
	json_builder_begin_array(builder);
	for (guint i = 0; i < vms->len; i++)
		build_vm_object(builder, &g_array_index(vms, struct commit_vm, i));
	json_builder_end_array(builder);
	json_builder_set_member_name(builder, "total");
	json_builder_begin_object(builder);
	build_figures(builder, &sum);
	json_builder_end_object(builder);
	json_builder_set_member_name(builder, "host");
	json_builder_begin_object(builder);
	build_int(builder, "total", host->total);
	build_int(builder, "available", host->available);
	build_int(builder, "swap_used", host->swap_used);
	build_bytes(builder, "ksm_saved", host->ksm_saved);
	build_bytes(builder, "ksm_tried", host->ksm_tried);
	json_builder_set_member_name(builder, "ksm_runs");
	json_builder_add_boolean_value(builder, host->ksm_runs);
	json_builder_end_object(builder);
	json_builder_end_object(builder);
}
