# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For tests that have guests, inside the bed; $here is the directory of the tests.

GUEST_TESTS=/usr/lib/vmrpc/tests

# bare_start NAME [ARGUMENT...] - NAME says which image (bare32, bare64) and how many vCPUs (x1)
bare_start() {
	local name=$1
	shift
	guest start "$name" --kernel "$here/bare/${name%x*}.elf" --vcpus "${name#*x}" --mem 128M \
		--no-wait "$@"
}

# vm_field NAME FIELD - of "vmrpc list --json"; "null" when there is no such VM.  Without a call
# to the guest, which would count, and wait in one that is paused.
vm_field() {
	vmrpc list --json --no-ask | jq -r --arg name "$1" --arg field "$2" \
		'(map(select(.name == $name)) | first)[$field]'
}

vm_listed() {
	vmrpc list --names | grep -qx "$1"
}

vm_gone() {
	! vm_listed "$1"
}

vm_ready() {
	[ "$(vm_field "$1" state)" = alive ]
}

# vm_is NAME FIELD VALUE
vm_is() {
	[ "$(vm_field "$1" "$2")" = "$3" ]
}

vm_generation_over() {
	[ "$(vm_field "$1" generation)" -gt "$2" ]
}

vm_calls_over() {
	[ "$(vm_field "$1" calls)" -gt "$2" ]
}

vm_runs() {
	guest qmp "$1" '{"execute": "query-status"}' | jq -e .return.running
}

# A paused VM answers nothing: its calls stay in flight until something ends them.
vm_pause() {
	guest qmp "$1" '{"execute": "stop"}'
}

vm_continue() {
	guest qmp "$1" '{"execute": "cont"}'
}

cgroups=/sys/fs/cgroup

# in_cgroup NAME COMMAND... - what the command starts is accounted apart; ends by cgroup_end
in_cgroup() {
	local name=$1
	shift
	echo +memory > $cgroups/cgroup.subtree_control
	mkdir -p "$cgroups/$name"
	(
		echo "$BASHPID" > "$cgroups/$name/cgroup.procs"
		exec "$@"
	)
}

cgroup_end() {
	rmdir "$cgroups/$1"
}

# swap_on MIB - the host has swap; there is none from the start
swap_on() {
	dd if=/dev/zero of=/swap bs=1M count="$1"
	chmod 600 /swap
	mkswap /swap
	swapon /swap
}

swap_off() {
	swapoff /swap
	rm /swap
}

# What the host has swapped out, ever.
pages_out() {
	awk '$1 == "pswpout" { print $2 }' /proc/vmstat
}

# vm_quit NAME - QEMU may be gone before it answered
vm_quit() {
	guest qmp "$1" '{"execute": "quit"}' || true
}

# vm_migrate_begin NAME URI
vm_migrate_begin() {
	guest qmp "$1" "{\"execute\": \"migrate\", \"arguments\": {\"uri\": \"$2\"}}"
}

# vm_migrate NAME URI - returns when it has left, and is paused here for good
vm_migrate() {
	vm_migrate_begin "$1" "$2"
	wait_for 90 vm_migrated "$1"
}

# vm_sent NAME - bytes that its QEMU sent when it left
vm_sent() {
	vm_migration_ram "$1" transferred
}

# vm_migrate_slowly NAME URI - begins, and would take for ever until vm_migrate_end
vm_migrate_slowly() {
	guest qmp "$1" '{"execute": "migrate-set-parameters", "arguments": {"max-bandwidth": 4096}}'
	vm_migrate_begin "$1" "$2"
	wait_for 30 vm_migration_is "$1" active
}

# vm_migrate_rounds NAME URI NUMBER - returns after that round, and likewise goes on while the guest runs:
# what has to be sent at least, in each round, would take more than a millisecond
vm_migrate_rounds() {
	guest qmp "$1" '{"execute": "migrate-set-parameters", "arguments":
		{"downtime-limit": 1, "avail-switchover-bandwidth": 4000000, "max-bandwidth": 1073741824}}'
	vm_migrate_begin "$1" "$2"
	wait_for 60 vm_rounds_over "$1" "$3"
}

# vm_migration_ram NAME FIELD - how far its memory was sent
vm_migration_ram() {
	guest qmp "$1" '{"execute": "query-migrate"}' | jq --arg field "$2" '.return.ram[$field]'
}

vm_rounds_over() {
	[ "$(vm_migration_ram "$1" dirty-sync-count)" -gt "$2" ]
}

# What is written as fast as it is sent never comes to an end: it may stand still for long.
vm_migrate_end() {
	guest qmp "$1" '{"execute": "migrate-set-parameters", "arguments":
		{"downtime-limit": 60000, "avail-switchover-bandwidth": 0, "max-bandwidth": 1073741824}}'
	wait_for 90 vm_migrated "$1"
}

# vm_migration_is NAME STATUS
vm_migration_is() {
	guest qmp "$1" '{"execute": "query-migrate"}' | jq -e ".return.status == \"$2\""
}

vm_migrated() {
	vm_migration_is "$1" completed
}

# vm_hmp NAME COMMAND - one that says nothing when it is well
vm_hmp() {
	expect "" "$(guest hmp "$1" "$2")" "$2"
}

# For QEMU's command line: disks that the guest does not see, and that are where QEMU puts
# what it saves (with TMPDIR=/tmp); and disks that a guest has its next kernel from.
# shellcheck disable=SC2034	# used by those that source this
spare_disk="-drive file=/tmp/disk,format=raw,if=none,snapshot=on"
# shellcheck disable=SC2034
kernel_disks="-drive file=/usr/lib/vmrpc/guest/bzImage,format=raw,if=virtio,readonly=on
	-drive file=/usr/lib/vmrpc/guest/initrd,format=raw,if=virtio,readonly=on"

# vm_kexec NAME [OPTION] - the guest has $kernel_disks; returns when the next kernel is up, which
# is not given that boot option
vm_kexec() {
	local generation line=--reuse-cmdline
	generation=$(vm_field "$1" generation)
	[ -z "${2-}" ] || line="--command-line=\"\$(sed s/$2// /proc/cmdline)\""
	guest sh "$1" -- "kexec -l /dev/vda --initrd=/dev/vdb $line"
	guest sh "$1" -- "(sleep 0.2; kexec -e) > /dev/null 2>&1 &"
	wait_for 120 vm_generation_over "$1" "$generation"
	guest wait "$1"
}

# vm_panic NAME SECONDS - the guest panics, and reboots after SECONDS (0: never)
vm_panic() {
	guest sh "$1" -- "echo $2 > /proc/sys/kernel/panic
		(sleep 0.2; echo c > /proc/sysrq-trigger) > /dev/null 2>&1 &"
	# The shell may be behind a call, on the CPU that is away for a minute.
	wait_for 120 vm_log_has "$1" 'Kernel panic'
}

vm_log_has() {
	guest log "$1" | grep "$2"
}

# load_server - the server "test", for guests' calls that sleep
load_server() {
	grep -q '^vmrpc_test_server ' /proc/modules || insmod /usr/lib/vmrpc/modules/vmrpc_test_server.ko
}

# guest_slow NAME - loads the module whose procedure lasts as long as a test wants
guest_slow() {
	guest sh "$1" -- "insmod $GUEST_TESTS/vmrpc_slow.ko"
}

# guest_sleep NAME - a kernel thread of the guest calls SLEEP in the host, for long
guest_sleep() {
	local before
	before=$(vm_field "$1" handles)
	guest sh "$1" -- "insmod $GUEST_TESTS/vmrpc_sleep.ko > /dev/null 2>&1 &"
	wait_for 90 vm_is "$1" handles $((before + 1))
}

# guest_call NAME FILE PROCEDURE MS [CPU] - a process of the guest calls the server "test",
# which waits so long; its exit status, output and errors are left in FILE, .out and .err there.
# It begins a moment later: it may take away the CPU that would tell that the shell has ended.
guest_call() {
	local before
	before=$(vm_field "$1" handles)
	guest sh "$1" -- "rm -f $2
		(sleep 0.3; ${5:+taskset $(printf %x $((1 << $5)))} $GUEST_TESTS/vmrpc_user -k test 1 $3 $(le32 "$4")00000000 > $2.out 2> $2.err
		 echo \$? > $2) > /dev/null 2>&1 &"
	wait_for 90 vm_is "$1" handles $((before + 1))
}

le32() {
	printf '%02x%02x%02x%02x' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24))
}

# guest_status NAME FILE - the exit status of that process, once it ended
guest_status() {
	wait_for 90 guest sh "$1" -- "test -s $2"
	guest sh "$1" -- "cat $2"
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

# call_start NUMBER COMMAND... - a call in the background
call_start() {
	local number=$1
	shift
	in_background "/tmp/call$number" "$@"
}

# status_of NUMBER - the exit status of that call, once it ended
status_of() {
	wait_for 90 test -f "/tmp/call$1"
	cat "/tmp/call$1"
}

# call_lost NUMBER TEXT - that call ended with its guest, which TEXT
call_lost() {
	expect 8 "$(status_of "$1")" "exit status of call $1"
	expect_match "$2" "$(cat "/tmp/call$1.err")"
}

# call_lost_or_refused NUMBER - one of many calls, of which the last was under way when the
# channel was closed, or was begun when there was none
call_lost_or_refused() {
	expect_match '^(8 .*was reset|5 .*has no VMRPC server)' "$(status_of "$1") $(cat "/tmp/call$1.err")"
}
