/*
 * VMRPC: servers in QEMU
 *
 * KVM checks a call's sizes and copies its argument; see linux/vmrpc_dev.h.  Here
 * the call is read, handed to the server's procedure on the vCPU's thread, and
 * answered.  A vCPU entered again without an answer has its guest ask again.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <dlfcn.h>
#include <sys/ioctl.h>
#include <linux/kvm.h>
#include <linux/vmrpc_dev.h>

#include "hw/core/cpu.h"
#include "hw/vmrpc/vmrpc.h"
#include "hw/vmrpc/vmrpc-server.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "qemu/module.h"
#include "qom/object_interfaces.h"
#include "trace.h"

#define VMRPC_MAX_STATUS    4095
#define VMRPC_SERVERS_MAX   64      /* KVM has no more of a VM */

QEMU_BUILD_BUG_ON(VMRPC_SERVER_IN != 1 || VMRPC_SERVER_OUT != 2);

/*
 * KVM's number of a server is its index.  Written under the big lock; a vCPU's
 * thread reads an element after KVM was told of it, which is for good.
 */
static const VMRPCServer *servers[VMRPC_SERVERS_MAX];
static uint32_t nr_servers;

/* -1 until there is a device. */
static int servers_fd = -1;

static bool vmrpc_server_tell(int fd, uint32_t number, Error **errp)
{
    const VMRPCServer *server = servers[number];
    g_autofree struct vmrpc_vm_procedure *procedures =
        g_new0(struct vmrpc_vm_procedure, server->nr_procedures);
    struct vmrpc_vm_server arg = {
        .procedures = (uintptr_t)procedures,
        .nr_procedures = server->nr_procedures,
        .server = number,
    };
    uint32_t i;

    for (i = 0; i < server->nr_procedures; i++) {
        procedures[i].direction = server->procedures[i].direction;
        procedures[i].min_size = server->procedures[i].min_size;
        procedures[i].max_size = server->procedures[i].max_size;
    }
    memcpy(arg.module, server->module, strlen(server->module));
    memcpy(arg.version, server->version, strlen(server->version));
    if (ioctl(fd, VMRPC_VM_ADD_SERVER, &arg) < 0) {
        error_setg_errno(errp, errno, "cannot serve module '%s' version '%s'",
                         server->module, server->version);
        return false;
    }
    trace_vmrpc_server_add(server->module, server->version, number);
    return true;
}

static bool vmrpc_server_check(const VMRPCServer *server, Error **errp)
{
    if (server->api != VMRPC_SERVER_API) {
        error_setg(errp, "the server is made for version %" PRIu32 " of the "
                   "interface: compile it for version %d", server->api,
                   VMRPC_SERVER_API);
        return false;
    }
    if (strlen(server->module) >= VMRPC_MODULE_LEN ||
        strlen(server->version) >= VMRPC_VERSION_LEN) {
        error_setg(errp, "the server's module or version is too long");
        return false;
    }
    return true;
}

bool vmrpc_server_add(const VMRPCServer *server, Error **errp)
{
    if (!vmrpc_server_check(server, errp)) {
        return false;
    }
    if (nr_servers == VMRPC_SERVERS_MAX) {
        error_setg(errp, "a VM has at most %d servers in QEMU",
                   VMRPC_SERVERS_MAX);
        return false;
    }
    servers[nr_servers] = server;
    if (servers_fd >= 0 && !vmrpc_server_tell(servers_fd, nr_servers, errp)) {
        return false;
    }
    nr_servers++;
    return true;
}

bool vmrpc_servers_start(VMRPCState *s, Error **errp)
{
    uint32_t i;

    if (nr_servers && !(s->features & VMRPC_F_USER)) {
        error_setg(errp, "the host kernel's VMRPC has no servers in QEMU: "
                   "install the kernel of this version");
        return false;
    }
    for (i = 0; i < nr_servers; i++) {
        if (!vmrpc_server_tell(s->vm_fd, i, errp)) {
            return false;
        }
    }
    servers_fd = s->vm_fd;
    return true;
}

void vmrpc_servers_stop(void)
{
    servers_fd = -1;
}

/* Calls */

static void vmrpc_wake(uint32_t vcpu)
{
    if (ioctl(servers_fd, VMRPC_VM_USER_WAKE, (unsigned long)vcpu) < 0) {
        warn_report_once("vmrpc: cannot wake a vCPU: %s", strerror(errno));
    }
}

/*
 * Whoever wants the vCPU sends SIG_IPI, once, whose handler sets immediate_exit: KVM
 * leaves at once then.  The signal is blocked before the look and let in only by the
 * sleep, so none is lost between the two.
 */
static int vmrpc_poll(const VMRPCCall *call, struct pollfd *fds, nfds_t nr_fds,
                      int timeout_ms)
{
    struct timespec timeout = {
        .tv_sec = timeout_ms / 1000,
        .tv_nsec = timeout_ms % 1000 * 1000000,
    };
    sigset_t ipi, old;
    int ret;

    sigemptyset(&ipi);
    sigaddset(&ipi, SIG_IPI);
    pthread_sigmask(SIG_BLOCK, &ipi, &old);
    if (qatomic_read(&current_cpu->kvm_run->immediate_exit)) {
        ret = -EINTR;
    } else {
        ret = ppoll(fds, nr_fds, timeout_ms < 0 ? NULL : &timeout, &old);
        ret = ret < 0 ? -errno : ret;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return ret;
}

static int vmrpc_copy(const VMRPCCall *call, uint64_t gva, const void *data,
                      size_t size, uint32_t flags)
{
    struct vmrpc_vm_user_copy copy = {
        .vcpu = call->vcpu,
        .flags = flags,
        .guest = gva,
        .data = (uintptr_t)data,
        .size = size,
    };

    if (size > VMRPC_MAX_ARG) {
        return -E2BIG;
    }
    return ioctl(servers_fd, VMRPC_VM_USER_COPY, &copy) < 0 ? -errno : 0;
}

static int vmrpc_copy_from_guest(const VMRPCCall *call, void *to, uint64_t gva,
                                 size_t size)
{
    return vmrpc_copy(call, gva, to, size, 0);
}

static int vmrpc_copy_to_guest(const VMRPCCall *call, uint64_t gva,
                               const void *from, size_t size)
{
    return vmrpc_copy(call, gva, from, size, VMRPC_COPY_TO_GUEST);
}

static int vmrpc_answer(const VMRPCCall *call, int ret)
{
    struct vmrpc_vm_user_answer answer = {
        .vcpu = call->vcpu,
        .result = call->result,
        .data = (uintptr_t)call->arg,
    };

    if (ret == VMRPC_SERVER_PARK) {
        answer.flags = VMRPC_ANSWER_PARK;
    } else {
        /* The guest gets no value that is neither 0 nor an error. */
        answer.status = ret > 0 || ret < -VMRPC_MAX_STATUS ? -EINVAL : ret;
    }
    return ioctl(servers_fd, VMRPC_VM_USER_ANSWER, &answer) < 0 ? -errno : 0;
}

int vmrpc_handle_call(const struct kvm_run *run)
{
    g_autofree void *arg = g_malloc(VMRPC_MAX_ARG);
    struct vmrpc_vm_user_call user = {
        .vcpu = run->hypercall.args[0],
        .size = VMRPC_MAX_ARG,
        .data = (uintptr_t)arg,
    };
    const VMRPCServer *server;
    VMRPCCall call;
    int ret;

    if (ioctl(servers_fd, VMRPC_VM_USER_CALL, &user) < 0) {
        error_report("vmrpc: cannot read a call: %s", strerror(errno));
        return -errno;
    }
    server = servers[user.server];
    call = (VMRPCCall) {
        .opaque = server->opaque,
        .vcpu = user.vcpu,
        .procedure = user.procedure,
        .size = user.size,
        .arg = arg,
        .process = user.flags & VMRPC_CALL_PROCESS,
    };
    ret = server->procedures[call.procedure].call(&call);
    trace_vmrpc_server_call(server->module, call.procedure, call.vcpu, ret);
    return vmrpc_answer(&call, ret);
}

/* -object vmrpc-server */

#define TYPE_VMRPC_SERVER "vmrpc-server"
OBJECT_DECLARE_SIMPLE_TYPE(VMRPCServerObject, VMRPC_SERVER)

struct VMRPCServerObject {
    Object parent_obj;

    char *path;
};

static const VMRPCHost vmrpc_host = {
    .api = VMRPC_SERVER_API,
    .wake = vmrpc_wake,
    .poll = vmrpc_poll,
    .copy_from_guest = vmrpc_copy_from_guest,
    .copy_to_guest = vmrpc_copy_to_guest,
};

static const VMRPCServer *vmrpc_server_open(const char *path, Error **errp)
{
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const VMRPCServer *server;
    VMRPCServerInit *init;

    if (!object) {
        error_setg(errp, "cannot load the server: %s", dlerror());
        return NULL;
    }
    /* Never closed: its server may be called at any time from now on. */
    init = dlsym(object, "vmrpc_server_init");
    if (!init) {
        error_setg(errp, "'%s' is no VMRPC server: it does not define "
                   "vmrpc_server_init", path);
        return NULL;
    }
    server = init(&vmrpc_host);
    if (!server) {
        error_setg(errp, "the server '%s' could not start", path);
    }
    return server;
}

static void vmrpc_server_complete(UserCreatable *uc, Error **errp)
{
    VMRPCServerObject *s = VMRPC_SERVER(uc);
    const VMRPCServer *server;

    if (!s->path) {
        error_setg(errp, "vmrpc-server needs path=, the server's shared object");
        return;
    }
    server = vmrpc_server_open(s->path, errp);
    if (server) {
        vmrpc_server_add(server, errp);
    }
}

/* A guest may have it bound. */
static bool vmrpc_server_can_be_deleted(UserCreatable *uc)
{
    return false;
}

static char *vmrpc_server_get_path(Object *obj, Error **errp)
{
    return g_strdup(VMRPC_SERVER(obj)->path);
}

static void vmrpc_server_set_path(Object *obj, const char *value, Error **errp)
{
    VMRPCServerObject *s = VMRPC_SERVER(obj);

    g_free(s->path);
    s->path = g_strdup(value);
}

static void vmrpc_server_finalize(Object *obj)
{
    g_free(VMRPC_SERVER(obj)->path);
}

static void vmrpc_server_class_init(ObjectClass *klass, void *data)
{
    UserCreatableClass *ucc = USER_CREATABLE_CLASS(klass);

    ucc->complete = vmrpc_server_complete;
    ucc->can_be_deleted = vmrpc_server_can_be_deleted;
    object_class_property_add_str(klass, "path", vmrpc_server_get_path,
                                  vmrpc_server_set_path);
}

static const TypeInfo vmrpc_server_types[] = {
    {
        .name              = TYPE_VMRPC_SERVER,
        .parent            = TYPE_OBJECT,
        .instance_size     = sizeof(VMRPCServerObject),
        .instance_finalize = vmrpc_server_finalize,
        .class_init        = vmrpc_server_class_init,
        .interfaces        = (InterfaceInfo[]) {
            { TYPE_USER_CREATABLE },
            { }
        },
    },
};

DEFINE_TYPES(vmrpc_server_types)
