#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A guest's kernel and a server in QEMU: the sample "kvstore", a shared object.
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/lib/tap.sh"
. "$here/lib/vm.sh"

server="-object vmrpc-server,id=kv,path=$here/kvstore.so"

# A guest with /proc/vmrpc_kv.
start_client() {
	local name=$1
	shift
	guest start "$name" --mem 256M "$@"
	load_client "$name"
	wait_for 90 vm_ready "$name"
}

load_client() {
	guest sh "$1" -- "insmod $GUEST_TESTS/vmrpc_kv.ko"
}

setup() {
	# shellcheck disable=SC2086	# two words
	start_client store --vcpus 2 -- $server
	start_client plain --vcpus 1
}

teardown() {
	guest kill store
	guest kill plain
	guest kill late
}

# kv NAME PROCEDURE KEY VERSION [VALUE] - one call; what the guest's log says of it
kv() {
	local name=$1
	shift
	guest sh "$name" -- "echo '$*' > /proc/vmrpc_kv; dmesg | sed -n 's/.*vmrpc_kv: //p' | tail -n 1" | tr -d '\r'
}

# put KEY VALUE
put() {
	kv store 0 "$1" 0 "$2"
}

get() {
	kv store 1 "$1" 0
}

# wait_start KEY VERSION - begins to wait for a change, which is one exit to QEMU at least
wait_start() {
	local before
	before=$(vm_field store parks)
	guest sh store -- "echo '2 $1 $2' > /proc/vmrpc_kv 2> /dev/null & echo \$! > /tmp/waiter"
	wait_for 30 vm_parks_over "$before"
	guest sh store -- 'kill -0 $(cat /tmp/waiter)'
}

vm_parks_over() {
	[ "$(vm_field store parks)" -gt "$1" ]
}

store_log_has() {
	guest sh store -- dmesg | grep -q "vmrpc_kv: $1"
}

test_put_and_get() {
	expect "status=0 result=1 value=one" "$(put first one)"
	expect "status=0 result=1 value=one" "$(get first)"
	expect "status=0 result=2 value=two" "$(put first two)"
	expect "status=0 result=2 value=two" "$(get first)"
}

test_servers_error_reaches_guest() {
	expect "status=-2 result=0 value=" "$(get nosuch)"
}

test_procedure_unknown_refused() {
	expect "status=-38 result=0 value=" "$(kv store 5 key 0)"
}

test_value_by_its_address() {
	expect "status=0 result=1 value=there" "$(kv store 3 far 100 there)"
	expect "status=0 result=5 value=there" "$(kv store 4 far 100)"
	expect "status=0 result=1 value=there" "$(get far)"
}

# 14 is EFAULT: the page's last two bytes, and nothing behind them.
test_address_of_nothing_fails() {
	expect "status=-14 result=0 value=th" "$(kv store 3 cut 2 there)"
	expect "status=-2 result=0 value=" "$(get cut)"
}

test_vm_without_server_no_such_module() {
	expect "bind -2" "$(kv plain 1 key 0)"
}

test_wait_for_what_changed_returns_at_once() {
	put changed once
	expect "status=0 result=1 value=once" "$(kv store 2 changed 0)"
}

test_wait_parks_until_put() {
	put parked old
	wait_start parked 1
	# The vCPU that waits runs other things meanwhile.
	expect_status 0 vmrpc ping store -c 20 -i 0 -t 30
	! store_log_has 'status=0 result=2 value=new' || fail "it did not wait"
	put parked new
	wait_for 30 store_log_has 'status=0 result=2 value=new'
}

test_wait_goes_on_after_a_pause() {
	put paused old
	wait_start paused 1
	vm_pause store
	expect_match paused "$(guest hmp store 'info status')"
	vm_continue store
	put paused later
	wait_for 30 store_log_has 'status=0 result=2 value=later'
}

test_reset_while_waiting() {
	local generation
	put reset old
	wait_start reset 1
	generation=$(vm_field store generation)
	guest qmp store '{"execute": "system_reset"}'
	wait_for 90 vm_generation_over store "$generation"
	guest wait store
	expect 0 "$(vm_field store handles)" "handles"
	load_client store
	# The store is QEMU's, and survives.
	expect "status=0 result=1 value=old" "$(get reset)"
}

test_killed_while_waiting() {
	wait_start reset 1
	guest kill store
	wait_for 30 vm_gone store
}

test_server_added_later() {
	start_client late --vcpus 1
	expect "bind -2" "$(kv late 1 key 0)"
	guest qmp late "{\"execute\": \"object-add\", \"arguments\": {\"qom-type\": \"vmrpc-server\",
		\"id\": \"kv\", \"path\": \"$here/kvstore.so\"}}"
	expect "status=0 result=1 value=here" "$(kv late 0 key 0 here)"
	expect "status=0 result=1 value=here" "$(kv late 1 key 0)"
}

# refused MESSAGE ARGUMENT... - QEMU does not start, and says why
refused() {
	local message=$1
	shift
	expect_status 1 guest start refused --no-wait -- "$@"
	expect_match "$message" "$errors"
}

test_object_that_is_no_server_refused() {
	refused 'cannot load the server.*nosuch.so' -object vmrpc-server,id=s,path=/nosuch.so
	refused 'does not define vmrpc_server_init' -object vmrpc-server,id=s,path=libc.so.6
	refused "path" -object vmrpc-server,id=s
}

test_same_server_twice_refused() {
	# shellcheck disable=SC2086	# two words
	refused "cannot serve module 'kvstore'" $server ${server/id=kv/id=more}
}

run_cases "$@"
