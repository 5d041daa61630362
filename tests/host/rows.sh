#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# tests.cfg and the tests agree: each row's program exists and can be run, and each
# script of tests/host and tests/cross has a row.
cd "$(dirname "$0")/../.." || exit 1
rows=$(grep -v '^#' tests/tests.cfg | grep .)
status=0

say() {
	echo "$*"
	status=1
}

for program in $(echo "$rows" | cut -d'|' -f2 | awk '{ print $1 }'); do
	case $program in
	cross/*)	[ -x "tests/$program" ] || say "tests/$program: a row names it, and it cannot be run" ;;
	selftests/*)	[ -f "linux/overlay/tools/testing/selftests/kvm/x86_64/${program#*/}.c" ] ||
				say "$program: no such selftest" ;;
	*/*)		[ -x "$program" ] || say "$program: a row names it, and it cannot be run" ;;
	esac
done
for file in tests/host/* tests/cross/*; do
	echo "$rows" | grep -qF "${file#tests/}" || say "$file has no row in tests.cfg"
done
for name in $(echo "$rows" | cut -d'|' -f1 | sort | uniq -d); do
	say "two rows are called $name"
done
exit $status
