// SPDX-License-Identifier: GPL-2.0-only
/*
 * vmrpc_user [-k] [-s SIZE] MODULE VERSION [PROCEDURE [HEX]]... - a process of the guest
 * binds a module of the VMM (-k: of the host's kernel) and calls these procedures, one
 * after another.  An argument is HEX, followed by zeros up to SIZE bytes.  For each call
 * it prints the result and, in hexadecimal, what has become of the argument.  SIGINT
 * only interrupts.  Exit status: 0, 1 a call failed, 2 wrong usage.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/vmrpc_guest.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int status;

static void usage(void)
{
	fputs("usage: vmrpc_user [-k] [-s SIZE] MODULE VERSION [PROCEDURE [HEX]]...\n", stderr);
	exit(2);
}

static unsigned int number(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 0);

	if (!*text || *end || n > 0xffffffff)
		usage();
	return n;
}

static void failed(const char *what)
{
	fprintf(stderr, "vmrpc_user: %s: %s\n", what, strerrorname_np(errno));
	status = 1;
}

static void on_sigint(int sig)
{
	(void)sig;		/* it is there to interrupt */
}

/* A field, with a name that may be longer: then it is not terminated. */
static void name(__u8 *field, size_t size, const char *text)
{
	memcpy(field, text, strnlen(text, size));
}

static unsigned int unhex(unsigned char *bytes, const char *hex)
{
	unsigned int size, n = strlen(hex) / 2;

	if (strlen(hex) % 2)
		usage();
	for (size = 0; size < n; size++)
		if (sscanf(hex + 2 * size, "%2hhx", &bytes[size]) != 1)
			usage();
	return size;
}

static void perform(int fd, unsigned int procedure, const char *hex, unsigned int min_size)
{
	unsigned char *arg = calloc(1, min_size + strlen(hex) + 1);
	struct vmrpc_guest_perform perform = {
		.arg		= (unsigned long)arg,
		.size		= unhex(arg, hex),
		.procedure	= procedure,
	};
	unsigned int i;

	if (perform.size < min_size)
		perform.size = min_size;
	if (ioctl(fd, VMRPC_GUEST_PERFORM, &perform)) {
		failed("perform");
	} else {
		printf("%lld ", (long long)perform.result);
		for (i = 0; i < perform.size; i++)
			printf("%02x", arg[i]);
		putchar('\n');
		fflush(stdout);
	}
	free(arg);
}

int main(int argc, char **argv)
{
	struct sigaction act = { .sa_handler = on_sigint };	/* without SA_RESTART */
	struct vmrpc_bind bind = { .flags = VMRPC_BIND_USER };
	unsigned int size = 0;
	int fd, opt;

	while ((opt = getopt(argc, argv, "+ks:")) != -1) {
		switch (opt) {
		case 'k':
			bind.flags = 0;
			break;
		case 's':
			size = number(optarg);
			break;
		default:
			usage();
		}
	}
	argv += optind;
	if (argc - optind < 2)
		usage();
	name(bind.module, sizeof(bind.module), *argv++);
	name(bind.version, sizeof(bind.version), *argv++);
	sigaction(SIGINT, &act, NULL);

	fd = open("/dev/vmrpc-guest", O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		failed("/dev/vmrpc-guest");
	} else if (ioctl(fd, VMRPC_GUEST_BIND, &bind)) {
		failed("bind");
	} else {
		for (; *argv; argv += argv[1] ? 2 : 1)
			perform(fd, number(argv[0]), argv[1] ? argv[1] : "", size);
	}
	return status;
}
