/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The layout that docs/abi.rst fixes: size of every structure, offset and size of
 * every field, and the numbers of the ioctls, for scripts/check-abi.  C90 and C++.  The header under test comes
 * first: it may rely on nothing.
 */
#if defined(ABI_DEV)
#include <linux/vmrpc_dev.h>
#elif defined(ABI_GUEST)
#include <linux/vmrpc_guest.h>
#else
#include <linux/vmrpc.h>
#endif
#include <stddef.h>

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define ASSERT(what) \
	typedef char JOIN(assert_, __LINE__)[(what) ? 1 : -1] __attribute__((unused))
#define SIZE(type, n) ASSERT(sizeof(struct type) == (n) && (n) % 8 == 0)
#define FIELD(type, field, at, n) \
	ASSERT(offsetof(struct type, field) == (at) && sizeof(((struct type *)0)->field) == (n))

SIZE(vmrpc_bind, 56);
FIELD(vmrpc_bind, module, 0, 32);
FIELD(vmrpc_bind, version, 32, 16);
FIELD(vmrpc_bind, flags, 48, 4);
FIELD(vmrpc_bind, reserved, 52, 4);

SIZE(vmrpc_mem_region, 32);
FIELD(vmrpc_mem_region, table, 0, 8);
FIELD(vmrpc_mem_region, blocks, 8, 8);
FIELD(vmrpc_mem_region, nr_blocks, 16, 8);
FIELD(vmrpc_mem_region, reserved, 24, 8);

SIZE(vmrpc_mem_range, 16);
FIELD(vmrpc_mem_range, gpa, 0, 8);
FIELD(vmrpc_mem_range, size, 8, 8);

SIZE(vmrpc_mem_unpin, 16);
FIELD(vmrpc_mem_unpin, pin, 0, 8);
FIELD(vmrpc_mem_unpin, reserved, 8, 8);

SIZE(vmrpc_mem_give, 16);
FIELD(vmrpc_mem_give, blocks, 0, 8);
FIELD(vmrpc_mem_give, reserved, 8, 8);

SIZE(vmrpc_mem_age, 16);
FIELD(vmrpc_mem_age, ms, 0, 8);
FIELD(vmrpc_mem_age, reserved, 8, 8);

SIZE(vmrpc_mem_table, 64);
FIELD(vmrpc_mem_table, limit, 0, 8);
FIELD(vmrpc_mem_table, used, 8, 8);
FIELD(vmrpc_mem_table, reserved, 16, 48);

SIZE(vmrpc_control, 64);
FIELD(vmrpc_control, need_kick, 0, 4);
FIELD(vmrpc_control, reserved, 4, 60);

SIZE(vmrpc_request, 64);
FIELD(vmrpc_request, seq, 0, 8);
FIELD(vmrpc_request, timeout_ns, 8, 8);
FIELD(vmrpc_request, module, 16, 32);
FIELD(vmrpc_request, procedure, 48, 4);
FIELD(vmrpc_request, arg_size, 52, 4);
FIELD(vmrpc_request, res_max, 56, 4);
FIELD(vmrpc_request, reserved, 60, 4);

SIZE(vmrpc_transfer, 40);
FIELD(vmrpc_transfer, seq, 0, 8);
FIELD(vmrpc_transfer, gva, 8, 8);
FIELD(vmrpc_transfer, offset, 16, 8);
FIELD(vmrpc_transfer, size, 24, 8);
FIELD(vmrpc_transfer, slot, 32, 4);
FIELD(vmrpc_transfer, flags, 36, 4);

SIZE(vmrpc_response, 64);
FIELD(vmrpc_response, seq, 0, 8);
FIELD(vmrpc_response, result, 8, 8);
FIELD(vmrpc_response, status, 16, 4);
FIELD(vmrpc_response, res_size, 20, 4);
FIELD(vmrpc_response, reserved, 24, 40);

SIZE(vmrpc_print, 16);
FIELD(vmrpc_print, string, 0, 8);
FIELD(vmrpc_print, length, 8, 4);
FIELD(vmrpc_print, reserved, 12, 4);

SIZE(vmrpc_procfs_read, 8);
FIELD(vmrpc_procfs_read, offset, 0, 8);

SIZE(vmrpc_procfs_drop, 8);
FIELD(vmrpc_procfs_drop, what, 0, 4);
FIELD(vmrpc_procfs_drop, reserved, 4, 4);

SIZE(vmrpc_sysinfo, 152);
FIELD(vmrpc_sysinfo, os_name, 0, 32);
FIELD(vmrpc_sysinfo, os_release, 32, 64);
FIELD(vmrpc_sysinfo, uptime_ms, 96, 8);
FIELD(vmrpc_sysinfo, mem_total, 104, 8);
FIELD(vmrpc_sysinfo, mem_free, 112, 8);
FIELD(vmrpc_sysinfo, mem_available, 120, 8);
FIELD(vmrpc_sysinfo, mem_cached, 128, 8);
FIELD(vmrpc_sysinfo, cpus_online, 136, 4);
FIELD(vmrpc_sysinfo, load, 140, 12);

#ifdef ABI_DEV

SIZE(kvm_vmrpc_config, 96);
FIELD(kvm_vmrpc_config, name, 0, 64);
FIELD(kvm_vmrpc_config, irq_eventfd, 64, 4);
FIELD(kvm_vmrpc_config, flags, 68, 4);
FIELD(kvm_vmrpc_config, gid, 72, 4);
FIELD(kvm_vmrpc_config, reserved, 76, 4);
FIELD(kvm_vmrpc_config, reserved2, 80, 16);

SIZE(vmrpc_vm_info, 184);
FIELD(vmrpc_vm_info, name, 0, 64);
FIELD(vmrpc_vm_info, pid, 64, 4);
FIELD(vmrpc_vm_info, uid, 68, 4);
FIELD(vmrpc_vm_info, state, 72, 4);
FIELD(vmrpc_vm_info, vcpus, 76, 4);
FIELD(vmrpc_vm_info, generation, 80, 4);
FIELD(vmrpc_vm_info, slots, 84, 4);
FIELD(vmrpc_vm_info, handles, 88, 4);
FIELD(vmrpc_vm_info, calls_in_flight, 92, 4);
FIELD(vmrpc_vm_info, performs, 96, 8);
FIELD(vmrpc_vm_info, polls, 104, 8);
FIELD(vmrpc_vm_info, parks, 112, 8);
FIELD(vmrpc_vm_info, calls, 120, 8);
FIELD(vmrpc_vm_info, errors, 128, 8);
FIELD(vmrpc_vm_info, wakes, 136, 8);
FIELD(vmrpc_vm_info, interrupts, 144, 8);
FIELD(vmrpc_vm_info, oldest_call_ms, 152, 4);
FIELD(vmrpc_vm_info, polled_ms, 156, 4);
FIELD(vmrpc_vm_info, refused, 160, 8);
FIELD(vmrpc_vm_info, calls_refused, 168, 8);
FIELD(vmrpc_vm_info, reserved, 176, 8);

SIZE(vmrpc_entries, 16);
FIELD(vmrpc_entries, entries, 0, 8);
FIELD(vmrpc_entries, count, 8, 4);
FIELD(vmrpc_entries, reserved, 12, 4);

SIZE(vmrpc_dev_attach, 72);
FIELD(vmrpc_dev_attach, name, 0, 64);
FIELD(vmrpc_dev_attach, reserved, 64, 8);

SIZE(vmrpc_vm_call, 80);
FIELD(vmrpc_vm_call, module, 0, 32);
FIELD(vmrpc_vm_call, procedure, 32, 4);
FIELD(vmrpc_vm_call, timeout_ms, 36, 4);
FIELD(vmrpc_vm_call, arg, 40, 8);
FIELD(vmrpc_vm_call, res, 48, 8);
FIELD(vmrpc_vm_call, arg_size, 56, 4);
FIELD(vmrpc_vm_call, res_size, 60, 4);
FIELD(vmrpc_vm_call, result, 64, 8);
FIELD(vmrpc_vm_call, reserved, 72, 8);

SIZE(vmrpc_vm_procedure, 16);
FIELD(vmrpc_vm_procedure, direction, 0, 4);
FIELD(vmrpc_vm_procedure, min_size, 4, 4);
FIELD(vmrpc_vm_procedure, max_size, 8, 4);
FIELD(vmrpc_vm_procedure, reserved, 12, 4);

SIZE(vmrpc_vm_server, 72);
FIELD(vmrpc_vm_server, module, 0, 32);
FIELD(vmrpc_vm_server, version, 32, 16);
FIELD(vmrpc_vm_server, procedures, 48, 8);
FIELD(vmrpc_vm_server, nr_procedures, 56, 4);
FIELD(vmrpc_vm_server, server, 60, 4);
FIELD(vmrpc_vm_server, reserved, 64, 8);

SIZE(vmrpc_vm_user_call, 32);
FIELD(vmrpc_vm_user_call, vcpu, 0, 4);
FIELD(vmrpc_vm_user_call, size, 4, 4);
FIELD(vmrpc_vm_user_call, data, 8, 8);
FIELD(vmrpc_vm_user_call, server, 16, 4);
FIELD(vmrpc_vm_user_call, procedure, 20, 4);
FIELD(vmrpc_vm_user_call, flags, 24, 4);
FIELD(vmrpc_vm_user_call, reserved, 28, 4);

SIZE(vmrpc_vm_user_answer, 32);
FIELD(vmrpc_vm_user_answer, vcpu, 0, 4);
FIELD(vmrpc_vm_user_answer, status, 4, 4);
FIELD(vmrpc_vm_user_answer, result, 8, 8);
FIELD(vmrpc_vm_user_answer, data, 16, 8);
FIELD(vmrpc_vm_user_answer, flags, 24, 4);
FIELD(vmrpc_vm_user_answer, reserved, 28, 4);

SIZE(vmrpc_vm_submit, 96);
FIELD(vmrpc_vm_submit, call, 0, 80);
FIELD(vmrpc_vm_submit, user_data, 80, 8);
FIELD(vmrpc_vm_submit, reserved, 88, 8);

SIZE(vmrpc_vm_done, 24);
FIELD(vmrpc_vm_done, user_data, 0, 8);
FIELD(vmrpc_vm_done, result, 8, 8);
FIELD(vmrpc_vm_done, status, 16, 4);
FIELD(vmrpc_vm_done, res_size, 20, 4);

SIZE(vmrpc_vm_cancel, 16);
FIELD(vmrpc_vm_cancel, user_data, 0, 8);
FIELD(vmrpc_vm_cancel, reserved, 8, 8);

SIZE(vmrpc_uring_cmd, 16);
FIELD(vmrpc_uring_cmd, call, 0, 8);
FIELD(vmrpc_uring_cmd, reserved, 8, 8);

SIZE(vmrpc_vm_user_copy, 32);
FIELD(vmrpc_vm_user_copy, vcpu, 0, 4);
FIELD(vmrpc_vm_user_copy, flags, 4, 4);
FIELD(vmrpc_vm_user_copy, guest, 8, 8);
FIELD(vmrpc_vm_user_copy, data, 16, 8);
FIELD(vmrpc_vm_user_copy, size, 24, 4);
FIELD(vmrpc_vm_user_copy, reserved, 28, 4);

SIZE(vmrpc_vm_stat, 88);
FIELD(vmrpc_vm_stat, module, 0, 32);
FIELD(vmrpc_vm_stat, direction, 32, 4);
FIELD(vmrpc_vm_stat, procedure, 36, 4);
FIELD(vmrpc_vm_stat, calls, 40, 8);
FIELD(vmrpc_vm_stat, errors, 48, 8);
FIELD(vmrpc_vm_stat, arg_bytes, 56, 8);
FIELD(vmrpc_vm_stat, res_bytes, 64, 8);
FIELD(vmrpc_vm_stat, reserved, 72, 16);

SIZE(vmrpc_vm_set_mem, 56);
FIELD(vmrpc_vm_set_mem, fd, 0, 4);
FIELD(vmrpc_vm_set_mem, flags, 4, 4);
FIELD(vmrpc_vm_set_mem, gpa, 8, 8);
FIELD(vmrpc_vm_set_mem, size, 16, 8);
FIELD(vmrpc_vm_set_mem, limit, 24, 8);
FIELD(vmrpc_vm_set_mem, pin_max, 32, 8);
FIELD(vmrpc_vm_set_mem, reserved, 40, 16);

SIZE(vmrpc_vm_mem_info, 96);
FIELD(vmrpc_vm_mem_info, max, 0, 8);
FIELD(vmrpc_vm_mem_info, limit, 8, 8);
FIELD(vmrpc_vm_mem_info, used, 16, 8);
FIELD(vmrpc_vm_mem_info, free, 24, 8);
FIELD(vmrpc_vm_mem_info, absent, 32, 8);
FIELD(vmrpc_vm_mem_info, resident, 40, 8);
FIELD(vmrpc_vm_mem_info, reclaimed, 48, 8);
FIELD(vmrpc_vm_mem_info, attached, 56, 4);
FIELD(vmrpc_vm_mem_info, auto_ms, 60, 4);
FIELD(vmrpc_vm_mem_info, swapped, 64, 8);
FIELD(vmrpc_vm_mem_info, pinned, 72, 8);
FIELD(vmrpc_vm_mem_info, idle_ms, 80, 4);
FIELD(vmrpc_vm_mem_info, reserved, 84, 12);

SIZE(vmrpc_vm_mem_size, 16);
FIELD(vmrpc_vm_mem_size, size, 0, 8);
FIELD(vmrpc_vm_mem_size, reserved, 8, 8);

SIZE(vmrpc_vm_mem_auto, 16);
FIELD(vmrpc_vm_mem_auto, ms, 0, 4);
FIELD(vmrpc_vm_mem_auto, idle_ms, 4, 4);
FIELD(vmrpc_vm_mem_auto, reserved, 8, 8);

SIZE(vmrpc_vm_mem_dropped, 16);
FIELD(vmrpc_vm_mem_dropped, bitmap, 0, 8);
FIELD(vmrpc_vm_mem_dropped, size, 8, 8);

ASSERT(VMRPC_VM_SET_MEM == 0x4038b91b);
ASSERT(VMRPC_VM_MEM_INFO == 0x8060b91c);
ASSERT(VMRPC_VM_MEM_LIMIT == 0x4010b91d);
ASSERT(VMRPC_VM_MEM_RECLAIM == 0xc010b91e);
ASSERT(VMRPC_VM_MEM_AUTO == 0x4010b91f);
ASSERT(VMRPC_VM_MEM_LOAD == 0x4010b921);
ASSERT(VMRPC_VM_MEM_DROPPED == 0x4010b922);
ASSERT(VMRPC_DEV_LIST == 0xc010b900);
ASSERT(VMRPC_DEV_ATTACH == 0x4048b901);
ASSERT(VMRPC_VM_INFO == 0x80b8b910);
ASSERT(VMRPC_VM_CALL == 0xc050b911);
ASSERT(VMRPC_VM_RESET == 0xb912);
ASSERT(VMRPC_VM_ADD_SERVER == 0x4048b913);
ASSERT(VMRPC_VM_USER_CALL == 0xc020b914);
ASSERT(VMRPC_VM_USER_ANSWER == 0x4020b915);
ASSERT(VMRPC_VM_USER_WAKE == 0xb916);
ASSERT(VMRPC_VM_STAT == 0xc010b917);
ASSERT(VMRPC_VM_USER_COPY == 0x4020b918);
ASSERT(VMRPC_VM_SUBMIT == 0x4060b919);
ASSERT(VMRPC_VM_REAP == 0xc010b91a);
ASSERT(VMRPC_VM_CANCEL == 0x4010b920);
ASSERT(VMRPC_STAT_KERNEL == 0 && VMRPC_STAT_VMM == 1 && VMRPC_STAT_GUEST == 2);

#endif

#ifdef ABI_GUEST

SIZE(vmrpc_guest_perform, 32);
FIELD(vmrpc_guest_perform, arg, 0, 8);
FIELD(vmrpc_guest_perform, size, 8, 4);
FIELD(vmrpc_guest_perform, procedure, 12, 4);
FIELD(vmrpc_guest_perform, result, 16, 8);
FIELD(vmrpc_guest_perform, reserved, 24, 8);

SIZE(vmrpc_guest_pin, 32);
FIELD(vmrpc_guest_pin, address, 0, 8);
FIELD(vmrpc_guest_pin, size, 8, 8);
FIELD(vmrpc_guest_pin, pin, 16, 8);
FIELD(vmrpc_guest_pin, reserved, 24, 8);

SIZE(vmrpc_guest_unpin, 16);
FIELD(vmrpc_guest_unpin, pin, 0, 8);
FIELD(vmrpc_guest_unpin, reserved, 8, 8);

ASSERT(VMRPC_GUEST_BIND == 0x4038b940);
ASSERT(VMRPC_GUEST_PERFORM == 0xc020b941);
ASSERT(VMRPC_GUEST_PIN == 0xc020b942);
ASSERT(VMRPC_GUEST_UNPIN == 0x4010b943);

#endif
