/* SPDX-License-Identifier: GPL-2.0-only */
/* Sizes as users of libvirt and QEMU write them. */
#ifndef VMRPC_SIZE_H
#define VMRPC_SIZE_H

#include <glib.h>

/*
 * "512M" to bytes.  Units: none, B or bytes; K, M, G, T and KiB, MiB, GiB, TiB, powers of
 * 1024; KB, MB, GB, TB, powers of 1000.  FALSE: not such text, or too large for @size.
 */
gboolean size_parse(const char *text, guint64 *size);

#endif /* VMRPC_SIZE_H */
