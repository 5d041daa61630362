/* SPDX-License-Identifier: GPL-2.0-only */
/* The callers that rpc-bench measures.  What fails ends the program with a line. */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>
#include <linux/vmrpc_dev.h>

#define ECHO_SIZE	16	/* bytes */

uint64_t now_ns(void);
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Reverse VMRPC, on a descriptor from reverse_attach(). */
int reverse_attach(const char *vm);
void reverse_info(int fd, struct vmrpc_vm_info *info);
void reverse_echo(int fd);
void reverse_bulk(int fd);
void reverse_meminfo(int fd);

/* An echo into @res, not waited for; and the answers that there are, at least one. */
void reverse_submit_echo(int fd, char *res, unsigned int number);
unsigned int reverse_reap(int fd, struct vmrpc_vm_done *done, unsigned int count);

/* The guest's vsock_server, on a connection from vsock_connect(). */
int vsock_connect(unsigned int cid);
void vsock_echo(int fd);
void vsock_bulk(int fd);
void vsock_meminfo(int fd);

/* The guest agent, on a connection from qga_connect(). */
int qga_connect(const char *path);
void qga_ping(int fd);

/* A new connection and "cat /proc/meminfo". */
void ssh_meminfo(const char *host);

/* KVM's counters of the VM whose VMM is @pid; see /sys/kernel/debug/kvm. */
int kvm_counters_open(int pid);
uint64_t kvm_counter(int dir, const char *name);

#endif /* BENCH_H */
