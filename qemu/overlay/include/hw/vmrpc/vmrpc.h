/*
 * VMRPC: calls between the kernels of host and guest
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VMRPC_H
#define HW_VMRPC_H

#include "hw/pci/pci_device.h"
#include "exec/memory.h"
#include "qemu/event_notifier.h"
#include "qom/object.h"
#include "system/runstate.h"

#define TYPE_VMRPC "vmrpc"
OBJECT_DECLARE_SIMPLE_TYPE(VMRPCState, VMRPC)

struct VMRPCState {
    PCIDevice parent_obj;

    char *name;                 /* of the VM, as the host's clients see it */
    char *group;                /* who may call it too; a name or a number */
    uint32_t features;          /* VMRPC_F_* */
    int vm_fd;                  /* KVM's VM descriptor, -1 until it is given */

    EventNotifier irq;          /* signalled by KVM, for MSI-X vector 0 */
    int virq;                   /* KVM's route of the vector, -1: none */
    bool msix_on;               /* the vector's notifiers are set */
    bool irqfd;                 /* KVM injects @irq by itself */

    bool migrated;              /* the guest was not yet told */
    VMChangeStateEntry *vmstate;

    uint64_t mem_max;           /* of outsourced memory in bytes, 0: none */
    uint64_t mem_limit;         /* in bytes, at the start; UINT64_MAX: @mem_max */
    uint32_t mem_auto_ms;       /* at the start; 0: off */
    uint32_t mem_idle_ms;       /* likewise */
    bool mem_share;             /* a file's; else private, which KSM can merge */
    bool mem_hugetlb;           /* of the host's pool of huge pages */
    uint64_t mem_pin_max;       /* bytes that the guest may pin */
    MemoryRegion mem_table;
    MemoryRegion mem;           /* the blocks */
    NotifierWithReturn mem_precopy;
    unsigned long *mem_stale;   /* bitmap of blocks */
    Error *mem_blocker;         /* of ways to migrate */
    struct {
        bool attached;
        uint64_t limit;
        uint32_t auto_ms;
        uint32_t idle_ms;
    } mem_saved;                /* as in struct vmrpc_vm_mem_info */
};

struct kvm_cpuid_entry2;

/**
 * vmrpc_find:
 *
 * Returns: the VM's vmrpc device, or NULL if it has none.
 */
VMRPCState *vmrpc_find(void);

/**
 * vmrpc_fill_cpuid:
 * @entries: CPUID entries of a vCPU
 * @nent: how many of @entries are filled
 * @max: length of @entries
 *
 * Appends the leaves by which the guest finds the interface, if the VM has it.
 *
 * Returns: how many entries are filled now.
 */
int vmrpc_fill_cpuid(struct kvm_cpuid_entry2 *entries, int nent, int max);

struct kvm_run;
struct VMRPCServer;

/**
 * vmrpc_server_add:
 * @server: see hw/vmrpc/vmrpc-server.h; stays until QEMU ends
 *
 * Offers a server to the guest.  With the big lock held.
 */
bool vmrpc_server_add(const struct VMRPCServer *server, Error **errp);

/* The device has its descriptor, or is about to lose it. */
bool vmrpc_servers_start(VMRPCState *s, Error **errp);
void vmrpc_servers_stop(void);

/**
 * vmrpc_mem_realize:
 *
 * Gives the guest its outsourced memory, if it is to have some.
 */
bool vmrpc_mem_realize(VMRPCState *s, Error **errp);
/* Those properties that can be changed, or read, while the VM runs. */
void vmrpc_mem_add_properties(Object *obj);
void vmrpc_mem_unrealize(VMRPCState *s);
extern const VMStateDescription vmstate_vmrpc_mem;

/**
 * vmrpc_handle_call:
 * @run: of a vCPU that left KVM for a call of one of our servers
 *
 * On the vCPU's thread, without the big lock.
 *
 * Returns: 0, or a negative errno if the VM cannot go on.
 */
int vmrpc_handle_call(const struct kvm_run *run);

#endif /* HW_VMRPC_H */
