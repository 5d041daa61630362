/*
 * VMRPC: "info vmrpc" and query-vmrpc
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/ioctl.h>
#include <linux/vmrpc_dev.h>

#include "hw/vmrpc/vmrpc.h"
#include "monitor/hmp.h"
#include "monitor/monitor.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-vmrpc.h"
#include "qemu/module.h"

/* The enumeration of the QAPI schema follows the kernel's. */
QEMU_BUILD_BUG_ON(VMRPC_VM_STATE_ABSENT != (int)VMRPC_VM_ABSENT);
QEMU_BUILD_BUG_ON(VMRPC_VM_STATE_READY != (int)VMRPC_VM_READY);
QEMU_BUILD_BUG_ON(VMRPC_VM_STATE_GONE != (int)VMRPC_VM_GONE);

VmrpcInfo *qmp_query_vmrpc(Error **errp)
{
    VMRPCState *s = vmrpc_find();
    struct vmrpc_vm_info vm = { };
    VmrpcInfo *info;

    if (!s || s->vm_fd < 0) {
        error_setg(errp, "no vmrpc device");
        return NULL;
    }
    if (ioctl(s->vm_fd, VMRPC_VM_INFO, &vm) < 0) {
        error_setg_errno(errp, errno, "cannot query VMRPC in KVM");
        return NULL;
    }
    if (vm.state >= VMRPC_VM_STATE__MAX) {
        error_setg(errp, "unknown VMRPC state %" PRIu32, vm.state);
        return NULL;
    }

    info = g_new0(VmrpcInfo, 1);
    info->name = g_strdup(s->name);
    info->state = vm.state;
    info->generation = vm.generation;
    info->slots = vm.slots;
    info->handles = vm.handles;
    info->calls_in_flight = vm.calls_in_flight;
    info->performs = vm.performs;
    info->polls = vm.polls;
    info->parks = vm.parks;
    info->calls = vm.calls;
    info->errors = vm.errors;
    info->wakes = vm.wakes;
    info->interrupts = vm.interrupts;
    return info;
}

static void hmp_info_vmrpc(Monitor *mon, const QDict *qdict)
{
    g_autoptr(VmrpcInfo) info = NULL;
    Error *err = NULL;

    info = qmp_query_vmrpc(&err);
    if (hmp_handle_error(mon, err)) {
        return;
    }
    monitor_printf(mon, "name: %s\n", info->name);
    monitor_printf(mon, "state: %s\n", VmrpcVmState_str(info->state));
    monitor_printf(mon, "channel: generation %" PRIu32 ", %" PRIu32 " slots, %"
                   PRIu32 " calls in flight\n", info->generation, info->slots,
                   info->calls_in_flight);
    monitor_printf(mon, "guest to host: %" PRIu32 " handles, %" PRIu64
                   " performs, %" PRIu64 " polls, %" PRIu64 " parks\n",
                   info->handles, info->performs, info->polls, info->parks);
    monitor_printf(mon, "host to guest: %" PRIu64 " calls, %" PRIu64
                   " errors, %" PRIu64 " wakes, %" PRIu64 " interrupts\n",
                   info->calls, info->errors, info->wakes, info->interrupts);
}

static void vmrpc_register_monitor(void)
{
    monitor_register_hmp("vmrpc", true, hmp_info_vmrpc);
}

type_init(vmrpc_register_monitor)
