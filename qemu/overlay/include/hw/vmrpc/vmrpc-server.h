/*
 * VMRPC: what a server in QEMU, a *user server*, is written against
 *
 * A user server serves calls of the guest's kernel.  It is built into QEMU, or
 * a shared object given with -object vmrpc-server,id=ID,path=FILE; for that this
 * header is all it needs, and it defines vmrpc_server_init.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VMRPC_SERVER_H
#define HW_VMRPC_SERVER_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMRPC_SERVER_API    3

/* Directions of a procedure's argument */
#define VMRPC_SERVER_IN     1u  /* the guest's bytes are there when it is called */
#define VMRPC_SERVER_OUT    2u  /* its bytes go to the guest if it returns 0 */

/* What a procedure returns besides 0 and negative errno values; see park() */
#define VMRPC_SERVER_PARK   1

/**
 * VMRPCCall: one call under way
 *
 * @opaque: the server's own
 * @vcpu: number of the calling vCPU, for wake()
 * @procedure: index into the server's procedures
 * @size: of @arg in bytes, within the procedure's limits
 * @arg: a copy of the argument, which the guest cannot change; zeroes if the
 *   procedure does not have VMRPC_SERVER_IN
 * @process: the guest's kernel calls for a process of its: addresses in the
 *   argument are not followed, and what changes the whole VM is better refused
 * @result: the procedure's own result, for the guest if it returns 0
 */
typedef struct VMRPCCall {
    void *opaque;
    uint32_t vcpu;
    uint32_t procedure;
    uint32_t size;
    void *arg;
    bool process;
    int64_t result;
} VMRPCCall;

/**
 * VMRPCProcedure: one procedure of a server
 *
 * @direction: VMRPC_SERVER_IN, VMRPC_SERVER_OUT or both
 * @min_size: smallest argument in bytes
 * @max_size: largest argument in bytes, at most 65536
 * @call: runs on the vCPU's thread, without QEMU's big lock; other vCPUs and the
 *   monitor run on.  Several may run at once.  It returns 0, a negative errno, or
 *   VMRPC_SERVER_PARK.  To stop, save or migrate the VM QEMU wants its vCPUs, and
 *   waits for @call: what takes longer than a disk access sleeps in poll(), which
 *   ends then, or parks, which leaves the vCPU to the guest's other work.
 */
typedef struct VMRPCProcedure {
    uint32_t direction;
    uint32_t min_size;
    uint32_t max_size;
    int (*call)(VMRPCCall *call);
} VMRPCProcedure;

/**
 * VMRPCServer: what a server tells of itself; stays until QEMU ends
 *
 * @api: VMRPC_SERVER_API
 * @module: the name that the guest binds: 1 to 31 printable characters
 * @version: likewise, 1 to 15
 * @procedures: their numbers are their indices
 * @nr_procedures: 1 to 256
 * @opaque: for the calls
 */
typedef struct VMRPCServer {
    uint32_t api;
    const char *module;
    const char *version;
    const VMRPCProcedure *procedures;
    uint32_t nr_procedures;
    void *opaque;
} VMRPCServer;

/**
 * VMRPCHost: what QEMU gives to a server
 *
 * @api: VMRPC_SERVER_API
 * @wake: wakes a vCPU whose call returned VMRPC_SERVER_PARK, or is about to; from
 *   any thread.  A procedure that has to wait notes @vcpu where its waker looks,
 *   under the lock that covers what it waits for, and returns VMRPC_SERVER_PARK.
 *   The vCPU is halted then, as by HLT, and costs nothing; when it was woken, by
 *   this or by anything else, the guest repeats the call.
 * @poll: poll(2), but that it ends when QEMU wants the vCPU, also if it did so before.
 *   Only from @call, on its thread.  Returns how many of @fds are ready, 0 after
 *   @timeout_ms (-1: never), or a negative errno.  On -EINTR the procedure returns
 *   that soon, and the guest repeats the call when the vCPU runs again: nothing may
 *   have been done that must not be done twice.
 * @copy_from_guest, @copy_to_guest: copy @size bytes, at most 65536, of guest memory
 *   by an address that the argument held: guest virtual, and what the calling vCPU
 *   could access.  Only from @call, on its thread.  They return 0 or a negative
 *   errno: -EFAULT the guest could not access it, and an unknown part was copied.
 *   The guest may change the memory at any time: copy once, then check.
 */
typedef struct VMRPCHost {
    uint32_t api;
    void (*wake)(uint32_t vcpu);
    int (*poll)(const VMRPCCall *call, struct pollfd *fds, nfds_t nr_fds,
                int timeout_ms);
    int (*copy_from_guest)(const VMRPCCall *call, void *to, uint64_t gva,
                           size_t size);
    int (*copy_to_guest)(const VMRPCCall *call, uint64_t gva, const void *from,
                         size_t size);
} VMRPCHost;

/**
 * vmrpc_server_init:
 * @host: stays until QEMU ends
 *
 * A shared object's only entry, called once.
 *
 * Returns: the server, or NULL if it cannot serve and has said why on stderr.
 */
typedef const VMRPCServer *VMRPCServerInit(const VMRPCHost *host);
VMRPCServerInit vmrpc_server_init;

#ifdef __cplusplus
}
#endif

#endif /* HW_VMRPC_SERVER_H */
