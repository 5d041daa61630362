/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The bed's console protocol, between guestsh (emulated host) and guestshd
 * (guest), over a virtio serial port.  Either end may appear, vanish or be
 * reset at any time, so each direction can be joined in the middle:
 *
 * Client to server, lines.  "hello ID" asks for a HELLO frame and may be
 * repeated; "run HEX" runs the shell command spelled in HEX.  A line that is
 * neither is ignored, and the client begins with a newline.
 *
 * Server to client, frames, native byte order (both ends are one machine).
 * The client drops bytes until it finds the HELLO frame with its own ID.
 */
#ifndef GUESTSH_H
#define GUESTSH_H

#include <stdint.h>

#define GUESTSH_ID_LEN	16	/* hexadecimal digits, chosen by the client */
#define GUESTSH_DATA	4096	/* the most that one frame carries */
#define GUESTSH_COMMAND	65536	/* the longest command */
#define GUESTSH_PORTS	4	/* commands at a time in one guest */

enum guestsh_type {
	GUESTSH_BOOT	= 'B',	/* the server has just started: commands are lost */
	GUESTSH_HELLO	= 'H',	/* data: the client's ID */
	GUESTSH_STDOUT	= 'O',
	GUESTSH_STDERR	= 'E',
	GUESTSH_EXIT	= 'X',	/* data: int32_t status as the shell has it */
};

struct guestsh_frame {
	uint32_t type;
	uint32_t len;		/* of the data that follow */
};

#endif
