// SPDX-License-Identifier: GPL-2.0-only
/*
 * A failure is one line on stderr that says what to do, and an exit status of its
 * own.  With --json stdout holds one document whatever happens, so the failure
 * is there too; stderr still has the line, for whoever pipes stdout elsewhere.
 */
#include <errno.h>
#include <stdio.h>

#include "output.h"
#include "report.h"

static const struct {
	enum status status;
	const char *advice;
} reports[] = {
	[VMRPC_ERR_NONE] = { STATUS_OK, NULL },
	[VMRPC_ERR_FAILED] = { STATUS_FAILED, NULL },
	[VMRPC_ERR_NO_DEVICE] = { STATUS_NO_DEVICE,
		"boot a host kernel with CONFIG_KVM_VMRPC, and load kvm" },
	[VMRPC_ERR_PERMISSION] = { STATUS_PERMISSION,
		"only the user who runs the VM may call it, and root" },
	[VMRPC_ERR_NO_VM] = { STATUS_NO_VM,
		"'vmrpc list' shows those that you may call" },
	[VMRPC_ERR_NO_SERVER] = { STATUS_NO_SERVER,
		"boot it with CONFIG_VMRPC_GUEST and without vmrpc=off" },
	[VMRPC_ERR_REFUSED] = { STATUS_REFUSED,
		"its boot option vmrpc.allow= names those that it allows" },
	[VMRPC_ERR_NO_MODULE] = { STATUS_UNKNOWN, NULL },
	[VMRPC_ERR_NO_PROCEDURE] = { STATUS_UNKNOWN, NULL },
	[VMRPC_ERR_TIMEOUT] = { STATUS_TIMEOUT,
		"--timeout gives it longer" },
	[VMRPC_ERR_RESET] = { STATUS_GONE,
		"try again when it is up" },
	[VMRPC_ERR_GONE] = { STATUS_GONE, NULL },
	[VMRPC_ERR_BUSY] = { STATUS_FAILED,
		"try again when they are answered" },
	[VMRPC_ERR_INTERRUPTED] = { STATUS_FAILED, NULL },
	[VMRPC_ERR_TOO_LARGE] = { STATUS_FAILED,
		"a call carries at most 64 MiB each way; of an older guest's kernel 4032 bytes" },
	[VMRPC_ERR_PROTOCOL] = { STATUS_FAILED, NULL },
	[VMRPC_ERR_NO_MEMORY] = { STATUS_FAILED, NULL },
	[VMRPC_ERR_MEM_NONE] = { STATUS_NO_SERVER,
		"start it with -device vmrpc,mem-max=SIZE" },
	[VMRPC_ERR_MEM_UNUSED] = { STATUS_NO_SERVER,
		"boot it with vmrpc.outsource=mem and a kernel that has CONFIG_ZONE_HOST" },
	[VMRPC_ERR_MEM_MAX] = { STATUS_REFUSED,
		"'vmrpc mem' shows what that is" },
	[VMRPC_ERR_MEM_PINNED] = { STATUS_REFUSED,
		"have it unpin some, or give more: 'vmrpc mem' shows what is pinned in all" },
};

G_STATIC_ASSERT(VMRPC_MAX_BULK == 64 << 20 && VMRPC_SLOT_DATA == 4032);	/* as the advice says */

enum status status_of(int error)
{
	return reports[error].status;
}

static gboolean is_about_module(int error)
{
	return error == VMRPC_ERR_REFUSED || error == VMRPC_ERR_NO_MODULE ||
	       error == VMRPC_ERR_NO_PROCEDURE || error == VMRPC_ERR_FAILED;
}

static char *describe_advised(int error, int reason, const char *vm, const char *module,
			      const char *advice)
{
	GString *line = g_string_new(NULL);

	if (vm && error != VMRPC_ERR_NO_DEVICE)	/* which is no matter of one VM */
		g_string_append_printf(line, "%s: ", vm);
	if (module && is_about_module(error))
		g_string_append_printf(line, "%s: ", module);
	g_string_append(line, vmrpc_strerror(error));
	if (error == VMRPC_ERR_FAILED)
		g_string_append_printf(line, ": %s", g_strerror(reason));
	if (advice)
		g_string_append_printf(line, " (%s)", advice);
	return g_string_free(line, FALSE);
}

char *describe(int error, int reason, const char *vm, const char *module)
{
	return describe_advised(error, reason, vm, module, reports[error].advice);
}

static void build_report(JsonBuilder *builder, const char *code,
			 enum status status, const char *message)
{
	json_builder_begin_object(builder);
	build_string(builder, "code", code);
	build_int(builder, "status", status);
	build_string(builder, "message", message);
	json_builder_end_object(builder);
}

void build_error(JsonBuilder *builder, int error, const char *message)
{
	build_report(builder, vmrpc_error_name(error), status_of(error), message);
}

static void print_failure(const char *message)
{
	g_autofree char *line = escape(message);

	fprintf(stderr, "vmrpc: %s\n", line);
}

static enum status report(const char *code, enum status status, const char *message)
{
	print_failure(message);
	if (option_json) {
		g_autoptr(JsonBuilder) builder = json_builder_new();

		json_builder_begin_object(builder);
		json_builder_set_member_name(builder, "error");
		build_report(builder, code, status, message);
		json_builder_end_object(builder);
		print_json(builder);
	}
	return status;
}

enum status fail(int error, const char *vm, const char *module)
{
	g_autofree char *message = describe(error, errno, vm, module);

	return report(vmrpc_error_name(error), status_of(error), message);
}

enum status fail_advised(int error, const char *vm, const char *advice)
{
	g_autofree char *message = describe_advised(error, errno, vm, NULL, advice);

	return report(vmrpc_error_name(error), status_of(error), message);
}

enum status fail_aside(int error, int reason, const char *vm, const char *module)
{
	g_autofree char *message = describe(error, reason, vm, module);

	print_failure(message);
	return status_of(error);
}

static enum status report_valist(const char *code, enum status status,
				 const char *format, va_list args)
{
	g_autofree char *message = g_strdup_vprintf(format, args);

	return report(code, status, message);
}

enum status fail_usage(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report_valist("usage", STATUS_USAGE, format, args);
	va_end(args);
	return STATUS_USAGE;
}

enum status fail_unknown(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report_valist(vmrpc_error_name(VMRPC_ERR_NO_PROCEDURE), STATUS_UNKNOWN,
		      format, args);
	va_end(args);
	return STATUS_UNKNOWN;
}

enum status fail_other(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report_valist(vmrpc_error_name(VMRPC_ERR_FAILED), STATUS_FAILED, format, args);
	va_end(args);
	return STATUS_FAILED;
}
