// SPDX-License-Identifier: GPL-2.0-only
/* KVM's counters of one VM: sums over its vCPUs, from debugfs. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define KVM_DEBUGFS	"/sys/kernel/debug/kvm"

int kvm_counters_open(int pid)
{
	char pattern[64];
	glob_t found;
	int dir;

	/* The directory is PID-FD; a VMM of one VM has one. */
	snprintf(pattern, sizeof(pattern), KVM_DEBUGFS "/%d-*", pid);
	if (glob(pattern, GLOB_ONLYDIR, NULL, &found))
		die("no %s: mount debugfs", pattern);
	dir = open(found.gl_pathv[0], O_PATH | O_CLOEXEC);
	if (dir < 0)
		die("%s: %s", found.gl_pathv[0], strerror(errno));
	globfree(&found);
	return dir;
}

/* Opened each time: the files are not seekable. */
uint64_t kvm_counter(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	char text[32];
	ssize_t n;

	if (fd < 0)
		die("KVM's counter %s: %s", name, strerror(errno));
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		die("KVM's counter %s cannot be read", name);
	close(fd);
	text[n] = 0;
	return strtoull(text, NULL, 10);
}
