/*
 * A sample VMRPC server for QEMU: a key-value store for the guest's kernel
 *
 * qemu-system-x86_64 -device vmrpc -object vmrpc-server,id=kv,path=./kvstore.so
 *
 * WAIT shows how to wait: note the vCPU where PUT will look, and park.  The guest
 * repeats the call when the vCPU was woken, by PUT or by anything else.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
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

static int put(VMRPCCall *call)
{
    const struct kvstore_arg *arg = call->arg;
    struct kvstore_arg *entry;
    int ret = -EBUSY;

    if (arg->length > KVSTORE_VALUE_LEN || arg->reserved) {
        return -EINVAL;
    }
    pthread_mutex_lock(&lock);
    entry = find(arg->key);
    if (entry) {
        memcpy(entry->key, arg->key, KVSTORE_KEY_LEN);
        memcpy(entry->value, arg->value, arg->length);
        entry->length = arg->length;
        call->result = ++entry->version;
        wake_all();
        ret = 0;
    }
    pthread_mutex_unlock(&lock);
    return ret;
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

#define PROCEDURE(_call, _direction)                    \
    {                                                   \
        .direction = _direction,                        \
        .min_size = sizeof(struct kvstore_arg),         \
        .max_size = sizeof(struct kvstore_arg),         \
        .call = _call,                                  \
    }

static const VMRPCProcedure procedures[] = {
    [KVSTORE_PUT] = PROCEDURE(put, VMRPC_SERVER_IN),
    [KVSTORE_GET] = PROCEDURE(get, VMRPC_SERVER_IN | VMRPC_SERVER_OUT),
    [KVSTORE_WAIT] = PROCEDURE(wait_for_change, VMRPC_SERVER_IN | VMRPC_SERVER_OUT),
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
