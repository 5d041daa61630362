/* SPDX-License-Identifier: GPL-2.0-only */
/* The memory of processes and of the host, as files below /proc and /sys tell it. */
#ifndef VMRPC_PROCMEM_H
#define VMRPC_PROCMEM_H

#include <glib.h>

/*
 * The value of the line "KEY: 123 kB" or "KEY 123" in @text, in bytes if it has that unit.
 * FALSE: there is no such line.
 */
gboolean procmem_value(const char *text, const char *key, guint64 *value);

/*
 * What QEMU's command line, arguments that end with a NUL each, gives the guest by -m, in bytes.
 * FALSE: it is not QEMU's, or not clear from there (a configuration file's).
 */
gboolean procmem_qemu_memory(const char *cmdline, gsize size, guint64 *bytes);

/* The VM's name, from -name, or NULL. */
char *procmem_qemu_name(const char *cmdline, gsize size);

#endif /* VMRPC_PROCMEM_H */
