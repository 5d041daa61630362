# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# For the suites: where samples go, progress, and VMs that are accounted apart.

out=/share/samples.tsv

# say TEXT - and when
say() {
	echo "bench: $(cut -d . -f 1 /proc/uptime) s: $*"
}

die() {
	say "$*" >&2
	exit 1
}

# sample SERIES ROUND VALUE
sample() {
	printf '%s\t%s\t%s\n' "$1" "$2" "$3" >> "$out"
}

# in_cgroup NAME COMMAND... - what the command starts is accounted apart, in /sys/fs/cgroup/NAME
in_cgroup() {
	mkdir -p "/sys/fs/cgroup/$1"
	(
		echo 0 > "/sys/fs/cgroup/$1/cgroup.procs"
		shift
		exec "$@"
	)
}
