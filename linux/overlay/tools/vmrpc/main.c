// SPDX-License-Identifier: GPL-2.0-only
/*
 * The `vmrpc` command: options, and the choice of the subcommand.
 */
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "report.h"

gboolean option_json;
unsigned int option_timeout_ms;

static double option_timeout = 5;
static gboolean option_version;

static const GOptionEntry common_options[] = {
	{ "json", 'j', 0, G_OPTION_ARG_NONE, &option_json,
	  "Print one JSON document, also for a failure", NULL },
	{ "timeout", 't', 0, G_OPTION_ARG_DOUBLE, &option_timeout,
	  "Give up on the guest's answer after this time (default 5)", "SECONDS" },
	{}
};

static const GOptionEntry main_options[] = {
	{ "version", 0, 0, G_OPTION_ARG_NONE, &option_version,
	  "Print the version", NULL },
	{}
};

static const struct command *const commands[] = {
	&list_command, &info_command, &stat_command, &mem_command, &commit_command, &ping_command,
	&meminfo_command, &cpuinfo_command, &loadavg_command, &drop_caches_command,
	&call_command,
};

static const struct command *find_command(const char *name)
{
	for (guint i = 0; i < G_N_ELEMENTS(commands); i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

static char *describe_commands(void)
{
	GString *text = g_string_new("Commands:\n");

	for (guint i = 0; i < G_N_ELEMENTS(commands); i++) {
		g_autofree char *synopsis = g_strdup_printf("%s %s", commands[i]->name,
							    commands[i]->parameters);

		g_string_append_printf(text, "  %-23s %s\n", synopsis,
				       commands[i]->summary);
	}
	g_string_append(text, "\n'vmrpc COMMAND --help' tells a command's options; vmrpc(1) all.");
	return g_string_free(text, FALSE);
}

static GOptionContext *main_context(void)
{
	GOptionContext *context = g_option_context_new("COMMAND [ARGUMENT…]");
	g_autofree char *description = describe_commands();

	g_option_context_set_summary(context, "Call the guest kernels of this host's VMs.");
	g_option_context_set_description(context, description);
	g_option_context_add_main_entries(context, main_options, NULL);
	g_option_context_add_main_entries(context, common_options, NULL);
	g_option_context_set_strict_posix(context, TRUE);	/* up to COMMAND */
	return context;
}

static GOptionContext *command_context(const struct command *command)
{
	GOptionContext *context = g_option_context_new(command->parameters);
	g_autofree char *summary = g_strdup_printf("%s.", command->summary);

	g_option_context_set_summary(context, summary);
	g_option_context_set_description(context, command->description);
	if (command->options)
		g_option_context_add_main_entries(context, command->options, NULL);
	g_option_context_add_main_entries(context, common_options, NULL);
	return context;
}

/* What follows the first argument; a "--" that the parser left is dropped. */
static int parameters_after(int argc, char **argv, char ***parameters)
{
	int skip = argc > 1 && !strcmp(argv[1], "--") ? 2 : 1;

	*parameters = argv + skip;
	return argc - skip;
}

/*
 * The parser stops at the first error, so a --json that comes later would be
 * missed; how the error is to be told must not depend on the order.
 */
static void look_for_json(char **argv)
{
	for (char **arg = argv + 1; *arg && strcmp(*arg, "--"); arg++)
		if (!strcmp(*arg, "--json") || !strcmp(*arg, "-j"))
			option_json = TRUE;
}

static enum status parse_timeout(void)
{
	/* Also false for NaN. */
	if (!(option_timeout >= 0.001 && option_timeout <= VMRPC_MAX_TIMEOUT_MS / 1000.0))
		return fail_usage("--timeout: must be from 0.001 to %d seconds",
				  VMRPC_MAX_TIMEOUT_MS / 1000);
	option_timeout_ms = (unsigned int)ceil(option_timeout * 1000 - 1e-6);
	return STATUS_OK;
}

static enum status run_command(const struct command *command, int argc, char **argv)
{
	g_autoptr(GOptionContext) context = command_context(command);
	g_autofree char *name = g_strdup_printf("vmrpc %s", command->name);
	g_autoptr(GError) error = NULL;
	char **parameters;
	enum status status;
	int count;

	g_set_prgname(name);
	if (!g_option_context_parse(context, &argc, &argv, &error)) {
		look_for_json(argv);
		return fail_usage("%s (try '%s --help')", error->message, name);
	}
	status = parse_timeout();
	if (status)
		return status;

	count = parameters_after(argc, argv, &parameters);
	if (count < command->parameters_min || count > command->parameters_max)
		return fail_usage("usage: %s %s (try '%s --help')", name,
				  command->parameters, name);
	return command->run(count, parameters);
}

static enum status run(int argc, char **argv)
{
	g_autoptr(GOptionContext) context = main_context();
	g_autoptr(GError) error = NULL;
	const struct command *command;
	char **parameters;
	int count;

	if (!g_option_context_parse(context, &argc, &argv, &error)) {
		look_for_json(argv);
		return fail_usage("%s (try 'vmrpc --help')", error->message);
	}
	if (option_version) {
		puts("vmrpc " VMRPC_VERSION);
		return STATUS_OK;
	}
	count = parameters_after(argc, argv, &parameters);
	if (!count)
		return fail_usage("no command (try 'vmrpc --help')");
	command = find_command(parameters[0]);
	if (!command) {
		look_for_json(argv);
		return fail_usage("no command '%s' (try 'vmrpc --help')", parameters[0]);
	}
	return run_command(command, count, parameters);
}

/* A full disk or a closed pipe must not look like success. */
static enum status flush_output(enum status status)
{
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	fprintf(stderr, "vmrpc: cannot write the answer: %s\n", g_strerror(errno));
	return status ?: STATUS_FAILED;
}

int main(int argc, char **argv)
{
	g_autofree char **arguments = g_memdup2(argv, sizeof(*argv) * (argc + 1));

	/* Not LC_NUMERIC: figures are for programs too. */
	setlocale(LC_CTYPE, "");
	g_set_prgname("vmrpc");
	return flush_output(run(argc, arguments));
}
