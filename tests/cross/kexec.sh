#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A guest's kernel that starts another one (kexec), which the VM does not notice.
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/lib/tap.sh"
. "$here/lib/vm.sh"

setup() {
	load_server
	# shellcheck disable=SC2086	# several words
	guest start web --vcpus 2 --mem 384M --append "vmrpc.allow=all vmrpc.user=test" -- $kernel_disks
	wait_for 120 vm_ready web
}

teardown() {
	guest kill web
}

test_another_kernel_calls_answered() {
	guest sh web -- touch /tmp/old
	vm_kexec web
	expect_status 0 guest sh web -- "test ! -e /tmp/old"
	expect alive "$(vm_field web state)"
	expect_status 0 vmrpc ping web -c 5 -t 30
}

test_calls_in_flight_end() {
	guest_slow web
	call_start 1 vmrpc call web slow 0 --arg '' --timeout 300
	call_start 2 vmrpc ping web -c 0 -i 0 --depth 32 --timeout 300
	wait_for 90 vm_calls_over web "$(($(vm_field web calls) + 100))"
	vm_kexec web
	call_lost 1 'was reset'
	call_lost_or_refused 2
	expect 0 "$(vm_field web calls_in_flight)"
	expect_status 0 vmrpc ping web -c 20 -i 0 -t 30
}

# A CPU that is away in SLEEP has to come back before the guest can stop it.
test_guests_calls_under_way_it_starts() {
	guest_call web /tmp/park 5 60000
	guest_call web /tmp/sleep 4 10000
	vm_kexec web
	expect_status 0 vmrpc ping web -c 5 -t 30
	expect 0 "$(vm_field web handles)" "handles"
}

# Bound by a process that waits, and by processes that come and go.
test_handles_do_not_pile_up() {
	local i
	for i in 1 2 3; do
		guest_call web /tmp/park 5 60000
		guest sh web -- "(while :; do $GUEST_TESTS/vmrpc_user -k test 1 0 c0ffee; done) > /dev/null 2>&1 &"
		wait_for 90 vm_performs_over web "$(($(vm_field web performs) + 20))"
		vm_kexec web
		expect 0 "$(vm_field web handles)" "handles after $i times"
	done
}

run_cases "$@"
