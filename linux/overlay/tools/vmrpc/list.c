// SPDX-License-Identifier: GPL-2.0-only
/* `vmrpc list`: the VMs that the caller may call, and whether their guests answer. */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>

#include "output.h"
#include "report.h"
#include "vm.h"

static gboolean option_names;
static gboolean option_no_ask;

static const GOptionEntry options[] = {
	{ "names", 'n', 0, G_OPTION_ARG_NONE, &option_names,
	  "Print only the names, one a line", NULL },
	{ "no-ask", 0, 0, G_OPTION_ARG_NONE, &option_no_ask,
	  "Call no guest: one that has no call to answer counts as alive", NULL },
	{}
};

#define ANSWER_MS	1000

/* By the oldest request that waits: one that idles has none, and need not poll. */
static const char *registered_state(const struct vmrpc_vm_info *info)
{
	if (info->oldest_call_ms < ANSWER_MS)
		return "alive";
	return info->polled_ms >= info->oldest_call_ms ? "dead" : "busy";
}

const char *vm_state(const struct vmrpc_vm_info *info)
{
	switch (info->state) {
	case VMRPC_VM_ABSENT:
		return "absent";
	case VMRPC_VM_READY:
		return registered_state(info);
	case VMRPC_VM_GONE:
		return "gone";
	default:
		return "unknown";
	}
}

char *vm_user(const struct vmrpc_vm_info *info)
{
	const struct passwd *entry = getpwuid(info->uid);

	return entry ? g_strdup(entry->pw_name) : g_strdup_printf("%u", info->uid);
}

int read_vm(const char *name, vm_reader read, gpointer data)
{
	struct vmrpc *vm;
	int err;

	err = vmrpc_open(name, &vm);
	if (err)
		return err;
	err = read(vm, name, data);
	vmrpc_close(vm);
	return err;
}

int read_vms(vm_reader read, gpointer data)
{
	struct vmrpc_vm_info *list;
	size_t count;
	int err;

	err = vmrpc_list(&list, &count);
	if (err)
		return err;
	for (size_t i = 0; i < count && !err; i++) {
		err = read_vm((const char *)list[i].name, read, data);
		if (err == VMRPC_ERR_NO_VM || err == VMRPC_ERR_GONE)
			err = 0;
	}
	free(list);
	return err;
}

/* Gives the guest a request, if it has none. */
static struct vmrpc *probe_begin(const struct vmrpc_vm_info *info)
{
	struct vmrpc *vm;

	if (info->state != VMRPC_VM_READY || info->calls_in_flight ||
	    vmrpc_open((const char *)info->name, &vm))
		return NULL;
	if (!vmrpc_submit(vm, VMRPC_ECHO_MODULE, VMRPC_ECHO_ECHO, NULL, 0, ANSWER_MS, NULL, 0, 0))
		return vm;
	vmrpc_close(vm);
	return NULL;
}

/* Any answer is one, a refusal too.  Without one the request waits on, as the state tells. */
static void probe_end(struct vmrpc *vm, struct vmrpc_vm_info *info)
{
	struct vmrpc_reply reply;
	size_t count = 1;

	if (!vmrpc_reap(vm, &reply, &count, -1) && reply.error == VMRPC_ERR_TIMEOUT &&
	    !vmrpc_info(vm, info))
		info->oldest_call_ms = MAX(info->oldest_call_ms, ANSWER_MS);
	vmrpc_close(vm);
}

/* All at once: together they take no longer than one that does not answer. */
static void probe_vms(struct vmrpc_vm_info *vms, size_t count)
{
	g_autofree struct vmrpc **probes = g_new(struct vmrpc *, count);

	for (size_t i = 0; i < count; i++)
		probes[i] = probe_begin(&vms[i]);
	for (size_t i = 0; i < count; i++)
		if (probes[i])
			probe_end(probes[i], &vms[i]);
}

static void build_counters(JsonBuilder *builder, const struct vmrpc_vm_info *info)
{
	build_int(builder, "performs", info->performs);
	build_int(builder, "polls", info->polls);
	build_int(builder, "parks", info->parks);
	build_int(builder, "calls", info->calls);
	build_int(builder, "errors", info->errors);
	build_int(builder, "refused", info->refused);
	build_int(builder, "calls_refused", info->calls_refused);
	build_int(builder, "wakes", info->wakes);
	build_int(builder, "interrupts", info->interrupts);
}

void build_vm(JsonBuilder *builder, const struct vmrpc_vm_info *info)
{
	g_autofree char *user = vm_user(info);

	build_string(builder, "name", (const char *)info->name);
	build_int(builder, "pid", info->pid);
	build_int(builder, "uid", info->uid);
	build_string(builder, "user", user);
	build_string(builder, "state", vm_state(info));
	build_int(builder, "vcpus", info->vcpus);
	build_int(builder, "generation", info->generation);
	build_int(builder, "slots", info->slots);
	build_int(builder, "handles", info->handles);
	build_int(builder, "calls_in_flight", info->calls_in_flight);
	build_int(builder, "oldest_call_ms", info->oldest_call_ms);
	if (info->polled_ms != UINT32_MAX)
		build_int(builder, "polled_ms", info->polled_ms);
	build_counters(builder, info);
}

static void print_list_json(const struct vmrpc_vm_info *vms, size_t count)
{
	g_autoptr(JsonBuilder) builder = json_builder_new();

	json_builder_begin_array(builder);
	for (size_t i = 0; i < count; i++) {
		json_builder_begin_object(builder);
		build_vm(builder, &vms[i]);
		json_builder_end_object(builder);
	}
	json_builder_end_array(builder);
	print_json(builder);
}

static int name_width(const struct vmrpc_vm_info *vms, size_t count)
{
	glong width = 16;

	for (size_t i = 0; i < count; i++) {
		g_autofree char *name = escape((const char *)vms[i].name);

		width = MAX(width, g_utf8_strlen(name, -1));
	}
	return width;
}

static void print_table(const struct vmrpc_vm_info *vms, size_t count)
{
	int width = name_width(vms, count);

	printf("%-*s %7s %-12s %-8s %5s\n", width, "NAME", "PID", "USER", "STATE",
	       "VCPUS");
	for (size_t i = 0; i < count; i++) {
		g_autofree char *name = escape((const char *)vms[i].name);
		g_autofree char *user = vm_user(&vms[i]);

		printf("%-*s %7d %-12s %-8s %5u\n", width, name, vms[i].pid, user,
		       vm_state(&vms[i]), vms[i].vcpus);
	}
}

static void print_names(const struct vmrpc_vm_info *vms, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		g_autofree char *name = escape((const char *)vms[i].name);

		puts(name);
	}
}

static int compare_names(const void *a, const void *b)
{
	const struct vmrpc_vm_info *x = a, *y = b;

	return strcmp((const char *)x->name, (const char *)y->name);
}

static enum status run(int argc G_GNUC_UNUSED, char **argv G_GNUC_UNUSED)
{
	struct vmrpc_vm_info *vms;
	size_t count;
	int err;

	err = vmrpc_list(&vms, &count);
	if (err)
		return fail(err, NULL, NULL);

	if (count)
		qsort(vms, count, sizeof(*vms), compare_names);
	if (!option_names && !option_no_ask)
		probe_vms(vms, count);
	if (option_json)
		print_list_json(vms, count);
	else if (option_names)
		print_names(vms, count);
	else
		print_table(vms, count);
	free(vms);
	return STATUS_OK;
}

const struct command list_command = {
	.name = "list",
	.parameters = "",
	.summary = "List the VMs that you may call",
	.description = "STATE is 'alive' when the guest answers calls, 'busy' when it is long in doing so,\n"
		       "'dead' when it does not look for them, or is paused, and 'absent' when it has\n"
		       "no VMRPC server (yet). Users see their own VMs, root all.",
	.options = options,
	.run = run,
};
