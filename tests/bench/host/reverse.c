// SPDX-License-Identifier: GPL-2.0-only
/* Reverse VMRPC, by the ioctls alone. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bench.h"
#include "../vsock-peer.h"

#define TIMEOUT_MS	30000

int reverse_attach(const char *vm)
{
	struct vmrpc_dev_attach attach = { 0 };
	int dev = open("/dev/vmrpc", O_RDWR | O_CLOEXEC);
	int fd;

	if (dev < 0)
		die("/dev/vmrpc: %s; boot the patched host kernel", strerror(errno));
	strncpy((char *)attach.name, vm, sizeof(attach.name) - 1);
	fd = ioctl(dev, VMRPC_DEV_ATTACH, &attach);
	if (fd < 0)
		die("VM %s: %s", vm, strerror(errno));
	close(dev);
	return fd;
}

void reverse_info(int fd, struct vmrpc_vm_info *info)
{
	memset(info, 0, sizeof(*info));
	if (ioctl(fd, VMRPC_VM_INFO, info))
		die("VMRPC_VM_INFO: %s", strerror(errno));
}

static void call_init(struct vmrpc_vm_call *call, const char *module, uint32_t procedure,
		      const void *arg, uint32_t arg_size, void *res, uint32_t room)
{
	*call = (struct vmrpc_vm_call) {
		.procedure = procedure,
		.timeout_ms = TIMEOUT_MS,
		.arg = (uintptr_t)arg,
		.arg_size = arg_size,
		.res = (uintptr_t)res,
		.res_size = room,
	};
	strcpy((char *)call->module, module);
}

/* Return: bytes of the answer. */
static uint32_t call(int fd, const char *module, uint32_t procedure,
		     const void *arg, uint32_t arg_size, void *res, uint32_t room)
{
	struct vmrpc_vm_call call;

	call_init(&call, module, procedure, arg, arg_size, res, room);
	if (ioctl(fd, VMRPC_VM_CALL, &call))
		die("call of %s: %s", module, strerror(errno));
	return call.res_size;
}

static const char echo_arg[ECHO_SIZE] = "0123456789abcde";

void reverse_echo(int fd)
{
	char res[ECHO_SIZE];

	if (call(fd, VMRPC_ECHO_MODULE, VMRPC_ECHO_ECHO, echo_arg, sizeof(echo_arg),
		 res, sizeof(res)) != sizeof(res) || memcmp(echo_arg, res, sizeof(res)))
		die("echo: the answer differs");
}

void reverse_bulk(int fd)
{
	static char arg[VSOCK_PEER_BULK_SIZE], res[VSOCK_PEER_BULK_SIZE];

	arg[sizeof(arg) - 1]++;
	if (call(fd, VMRPC_ECHO_MODULE, VMRPC_ECHO_ECHO, arg, sizeof(arg), res, sizeof(res)) !=
	    sizeof(res) || memcmp(arg, res, sizeof(res)))
		die("bulk echo: the answer differs");
}

void reverse_submit_echo(int fd, char *res, unsigned int number)
{
	struct vmrpc_vm_submit submit = { .user_data = number };

	call_init(&submit.call, VMRPC_ECHO_MODULE, VMRPC_ECHO_ECHO, echo_arg, sizeof(echo_arg),
		  res, ECHO_SIZE);
	if (ioctl(fd, VMRPC_VM_SUBMIT, &submit))
		die("VMRPC_VM_SUBMIT: %s", strerror(errno));
}

unsigned int reverse_reap(int fd, struct vmrpc_vm_done *done, unsigned int count)
{
	struct vmrpc_entries reap = { .entries = (uintptr_t)done, .count = count };
	struct pollfd answers = { .fd = fd, .events = POLLIN };

	while (ioctl(fd, VMRPC_VM_REAP, &reap)) {
		if (errno != EAGAIN)
			die("VMRPC_VM_REAP: %s", strerror(errno));
		poll(&answers, 1, TIMEOUT_MS);
	}
	for (unsigned int i = 0; i < reap.count; i++)
		if (done[i].status || done[i].res_size != ECHO_SIZE)
			die("submitted echo: status %d", done[i].status);
	return reap.count;
}

void reverse_meminfo(int fd)
{
	struct vmrpc_procfs_read arg = { 0 };
	char text[VMRPC_SLOT_DATA];
	uint32_t size = call(fd, VMRPC_PROCFS_MODULE, VMRPC_PROCFS_MEMINFO,
			     &arg, sizeof(arg), text, sizeof(text));

	if (size < 9 || memcmp(text, "MemTotal:", 9))
		die("reverse meminfo: the answer makes no sense");
}
