/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the benchmark's vsock peer speaks: a request is 16 bytes, of which the
 * first says what is wanted.  ECHO is answered with the same bytes, MEMINFO with
 * a __u32 length and that many bytes of /proc/meminfo.
 */
#ifndef VSOCK_PEER_H
#define VSOCK_PEER_H

#define VSOCK_PEER_PORT		5000u
#define VSOCK_PEER_REQUEST	16	/* bytes */
#define VSOCK_PEER_MAX		8192	/* bytes of a file */

#define VSOCK_PEER_ECHO		'e'
#define VSOCK_PEER_MEMINFO	'm'

#endif /* VSOCK_PEER_H */
