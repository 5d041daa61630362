/* SPDX-License-Identifier: GPL-2.0-only */
/* Printing, of what a guest may have made up too. */
#ifndef VMRPC_OUTPUT_H
#define VMRPC_OUTPUT_H

#include <json-glib/json-glib.h>

/* A printable copy: control characters and invalid UTF-8 become escapes. */
char *escape(const char *text);

/* The same for a label's value in Prometheus's text format, which has escapes of its own. */
char *escape_label(const char *text);

/*
 * The guest's bytes, as they are.  To a terminal without its control characters,
 * other than tab and newline: a guest must not steer the host's terminal.
 */
void print_guest_bytes(const char *bytes, gsize size);

/* A document on stdout. */
void print_json(JsonBuilder *builder);

/* Members of an object.  Strings become valid UTF-8. */
void build_string(JsonBuilder *builder, const char *name, const char *value);
void build_int(JsonBuilder *builder, const char *name, gint64 value);
void build_double(JsonBuilder *builder, const char *name, double value);

/* As "1.5 MiB", with a no-break space. */
char *format_bytes(guint64 bytes);

/* As "2 days 03:04:05". */
char *format_uptime(guint64 milliseconds);

#endif /* VMRPC_OUTPUT_H */
