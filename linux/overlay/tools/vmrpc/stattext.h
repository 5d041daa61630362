/* SPDX-License-Identifier: GPL-2.0-only */
/* What was called how often, as text.  Names may be made up: all are escaped. */
#ifndef VMRPC_STATTEXT_H
#define VMRPC_STATTEXT_H

#include <json-glib/json-glib.h>

#include "vmrpc.h"

/* A VM and its counters, at one time. */
struct stat_vm {
	struct vmrpc_vm_info info;
	struct vmrpc_vm_stat *rows;	/* from vmrpc_vm_stat() */
	size_t count;
};

/* @vms, @now and @before are of struct stat_vm *. */
char *stattext_table(const GPtrArray *vms);
char *stattext_rates(const GPtrArray *now, const GPtrArray *before, double seconds);
char *stattext_prometheus(const GPtrArray *vms);

/* A member "procedures" of an object. */
void stattext_build(JsonBuilder *builder, const struct stat_vm *vm);

#endif /* VMRPC_STATTEXT_H */
