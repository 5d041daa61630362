#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A VM of one vCPU: its server waits without taking the vCPU, and answers while a
# program has it.
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/lib/tap.sh"
. "$here/lib/vm.sh"

setup() {
	guest start one --vcpus 1 --mem 256M -- -trace vmrpc_vector_use -trace vmrpc_notify
	wait_for 90 vm_ready one
}

teardown() {
	guest kill one
}

count() {
	guest sh one -- 'cat /tmp/count' | tr -d '\r'
}

counts_on() {
	[ "$(count)" -gt "$1" ]
}

test_server_waits_programs_run() {
	expect ran "$(guest sh one -- 'sleep 1; echo ran' | tr -d '\r')"
	vm_ready one
}

test_idle_server_parks() {
	local before
	before=$(vm_field one parks)
	expect_status 0 vmrpc ping one -c 20 -i 100 -t 30
	[ "$(vm_field one parks)" -gt "$before" ] || fail "no poll was parked"
}

# What KVM's debugfs says of the VM
kvm_stat() {
	cat /sys/kernel/debug/kvm/"$(guest pid one)"-*/"$1"
}

polled_over() {
	vmrpc ping one -c 100 -i 0 -t 30
	[ "$(kvm_stat halt_attempted_poll)" -gt "$1" ]
}

# KVM spins before a vCPU sleeps, for as long as that paid off lately: at most 0.2 ms, in which
# an emulated host does little.
test_parked_vcpu_is_polled_first() {
	local before longest=/sys/module/kvm/parameters/halt_poll_ns was
	was=$(cat $longest)
	before=$(kvm_stat halt_attempted_poll)
	echo 20000000 > $longest
	wait_for 60 polled_over "$before"
	echo "$was" > $longest
	comment "$(($(kvm_stat halt_attempted_poll) - before)) times, $(kvm_stat halt_successful_poll) successful since the VM began"
}

# How often QEMU's thread that would inject the interrupt has slept.
qemu_sleeps() {
	local pid
	pid=$(guest pid one)
	sed -n 's/^voluntary_ctxt_switches:[[:space:]]*//p' "/proc/$pid/task/$pid/status"
}

test_loop_runs_calls_answered() {
	local before
	guest sh one -- "$GUEST_TESTS/count /tmp/count > /dev/null 2>&1 &"
	wait_for 90 counts_on 0
	expect_status 0 vmrpc ping one -c 30 -i 0 -t 60
	expect_status 0 vmrpc meminfo one -t 60
	before=$(count)
	wait_for 90 counts_on "$before"
}

# KVM injects it by itself (irqfd), and QEMU sleeps.
test_loop_runs_interrupted_without_qemu() {
	local interrupts sleeps
	interrupts=$(vm_field one interrupts)
	sleeps=$(qemu_sleeps)
	expect_status 0 vmrpc ping one -c 50 -i 20 -t 60
	sleeps=$(($(qemu_sleeps) - sleeps))
	interrupts=$(($(vm_field one interrupts) - interrupts))
	comment "$interrupts interrupts, QEMU woke up $sleeps times"
	[ "$interrupts" -ge 20 ] || fail "only $interrupts interrupts"
	[ "$sleeps" -lt "$interrupts" ] || fail "QEMU woke up $sleeps times for $interrupts interrupts"
	grep 'vmrpc_vector_use.*irqfd 1' /run/guest/one/qemu.log
	! grep vmrpc_notify /run/guest/one/qemu.log
}

test_loop_runs_eight_clients_answered() {
	local i pids=()
	for i in 1 2 3 4 5 6 7 8; do
		vmrpc ping one -c 10 -i 0 -t 60 &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || fail "a ping lost an answer"
	done
}

test_loop_ended_calls_answered() {
	guest sh one -- 'killall count'
	expect_status 0 vmrpc ping one -c 20 -i 0 -t 60
	expect 0 "$(vm_field one calls_in_flight)"
}

test_long_drop_other_calls_answered() {
	guest sh one -- 'find / -xdev > /dev/null; dd if=/dev/zero of=/tmp/file bs=1M count=32' > /dev/null 2>&1
	in_background /tmp/drop vmrpc drop-caches one 3 -t 60
	expect_status 0 vmrpc ping one -c 10 -i 0 -t 60
	wait
	expect 0 "$(cat /tmp/drop)" "exit status of drop-caches"
}

run_cases "$@"
