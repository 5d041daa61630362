/* SPDX-License-Identifier: GPL-2.0-only */
/* How failures are told: one line, one exit status, and an object with --json. */
#ifndef VMRPC_REPORT_H
#define VMRPC_REPORT_H

#include <json-glib/json-glib.h>

#include "command.h"

enum status status_of(int error);

/* What went wrong, in one line, with what to do about it; @module may be NULL. */
char *describe(int error, int reason, const char *vm, const char *module);

/* Report the library's error, whose reason is in errno. */
enum status fail(int error, const char *vm, const char *module);

/* The same on stderr only: for an answer that holds data and the error. */
enum status fail_aside(int error, int reason, const char *vm, const char *module);

/* As fail(), but with advice for this case. */
enum status fail_advised(int error, const char *vm, const char *advice);

enum status fail_usage(const char *format, ...) G_GNUC_PRINTF(1, 2);
enum status fail_unknown(const char *format, ...) G_GNUC_PRINTF(1, 2);
enum status fail_other(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* The value of a member "error" of such an answer. */
void build_error(JsonBuilder *builder, int error, const char *message);

#endif /* VMRPC_REPORT_H */
