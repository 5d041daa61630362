/* SPDX-License-Identifier: GPL-2.0-only */
/* Hexadecimal, two digits a byte. */
#ifndef VMRPC_BYTES_H
#define VMRPC_BYTES_H

#include <glib.h>

/* Digits to bytes in place; white space between bytes is ignored.  FALSE: not such text. */
gboolean bytes_from_hex(GByteArray *bytes);

char *bytes_to_hex(const guint8 *bytes, gsize size);

#endif /* VMRPC_BYTES_H */
