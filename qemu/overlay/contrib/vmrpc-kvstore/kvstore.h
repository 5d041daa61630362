/*
 * The sample VMRPC server "kvstore", version "1": what its clients call it with
 *
 * SAVE and LOAD take a struct kvstore_memory, the others a struct kvstore_arg; all
 * little-endian.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef KVSTORE_H
#define KVSTORE_H

#define KVSTORE_MODULE      "kvstore"
#define KVSTORE_VERSION     "1"

#define KVSTORE_PUT         0   /* stores the value; the result is its version */
#define KVSTORE_GET         1   /* fills value, length and version; ENOENT: no such key */
#define KVSTORE_WAIT        2   /* like GET, as soon as the version is not the one given */

#define KVSTORE_SAVE        3   /* like PUT, of a value in guest memory */
#define KVSTORE_LOAD        4   /* writes it there; the result is its length */

#define KVSTORE_SLEEP       5   /* takes the version as a time, in ms */

#define KVSTORE_KEY_LEN     32
#define KVSTORE_VALUE_LEN   208

struct kvstore_arg {
    unsigned char key[KVSTORE_KEY_LEN];
    unsigned long long version; /* 1 for the first value of a key; 0: none yet */
    unsigned int length;        /* of value, in bytes */
    unsigned int reserved;
    unsigned char value[KVSTORE_VALUE_LEN];
};

struct kvstore_memory {
    unsigned char key[KVSTORE_KEY_LEN];
    unsigned long long address; /* guest virtual */
    unsigned int length;        /* of what is there, in bytes; LOAD: at most */
    unsigned int reserved;
};

#endif /* KVSTORE_H */
