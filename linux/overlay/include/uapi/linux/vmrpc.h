/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/*
 * VMRPC: the interface between a guest kernel and its host.
 *
 * A guest finds the interface by a CPUID signature leaf, and calls the host
 * with one hypercall whose first argument holds an operation.  It binds a
 * *module* (a named, versioned set of procedures that a server in the host
 * implements), performs the module's procedures, and unbinds it.
 *
 * For calls in the other direction (Reverse VMRPC) the guest registers a
 * *channel*: a piece of its own memory with one control page and, for each of
 * N slots, one request page that only the host writes and one response page
 * that only the guest writes.  A slot's request is pending while its sequence
 * number is not that of the last one the guest took.  The guest learns of requests by polling:
 * a poll that finds none parks the vCPU as HLT does, until a request or an
 * interrupt comes.  The same poll tells the host that responses are ready.
 *
 * docs/abi.rst is normative; this file is its reference in C.  All integers are
 * little-endian; reserved fields and bits are zero, and anything else in them is
 * refused with VMRPC_EINVAL.
 */
#ifndef _UAPI_LINUX_VMRPC_H
#define _UAPI_LINUX_VMRPC_H

#include <linux/types.h>

/*
 * Discovery: the leaf in 0x40000000, 0x40000100, ... 0x4000ff00 whose EBX, ECX
 * and EDX hold this signature.  Its EAX is the highest leaf of the range.
 */
#define VMRPC_CPUID_SIGNATURE		"VMRPCVMRPC\0\0"
#define VMRPC_CPUID_SIGNATURE_EBX	0x50524d56u	/* "VMRP" */
#define VMRPC_CPUID_SIGNATURE_ECX	0x524d5643u	/* "CVMR" */
#define VMRPC_CPUID_SIGNATURE_EDX	0x00004350u	/* "PC" */
#define VMRPC_CPUID_LEAF		0x40000200u	/* where QEMU puts it */

/*
 * The leaf after the signature: EAX feature bits, EBX largest argument of a
 * procedure in bytes, ECX most slots of a channel, EDX reserved.
 */
#define VMRPC_CPUID_FEATURES		1u

#define VMRPC_F_KERNEL			(1u << 0)	/* bind, unbind, perform: servers in the host kernel */
#define VMRPC_F_REVERSE			(1u << 1)	/* register, unregister, poll */
#define VMRPC_F_USER			(1u << 2)	/* VMRPC_BIND_USER: servers in the VMM */
#define VMRPC_F_BULK			(1u << 3)	/* VMRPC_CHANNEL_BULK, and transfer */

#define VMRPC_MAX_ARG			65536u		/* bytes */
#define VMRPC_MAX_SLOTS			64u
#define VMRPC_MAX_HANDLES		64u		/* bound at once, per VM */

/* The PCI function that carries the interrupt for requests that find no parked poller. */
#define VMRPC_PCI_VENDOR_ID		0x1234u
#define VMRPC_PCI_DEVICE_ID		0x5652u

/*
 * The hypercall: VMCALL or VMMCALL at CPL 0, number in RAX; RBX, RCX, RDX and
 * RSI are its four arguments.  On return RAX is 0 or a negative VMRPC_E* value;
 * RBX is the operation's result if RAX is 0 and unchanged otherwise.
 *
 *		RBX			RCX	RDX	RSI		result in RBX
 * BIND		op			0	0	GVA of vmrpc_bind  handle
 * UNBIND	op			handle	0	0		0
 * PERFORM	op | procedure << 16	handle	size	GVA of argument	 procedure's result
 * REGISTER	op			slots	GFN	flags		channel's generation
 * UNREGISTER	op			0	0	0		0
 * POLL		op			flags	0	0		1: look at the slots again; 0
 * TRANSFER	op			0	0	GVA of vmrpc_transfer  bytes copied
 */
#define VMRPC_HYPERCALL			0x564d5250u	/* "VMRP" */

#define VMRPC_OP_BIND			0u
#define VMRPC_OP_UNBIND			1u
#define VMRPC_OP_PERFORM		2u
#define VMRPC_OP_REGISTER		3u
#define VMRPC_OP_UNREGISTER		4u
#define VMRPC_OP_POLL			5u
#define VMRPC_OP_TRANSFER		6u

#define VMRPC_OP_MASK			0xffffu
#define VMRPC_PROCEDURE_SHIFT		16

/*
 * POLL delivers the responses that are ready.  With PARK the vCPU then halts as by
 * HLT until an interrupt or a request comes, and the poll ends with VMRPC_EINTR.
 * The guest looks at the slots after every poll, whatever it returned.
 */
#define VMRPC_POLL_PARK			(1u << 0)

/* Flag of REGISTER: the guest transfers what is larger than VMRPC_SLOT_DATA. */
#define VMRPC_CHANNEL_BULK		(1u << 0)

/* Errors, the same numbers as Linux's errno.  Each operation's are in docs/abi.rst. */
#define VMRPC_EPERM			1	/* not at CPL 0 */
#define VMRPC_ENOENT			2	/* no such module */
#define VMRPC_EINTR			4	/* woken by something else: ask again */
#define VMRPC_E2BIG			7	/* larger than the procedure's or the interface's limit */
#define VMRPC_EBADF			9	/* never a valid handle */
#define VMRPC_ENOMEM			12	/* host is out of memory */
#define VMRPC_EFAULT			14	/* memory not mapped, or not so that it can be accessed this way */
#define VMRPC_EBUSY			16	/* a limit per VM is reached */
#define VMRPC_ENODEV			19	/* the server went away */
#define VMRPC_EINVAL			22	/* a reserved field is set, or a value is out of its range */
#define VMRPC_ENOSYS			38	/* no such operation or procedure */
#define VMRPC_EMSGSIZE			90	/* result does not fit the caller's buffer */
#define VMRPC_EPROTONOSUPPORT		93	/* module exists, but not in this version; or guest has no such module */
#define VMRPC_ENOTCONN			107	/* no channel is registered: register again */
#define VMRPC_ECONNREFUSED		111	/* the guest does not allow this module */
#define VMRPC_ESTALE			116	/* the handle was unbound */
#define VMRPC_ECANCELED			125	/* nobody waits for this request any more */

/* Names are NUL-terminated, padded with NULs, of printable ASCII without blanks. */
#define VMRPC_MODULE_LEN		32
#define VMRPC_VERSION_LEN		16

/* Argument of BIND. */
struct vmrpc_bind {
	__u8	module[VMRPC_MODULE_LEN];
	__u8	version[VMRPC_VERSION_LEN];	/* compared for equality */
	__le32	flags;				/* VMRPC_BIND_* */
	__le32	reserved;
};

#define VMRPC_BIND_USER			(1u << 0)	/* a server in the VMM, not in the host kernel */
#define VMRPC_BIND_PROCESS		(1u << 1)	/* for a process: no address in an argument is followed */
#define VMRPC_BIND_FLAGS		(VMRPC_BIND_USER | VMRPC_BIND_PROCESS)

/*
 * The channel: 1 + 2 * slots pages of 4096 bytes at consecutive guest frames,
 * zeroed by the guest before it registers them.  Page 0 is the control page;
 * pages 1 + 2 * n and 2 + 2 * n are the request and the response of slot n.
 */
#define VMRPC_PAGE_SIZE			4096u
#define VMRPC_SLOT_HEADER		64u
#define VMRPC_SLOT_DATA			(VMRPC_PAGE_SIZE - VMRPC_SLOT_HEADER)

/* Written by the guest, read by the host. */
struct vmrpc_control {
	/*
	 * 1: a new request needs a wake-up or an interrupt; 0: a server thread
	 * runs and will look at all slots again.  The guest sets it, executes a
	 * full barrier and looks at the slots again before it stops looking; the
	 * host executes a full barrier between writing a request and reading it.
	 */
	__le32	need_kick;
	__le32	reserved[15];
};

/* Written by the host, read by the guest; the argument's bytes follow. */
struct vmrpc_request {
	__le64	seq;				/* written last, with release; never 0 */
	__le64	timeout_ns;			/* left until the caller gives up */
	__u8	module[VMRPC_MODULE_LEN];
	__le32	procedure;
	__le32	arg_size;			/* bytes; above VMRPC_SLOT_DATA: they are not here */
	__le32	res_max;			/* bytes that the caller can take */
	__le32	reserved;
};

/* Written by the guest, read by the host; the result's bytes follow. */
struct vmrpc_response {
	__le64	seq;				/* the request's, written last, with release */
	__le64	result;				/* the procedure's result, signed */
	__le32	status;				/* 0 or a positive VMRPC_E* */
	__le32	res_size;			/* bytes, at most the request's res_max; as arg_size */
	__le64	reserved[5];
};

/*
 * Arguments and results of more than VMRPC_SLOT_DATA bytes, on a channel registered with
 * VMRPC_CHANNEL_BULK.  The guest copies them between memory of its own and the caller's,
 * piece by piece: the argument after it took the request, the result before it answers.
 */
#define VMRPC_MAX_BULK			(64u << 20)	/* bytes */

/* Argument of TRANSFER. */
struct vmrpc_transfer {
	__le64	seq;				/* of the request */
	__le64	gva;				/* the guest's memory */
	__le64	offset;				/* bytes into the argument or result */
	__le64	size;				/* bytes, at least 1; the host may copy fewer */
	__le32	slot;				/* that the request is in */
	__le32	flags;				/* VMRPC_TRANSFER_* */
};

#define VMRPC_TRANSFER_RESULT		(1u << 0)	/* to the caller; else the argument to the guest */

/*
 * Server in every host: "print", version "1".  Procedure PRINT writes one line
 * to the host's log; the argument points to the string.
 */
#define VMRPC_PRINT_MODULE		"print"
#define VMRPC_PRINT_VERSION		"1"
#define VMRPC_PRINT_PRINT		0u
#define VMRPC_PRINT_MAX			256u		/* bytes of the string */

struct vmrpc_print {
	__le64	string;				/* GVA; need not be terminated */
	__le32	length;				/* bytes, 1 to VMRPC_PRINT_MAX */
	__le32	reserved;
};

/*
 * Server in the host of a VM with outsourced memory: "mem", version "1".  That memory is
 * *blocks* of 2 MiB at consecutive guest-physical addresses, which are in no map of the
 * guest's firmware.  Host and guest share a table with a state for each, and change it by
 * compare-and-swap only, as follows; all begin as ABSENT.
 *
 *	guest	ABSENT, FREE -> USED	before it touches the block
 *		USED -> FREE		it touches the block no more, and has lost what was in it
 *	host	FREE -> BUSY		it is about to drop the block's memory
 *		BUSY -> ABSENT		it has; the block is all zeros when it is touched again
 *
 * A guest that wants a BUSY block performs WAIT, and looks again.
 */
#define VMRPC_MEM_MODULE		"mem"
#define VMRPC_MEM_VERSION		"1"
#define VMRPC_MEM_ATTACH		0u	/* result: vmrpc_mem_region; all blocks become ABSENT */
#define VMRPC_MEM_WAIT			1u	/* no argument; no block that was BUSY before is it after */
#define VMRPC_MEM_DETACH		2u	/* no argument; all blocks become ABSENT, for good */
/*
 * The host pages out none of the argument's ranges, one or more vmrpc_mem_range of any memory of the
 * guest, and takes no block that they touch.  Result: the pin's number, above 0; it holds until UNPIN,
 * ATTACH, DETACH or reset.  A range may be pinned more than once, and each counts.  So does the whole of
 * the host's pages that are touched, which may be huge, once.  EBUSY it is more than the VM may pin;
 * E2BIG more than VMRPC_MEM_PIN_MAX; ENOMEM more than the VMM may lock (RLIMIT_MEMLOCK), or the
 * host is out of memory; EFAULT not all of it is memory that the guest can write.
 */
#define VMRPC_MEM_PIN			3u
#define VMRPC_MEM_UNPIN			4u	/* ENOENT no such pin */
/*
 * Result: vmrpc_mem_region, as of the last ATTACH, and nothing changes: for a kernel that reads what
 * another one left that crashed.  ENOTCONN no kernel is attached.
 */
#define VMRPC_MEM_WHERE			5u

#define VMRPC_MEM_BLOCK			(2u << 20)	/* bytes */
#define VMRPC_MEM_MAX_BLOCKS		(1u << 20)
#define VMRPC_MEM_ALIGN			(128u << 20)	/* bytes, of block 0 and of all together */
#define VMRPC_MEM_PIN_MAX		(1u << 30)	/* bytes, of one PIN */

#define VMRPC_MEM_ABSENT		0u	/* the host holds no memory for it */
#define VMRPC_MEM_FREE			1u	/* the guest does not use it; there may be memory */
#define VMRPC_MEM_USED			2u
#define VMRPC_MEM_BUSY			3u

struct vmrpc_mem_region {
	__le64	table;				/* GPA of the vmrpc_mem_table, which is not in a block */
	__le64	blocks;				/* GPA of block 0 */
	__le64	nr_blocks;			/* 1 to VMRPC_MEM_MAX_BLOCKS */
	__le64	reserved;
};

/* One byte for each block's state follows. */
struct vmrpc_mem_table {
	__le64	limit;				/* blocks that the guest is to use at most; the host writes it */
	__le64	used;				/* blocks that are USED; the guest writes it */
	__le64	reserved[6];
};

struct vmrpc_mem_range {
	__le64	gpa;
	__le64	size;				/* bytes, above 0; both are multiples of VMRPC_PAGE_SIZE */
};

struct vmrpc_mem_unpin {
	__le64	pin;				/* its number */
	__le64	reserved;
};

/*
 * Guest module "mem", of a guest that is attached: procedure GIVE has it make so many USED blocks
 * FREE, by moving what is there or dropping it.  Result: how many, perhaps less, and perhaps
 * some of them USED again by now.  AGE has it drop the clean page cache in its blocks that was
 * not used since the last AGE, and make FREE what has few pages then; nothing, if that was less than
 * half of ms before.  Result: how many pages of VMRPC_PAGE_SIZE it dropped.
 */
#define VMRPC_MEM_GIVE			0u
#define VMRPC_MEM_AGE			1u

struct vmrpc_mem_give {
	__le64	blocks;
	__le64	reserved;
};

struct vmrpc_mem_age {
	__le64	ms;				/* between two AGEs, below 2^32 */
	__le64	reserved;
};

/* Guest module "echo": procedure ECHO returns its argument. */
#define VMRPC_ECHO_MODULE		"echo"
#define VMRPC_ECHO_ECHO			0u

/*
 * Guest module "procfs" (Linux guests).  The first three procedures return the
 * bytes of a file from an offset on (argument: vmrpc_procfs_read); a result shorter than
 * res_max, and than VMRPC_SLOT_DATA, ends the file.  DROP_CACHES takes vmrpc_procfs_drop.
 */
#define VMRPC_PROCFS_MODULE		"procfs"
#define VMRPC_PROCFS_MEMINFO		0u
#define VMRPC_PROCFS_CPUINFO		1u
#define VMRPC_PROCFS_LOADAVG		2u
#define VMRPC_PROCFS_DROP_CACHES	3u

struct vmrpc_procfs_read {
	__le64	offset;				/* bytes */
};

struct vmrpc_procfs_drop {
	__le32	what;				/* 1 page cache, 2 slab objects, 3 both */
	__le32	reserved;
};

/* Guest module "sysinfo": procedure GET returns vmrpc_sysinfo, whatever the OS. */
#define VMRPC_SYSINFO_MODULE		"sysinfo"
#define VMRPC_SYSINFO_GET		0u
#define VMRPC_SYSINFO_LOAD_SHIFT	16

struct vmrpc_sysinfo {
	__u8	os_name[32];			/* "Linux"; NUL-terminated */
	__u8	os_release[64];
	__le64	uptime_ms;
	__le64	mem_total;			/* bytes */
	__le64	mem_free;			/* bytes */
	__le64	mem_available;			/* bytes that can be had without paging; an estimate */
	__le64	mem_cached;			/* bytes of page cache */
	__le32	cpus_online;
	__le32	load[3];			/* 1, 5, 15 minutes, in units of 1 / 65536 */
};

#endif /* _UAPI_LINUX_VMRPC_H */
