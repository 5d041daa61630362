/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The layout that docs/abi.rst fixes: size of every structure and offset of
 * every field, for scripts/check-abi.  C90 and C++.  The header under test comes
 * first: it may rely on nothing.
 */
#ifdef ABI_DEV
#include <linux/vmrpc_dev.h>
#else
#include <linux/vmrpc.h>
#endif
#include <stddef.h>

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define ASSERT(what) \
	typedef char JOIN(assert_, __LINE__)[(what) ? 1 : -1] __attribute__((unused))
#define SIZE(type, n) ASSERT(sizeof(struct type) == (n) && (n) % 8 == 0)
#define FIELD(type, field, at) ASSERT(offsetof(struct type, field) == (at))

SIZE(vmrpc_bind, 56);
FIELD(vmrpc_bind, module, 0);
FIELD(vmrpc_bind, version, 32);
FIELD(vmrpc_bind, flags, 48);
FIELD(vmrpc_bind, reserved, 52);

SIZE(vmrpc_control, 64);
FIELD(vmrpc_control, need_kick, 0);
FIELD(vmrpc_control, reserved, 4);

SIZE(vmrpc_request, 64);
FIELD(vmrpc_request, seq, 0);
FIELD(vmrpc_request, timeout_ns, 8);
FIELD(vmrpc_request, module, 16);
FIELD(vmrpc_request, procedure, 48);
FIELD(vmrpc_request, arg_size, 52);
FIELD(vmrpc_request, res_max, 56);
FIELD(vmrpc_request, reserved, 60);

SIZE(vmrpc_response, 64);
FIELD(vmrpc_response, seq, 0);
FIELD(vmrpc_response, result, 8);
FIELD(vmrpc_response, status, 16);
FIELD(vmrpc_response, res_size, 20);
FIELD(vmrpc_response, reserved, 24);

SIZE(vmrpc_print, 16);
FIELD(vmrpc_print, string, 0);
FIELD(vmrpc_print, length, 8);
FIELD(vmrpc_print, reserved, 12);

SIZE(vmrpc_procfs_read, 8);
FIELD(vmrpc_procfs_read, offset, 0);

SIZE(vmrpc_procfs_drop, 8);
FIELD(vmrpc_procfs_drop, what, 0);
FIELD(vmrpc_procfs_drop, reserved, 4);

SIZE(vmrpc_sysinfo, 152);
FIELD(vmrpc_sysinfo, os_name, 0);
FIELD(vmrpc_sysinfo, os_release, 32);
FIELD(vmrpc_sysinfo, uptime_ms, 96);
FIELD(vmrpc_sysinfo, mem_total, 104);
FIELD(vmrpc_sysinfo, mem_free, 112);
FIELD(vmrpc_sysinfo, mem_available, 120);
FIELD(vmrpc_sysinfo, mem_cached, 128);
FIELD(vmrpc_sysinfo, cpus_online, 136);
FIELD(vmrpc_sysinfo, load, 140);

#ifdef ABI_DEV

SIZE(kvm_vmrpc_config, 96);
FIELD(kvm_vmrpc_config, name, 0);
FIELD(kvm_vmrpc_config, irq_eventfd, 64);
FIELD(kvm_vmrpc_config, flags, 68);
FIELD(kvm_vmrpc_config, reserved, 72);

SIZE(vmrpc_vm_info, 184);
FIELD(vmrpc_vm_info, name, 0);
FIELD(vmrpc_vm_info, pid, 64);
FIELD(vmrpc_vm_info, uid, 68);
FIELD(vmrpc_vm_info, state, 72);
FIELD(vmrpc_vm_info, vcpus, 76);
FIELD(vmrpc_vm_info, generation, 80);
FIELD(vmrpc_vm_info, slots, 84);
FIELD(vmrpc_vm_info, handles, 88);
FIELD(vmrpc_vm_info, calls_in_flight, 92);
FIELD(vmrpc_vm_info, performs, 96);
FIELD(vmrpc_vm_info, polls, 104);
FIELD(vmrpc_vm_info, parks, 112);
FIELD(vmrpc_vm_info, calls, 120);
FIELD(vmrpc_vm_info, errors, 128);
FIELD(vmrpc_vm_info, wakes, 136);
FIELD(vmrpc_vm_info, interrupts, 144);
FIELD(vmrpc_vm_info, reserved, 152);

SIZE(vmrpc_dev_list, 16);
FIELD(vmrpc_dev_list, entries, 0);
FIELD(vmrpc_dev_list, count, 8);
FIELD(vmrpc_dev_list, reserved, 12);

SIZE(vmrpc_dev_attach, 72);
FIELD(vmrpc_dev_attach, name, 0);
FIELD(vmrpc_dev_attach, reserved, 64);

SIZE(vmrpc_vm_call, 80);
FIELD(vmrpc_vm_call, module, 0);
FIELD(vmrpc_vm_call, procedure, 32);
FIELD(vmrpc_vm_call, timeout_ms, 36);
FIELD(vmrpc_vm_call, arg, 40);
FIELD(vmrpc_vm_call, res, 48);
FIELD(vmrpc_vm_call, arg_size, 56);
FIELD(vmrpc_vm_call, res_size, 60);
FIELD(vmrpc_vm_call, result, 64);
FIELD(vmrpc_vm_call, reserved, 72);

#endif
