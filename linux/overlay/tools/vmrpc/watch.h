/* SPDX-License-Identifier: GPL-2.0-only */
/* --watch: what changes, printed again and again. */
#ifndef VMRPC_WATCH_H
#define VMRPC_WATCH_H

#include <glib.h>

/* Seconds; 0: --watch was not given. */
extern double option_watch;

gboolean watch_parse(const char *option, const char *value, gpointer data, GError **error);

#define WATCH_OPTION(_help)								\
	{ "watch", 'w', G_OPTION_FLAG_OPTIONAL_ARG, G_OPTION_ARG_CALLBACK,		\
	  (gpointer)watch_parse, _help, "SECONDS" }

struct watch {
	int (*read)(gconstpointer of, gpointer *sample);	/* or an error */
	void (*print)(gconstpointer now, gconstpointer before, double seconds);
	GDestroyNotify free;					/* of a sample */
};

/*
 * Reads @of once in option_watch seconds, and prints two samples at a time.  Returns 0 after
 * SIGINT or SIGTERM, and when nobody reads what is printed, or the error of @watch->read.
 */
int watch(const struct watch *watch, gconstpointer of);

#endif /* VMRPC_WATCH_H */
