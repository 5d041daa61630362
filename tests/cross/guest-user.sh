#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A guest's processes and servers of its host, by the guest's /dev/vmrpc-guest.
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/lib/tap.sh"
. "$here/lib/vm.sh"

server="-object vmrpc-server,id=kv,path=$here/kvstore.so"
permitted=vmrpc.user=kvstore,test,nosuch,print

# start NAME VCPUS OPTION...
start() {
	local name=$1 vcpus=$2
	shift 2
	# shellcheck disable=SC2086	# two words
	guest start "$name" --vcpus "$vcpus" --mem 192M "$@" -- $server
}

setup() {
	load_server
	start store 2 --append "$permitted"
	start one 1 --append "$permitted"
	start default 1
	start off 1 --append "vmrpc=off $permitted"
}

teardown() {
	guest kill store
	guest kill one
	guest kill default
	guest kill off
}

# user NAME ARGUMENT... - in guest NAME
user() {
	local name=$1
	shift
	guest sh "$name" -- "$GUEST_TESTS/vmrpc_user $*"
}

zeros=$(printf '%0512d' 0)

# hex TEXT BYTES - followed by zeros
hex() {
	local i text=
	for ((i = 0; i < ${#1}; i++)); do
		text+=$(printf '%02x' "'${1:i:1}")
	done
	text+=$zeros
	echo "${text:0:2 * $2}"
}

# kv KEY VERSION [VALUE] - a struct kvstore_arg; version and length are below 256
kv() {
	local value=${3:-}
	printf '%s%02x%s%02x%s%s\n' "$(hex "$1" 32)" "$2" "${zeros:0:14}" ${#value} "${zeros:0:14}" \
		"$(hex "$value" 208)"
}

put() {
	user "$1" kvstore 1 0 "$(kv "$2" 0 "$3")" > /dev/null
}

# refused ERROR NAME ARGUMENT...
refused() {
	local error=$1
	shift
	expect_status 1 user "$@"
	expect "" "$output"
	expect_match "^vmrpc_user: $error$" "$errors"
}

# wait_start NAME ARGUMENT... - in guest NAME, as a process that is going to wait in the host
wait_start() {
	local name=$1 before
	shift
	before=$(vm_field "$name" performs)
	guest sh "$name" -- "rm -f /tmp/status
		(sh -c 'echo \$\$ > /tmp/waiter; exec $GUEST_TESTS/vmrpc_user $*' > /tmp/output 2> /tmp/errors
		 echo \$? > /tmp/status) > /dev/null 2>&1 &"
	wait_for 90 vm_performs_over "$name" "$before"
	expect 1 "$(vm_field "$name" handles)" "handles"
}

# wait_signal NAME SIGNAL
wait_signal() {
	guest sh "$1" -- "kill -$2 \$(cat /tmp/waiter)"
}

# wait_end NAME STATUS OUTPUT ERRORS - of the process
wait_end() {
	wait_for 90 guest sh "$1" -- 'test -s /tmp/status'
	expect "$2" "$(guest sh "$1" -- 'cat /tmp/status')" "exit status"
	expect "$3" "$(guest sh "$1" -- 'cat /tmp/output')" "output"
	expect "$4" "$(guest sh "$1" -- 'cat /tmp/errors')" "errors"
	expect 0 "$(vm_field "$1" handles)" "handles"
	expect_status 0 vmrpc ping "$1" -c 3 -t 30
}

# waiter_is NAME STATE - as /proc tells it
waiter_is() {
	guest sh "$1" -- "grep -q '^State:.$2' /proc/\$(cat /tmp/waiter)/status"
}

test_put_and_get() {
	expect "1 $(kv first 0 one)" "$(user store kvstore 1 0 "$(kv first 0 one)")" "put"
	expect "1 $(kv first 1 one)" "$(user store kvstore 1 1 "$(kv first 0)")" "get"
	expect "2 $(kv first 0 two)" "$(user store kvstore 1 0 "$(kv first 0 two)")" "put"
	expect "2 $(kv first 2 two)" "$(user store kvstore 1 1 "$(kv first 0)")" "get"
}

test_closed_descriptor_unbinds() {
	user store kvstore 1
	expect 0 "$(vm_field store handles)" "handles"
}

test_server_in_hosts_kernel_answers() {
	expect "3 c0ffee" "$(user store -k test 1 0 c0ffee)"
	expect "0 " "$(user store -k test 1 0)" "no argument"
}

test_largest_argument_comes_back() {
	local answer
	answer=$(user store -k -s 65536 test 1 0 c0ffee)
	expect_match '^65536 c0ffee0+$' "$answer"
	expect $((6 + 2 * 65536)) ${#answer} "characters"
}

test_argument_of_wrong_size_refused() {
	refused 'perform: E2BIG' store -k -s 65537 test 1 0
	refused 'perform: E2BIG' store -s 257 kvstore 1 1
	refused 'perform: EINVAL' store -s 255 kvstore 1 1
}

test_servers_error_reaches_process() {
	refused 'perform: ENOENT' store kvstore 1 1 "$(kv nosuch 0)"
}

test_procedure_unknown_refused() {
	refused 'perform: ENOSYS' store kvstore 1 99 "$(kv key 0)"
	refused 'perform: ENOSYS' store kvstore 1 65536 "$(kv key 0)"
}

test_module_not_permitted_refused() {
	refused 'bind: EACCES' store secret 1
	refused 'bind: EACCES' store kvstor 1
	refused 'bind: EACCES' store kvstore,test 1
}

# kvstore's SAVE, the server test's SUM and print take addresses; any will do.
test_addresses_not_followed() {
	refused 'perform: EFAULT' store kvstore 1 3 "$(hex secret 32)00000081ffffffff0800000000000000"
	refused 'perform: EFAULT' store -k test 1 1 00000081ffffffff08000000000000000000000000000000
	refused 'perform: EFAULT' store -k print 1 0 00000081ffffffff0800000000000000
}

test_none_permitted_by_default() {
	refused 'bind: EACCES' default kvstore 1
	refused 'bind: EACCES' default -k test 1
	expect_status 0 guest sh default -- 'test -c /dev/vmrpc-guest'
}

test_module_unknown_refused() {
	refused 'bind: ENOENT' store nosuch 1
	refused 'bind: ENOENT' store -k nosuch 1
	# Names of the VMM's modules and of the kernel's are apart.
	refused 'bind: ENOENT' store -k kvstore 1
	refused 'bind: ENOENT' store test 1
}

test_version_unknown_refused() {
	refused 'bind: EPROTONOSUPPORT' store kvstore 2
}

test_guest_with_vmrpc_off_no_device() {
	refused '/dev/vmrpc-guest: ENOENT' off kvstore 1
}

test_device_is_roots() {
	expect 'crw-------' "$(guest sh store -- 'ls -l /dev/vmrpc-guest | cut -c 1-10')"
}

test_bad_requests_refused() {
	expect_status 0 guest sh store -- "$GUEST_TESTS/vmrpc_user_refused kvstore 1"
	expect 0 "$(vm_field store handles)" "handles"
}

test_wait_ends_by_put() {
	put store changed old
	wait_start store kvstore 1 2 "$(kv changed 1)"
	put store changed new
	wait_end store 0 "2 $(kv changed 2 new)" ""
}

# Its second call, by the same descriptor, is answered.
signal_ends_wait() {
	put "$1" signal old
	wait_start "$1" kvstore 1 2 "$(kv signal 1)" 1 "$(kv signal 0)"
	wait_signal "$1" INT
	wait_end "$1" 1 "1 $(kv signal 1 old)" "vmrpc_user: perform: EINTR"
}

test_signal_ends_wait() {
	signal_ends_wait store
}

test_signal_ends_wait_one_vcpu() {
	signal_ends_wait one
}

test_signal_ends_wait_of_server_in_kernel() {
	# PARK, of a minute
	wait_start store -k test 1 5 60ea000000000000 0 c0ffee
	wait_signal store INT
	wait_end store 1 "3 c0ffee" "vmrpc_user: perform: EINTR"
}

test_killed_while_waiting() {
	put store killed old
	wait_start store kvstore 1 2 "$(kv killed 1)"
	wait_signal store KILL
	wait_end store 137 "" Killed
}

test_wait_goes_on_after_a_stop() {
	put store stopped old
	wait_start store kvstore 1 2 "$(kv stopped 1)"
	wait_signal store STOP
	wait_for 90 waiter_is store T
	wait_signal store CONT
	put store stopped new
	wait_end store 0 "2 $(kv stopped 2 new)" ""
}

run_cases "$@"
