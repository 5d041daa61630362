/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The user-space interface of VMRPC in a guest: /dev/vmrpc-guest, by which a process
 * calls servers of the host, those of its kernel and those of the VMM.
 *
 * A process opens it, binds one module with VMRPC_GUEST_BIND, and calls its procedures
 * with VMRPC_GUEST_PERFORM, from several threads at once if it likes.  The module is
 * unbound when the descriptor is closed, all its copies included.  The device is
 * there if the host has the interface.
 *
 * Processes may bind what the guest's boot option vmrpc.user= lists: names of modules,
 * separated by commas; by default none.  A name stands for the kernel's module and for the
 * VMM's.  The host follows no address in an argument of a process's: what takes one fails
 * with EFAULT.
 *
 * A call that waits in the host ends with EINTR when a signal is caught, or begins
 * again if its handler has SA_RESTART.  Nothing was done then that the call done again
 * would do twice.  While a server keeps the CPU instead of parking it, no signal is seen.
 *
 * Reserved fields and flags are zero, and anything else is refused with EINVAL.
 */
#ifndef _UAPI_LINUX_VMRPC_GUEST_H
#define _UAPI_LINUX_VMRPC_GUEST_H

#include <linux/types.h>
#include <linux/ioctl.h>
#include <linux/vmrpc.h>

#define VMRPC_GUEST_MAX_HANDLES		32	/* bound by all processes together */

struct vmrpc_guest_perform {
	__u64	arg;			/* address; the argument is read, and written after the call */
	__u32	size;			/* of it in bytes, at most VMRPC_MAX_ARG; 0: arg does not matter */
	__u32	procedure;		/* its number in the module */
	__s64	result;			/* out: the procedure's result, if the call succeeds */
	__u64	reserved;
};

struct vmrpc_guest_pin {
	__u64	address;		/* of the caller's memory */
	__u64	size;			/* bytes, above 0; both are multiples of the page's size */
	__u64	pin;			/* out: its number, above 0 */
	__u64	reserved;
};

struct vmrpc_guest_unpin {
	__u64	pin;
	__u64	reserved;
};

#define VMRPC_GUEST_IOCTL		0xB9
/*
 * The argument is that of the hypercall, with the flag VMRPC_BIND_USER for a module of
 * the VMM.  Errors: EINVAL a name is empty, not of printable characters, or not padded
 * with NULs; EACCES vmrpc.user= does not list the module; EBUSY the descriptor has a
 * module, or the VM has VMRPC_MAX_HANDLES; ENFILE processes have VMRPC_GUEST_MAX_HANDLES;
 * ENODEV the host has no servers of this kind; ENOENT it has no such module;
 * EPROTONOSUPPORT not in this version; EFAULT; ENOMEM; EINTR; or what the server
 * refuses with.
 */
#define VMRPC_GUEST_BIND		_IOW(VMRPC_GUEST_IOCTL, 0x40, struct vmrpc_bind)
/*
 * Errors: EBADFD the descriptor has no module; E2BIG the argument is larger than the
 * interface or the procedure takes; EINVAL it is shorter; ENOSYS no such procedure;
 * EFAULT the argument cannot be read, or, after the call, not be written; ENODEV the
 * server went away; EBADF, ESTALE the host has forgotten the binding (after a migration,
 * or from a snapshot): open the device again; ENOMEM; EINTR; or what the procedure
 * failed with.
 */
#define VMRPC_GUEST_PERFORM		_IOWR(VMRPC_GUEST_IOCTL, 0x41, struct vmrpc_guest_perform)

/*
 * Has the host not page out, or take, memory of the caller's, which stays where it is, in the VM's own
 * memory, until UNPIN or the descriptor's last close.  The descriptor need not have a module.  Errors: EACCES
 * vmrpc.user= does not list "mem"; ENODEV the guest has no outsourced memory (vmrpc.outsource=mem); EBUSY it is
 * more than the host lets the VM pin; ENOMEM more than RLIMIT_MEMLOCK of the caller or of the VMM (none for who
 * has CAP_IPC_LOCK), or than the VM's own memory, for want of which the guest may also kill; EFAULT not memory
 * that can be written, or a file's on a disk that is mapped shared; EOPNOTSUPP, EOVERFLOW nor that; EINVAL; EINTR.
 */
#define VMRPC_GUEST_PIN			_IOWR(VMRPC_GUEST_IOCTL, 0x42, struct vmrpc_guest_pin)
/* ENOENT the descriptor has no such pin. */
#define VMRPC_GUEST_UNPIN		_IOW(VMRPC_GUEST_IOCTL, 0x43, struct vmrpc_guest_unpin)

#endif /* _UAPI_LINUX_VMRPC_GUEST_H */
