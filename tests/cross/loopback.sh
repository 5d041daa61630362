#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The host's side of Reverse VMRPC without a VM: a module of the host kernel plays the
# guest "loopback", which serves echo.
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/lib/tap.sh"
. "$here/lib/vm.sh"

module=/usr/lib/vmrpc/modules/vmrpc_loopback.ko
silent=/sys/module/vmrpc_loopback/parameters/silent

setup() {
	insmod "$module"
}

teardown() {
	rmmod vmrpc_loopback
}

test_loopback_is_listed() {
	expect alive "$(vm_field loopback state)"
	expect 0 "$(vm_field loopback vcpus)"
}

test_echo_comes_back() {
	expect_status 0 vmrpc call loopback echo echo --arg "some text"
	expect "some text" "$output"
}

test_echo_largest_comes_back() {
	head -c 4032 /dev/urandom > /tmp/argument
	vmrpc call loopback echo echo < /tmp/argument > /tmp/result
	cmp /tmp/argument /tmp/result
}

test_module_unknown_refused() {
	expect_status 10 vmrpc call loopback procfs meminfo --arg ''
}

test_procedure_unknown_refused() {
	expect_status 10 vmrpc call loopback echo 1 --arg ''
}

test_many_pings_all_answered() {
	expect_status 0 vmrpc ping loopback -c 2000 -i 0
}

test_eight_clients_all_answered() {
	local i pids=()
	for i in 1 2 3 4 5 6 7 8; do
		vmrpc ping loopback -c 500 -i 0 -t 30 &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || fail "a ping lost an answer"
	done
	expect 0 "$(vm_field loopback calls_in_flight)"
}

test_silent_guest_deadline() {
	echo Y > "$silent"
	expect_status 7 vmrpc ping loopback -c 1 -t 0.1
	expect_status 7 vmrpc call loopback echo echo --arg x -t 0.1
	echo N > "$silent"
	expect_status 0 vmrpc ping loopback -c 20 -i 0 -t 30
	expect 0 "$(vm_field loopback calls_in_flight)"
}

test_unloaded_and_loaded_again() {
	rmmod vmrpc_loopback
	expect_status 3 vmrpc ping loopback -c 1
	insmod "$module"
	expect_status 0 vmrpc ping loopback -c 1
}

test_unloaded_call_in_flight_ends() {
	echo Y > "$silent"
	in_background /tmp/call1 vmrpc call loopback echo echo --arg x -t 300
	wait_for 90 vm_is loopback calls_in_flight 1
	rmmod vmrpc_loopback
	wait_for 90 test -f /tmp/call1
	expect 8 "$(cat /tmp/call1)"
	insmod "$module"
}

test_unloaded_stat_watch_ends() {
	in_background /tmp/watch vmrpc stat loopback --watch 0.1
	wait_for 90 grep -q CALLS/S /tmp/watch.out
	rmmod vmrpc_loopback
	wait_for 90 test -f /tmp/watch
	expect 8 "$(cat /tmp/watch)"
	expect_match '^vmrpc: loopback: ' "$(cat /tmp/watch.err)"
	insmod "$module"
}

if [ ! -f "$module" ]; then
	echo "no vmrpc_loopback.ko (CONFIG_KVM_VMRPC_LOOPBACK)"
	exit 4
fi
run_cases "$@"
