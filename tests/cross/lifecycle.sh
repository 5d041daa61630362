#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# VMs that are paused, reset, crash or are killed with calls under way, in both directions.
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/lib/tap.sh"
. "$here/lib/vm.sh"

setup() {
	load_server
}

# The VM that a case begins with; an earlier one may have ended it.
web_up() {
	guest list | grep -qx web ||
		guest start web --vcpus 2 --mem 192M --append "vmrpc.allow=all vmrpc.user=test"
	wait_for 120 vm_ready web
}

teardown() {
	guest kill web
	guest kill crash
	# What its kernel reported was asked for.
	rm -rf /run/guest/crash
}

# Two callers wait for a paused guest, which has a call of its own under way.
calls_in_flight() {
	guest_sleep web
	vm_pause web
	call_start 1 vmrpc meminfo web --timeout 300
	call_start 2 vmrpc ping web -c 1 --timeout 300
	wait_for 90 vm_is web calls_in_flight 2
}

# state NAME - its guest is asked
state() {
	vmrpc list --json | jq -r --arg name "$1" '.[] | select(.name == $name).state'
}

test_not_answering_shows_dead() {
	web_up
	vm_pause web
	expect alive "$(vm_field web state)"
	call_start 1 vmrpc ping web -c 1 --timeout 300
	wait_for 60 vm_is web state dead
	vm_continue web
	expect 0 "$(status_of 1)" "exit status of ping"
	expect alive "$(vm_field web state)"
	expect 0 "$(vm_field web oldest_call_ms)"
}

test_slow_in_answering_shows_busy() {
	web_up
	guest_slow web
	call_start 1 vmrpc call web slow 0 --arg '' --timeout 300
	wait_for 60 vm_is web state busy
	expect busy "$(state web)"
	expect busy "$(vmrpc info web --json | jq -r .state)"
	guest sh web -- "echo 1 > /sys/module/vmrpc_slow/parameters/end; rmmod vmrpc_slow"
	expect 0 "$(status_of 1)" "exit status of slow"
	expect alive "$(state web)"
}

test_paused_without_calls_shows_dead() {
	web_up
	expect alive "$(state web)"
	vm_pause web
	expect dead "$(state web)"
	expect dead "$(state web)"
	vm_continue web
	wait_for 30 vm_is web calls_in_flight 0
	expect alive "$(state web)"
}

# SLEEP (4) is on the vCPU's thread and begins again; PARK (5) ends while the VM is paused.
# SLEEP comes last, as it takes a CPU away from what would begin the other.
test_paused_sleeping_calls_go_on() {
	web_up
	guest_call web /tmp/park 5 20000
	guest_call web /tmp/sleep 4 3000
	vm_pause web
	sleep 1
	vm_continue web
	expect 0 "$(guest_status web /tmp/sleep)" "exit status of SLEEP"
	expect 0 "$(guest_status web /tmp/park)" "exit status of PARK"
	expect "3000 b80b000000000000" "$(guest sh web -- cat /tmp/sleep.out)"
	expect "20000 204e000000000000" "$(guest sh web -- cat /tmp/park.out)"
	expect 0 "$(vm_field web handles)" "handles"
}

# Of two CPUs the one that gets the interrupts is away, and the other waits in a call.
test_no_cpu_idle_answers() {
	local cpu
	web_up
	cpu=$(guest sh web -- "cat /proc/irq/\$(sed -n 's/^ *\([0-9]*\):.* vmrpc\$/\1/p' /proc/interrupts
		)/effective_affinity_list")
	guest_call web /tmp/park 5 40000 $((1 - cpu))
	guest_call web /tmp/sleep 4 30000 "$cpu"
	expect_status 0 vmrpc ping web -c 5 -i 0 -t 20
	expect 0 "$(guest_status web /tmp/sleep)" "exit status of SLEEP"
	expect 0 "$(guest_status web /tmp/park)" "exit status of PARK"
}

test_paused_over_and_over_calls_go_on() {
	local i
	web_up
	guest_call web /tmp/park 5 20000
	guest_call web /tmp/sleep 4 2000
	call_start 1 vmrpc ping web -c 100 -i 0 --timeout 300
	for i in 1 2 3 4 5 6 7 8 9 10; do
		vm_pause web
		vm_continue web
	done
	expect 0 "$(status_of 1)" "exit status of ping"
	expect 0 "$(guest_status web /tmp/sleep)" "exit status of SLEEP"
	expect 0 "$(guest_status web /tmp/park)" "exit status of PARK"
}

test_reset_calls_in_flight_end() {
	local generation
	web_up
	generation=$(vm_field web generation)
	calls_in_flight
	guest qmp web '{"execute": "system_reset"}'
	vm_continue web
	call_lost 1 'was reset'
	call_lost 2 'was reset'
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

test_reset_over_and_over_answers() {
	local i generation
	web_up
	for i in 1 2; do
		generation=$(vm_field web generation)
		call_start 1 vmrpc ping web -c 0 -i 0 --timeout 300
		guest qmp web '{"execute": "system_reset"}'
		wait_for 120 vm_generation_over web "$generation"
		call_lost_or_refused 1
	done
	guest wait web
	expect_status 0 vmrpc ping web -c 5 -t 30
}

test_killed_calls_in_flight_end() {
	web_up
	calls_in_flight
	guest kill web
	call_lost 1 'was destroyed'
	call_lost 2 'was destroyed'
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
		call_start "$i" vmrpc ping web -c 0 -i 0
	done
	wait_for 90 vm_calls_over web 50
	guest kill web
	for i in 1 2 3; do
		expect_match '^(8|3)$' "$(status_of "$i")"
		expect_match '(was destroyed|no such VM)' "$(cat "/tmp/call$i.err")"
	done
	expect_status 3 vmrpc ping web -c 1
}

test_powered_off_call_in_flight_ends() {
	web_up
	vm_pause web
	call_start 1 vmrpc meminfo web --timeout 300
	wait_for 90 vm_is web calls_in_flight 1
	vm_quit web
	call_lost 1 'was destroyed'
	wait_for 10 vm_gone web
}

crash_up() {
	guest kill crash 2> /dev/null || true
	guest start crash --vcpus 2 --mem 192M --append vmrpc.allow=all
	wait_for 120 vm_ready crash
}

# crash SECONDS - with a call of its own under way
crash() {
	guest_sleep crash
	vm_panic crash "$1"
}

test_panic_calls_end_by_deadline() {
	crash_up
	crash 0
	# All of its CPUs have stopped then: before, one of them may still take a call.
	wait_for 60 vm_log_has crash 'end Kernel panic'
	call_start 1 vmrpc ping crash -c 1 --timeout 20
	wait_for 60 vm_is crash state dead
	expect 7 "$(status_of 1)" "exit status of ping"
	guest kill crash
	wait_for 10 vm_gone crash
	rmmod vmrpc_test_server
	load_server
}

test_panic_without_calls_shows_dead() {
	web_up
	crash_up
	expect alive "$(state crash)"
	vm_panic crash 0
	wait_for 60 vm_log_has crash 'end Kernel panic'
	expect alive "$(vm_field crash state)" "state, of one that is not asked,"
	expect dead "$(state crash)"
	expect dead "$(state crash)"
	expect dead "$(vmrpc info crash --json | jq -r .state)"
	expect alive "$(state web)"
}

test_panic_reboot_calls_in_flight_end() {
	local generation
	crash_up
	generation=$(vm_field crash generation)
	guest_slow crash
	call_start 1 vmrpc call crash slow 0 --arg '' --timeout 300
	wait_for 90 vm_is crash calls_in_flight 1
	crash 1
	call_lost 1 'was reset'
	wait_for 120 vm_generation_over crash "$generation"
	guest wait crash
	expect_status 0 vmrpc ping crash -c 5 -t 30
	expect 0 "$(vm_field crash handles)" "handles"
}

run_cases "$@"
