// SPDX-License-Identifier: GPL-2.0-only
/*
 * guestsh DIR [COMMAND] - runs COMMAND in the guest whose console sockets are
 * DIR/sh0.sock, DIR/sh1.sock ...; without COMMAND it only waits until the
 * guest answers.  Exit status: the command's; 255 if the guest cannot be
 * reached or has gone.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "guestsh.h"

#define LOST	255

static char id[GUESTSH_ID_LEN + 1];

static void lost(const char *what)
{
	fprintf(stderr, "guestsh: %s\n", what);
	exit(LOST);
}

static int lock(const char *dir, int port, int how)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/sh%d.lock", dir, port);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		lost("no such guest");
	if (flock(fd, how) == 0)
		return port;
	close(fd);
	return -1;
}

/* A port serves one client; takes a free one, or waits for the first. */
static int lock_any(const char *dir)
{
	for (int port = 0; port < GUESTSH_PORTS; port++)
		if (lock(dir, port, LOCK_EX | LOCK_NB) == port)
			return port;
	return lock(dir, 0, LOCK_EX);
}

static int connect_to(const char *dir)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/sh%d.sock", dir,
		 lock_any(dir));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		lost("the guest is not running");
	return fd;
}

static void choose_id(void)
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		lost("getrandom failed");
	snprintf(id, sizeof(id), "%016llx", (unsigned long long)random);
}

static void send_text(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			lost("the guest has gone");
		text += n;
		len -= n;
	}
}

static void read_exactly(int fd, void *data, size_t len)
{
	/* Even for no bytes at all recv() waits for some. */
	ssize_t n = len ? recv(fd, data, len, MSG_WAITALL) : 0;

	if (n < 0 || (size_t)n != len)
		lost("the guest has gone");
}

static void send_hello(int fd)
{
	char text[GUESTSH_ID_LEN + 16];

	snprintf(text, sizeof(text), "\nhello %s\n", id);
	send_text(fd, text, strlen(text));
}

/*
 * A hello can get lost in a guest that is just being reset, so it is repeated
 * until its answer is complete; while no guest has opened the port they wait,
 * unread, in the socket.
 */
static char read_hello_byte(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char c;

	while (poll(&pfd, 1, 1000) == 0)
		send_hello(fd);
	read_exactly(fd, &c, 1);
	return c;
}

static void say_hello(int fd)
{
	struct {
		struct guestsh_frame head;
		char id[GUESTSH_ID_LEN];
	} want = { { GUESTSH_HELLO, GUESTSH_ID_LEN }, { 0 } }, got = { 0 };
	char *last = (char *)(&got + 1) - 1;

	memcpy(want.id, id, GUESTSH_ID_LEN);
	send_hello(fd);
	while (memcmp(&got, &want, sizeof(got))) {
		memmove(&got, (char *)&got + 1, sizeof(got) - 1);
		*last = read_hello_byte(fd);
	}
}

static void send_command(int fd, const char *command)
{
	size_t len = strlen(command);
	char *text = malloc(2 * len + 8);
	char *p = text;

	if (len > GUESTSH_COMMAND)
		lost("the command is too long");
	p += sprintf(p, "run ");
	while (*command)
		p += sprintf(p, "%02x", (unsigned char)*command++);
	*p++ = '\n';
	send_text(fd, text, p - text);
	free(text);
}

static void copy_out(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0)
			exit(LOST);
		data += n;
		len -= n;
	}
}

static int relay(int fd)
{
	struct guestsh_frame head;
	char data[GUESTSH_DATA];
	int32_t status;

	for (;;) {
		read_exactly(fd, &head, sizeof(head));
		if (head.len > sizeof(data))
			lost("the guest's answer makes no sense");
		read_exactly(fd, data, head.len);
		switch (head.type) {
		case GUESTSH_BOOT:
			lost("the guest was reset");
			break;
		case GUESTSH_STDOUT:
			copy_out(STDOUT_FILENO, data, head.len);
			break;
		case GUESTSH_STDERR:
			copy_out(STDERR_FILENO, data, head.len);
			break;
		case GUESTSH_EXIT:
			memcpy(&status, data, sizeof(status));
			return status;
		}
	}
}

int main(int argc, char **argv)
{
	if (argc != 2 && argc != 3) {
		fprintf(stderr, "usage: guestsh DIR [COMMAND]\n");
		return LOST;
	}
	choose_id();

	int fd = connect_to(argv[1]);

	say_hello(fd);
	if (argc == 2)
		return 0;
	send_command(fd, argv[2]);
	return relay(fd);
}
