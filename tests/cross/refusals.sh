#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Guests that allow less, or nothing, and VMs without the device.
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/lib/tap.sh"
. "$here/lib/vm.sh"

setup() {
	guest start strict --vcpus 1 --mem 192M --append vmrpc.allow=echo
	guest start off --vcpus 1 --mem 192M --append vmrpc=off
	guest start bare --vcpus 1 --mem 192M --no-vmrpc
	wait_for 90 vm_ready strict
}

teardown() {
	guest kill strict
	guest kill off
	guest kill bare
}

test_allowed_module_answers() {
	expect_status 0 vmrpc ping strict -c 3
}

test_module_not_allowed_refused() {
	expect_status 6 vmrpc meminfo strict
	expect_match 'vmrpc\.allow' "$errors"
	expect_status 6 vmrpc drop-caches strict
	expect_status 6 vmrpc call strict sysinfo get --arg ''
}

test_info_without_sysinfo_still_works() {
	expect_status 0 vmrpc info strict --json
	expect null "$(jq -r .guest <<< "$output")"
	expect 6 "$(jq -r .guest_error.status <<< "$output")"
}

test_allow_changed_at_run_time() {
	guest sh strict -- 'echo echo,procfs > /sys/module/vmrpc/parameters/allow'
	expect_status 0 vmrpc meminfo strict
	guest sh strict -- 'echo none > /sys/module/vmrpc/parameters/allow'
	expect_status 6 vmrpc ping strict -c 1
	guest sh strict -- 'echo echo > /sys/module/vmrpc/parameters/allow'
	expect_status 0 vmrpc ping strict -c 1
}

test_allow_one_procedure() {
	guest sh strict -- 'echo echo,procfs/meminfo > /sys/module/vmrpc/parameters/allow'
	expect_status 0 vmrpc meminfo strict
	expect_status 6 vmrpc loadavg strict
	expect_status 6 vmrpc drop-caches strict
	expect_status 10 vmrpc call strict procfs 99 --arg ''
	expect_status 0 vmrpc ping strict -c 1
	guest sh strict -- 'echo echo > /sys/module/vmrpc/parameters/allow'
}

test_lock_keeps_what_is_allowed() {
	local dir=/sys/module/vmrpc/parameters
	guest sh strict -- "echo 1 > $dir/lock"
	expect_status 1 guest sh strict -- "echo all > $dir/allow"
	expect_status 1 guest sh strict -- "echo 0 > $dir/lock"
	expect "echo Y" "$(guest sh strict -- "cat $dir/allow $dir/lock" | tr -d '\r' | paste -sd ' ')"
	expect_status 6 vmrpc meminfo strict
	expect_status 0 vmrpc ping strict -c 1
}

test_locked_at_boot_has_its_list() {
	guest start locked --vcpus 1 --mem 192M --append "vmrpc.lock=1 vmrpc.allow=echo,procfs/loadavg"
	wait_for 90 vm_ready locked
	expect_status 0 vmrpc loadavg locked
	expect_status 6 vmrpc meminfo locked
	expect_status 1 guest sh locked -- 'echo all > /sys/module/vmrpc/parameters/allow'
	guest kill locked
}

test_module_that_no_guest_has_unknown() {
	expect_status 10 vmrpc call strict nosuch 0 --arg ''
}

test_guest_with_vmrpc_off_no_server() {
	expect_status 5 vmrpc ping off -c 1
	expect_match 'vmrpc=off' "$errors"
	expect absent "$(vm_field off state)"
	expect 0 "$(vm_field off generation)"
}

test_guest_with_vmrpc_off_says_no_hello() {
	! dmesg | grep -q 'vmrpc: off: ' || fail "it called the host"
	expect 0 "$(vm_field off performs)"
}

test_vm_without_device_not_listed() {
	expect_status 0 vmrpc list --names
	expect_no_match '^bare$' "$output"
	expect_status 3 vmrpc ping bare -c 1
}

test_vm_without_device_boots_as_ever() {
	expect_no_match 'vmrpc: (features|.*error)' "$(guest sh bare -- dmesg)"
	expect 1 "$(guest sh bare -- nproc | tr -d '\r')"
}

# as_group GID COMMAND... - as nobody, in that group alone
as_group() {
	local gid=$1
	shift
	setpriv --reuid 65534 --regid "$gid" --clear-groups "$@"
}

test_group_may_call_others_may_not() {
	guest start shared --vcpus 1 --mem 192M --no-vmrpc -- -device vmrpc,name=shared,group=audio
	wait_for 90 vm_ready shared
	expect_status 0 as_group 29 vmrpc ping shared -c 3
	expect_status 0 as_group 29 vmrpc list --names
	expect shared "$output"
	expect_status 4 as_group 29 vmrpc ping strict -c 1
	expect_status 4 as_group 65534 vmrpc ping shared -c 1
	guest stop shared
}

test_group_unknown_qemu_says_so() {
	expect_status 1 guest start twin --mem 128M --no-vmrpc -- -device vmrpc,group=nosuch
	expect_match "no group 'nosuch'" "$errors"
}

test_name_in_use_qemu_says_so() {
	expect_status 1 guest start twin --mem 128M --no-vmrpc -- -device vmrpc,name=strict
	expect_match "strict" "$errors"
	expect_match "exist|in use|already" "$errors"
	expect_status 0 vmrpc ping strict -c 1
}

test_device_needs_kvm_qemu_says_so() {
	expect_status 1 timeout 60 qemu-system-x86_64 -accel tcg -nodefaults -display none \
		-device vmrpc,name=nokvm
	expect_match 'KVM|kvm' "$errors"
}

test_device_name_malformed_qemu_says_so() {
	expect_status 1 timeout 60 qemu-system-x86_64 -accel kvm -cpu host -nodefaults -display none \
		-device 'vmrpc,name=two words'
	expect_match 'name' "$errors"
}

run_cases "$@"
