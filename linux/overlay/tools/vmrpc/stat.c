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

#define WATCH_DEFAULT	1	/* seconds */
#define WATCH_MIN	0.1
#define WATCH_MAX	86400

static gboolean option_prometheus;
static double option_watch;	/* seconds; 0: not at all */

static gboolean parse_watch(const char *option G_GNUC_UNUSED, const char *value,
			    gpointer data G_GNUC_UNUSED, GError **error)
{
	char *end;

	if (!value) {
		option_watch = WATCH_DEFAULT;
		return TRUE;
	}
	option_watch = g_ascii_strtod(value, &end);
	/* Also false for NaN. */
	if (end != value && !*end && option_watch >= WATCH_MIN && option_watch <= WATCH_MAX)
		return TRUE;
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		    "--watch: %s: must be from %g to %d seconds, or nothing; a VM goes before it",
		    value, WATCH_MIN, WATCH_MAX);
	return FALSE;
}

static const GOptionEntry options[] = {
	{ "watch", 'w', G_OPTION_FLAG_OPTIONAL_ARG, G_OPTION_ARG_CALLBACK, (gpointer)parse_watch,
	  "Tell the rates per second, every so many seconds (default 1)", "SECONDS" },
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

/* They are waited for, so that none is lost between two waits. */
static void block_signals(sigset_t *signals)
{
	sigemptyset(signals);
	sigaddset(signals, SIGINT);
	sigaddset(signals, SIGTERM);
	sigprocmask(SIG_BLOCK, signals, NULL);
}

/* FALSE: a signal ended it. */
static gboolean pause_seconds(const sigset_t *signals, double seconds)
{
	struct timespec time = {
		.tv_sec = (time_t)seconds,
		.tv_nsec = (long)((seconds - (time_t)seconds) * 1e9),
	};

	return sigtimedwait(signals, NULL, &time) < 0;
}

static void print_rates(const GPtrArray *now, const GPtrArray *before, gint64 microseconds)
{
	g_autofree char *text = stattext_rates(now, before, MAX(microseconds, 1) / 1e6);

	puts(text);
	fflush(stdout);
}

static enum status watch(const struct source *source)
{
	g_autoptr(GPtrArray) before = NULL;
	gint64 time, time_before;
	sigset_t signals;
	int err;

	block_signals(&signals);
	err = read_source(source, &before);
	time_before = g_get_monotonic_time();
	while (!err && !ferror(stdout)) {
		GPtrArray *now;

		if (!pause_seconds(&signals, option_watch))
			return STATUS_OK;
		err = read_source(source, &now);
		if (err)
			break;
		time = g_get_monotonic_time();
		print_rates(now, before, time - time_before);
		g_ptr_array_unref(before);
		before = now;
		time_before = time;
	}
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
	status = option_watch > 0 ? watch(&source) : print_once(&source);
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
