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

start_store() {
	truncate -s 1M /tmp/disk
	# shellcheck disable=SC2086	# several words
	TMPDIR=/tmp start_client store --vcpus 2 -- $server $spare_disk
}

setup() {
	start_store
	start_client plain --vcpus 1
}

teardown() {
	guest kill store
	guest kill plain
	guest kill late
	guest kill there
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
	expect "status=-38 result=0 value=" "$(kv store 6 key 0)"
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

# sleep_start MS - begins a call that sleeps in QEMU, where it keeps one of the vCPUs
sleep_start() {
	guest sh store -- "dmesg -c > /dev/null; (echo '5 none $1' > /proc/vmrpc_kv) > /dev/null 2>&1 &"
	wait_for 30 vm_sleeps store
}

# vm_sleeps NAME - a vCPU's thread is in ppoll (271)
vm_sleeps() {
	local thread nr
	for thread in $(guest qmp "$1" '{"execute": "query-cpus-fast"}' | jq '.return[]["thread-id"]'); do
		read -r nr _ < "/proc/$thread/syscall"
		[ "$nr" != 271 ] || return 0
	done
	return 1
}

test_sleep_other_vcpu_and_monitor_go_on() {
	sleep_start 10000
	expect_status 0 vmrpc ping store -c 20 -i 0 -t 30
	expect_match running "$(guest hmp store 'info status')"
	vm_sleeps store || fail "it was over before"
	wait_for 60 store_log_has 'status=0 result=0 value='
}

# Who waits for the end of the sleep finds no sleeper after it.
test_sleep_goes_on_after_a_pause() {
	sleep_start 20000
	vm_pause store
	expect_match paused "$(guest hmp store 'info status')"
	! vm_sleeps store || fail "it sleeps in a paused VM"
	vm_continue store
	wait_for 10 vm_sleeps store
	wait_for 90 store_log_has 'status=0 result=0 value='
}

# pauses NUMBER - as long apart as the guest needs to ask again, more or less
pauses() {
	local i
	echo '{"execute": "qmp_capabilities"}'
	for ((i = 0; i < $1; i++)); do
		echo '{"execute": "cont"}'
		sleep "0.0$((RANDOM % 40 + 10))"
		echo '{"execute": "stop"}'
	done
	echo '{"execute": "cont"}'
}

test_sleep_none_begins_after_a_kick() {
	sleep_start 10000
	pauses 100 | socat -t 60 - UNIX-CONNECT:/run/guest/store/qmp.sock > /tmp/answers
	expect 202 "$(grep -c '"return"' /tmp/answers)" answers
	wait_for 5 vm_sleeps store
	wait_for 60 store_log_has 'status=0 result=0 value='
}

# Loaded, it asks by the handle of before: 116 is ESTALE.
test_sleep_saved_and_loaded() {
	sleep_start 20000
	vm_hmp store "savevm asleep"
	wait_for 10 vm_sleeps store
	vm_hmp store "loadvm asleep"
	wait_for 60 store_log_has 'status=-116 result=0 value='
	expect_status 0 vmrpc ping store -c 5 -i 0 -t 30
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

# As above; to another host's kernel the handle is none: 9 is EBADF.
test_sleep_moves_to_another_qemu() {
	start_store
	# shellcheck disable=SC2086	# two words
	guest start there --vcpus 2 --mem 256M --no-wait -- $server -incoming unix:/tmp/there.sock
	sleep_start 60000
	vm_migrate store unix:/tmp/there.sock
	wait_for 30 vm_runs there
	guest kill store
	wait_for 90 vm_ready there
	wait_for 90 guest sh there -- "dmesg | grep 'vmrpc_kv: status=-9 result=0 value='"
	expect_status 0 vmrpc ping there -c 5 -i 0 -t 30
	guest kill there
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
