#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# VMs that are reset or killed with calls under way, in both directions.
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/lib/tap.sh"
. "$here/lib/vm.sh"

setup() {
	load_server
}

# The VM that a case begins with; an earlier one may have ended it.
web_up() {
	guest list | grep -qx web || guest start web --vcpus 2 --mem 192M
	wait_for 120 vm_ready web
}

teardown() {
	guest kill web
}

# The exit statuses of calls in the background, once they ended.
status_of() {
	wait_for 90 test -f "/tmp/call$1"
	cat "/tmp/call$1"
}

# Two callers wait for a paused guest, which has a call of its own under way.
calls_in_flight() {
	guest_sleep web
	vm_pause web
	in_background /tmp/call1 vmrpc meminfo web --timeout 300
	in_background /tmp/call2 vmrpc ping web -c 1 --timeout 300
	wait_for 90 vm_is web calls_in_flight 2
}

test_not_answering_shows_busy_then_dead() {
	web_up
	vm_pause web
	expect ready "$(vm_field web state)"
	in_background /tmp/call1 vmrpc ping web -c 1 --timeout 300
	wait_for 30 vm_is web state busy
	wait_for 60 vm_is web state dead
	vm_continue web
	expect 0 "$(status_of 1)" "exit status of ping"
	expect ready "$(vm_field web state)"
	expect 0 "$(vm_field web oldest_call_ms)"
}

test_reset_calls_in_flight_end() {
	local generation
	web_up
	generation=$(vm_field web generation)
	calls_in_flight
	guest qmp web '{"execute": "system_reset"}'
	vm_continue web
	expect 8 "$(status_of 1)" "exit status of meminfo"
	expect 8 "$(status_of 2)" "exit status of ping"
	expect_match 'reset' "$(cat /tmp/call1.err)"
	guest wait web
	wait_for 90 vm_ready web
	expect_status 0 vmrpc ping web -c 5 -t 30
	[ "$(vm_field web generation)" -gt "$generation" ] || fail "the generation is the old one"
	expect 0 "$(vm_field web calls_in_flight)"
}

test_reboot_by_guest_answers_again() {
	local generation
	web_up
	generation=$(vm_field web generation)
	guest sh web -- '(sleep 0.2; reboot -f) > /dev/null 2>&1 &'
	wait_for 120 vm_generation_over web "$generation"
	guest wait web
	expect_status 0 vmrpc ping web -c 5 -t 30
}

vm_generation_over() {
	[ "$(vm_field "$1" generation)" -gt "$2" ]
}

test_reset_over_and_over_answers() {
	local i generation
	web_up
	for i in 1 2; do
		generation=$(vm_field web generation)
		in_background /tmp/call1 vmrpc ping web -c 0 -i 0 --timeout 300
		guest qmp web '{"execute": "system_reset"}'
		wait_for 120 vm_generation_over web "$generation"
		status_of 1 > /dev/null
	done
	guest wait web
	expect_status 0 vmrpc ping web -c 5 -t 30
}

test_killed_calls_in_flight_end() {
	web_up
	calls_in_flight
	guest kill web
	expect 8 "$(status_of 1)" "exit status of meminfo"
	expect 8 "$(status_of 2)" "exit status of ping"
	wait_for 10 vm_gone web
	expect_status 3 vmrpc ping web -c 1
	# Nothing of the guest's own call keeps the server.
	rmmod vmrpc_test_server
	load_server
}

test_killed_name_free_again() {
	web_up
	guest kill web
	web_up
	expect_status 0 vmrpc ping web -c 5 -t 30
}

test_killed_while_answering() {
	local i
	web_up
	for i in 1 2 3; do
		in_background "/tmp/call$i" vmrpc ping web -c 0 -i 0
	done
	wait_for 90 vm_calls_over web 50
	guest kill web
	for i in 1 2 3; do
		expect_match '^(8|3)$' "$(status_of "$i")"
	done
	expect_status 3 vmrpc ping web -c 1
}

vm_calls_over() {
	[ "$(vm_field "$1" calls)" -gt "$2" ]
}

test_powered_off_call_in_flight_ends() {
	web_up
	vm_pause web
	in_background /tmp/call1 vmrpc meminfo web --timeout 300
	wait_for 90 vm_is web calls_in_flight 1
	guest qmp web '{"execute": "quit"}'
	expect 8 "$(status_of 1)"
	wait_for 10 vm_gone web
}

test_kexec_calls_answered() {
	web_up
	guest sh web -- 'test -e /sys/kernel/kexec_loaded' || skip "the guest's kernel has no kexec"
	fail "it has now: write this case"
}

run_cases "$@"
