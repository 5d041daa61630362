#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# vmrpc commit: VMs with outsourced memory, with VMRPC alone, and without any of it.
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/lib/tap.sh"
. "$here/lib/vm.sh"

mib=$((1 << 20))

setup() {
	guest start plain --vcpus 1 --mem 200M --no-vmrpc -- -name plain
	guest start outsourced --vcpus 1 --mem 256M --no-vmrpc --append vmrpc.outsource=mem -- \
		-device vmrpc,name=db,mem-max=1G,mem-limit=512M
	wait_for 120 vm_ready db
}

teardown() {
	guest kill plain
	guest kill outsourced
	echo 2 > /sys/kernel/mm/ksm/run
}

# field NAME FIELD - of a VM, in bytes, or "null"
field() {
	vmrpc commit --json | jq -r --arg name "$1" --arg field "$2" '.vms[] | select(.name == $name)[$field]'
}

# rss NAME - as the process itself has it
rss() {
	awk '/^Rss:/ { print $2 * 1024 }' "/proc/$(field "$1" pid)/smaps_rollup"
}

test_all_vms_are_told() {
	expect "db plain" "$(vmrpc commit --json | jq -r '[.vms[].name] | join(" ")')" "VMs"
	expect_match 'db .*plain .*total ' "$(vmrpc commit | tr '\n' ' ')"
	expect "$(pgrep -f 'name plain')" "$(field plain pid)" "its process"
}

test_promised_and_limited() {
	expect $((200 * mib)) "$(field plain promised)" "-m"
	expect null "$(field plain limited)" "limit of a VM that has none"
	expect $((1280 * mib)) "$(field db promised)" "-m and mem-max"
	expect $((768 * mib)) "$(field db limited)" "-m and mem-limit"
	expect $((1480 * mib)) "$(vmrpc commit --json | jq .total.promised)" "of both"
	expect $((968 * mib)) "$(vmrpc commit --json | jq .total.limited)" "of both, where one has none"
}

# Within what changes meanwhile.
test_resident_is_the_process_s() {
	local told process
	told=$(field plain resident)
	process=$(rss plain)
	[ "$told" -gt $((32 * mib)) ]
	[ $((told > process ? told - process : process - told)) -lt $((8 * mib)) ]
}

test_reclaimable_is_what_is_free() {
	expect null "$(field plain reclaimable)" "of a VM that does not tell"
	guest sh outsourced -- "mkdir -p /tmp/fill && mount -t tmpfs -o size=90% fill /tmp/fill &&
		dd if=/dev/urandom of=/tmp/fill/file bs=1M count=64 2> /dev/null && rm /tmp/fill/file"
	[ "$(field db reclaimable)" -ge $((48 * mib)) ]
	vmrpc mem db --reclaim 1G
	[ "$(field db reclaimable)" -lt $((16 * mib)) ]
}

merged() {
	[ "$(field plain merged)" -gt $((4 * mib)) ]
}

test_merged_is_told() {
	expect false "$(vmrpc commit --json | jq .host.ksm_runs)" "KSM"
	expect 0 "$(field plain merged)" "merged"
	echo 5000 > /sys/kernel/mm/ksm/pages_to_scan
	echo 1 > /sys/kernel/mm/ksm/run
	wait_for 120 merged
	expect true "$(vmrpc commit --json | jq .host.ksm_runs)" "KSM"
	[ "$(vmrpc commit --json | jq .host.ksm_saved)" -gt $((4 * mib)) ]
	echo 2 > /sys/kernel/mm/ksm/run
	echo 100 > /sys/kernel/mm/ksm/pages_to_scan
}

run_cases "$@"
