/* SPDX-License-Identifier: GPL-2.0-only */
/* One trace event a message: hypercalls up, requests and responses down, parks and wakes. */
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
		{ VMRPC_OP_POLL,	"poll" })

TRACE_EVENT(vmrpc_hypercall,
	TP_PROTO(const char *vm, int vcpu, u32 op, u32 procedure, int status, u64 result),
	TP_ARGS(vm, vcpu, op, procedure, status, result),
	TP_STRUCT__entry(
		__string(vm, vm)
		__field(int, vcpu)
		__field(u32, op)
		__field(u32, procedure)
		__field(int, status)
		__field(u64, result)
	),
	TP_fast_assign(
		__assign_str(vm);
		__entry->vcpu = vcpu;
		__entry->op = op;
		__entry->procedure = procedure;
		__entry->status = status;
		__entry->result = result;
	),
	TP_printk("vm=%s vcpu=%d op=%s procedure=%u status=%d result=%llu", __get_str(vm),
		  __entry->vcpu, show_vmrpc_op(__entry->op), __entry->procedure,
		  __entry->status, __entry->result)
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

TRACE_EVENT(rvmrpc_response,
	TP_PROTO(const char *vm, unsigned int slot, u64 seq, int status),
	TP_ARGS(vm, slot, seq, status),
	TP_STRUCT__entry(
		__string(vm, vm)
		__field(unsigned int, slot)
		__field(u64, seq)
		__field(int, status)
	),
	TP_fast_assign(
		__assign_str(vm);
		__entry->slot = slot;
		__entry->seq = seq;
		__entry->status = status;
	),
	TP_printk("vm=%s slot=%u seq=%llu status=%d", __get_str(vm), __entry->slot,
		  __entry->seq, __entry->status)
);

#endif /* _KVM_X86_VMRPC_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH ../../arch/x86/kvm/vmrpc
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
