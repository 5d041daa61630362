// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters as a table, as rates, as JSON and in Prometheus's text format.  Module names
 * are chosen by callers, and a guest may answer to any of them.
 */
#include <string.h>

#include "output.h"
#include "stattext.h"
#include "table.h"
#include "vm.h"

#define COLUMNS		8
#define COLUMNS_LEFT	3	/* these hold names; the others figures */

static const char *direction_name(uint32_t direction)
{
	switch (direction) {
	case VMRPC_STAT_KERNEL:
		return "guest-to-kernel";
	case VMRPC_STAT_VMM:
		return "guest-to-vmm";
	case VMRPC_STAT_GUEST:
		return "host-to-guest";
	default:
		return "unknown";
	}
}

static char *procedure_name(uint32_t procedure)
{
	return procedure == VMRPC_STAT_OTHER ? g_strdup("other") : g_strdup_printf("%u", procedure);
}

static const char *vm_name(const struct stat_vm *vm)
{
	return (const char *)vm->info.name;
}

static const char *module_name(const struct vmrpc_vm_stat *row)
{
	return (const char *)row->module;
}

/* Tables */

static const char *const counts_header[COLUMNS + 1] = {
	"VM", "DIRECTION", "MODULE", "PROC", "CALLS", "ERRORS", "ARG-BYTES", "RES-BYTES",
};

static const char *const rates_header[COLUMNS + 1] = {
	"VM", "DIRECTION", "MODULE", "PROC", "CALLS/S", "ERRORS/S", "ARG-B/S", "RES-B/S",
};

/* Takes the cells @counts. */
static void table_add(GPtrArray *table, const struct stat_vm *vm, const struct vmrpc_vm_stat *row,
		      char *counts[4])
{
	char **cells = g_new0(char *, COLUMNS + 1);

	cells[0] = escape(vm_name(vm));
	cells[1] = g_strdup(direction_name(row->direction));
	cells[2] = *row->module ? escape(module_name(row)) : g_strdup("(other)");
	cells[3] = procedure_name(row->procedure);
	memcpy(&cells[4], counts, 4 * sizeof(*counts));
	g_ptr_array_add(table, cells);
}

static char *count_cell(guint64 count)
{
	return g_strdup_printf("%" G_GUINT64_FORMAT, count);
}

char *stattext_table(const GPtrArray *vms)
{
	g_autoptr(GPtrArray) table = table_new(counts_header);

	for (guint i = 0; i < vms->len; i++) {
		const struct stat_vm *vm = g_ptr_array_index(vms, i);

		for (size_t j = 0; j < vm->count; j++) {
			const struct vmrpc_vm_stat *row = &vm->rows[j];

			table_add(table, vm, row, (char *[]) {
				count_cell(row->calls), count_cell(row->errors),
				count_cell(row->arg_bytes), count_cell(row->res_bytes),
			});
		}
	}
	return table_text(table, COLUMNS_LEFT);
}

/* Rates */

/* What was counted before for this VM and procedure; zeros if it is new. */
static struct vmrpc_vm_stat row_before(const GPtrArray *before, const struct stat_vm *vm,
				       const struct vmrpc_vm_stat *row)
{
	for (guint i = 0; i < before->len; i++) {
		const struct stat_vm *old = g_ptr_array_index(before, i);

		if (strcmp(vm_name(old), vm_name(vm)))
			continue;
		for (size_t j = 0; j < old->count; j++)
			if (old->rows[j].direction == row->direction &&
			    old->rows[j].procedure == row->procedure &&
			    !strcmp(module_name(&old->rows[j]), module_name(row)))
				return old->rows[j];
	}
	return (struct vmrpc_vm_stat) {};
}

/* Counts only grow: one that is smaller is another VM's, of the same name. */
static char *rate_cell(guint64 now, guint64 before, double seconds)
{
	return g_strdup_printf("%.1f", (now >= before ? now - before : now) / seconds);
}

char *stattext_rates(const GPtrArray *now, const GPtrArray *before, double seconds)
{
	g_autoptr(GPtrArray) table = table_new(rates_header);

	for (guint i = 0; i < now->len; i++) {
		const struct stat_vm *vm = g_ptr_array_index(now, i);

		for (size_t j = 0; j < vm->count; j++) {
			const struct vmrpc_vm_stat *row = &vm->rows[j];
			struct vmrpc_vm_stat old = row_before(before, vm, row);

			table_add(table, vm, row, (char *[]) {
				rate_cell(row->calls, old.calls, seconds),
				rate_cell(row->errors, old.errors, seconds),
				rate_cell(row->arg_bytes, old.arg_bytes, seconds),
				rate_cell(row->res_bytes, old.res_bytes, seconds),
			});
		}
	}
	return table_text(table, COLUMNS_LEFT);
}

/* JSON */

static void build_row(JsonBuilder *builder, const struct vmrpc_vm_stat *row)
{
	json_builder_begin_object(builder);
	build_string(builder, "direction", direction_name(row->direction));
	json_builder_set_member_name(builder, "module");
	if (*row->module) {
		g_autofree char *module = escape(module_name(row));

		json_builder_add_string_value(builder, module);
	} else {
		json_builder_add_null_value(builder);
	}
	json_builder_set_member_name(builder, "procedure");
	if (row->procedure == VMRPC_STAT_OTHER)
		json_builder_add_null_value(builder);
	else
		json_builder_add_int_value(builder, row->procedure);
	build_int(builder, "calls", row->calls);
	build_int(builder, "errors", row->errors);
	build_int(builder, "argument_bytes", row->arg_bytes);
	build_int(builder, "result_bytes", row->res_bytes);
	json_builder_end_object(builder);
}

void stattext_build(JsonBuilder *builder, const struct stat_vm *vm)
{
	json_builder_set_member_name(builder, "procedures");
	json_builder_begin_array(builder);
	for (size_t i = 0; i < vm->count; i++)
		build_row(builder, &vm->rows[i]);
	json_builder_end_array(builder);
}

/* Prometheus: the samples of one metric follow each other. */

struct metric {
	const char *name;
	const char *help;
	size_t offset;		/* of a counter of 8 bytes */
};

static const struct metric row_metrics[] = {
	{ "vmrpc_calls_total", "Calls of a procedure.", offsetof(struct vmrpc_vm_stat, calls) },
	{ "vmrpc_call_errors_total", "Calls of a procedure that ended with an error.",
	  offsetof(struct vmrpc_vm_stat, errors) },
	{ "vmrpc_argument_bytes_total", "Bytes of arguments handed to the server.",
	  offsetof(struct vmrpc_vm_stat, arg_bytes) },
	{ "vmrpc_result_bytes_total", "Bytes of results handed to the caller.",
	  offsetof(struct vmrpc_vm_stat, res_bytes) },
};

static const struct metric vm_metrics[] = {
	{ "vmrpc_performs_total", "Calls of the guest to the host.",
	  offsetof(struct vmrpc_vm_info, performs) },
	{ "vmrpc_polls_total", "Polls of the guest for calls from the host.",
	  offsetof(struct vmrpc_vm_info, polls) },
	{ "vmrpc_parks_total", "Times that a vCPU was halted in a call.",
	  offsetof(struct vmrpc_vm_info, parks) },
	{ "vmrpc_wakes_total", "Calls from the host that woke a parked vCPU.",
	  offsetof(struct vmrpc_vm_info, wakes) },
	{ "vmrpc_interrupts_total", "Calls from the host that raised the guest's interrupt.",
	  offsetof(struct vmrpc_vm_info, interrupts) },
	{ "vmrpc_refused_total", "Modules that the guest could not bind, and calls without a handle.",
	  offsetof(struct vmrpc_vm_info, refused) },
	{ "vmrpc_calls_refused_total", "Calls from the host that the guest does not allow.",
	  offsetof(struct vmrpc_vm_info, calls_refused) },
};

static guint64 metric_value(const struct metric *metric, const void *counters)
{
	guint64 value;

	memcpy(&value, (const char *)counters + metric->offset, sizeof(value));
	return value;
}

static void append_heading(GString *out, const char *name, const char *type, const char *help)
{
	g_string_append_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void append_row_samples(GString *out, const struct metric *metric, const struct stat_vm *vm)
{
	g_autofree char *name = escape_label(vm_name(vm));

	for (size_t i = 0; i < vm->count; i++) {
		const struct vmrpc_vm_stat *row = &vm->rows[i];
		g_autofree char *module = escape_label(module_name(row));
		g_autofree char *procedure = procedure_name(row->procedure);

		g_string_append_printf(out, "%s{vm=\"%s\",direction=\"%s\",module=\"%s\",",
				       metric->name, name, direction_name(row->direction), module);
		g_string_append_printf(out, "procedure=\"%s\"} %" G_GUINT64_FORMAT "\n", procedure,
				       metric_value(metric, row));
	}
}

/* One sample a state: 1 for the one that the VM is in. */
static void append_states(GString *out, const GPtrArray *vms)
{
	static const char *const states[] = { "absent", "alive", "busy", "dead" };

	append_heading(out, "vmrpc_vm_state", "gauge", "1: the VM is in this state; 0: it is not.");
	for (guint i = 0; i < vms->len; i++) {
		const struct stat_vm *vm = g_ptr_array_index(vms, i);
		g_autofree char *name = escape_label(vm_name(vm));

		for (guint j = 0; j < G_N_ELEMENTS(states); j++)
			g_string_append_printf(out, "vmrpc_vm_state{vm=\"%s\",state=\"%s\"} %d\n",
					       name, states[j],
					       !strcmp(vm_state(&vm->info), states[j]));
	}
}

static void append_vm_samples(GString *out, const struct metric *metric, const GPtrArray *vms)
{
	append_heading(out, metric->name, "counter", metric->help);
	for (guint i = 0; i < vms->len; i++) {
		const struct stat_vm *vm = g_ptr_array_index(vms, i);
		g_autofree char *name = escape_label(vm_name(vm));

		g_string_append_printf(out, "%s{vm=\"%s\"} %" G_GUINT64_FORMAT "\n", metric->name, name,
				       metric_value(metric, &vm->info));
	}
}

char *stattext_prometheus(const GPtrArray *vms)
{
	GString *out = g_string_new(NULL);

	append_states(out, vms);
	for (guint i = 0; i < G_N_ELEMENTS(vm_metrics); i++)
		append_vm_samples(out, &vm_metrics[i], vms);
	for (guint i = 0; i < G_N_ELEMENTS(row_metrics); i++) {
		append_heading(out, row_metrics[i].name, "counter", row_metrics[i].help);
		for (guint j = 0; j < vms->len; j++)
			append_row_samples(out, &row_metrics[i], g_ptr_array_index(vms, j));
	}
	return g_string_free(out, FALSE);
}
