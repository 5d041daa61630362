/* SPDX-License-Identifier: GPL-2.0-only */
/* A table as text, with columns as wide as they need to be. */
#ifndef VMRPC_TABLE_H
#define VMRPC_TABLE_H

#include <glib.h>

/* Of rows, each a GStrv of as many cells as @header; g_ptr_array_add() takes one. */
GPtrArray *table_new(const char *const *header);

/* @left: columns that hold names; the others figures, which end at the same place. */
char *table_text(const GPtrArray *table, guint left);

#endif /* VMRPC_TABLE_H */
