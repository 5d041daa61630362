#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# No data is lost: a guest's programs check what they wrote (tests/guest/mem_verify.c), and files
# that they read through the page cache, while the host takes outsourced memory, limits it and gives
# it again.
#	VERIFY_SECONDS	for so long (40)
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/lib/tap.sh"
. "$here/lib/vm.sh"

seconds=${VERIFY_SECONDS:-40}
mib=$((1 << 20))
max=1024	# MiB
pattern=400	# MiB, at most, that are written and checked
least=450	# MiB that these programs need, with their page cache

teardown() {
	guest kill verify
}

setup() {
	truncate -s 128M /tmp/disk
	guest start verify --vcpus 2 --mem 256M --no-vmrpc --append vmrpc.outsource=mem -- \
		-device vmrpc,mem-max=${max}M -drive file=/tmp/disk,format=raw,if=virtio
	wait_for 120 vm_ready verify
	guest sh verify -- "mke2fs /dev/vda > /dev/null && mkdir /tmp/disk && mount -t ext4 /dev/vda /tmp/disk &&
		dd if=/dev/urandom of=/tmp/disk/file bs=1M count=64 2> /dev/null && sync"
}

# change - one thing that a host may do with the memory
change() {
	case $((RANDOM % 4)) in
	0)	vmrpc mem verify --limit $((least + RANDOM % (max - least)))M --timeout 10 ;;
	1)	vmrpc mem verify --limit ${max}M ;;
	2)	echo 2 > /proc/sys/vm/drop_caches ;;
	*)	vmrpc mem verify --reclaim ${max}M ;;
	esac
}

reclaimed() {
	vmrpc mem verify --json | jq '.[0].reclaimed'
}

ended() {
	guest sh verify -- "test -s /tmp/ended"
}

test_nothing_is_lost() {
	local sum before changes=0 lines
	sum=$(guest sh verify -- "sha256sum < /tmp/disk/file")
	before=$(reclaimed)
	vmrpc mem verify --auto 0.5
	guest sh verify -- "cd /tmp; (
		$GUEST_TESTS/mem_verify $pattern $seconds > pattern 2>&1; echo \$? > ended) > /dev/null 2>&1 &
		(until test -s ended; do sha256sum < disk/file >> sums; echo 1 > /proc/sys/vm/drop_caches; done) > /dev/null 2>&1 &"
	until ended; do
		change > /dev/null
		changes=$((changes + 1))
		[ $changes -lt $((seconds * 100)) ] || fail "mem_verify does not end"
	done
	comment "$changes changes, $((($(reclaimed) - before) / mib)) MiB reclaimed"
	comment "$(guest sh verify -- "cat /tmp/pattern")"
	expect_match ' 0 words wrong' "$(guest sh verify -- "cat /tmp/pattern")"
	expect 0 "$(guest sh verify -- "cat /tmp/ended")" "status of mem_verify"
	expect "$sum" "$(guest sh verify -- "sort -u /tmp/sums")" "sums of the file"
	lines=$(guest sh verify -- "wc -l < /tmp/sums")
	comment "$lines times the file was read"
	[ "$lines" -ge 1 ]
	[ $((($(reclaimed) - before) / mib)) -ge 16 ]
}

run_cases "$@"
