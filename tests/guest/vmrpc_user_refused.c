// SPDX-License-Identifier: GPL-2.0-only
/*
 * vmrpc_user_refused MODULE VERSION - requests to /dev/vmrpc-guest of which one thing is wrong,
 * and what each is answered with.  MODULE is one of the VMM that processes may bind.
 * Exit status: 0, 1 an answer was another, 2 wrong usage.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/vmrpc_guest.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static struct vmrpc_bind good;
static int status;

static int open_device(void)
{
	return open("/dev/vmrpc-guest", O_RDWR | O_CLOEXEC);
}

/* @error: 0 if it succeeds */
static void expect(int error, int fd, unsigned long request, const void *arg, const char *what)
{
	int got = ioctl(fd, request, arg) ? errno : 0;

	if (got == error)
		return;
	printf("%s: wanted %s, got %s\n", what, strerrorname_np(error), strerrorname_np(got));
	status = 1;
}

#define EXPECT_BIND(error, fd, change) do {					\
	struct vmrpc_bind bind = good;						\
										\
	change;									\
	expect(error, fd, VMRPC_GUEST_BIND, &bind, "bind with " #change);	\
} while (0)

#define EXPECT_PERFORM(error, fd, change) do {					\
	char byte = 0;								\
	struct vmrpc_guest_perform perform = {					\
		.arg = (unsigned long)&byte, .size = 1,				\
	};									\
										\
	change;									\
	expect(error, fd, VMRPC_GUEST_PERFORM, &perform, "perform with " #change); \
} while (0)

static void refuse_binds(int fd)
{
	expect(ENOTTY, fd, _IO(VMRPC_GUEST_IOCTL, 0x44), NULL, "an unknown ioctl");
	expect(EFAULT, fd, VMRPC_GUEST_BIND, NULL, "bind of an address that is none");
	EXPECT_BIND(EINVAL, fd, bind.module[0] = 0);
	EXPECT_BIND(EINVAL, fd, memset(bind.module, 'a', sizeof(bind.module)));
	EXPECT_BIND(EINVAL, fd, bind.module[VMRPC_MODULE_LEN - 1] = 'a');
	EXPECT_BIND(EINVAL, fd, bind.version[0] = 0);
	EXPECT_BIND(EINVAL, fd, memset(bind.version, '1', sizeof(bind.version)));
	EXPECT_BIND(EINVAL, fd, bind.version[VMRPC_VERSION_LEN - 1] = '1');
	EXPECT_BIND(EINVAL, fd, bind.version[0] = ' ');
	EXPECT_BIND(EINVAL, fd, bind.flags |= 2);
	EXPECT_BIND(EINVAL, fd, bind.reserved = 1);
	EXPECT_BIND(EACCES, fd, bind.module[0] ^= 1);
	EXPECT_PERFORM(EBADFD, fd, );
}

static void refuse_performs(int fd)
{
	EXPECT_BIND(0, fd, );
	EXPECT_BIND(EBUSY, fd, );
	expect(EFAULT, fd, VMRPC_GUEST_PERFORM, NULL, "perform of an address that is none");
	EXPECT_PERFORM(EINVAL, fd, perform.reserved = 1);
	EXPECT_PERFORM(EFAULT, fd, perform.arg = 0);
	EXPECT_PERFORM(EFAULT, fd, perform.arg = ~0ull << 47);	/* the kernel's */
	EXPECT_PERFORM(E2BIG, fd, perform.size = VMRPC_MAX_ARG + 1);
	EXPECT_PERFORM(E2BIG, fd, perform.size = ~0u);
	EXPECT_PERFORM(ENOSYS, fd, perform.procedure = 0x10000);
	EXPECT_PERFORM(ENOSYS, fd, perform.procedure = ~0u);
}

/* Not of a process that may not. */
static void refuse_pins(int fd)
{
	struct vmrpc_guest_pin pin = { .size = 4096 };
	struct vmrpc_guest_unpin unpin = { .pin = 1 };

	expect(EACCES, fd, VMRPC_GUEST_PIN, &pin, "pin without permission");
	expect(ENOENT, fd, VMRPC_GUEST_UNPIN, &unpin, "unpin of no pin");
}

static void refuse_too_many(void)
{
	int fd[VMRPC_GUEST_MAX_HANDLES + 1];
	unsigned int i;

	for (i = 0; i < VMRPC_GUEST_MAX_HANDLES; i++) {
		fd[i] = open_device();
		EXPECT_BIND(0, fd[i], );
	}
	fd[i] = open_device();
	EXPECT_BIND(ENFILE, fd[i], );
	close(fd[0]);
	EXPECT_BIND(0, fd[i], );
	for (; i; i--)
		close(fd[i]);
}

int main(int argc, char **argv)
{
	int fd;

	if (argc != 3 || strlen(argv[1]) >= sizeof(good.module) ||
	    strlen(argv[2]) >= sizeof(good.version)) {
		fputs("usage: vmrpc_user_refused MODULE VERSION\n", stderr);
		return 2;
	}
	strcpy((char *)good.module, argv[1]);
	strcpy((char *)good.version, argv[2]);
	good.flags = VMRPC_BIND_USER;
	fd = open_device();
	if (fd < 0) {
		perror("/dev/vmrpc-guest");
		return 1;
	}
	refuse_binds(fd);
	refuse_performs(fd);
	refuse_pins(fd);
	close(fd);
	refuse_too_many();
	return status;
}
