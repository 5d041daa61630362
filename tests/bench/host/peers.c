// SPDX-License-Identifier: GPL-2.0-only
/* What Reverse VMRPC is compared with: vsock, the guest agent, SSH. */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "../vsock-peer.h"

#define PATIENCE_S	30

extern char **environ;

static int connect_to(const char *what, const struct sockaddr *addr, socklen_t size)
{
	struct timeval patience = { .tv_sec = PATIENCE_S };
	int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("%s: %s", what, strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (addr->sa_family == AF_VSOCK && vsock_peer_buffer(fd))
		die("%s: buffer: %s", what, strerror(errno));
	if (connect(fd, addr, size))
		die("%s: %s", what, strerror(errno));
	return fd;
}

static void send_all(int fd, const void *data, size_t size, const char *what)
{
	if (send(fd, data, size, MSG_NOSIGNAL) != (ssize_t)size)
		die("%s: cannot send: %s", what, strerror(errno));
}

static void receive(int fd, void *data, size_t size, const char *what)
{
	if (recv(fd, data, size, MSG_WAITALL) != (ssize_t)size)
		die("%s: no answer", what);
}

static void check_meminfo(const char *text, const char *what)
{
	if (memcmp(text, "MemTotal:", 9))
		die("%s: the answer makes no sense", what);
}

int vsock_connect(unsigned int cid)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK,
		.svm_cid = cid,
		.svm_port = VSOCK_PEER_PORT,
	};

	return connect_to("vsock", (struct sockaddr *)&addr, sizeof(addr));
}

void vsock_echo(int fd)
{
	static const char request[VSOCK_PEER_REQUEST] = { VSOCK_PEER_ECHO, 1, 2, 3 };
	char answer[VSOCK_PEER_REQUEST];

	send_all(fd, request, sizeof(request), "vsock");
	receive(fd, answer, sizeof(answer), "vsock");
	if (memcmp(request, answer, sizeof(answer)))
		die("vsock: the answer differs");
}

/* Blocks while the buffers are full, and the peer empties them. */
void vsock_bulk(int fd)
{
	static char request[VSOCK_PEER_BULK_SIZE] = { VSOCK_PEER_BULK };
	static char answer[VSOCK_PEER_BULK_SIZE];

	request[sizeof(request) - 1]++;
	send_all(fd, request, sizeof(request), "vsock");
	if (vsock_peer_receive(fd, answer, sizeof(answer)))
		die("vsock: no answer");
	if (memcmp(request, answer, sizeof(answer)))
		die("vsock: the answer differs");
}

void vsock_meminfo(int fd)
{
	static const char request[VSOCK_PEER_REQUEST] = { VSOCK_PEER_MEMINFO };
	char answer[sizeof(uint32_t) + VSOCK_PEER_MAX];
	uint32_t length = 0;
	size_t got = 0;

	send_all(fd, request, sizeof(request), "vsock");
	/* Usually one recv() for length and bytes. */
	while (got < sizeof(length) || got < sizeof(length) + length) {
		ssize_t n = recv(fd, answer + got, sizeof(answer) - got, 0);

		if (n <= 0)
			die("vsock: no answer");
		got += n;
		if (got >= sizeof(length))
			memcpy(&length, answer, sizeof(length));
	}
	check_meminfo(answer + sizeof(length), "vsock");
}

int qga_connect(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	strncpy(addr.sun_path, path, sizeof(addr.sun_path) - 1);
	return connect_to("guest agent", (struct sockaddr *)&addr, sizeof(addr));
}

void qga_ping(int fd)
{
	static const char request[] = "{\"execute\":\"guest-ping\"}\n";
	char answer[512];
	size_t got = 0;

	send_all(fd, request, strlen(request), "guest agent");
	do {
		ssize_t n = recv(fd, answer + got, sizeof(answer) - got, 0);

		if (n <= 0)
			die("guest agent: no answer");
		got += n;
	} while (answer[got - 1] != '\n' && got < sizeof(answer));
	if (memcmp(answer, "{\"return\"", 9))
		die("guest agent: %.*s", (int)got - 1, answer);
}

void ssh_meminfo(const char *host)
{
	char *const command[] = { "ssh", "-o", "BatchMode=yes", (char *)host,
				  "cat", "/proc/meminfo", NULL };
	posix_spawn_file_actions_t actions;
	char text[8192];
	size_t got = 0;
	int fds[2], status, err;
	ssize_t n;
	pid_t pid;

	if (pipe(fds))
		die("pipe: %s", strerror(errno));
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addclose(&actions, fds[0]);
	posix_spawn_file_actions_adddup2(&actions, fds[1], 1);
	err = posix_spawnp(&pid, command[0], &actions, NULL, command, environ);
	if (err)
		die("ssh: %s", strerror(err));
	close(fds[1]);
	while ((n = read(fds[0], text + got, sizeof(text) - got)) > 0)
		got += n;
	close(fds[0]);
	waitpid(pid, &status, 0);
	posix_spawn_file_actions_destroy(&actions);
	if (status || got < 9)
		die("ssh to %s failed", host);
	check_meminfo(text, "ssh");
}
