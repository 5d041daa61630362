/* SPDX-License-Identifier: GPL-2.0-only */
/* What commands tell about a VM as the host knows it, and how they read it. */
#ifndef VMRPC_VM_H
#define VMRPC_VM_H

#include <json-glib/json-glib.h>

#include "vmrpc.h"

const char *vm_state(const struct vmrpc_vm_info *info);
char *vm_user(const struct vmrpc_vm_info *info);
void build_vm(JsonBuilder *builder, const struct vmrpc_vm_info *info);

/* @read has an error of the library's to return, or 0. */
typedef int (*vm_reader)(struct vmrpc *vm, const char *name, gpointer data);

int read_vm(const char *name, vm_reader read, gpointer data);

/* All that the caller may call; those that went away since they were listed are left out. */
int read_vms(vm_reader read, gpointer data);

#endif /* VMRPC_VM_H */
