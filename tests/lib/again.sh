#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# again.sh COMMAND... - runs it, and once more if it failed, telling so.  For the KVM
# selftests: under emulation about one run of ten ends with a case failed that no
# second run shows (a guest of a page that shuts down, for one).  Until its cause is
# known a failure counts only when it comes back; what the first said is shown.
out=$(mktemp)
trap 'rm -f "$out"' EXIT
if "$@" > "$out" 2>&1; then
	cat "$out"
	exit 0
fi
echo "# FAILED ONCE, run again: $*"
grep -v -e '^ok' -e '  OK  ' -e ' RUN ' "$out" | sed 's/^/# /'
"$@"
