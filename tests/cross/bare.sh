#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A guest without an operating system, written from docs/abi.rst alone: in 32 and in 64
# bit, with one vCPU and with two.  No interrupt ever reaches it.
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/lib/tap.sh"
. "$here/lib/vm.sh"

guests="bare32x1 bare32x2 bare64x1 bare64x2"

setup() {
	local name
	for name in $guests; do
		bare_start "$name"
	done
	for name in $guests; do
		wait_for 90 vm_ready "$name"
	done
}

teardown() {
	local name
	for name in $guests bare64x3; do
		guest kill "$name"
	done
}

# What the guest says of itself: the field of its sysinfo.
bare_field() {
	vmrpc info "$1" --json | jq -r ".guest.$2"
}

bare_has_cpus() {
	[ "$(bare_field "$1" cpus_online)" = "$2" ]
}

bare_fails() {
	guest log "$1" | grep -q FAILED
}

test_list_shows_alive() {
	local name
	for name in $guests; do
		expect alive "$(vm_field "$name" state)" "$name's state"
		expect 4 "$(vm_field "$name" slots)" "$name's slots"
	done
}

test_hello_in_the_hosts_log() {
	local name
	for name in $guests; do
		dmesg | grep -q "vmrpc: $name: hello from bare" || fail "no hello of $name"
		expect 0 "$(vm_field "$name" handles)" "$name's handles"
	done
}

test_info_shows_its_os() {
	local name memory
	for name in $guests; do
		expect bare "$(bare_field "$name" os_name)"
		expect_match "${name:4:2} bit" "$(bare_field "$name" os_release)"
		memory=$(bare_field "$name" mem_total)
		[ "$memory" -gt $((120 << 20)) ] && [ "$memory" -le $((128 << 20)) ] ||
			fail "$name: $memory bytes of 128 MiB"
	done
}

test_second_vcpu_comes_up() {
	local name
	for name in $guests; do
		wait_for 30 bare_has_cpus "$name" "${name#*x}"
	done
}

test_ping_all_answered() {
	local name
	for name in $guests; do
		expect_status 0 vmrpc ping "$name" -c 20 -i 0
		expect_status 0 vmrpc ping "$name" -c 5 -i 0 -s 4032
	done
}

test_ping_now_and_then_parks_between() {
	local name before
	for name in $guests; do
		before=$(vm_field "$name" parks)
		expect_status 0 vmrpc ping "$name" -c 5 -i 100 -t 30
		[ "$(vm_field "$name" parks)" -gt "$before" ] || fail "$name parked no poll"
	done
}

vm_in_flight_from() {
	[ "$(vm_field "$1" calls_in_flight)" -ge "$2" ]
}

# The first calls fill all slots while the guest is paused.
test_eight_pings_at_once_all_answered() {
	local name i pids
	for name in $guests; do
		pids=()
		vm_pause "$name"
		for i in 1 2 3 4 5 6 7 8; do
			vmrpc ping "$name" -c 20 -i 0 -t 30 &
			pids+=($!)
		done
		wait_for 30 vm_in_flight_from "$name" 4
		vm_continue "$name"
		for i in "${pids[@]}"; do
			wait "$i" || fail "a ping of $name lost an answer"
		done
		expect 0 "$(vm_field "$name" calls_in_flight)" "$name's calls in flight"
	done
}

test_module_unknown_refused() {
	local name
	for name in $guests; do
		expect_status 10 vmrpc call "$name" procfs 0 --arg ''
		expect_match 'no such module' "$errors"
	done
}

test_procedure_unknown_refused() {
	local name
	for name in $guests; do
		expect_status 10 vmrpc call "$name" echo 1 --arg ''
		expect_match 'no such procedure' "$errors"
	done
}

test_argument_of_wrong_size_refused() {
	local name
	for name in $guests; do
		expect_status 1 vmrpc call "$name" sysinfo 0 --arg x
		expect_match 'Invalid argument' "$errors"
	done
}

test_paused_none_lost_after() {
	local name i
	for name in $guests; do
		vm_pause "$name"
		for i in 1 2 3 4 5; do
			expect_status 7 vmrpc call "$name" echo 0 --arg x --timeout 0.05
		done
		vm_continue "$name"
		expect_status 0 vmrpc ping "$name" -c 20 -i 0 -t 30
		expect 0 "$(vm_field "$name" calls_in_flight)" "$name's calls in flight"
	done
}

test_reset_answers_again() {
	local name generation
	for name in $guests; do
		generation=$(vm_field "$name" generation)
		guest qmp "$name" '{"execute": "system_reset"}'
		wait_for 90 vm_generation_over "$name" "$generation"
		expect_status 0 vmrpc ping "$name" -c 5 -i 0 -t 30
	done
}

# Its memory comes into another VM, where no channel is registered.  It is parked and
# takes no interrupt, so it has to be told by an NMI to poll.
test_moved_registers_again() {
	local name
	for name in bare32x1 bare64x2; do
		vm_migrate "$name" "exec:cat > /tmp/moved"
		guest kill "$name"
		wait_for 10 vm_gone "$name"
		bare_start "$name" -- -incoming "exec:cat /tmp/moved"
		wait_for 90 vm_runs "$name"
		expect absent "$(vm_field "$name" state)"
		guest hmp "$name" nmi
		wait_for 30 vm_ready "$name"
		expect_status 0 vmrpc ping "$name" -c 20 -i 0 -t 30
		expect 1 "$(guest log "$name" | grep -c registered)" "registrations of $name"
	done
}

test_vm_without_interface_says_so() {
	bare_start bare64x3 --no-vmrpc
	wait_for 90 bare_fails bare64x3
	expect_match 'no VMRPC interface' "$(guest log bare64x3)"
	expect_no_match 'features' "$(guest log bare64x3)"
}

test_no_failure_in_their_logs() {
	local name
	for name in $guests; do
		! bare_fails "$name" || fail "$name: $(guest log "$name" | grep FAILED)"
	done
}

run_cases "$@"
