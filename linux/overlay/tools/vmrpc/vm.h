/* SPDX-License-Identifier: GPL-2.0-only */
/* What list and info tell about a VM, as the host knows it. */
#ifndef VMRPC_VM_H
#define VMRPC_VM_H

#include <json-glib/json-glib.h>

#include "vmrpc.h"

const char *vm_state(const struct vmrpc_vm_info *info);
char *vm_user(const struct vmrpc_vm_info *info);
void build_vm(JsonBuilder *builder, const struct vmrpc_vm_info *info);

#endif /* VMRPC_VM_H */
