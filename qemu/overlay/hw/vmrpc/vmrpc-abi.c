/*
 * VMRPC: the layout of what QEMU and the host kernel exchange
 *
 * A header of another version than the kernel's fails here, not in a VM.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"

#include <linux/vmrpc_dev.h>

#define CHECK_SIZE(type, size) \
    QEMU_BUILD_BUG_ON(sizeof(struct type) != (size))
#define CHECK_FIELD(type, field, offset, size)                  \
    QEMU_BUILD_BUG_ON(offsetof(struct type, field) != (offset) || \
                      sizeof_field(struct type, field) != (size))

CHECK_SIZE(kvm_vmrpc_config, 96);
CHECK_FIELD(kvm_vmrpc_config, name, 0, 64);
CHECK_FIELD(kvm_vmrpc_config, irq_eventfd, 64, 4);
CHECK_FIELD(kvm_vmrpc_config, flags, 68, 4);
CHECK_FIELD(kvm_vmrpc_config, reserved, 72, 24);

CHECK_SIZE(vmrpc_vm_info, 184);
CHECK_FIELD(vmrpc_vm_info, name, 0, 64);
CHECK_FIELD(vmrpc_vm_info, pid, 64, 4);
CHECK_FIELD(vmrpc_vm_info, uid, 68, 4);
CHECK_FIELD(vmrpc_vm_info, state, 72, 4);
CHECK_FIELD(vmrpc_vm_info, vcpus, 76, 4);
CHECK_FIELD(vmrpc_vm_info, generation, 80, 4);
CHECK_FIELD(vmrpc_vm_info, slots, 84, 4);
CHECK_FIELD(vmrpc_vm_info, handles, 88, 4);
CHECK_FIELD(vmrpc_vm_info, calls_in_flight, 92, 4);
CHECK_FIELD(vmrpc_vm_info, performs, 96, 8);
CHECK_FIELD(vmrpc_vm_info, polls, 104, 8);
CHECK_FIELD(vmrpc_vm_info, parks, 112, 8);
CHECK_FIELD(vmrpc_vm_info, calls, 120, 8);
CHECK_FIELD(vmrpc_vm_info, errors, 128, 8);
CHECK_FIELD(vmrpc_vm_info, wakes, 136, 8);
CHECK_FIELD(vmrpc_vm_info, interrupts, 144, 8);
CHECK_FIELD(vmrpc_vm_info, reserved, 152, 32);

QEMU_BUILD_BUG_ON(VMRPC_VM_INFO != 0x80b8b910);
QEMU_BUILD_BUG_ON(VMRPC_VM_RESET != 0xb912);
