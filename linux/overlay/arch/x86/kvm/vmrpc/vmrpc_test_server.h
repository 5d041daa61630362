/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* The procedures of the server "test" and their arguments; also for its clients in the selftests. */
#ifndef _KVM_X86_VMRPC_TEST_SERVER_H
#define _KVM_X86_VMRPC_TEST_SERVER_H

#include <linux/types.h>

#define VMRPC_TEST_MODULE	"test"
#define VMRPC_TEST_VERSION	"1"
#define VMRPC_TEST_WAIT_MAX	60000u	/* ms */
#define VMRPC_TEST_MESSAGE_MAX	64u	/* bytes */

#define VMRPC_TEST_ECHO		0	/* any argument; comes back; result: its size */
#define VMRPC_TEST_SUM		1	/* vmrpc_test_memory; result: sum of the bytes there */
#define VMRPC_TEST_FILL		2	/* vmrpc_test_memory; writes value; result: bytes written */
#define VMRPC_TEST_HVA		3	/* vmrpc_test_memory; result: the first byte, by get_hva() */
#define VMRPC_TEST_SLEEP	4	/* vmrpc_test_wait; on the vCPU's thread; result: ms */
#define VMRPC_TEST_PARK		5	/* vmrpc_test_wait; parked; result: ms */
/* On the vCPU's thread until another vCPU, by the same handle, does the second of each. */
#define VMRPC_TEST_RECV		6	/* 1 to 64 bytes of room, filled; result: bytes */
#define VMRPC_TEST_SEND		7	/* 1 to 64 bytes; EBUSY too many were not received */
#define VMRPC_TEST_DOWN		8	/* no argument */
#define VMRPC_TEST_UP		9	/* no argument */
#define VMRPC_TEST_PARK_WORK	10	/* as PARK, but ended by a thread, not an interrupt */
#define VMRPC_TEST_PROCEDURES	11

struct vmrpc_test_memory {
	__u64	gva;
	__u64	length;			/* bytes; no more than VMRPC_MAX_ARG are touched */
	__u32	value;			/* to fill with; its low byte */
	__u32	reserved;
};

struct vmrpc_test_wait {
	__u32	ms;			/* at most VMRPC_TEST_WAIT_MAX */
	__u32	reserved;
};

#endif /* _KVM_X86_VMRPC_TEST_SERVER_H */
