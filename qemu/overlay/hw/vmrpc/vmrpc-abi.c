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

CHECK_SIZE(vmrpc_vm_procedure, 16);
CHECK_FIELD(vmrpc_vm_procedure, direction, 0, 4);
CHECK_FIELD(vmrpc_vm_procedure, min_size, 4, 4);
CHECK_FIELD(vmrpc_vm_procedure, max_size, 8, 4);

CHECK_SIZE(vmrpc_vm_server, 72);
CHECK_FIELD(vmrpc_vm_server, module, 0, 32);
CHECK_FIELD(vmrpc_vm_server, version, 32, 16);
CHECK_FIELD(vmrpc_vm_server, procedures, 48, 8);
CHECK_FIELD(vmrpc_vm_server, nr_procedures, 56, 4);
CHECK_FIELD(vmrpc_vm_server, server, 60, 4);

CHECK_SIZE(vmrpc_vm_user_call, 24);
CHECK_FIELD(vmrpc_vm_user_call, vcpu, 0, 4);
CHECK_FIELD(vmrpc_vm_user_call, size, 4, 4);
CHECK_FIELD(vmrpc_vm_user_call, data, 8, 8);
CHECK_FIELD(vmrpc_vm_user_call, server, 16, 4);
CHECK_FIELD(vmrpc_vm_user_call, procedure, 20, 4);

CHECK_SIZE(vmrpc_vm_user_answer, 32);
CHECK_FIELD(vmrpc_vm_user_answer, vcpu, 0, 4);
CHECK_FIELD(vmrpc_vm_user_answer, status, 4, 4);
CHECK_FIELD(vmrpc_vm_user_answer, result, 8, 8);
CHECK_FIELD(vmrpc_vm_user_answer, data, 16, 8);
CHECK_FIELD(vmrpc_vm_user_answer, flags, 24, 4);

QEMU_BUILD_BUG_ON(VMRPC_VM_INFO != 0x80b8b910);
QEMU_BUILD_BUG_ON(VMRPC_VM_RESET != 0xb912);
QEMU_BUILD_BUG_ON(VMRPC_VM_ADD_SERVER != 0x4048b913);
QEMU_BUILD_BUG_ON(VMRPC_VM_USER_CALL != 0xc018b914);
QEMU_BUILD_BUG_ON(VMRPC_VM_USER_ANSWER != 0x4020b915);
QEMU_BUILD_BUG_ON(VMRPC_VM_USER_WAKE != 0xb916);
