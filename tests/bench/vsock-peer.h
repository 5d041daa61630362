/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the benchmark's vsock peer speaks: a request is 16 bytes, of which the
 * first says what is wanted.  ECHO is answered with the same bytes, MEMINFO with
 * a __u32 length and that many bytes of /proc/meminfo.  BULK is the beginning of
 * VSOCK_PEER_BULK_SIZE bytes, which are answered when all of them have come.
 */
#ifndef VSOCK_PEER_H
#define VSOCK_PEER_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <linux/vm_sockets.h>

#define VSOCK_PEER_PORT		5000u
#define VSOCK_PEER_REQUEST	16	/* bytes */
#define VSOCK_PEER_MAX		8192	/* bytes of a file */

#define VSOCK_PEER_ECHO		'e'
#define VSOCK_PEER_MEMINFO	'm'
#define VSOCK_PEER_BULK		'b'
#define VSOCK_PEER_BULK_SIZE	(1u << 20)	/* bytes; the sockets' buffers hold as many */

/* Return: 0, or -1 and errno. */
static inline int vsock_peer_buffer(int fd)
{
	unsigned long long size = VSOCK_PEER_BULK_SIZE;

	if (setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_MAX_SIZE, &size, sizeof(size)))
		return -1;
	return setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &size, sizeof(size));
}

/* MSG_WAITALL refuses what the buffer does not hold.  Return: 0, or -1. */
static inline int vsock_peer_receive(int fd, char *data, size_t size)
{
	while (size) {
		ssize_t n = recv(fd, data, size, 0);

		if (n <= 0)
			return -1;
		data += n;
		size -= n;
	}
	return 0;
}

#endif /* VSOCK_PEER_H */
