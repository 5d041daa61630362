// SPDX-License-Identifier: GPL-2.0-only
/*
 * `vmrpc call VM MODULE PROC`: any procedure, for those who write modules.  The
 * argument comes from --arg, or from stdin unless that is a terminal; the result
 * goes to stdout.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bytes.h"
#include "output.h"
#include "report.h"

#define ROOM	(1 << 20)	/* bytes, for the result */

static char *option_arg;
static gboolean option_hex;

static const GOptionEntry options[] = {
	/* FILENAME: the bytes as they are, not converted to UTF-8. */
	{ "arg", 'a', 0, G_OPTION_ARG_FILENAME, &option_arg,
	  "The argument, instead of stdin; '' for none", "TEXT" },
	{ "hex", 'x', 0, G_OPTION_ARG_NONE, &option_hex,
	  "Argument and result are in hexadecimal", NULL },
	{}
};

static const struct {
	const char *module;
	const char *name;
	uint32_t procedure;
} procedures[] = {
	{ VMRPC_ECHO_MODULE, "echo", VMRPC_ECHO_ECHO },
	{ VMRPC_PROCFS_MODULE, "meminfo", VMRPC_PROCFS_MEMINFO },
	{ VMRPC_PROCFS_MODULE, "cpuinfo", VMRPC_PROCFS_CPUINFO },
	{ VMRPC_PROCFS_MODULE, "loadavg", VMRPC_PROCFS_LOADAVG },
	{ VMRPC_PROCFS_MODULE, "drop-caches", VMRPC_PROCFS_DROP_CACHES },
	{ VMRPC_SYSINFO_MODULE, "get", VMRPC_SYSINFO_GET },
};

static gboolean find_procedure(const char *module, const char *name, uint32_t *procedure)
{
	guint64 number;

	if (g_ascii_string_to_unsigned(name, 10, 0, G_MAXUINT32, &number, NULL)) {
		*procedure = number;
		return TRUE;
	}
	for (guint i = 0; i < G_N_ELEMENTS(procedures); i++) {
		if (strcmp(procedures[i].module, module) || strcmp(procedures[i].name, name))
			continue;
		*procedure = procedures[i].procedure;
		return TRUE;
	}
	return FALSE;
}

static GByteArray *read_stdin(void)
{
	GByteArray *bytes = g_byte_array_new();
	guint8 piece[65536];
	gssize size;

	/* Hexadecimal with blanks takes up to three characters a byte. */
	while (bytes->len <= 4 * VMRPC_MAX_BULK) {
		size = read(STDIN_FILENO, piece, sizeof(piece));
		if (!size)
			break;
		if (size < 0) {
			g_byte_array_unref(bytes);
			return NULL;
		}
		g_byte_array_append(bytes, piece, size);
	}
	return bytes;
}

static GByteArray *given_bytes(void)
{
	GByteArray *bytes;

	if (!option_arg && !isatty(STDIN_FILENO))
		return read_stdin();
	bytes = g_byte_array_new();
	if (option_arg)
		g_byte_array_append(bytes, (const guint8 *)option_arg, strlen(option_arg));
	return bytes;
}

/* NULL: reported, with @status. */
static GByteArray *get_argument(enum status *status)
{
	g_autoptr(GByteArray) bytes = given_bytes();

	if (!bytes) {
		*status = fail_other("cannot read the argument from stdin: %s",
				     g_strerror(errno));
		return NULL;
	}
	if (option_hex && !bytes_from_hex(bytes)) {
		*status = fail_usage("the argument is not hexadecimal (two digits a byte)");
		return NULL;
	}
	return g_steal_pointer(&bytes);
}

static void print_answer_json(const guint8 *answer, size_t size, int64_t result)
{
	g_autofree char *base64 = g_base64_encode(answer, size);
	g_autofree char *hex = bytes_to_hex(answer, size);
	g_autoptr(JsonBuilder) builder = json_builder_new();

	json_builder_begin_object(builder);
	build_int(builder, "result", result);
	build_int(builder, "size", size);
	if (option_hex)
		build_string(builder, "hex", hex);
	else
		build_string(builder, "base64", base64);
	json_builder_end_object(builder);
	print_json(builder);
}

static void print_answer(const guint8 *answer, size_t size, int64_t result)
{
	g_autofree char *hex = NULL;

	if (option_json) {
		print_answer_json(answer, size, result);
	} else if (option_hex) {
		hex = bytes_to_hex(answer, size);
		puts(hex);
	} else {
		print_guest_bytes((const char *)answer, size);
	}
}

static int call(const char *name, const char *module, uint32_t procedure,
		const GByteArray *argument, guint8 *answer, size_t *size, int64_t *result)
{
	struct vmrpc *vm;
	int err;

	err = vmrpc_open(name, &vm);
	if (err)
		return err;
	err = vmrpc_call(vm, module, procedure, argument->data, argument->len,
			 option_timeout_ms, answer, size, result);
	vmrpc_close(vm);
	return err;
}

static enum status run(int argc G_GNUC_UNUSED, char **argv)
{
	g_autoptr(GByteArray) argument = NULL;
	g_autofree guint8 *answer = NULL;
	size_t size;
	uint32_t procedure;
	int64_t result;
	enum status status;
	int err;

	if (!find_procedure(argv[1], argv[2], &procedure))
		return fail_unknown("%s: no known name of a procedure of module %s (give its number)",
				    argv[2], argv[1]);
	argument = get_argument(&status);
	if (!argument)
		return status;
	size = MAX(ROOM, argument->len);
	answer = g_malloc(size);
	err = call(argv[0], argv[1], procedure, argument, answer, &size, &result);
	if (err)
		return fail(err, argv[0], argv[1]);
	print_answer(answer, size, result);
	return STATUS_OK;
}

const struct command call_command = {
	.name = "call",
	.parameters = "VM MODULE PROC",
	.summary = "Perform a procedure of a module of the guest",
	.description = "PROC is a number, or a name that vmrpc knows: echo of echo; meminfo, cpuinfo,\n"
		       "loadavg, drop-caches of procfs; get of sysinfo. Without --arg the argument is\n"
		       "read from stdin unless that is a terminal. The result's bytes go to stdout.",
	.options = options,
	.parameters_min = 3,
	.parameters_max = 3,
	.run = run,
};
