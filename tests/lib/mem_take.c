// SPDX-License-Identifier: GPL-2.0-only
/*
 * mem_take VM... - takes the outsourced memory that becomes free in these VMs, again and again:
 * all that is free, then nothing for a moment, in which a guest may free more and use some of it.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/vmrpc_dev.h>

#define TURN	200	/* times that a VM has its turn */
#define PAUSE	30000	/* microseconds, at most */

static void take(int vm)
{
	for (int n = 0; n < TURN; n++) {
		struct vmrpc_vm_mem_size all = { .size = UINT64_MAX };

		if (ioctl(vm, VMRPC_VM_MEM_RECLAIM, &all))
			return;
		usleep(rand() % PAUSE);
	}
}

static int attach(int dev, const char *name)
{
	struct vmrpc_dev_attach arg = {};

	strncpy((char *)arg.name, name, sizeof(arg.name) - 1);
	return ioctl(dev, VMRPC_DEV_ATTACH, &arg);
}

int main(int argc, char **argv)
{
	int dev = open("/dev/vmrpc", O_RDWR | O_CLOEXEC);

	if (argc < 2 || dev < 0) {
		fprintf(stderr, "usage: mem_take VM..., on a host with /dev/vmrpc\n");
		return 2;
	}
	for (;;) {
		for (int n = 1; n < argc; n++) {
			int vm = attach(dev, argv[n]);

			if (vm < 0)
				continue;
			take(vm);
			close(vm);
		}
		/* Those that are not there yet, or no more, cost nothing. */
		usleep(10000);
	}
}
