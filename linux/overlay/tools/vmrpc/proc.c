// SPDX-License-Identifier: GPL-2.0-only
/* `vmrpc meminfo|cpuinfo|loadavg|drop-caches VM`: module "procfs" of the guest. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "proctext.h"
#include "report.h"

static int read_proc(const char *name, uint32_t procedure, char **text, size_t *size)
{
	struct vmrpc *vm;
	int err;

	err = vmrpc_open(name, &vm);
	if (err)
		return err;
	err = vmrpc_read_proc(vm, procedure, option_timeout_ms, text, size);
	vmrpc_close(vm);
	return err;
}

static enum status print_parsed(const char *name, const char *text,
				JsonNode *(*parse)(const char *text))
{
	g_autoptr(JsonNode) node = parse(text);
	g_autofree char *json = NULL;

	if (!node)
		return fail(VMRPC_ERR_PROTOCOL, name, VMRPC_PROCFS_MODULE);
	json = json_to_string(node, TRUE);
	puts(json);
	return STATUS_OK;
}

static enum status run_read(const char *name, uint32_t procedure,
			    JsonNode *(*parse)(const char *text))
{
	enum status status = STATUS_OK;
	char *text;
	size_t size;
	int err;

	err = read_proc(name, procedure, &text, &size);
	if (err)
		return fail(err, name, VMRPC_PROCFS_MODULE);
	if (option_json)
		status = print_parsed(name, text, parse);
	else
		print_guest_bytes(text, size);
	free(text);
	return status;
}

static enum status run_meminfo(int argc G_GNUC_UNUSED, char **argv)
{
	return run_read(argv[0], VMRPC_PROCFS_MEMINFO, proctext_meminfo);
}

static enum status run_cpuinfo(int argc G_GNUC_UNUSED, char **argv)
{
	return run_read(argv[0], VMRPC_PROCFS_CPUINFO, proctext_cpuinfo);
}

static enum status run_loadavg(int argc G_GNUC_UNUSED, char **argv)
{
	return run_read(argv[0], VMRPC_PROCFS_LOADAVG, proctext_loadavg);
}

static int drop_caches(const char *name, uint32_t what)
{
	struct vmrpc *vm;
	int err;

	err = vmrpc_open(name, &vm);
	if (err)
		return err;
	err = vmrpc_drop_caches(vm, what, option_timeout_ms);
	vmrpc_close(vm);
	return err;
}

static void print_dropped(uint32_t what)
{
	g_autoptr(JsonBuilder) builder = json_builder_new();

	json_builder_begin_object(builder);
	build_int(builder, "dropped", what);
	json_builder_end_object(builder);
	print_json(builder);
}

static enum status run_drop_caches(int argc, char **argv)
{
	guint64 what = 3;
	int err;

	if (argc > 1 && !g_ascii_string_to_unsigned(argv[1], 10, 1, 3, &what, NULL))
		return fail_usage("%s: must be 1 (page cache), 2 (slab objects) or 3 (both)",
				  argv[1]);
	err = drop_caches(argv[0], what);
	if (err)
		return fail(err, argv[0], VMRPC_PROCFS_MODULE);
	if (option_json)
		print_dropped(what);
	return STATUS_OK;
}

const struct command meminfo_command = {
	.name = "meminfo",
	.parameters = "VM",
	.summary = "Print the guest's /proc/meminfo",
	.description = "With --json an object of numbers; what the file has in kB is in bytes.",
	.parameters_min = 1,
	.parameters_max = 1,
	.run = run_meminfo,
};

const struct command cpuinfo_command = {
	.name = "cpuinfo",
	.parameters = "VM",
	.summary = "Print the guest's /proc/cpuinfo",
	.description = "With --json an array of an object for each CPU.",
	.parameters_min = 1,
	.parameters_max = 1,
	.run = run_cpuinfo,
};

const struct command loadavg_command = {
	.name = "loadavg",
	.parameters = "VM",
	.summary = "Print the guest's /proc/loadavg",
	.parameters_min = 1,
	.parameters_max = 1,
	.run = run_loadavg,
};

const struct command drop_caches_command = {
	.name = "drop-caches",
	.parameters = "VM [1|2|3]",
	.summary = "Have the guest drop its clean caches",
	.description = "1: page cache; 2: slab objects, such as dentries and inodes; 3 (default): both.",
	.parameters_min = 1,
	.parameters_max = 2,
	.run = run_drop_caches,
};
