#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Each call and each refusal shows in the host's trace, with its names and its result, and in
# the counters.
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/lib/tap.sh"
. "$here/lib/vm.sh"

tracing=/sys/kernel/tracing

setup() {
	load_server
	guest start audit --vcpus 1 --mem 192M --append "vmrpc.allow=echo,procfs/meminfo vmrpc.user=test,nosuch,kvstore" \
		-- -object "vmrpc-server,id=kv,path=$here/kvstore.so"
	guest start off --vcpus 1 --mem 192M --append vmrpc=off
	wait_for 90 vm_ready audit
	echo 1 > $tracing/events/vmrpc/enable
}

teardown() {
	echo 0 > $tracing/events/vmrpc/enable
	guest kill audit
	guest kill off
}

# watch FIELD... - what follows; the VM's counters are kept for counted
watch() {
	local field
	echo > $tracing/trace
	for field; do
		before[$field]=$(vm_field audit "$field")
	done
}
declare -A before

# counted FIELD NUMBER - so many more than when it was watched
counted() {
	expect $((before[$1] + $2)) "$(vm_field audit "$1")" "$1"
}

# traced EVENT FIELDS - a pattern; the lines are kept in $lines
traced() {
	lines=$(grep -E " $1: $2( |$)" $tracing/trace) ||
		fail "no $1: $2 in: $(grep -v ' op=poll ' $tracing/trace | tail -n 40)"
}

# ended VM MODULE PROCEDURE STATUS [SEQ] - one call, and no more
ended() {
	traced rvmrpc_end "vm=$1 seq=${5:-[1-9][0-9]*} module=$2 procedure=$3 status=$4 result=-?[0-9]+"
	expect 1 "$(wc -l <<< "$lines")" "ends of $2 $3"
}

user() {
	guest sh audit -- "$GUEST_TESTS/vmrpc_user $*"
}

test_call_answered() {
	watch errors
	expect_status 0 vmrpc call audit echo echo --arg text
	ended audit echo 0 0
	counted errors 0
}

test_call_ends_with_the_seq_of_its_request() {
	local seq
	watch
	expect_status 0 vmrpc call audit echo echo --arg text
	ended audit echo 0 0
	seq=$(sed 's/.* seq=\([0-9]*\) .*/\1/' <<< "$lines")
	traced rvmrpc_request "vm=audit slot=[0-9]+ seq=$seq module=echo procedure=0 arg_size=4"
}

test_module_guest_refuses() {
	watch errors calls_refused
	expect_status 6 vmrpc call audit sysinfo get --arg ''
	ended audit sysinfo 0 -111
	counted errors 1
	counted calls_refused 1
}

test_procedure_guest_refuses() {
	watch errors calls_refused
	expect_status 6 vmrpc call audit procfs loadavg --arg ''
	ended audit procfs 2 -111
	counted errors 1
	counted calls_refused 1
}

test_module_guest_has_not() {
	watch errors calls_refused
	expect_status 10 vmrpc call audit nosuch 7 --arg ''
	ended audit nosuch 7 -93
	counted errors 1
	counted calls_refused 0
}

test_guest_without_channel() {
	watch
	expect_status 5 vmrpc call off echo echo --arg ''
	ended off echo 0 -107 0
}

test_deadline() {
	watch errors
	vm_pause audit
	expect_status 7 vmrpc call audit echo echo --arg '' -t 0.1
	vm_continue audit
	ended audit echo 0 -110
	counted errors 1
	expect_status 0 vmrpc ping audit -c 3 -t 30
}

# in_flight COMMAND... - in the background, until its call was sent
in_flight() {
	"$@" > /dev/null 2>&1 &
	wait_for 90 vm_is audit calls_in_flight 1
}

# killed PROCESS - returns when it is no more
killed() {
	kill -9 "$1"
	wait "$1" || true
}

test_caller_killed() {
	watch errors
	vm_pause audit
	in_flight vmrpc call audit echo echo --arg '' -t 300
	killed $!
	ended audit echo 0 -4
	vm_continue audit
	counted errors 1
	expect_status 0 vmrpc ping audit -c 3 -t 30
}

# ping with a depth submits.
test_submitter_killed() {
	watch errors
	vm_pause audit
	in_flight vmrpc ping audit -c 1 --depth 2 -t 300
	killed $!
	ended audit echo 0 -125
	vm_continue audit
	counted errors 1
	expect_status 0 vmrpc ping audit -c 3 -t 30
}

test_submitted_call_answered() {
	watch
	expect_status 0 vmrpc ping audit -c 1 --depth 2
	ended audit echo 0 0
}

test_channel_closed() {
	local call
	watch
	vm_pause audit
	in_flight vmrpc call audit echo echo --arg '' -t 300
	call=$!
	guest qmp audit '{"execute": "system_reset"}'
	wait "$call" || true
	ended audit echo 0 -104
	vm_continue audit
	wait_for 90 vm_ready audit
	wait_for 90 vmrpc ping audit -c 1
	wait_for 90 guest sh audit -- true
}

test_large_argument_transferred() {
	watch
	expect_status 0 vmrpc ping audit -c 1 -s 10000
	traced vmrpc_hypercall 'vm=audit vcpu=0 op=transfer handle=0 procedure=0 status=0'
}

# bound MODULE VERSION FLAGS - by the guest; sets $handle
bound() {
	traced vmrpc_bind "vm=audit vcpu=0 module=$1 version=$2 flags=$3 status=0 handle=[1-9][0-9]*"
	handle=$(sed 's/.* handle=//' <<< "$lines")
}

# performed PROCEDURE STATUS - by the guest, with the handle that was bound
performed() {
	traced vmrpc_hypercall "vm=audit vcpu=0 op=perform handle=$handle procedure=$1 status=$2"
}

test_guest_performs_in_kernel() {
	watch refused
	expect_status 0 user -k test 1 0 c0ffee
	bound test 1 0x2
	performed 0 0
	traced vmrpc_hypercall "vm=audit vcpu=0 op=unbind handle=$handle procedure=0 status=0"
	counted refused 0
}

test_guest_performs_in_kernel_and_fails() {
	watch refused
	expect_status 1 user -k test 1 99
	bound test 1 0x2
	performed 99 -38
	counted refused 0
}

test_guest_performs_in_vmm() {
	watch refused
	expect_status 1 user -s 256 kvstore 1 1
	bound kvstore 1 0x3
	performed 1 -2
	counted refused 0
}

test_guest_binds_unknown_module() {
	watch refused
	expect_status 1 user -k nosuch 1
	traced vmrpc_bind 'vm=audit vcpu=0 module=nosuch version=1 flags=0x2 status=-2 handle=0'
	counted refused 1
}

test_guest_binds_unknown_version() {
	watch refused
	expect_status 1 user -k test 9.9
	traced vmrpc_bind 'vm=audit vcpu=0 module=test version=9.9 flags=0x2 status=-93 handle=0'
	counted refused 1
}

test_process_attaches() {
	watch
	expect_status 0 vmrpc ping audit -c 1
	traced vmrpc_attach 'vm=audit uid=0 status=0'
}

test_process_of_another_user_attaches() {
	watch
	expect_status 4 setpriv --reuid 65534 --regid 65534 --clear-groups vmrpc ping audit -c 1
	traced vmrpc_attach 'vm=audit uid=65534 status=-13'
}

test_process_attaches_to_unknown_vm() {
	watch
	expect_status 3 vmrpc ping nobody -c 1
	traced vmrpc_attach 'vm=nobody uid=0 status=-2'
}

test_counters_are_told() {
	expect_status 0 vmrpc stat audit --prometheus
	expect_match "^vmrpc_refused_total\{vm=\"audit\"\} $(vm_field audit refused)$" "$output"
	expect_match "^vmrpc_calls_refused_total\{vm=\"audit\"\} $(vm_field audit calls_refused)$" "$output"
	expect_status 0 vmrpc info audit
	expect_match '^Guest to host:.* [1-9][0-9]* refused' "$output"
	expect_match '^Host to guest:.* \([1-9][0-9]* refused\)' "$output"
}

run_cases "$@"
