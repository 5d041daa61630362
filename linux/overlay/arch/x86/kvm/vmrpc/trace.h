/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One trace event a message: hypercalls up, requests and what becomes of them down, wakes; and one
 * for who binds a module, or attaches to a VM.  Names are valid ones, or empty.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vmrpc

#if !defined(_KVM_X86_VMRPC_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _KVM_X86_VMRPC_TRACE_H

#include <linux/tracepoint.h>
#include <uapi/linux/vmrpc.h>

#define show_vmrpc_op(op)				\
	__print_symbolic(op,				\
		{ VMRPC_OP_BIND,	"bind" },	\
		{ VMRPC_OP_UNBIND,	"unbind" },	\
		{ VMRPC_OP_PERFORM,	"perform" },	\
		{ VMRPC_OP_REGISTER,	"register" },	\
		{ VMRPC_OP_UNREGISTER,	"unregister" },	\
		{ VMRPC_OP_POLL,	"poll" },	\
		{ VMRPC_OP_TRANSFER,	"transfer" })

TRACE_EVENT(vmrpc_hypercall,
	TP_PROTO(const char *vm, int vcpu, u32 op, u32 handle, u32 procedure, int status,
		 u64 result),
	TP_ARGS(vm, vcpu, op, handle, procedure, status, result),
	TP_STRUCT__entry(
		__string(vm, vm)
		__field(int, vcpu)
		__field(u32, op)
		__field(u32, handle)
		__field(u32, procedure)
		__field(int, status)
		__field(u64, result)
	),
	TP_fast_assign(
		__assign_str(vm);
		__entry->vcpu = vcpu;
		__entry->op = op;
		__entry->handle = handle;
		__entry->procedure = procedure;
		__entry->status = status;
		__entry->result = result;
	),
	TP_printk("vm=%s vcpu=%d op=%s handle=%u procedure=%u status=%d result=%llu",
		  __get_str(vm), __entry->vcpu, show_vmrpc_op(__entry->op), __entry->handle,
		  __entry->procedure, __entry->status, __entry->result)
);

TRACE_EVENT(vmrpc_bind,
	TP_PROTO(const char *vm, int vcpu, const char *module, const char *version, u32 flags,
		 int status, u32 handle),
	TP_ARGS(vm, vcpu, module, version, flags, status, handle),
	TP_STRUCT__entry(
		__string(vm, vm)
		__field(int, vcpu)
		__string(module, module)
		__string(version, version)
		__field(u32, flags)
		__field(int, status)
		__field(u32, handle)
	),
	TP_fast_assign(
		__assign_str(vm);
		__entry->vcpu = vcpu;
		__assign_str(module);
		__assign_str(version);
		__entry->flags = flags;
		__entry->status = status;
		__entry->handle = handle;
	),
	TP_printk("vm=%s vcpu=%d module=%s version=%s flags=%#x status=%d handle=%u",
		  __get_str(vm), __entry->vcpu, __get_str(module), __get_str(version),
		  __entry->flags, __entry->status, __entry->handle)
);

TRACE_EVENT(vmrpc_attach,
	TP_PROTO(const char *vm, u32 uid, int status),
	TP_ARGS(vm, uid, status),
	TP_STRUCT__entry(
		__string(vm, vm)
		__field(u32, uid)
		__field(int, status)
	),
	TP_fast_assign(
		__assign_str(vm);
		__entry->uid = uid;
		__entry->status = status;
	),
	TP_printk("vm=%s uid=%u status=%d", __get_str(vm), __entry->uid, __entry->status)
);

TRACE_EVENT(vmlp_wake,
	TP_PROTO(const char *vm, int vcpu),
	TP_ARGS(vm, vcpu),
	TP_STRUCT__entry(
		__string(vm, vm)
		__field(int, vcpu)
	),
	TP_fast_assign(
		__assign_str(vm);
		__entry->vcpu = vcpu;
	),
	TP_printk("vm=%s vcpu=%d", __get_str(vm), __entry->vcpu)
);

TRACE_EVENT(rvmrpc_request,
	TP_PROTO(const char *vm, unsigned int slot, u64 seq, const char *module, u32 procedure,
		 u32 arg_size),
	TP_ARGS(vm, slot, seq, module, procedure, arg_size),
	TP_STRUCT__entry(
		__string(vm, vm)
		__field(unsigned int, slot)
		__field(u64, seq)
		__string(module, module)
		__field(u32, procedure)
		__field(u32, arg_size)
	),
	TP_fast_assign(
		__assign_str(vm);
		__entry->slot = slot;
		__entry->seq = seq;
		__assign_str(module);
		__entry->procedure = procedure;
		__entry->arg_size = arg_size;
	),
	TP_printk("vm=%s slot=%u seq=%llu module=%s procedure=%u arg_size=%u", __get_str(vm),
		  __entry->slot, __entry->seq, __get_str(module), __entry->procedure,
		  __entry->arg_size)
);

/* Also of a call that was not sent: then seq is 0. */
TRACE_EVENT(rvmrpc_end,
	TP_PROTO(const char *vm, u64 seq, const char *module, u32 procedure, int status,
		 s64 result),
	TP_ARGS(vm, seq, module, procedure, status, result),
	TP_STRUCT__entry(
		__string(vm, vm)
		__field(u64, seq)
		__string(module, module)
		__field(u32, procedure)
		__field(int, status)
		__field(s64, result)
	),
	TP_fast_assign(
		__assign_str(vm);
		__entry->seq = seq;
		__assign_str(module);
		__entry->procedure = procedure;
		__entry->status = status;
		__entry->result = result;
	),
	TP_printk("vm=%s seq=%llu module=%s procedure=%u status=%d result=%lld", __get_str(vm),
		  __entry->seq, __get_str(module), __entry->procedure, __entry->status,
		  __entry->result)
);

#endif /* _KVM_X86_VMRPC_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH ../../arch/x86/kvm/vmrpc
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
