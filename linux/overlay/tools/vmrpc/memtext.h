/* SPDX-License-Identifier: GPL-2.0-only */
/* Outsourced memory as text.  Names may be made up: all are escaped. */
#ifndef VMRPC_MEMTEXT_H
#define VMRPC_MEMTEXT_H

#include <json-glib/json-glib.h>

#include "vmrpc.h"

/* A VM and its outsourced memory, at one time. */
struct mem_vm {
	char name[VMRPC_NAME_LEN];
	struct vmrpc_vm_mem_info info;
};

/* @vms is of struct mem_vm. */
char *memtext_table(const GArray *vms);

/* The same, with what changed since @before: TAKEN and CHANGE, in bytes. */
char *memtext_changes(const GArray *now, const GArray *before);

/* Members of an object. */
void memtext_build(JsonBuilder *builder, const struct mem_vm *vm);

/*
 * What --limit could not do, or NULL; in bytes, as below.  @error: why the guest did not free any
 * more; NULL: it said that it cannot.
 */
char *memtext_over(guint64 used, guint64 limit, const char *error);

/* What --reclaim did. */
char *memtext_taken(guint64 taken, guint64 asked);

#endif /* VMRPC_MEMTEXT_H */
