/* SPDX-License-Identifier: GPL-2.0-only */
/* A guest's proc files as JSON.  NULL if the text is not such a file. */
#ifndef VMRPC_PROCTEXT_H
#define VMRPC_PROCTEXT_H

#include <json-glib/json-glib.h>

JsonNode *proctext_meminfo(const char *text);	/* object: bytes, or plain counts */
JsonNode *proctext_cpuinfo(const char *text);	/* array of an object a CPU */
JsonNode *proctext_loadavg(const char *text);	/* object */

#endif /* VMRPC_PROCTEXT_H */
