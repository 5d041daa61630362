// SPDX-License-Identifier: GPL-2.0-only
/*
 * The peer that Reverse VMRPC is compared with: a program in the guest that
 * answers on a vsock connection.  One thread, blocking, one system call to
 * receive and one to send: as fast as a user-space server over vsock gets.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../vsock-peer.h"

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int listen_on(unsigned int port)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK,
		.svm_cid = VMADDR_CID_ANY,
		.svm_port = port,
	};
	int fd = socket(AF_VSOCK, SOCK_STREAM, 0);

	if (fd < 0)
		die("vsock_server: socket");
	if (vsock_peer_buffer(fd))
		die("vsock_server: buffer");
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) || listen(fd, 1))
		die("vsock_server: listen");
	return fd;
}

/* Return: bytes of the file, in front of them their number. */
static ssize_t read_meminfo(char *answer)
{
	int fd = open("/proc/meminfo", O_RDONLY);
	uint32_t length;
	ssize_t n;

	if (fd < 0)
		die("vsock_server: /proc/meminfo");
	n = read(fd, answer + sizeof(length), VSOCK_PEER_MAX);
	close(fd);
	if (n < 0)
		die("vsock_server: /proc/meminfo");
	length = n;
	memcpy(answer, &length, sizeof(length));
	return sizeof(length) + n;
}

static void serve(int fd)
{
	static char answer[sizeof(uint32_t) + VSOCK_PEER_MAX];
	static char request[VSOCK_PEER_BULK_SIZE];
	const size_t rest = sizeof(request) - VSOCK_PEER_REQUEST;

	while (recv(fd, request, VSOCK_PEER_REQUEST, MSG_WAITALL) == VSOCK_PEER_REQUEST) {
		char *reply = request;
		ssize_t size = VSOCK_PEER_REQUEST;

		if (request[0] == VSOCK_PEER_MEMINFO) {
			reply = answer;
			size = read_meminfo(answer);
		} else if (request[0] == VSOCK_PEER_BULK) {
			size = sizeof(request);
			if (vsock_peer_receive(fd, request + VSOCK_PEER_REQUEST, rest))
				return;
		}
		if (send(fd, reply, size, MSG_NOSIGNAL) != size)
			return;
	}
}

int main(void)
{
	int listener = listen_on(VSOCK_PEER_PORT);

	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			die("vsock_server: accept");
		serve(fd);
		close(fd);
	}
}
