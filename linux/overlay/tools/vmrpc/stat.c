// SPDX-License-Identifier: GPL-2.0-only
/*
 * `vmrpc stat [VM]`: what was called how often, as the host kernel counts it; no guest is
 * asked.  With --watch one VM is followed until it is destroyed, all VMs until a signal.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "report.h"
#include "stattext.h"
#include "vm.h"
#include "watch.h"

static gboolean option_prometheus;

static const GOptionEntry options[] = {
	WATCH_OPTION("Tell the rates per second, every so many seconds (default 1)"),
	{ "prometheus", 'p', 0, G_OPTION_ARG_NONE, &option_prometheus,
	  "Print Prometheus's text format", NULL },
	{}
};

/* Whose counters: of one VM, or (->vm NULL) of all that the caller may call. */
struct source {
	const char *name;
	struct vmrpc *vm;
};

static void stat_vm_free(gpointer data)
{
	struct stat_vm *vm = data;

	free(vm->rows);
	g_free(vm);
}

/* Adds a VM to @vms. */
static int read_stat(struct vmrpc *handle, const char *name G_GNUC_UNUSED, gpointer vms)
{
	struct stat_vm *vm = g_new0(struct stat_vm, 1);
	int err;

	err = vmrpc_info(handle, &vm->info);
	if (!err && vm->info.state == VMRPC_VM_GONE)
		err = VMRPC_ERR_GONE;
	if (!err)
		err = vmrpc_vm_stat(handle, &vm->rows, &vm->count);
	if (err)
		stat_vm_free(vm);
	else
		g_ptr_array_add(vms, vm);
	return err;
}

static int compare_names(gconstpointer a, gconstpointer b)
{
	const struct stat_vm *x = *(const struct stat_vm *const *)a;
	const struct stat_vm *y = *(const struct stat_vm *const *)b;

	return strcmp((const char *)x->info.name, (const char *)y->info.name);
}

static int read_source(const struct source *source, GPtrArray **vms)
{
	int err;

	*vms = g_ptr_array_new_with_free_func(stat_vm_free);
	err = source->vm ? read_stat(source->vm, source->name, *vms) : read_vms(read_stat, *vms);
	if (err)
		g_clear_pointer(vms, g_ptr_array_unref);
	else
		g_ptr_array_sort(*vms, compare_names);
	return err;
}

static void print_stat_json(const GPtrArray *vms)
{
	g_autoptr(JsonBuilder) builder = json_builder_new();

	json_builder_begin_array(builder);
	for (guint i = 0; i < vms->len; i++) {
		const struct stat_vm *vm = g_ptr_array_index(vms, i);

		json_builder_begin_object(builder);
		build_vm(builder, &vm->info);
		stattext_build(builder, vm);
		json_builder_end_object(builder);
	}
	json_builder_end_array(builder);
	print_json(builder);
}

static enum status print_once(const struct source *source)
{
	g_autoptr(GPtrArray) vms = NULL;
	g_autofree char *text = NULL;
	int err;

	err = read_source(source, &vms);
	if (err)
		return fail(err, source->name, NULL);
	if (option_json) {
		print_stat_json(vms);
		return STATUS_OK;
	}
	text = option_prometheus ? stattext_prometheus(vms) : stattext_table(vms);
	fputs(text, stdout);
	return STATUS_OK;
}

static int read_sample(gconstpointer source, gpointer *sample)
{
	GPtrArray *vms;
	int err = read_source(source, &vms);

	*sample = vms;
	return err;
}

static void print_rates(gconstpointer now, gconstpointer before, double seconds)
{
	g_autofree char *text = stattext_rates(now, before, seconds);

	fputs(text, stdout);
}

static void free_sample(gpointer sample)
{
	g_ptr_array_unref(sample);
}

static const struct watch stat_watch = {
	.read = read_sample,
	.print = print_rates,
	.free = free_sample,
};

static enum status print_watched(const struct source *source)
{
	int err = watch(&stat_watch, source);

	return err ? fail(err, source->name, NULL) : STATUS_OK;
}

static enum status check_options(void)
{
	if (option_json && option_prometheus)
		return fail_usage("--json and --prometheus: choose one");
	if (option_json && option_watch > 0)
		return fail_usage("--json and --watch: choose one");
	if (option_prometheus && option_watch > 0)
		return fail_usage("--prometheus and --watch: choose one");
	return STATUS_OK;
}

static enum status run(int argc, char **argv)
{
	struct source source = { .name = argc ? argv[0] : NULL };
	enum status status;
	int err;

	status = check_options();
	if (status)
		return status;
	if (source.name) {
		err = vmrpc_open(source.name, &source.vm);
		if (err)
			return fail(err, source.name, NULL);
	}
	status = option_watch > 0 ? print_watched(&source) : print_once(&source);
	vmrpc_close(source.vm);
	return status;
}

const struct command stat_command = {
	.name = "stat",
	.parameters = "[VM]",
	.summary = "Tell what was called how often",
	.description = "Without VM, of all VMs that you may call. DIRECTION is guest-to-kernel (a server\n"
		       "in the host's kernel), guest-to-vmm (one in the VMM) or host-to-guest. --watch\n"
		       "ends by Ctrl-C, or when VM is destroyed.",
	.options = options,
	.parameters_max = 1,
	.run = run,
};
