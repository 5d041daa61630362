/*
 * VMRPC: outsourced memory
 *
 * Guest-physical space with a file or private memory behind it, from which KVM
 * takes and gives memory block by block; see struct vmrpc_vm_set_mem.  QEMU only
 * puts it there.  The firmware does not know of it: the guest asks KVM.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/ioctl.h>
#include <linux/vmrpc_dev.h>

#include "exec/address-spaces.h"
#include "hw/boards.h"
#include "hw/core/cpu.h"
#include "hw/i386/x86.h"
#include "hw/vmrpc/vmrpc.h"
#include "migration/blocker.h"
#include "migration/misc.h"
#include "migration/vmstate.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "qemu/bitmap.h"
#include "qemu/cutils.h"
#include "qemu/memfd.h"
#include "qemu/units.h"
#include "system/system.h"
#include "target/i386/cpu.h"

/*
 * Where block 0 is: above whatever QEMU and the firmware put somewhere, and
 * still where a CPU of 40 physical address bits can reach it.
 */
#define VMRPC_MEM_BASE  (1ULL << 39)

static bool vmrpc_mem_check_options(VMRPCState *s, Error **errp)
{
    uint64_t most = (uint64_t)VMRPC_MEM_MAX_BLOCKS * VMRPC_MEM_BLOCK;

    if (!QEMU_IS_ALIGNED(s->mem_max, VMRPC_MEM_ALIGN) || s->mem_max > most) {
        error_setg(errp, "mem-max=%" PRIu64 ": give a multiple of 128 MiB, at "
                   "most %" PRIu64, s->mem_max, most);
        return false;
    }
    if (s->mem_limit == UINT64_MAX) {
        s->mem_limit = s->mem_max;
    }
    if (!QEMU_IS_ALIGNED(s->mem_limit, VMRPC_MEM_BLOCK) ||
        s->mem_limit > s->mem_max) {
        error_setg(errp, "mem-limit=%" PRIu64 ": give a multiple of 2 MiB, at "
                   "most mem-max", s->mem_limit);
        return false;
    }
    if (s->mem_hugetlb && !s->mem_share) {
        error_setg(errp, "mem-hugetlb is of a file: start the VM without "
                   "mem-share=off");
        return false;
    }
    if (!QEMU_IS_ALIGNED(s->mem_pin_max, VMRPC_PAGE_SIZE)) {
        error_setg(errp, "mem-pin-max=%" PRIu64 ": give a multiple of 4 KiB",
                   s->mem_pin_max);
        return false;
    }
    return true;
}

static bool vmrpc_mem_check_machine(VMRPCState *s, Error **errp)
{
    X86MachineState *x86ms = (X86MachineState *)
        object_dynamic_cast(OBJECT(current_machine), TYPE_X86_MACHINE);
    uint32_t phys_bits = X86_CPU(first_cpu)->phys_bits;
    uint64_t end = VMRPC_MEM_BASE + s->mem_max, others;

    if (!x86ms || end > 1ULL << phys_bits) {
        error_setg(errp, "mem-max=%" PRIu64 " needs %d physical address bits, "
                   "the VM's CPU has %" PRIu32, s->mem_max,
                   64 - clz64(end - 1), phys_bits);
        return false;
    }
    others = x86ms->above_4g_mem_start + x86ms->above_4g_mem_size;
    if (current_machine->device_memory) {
        others = MAX(others, current_machine->device_memory->base +
                     memory_region_size(&current_machine->device_memory->mr));
    }
    if (others > VMRPC_MEM_BASE - VMRPC_MEM_ALIGN) {
        error_setg(errp, "mem-max: the VM's other memory (-m, maxmem=) has to "
                   "end below %llu", VMRPC_MEM_BASE - VMRPC_MEM_ALIGN);
        return false;
    }
    if (should_mlock(mlock_state)) {
        error_setg(errp, "mem-max: not with -overcommit mem-lock=");
        return false;
    }
    return true;
}

/* The pages of a guest with less of them are not what the others are for. */
static bool vmrpc_mem_block_others(Error **errp)
{
    if (ram_block_discard_require(true)) {
        error_setg(errp, "mem-max: a device of the VM has its memory pinned "
                   "(VFIO): start it without that or without mem-max");
        return false;
    }
    return true;
}

static bool vmrpc_mem_give(VMRPCState *s, int fd, Error **errp)
{
    struct vmrpc_vm_set_mem arg = {
        .fd = fd,
        .flags = s->mem_share ? 0 : VMRPC_MEM_PRIVATE,
        .gpa = VMRPC_MEM_BASE,
        .size = s->mem_max,
        .limit = s->mem_limit,
        .pin_max = s->mem_pin_max,
    };

    if (RETRY_ON_EINTR(ioctl(s->vm_fd, VMRPC_VM_SET_MEM, &arg)) == 0) {
        return true;
    }
    if (errno == ENOSPC) {
        error_setg(errp, "mem-hugetlb: the host's pool of huge pages is empty: "
                   "fill it (vm.nr_hugepages), or start the VM without");
    } else {
        error_setg_errno(errp, errno, "cannot give KVM the memory of mem-max");
    }
    return false;
}

/* By its path: a file given as a descriptor is not mapped at a block's boundary. */
static bool vmrpc_mem_init_file(VMRPCState *s, MemoryRegion *mr,
                                const char *name, uint64_t size, int fd,
                                uint64_t offset, Error **errp)
{
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);

    return memory_region_init_ram_from_file(mr, OBJECT(s), name, size,
                                            VMRPC_MEM_BLOCK,
                                            RAM_SHARED | RAM_NORESERVE, path,
                                            offset, errp);
}

static bool vmrpc_mem_init_blocks(VMRPCState *s, int fd, Error **errp)
{
    if (s->mem_share) {
        return vmrpc_mem_init_file(s, &s->mem, "vmrpc.mem", s->mem_max, fd,
                                   VMRPC_MEM_BLOCK, errp);
    }
    return memory_region_init_ram_flags_nomigrate(&s->mem, OBJECT(s),
                                                  "vmrpc.mem", s->mem_max,
                                                  RAM_PRIVATE | RAM_NORESERVE,
                                                  errp);
}

static bool vmrpc_mem_init(VMRPCState *s, int fd, Error **errp)
{
    if (!vmrpc_mem_init_file(s, &s->mem_table, "vmrpc.mem-table",
                             VMRPC_MEM_BLOCK, fd, 0, errp)) {
        return false;
    }
    if (!vmrpc_mem_init_blocks(s, fd, errp)) {
        goto no_table;
    }
    if (!vmrpc_mem_give(s, fd, errp)) {
        goto no_blocks;
    }
    return true;

no_blocks:
    object_unparent(OBJECT(&s->mem));
no_table:
    object_unparent(OBJECT(&s->mem_table));
    return false;
}

static void vmrpc_mem_add(VMRPCState *s, MemoryRegion *mr, uint64_t gpa)
{
    memory_region_add_subregion(get_system_memory(), gpa, mr);
    vmstate_register_ram(mr, DEVICE(s));
}

static bool vmrpc_mem_map(VMRPCState *s, Error **errp)
{
    uint64_t size = VMRPC_MEM_BLOCK + (s->mem_share ? s->mem_max : 0);
    int fd = qemu_memfd_create("vmrpc-mem", size, s->mem_hugetlb,
                               s->mem_hugetlb ? VMRPC_MEM_BLOCK : 0, 0, errp);
    bool ok;

    if (fd < 0) {
        return false;
    }
    ok = vmrpc_mem_init(s, fd, errp);
    close(fd);
    if (ok) {
        vmrpc_mem_add(s, &s->mem_table, VMRPC_MEM_BASE - VMRPC_MEM_BLOCK);
        vmrpc_mem_add(s, &s->mem, VMRPC_MEM_BASE);
    }
    return ok;
}

static void vmrpc_mem_remove(VMRPCState *s, MemoryRegion *mr)
{
    vmstate_unregister_ram(mr, DEVICE(s));
    memory_region_del_subregion(get_system_memory(), mr);
    object_unparent(OBJECT(mr));
}

static void vmrpc_mem_unmap(VMRPCState *s)
{
    vmrpc_mem_remove(s, &s->mem);
    vmrpc_mem_remove(s, &s->mem_table);
}

/* Properties */

static bool vmrpc_mem_ioctl(VMRPCState *s, unsigned long cmd, void *arg,
                            Error **errp)
{
    if (!s->mem_max) {
        error_setg(errp, "the VM has no outsourced memory: start it with "
                   "-device vmrpc,mem-max=");
        return false;
    }
    if (RETRY_ON_EINTR(ioctl(s->vm_fd, cmd, arg)) == 0) {
        return true;
    }
    if (errno == ENOTCONN) {
        error_setg(errp, "the guest does not use its outsourced memory: boot "
                   "it with vmrpc.outsource=mem");
    } else if (errno == ERANGE) {
        error_setg(errp, "give at most mem-max, %" PRIu64, s->mem_max);
    } else if (errno == EBUSY) {
        error_setg(errp, "the guest has more of it pinned: see mem-info");
    } else {
        error_setg_errno(errp, errno, "outsourced memory");
    }
    return false;
}

static bool vmrpc_mem_check_ms(const char *name, uint32_t ms, uint32_t least,
                               Error **errp)
{
    if (ms && (ms < least || ms > VMRPC_MEM_AUTO_MAX_MS)) {
        error_setg(errp, "%s=%" PRIu32 ": give %" PRIu32 " to %d, or 0 for "
                   "never", name, ms, least, VMRPC_MEM_AUTO_MAX_MS);
        return false;
    }
    return true;
}

static bool vmrpc_mem_set_auto(VMRPCState *s, uint32_t ms, uint32_t idle_ms,
                               Error **errp)
{
    struct vmrpc_vm_mem_auto arg = { .ms = ms, .idle_ms = idle_ms };

    if (!vmrpc_mem_check_ms("mem-auto-ms", ms, VMRPC_MEM_AUTO_MIN_MS, errp) ||
        !vmrpc_mem_check_ms("mem-idle-ms", idle_ms, VMRPC_MEM_IDLE_MIN_MS,
                            errp)) {
        return false;
    }
    if (idle_ms && !ms) {
        error_setg(errp, "mem-idle-ms needs mem-auto-ms");
        return false;
    }
    return vmrpc_mem_ioctl(s, VMRPC_VM_MEM_AUTO, &arg, errp);
}

/* What the VM has now, and before it is there what it is to have. */
static bool vmrpc_mem_read(VMRPCState *s, struct vmrpc_vm_mem_info *info,
                           Error **errp)
{
    *info = (struct vmrpc_vm_mem_info) {
        .max = s->mem_max,
        .limit = s->mem_limit,
        .auto_ms = s->mem_auto_ms,
        .idle_ms = s->mem_idle_ms,
    };
    return !DEVICE(s)->realized || !s->mem_max ||
           vmrpc_mem_ioctl(s, VMRPC_VM_MEM_INFO, info, errp);
}

static void vmrpc_mem_get_limit(Object *obj, Visitor *v, const char *name,
                                void *opaque, Error **errp)
{
    struct vmrpc_vm_mem_info info;
    uint64_t size;

    if (vmrpc_mem_read(VMRPC(obj), &info, errp)) {
        size = info.limit;
        visit_type_size(v, name, &size, errp);
    }
}

static void vmrpc_mem_set_limit(Object *obj, Visitor *v, const char *name,
                                void *opaque, Error **errp)
{
    VMRPCState *s = VMRPC(obj);
    struct vmrpc_vm_mem_size arg = {};
    uint64_t size;

    if (!visit_type_size(v, name, &size, errp)) {
        return;
    }
    if (!DEVICE(s)->realized) {
        s->mem_limit = size;
        return;
    }
    arg.size = size;
    vmrpc_mem_ioctl(s, VMRPC_VM_MEM_LIMIT, &arg, errp);
}

static void vmrpc_mem_get_auto_ms(Object *obj, Visitor *v, const char *name,
                                  void *opaque, Error **errp)
{
    struct vmrpc_vm_mem_info info;

    if (vmrpc_mem_read(VMRPC(obj), &info, errp)) {
        visit_type_uint32(v, name, &info.auto_ms, errp);
    }
}

/* Without it what is idle is not looked for, either. */
static void vmrpc_mem_set_auto_ms(Object *obj, Visitor *v, const char *name,
                                  void *opaque, Error **errp)
{
    VMRPCState *s = VMRPC(obj);
    struct vmrpc_vm_mem_info info;
    uint32_t ms;

    if (!visit_type_uint32(v, name, &ms, errp)) {
        return;
    }
    if (!DEVICE(s)->realized) {
        s->mem_auto_ms = ms;
    } else if (vmrpc_mem_read(s, &info, errp)) {
        vmrpc_mem_set_auto(s, ms, ms ? info.idle_ms : 0, errp);
    }
}

static void vmrpc_mem_get_idle_ms(Object *obj, Visitor *v, const char *name,
                                  void *opaque, Error **errp)
{
    struct vmrpc_vm_mem_info info;

    if (vmrpc_mem_read(VMRPC(obj), &info, errp)) {
        visit_type_uint32(v, name, &info.idle_ms, errp);
    }
}

static void vmrpc_mem_set_idle_ms(Object *obj, Visitor *v, const char *name,
                                  void *opaque, Error **errp)
{
    VMRPCState *s = VMRPC(obj);
    struct vmrpc_vm_mem_info info;
    uint32_t ms;

    if (!visit_type_uint32(v, name, &ms, errp)) {
        return;
    }
    if (!DEVICE(s)->realized) {
        s->mem_idle_ms = ms;
    } else if (vmrpc_mem_read(s, &info, errp)) {
        vmrpc_mem_set_auto(s, info.auto_ms, ms, errp);
    }
}

static void vmrpc_mem_set_reclaim(Object *obj, Visitor *v, const char *name,
                                  void *opaque, Error **errp)
{
    struct vmrpc_vm_mem_size arg;
    uint64_t size;

    if (!visit_type_size(v, name, &size, errp)) {
        return;
    }
    /* In parts: each ends when a signal comes. */
    do {
        arg = (struct vmrpc_vm_mem_size) { .size = MIN(size, 1 * GiB) };
        if (!vmrpc_mem_ioctl(VMRPC(obj), VMRPC_VM_MEM_RECLAIM, &arg, errp)) {
            return;
        }
        size -= MIN(size, arg.size);
    } while (size && arg.size);
}

static bool vmrpc_mem_visit_info(Visitor *v, struct vmrpc_vm_mem_info *info,
                                 Error **errp)
{
    struct {
        const char *name;
        uint64_t value;
    } members[] = {
        { "max", info->max },
        { "limit", info->limit },
        { "used", info->used },
        { "free", info->free },
        { "absent", info->absent },
        { "resident", info->resident },
        { "swapped", info->swapped },
        { "pinned", info->pinned },
        { "reclaimed", info->reclaimed },
    };
    bool attached = info->attached;
    size_t i;

    for (i = 0; i < ARRAY_SIZE(members); i++) {
        if (!visit_type_size(v, members[i].name, &members[i].value, errp)) {
            return false;
        }
    }
    return visit_type_bool(v, "attached", &attached, errp) &&
           visit_check_struct(v, errp);
}

static void vmrpc_mem_get_info(Object *obj, Visitor *v, const char *name,
                               void *opaque, Error **errp)
{
    struct vmrpc_vm_mem_info info;

    if (!vmrpc_mem_read(VMRPC(obj), &info, errp) ||
        !visit_start_struct(v, name, NULL, 0, errp)) {
        return;
    }
    vmrpc_mem_visit_info(v, &info, errp);
    visit_end_struct(v, NULL);
}

void vmrpc_mem_add_properties(Object *obj)
{
    object_property_add(obj, "mem-limit", "size", vmrpc_mem_get_limit,
                        vmrpc_mem_set_limit, NULL, NULL);
    object_property_add(obj, "mem-auto-ms", "uint32", vmrpc_mem_get_auto_ms,
                        vmrpc_mem_set_auto_ms, NULL, NULL);
    object_property_add(obj, "mem-idle-ms", "uint32", vmrpc_mem_get_idle_ms,
                        vmrpc_mem_set_idle_ms, NULL, NULL);
    object_property_add(obj, "mem-reclaim", "size", NULL,
                        vmrpc_mem_set_reclaim, NULL, NULL);
    object_property_add(obj, "mem-info", "struct", vmrpc_mem_get_info, NULL,
                        NULL, NULL);
}

/* Migration and snapshots */

/*
 * It is sent as all memory is, but for the blocks that are not USED.  KVM
 * changes the table without logging that, so it is sent in each round.
 *
 * A block is stale while what was sent of it need not be what the guest finds
 * there, and the log of what the guest writes does not tell: its host dropped it,
 * which makes it zeros, or it was not sent.  When it is USED again it is sent as a
 * whole.
 */

/* Either would miss what KVM takes and changes meanwhile. */
static bool vmrpc_mem_can_migrate(Error **errp)
{
    const char *what = migrate_postcopy_ram() ? "postcopy-ram" :
                       migrate_background_snapshot() ? "background-snapshot" :
                       NULL;

    if (what) {
        error_setg(errp, "the VM has outsourced memory (-device "
                   "vmrpc,mem-max=): migrate it without %s", what);
    }
    return !what;
}

static size_t vmrpc_mem_nr_blocks(VMRPCState *s)
{
    return s->mem_max / VMRPC_MEM_BLOCK;
}

static bool vmrpc_mem_is_used(const uint8_t *states, size_t block)
{
    return qatomic_read(&states[block]) == VMRPC_MEM_USED;
}

static uint64_t vmrpc_mem_offset(size_t block)
{
    return block * (uint64_t)VMRPC_MEM_BLOCK;
}

static const uint8_t *vmrpc_mem_states(VMRPCState *s)
{
    struct vmrpc_mem_table *table = memory_region_get_ram_ptr(&s->mem_table);

    return (const uint8_t *)(table + 1);
}

static bool vmrpc_mem_find_dropped(VMRPCState *s, Error **errp)
{
    size_t nr_blocks = vmrpc_mem_nr_blocks(s);
    g_autofree unsigned long *dropped = bitmap_new(nr_blocks);
    struct vmrpc_vm_mem_dropped arg = {
        .bitmap = (uintptr_t)dropped,
        .size = nr_blocks / 8,
    };

    if (!vmrpc_mem_ioctl(s, VMRPC_VM_MEM_DROPPED, &arg, errp)) {
        return false;
    }
    bitmap_or(s->mem_stale, s->mem_stale, dropped, nr_blocks);
    return true;
}

/* What is dropped or used after it was looked at is so in the next round. */
static void vmrpc_mem_send_stale(VMRPCState *s)
{
    const uint8_t *states = vmrpc_mem_states(s);
    size_t nr_blocks = vmrpc_mem_nr_blocks(s), block;
    Error *err = NULL;

    if (!vmrpc_mem_find_dropped(s, &err)) {
        warn_report_err(err);
        bitmap_fill(s->mem_stale, nr_blocks);
    }
    for (block = find_first_bit(s->mem_stale, nr_blocks); block < nr_blocks;
         block = find_next_bit(s->mem_stale, nr_blocks, block + 1)) {
        if (vmrpc_mem_is_used(states, block)) {
            clear_bit(block, s->mem_stale);
            memory_region_set_dirty(&s->mem, vmrpc_mem_offset(block),
                                    VMRPC_MEM_BLOCK);
        }
    }
}

static void vmrpc_mem_skip(VMRPCState *s, size_t block, size_t nr)
{
    uint8_t *memory = memory_region_get_ram_ptr(&s->mem);

    bitmap_set(s->mem_stale, block, nr);
    qemu_guest_free_page_hint(memory + vmrpc_mem_offset(block),
                              nr * (size_t)VMRPC_MEM_BLOCK);
}

static void vmrpc_mem_skip_unused(VMRPCState *s)
{
    const uint8_t *states = vmrpc_mem_states(s);
    size_t nr_blocks = vmrpc_mem_nr_blocks(s), block, nr;

    for (block = 0; block < nr_blocks; block += nr + 1) {
        for (nr = 0; block + nr < nr_blocks; nr++) {
            if (vmrpc_mem_is_used(states, block + nr)) {
                break;
            }
        }
        if (nr) {
            vmrpc_mem_skip(s, block, nr);
        }
    }
}

static int vmrpc_mem_precopy(NotifierWithReturn *n, void *data, Error **errp)
{
    VMRPCState *s = container_of(n, VMRPCState, mem_precopy);
    PrecopyNotifyData *precopy = data;

    switch (precopy->reason) {
    case PRECOPY_NOTIFY_SETUP:
        return vmrpc_mem_can_migrate(errp) ? 0 : -1;
    case PRECOPY_NOTIFY_BEFORE_BITMAP_SYNC:
        memory_region_set_dirty(&s->mem_table, 0,
                                sizeof(struct vmrpc_mem_table) +
                                vmrpc_mem_nr_blocks(s));
        vmrpc_mem_send_stale(s);
        return 0;
    case PRECOPY_NOTIFY_AFTER_BITMAP_SYNC:
        vmrpc_mem_skip_unused(s);
        return 0;
    default:
        return 0;
    }
}

static bool vmrpc_mem_needed(void *opaque)
{
    VMRPCState *s = opaque;

    return s->mem_max;
}

static int vmrpc_mem_pre_save(void *opaque)
{
    VMRPCState *s = opaque;
    struct vmrpc_vm_mem_info info;
    Error *err = NULL;

    if (!vmrpc_mem_read(s, &info, &err)) {
        error_report_err(err);
        return -1;
    }
    s->mem_saved.attached = info.attached;
    s->mem_saved.limit = info.limit;
    s->mem_saved.auto_ms = info.auto_ms;
    s->mem_saved.idle_ms = info.idle_ms;
    return 0;
}

static int vmrpc_mem_post_load(void *opaque, int version_id)
{
    VMRPCState *s = opaque;
    struct vmrpc_vm_mem_size arg = { .size = s->mem_saved.limit };
    /* The guest may have been attached when its migration began. */
    unsigned long cmd = s->mem_saved.attached ? VMRPC_VM_MEM_LOAD :
                                                VMRPC_VM_RESET;
    Error *err = NULL;

    if (!vmrpc_mem_ioctl(s, cmd, &arg, &err) ||
        !vmrpc_mem_set_auto(s, s->mem_saved.auto_ms, s->mem_saved.idle_ms,
                            &err)) {
        error_report_err(err);
        return -1;
    }
    return 0;
}

const VMStateDescription vmstate_vmrpc_mem = {
    .name = TYPE_VMRPC "/mem",
    .version_id = 2,
    .minimum_version_id = 2,    /* 1: with the table in the blocks' region */
    .needed = vmrpc_mem_needed,
    .pre_save = vmrpc_mem_pre_save,
    .post_load = vmrpc_mem_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_BOOL(mem_saved.attached, VMRPCState),
        VMSTATE_UINT64(mem_saved.limit, VMRPCState),
        VMSTATE_UINT32(mem_saved.auto_ms, VMRPCState),
        VMSTATE_UINT32(mem_saved.idle_ms, VMRPCState),
        VMSTATE_END_OF_LIST()
    },
};

static void vmrpc_mem_migrate_cleanup(VMRPCState *s)
{
    precopy_remove_notifier(&s->mem_precopy);
    migrate_del_blocker(&s->mem_blocker);
    g_free(s->mem_stale);
}

/*
 * With cpr-transfer nothing is sent, and the other QEMU does not have the file.
 * KVM is asked once here: one that cannot tell is older than this.
 */
static bool vmrpc_mem_migrate_setup(VMRPCState *s, Error **errp)
{
    error_setg(&s->mem_blocker, "the VM has outsourced memory (-device "
               "vmrpc,mem-max=): migrate it without cpr-transfer");
    if (migrate_add_blocker_modes(&s->mem_blocker, errp, MIG_MODE_CPR_TRANSFER,
                                  -1) < 0) {
        return false;
    }
    s->mem_stale = bitmap_new(vmrpc_mem_nr_blocks(s));
    s->mem_precopy.notify = vmrpc_mem_precopy;
    precopy_add_notifier(&s->mem_precopy);
    if (!vmrpc_mem_find_dropped(s, errp)) {
        vmrpc_mem_migrate_cleanup(s);
        return false;
    }
    return true;
}

bool vmrpc_mem_realize(VMRPCState *s, Error **errp)
{
    if (!s->mem_max) {
        if (s->mem_limit != UINT64_MAX || s->mem_auto_ms || s->mem_idle_ms ||
            s->mem_pin_max || s->mem_hugetlb || !s->mem_share) {
            error_setg(errp, "mem-limit, mem-auto-ms, mem-idle-ms, mem-pin-max, "
                       "mem-share and mem-hugetlb need mem-max");
            return false;
        }
        return true;
    }
    if (!vmrpc_mem_check_options(s, errp) || !vmrpc_mem_check_machine(s, errp) ||
        !vmrpc_mem_block_others(errp)) {
        return false;
    }
    if (!vmrpc_mem_map(s, errp)) {
        goto unblock;
    }
    if ((s->mem_auto_ms || s->mem_idle_ms) &&
        !vmrpc_mem_set_auto(s, s->mem_auto_ms, s->mem_idle_ms, errp)) {
        goto unmap;
    }
    if (!vmrpc_mem_migrate_setup(s, errp)) {
        goto unmap;
    }
    return true;

unmap:
    vmrpc_mem_unmap(s);
unblock:
    ram_block_discard_require(false);
    return false;
}

void vmrpc_mem_unrealize(VMRPCState *s)
{
    if (!s->mem_max) {
        return;
    }
    vmrpc_mem_migrate_cleanup(s);
    vmrpc_mem_unmap(s);
    ram_block_discard_require(false);
}
