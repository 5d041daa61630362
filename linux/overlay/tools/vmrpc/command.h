/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the subcommands of `vmrpc` share.  Each is a struct command in a file of
 * its own; main.c parses its options and runs it.
 */
#ifndef VMRPC_COMMAND_H
#define VMRPC_COMMAND_H

#include <glib.h>

#include "vmrpc.h"

/* Exit statuses, documented in vmrpc(1): scripts depend on them. */
enum status {
	STATUS_OK = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_NO_VM = 3,
	STATUS_PERMISSION = 4,
	STATUS_NO_SERVER = 5,
	STATUS_REFUSED = 6,
	STATUS_TIMEOUT = 7,
	STATUS_GONE = 8,
	STATUS_NO_DEVICE = 9,
	STATUS_UNKNOWN = 10,
};

struct command {
	const char *name;
	const char *parameters;		/* as in "VM MODULE PROC" */
	const char *summary;
	const char *description;	/* after the options in --help, or NULL */
	const GOptionEntry *options;	/* or NULL */
	int parameters_min;
	int parameters_max;
	enum status (*run)(int argc, char **argv);	/* parameters only */
};

extern const struct command list_command, info_command, ping_command,
	meminfo_command, cpuinfo_command, loadavg_command, drop_caches_command,
	call_command, stat_command, mem_command, commit_command;

/* Options of every command. */
extern gboolean option_json;
extern unsigned int option_timeout_ms;

#endif /* VMRPC_COMMAND_H */
