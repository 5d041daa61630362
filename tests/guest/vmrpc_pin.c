// SPDX-License-Identifier: GPL-2.0-only
/*
 * vmrpc_pin MIB - a process of the guest fills so much memory, has the host pin it, says "pinned",
 * and when it gets SIGTERM unpins it and says "same" or "changed".
 * Exit status: 0, 1 it was refused or changed, 2 wrong usage.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/vmrpc_guest.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "wait_for_term.h"

static int failed(const char *what)
{
	fprintf(stderr, "vmrpc_pin: %s: %s\n", what, strerrorname_np(errno));
	return 1;
}

static uint64_t pattern(size_t n)
{
	return (n + 1) * 0x9e3779b97f4a7c15ull;
}

static bool same(const uint64_t *words, size_t size)
{
	size_t n;

	for (n = 0; n < size / sizeof(*words); n++)
		if (words[n] != pattern(n))
			return false;
	return true;
}

/* Returns what the program is to end with. */
static int wait_and_compare(int fd, uint64_t pin, const uint64_t *words, size_t size)
{
	struct vmrpc_guest_unpin unpin = { .pin = pin };

	wait_for_term("pinned");
	if (ioctl(fd, VMRPC_GUEST_UNPIN, &unpin))
		return failed("unpin");
	if (!same(words, size)) {
		puts("changed");
		return 1;
	}
	puts("same");
	return 0;
}

int main(int argc, char **argv)
{
	size_t size = argc == 2 ? strtoul(argv[1], NULL, 0) << 20 : 0, n;
	struct vmrpc_guest_pin pin = { .size = size };
	uint64_t *words;
	int fd;

	if (!size) {
		fputs("usage: vmrpc_pin MIB\n", stderr);
		return 2;
	}
	words = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (words == MAP_FAILED)
		return failed("mmap");
	for (n = 0; n < size / sizeof(*words); n++)
		words[n] = pattern(n);
	fd = open("/dev/vmrpc-guest", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return failed("/dev/vmrpc-guest");
	pin.address = (uintptr_t)words;
	if (ioctl(fd, VMRPC_GUEST_PIN, &pin))
		return failed("pin");
	return wait_and_compare(fd, pin.pin, words, size);
}
