// SPDX-License-Identifier: GPL-2.0-only
/* `vmrpc info VM`: what the host knows of it, and its guest's own sysinfo. */
#include <errno.h>
#include <stdio.h>

#include "output.h"
#include "report.h"
#include "vm.h"

/* The guest's part.  A guest that does not answer is no failure of info. */
struct guest {
	struct vmrpc_system system;
	int error;
	int reason;
};

static void build_system(JsonBuilder *builder, const struct vmrpc_system *system)
{
	json_builder_begin_object(builder);
	build_string(builder, "os_name", system->os_name);
	build_string(builder, "os_release", system->os_release);
	build_int(builder, "uptime_ms", system->uptime_ms);
	build_int(builder, "cpus_online", system->cpus_online);
	build_int(builder, "mem_total", system->mem_total);
	build_int(builder, "mem_free", system->mem_free);
	build_int(builder, "mem_available", system->mem_available);
	build_int(builder, "mem_cached", system->mem_cached);
	build_double(builder, "load1", system->load[0]);
	build_double(builder, "load5", system->load[1]);
	build_double(builder, "load15", system->load[2]);
	json_builder_end_object(builder);
}

static void build_guest(JsonBuilder *builder, const struct guest *guest, const char *vm)
{
	g_autofree char *message = NULL;

	json_builder_set_member_name(builder, "guest");
	if (!guest->error) {
		build_system(builder, &guest->system);
		return;
	}
	json_builder_add_null_value(builder);
	message = describe(guest->error, guest->reason, vm, VMRPC_SYSINFO_MODULE);
	json_builder_set_member_name(builder, "guest_error");
	build_error(builder, guest->error, message);
}

static void print_info_json(const struct vmrpc_vm_info *info, const struct guest *guest)
{
	g_autoptr(JsonBuilder) builder = json_builder_new();

	json_builder_begin_object(builder);
	build_vm(builder, info);
	build_guest(builder, guest, (const char *)info->name);
	json_builder_end_object(builder);
	print_json(builder);
}

static void print_line(const char *key, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void print_line(const char *key, const char *format, ...)
{
	g_autofree char *text = NULL, *safe = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	safe = escape(text);
	printf("%-16s%s\n", key, safe);
}

static void print_vm(const struct vmrpc_vm_info *info)
{
	g_autofree char *user = vm_user(info);

	print_line("Name:", "%s", (const char *)info->name);
	print_line("State:", "%s", vm_state(info));
	print_line("PID:", "%d", info->pid);
	print_line("User:", "%s", user);
	print_line("VCPUs:", "%u", info->vcpus);
	print_line("Channel:", "%u slots, %u in use, generation %u", info->slots,
		   info->calls_in_flight, info->generation);
	print_line("Guest to host:", "%llu calls by %u handles, %llu refused, %llu polls (%llu parked)",
		   (unsigned long long)info->performs, info->handles,
		   (unsigned long long)info->refused, (unsigned long long)info->polls,
		   (unsigned long long)info->parks);
	print_line("Host to guest:", "%llu calls, %llu errors (%llu refused), %llu wake-ups, %llu interrupts",
		   (unsigned long long)info->calls, (unsigned long long)info->errors,
		   (unsigned long long)info->calls_refused, (unsigned long long)info->wakes,
		   (unsigned long long)info->interrupts);
}

static void print_memory(const struct vmrpc_system *system)
{
	g_autofree char *total = format_bytes(system->mem_total);
	g_autofree char *available = format_bytes(system->mem_available);
	g_autofree char *cached = format_bytes(system->mem_cached);
	g_autofree char *unused = format_bytes(system->mem_free);

	print_line("Guest memory:", "%s, %s available, %s free, %s cached", total,
		   available, unused, cached);
}

static void print_system(const struct vmrpc_system *system)
{
	g_autofree char *uptime = format_uptime(system->uptime_ms);

	print_line("Guest OS:", "%s %s", system->os_name, system->os_release);
	print_line("Guest uptime:", "%s", uptime);
	print_line("Guest load:", "%.2f %.2f %.2f, %u CPUs online", system->load[0],
		   system->load[1], system->load[2], system->cpus_online);
	print_memory(system);
}

static void print_info(const struct vmrpc_vm_info *info, const struct guest *guest)
{
	print_vm(info);
	if (!guest->error)
		print_system(&guest->system);
	else
		print_line("Guest OS:", "- (%s)", vmrpc_strerror(guest->error));
}

/* Without a server there is no call to make, and no error to count. */
static void ask_guest(struct vmrpc *vm, const struct vmrpc_vm_info *info, struct guest *guest)
{
	if (info->state == VMRPC_VM_ABSENT) {
		guest->error = VMRPC_ERR_NO_SERVER;
		return;
	}
	guest->error = vmrpc_sysinfo(vm, option_timeout_ms, &guest->system);
	guest->reason = errno;
}

static int ask(const char *name, struct vmrpc_vm_info *info, struct guest *guest)
{
	struct vmrpc *vm;
	int err;

	err = vmrpc_open(name, &vm);
	if (err)
		return err;
	err = vmrpc_info(vm, info);
	if (!err)
		ask_guest(vm, info, guest);
	/* The state tells of the call that waits on. */
	if (!err && guest->error == VMRPC_ERR_TIMEOUT)
		err = vmrpc_info(vm, info);
	if (!err && info->state == VMRPC_VM_GONE)
		err = VMRPC_ERR_GONE;
	vmrpc_close(vm);
	return err;
}

static enum status run(int argc G_GNUC_UNUSED, char **argv)
{
	struct vmrpc_vm_info info;
	struct guest guest = {};
	int err;

	err = ask(argv[0], &info, &guest);
	if (err)
		return fail(err, argv[0], NULL);
	if (option_json)
		print_info_json(&info, &guest);
	else
		print_info(&info, &guest);
	return STATUS_OK;
}

const struct command info_command = {
	.name = "info",
	.parameters = "VM",
	.summary = "Describe a VM and its guest",
	.description = "The guest's part is '-' when the guest does not answer; the host's part needs\n"
		       "no guest.",
	.parameters_min = 1,
	.parameters_max = 1,
	.run = run,
};
