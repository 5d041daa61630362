/*
 * VMRPC: calls between the kernels of host and guest
 *
 * The interface itself is between the guest and KVM; see linux/vmrpc.h.  This
 * device turns it on for the VM, announces it in CPUID, and carries the one
 * interrupt that it needs: KVM signals an eventfd, which is wired to MSI-X
 * vector 0 by irqfd.  While the vector is masked the event stays in the
 * eventfd, and it is injected when the vector is unmasked.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <grp.h>
#include <sys/ioctl.h>
#include <linux/kvm.h>
#include <linux/vmrpc_dev.h>

#include "hw/vmrpc/vmrpc.h"
#include "hw/pci/msi.h"
#include "hw/pci/msix.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "qapi/error.h"
#include "qemu/cutils.h"
#include "qemu/error-report.h"
#include "qemu/module.h"
#include "system/kvm.h"
#include "system/system.h"
#include "trace.h"

/* A later kernel may offer features that a VMM has to take part in. */
#define VMRPC_FEATURES  (VMRPC_F_KERNEL | VMRPC_F_REVERSE | VMRPC_F_USER | \
                         VMRPC_F_BULK)

#define VMRPC_MSIX_BAR  0

/* The kernel's own limit, which is above what QEMU fills by itself. */
#define VMRPC_CPUID_MAX 256

VMRPCState *vmrpc_find(void)
{
    Object *obj = object_resolve_path_type("", TYPE_VMRPC, NULL);

    return obj ? VMRPC(obj) : NULL;
}

/* CPUID */

static int vmrpc_append_cpuid(VMRPCState *s, struct kvm_cpuid_entry2 *entries,
                              int nent)
{
    entries[nent++] = (struct kvm_cpuid_entry2) {
        .function = VMRPC_CPUID_LEAF,
        .eax = VMRPC_CPUID_LEAF + VMRPC_CPUID_FEATURES,
        .ebx = VMRPC_CPUID_SIGNATURE_EBX,
        .ecx = VMRPC_CPUID_SIGNATURE_ECX,
        .edx = VMRPC_CPUID_SIGNATURE_EDX,
    };
    entries[nent++] = (struct kvm_cpuid_entry2) {
        .function = VMRPC_CPUID_LEAF + VMRPC_CPUID_FEATURES,
        .eax = s->features,
        .ebx = VMRPC_MAX_ARG,
        .ecx = VMRPC_MAX_SLOTS,
    };
    return nent;
}

int vmrpc_fill_cpuid(struct kvm_cpuid_entry2 *entries, int nent, int max)
{
    VMRPCState *s = vmrpc_find();

    if (!s || s->vm_fd < 0) {
        return nent;
    }
    if (nent + 2 > max) {
        error_report("vmrpc: no room for two more CPUID entries after %d",
                     nent);
        exit(EXIT_FAILURE);
    }
    return vmrpc_append_cpuid(s, entries, nent);
}

typedef struct {
    VMRPCState *s;
    int ret;
} VMRPCCpuidWork;

static void vmrpc_do_update_cpuid(CPUState *cs, run_on_cpu_data data)
{
    VMRPCCpuidWork *work = data.host_ptr;
    g_autofree struct kvm_cpuid2 *cpuid =
        g_malloc0(sizeof(*cpuid) +
                  VMRPC_CPUID_MAX * sizeof(struct kvm_cpuid_entry2));

    cpuid->nent = VMRPC_CPUID_MAX - 2;
    work->ret = kvm_vcpu_ioctl(cs, KVM_GET_CPUID2, cpuid);
    if (work->ret < 0) {
        return;
    }
    cpuid->nent = vmrpc_append_cpuid(work->s, cpuid->entries, cpuid->nent);
    work->ret = kvm_vcpu_ioctl(cs, KVM_SET_CPUID2, cpuid);
}

/*
 * The vCPUs that exist already were set up before this device.  None has run
 * yet, as the device can not be hot-plugged, so KVM still takes new entries.
 */
static bool vmrpc_update_cpuid(VMRPCState *s, Error **errp)
{
    VMRPCCpuidWork work = { .s = s };
    CPUState *cs;

    CPU_FOREACH(cs) {
        run_on_cpu(cs, vmrpc_do_update_cpuid, RUN_ON_CPU_HOST_PTR(&work));
        if (work.ret < 0) {
            error_setg_errno(errp, -work.ret,
                             "cannot add VMRPC to the CPUID of vCPU %d",
                             cs->cpu_index);
            return false;
        }
    }
    return true;
}

/* Interrupt */

static void vmrpc_notify(EventNotifier *n)
{
    VMRPCState *s = container_of(n, VMRPCState, irq);

    if (event_notifier_test_and_clear(n)) {
        trace_vmrpc_notify();
        msix_notify(PCI_DEVICE(s), 0);
    }
}

static int vmrpc_route_update(VMRPCState *s, MSIMessage msg)
{
    PCIDevice *pdev = PCI_DEVICE(s);
    KVMRouteChange c;
    int ret;

    if (s->virq >= 0) {
        ret = kvm_irqchip_update_msi_route(kvm_state, s->virq, msg, pdev);
        kvm_irqchip_commit_routes(kvm_state);
        return ret;
    }
    c = kvm_irqchip_begin_route_changes(kvm_state);
    ret = kvm_irqchip_add_msi_route(&c, 0, pdev);
    if (ret < 0) {
        return ret;
    }
    kvm_irqchip_commit_route_changes(&c);
    s->virq = ret;
    return 0;
}

static int vmrpc_vector_use(PCIDevice *pdev, unsigned vector, MSIMessage msg)
{
    VMRPCState *s = VMRPC(pdev);
    int ret;

    ret = vmrpc_route_update(s, msg);
    if (ret >= 0) {
        ret = kvm_irqchip_add_irqfd_notifier_gsi(kvm_state, &s->irq, NULL,
                                                 s->virq);
    }
    s->irqfd = ret >= 0;
    if (!s->irqfd) {
        /* Slower, but correct.  A failure returned from here would abort. */
        warn_report_once("vmrpc: no irqfd (%s): interrupts go through QEMU",
                         strerror(-ret));
        event_notifier_set_handler(&s->irq, vmrpc_notify);
    }
    trace_vmrpc_vector_use(s->virq, s->irqfd);
    return 0;
}

static void vmrpc_vector_release(PCIDevice *pdev, unsigned vector)
{
    VMRPCState *s = VMRPC(pdev);

    if (s->irqfd) {
        trace_vmrpc_vector_release(s->virq);
        kvm_irqchip_remove_irqfd_notifier_gsi(kvm_state, &s->irq, s->virq);
        s->irqfd = false;
    } else {
        event_notifier_set_handler(&s->irq, NULL);
    }
}

static void vmrpc_vector_poll(PCIDevice *pdev, unsigned int vector_start,
                              unsigned int vector_end)
{
    VMRPCState *s = VMRPC(pdev);

    if (vector_start == 0 && vector_end > 0 && msix_is_masked(pdev, 0) &&
        event_notifier_test_and_clear(&s->irq)) {
        msix_set_pending(pdev, 0);
    }
}

static void vmrpc_msix_start(VMRPCState *s)
{
    s->msix_on = true;
    msix_set_vector_notifiers(PCI_DEVICE(s), vmrpc_vector_use,
                              vmrpc_vector_release, vmrpc_vector_poll);
}

static void vmrpc_msix_stop(VMRPCState *s)
{
    if (!s->msix_on) {
        return;
    }
    s->msix_on = false;
    msix_unset_vector_notifiers(PCI_DEVICE(s));
    /* Not called by the above if MSI-X is off already; may be called twice. */
    vmrpc_vector_release(PCI_DEVICE(s), 0);
    if (s->virq >= 0) {
        kvm_irqchip_release_virq(kvm_state, s->virq);
        s->virq = -1;
    }
}

static void vmrpc_msix_update(VMRPCState *s)
{
    bool on = msix_enabled(PCI_DEVICE(s));

    if (on && !s->msix_on) {
        vmrpc_msix_start(s);
    } else if (!on) {
        vmrpc_msix_stop(s);
    }
}

static void vmrpc_config_write(PCIDevice *pdev, uint32_t addr, uint32_t val,
                               int len)
{
    pci_default_write_config(pdev, addr, val, len);
    vmrpc_msix_update(VMRPC(pdev));
}

/* Life cycle */

static bool vmrpc_name_is_valid(const char *name)
{
    const char *p;

    for (p = name; *p; p++) {
        if (!g_ascii_isgraph(*p)) {
            return false;
        }
    }
    return p > name && p - name < VMRPC_NAME_LEN;
}

static bool vmrpc_name_init(VMRPCState *s, Error **errp)
{
    if (!s->name) {
        const char *vm_name = qemu_get_vm_name();

        s->name = vm_name ? g_strdup(vm_name)
                          : g_strdup_printf("%d", (int)getpid());
    }
    if (!vmrpc_name_is_valid(s->name)) {
        error_setg(errp, "'%s' cannot be the VM's name: give -device "
                   "vmrpc,name= 1 to %d printable ASCII characters "
                   "without blanks", s->name, VMRPC_NAME_LEN - 1);
        return false;
    }
    return true;
}

static bool vmrpc_check_host(VMRPCState *s, Error **errp)
{
    if (!kvm_enabled()) {
        error_setg(errp, "vmrpc needs KVM: start with -accel kvm");
        return false;
    }
    s->features = kvm_vm_check_extension(kvm_state, KVM_CAP_VMRPC) &
                  VMRPC_FEATURES;
    if (!s->features) {
        error_setg(errp, "the host kernel has no VMRPC: install the patched "
                   "kernel built with CONFIG_KVM_VMRPC");
        return false;
    }
    if (!kvm_msi_via_irqfd_enabled()) {
        error_setg(errp, "vmrpc needs the interrupt controller in the "
                   "kernel: start without kernel-irqchip=off");
        return false;
    }
    return true;
}

static bool vmrpc_group_init(VMRPCState *s, struct kvm_vmrpc_config *config,
                             Error **errp)
{
    struct group *group;
    uint64_t gid;

    if (!s->group) {
        return true;
    }
    group = getgrnam(s->group);
    if (group) {
        gid = group->gr_gid;
    } else if (qemu_strtou64(s->group, NULL, 10, &gid) || gid >= UINT32_MAX) {
        error_setg(errp, "the host has no group '%s': give -device "
                   "vmrpc,group= a name or number of one", s->group);
        return false;
    }
    config->flags |= VMRPC_CONFIG_GROUP;
    config->gid = gid;
    return true;
}

static bool vmrpc_enable(VMRPCState *s, Error **errp)
{
    struct kvm_vmrpc_config config = {
        .irq_eventfd = event_notifier_get_fd(&s->irq),
    };
    int ret;

    if (!vmrpc_group_init(s, &config, errp)) {
        return false;
    }

    memcpy(config.name, s->name, strlen(s->name));
    ret = kvm_vm_enable_cap(kvm_state, KVM_CAP_VMRPC, 0, (uintptr_t)&config);
    if (ret == -EEXIST) {
        error_setg(errp, "another VM is already named '%s': give -device "
                   "vmrpc,name=", s->name);
        return false;
    }
    if (ret < 0) {
        error_setg_errno(errp, -ret, "cannot enable VMRPC in KVM");
        return false;
    }
    s->vm_fd = ret;
    qemu_set_cloexec(s->vm_fd);
    trace_vmrpc_enable(s->name, s->features);
    return true;
}

static void vmrpc_disable(VMRPCState *s)
{
    vmrpc_servers_stop();
    close(s->vm_fd);
    s->vm_fd = -1;
}

static void vmrpc_vm_state_change(void *opaque, bool running, RunState state)
{
    VMRPCState *s = opaque;

    if (running && s->migrated) {
        s->migrated = false;
        trace_vmrpc_migrated();
        event_notifier_set(&s->irq);
    }
}

static void vmrpc_realize(PCIDevice *pdev, Error **errp)
{
    VMRPCState *s = VMRPC(pdev);

    if (!vmrpc_find()) {
        error_setg(errp, "a VM has at most one vmrpc device");
        return;
    }
    if (!vmrpc_name_init(s, errp) || !vmrpc_check_host(s, errp)) {
        return;
    }
    if (event_notifier_init(&s->irq, 0) < 0) {
        error_setg_errno(errp, errno, "vmrpc: no eventfd");
        return;
    }
    if (msix_init_exclusive_bar(pdev, 1, VMRPC_MSIX_BAR, errp)) {
        goto err_irq;
    }
    msix_vector_use(pdev, 0);
    if (!vmrpc_enable(s, errp)) {
        goto err_msix;
    }
    if (!vmrpc_servers_start(s, errp) || !vmrpc_update_cpuid(s, errp) ||
        !vmrpc_mem_realize(s, errp)) {
        goto err_enable;
    }
    s->vmstate = qemu_add_vm_change_state_handler(vmrpc_vm_state_change, s);
    return;

err_enable:
    vmrpc_disable(s);
err_msix:
    msix_uninit_exclusive_bar(pdev);
err_irq:
    event_notifier_cleanup(&s->irq);
}

static void vmrpc_exit(PCIDevice *pdev)
{
    VMRPCState *s = VMRPC(pdev);

    qemu_del_vm_change_state_handler(s->vmstate);
    vmrpc_msix_stop(s);
    vmrpc_mem_unrealize(s);
    vmrpc_disable(s);
    msix_uninit_exclusive_bar(pdev);
    event_notifier_cleanup(&s->irq);
}

/* The guest starts anew: what the old one bound and registered must go. */
static void vmrpc_reset_hold(Object *obj, ResetType type)
{
    VMRPCState *s = VMRPC(obj);
    int ret;

    vmrpc_msix_stop(s);
    event_notifier_test_and_clear(&s->irq);
    s->migrated = false;
    ret = ioctl(s->vm_fd, VMRPC_VM_RESET) < 0 ? -errno : 0;
    if (ret < 0) {
        error_report("vmrpc: reset failed: %s", strerror(-ret));
    }
    trace_vmrpc_reset(ret);
}

/*
 * KVM here knows nothing of the guest's channel.  The interrupt makes the guest
 * poll, and the poll tells it to register again.  It has to wait until the VM
 * runs: until then the interrupt controller's state may still be overwritten.
 */
static int vmrpc_post_load(void *opaque, int version_id)
{
    VMRPCState *s = opaque;

    vmrpc_msix_update(s);
    s->migrated = true;
    return 0;
}

static const VMStateDescription vmstate_vmrpc = {
    .name = TYPE_VMRPC,
    .version_id = 1,
    .minimum_version_id = 1,
    .post_load = vmrpc_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_PCI_DEVICE(parent_obj, VMRPCState),
        VMSTATE_MSIX(parent_obj, VMRPCState),
        VMSTATE_END_OF_LIST()
    },
    .subsections = (const VMStateDescription * const []) {
        &vmstate_vmrpc_mem,
        NULL
    },
};

static const Property vmrpc_properties[] = {
    DEFINE_PROP_STRING("name", VMRPCState, name),
    DEFINE_PROP_STRING("group", VMRPCState, group),
    DEFINE_PROP_SIZE("mem-max", VMRPCState, mem_max, 0),
    DEFINE_PROP_BOOL("mem-share", VMRPCState, mem_share, true),
    DEFINE_PROP_BOOL("mem-hugetlb", VMRPCState, mem_hugetlb, false),
    DEFINE_PROP_SIZE("mem-pin-max", VMRPCState, mem_pin_max, 0),
};

static void vmrpc_instance_init(Object *obj)
{
    VMRPCState *s = VMRPC(obj);

    s->vm_fd = -1;
    s->virq = -1;
    s->mem_limit = UINT64_MAX;
    vmrpc_mem_add_properties(obj);
}

static void vmrpc_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(klass);
    ResettableClass *rc = RESETTABLE_CLASS(klass);

    pc->realize = vmrpc_realize;
    pc->exit = vmrpc_exit;
    pc->config_write = vmrpc_config_write;
    pc->vendor_id = VMRPC_PCI_VENDOR_ID;
    pc->device_id = VMRPC_PCI_DEVICE_ID;
    pc->revision = 1;
    pc->class_id = PCI_CLASS_SYSTEM_OTHER;

    dc->desc = "Calls between the kernels of host and guest";
    dc->vmsd = &vmstate_vmrpc;
    dc->hotpluggable = false;
    device_class_set_props(dc, vmrpc_properties);
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);

    rc->phases.hold = vmrpc_reset_hold;
}

static const TypeInfo vmrpc_types[] = {
    {
        .name          = TYPE_VMRPC,
        .parent        = TYPE_PCI_DEVICE,
        .instance_size = sizeof(VMRPCState),
        .instance_init = vmrpc_instance_init,
        .class_init    = vmrpc_class_init,
        .interfaces    = (InterfaceInfo[]) {
            { INTERFACE_CONVENTIONAL_PCI_DEVICE },
            { }
        },
    },
};

DEFINE_TYPES(vmrpc_types)
