/* SPDX-License-Identifier: GPL-2.0-only */
/* Trace events of VMRPC in a guest: one for each message. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vmrpc_guest

#if !defined(_VMRPC_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _VMRPC_TRACE_H

#include <linux/tracepoint.h>
#include <uapi/linux/vmrpc.h>

TRACE_EVENT(vmrpc_perform,
	TP_PROTO(u32 handle, unsigned int procedure, size_t size, int ret),
	TP_ARGS(handle, procedure, size, ret),
	TP_STRUCT__entry(
		__field(u32, handle)
		__field(unsigned int, procedure)
		__field(size_t, size)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->handle = handle;
		__entry->procedure = procedure;
		__entry->size = size;
		__entry->ret = ret;
	),
	TP_printk("handle=%#x procedure=%u size=%zu ret=%d", __entry->handle,
		  __entry->procedure, __entry->size, __entry->ret)
);

TRACE_EVENT(vmrpc_poll,
	TP_PROTO(u32 flags, int ret),
	TP_ARGS(flags, ret),
	TP_STRUCT__entry(
		__field(u32, flags)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->flags = flags;
		__entry->ret = ret;
	),
	TP_printk("flags=%s ret=%d",
		  __print_flags(__entry->flags, "|",
				{ VMRPC_POLL_PARK, "park" }), __entry->ret)
);

TRACE_EVENT(rvmrpc_take,
	TP_PROTO(unsigned int slot, const struct vmrpc_request *req),
	TP_ARGS(slot, req),
	TP_STRUCT__entry(
		__field(unsigned int, slot)
		__field(u64, seq)
		__array(char, module, VMRPC_MODULE_LEN)
		__field(u32, procedure)
		__field(u32, arg_size)
	),
	TP_fast_assign(
		__entry->slot = slot;
		__entry->seq = le64_to_cpu(req->seq);
		memcpy(__entry->module, req->module, VMRPC_MODULE_LEN);
		__entry->module[VMRPC_MODULE_LEN - 1] = 0;
		__entry->procedure = le32_to_cpu(req->procedure);
		__entry->arg_size = le32_to_cpu(req->arg_size);
	),
	TP_printk("slot=%u seq=%llu module=%s procedure=%u arg_size=%u",
		  __entry->slot, __entry->seq, __entry->module,
		  __entry->procedure, __entry->arg_size)
);

TRACE_EVENT(rvmrpc_answer,
	TP_PROTO(unsigned int slot, u64 seq, u32 status, u32 res_size),
	TP_ARGS(slot, seq, status, res_size),
	TP_STRUCT__entry(
		__field(unsigned int, slot)
		__field(u64, seq)
		__field(u32, status)
		__field(u32, res_size)
	),
	TP_fast_assign(
		__entry->slot = slot;
		__entry->seq = seq;
		__entry->status = status;
		__entry->res_size = res_size;
	),
	TP_printk("slot=%u seq=%llu status=%u res_size=%u", __entry->slot,
		  __entry->seq, __entry->status, __entry->res_size)
);

#endif /* _VMRPC_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace

#include <trace/define_trace.h>
