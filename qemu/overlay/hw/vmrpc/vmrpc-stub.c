/*
 * VMRPC: a QEMU, or a target of it, without the device
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/vmrpc/vmrpc.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-vmrpc.h"

VmrpcInfo *qmp_query_vmrpc(Error **errp)
{
    error_setg(errp, "no vmrpc device: this QEMU was built without it");
    return NULL;
}

int vmrpc_fill_cpuid(struct kvm_cpuid_entry2 *entries, int nent, int max)
{
    return nent;
}

int vmrpc_handle_call(const struct kvm_run *run)
{
    return -ENOSYS;
}
