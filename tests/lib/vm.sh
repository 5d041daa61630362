# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For tests that have guests, inside the bed.

GUEST_TESTS=/usr/lib/vmrpc/tests

# vm_field NAME FIELD - of "vmrpc list --json"; "null" when there is no such VM
vm_field() {
	vmrpc list --json | jq -r --arg name "$1" --arg field "$2" \
		'(map(select(.name == $name)) | first)[$field]'
}

vm_listed() {
	vmrpc list --names | grep -qx "$1"
}

vm_gone() {
	! vm_listed "$1"
}

vm_ready() {
	[ "$(vm_field "$1" state)" = ready ]
}

# vm_is NAME FIELD VALUE
vm_is() {
	[ "$(vm_field "$1" "$2")" = "$3" ]
}

# A paused VM answers nothing: its calls stay in flight until something ends them.
vm_pause() {
	guest qmp "$1" '{"execute": "stop"}'
}

vm_continue() {
	guest qmp "$1" '{"execute": "cont"}'
}

# load_server - the server "test", for guests' calls that sleep
load_server() {
	grep -q '^vmrpc_test_server ' /proc/modules || insmod /usr/lib/vmrpc/modules/vmrpc_test_server.ko
}

# guest_sleep NAME - a kernel thread of the guest calls SLEEP in the host, for long
guest_sleep() {
	local before
	before=$(vm_field "$1" performs)
	guest sh "$1" -- "insmod $GUEST_TESTS/vmrpc_sleep.ko > /dev/null 2>&1 &"
	wait_for 90 vm_performs_over "$1" "$before"
}

vm_performs_over() {
	[ "$(vm_field "$1" performs)" -gt "$2" ]
}

# in_background FILE COMMAND... - leaves its exit status in FILE; $! is its process
in_background() {
	local file=$1
	shift
	rm -f "$file"
	{
		local status=0
		"$@" > "$file.out" 2> "$file.err" || status=$?
		echo "$status" > "$file"
	} &
}
