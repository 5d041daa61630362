# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# For the suites: where samples go, and progress.  What tests need of VMs, too, is in tests/lib/vm.sh.

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
