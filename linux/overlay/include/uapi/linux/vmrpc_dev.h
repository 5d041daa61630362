/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The host's user-space interface of VMRPC: what the VMM uses to give a VM the
 * interface of <linux/vmrpc.h>, and what a client uses to call a guest kernel.
 *
 * The VMM: KVM_CHECK_EXTENSION(KVM_CAP_VMRPC) returns the feature bits
 * VMRPC_F_*, or 0.  KVM_ENABLE_CAP on the VM, once, with args[0] the address of a
 * struct kvm_vmrpc_config, returns a VM descriptor that may also reset.
 *
 * A client: open /dev/vmrpc, VMRPC_DEV_LIST the VMs, VMRPC_DEV_ATTACH to one by
 * name, which returns a VM descriptor; VMRPC_VM_CALL on it.  A caller may list and
 * attach to the VMs of its own user and those given to a group of its; CAP_SYS_ADMIN to
 * all.
 *
 * Reserved fields and flags are zero, and anything else is refused with EINVAL.
 */
#ifndef _UAPI_LINUX_VMRPC_DEV_H
#define _UAPI_LINUX_VMRPC_DEV_H

#include <linux/types.h>
#include <linux/ioctl.h>
#include <linux/vmrpc.h>

#define KVM_CAP_VMRPC			0x564d5250
#define VMRPC_NAME_LEN			64	/* with the terminating NUL */

struct kvm_vmrpc_config {
	__u8	name[VMRPC_NAME_LEN];	/* of the VM; no other VM may have it (EEXIST) */
	__s32	irq_eventfd;		/* signalled for the guest's interrupt; -1: none */
	__u32	flags;			/* VMRPC_CONFIG_* */
	__u32	gid;			/* with VMRPC_CONFIG_GROUP: who may call, besides the VMM's user */
	__u32	reserved;
	__u64	reserved2[2];
};

#define VMRPC_CONFIG_GROUP		(1u << 0)

enum vmrpc_vm_state {
	VMRPC_VM_ABSENT = 0,		/* the guest has no channel registered */
	VMRPC_VM_READY = 1,		/* the guest answers calls */
	VMRPC_VM_GONE = 2,		/* the VM was destroyed */
};

struct vmrpc_vm_info {
	__u8	name[VMRPC_NAME_LEN];
	__s32	pid;			/* of the VMM, in the caller's namespace; 0 if not there */
	__u32	uid;			/* of the VMM, in the caller's namespace */
	__u32	state;			/* enum vmrpc_vm_state */
	__u32	vcpus;			/* created */
	__u32	generation;		/* of the channel; 0: never registered */
	__u32	slots;			/* of the channel */
	__u32	handles;		/* bound by the guest */
	__u32	calls_in_flight;	/* slots whose request was not answered */
	__u64	performs;		/* guest to host: PERFORM operations */
	__u64	polls;			/* POLL operations */
	__u64	parks;			/* of which the vCPU was parked */
	__u64	calls;			/* host to guest: requests sent */
	__u64	errors;			/* calls that ended with an error of any kind */
	__u64	wakes;			/* requests that woke a parked poller */
	__u64	interrupts;		/* requests that raised the guest's interrupt */
	__u32	oldest_call_ms;		/* since the oldest request not answered was sent; 0: there is none */
	__u32	polled_ms;		/* since the guest last polled; ~0: never, or longer than that */
	__u64	refused;		/* guest to host: BIND that failed, PERFORM without a valid handle */
	__u64	calls_refused;		/* host to guest: calls that the guest does not allow */
	__u64	reserved;
};

/* An array for an ioctl to fill, as far as it goes. */
struct vmrpc_entries {
	__u64	entries;		/* address of an array of the ioctl's structure */
	__u32	count;			/* in: its length; out: how many there are */
	__u32	reserved;
};

struct vmrpc_dev_attach {
	__u8	name[VMRPC_NAME_LEN];
	__u64	reserved;
};

struct vmrpc_vm_call {
	__u8	module[VMRPC_MODULE_LEN];
	__u32	procedure;
	__u32	timeout_ms;		/* 1 to VMRPC_MAX_TIMEOUT_MS */
	__u64	arg;			/* address */
	__u64	res;			/* address */
	__u32	arg_size;		/* bytes, at most VMRPC_MAX_BULK */
	__u32	res_size;		/* bytes; in: room at res, at most VMRPC_MAX_BULK; out: written */
	__s64	result;			/* out: the procedure's result */
	__u64	reserved;
};

/* A call that its caller does not wait for. */
struct vmrpc_vm_submit {
	struct vmrpc_vm_call	call;	/* arg is read now, res written by VMRPC_VM_REAP; see VMRPC_VM_CALL */
	__u64	user_data;		/* comes back with the answer */
	__u64	reserved;
};

struct vmrpc_vm_done {
	__u64	user_data;		/* of the call submitted */
	__s64	result;			/* the procedure's result */
	__s32	status;			/* 0, or the negative of an error of VMRPC_VM_CALL */
	__u32	res_size;		/* bytes written to the call's res */
};

/* Gives up on one of them. */
struct vmrpc_vm_cancel {
	__u64	user_data;		/* of the call submitted; of several that have it the oldest */
	__u64	reserved;
};

/*
 * What was called how often, since the VM was created: each VM has a row for each
 * procedure that was called, in each direction.  A VM keeps the rows of 64 modules a
 * direction, and of each the procedures 0 to 61; what is beyond that is counted too, in
 * rows with VMRPC_STAT_OTHER.  Rows stay when a module is unbound and when the VM is reset.
 *
 * In the direction VMRPC_STAT_GUEST a module has rows from the first call on that the
 * guest answered, with sense and other than by ECONNREFUSED, EPROTONOSUPPORT or EINTR.
 */
enum vmrpc_stat_direction {
	VMRPC_STAT_KERNEL = 0,		/* guest to host: of a server in the host kernel */
	VMRPC_STAT_VMM = 1,		/* guest to host: of a server in the VMM */
	VMRPC_STAT_GUEST = 2,		/* host to guest */
};

#define VMRPC_STAT_OTHER		0xffffffffu	/* all procedures without a row */

struct vmrpc_vm_stat {
	__u8	module[VMRPC_MODULE_LEN];	/* empty: all modules without rows */
	__u32	direction;		/* enum vmrpc_stat_direction */
	__u32	procedure;		/* or VMRPC_STAT_OTHER */
	__u64	calls;			/* PERFORM operations; host to guest: calls that ended */
	__u64	errors;			/* of any kind, but the EINTR that has a guest repeat a call */
	__u64	arg_bytes;		/* of arguments that were handed to the server */
	__u64	res_bytes;		/* of results that were handed to the caller */
	__u64	reserved[2];
};

/*
 * Servers in the VMM.  A guest's call of one ends KVM_RUN with KVM_EXIT_HYPERCALL, nr
 * VMRPC_HYPERCALL and args[0] the number of the vCPU for the structures below.  The VMM
 * reads the call, answers it, and enters the vCPU again, which ends the call.  Entered
 * without an answer the vCPU has its guest ask again: so the VMM may take a vCPU out
 * of a call at any time.
 */
struct vmrpc_vm_procedure {
	__u32	direction;		/* 1: the argument is read, 2: it is written, 3: both */
	__u32	min_size;		/* bytes; a smaller argument is refused */
	__u32	max_size;		/* bytes, at most VMRPC_MAX_ARG; a larger one is refused */
	__u32	reserved;
};

struct vmrpc_vm_server {
	__u8	module[VMRPC_MODULE_LEN];
	__u8	version[VMRPC_VERSION_LEN];
	__u64	procedures;		/* address of an array of struct vmrpc_vm_procedure */
	__u32	nr_procedures;		/* 1 to 256 */
	__u32	server;			/* what VMRPC_VM_USER_CALL tells of it */
	__u64	reserved;
};

struct vmrpc_vm_user_call {
	__u32	vcpu;
	__u32	size;			/* in: room at data; out: bytes of the argument */
	__u64	data;			/* address */
	__u32	server;			/* out */
	__u32	procedure;		/* out */
	__u32	flags;			/* out: VMRPC_CALL_* */
	__u32	reserved;
};

#define VMRPC_CALL_PROCESS		(1u << 0)	/* bound with VMRPC_BIND_PROCESS */

struct vmrpc_vm_user_answer {
	__u32	vcpu;
	__s32	status;			/* 0 or a negative VMRPC_E* */
	__s64	result;
	__u64	data;			/* address of the written argument; unless it failed or parks */
	__u32	flags;			/* VMRPC_ANSWER_* */
	__u32	reserved;
};

/*
 * Copies guest memory for a call that is in the VMM, by an address in its argument: as
 * the calling vCPU could access it, by its page tables of now.
 */
struct vmrpc_vm_user_copy {
	__u32	vcpu;
	__u32	flags;			/* VMRPC_COPY_* */
	__u64	guest;			/* guest virtual address */
	__u64	data;			/* address */
	__u32	size;			/* bytes, at most VMRPC_MAX_ARG */
	__u32	reserved;
};

#define VMRPC_COPY_TO_GUEST		(1u << 0)	/* else from it */

/* No answer: the vCPU halts until it is woken, or by an interrupt, and the guest asks again. */
#define VMRPC_ANSWER_PARK		(1u << 0)

/*
 * Outsourced memory (see vmrpc_mem_region): a file in memory (shmem, as by memfd_create(2)), or one of
 * hugetlbfs (MFD_HUGETLB) whose pages are of VMRPC_MEM_BLOCK bytes; its first VMRPC_MEM_BLOCK bytes are
 * for the table, and the rest the blocks, in order.  The VMM gives it to the guest, mapped shared, at
 * gpa - VMRPC_MEM_BLOCK.
 *
 * With VMRPC_MEM_PRIVATE the file, of shmem, is for the table alone, and the blocks are private anonymous
 * memory, writable and never touched, which the VMM gives to the guest at gpa before it runs, and does not
 * take away.
 */
#define VMRPC_MEM_PRIVATE		(1u << 0)

struct vmrpc_vm_set_mem {
	__s32	fd;
	__u32	flags;			/* VMRPC_MEM_PRIVATE */
	__u64	gpa;			/* of block 0; a multiple of VMRPC_MEM_ALIGN */
	__u64	size;			/* bytes of all blocks; a multiple of VMRPC_MEM_ALIGN */
	__u64	limit;			/* bytes that the guest is to use at most; a multiple of VMRPC_MEM_BLOCK */
	__u64	pin_max;		/* bytes that it may pin at most, of any of its memory; whole pages */
	__u64	reserved[2];
};

/*
 * All in bytes.  The guest may write anything into the table: limit and what the states tell
 * are what an honest guest obeys and reports, resident is what the host counted.
 */
struct vmrpc_vm_mem_info {
	__u64	max;			/* of all blocks */
	__u64	limit;
	__u64	used;			/* in blocks that are USED */
	__u64	free;			/* in blocks that are FREE or BUSY */
	__u64	absent;			/* in blocks that are ABSENT */
	__u64	resident;		/* that the host holds in its memory, the table included */
	__u64	reclaimed;		/* in blocks that the host took, since the VM was created */
	__u32	attached;		/* 1: the guest uses this memory; 0: it does not (yet) */
	__u32	auto_ms;		/* of VMRPC_VM_MEM_AUTO */
	__u64	swapped;		/* that the host holds in its swap */
	__u64	pinned;			/* by VMRPC_MEM_PIN, of the guest's other memory, too */
	__u32	idle_ms;		/* of VMRPC_VM_MEM_AUTO */
	__u32	reserved[3];
};

struct vmrpc_vm_mem_size {
	__u64	size;			/* bytes */
	__u64	reserved;
};

#define VMRPC_MEM_AUTO_MIN_MS		100
#define VMRPC_MEM_AUTO_MAX_MS		86400000
#define VMRPC_MEM_IDLE_MIN_MS		1000

/*
 * Take what is FREE for so long; and, besides, have the guest drop page cache that it did not use for
 * so long, up to twice that.
 */
struct vmrpc_vm_mem_auto {
	__u32	ms;			/* or 0: never */
	__u32	idle_ms;		/* from VMRPC_MEM_IDLE_MIN_MS on, or 0: never; not without ms */
	__u32	reserved[2];
};

struct vmrpc_vm_mem_dropped {
	__u64	bitmap;			/* address: block n is bit n % 64 of word n / 64 */
	__u64	size;			/* bytes there: an eighth of the number of blocks */
};

#define VMRPC_MAX_TIMEOUT_MS		3600000

#define VMRPC_IOCTL			0xB9
/* On /dev/vmrpc: */
/* Of struct vmrpc_vm_info: the VMs that the caller may attach to. */
#define VMRPC_DEV_LIST			_IOWR(VMRPC_IOCTL, 0x00, struct vmrpc_entries)
#define VMRPC_DEV_ATTACH		_IOW(VMRPC_IOCTL, 0x01, struct vmrpc_dev_attach)	/* ENOENT, EACCES */
/* On a VM descriptor: */
#define VMRPC_VM_INFO			_IOR(VMRPC_IOCTL, 0x10, struct vmrpc_vm_info)
/*
 * Errors: ENOTCONN no channel is registered; ECONNREFUSED the guest does not allow
 * the module; EPROTONOSUPPORT it has no such module; ENOSYS the module has no such
 * procedure; EMSGSIZE the result does not fit; ETIMEDOUT the guest did not answer
 * in time; ECONNRESET the guest was reset or registered again meanwhile; ESHUTDOWN
 * the VM went away; EBUSY too many calls wait for this VM; EINTR a signal came; EPROTO
 * the guest's answer makes no sense; E2BIG the argument is larger than VMRPC_SLOT_DATA, and the
 * guest cannot take such; or any other VMRPC_E* that the procedure failed with.
 *
 * Memory for an argument or a result of more than VMRPC_SLOT_DATA bytes is pinned while the
 * call lasts, within RLIMIT_MEMLOCK (ENOMEM; CAP_IPC_LOCK is free), and the guest copies
 * it directly: what a call that failed left there, or one that did not beyond its res_size, is
 * undefined.  A file that is mapped shared cannot take such a result (EFAULT).
 */
#define VMRPC_VM_CALL			_IOWR(VMRPC_IOCTL, 0x11, struct vmrpc_vm_call)
/*
 * The same by io_uring: IORING_OP_URING_CMD with cmd_op VMRPC_VM_CALL, on a VM descriptor.
 * cqe->res is 0 or a negative error; the call's structure and memory stay where they are
 * until then.  ECANCELED the ring was closed, or the task that submitted it ended; EAGAIN
 * the descriptor has O_NONBLOCK, and all slots are in use.
 */
struct vmrpc_uring_cmd {		/* in the sqe's cmd */
	__u64	call;			/* address of a struct vmrpc_vm_call */
	__u64	reserved;
};

/*
 * Submitted calls run at the same time, and may overtake each other.  A descriptor has
 * answers to reap when poll(2) reports POLLIN.  Its last close(2) gives up on its calls.
 * SUBMIT waits while all slots are in use, unless the descriptor has O_NONBLOCK (EAGAIN).
 * Its errors are those of VMRPC_VM_CALL that show before the request is sent, the others
 * come with the answer; EBUSY 1024 calls of this descriptor are not reaped yet.
 */
#define VMRPC_VM_SUBMIT			_IOW(VMRPC_IOCTL, 0x19, struct vmrpc_vm_submit)
/*
 * Of struct vmrpc_vm_done, for at least one: the answers that there are, oldest first.  The
 * count is of those written, and they are gone from the descriptor; EAGAIN there is none.
 */
#define VMRPC_VM_REAP			_IOWR(VMRPC_IOCTL, 0x1a, struct vmrpc_entries)
/*
 * Of a call that was submitted on this descriptor: its answer is ECANCELED, and there to be reaped
 * when this returns.  The guest may carry it out all the same, and has the slot until it answers.
 * ENOENT no such call is under way: it was answered, or is not submitted yet.
 */
#define VMRPC_VM_CANCEL			_IOW(VMRPC_IOCTL, 0x20, struct vmrpc_vm_cancel)
/* Only on the VMM's own descriptor (else EACCES): forget all that the guest set up. */
#define VMRPC_VM_RESET			_IO(VMRPC_IOCTL, 0x12)
/* Likewise; of servers in the VMM.  EEXIST, EBUSY 64 of them are there. */
#define VMRPC_VM_ADD_SERVER		_IOW(VMRPC_IOCTL, 0x13, struct vmrpc_vm_server)
/* ENOENT the vCPU is in no call; EMSGSIZE the argument is larger than the room for it. */
#define VMRPC_VM_USER_CALL		_IOWR(VMRPC_IOCTL, 0x14, struct vmrpc_vm_user_call)
#define VMRPC_VM_USER_ANSWER		_IOW(VMRPC_IOCTL, 0x15, struct vmrpc_vm_user_answer)
/* The argument is the number of a vCPU whose call was parked, or is about to be. */
#define VMRPC_VM_USER_WAKE		_IO(VMRPC_IOCTL, 0x16)
/* Of struct vmrpc_vm_stat, on any VM descriptor, of a VM that was destroyed too. */
#define VMRPC_VM_STAT			_IOWR(VMRPC_IOCTL, 0x17, struct vmrpc_entries)	/* EFAULT */
/*
 * ENOENT the vCPU is in no call; EBUSY it runs; EFAULT the guest, or the caller, could
 * not access the memory, of which an unknown part was copied; E2BIG the size; EIO only
 * the process that created the VM may.
 */
#define VMRPC_VM_USER_COPY		_IOW(VMRPC_IOCTL, 0x18, struct vmrpc_vm_user_copy)
/*
 * Only on the VMM's own descriptor, once (EEXIST); EINVAL not such a file; EPERM it is sealed; ENOSPC
 * hugetlbfs has no page for the table.  What the file has is dropped.
 */
#define VMRPC_VM_SET_MEM		_IOW(VMRPC_IOCTL, 0x1b, struct vmrpc_vm_set_mem)
/*
 * These three on any VM descriptor.  ENODEV the VM has no outsourced memory; ENOTCONN (not
 * INFO) the guest is not attached; ESHUTDOWN the VM went away; EINTR a signal came, and
 * nothing was done.
 */
#define VMRPC_VM_MEM_INFO		_IOR(VMRPC_IOCTL, 0x1c, struct vmrpc_vm_mem_info)
/* Rounded down to blocks.  ERANGE it is more than max; EBUSY less than what is pinned of the blocks. */
#define VMRPC_VM_MEM_LIMIT		_IOW(VMRPC_IOCTL, 0x1d, struct vmrpc_vm_mem_size)
/*
 * Takes FREE blocks until it has size, rounded up to blocks, or there are no more, or a
 * signal comes; out: how many bytes it took.  The guest's CPUs go on.  Of private memory: EFAULT the VMM
 * has other memory there, EAGAIN it changes its mappings all the time.
 */
#define VMRPC_VM_MEM_RECLAIM		_IOWR(VMRPC_IOCTL, 0x1e, struct vmrpc_vm_mem_size)
/*
 * On any VM descriptor, attached or not: has the host take each block that was FREE for so
 * long, or some time more: about a quarter, on an idle host, and some ticks of its timer.  It looks
 * eight times in that time, and does not see what is used and freed in between.  EINVAL ms is less than
 * MIN or more than MAX.
 */
#define VMRPC_VM_MEM_AUTO		_IOW(VMRPC_IOCTL, 0x1f, struct vmrpc_vm_mem_auto)
/*
 * Only on the VMM's own descriptor, and before the guest runs: the VMM has filled in the table
 * and the USED blocks of a VM of the same size, whose guest was attached and goes on here, with
 * the limit of size bytes.  All other blocks are ABSENT then, whatever was there.  EINVAL it is no such
 * limit.
 */
#define VMRPC_VM_MEM_LOAD		_IOW(VMRPC_IOCTL, 0x21, struct vmrpc_vm_mem_size)
/*
 * Likewise only on the VMM's own descriptor, at any time: which blocks were dropped since this was asked
 * for the last time, whatever they are now; all of them after SET_MEM, RESET, ATTACH or DETACH.  They became
 * zeros, which no log of what the guest writes tells, and the guest may use them without writing any: who
 * copies the guest's memory while it runs has to copy these again.  EINVAL the size; EFAULT it could not be
 * told, and will not be again; the others are MEM_INFO's, and ENOMEM.
 */
#define VMRPC_VM_MEM_DROPPED		_IOW(VMRPC_IOCTL, 0x22, struct vmrpc_vm_mem_dropped)

#endif /* _UAPI_LINUX_VMRPC_DEV_H */
