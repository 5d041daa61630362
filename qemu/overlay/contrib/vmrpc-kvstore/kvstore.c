/*
 * A sample VMRPC server for QEMU: a key-value store for the guest's kernel
 *
 * qemu-system-x86_64 -device vmrpc -object vmrpc-server,id=kv,path=./kvstore.so
 *
 * WAIT shows how to wait: note the vCPU where PUT will look, and park.  The guest
 * repeats the call when the vCPU was woken, by PUT or by anything else.  SLEEP is the
 * other way: it keeps the vCPU, but for QEMU, and then begins again.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>

#include <hw/vmrpc/vmrpc-server.h>
#include "kvstore.h"

#define ENTRIES     64      /* a guest fills no more of QEMU's memory */
#define VCPUS       4096    /* more than KVM has */

static const VMRPCHost *host;

/* All below. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct kvstore_arg entries[ENTRIES];
static bool waiting[VCPUS];

/* The entry of @key; a free one if it has none; or NULL. */
static struct kvstore_arg *find(const unsigned char *key)
{
    struct kvstore_arg *free = NULL;
    int i;

    for (i = 0; i < ENTRIES; i++) {
        if (entries[i].version && !memcmp(entries[i].key, key, KVSTORE_KEY_LEN)) {
            return &entries[i];
        }
        if (!entries[i].version && !free) {
            free = &entries[i];
        }
    }
    return free;
}

static void wake_all(void)
{
    uint32_t i;

    for (i = 0; i < VCPUS; i++) {
        if (waiting[i]) {
            waiting[i] = false;
            host->wake(i);
        }
    }
}

static int store(VMRPCCall *call, const unsigned char *key, const void *value,
                 unsigned int length)
{
    struct kvstore_arg *entry;
    int ret = -EBUSY;

    pthread_mutex_lock(&lock);
    entry = find(key);
    if (entry) {
        memcpy(entry->key, key, KVSTORE_KEY_LEN);
        memcpy(entry->value, value, length);
        entry->length = length;
        call->result = ++entry->version;
        wake_all();
        ret = 0;
    }
    pthread_mutex_unlock(&lock);
    return ret;
}

static int put(VMRPCCall *call)
{
    const struct kvstore_arg *arg = call->arg;

    if (arg->length > KVSTORE_VALUE_LEN || arg->reserved) {
        return -EINVAL;
    }
    return store(call, arg->key, arg->value, arg->length);
}

static int save(VMRPCCall *call)
{
    const struct kvstore_memory *arg = call->arg;
    unsigned char value[KVSTORE_VALUE_LEN];
    int ret;

    if (arg->length > KVSTORE_VALUE_LEN || arg->reserved) {
        return -EINVAL;
    }
    ret = host->copy_from_guest(call, value, arg->address, arg->length);
    return ret ? ret : store(call, arg->key, value, arg->length);
}

/* With the lock held.  What the guest put beyond its value's length stays with us. */
static int fill(VMRPCCall *call, const struct kvstore_arg *entry)
{
    struct kvstore_arg *arg = call->arg;

    memset(arg->value, 0, sizeof(arg->value));
    memcpy(arg->value, entry->value, entry->length);
    arg->length = entry->length;
    arg->version = entry->version;
    call->result = entry->version;
    return 0;
}

static int get(VMRPCCall *call)
{
    const struct kvstore_arg *arg = call->arg, *entry;
    int ret = -ENOENT;

    pthread_mutex_lock(&lock);
    entry = find(arg->key);
    if (entry && entry->version) {
        ret = fill(call, entry);
    }
    pthread_mutex_unlock(&lock);
    return ret;
}

/* Nothing that takes long with the lock held: what is copied is a copy. */
static int load(VMRPCCall *call)
{
    const struct kvstore_memory *arg = call->arg;
    const struct kvstore_arg *entry;
    struct kvstore_arg found = { .version = 0 };

    if (arg->reserved) {
        return -EINVAL;
    }
    pthread_mutex_lock(&lock);
    entry = find(arg->key);
    if (entry) {
        found = *entry;
    }
    pthread_mutex_unlock(&lock);
    if (!found.version) {
        return -ENOENT;
    }
    if (found.length > arg->length) {
        return -E2BIG;
    }
    call->result = found.length;
    return host->copy_to_guest(call, arg->address, found.value, found.length);
}

static int wait_for_change(VMRPCCall *call)
{
    const struct kvstore_arg *arg = call->arg, *entry;
    int ret;

    pthread_mutex_lock(&lock);
    entry = find(arg->key);
    if (entry && entry->version != arg->version) {
        ret = fill(call, entry);
    } else if (call->vcpu < VCPUS) {
        waiting[call->vcpu] = true;
        ret = VMRPC_SERVER_PARK;
    } else {
        ret = -EBUSY;
    }
    pthread_mutex_unlock(&lock);
    return ret;
}

static int sleep_for(VMRPCCall *call)
{
    const struct kvstore_arg *arg = call->arg;

    if (arg->version > INT_MAX) {
        return -EINVAL;
    }
    return host->poll(call, NULL, 0, arg->version);
}

#define PROCEDURE(_call, _direction, _arg)              \
    {                                                   \
        .direction = _direction,                        \
        .min_size = sizeof(_arg),                       \
        .max_size = sizeof(_arg),                       \
        .call = _call,                                  \
    }

#define IN  VMRPC_SERVER_IN
#define OUT VMRPC_SERVER_OUT

static const VMRPCProcedure procedures[] = {
    [KVSTORE_PUT] = PROCEDURE(put, IN, struct kvstore_arg),
    [KVSTORE_GET] = PROCEDURE(get, IN | OUT, struct kvstore_arg),
    [KVSTORE_WAIT] = PROCEDURE(wait_for_change, IN | OUT, struct kvstore_arg),
    [KVSTORE_SAVE] = PROCEDURE(save, IN, struct kvstore_memory),
    [KVSTORE_LOAD] = PROCEDURE(load, IN, struct kvstore_memory),
    [KVSTORE_SLEEP] = PROCEDURE(sleep_for, IN, struct kvstore_arg),
};

static const VMRPCServer server = {
    .api = VMRPC_SERVER_API,
    .module = KVSTORE_MODULE,
    .version = KVSTORE_VERSION,
    .procedures = procedures,
    .nr_procedures = sizeof(procedures) / sizeof(procedures[0]),
};

const VMRPCServer *vmrpc_server_init(const VMRPCHost *vmm)
{
    host = vmm;
    return &server;
}
