// SPDX-License-Identifier: GPL-2.0-only
/*
 * `vmrpc mem [VM]`: outsourced memory, as the host kernel counts it and its table tells; no
 * guest is asked.  With --limit, --reclaim and --auto how much of it a guest has; of these the
 * first asks a guest that has more.
 */
#include <stdio.h>
#include <string.h>

#include "memtext.h"
#include "output.h"
#include "report.h"
#include "size.h"
#include "vm.h"
#include "watch.h"

static char *option_limit, *option_reclaim, *option_auto, *option_idle;

static const GOptionEntry options[] = {
	{ "limit", 'l', 0, G_OPTION_ARG_STRING, &option_limit,
	  "Have the guest use so much at most", "SIZE" },
	{ "reclaim", 'r', 0, G_OPTION_ARG_STRING, &option_reclaim,
	  "Take so much of what the guest has free", "SIZE" },
	{ "auto", 'a', 0, G_OPTION_ARG_STRING, &option_auto,
	  "Take what stays free in the guest for so long", "SECONDS|off" },
	{ "idle", 'i', 0, G_OPTION_ARG_STRING, &option_idle,
	  "With --auto: have the guest drop page cache that it did not use for so long",
	  "SECONDS|off" },
	WATCH_OPTION("Tell what changed too, every so many seconds (default 1)"),
	{}
};

static int read_mem(struct vmrpc *vm, const char *name, gpointer vms)
{
	struct mem_vm entry = {};
	int err;

	err = vmrpc_mem_info(vm, &entry.info);
	if (err)
		return err;
	g_strlcpy(entry.name, name, sizeof(entry.name));
	g_array_append_val(vms, entry);
	return 0;
}

static int read_mem_if_any(struct vmrpc *vm, const char *name, gpointer vms)
{
	int err = read_mem(vm, name, vms);

	return err == VMRPC_ERR_MEM_NONE ? 0 : err;
}

static int compare_names(gconstpointer a, gconstpointer b)
{
	const struct mem_vm *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void print_mem_json(const GArray *vms)
{
	g_autoptr(JsonBuilder) builder = json_builder_new();

	json_builder_begin_array(builder);
	for (guint i = 0; i < vms->len; i++) {
		json_builder_begin_object(builder);
		memtext_build(builder, &g_array_index(vms, struct mem_vm, i));
		json_builder_end_object(builder);
	}
	json_builder_end_array(builder);
	print_json(builder);
}

/* @name: of one VM, or NULL. */
static int read_sample(gconstpointer name, gpointer *sample)
{
	GArray *vms = g_array_new(FALSE, FALSE, sizeof(struct mem_vm));
	int err = name ? read_vm(name, read_mem, vms) : read_vms(read_mem_if_any, vms);

	if (err)
		g_array_unref(vms);
	else
		g_array_sort(vms, compare_names);
	*sample = vms;
	return err;
}

static void print_changes(gconstpointer now, gconstpointer before, double seconds G_GNUC_UNUSED)
{
	g_autofree char *text = memtext_changes(now, before);

	fputs(text, stdout);
}

static void free_sample(gpointer sample)
{
	g_array_unref(sample);
}

static const struct watch mem_watch = {
	.read = read_sample,
	.print = print_changes,
	.free = free_sample,
};

static enum status print_watched(const char *name)
{
	int err = watch(&mem_watch, name);

	return err ? fail(err, name, NULL) : STATUS_OK;
}

static enum status print_once(const char *name)
{
	g_autoptr(GArray) vms = NULL;
	g_autofree char *text = NULL;
	gpointer sample;
	int err;

	err = read_sample(name, &sample);
	if (err)
		return fail(err, name, NULL);
	vms = sample;
	if (option_json) {
		print_mem_json(vms);
		return STATUS_OK;
	}
	text = memtext_table(vms);
	fputs(text, stdout);
	return STATUS_OK;
}

/* What a guest has in all: USED, and FREE, which it may use again. */
static guint64 had(const struct vmrpc_vm_mem_info *info)
{
	return info->used + info->free;
}

#define GIVE_TRIES	3	/* what a guest frees it may use again */

/*
 * A guest that has more than the limit frees some, and the host takes what is free beyond it.
 * That the guest did not free enough shows in @info; if it could not be asked, or did not answer,
 * *@asked is the error.
 */
static int enforce_limit(struct vmrpc *vm, struct vmrpc_vm_mem_info *info, int *asked)
{
	guint64 given, taken;
	int err, tries;

	*asked = 0;
	err = vmrpc_mem_info(vm, info);
	for (tries = 0; !err && info->used > info->limit && tries < GIVE_TRIES; tries++) {
		*asked = vmrpc_mem_give(vm, info->used - info->limit, option_timeout_ms, &given);
		err = vmrpc_mem_info(vm, info);
		if (*asked || !given)
			break;
	}
	if (!err && had(info) > info->limit && info->free)
		err = vmrpc_mem_reclaim(vm, MIN(had(info) - info->limit, info->free), &taken);
	return err ? err : vmrpc_mem_info(vm, info);
}

static void print_size_json(const char *name, guint64 bytes)
{
	g_autoptr(JsonBuilder) builder = json_builder_new();

	json_builder_begin_object(builder);
	build_int(builder, name, bytes);
	json_builder_end_object(builder);
	print_json(builder);
}

static void print_auto_json(guint64 ms, guint64 idle_ms)
{
	g_autoptr(JsonBuilder) builder = json_builder_new();

	json_builder_begin_object(builder);
	build_int(builder, "auto_ms", ms);
	build_int(builder, "idle_ms", idle_ms);
	json_builder_end_object(builder);
	print_json(builder);
}

/* In MiB, of which it is a multiple: one can give it to --limit. */
static enum status fail_above_max(struct vmrpc *vm, const char *name)
{
	g_autofree char *advice = NULL;
	struct vmrpc_vm_mem_info info;

	if (vmrpc_mem_info(vm, &info))
		return fail(VMRPC_ERR_MEM_MAX, name, NULL);
	advice = g_strdup_printf("which is %" G_GUINT64_FORMAT "MiB: give that or less",
				 (guint64)info.max >> 20);
	return fail_advised(VMRPC_ERR_MEM_MAX, name, advice);
}

static void print_limit_json(const struct vmrpc_vm_mem_info *info, int asked)
{
	g_autoptr(JsonBuilder) builder = json_builder_new();

	json_builder_begin_object(builder);
	build_int(builder, "limit", info->limit);
	build_int(builder, "used", info->used);
	json_builder_set_member_name(builder, "guest_error");
	if (asked)
		json_builder_add_string_value(builder, vmrpc_strerror(asked));
	else
		json_builder_add_null_value(builder);
	json_builder_end_object(builder);
	print_json(builder);
}

static enum status limit(struct vmrpc *vm, const char *name, guint64 size)
{
	g_autofree char *text = NULL;
	struct vmrpc_vm_mem_info info;
	int err, asked;

	err = vmrpc_mem_limit(vm, size);
	if (err == VMRPC_ERR_MEM_MAX)
		return fail_above_max(vm, name);
	if (!err)
		err = enforce_limit(vm, &info, &asked);
	if (err)
		return fail(err, name, NULL);
	if (option_json) {
		print_limit_json(&info, asked);
		return STATUS_OK;
	}
	text = memtext_over(info.used, info.limit, asked ? vmrpc_strerror(asked) : NULL);
	if (text)
		puts(text);
	return STATUS_OK;
}

static enum status reclaim(struct vmrpc *vm, const char *name, guint64 size)
{
	g_autofree char *text = NULL;
	guint64 taken;
	int err;

	err = vmrpc_mem_reclaim(vm, size, &taken);
	if (err)
		return fail(err, name, NULL);
	if (option_json) {
		print_size_json("reclaimed", taken);
		return STATUS_OK;
	}
	text = memtext_taken(taken, size);
	puts(text);
	return STATUS_OK;
}

static enum status set_auto(struct vmrpc *vm, const char *name, guint64 ms, guint64 idle_ms)
{
	int err = vmrpc_mem_auto(vm, ms, idle_ms);

	if (err)
		return fail(err, name, NULL);
	if (option_json)
		print_auto_json(ms, idle_ms);
	return STATUS_OK;
}

/* What one option asks for: bytes, or ms.  @idle_ms: of --idle, or 0. */
static enum status change(const char *name, guint64 value, guint64 idle_ms)
{
	enum status status;
	struct vmrpc *vm;
	int err;

	err = vmrpc_open(name, &vm);
	if (err)
		return fail(err, name, NULL);
	if (option_auto)
		status = set_auto(vm, name, value, idle_ms);
	else
		status = option_limit ? limit(vm, name, value) : reclaim(vm, name, value);
	vmrpc_close(vm);
	return status;
}

static enum status check_size(const char *option, const char *text, guint64 least, guint64 *size)
{
	if (!size_parse(text, size))
		return fail_usage("%s: '%s': give a whole number of bytes, or with a unit as 512M or 2GiB, below 2^64",
				  option, text);
	if (*size < least)
		return fail_usage("%s: %s: give more than that", option, text);
	return STATUS_OK;
}

static enum status check_seconds(const char *option, const char *text, guint64 least_ms, guint64 *ms)
{
	double seconds;
	char *end;

	*ms = 0;
	if (!strcmp(text, "off"))
		return STATUS_OK;
	seconds = g_ascii_strtod(text, &end);
	if (!g_ascii_isdigit(*text) || *end || !(seconds >= least_ms / 1000.0) ||
	    seconds > VMRPC_MEM_AUTO_MAX_MS / 1000)
		return fail_usage("%s: '%s': give seconds, %g to %d, or \"off\"", option, text,
				  least_ms / 1000.0, VMRPC_MEM_AUTO_MAX_MS / 1000);
	*ms = seconds * 1000 + 0.5;
	return STATUS_OK;
}

/* Both times, of --auto and --idle: 0 if it is off, or not given. */
static enum status check_times(guint64 *ms, guint64 *idle_ms)
{
	enum status status = check_seconds("--auto", option_auto, VMRPC_MEM_AUTO_MIN_MS, ms);

	if (status || !option_idle)
		return status;
	status = check_seconds("--idle", option_idle, VMRPC_MEM_IDLE_MIN_MS, idle_ms);
	if (!status && *idle_ms && !*ms)
		return fail_usage("--idle %s: not with --auto off", option_idle);
	return status;
}

/* The one option that changes something, or NULL. */
static const char *changing_option(void)
{
	if (option_limit)
		return "--limit";
	if (option_reclaim)
		return "--reclaim";
	return option_auto ? "--auto" : NULL;
}

/* @vm: its name, or NULL.  @value: of the option, of which there may be none. */
static enum status check_options(const char *vm, guint64 *value, guint64 *idle_ms)
{
	const char *option = changing_option();

	if (!!option_limit + !!option_reclaim + !!option_auto > 1)
		return fail_usage("--limit, --reclaim and --auto: choose one");
	if (option_idle && !option_auto)
		return fail_usage("--idle: give --auto too");
	if (option && !vm)
		return fail_usage("%s: name the VM too", option);
	if (option_watch > 0 && (option || option_json))
		return fail_usage("--watch and %s: choose one", option ?: "--json");
	if (option_limit)
		return check_size(option, option_limit, 0, value);
	if (option_reclaim)
		return check_size(option, option_reclaim, 1, value);
	return option_auto ? check_times(value, idle_ms) : STATUS_OK;
}

static enum status run(int argc, char **argv)
{
	const char *name = argc ? argv[0] : NULL;
	guint64 value, idle_ms = 0;
	enum status status;

	status = check_options(name, &value, &idle_ms);
	if (status)
		return status;
	if (changing_option())
		return change(name, value, idle_ms);
	return option_watch > 0 ? print_watched(name) : print_once(name);
}

const struct command mem_command = {
	.name = "mem",
	.parameters = "[VM]",
	.summary = "Tell, limit or take outsourced memory",
	.description = "Without VM, of all VMs that you may call and that have any. USED, FREE and ABSENT\n"
		       "are '-' when the guest does not use it (yet). --limit, --reclaim and --auto need a VM.\n"
		       "SIZE is in bytes, or has a unit: K, M, G or T (or KiB, MiB, GiB, TiB) are powers\n"
		       "of 1024; KB, MB, GB and TB of 1000.",
	.options = options,
	.parameters_max = 1,
	.run = run,
};
