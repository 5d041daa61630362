#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# VMs that move to another QEMU while they run, and that are saved and loaded, with
# calls under way in both directions.
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/lib/tap.sh"
. "$here/lib/vm.sh"

tracing=/sys/kernel/tracing

setup() {
	load_server
}

teardown() {
	local name
	for name in a b snap; do
		guest kill "$name"
	done
}

# start NAME [ARGUMENT...] - the guest of all cases, with $options; they are to be alike
start() {
	local name=$1
	shift
	guest start "$name" --vcpus 2 --mem 192M \
		--append "vmrpc.allow=all vmrpc.user=test ${options-}" "$@"
}

# The guest that a case begins with.
a_up() {
	guest kill b 2> /dev/null || true
	guest list | grep -qx a || start a
	wait_for 120 vm_ready a
}

# Both directions, while a moves; it does not end before.
calls_meanwhile() {
	local calls performs
	calls=$(vm_field a calls)
	performs=$(vm_field a performs)
	wait_for 120 vm_calls_over a $((calls + 500))
	wait_for 120 vm_performs_over a $((performs + 500))
	vm_migration_is a active || fail "it moved before"
}

# b waits for a, and then goes on in its place; a stays, paused.
move() {
	start b --no-wait -- -incoming unix:/tmp/b.sock
	vm_migrate a unix:/tmp/b.sock
	wait_for 30 vm_runs b
}

# The guest of VM $1 can be called, and calls.
works() {
	wait_for 90 vm_ready "$1"
	expect_status 0 vmrpc ping "$1" -c 20 -i 0 -t 30
	expect "3 c0ffee" "$(guest sh "$1" -- "$GUEST_TESTS/vmrpc_user -k test 1 0 c0ffee")"
	expect 0 "$(vm_field "$1" calls_in_flight)" "calls in flight"
}

test_moved_calls_in_flight_end() {
	a_up
	guest_slow a
	guest_call a /tmp/park 5 60000
	guest_call a /tmp/sleep 4 60000
	call_start 1 vmrpc call a slow 0 --arg '' --timeout 300
	wait_for 90 vm_is a calls_in_flight 1
	move
	expect 1 "$(vm_field a calls_in_flight)" "calls in flight before the old VM ends"
	vm_quit a
	call_lost 1 'was destroyed'
	wait_for 10 vm_gone a
	guest sh b -- "echo 1 > /sys/module/vmrpc_slow/parameters/end"
	works b
	# The guest's own calls asked again, by handles that are the old VM's.
	expect 1 "$(guest_status b /tmp/sleep)" "exit status of SLEEP"
	expect 1 "$(guest_status b /tmp/park)" "exit status of PARK"
	expect_match 'EBADF' "$(guest sh b -- cat /tmp/sleep.err)"
	expect_match 'EBADF' "$(guest sh b -- cat /tmp/park.err)"
	expect 0 "$(vm_field b handles)" "handles"
	expect_status 0 vmrpc ping b -c 50 -i 0 --depth 16 -t 30
}

test_moved_slow_call_leaves_its_slot() {
	local options=vmrpc.slots=1
	guest kill a || true
	guest kill b || true
	start a
	wait_for 120 vm_ready a
	guest_slow a
	call_start 1 vmrpc call a slow 0 --arg '' --timeout 300
	wait_for 90 vm_is a calls_in_flight 1
	move
	guest kill a
	call_lost 1 'was destroyed'
	wait_for 90 vm_ready b
	expect_status 0 vmrpc ping b -c 3 -i 0 -t 30
	guest sh b -- "echo 1 > /sys/module/vmrpc_slow/parameters/end; rmmod vmrpc_slow"
	works b
	guest kill b
}

# rate NAME FIELD - calls a second, over some seconds
rate() {
	local before since=${EPOCHREALTIME/./}
	before=$(vm_field "$1" "$2")
	sleep 3
	echo $((($(vm_field "$1" "$2") - before) * 1000000 / (${EPOCHREALTIME/./} - since)))
}

# Processes of the guest call without end; what they complained about is in /tmp/load.
guest_load() {
	local before
	before=$(vm_field "$1" performs)
	guest sh "$1" -- "(while :; do
		$GUEST_TESTS/vmrpc_user -k test 1 $(printf '0 c0ffee %.0s' {1..100})
		done > /dev/null 2> /tmp/load) &"
	wait_for 90 vm_performs_over "$1" "$((before + 100))"
}

# How many requests the guest took twice.
taken_twice() {
	guest sh "$1" -- "echo 0 > $tracing/tracing_on
		sed -n 's/.*rvmrpc_take.* seq=\([0-9]*\) .*/\1/p' $tracing/trace | sort | uniq -d | wc -l"
}

test_moved_under_load_answers() {
	local errors
	a_up
	guest sh a -- "echo 1 > $tracing/events/vmrpc_guest/rvmrpc_take/enable"
	guest_load a
	call_start 1 vmrpc ping a -c 0 -i 0 --depth 32 --timeout 300
	wait_for 90 vm_calls_over a 1000
	comment "$(rate a calls) calls a second of the host, $(rate a performs) of the guest"
	start b --no-wait -- -incoming unix:/tmp/b.sock
	vm_migrate_slowly a unix:/tmp/b.sock
	calls_meanwhile
	vm_migrate_end a
	wait_for 30 vm_runs b
	guest kill a
	call_lost 1 'was destroyed'
	wait_for 90 vm_ready b
	expect 0 "$(taken_twice b)" "requests that were taken twice"
	# The guest's processes go on, but for the one whose handle was the old VM's.
	wait_for 90 vm_performs_over b 200
	errors=$(guest sh b -- "sort -u /tmp/load; killall sh")
	expect_match '^(vmrpc_user: perform: EBADF)?$' "$errors"
	works b
}

test_moved_over_and_over_answers() {
	a_up
	for _ in 1 2 3; do
		call_start 1 vmrpc ping a -c 0 -i 0 --depth 8 --timeout 300
		wait_for 90 vm_calls_over a 50
		move
		guest kill a
		call_lost 1 'was destroyed'
		works b
		start a --no-wait -- -incoming unix:/tmp/a.sock
		vm_migrate b unix:/tmp/a.sock
		guest kill b
		works a
	done
}

test_migration_cancelled_calls_go_on() {
	local generation
	a_up
	guest_slow a
	generation=$(vm_field a generation)
	guest_call a /tmp/park 5 4000
	call_start 1 vmrpc call a slow 0 --arg '' --timeout 300
	start b --no-wait -- -incoming unix:/tmp/b.sock
	vm_migrate_slowly a unix:/tmp/b.sock
	guest qmp a '{"execute": "migrate_cancel"}'
	wait_for 30 vm_migration_is a cancelled
	guest sh a -- "echo 1 > /sys/module/vmrpc_slow/parameters/end"
	expect 0 "$(status_of 1)" "exit status of slow"
	expect 0 "$(guest_status a /tmp/park)" "exit status of PARK"
	expect "$generation" "$(vm_field a generation)" "generation"
	works a
	guest kill a
}

test_loaded_twice_both_answer() {
	local name
	a_up
	guest sh a -- "touch /tmp/saved"
	call_start 1 vmrpc ping a -c 0 -i 0 --depth 8 --timeout 300
	guest_call a /tmp/sleep 4 60000
	vm_migrate a "exec:cat > /tmp/saved"
	guest kill a
	call_lost 1 'was destroyed'
	for name in a b; do
		start "$name" --no-wait -- -incoming "exec:cat /tmp/saved"
	done
	for name in a b; do
		works "$name"
		expect_status 0 guest sh "$name" -- "test -e /tmp/saved"
		expect 1 "$(guest_status "$name" /tmp/sleep)" "exit status of SLEEP"
	done
	rm /tmp/saved
}

snap_up() {
	truncate -s 1M /tmp/disk
	# shellcheck disable=SC2086	# two words
	guest list | grep -qx snap || TMPDIR=/tmp start snap -- $spare_disk
	wait_for 120 vm_ready snap
}

test_saved_while_calls_sleep_they_go_on() {
	snap_up
	guest_call snap /tmp/park 5 10000
	guest_call snap /tmp/sleep 4 10000
	call_start 1 vmrpc ping snap -c 200 -i 0 --depth 8 --timeout 300
	vm_hmp snap "savevm sleeping"
	expect 0 "$(status_of 1)" "exit status of ping"
	expect 0 "$(guest_status snap /tmp/sleep)" "exit status of SLEEP"
	expect 0 "$(guest_status snap /tmp/park)" "exit status of PARK"
	# And once more from there: the handles are stale now.
	vm_hmp snap "loadvm sleeping"
	expect 1 "$(guest_status snap /tmp/sleep)" "exit status of SLEEP"
	expect 1 "$(guest_status snap /tmp/park)" "exit status of PARK"
	expect_match 'ESTALE' "$(guest sh snap -- cat /tmp/sleep.err)"
	works snap
}

test_loaded_while_it_runs_calls_in_flight_end() {
	local generation
	snap_up
	vm_hmp snap "savevm before"
	generation=$(vm_field snap generation)
	guest_slow snap
	guest_call snap /tmp/later 5 60000
	call_start 1 vmrpc call snap slow 0 --arg '' --timeout 300
	call_start 2 vmrpc ping snap -c 0 -i 0 --depth 8 --timeout 300
	wait_for 90 vm_calls_over snap "$(($(vm_field snap calls) + 100))"
	vm_hmp snap "loadvm before"
	call_lost 1 'was reset'
	call_lost 2 'was reset'
	works snap
	vm_generation_over snap "$generation"
	expect_status 0 guest sh snap -- "test ! -e /sys/module/vmrpc_slow -a ! -e /tmp/later.out"
	expect 0 "$(vm_field snap handles)" "handles"
}

run_cases "$@"
