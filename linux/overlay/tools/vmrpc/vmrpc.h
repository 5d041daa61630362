/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libvmrpc: call the guest kernels of this host's VMs.
 *
 *	struct vmrpc *vm;
 *	char *text;
 *	int err = vmrpc_open("web", &vm);
 *
 *	if (!err) {
 *		err = vmrpc_read_proc(vm, VMRPC_PROCFS_MEMINFO, 5000, &text, NULL);
 *		vmrpc_close(vm);
 *	}
 *	if (err)
 *		fprintf(stderr, "web: %s\n", vmrpc_strerror(err));
 *
 * A function that can fail returns 0 or an enum vmrpc_error, and then errno is
 * the system's reason.  Outputs are written only on success.  A handle may be
 * used by several threads at once, each waiting only for its own answer; only
 * vmrpc_close() must be alone.  Times are in milliseconds, 1 to
 * VMRPC_MAX_TIMEOUT_MS, and cover the whole function.  Nothing that a guest
 * answers is trusted, and neither should the caller: text may hold any byte.
 */
#ifndef VMRPC_H
#define VMRPC_H

#include <stddef.h>
#include <stdint.h>
#include <linux/vmrpc.h>
#include <linux/vmrpc_dev.h>

#ifdef __cplusplus
extern "C" {
#endif

enum vmrpc_error {
	VMRPC_ERR_NONE = 0,
	VMRPC_ERR_FAILED,		/* none of those below: see errno */
	VMRPC_ERR_NO_DEVICE,		/* the host's kernel has no /dev/vmrpc */
	VMRPC_ERR_PERMISSION,		/* the VM is another user's */
	VMRPC_ERR_NO_VM,		/* no VM has this name */
	VMRPC_ERR_NO_SERVER,		/* the guest has not registered a server */
	VMRPC_ERR_REFUSED,		/* the guest does not allow this module */
	VMRPC_ERR_NO_MODULE,		/* the guest has no such module */
	VMRPC_ERR_NO_PROCEDURE,		/* the module has no such procedure */
	VMRPC_ERR_TIMEOUT,		/* no answer in time */
	VMRPC_ERR_RESET,		/* the guest was reset meanwhile */
	VMRPC_ERR_GONE,			/* the VM was destroyed */
	VMRPC_ERR_BUSY,			/* too many calls wait for this VM */
	VMRPC_ERR_INTERRUPTED,		/* a signal came; the guest may have done the work */
	VMRPC_ERR_TOO_LARGE,		/* argument or result is larger than the limit */
	VMRPC_ERR_PROTOCOL,		/* the guest's answer makes no sense */
	VMRPC_ERR_NO_MEMORY,		/* this process is out of memory */
	VMRPC_ERR_MEM_NONE,		/* the VM has no outsourced memory */
	VMRPC_ERR_MEM_UNUSED,		/* its guest does not use that (yet) */
	VMRPC_ERR_MEM_MAX,		/* a limit is more than all of it */
	VMRPC_ERR_MEM_PINNED,		/* a limit is less than what the guest has pinned of it */
};

/* A handle for one VM.  It stays with that VM, also when another takes its name. */
struct vmrpc;

/* What module "sysinfo" tells, in the host's byte order. */
struct vmrpc_system {
	char	 os_name[32];
	char	 os_release[64];
	uint64_t uptime_ms;
	uint64_t mem_total;		/* bytes, as are the next three */
	uint64_t mem_free;
	uint64_t mem_available;
	uint64_t mem_cached;
	uint32_t cpus_online;
	uint32_t reserved;
	double	 load[3];		/* 1, 5, 15 minutes */
};

/**
 * vmrpc_strerror() - tell what an error is
 * @error: an enum vmrpc_error.
 *
 * Return: a constant phrase in English; that of VMRPC_ERR_FAILED leaves the
 * reason to strerror(errno).
 */
const char *vmrpc_strerror(int error);

/**
 * vmrpc_error_name() - name an error for a program
 * @error: an enum vmrpc_error.
 *
 * Return: a constant word that never changes, as "no-such-vm".
 */
const char *vmrpc_error_name(int error);

/**
 * vmrpc_list() - describe the VMs that the caller may call
 * @vms: set to an array for free(), NULL if there are none.
 * @count: set to its length.
 */
int vmrpc_list(struct vmrpc_vm_info **vms, size_t *count);

/**
 * vmrpc_open() - attach to a VM
 * @name: of the VM.
 * @vm: set to a handle for vmrpc_close().
 */
int vmrpc_open(const char *name, struct vmrpc **vm);

/**
 * vmrpc_close() - free a handle
 * @vm: the handle, or NULL.
 */
void vmrpc_close(struct vmrpc *vm);

/**
 * vmrpc_info() - describe a VM; its guest is not asked
 * @vm: the handle.
 * @info: the description.  Its state is VMRPC_VM_GONE once the VM is destroyed.
 */
int vmrpc_info(struct vmrpc *vm, struct vmrpc_vm_info *info);

/**
 * vmrpc_vm_stat() - tell what was called how often, in both directions
 * @vm: the handle; the VM may be destroyed.
 * @stats: set to an array for free(), NULL if nothing was called.  A row whose module
 * is empty, or whose procedure is VMRPC_STAT_OTHER, counts all that have no row.
 * @count: set to its length.
 *
 * The counts are of the time since the VM was created, and only grow.
 */
int vmrpc_vm_stat(struct vmrpc *vm, struct vmrpc_vm_stat **stats, size_t *count);

/**
 * vmrpc_mem_info() - tell about a VM's outsourced memory; its guest is not asked
 * @vm: the handle.
 * @info: in bytes.  Its used, free and absent are what the guest reports, which may be
 * anything, and tell nothing unless attached.
 *
 * VMRPC_ERR_MEM_NONE: the VM has none; from the next two as well.
 */
int vmrpc_mem_info(struct vmrpc *vm, struct vmrpc_vm_mem_info *info);

/**
 * vmrpc_mem_limit() - limit the outsourced memory that the guest uses
 * @vm: the handle.
 * @size: bytes, rounded down to a multiple of VMRPC_MEM_BLOCK.
 *
 * It is the guest that obeys it.  VMRPC_ERR_MEM_MAX: it is more than there is;
 * VMRPC_ERR_MEM_PINNED: it is less than what the guest has pinned;
 * VMRPC_ERR_MEM_UNUSED: the guest does not use outsourced memory (yet).
 */
int vmrpc_mem_limit(struct vmrpc *vm, uint64_t size);

/**
 * vmrpc_mem_reclaim() - take outsourced memory that the guest has freed
 * @vm: the handle.
 * @size: bytes, rounded up to a multiple of VMRPC_MEM_BLOCK.
 * @taken: set to the bytes that were taken, less than @size if no more was free.
 */
int vmrpc_mem_reclaim(struct vmrpc *vm, uint64_t size, uint64_t *taken);

/**
 * vmrpc_mem_give() - have the guest free outsourced memory that it uses
 * @vm: the handle.
 * @size: bytes, rounded up to a multiple of VMRPC_MEM_BLOCK.
 * @timeout_ms: how long to wait.
 * @given: set to the bytes that it freed, which may be less; may be NULL.
 *
 * The guest moves what is there elsewhere, or does without, as with page cache.  It goes on
 * with it after the deadline.  VMRPC_ERR_NO_MODULE: it does not use outsourced memory, or its kernel
 * cannot do this.
 */
int vmrpc_mem_give(struct vmrpc *vm, uint64_t size, unsigned int timeout_ms, uint64_t *given);

/**
 * vmrpc_mem_auto() - have the host take outsourced memory that stays free in the guest
 * @vm: the handle.
 * @ms: for so long, VMRPC_MEM_AUTO_MIN_MS to VMRPC_MEM_AUTO_MAX_MS; 0: never (again).
 * @idle_ms: and have the guest drop page cache that it did not use for so long,
 *	VMRPC_MEM_IDLE_MIN_MS to VMRPC_MEM_AUTO_MAX_MS; 0: never (again), as it must be if @ms is 0.
 */
int vmrpc_mem_auto(struct vmrpc *vm, uint32_t ms, uint32_t idle_ms);

/**
 * vmrpc_call() - perform a procedure in the guest
 * @vm: the handle.
 * @module: name of the module, shorter than VMRPC_MODULE_LEN.
 * @procedure: its number.
 * @arg: @arg_size bytes, at most VMRPC_MAX_BULK; may be NULL if there are none.
 * @arg_size: bytes.
 * @timeout_ms: how long to wait.
 * @res: room for the answer; may be NULL if there is none.
 * @res_size: in: bytes of room; out: bytes of answer.  NULL: no room.
 * @result: the procedure's own result; may be NULL.
 *
 * A call that ends without an answer may still be carried out by the guest.  More than
 * VMRPC_SLOT_DATA bytes either way are not copied through the call's slot; a guest that
 * cannot do that takes no such argument (VMRPC_ERR_TOO_LARGE).
 */
int vmrpc_call(struct vmrpc *vm, const char *module, uint32_t procedure,
	       const void *arg, size_t arg_size, unsigned int timeout_ms,
	       void *res, size_t *res_size, int64_t *result);

/* What became of a call that was submitted. */
struct vmrpc_reply {
	uint64_t id;			/* the call's */
	int64_t	 result;		/* the procedure's own */
	size_t	 res_size;		/* bytes of answer, in the call's room */
	int	 error;			/* enum vmrpc_error */
	int	 reason;		/* with an error, the system's */
};

/**
 * vmrpc_submit() - begin to perform a procedure in the guest
 * @vm: the handle.
 * @module: name of the module, shorter than VMRPC_MODULE_LEN.
 * @procedure: its number.
 * @arg: @arg_size bytes, at most VMRPC_MAX_BULK; may be NULL if there are none.
 * @arg_size: bytes.
 * @timeout_ms: how long the answer may take.
 * @res: room for the answer, which is there after vmrpc_reap(); may be NULL if there is none.
 * @res_size: bytes of room.
 * @id: comes back in the reply.
 *
 * Waits, as long as @timeout_ms, while the guest has all the calls that it can take at
 * once.  vmrpc_close() gives up on calls that were not reaped.
 */
int vmrpc_submit(struct vmrpc *vm, const char *module, uint32_t procedure,
		 const void *arg, size_t arg_size, unsigned int timeout_ms,
		 void *res, size_t res_size, uint64_t id);

/**
 * vmrpc_reap() - take replies to calls that were submitted
 * @vm: the handle.
 * @replies: an array.
 * @count: in: its length; out: how many there were, at least one.
 * @wait_ms: how long to wait for the first; -1: for ever.
 *
 * VMRPC_ERR_TIMEOUT: there is none yet.  They come in the order in which the calls ended.
 */
int vmrpc_reap(struct vmrpc *vm, struct vmrpc_reply *replies, size_t *count, int wait_ms);

/**
 * vmrpc_cancel() - give up on a call that was submitted
 * @vm: the handle.
 * @id: of the call; of several that have it the oldest.
 *
 * Its reply is there to be reaped then: VMRPC_ERR_FAILED, with the reason ECANCELED.  The guest
 * may have done the work.  VMRPC_ERR_FAILED, with errno ENOENT: there is no such call any more.
 */
int vmrpc_cancel(struct vmrpc *vm, uint64_t id);

/**
 * vmrpc_fd() - for poll(2)
 * @vm: the handle.
 *
 * Return: a descriptor, the handle's, that is readable while there are replies.
 */
int vmrpc_fd(const struct vmrpc *vm);

/**
 * vmrpc_echo() - have the guest return bytes, and compare
 * @vm: the handle.
 * @data: @size bytes.
 * @size: less than VMRPC_MAX_BULK.
 * @timeout_ms: how long to wait.
 */
int vmrpc_echo(struct vmrpc *vm, const void *data, size_t size,
	       unsigned int timeout_ms);

/**
 * vmrpc_read_proc() - read a whole file of module "procfs"
 * @vm: the handle.
 * @procedure: VMRPC_PROCFS_MEMINFO, VMRPC_PROCFS_CPUINFO or VMRPC_PROCFS_LOADAVG.
 * @timeout_ms: how long to wait for all of it.
 * @text: set to the bytes and a terminating NUL, for free().
 * @size: set to the number of bytes without that NUL; may be NULL.
 *
 * A file larger than one call's room is read by several calls, so it is not a
 * snapshot.  One of more than 64 MiB is VMRPC_ERR_TOO_LARGE.
 */
int vmrpc_read_proc(struct vmrpc *vm, uint32_t procedure,
		    unsigned int timeout_ms, char **text, size_t *size);

/**
 * vmrpc_drop_caches() - have the guest drop its clean caches
 * @vm: the handle.
 * @what: 1 page cache, 2 slab objects, 3 both.
 * @timeout_ms: how long to wait.
 */
int vmrpc_drop_caches(struct vmrpc *vm, uint32_t what, unsigned int timeout_ms);

/**
 * vmrpc_sysinfo() - ask the guest for load, memory, CPUs and OS, whatever it is
 * @vm: the handle.
 * @timeout_ms: how long to wait.
 * @system: the answer.
 */
int vmrpc_sysinfo(struct vmrpc *vm, unsigned int timeout_ms,
		  struct vmrpc_system *system);

#ifdef __cplusplus
}
#endif

#endif /* VMRPC_H */
