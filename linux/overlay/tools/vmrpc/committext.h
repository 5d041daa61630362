/* SPDX-License-Identifier: GPL-2.0-only */
/* What VMs were promised and have of the host's memory, as text.  Names may be made up. */
#ifndef VMRPC_COMMITTEXT_H
#define VMRPC_COMMITTEXT_H

#include <json-glib/json-glib.h>

#define COMMIT_UNKNOWN	G_MAXUINT64	/* not told by this VM, this host, or to this user */

/* In bytes. */
struct commit_vm {
	char *name;		/* or NULL */
	int pid;
	guint64 promised;	/* what its guest may find that it has */
	guint64 limited;	/* what it may use now */
	guint64 resident;	/* of the process, all in all */
	guint64 merged;		/* of that, pages that KSM has merged */
	guint64 swapped;
	guint64 pinned;
	guint64 reclaimable;	/* free in the guest, and not taken */
};

struct commit_host {
	guint64 total;
	guint64 available;
	guint64 swap_used;
	guint64 ksm_saved;	/* what merging saves, all in all */
	guint64 ksm_tried;	/* what KSM looked at and could not merge */
	gboolean ksm_runs;
};

/* @vms is of struct commit_vm. */
char *committext(const GArray *vms, const struct commit_host *host);
void committext_build(JsonBuilder *builder, const GArray *vms, const struct commit_host *host);

#endif /* VMRPC_COMMITTEXT_H */
