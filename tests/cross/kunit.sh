#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kunit.sh host|guest: the results of the KUnit suites that ran at the kernel's boot.
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/lib/vm.sh"

results='cat /sys/kernel/debug/kunit/*vmrpc*/results 2> /dev/null'
case ${1:-} in
host)	text=$(sh -c "$results") ;;
guest)	guest start kunit --vcpus 1 --mem 192M || exit 1
	text=$(guest sh kunit -- "$results" | tr -d '\r')
	guest kill kunit ;;
*)	echo "usage: kunit.sh host|guest" >&2
	exit 2 ;;
esac
if [ -z "$text" ]; then
	echo "the $1 kernel has no KUnit tests of VMRPC (CONFIG_KUNIT, CONFIG_..._KUNIT_TEST)"
	exit 4
fi

# The kernel numbers each suite as if it were alone.
echo "KTAP version 1"
echo "1..$(grep -c '^\(not \)\?ok ' <<< "$text")"
awk '/^(not )?ok / { n++; sub(/ok [0-9]+/, "ok " n) } !/^(KTAP|1\.\.)/' <<< "$text"
! grep -qE '^ *not ok ' <<< "$text"
