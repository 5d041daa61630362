#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the command shows of a guest is what the guest sees itself.
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/lib/tap.sh"
. "$here/lib/vm.sh"

setup() {
	# The disk is only something to read; what of it is in memory is page cache.
	guest start web --vcpus 2 --mem 256M \
		--append "vmrpc.slots=6 vmrpc.threads=3 vmrpc.allow=echo,procfs,sysinfo,mem,slow" -- \
		-drive file=/usr/bin/qemu-system-x86_64,format=raw,if=none,id=disk,readonly=on \
		-device virtio-blk-pci,drive=disk
	wait_for 90 vm_ready web
}

teardown() {
	guest kill web
}

# in_guest COMMAND - one word, for the guest's shell
in_guest() {
	guest sh web -- "$1" | tr -d '\r'
}

test_hello_in_the_hosts_log() {
	dmesg | grep -q 'vmrpc: web: hello from Linux .*, 2 CPUs, [0-9]* MiB' ||
		fail "no hello of the guest in the host's log: $(dmesg | tail -n 5)"
}

test_guest_found_the_interface() {
	in_guest dmesg | grep -q 'vmrpc: features 0xf' || fail "not in the guest's log"
}

test_boot_options_slots_and_threads() {
	expect 6 "$(vm_field web slots)"
	expect 3 "$(in_guest 'cat /sys/devices/virtual/workqueue/vmrpc/max_active')"
}

slow_runs() {
	[ "$(in_guest 'cat /sys/module/vmrpc_slow/parameters/running')" = "$1" ]
}

test_threads_bound_slow_calls_at_once() {
	local i
	guest_slow web
	for i in 1 2 3 4 5; do
		call_start "$i" vmrpc call web slow 0 --arg '' --timeout 300
	done
	wait_for 90 vm_is web calls_in_flight 5
	wait_for 90 slow_runs 3
	# Calls that are not slow are none of these.
	expect_status 0 vmrpc ping web -c 5 -i 0 -t 30
	in_guest 'echo 1 > /sys/module/vmrpc_slow/parameters/end'
	for i in 1 2 3 4 5; do
		expect 0 "$(status_of "$i")" "exit status of slow"
	done
	expect 3 "$(in_guest 'cat /sys/module/vmrpc_slow/parameters/most')" "slow calls at once"
	in_guest 'rmmod vmrpc_slow'
}

test_list_shows_vm() {
	expect_status 0 vmrpc list
	expect_match '(^|[[:space:]])web[[:space:]]' "$output"
	expect alive "$(vm_field web state)"
	expect 2 "$(vm_field web vcpus)"
	expect "$(guest pid web)" "$(vm_field web pid)"
}

test_info_tells_host_and_guest() {
	expect_status 0 vmrpc info web --json
	expect Linux "$(jq -r .guest.os_name <<< "$output")"
	expect "$(in_guest 'uname -r')" "$(jq -r .guest.os_release <<< "$output")"
	expect 2 "$(jq -r .guest.cpus_online <<< "$output")"
	expect_status 0 vmrpc info web
	expect_match 'Guest OS: *Linux' "$output"
}

# stat_of NAME DIRECTION MODULE PROCEDURE FIELD - of "vmrpc stat --json"; 0 without a row
stat_of() {
	vmrpc stat "$1" --json | jq --arg direction "$2" --arg name "$3" --argjson procedure "$4" \
		--arg field "$5" '[.[0].procedures[] | select(.direction == $direction and
			.module == $name and .procedure == $procedure)[$field]] | add // 0'
}

# stat_others NAME - errors of the host's calls that have no row of their own
stat_others() {
	vmrpc stat "$1" --json | jq '[.[0].procedures[] |
		select(.direction == "host-to-guest" and .module == null).errors] | add // 0'
}

test_stat_counts_calls_of_the_host() {
	local calls failed arguments results
	vmrpc ping web -c 1
	calls=$(stat_of web host-to-guest echo 0 calls)
	failed=$(stat_of web host-to-guest echo 0 errors)
	arguments=$(stat_of web host-to-guest echo 0 argument_bytes)
	results=$(stat_of web host-to-guest echo 0 result_bytes)
	expect_status 0 vmrpc ping web -c 20 -i 0 -s 100
	expect $((calls + 20)) "$(stat_of web host-to-guest echo 0 calls)" calls
	expect "$failed" "$(stat_of web host-to-guest echo 0 errors)" errors
	expect $((arguments + 2000)) "$(stat_of web host-to-guest echo 0 argument_bytes)" "argument bytes"
	expect $((results + 2000)) "$(stat_of web host-to-guest echo 0 result_bytes)" "result bytes"
}

test_stat_counts_calls_of_the_guest() {
	# It said hello.
	[ "$(stat_of web guest-to-kernel print 0 calls)" -ge 1 ] || fail "no call of print"
	[ "$(stat_of web guest-to-kernel print 0 argument_bytes)" -ge 16 ] || fail "without argument"
	expect "$(vm_field web performs)" "$(vmrpc stat web --json |
		jq '[.[0].procedures[] | select(.direction != "host-to-guest").calls] | add')" performs
}

test_stat_counts_errors_by_procedure() {
	local failed
	vmrpc ping web -c 1
	failed=$(stat_of web host-to-guest echo 9 errors)
	expect_status 10 vmrpc call web echo 9 --arg ''
	expect $((failed + 1)) "$(stat_of web host-to-guest echo 9 errors)"
}

test_stat_unknown_module_among_the_others() {
	local failed
	failed=$(stat_others web)
	expect_status 10 vmrpc call web made-up 0 --arg ''
	expect 0 "$(stat_of web host-to-guest made-up 0 calls)"
	expect $((failed + 1)) "$(stat_others web)"
}

test_stat_is_a_table() {
	vmrpc ping web -c 1
	expect_status 0 vmrpc stat web
	expect_match '^VM +DIRECTION +MODULE +PROC +CALLS +ERRORS +ARG-BYTES +RES-BYTES$' "$output"
	expect_match '^web +host-to-guest +echo +0 +[0-9]+ +[0-9]+ +[0-9]+ +[0-9]+$' "$output"
	expect_match '^web +guest-to-kernel +print +0 ' "$output"
}

test_stat_of_all_vms() {
	expect_status 0 vmrpc stat --json
	expect web "$(jq -r '.[].name' <<< "$output")"
	expect_status 0 setpriv --reuid 65534 --regid 65534 --clear-groups vmrpc stat --json
	expect 0 "$(jq length <<< "$output")"
}

test_stat_prometheus_is_of_its_format() {
	local label='[a-z]+="([^"\]|\\[\"n])*"'
	vmrpc ping web -c 1
	expect_status 0 vmrpc stat --prometheus
	expect_match '^vmrpc_vm_state\{vm="web",state="alive"\} 1$' "$output"
	expect_match '^vmrpc_polls_total\{vm="web"\} [0-9]+$' "$output"
	expect_match '^vmrpc_calls_total\{vm="web",direction="host-to-guest",module="echo",procedure="0"\} [0-9]+$' "$output"
	expect_match '^vmrpc_calls_total\{vm="web",direction="guest-to-kernel",module="print",procedure="0"\} [0-9]+$' "$output"
	expect "" "$(grep -vE "^(# (HELP|TYPE) vmrpc_[a-z_]+ .+|vmrpc_[a-z_]+\{$label(,$label)*\} [0-9]+)$" <<< "$output")" \
		"lines of another format"
	expect "$(grep -c '^# HELP' <<< "$output")" "$(grep -c '^# TYPE' <<< "$output")"
}

test_stat_no_such_vm() {
	expect_status 3 vmrpc stat nobody
	expect_status 3 vmrpc stat nobody --prometheus
	expect "" "$output"
}

test_stat_other_user() {
	expect_status 4 setpriv --reuid 65534 --regid 65534 --clear-groups vmrpc stat web
}

test_stat_conflicting_options_usage() {
	expect_status 2 vmrpc stat web --json --prometheus
	expect_status 2 vmrpc stat web --json --watch
	expect_status 2 vmrpc stat web --prometheus --watch 1
}

test_stat_watch_ends_by_signal() {
	local watch
	vmrpc ping web -c 1
	vmrpc stat web --watch 0.1 > /tmp/watch &
	watch=$!
	wait_for 30 grep -q CALLS/S /tmp/watch
	kill -INT "$watch"
	wait "$watch"
	expect_match '^web +host-to-guest +echo +0 +[0-9]+\.[0-9] ' "$(cat /tmp/watch)"
}

test_ping_all_answered() {
	expect_status 0 vmrpc ping web -c 50 -i 0 --json
	expect 50 "$(jq -r .received <<< "$output")"
}

test_ping_deep_all_answered() {
	expect_status 0 vmrpc ping web -c 200 -i 0 -d 32 -s 100 -t 30 --json
	expect 200 "$(jq .received <<< "$output")"
	expect_status 0 vmrpc ping web -c 3 -i 0 -d 5 --json
	expect 3 "$(jq .transmitted <<< "$output")"
	expect 0 "$(vm_field web calls_in_flight)"
}

test_ping_deep_not_answered_lost() {
	vm_pause web
	expect_status 7 vmrpc ping web -c 4 -i 0 -d 2 -t 0.2 --json
	expect "4 0" "$(jq -r '"\(.transmitted) \(.received)"' <<< "$output")"
	vm_continue web
	expect_status 0 vmrpc ping web -c 4 -i 0 -d 2 -t 30
}

test_ping_largest_answered() {
	expect_status 0 vmrpc ping web -c 5 -i 0 -s 4032
}

test_meminfo_is_the_guests() {
	expect "$(in_guest 'grep MemTotal /proc/meminfo')" "$(vmrpc meminfo web | grep MemTotal)"
}

test_meminfo_json_in_bytes() {
	local kb
	kb=$(in_guest 'cat /proc/meminfo' | sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p')
	expect $((kb * 1024)) "$(vmrpc meminfo web --json | jq .MemTotal)"
}

test_cpuinfo_is_the_guests() {
	expect_status 0 vmrpc cpuinfo web
	expect 2 "$(grep -c '^processor' <<< "$output")"
	expect "$(in_guest 'grep -m1 "model name" /proc/cpuinfo')" "$(grep -m1 'model name' <<< "$output")"
}

test_cpuinfo_is_whole() {
	expect "$(in_guest 'cat /proc/cpuinfo' | grep -v MHz | md5sum)" \
		"$(vmrpc cpuinfo web | grep -v MHz | md5sum)"
}

test_loadavg_has_five_fields() {
	expect_status 0 vmrpc loadavg web
	expect_match '^[0-9.]+ [0-9.]+ [0-9.]+ [0-9]+/[0-9]+ [0-9]+$' "$output"
}

# Buffers are the page cache of disks, in bytes.
buffers() {
	vmrpc meminfo web --json | jq .Buffers
}

test_drop_caches_drops() {
	local before
	# Held open: the last close would drop it all.
	in_guest 'sleep 1000 < /dev/vda > /dev/null 2>&1 & dd if=/dev/vda of=/dev/null bs=1M count=8 2> /dev/null'
	before=$(buffers)
	[ "$before" -gt 7000000 ] || fail "the disk that was read is not in the page cache: $before"
	expect_status 0 vmrpc drop-caches web 2
	[ "$(buffers)" -gt 7000000 ] || fail "drop-caches 2 dropped page cache"
	expect_status 0 vmrpc drop-caches web 1
	[ "$(buffers)" -lt $((before / 2)) ] || fail "still there: $(buffers) of $before bytes"
}

test_drop_caches_wrong_number_usage() {
	expect_status 2 vmrpc drop-caches web 4
}

test_call_echo_comes_back() {
	expect_status 0 vmrpc call web echo echo --arg "some text"
	expect "some text" "$output"
}

test_call_by_number_comes_back() {
	expect_status 0 vmrpc call web echo 0 --hex --arg 00ff10
	expect 00ff10 "$output"
}

test_call_largest_comes_back() {
	head -c 4032 /dev/urandom > /tmp/argument
	vmrpc call web echo echo < /tmp/argument > /tmp/result
	cmp /tmp/argument /tmp/result
}

test_call_larger_than_a_slot_comes_back() {
	local size
	for size in 4033 1048577 67108864; do
		head -c $size /dev/urandom > /tmp/argument
		vmrpc call web echo echo --timeout 60 < /tmp/argument > /tmp/result
		cmp /tmp/argument /tmp/result
	done
}

test_call_too_large_fails() {
	head -c 67108865 /dev/zero > /tmp/argument
	expect_status 1 vmrpc call web echo echo < /tmp/argument
	expect_match '64 MiB' "$errors"
}

test_ping_large_all_answered() {
	expect_status 0 vmrpc ping web -c 5 -i 0 -s 1048576 -t 60
	expect_status 0 vmrpc ping web -c 20 -i 0 -s 100000 --depth 8 -t 60
}

test_calls_larger_than_guests_memory_survived() {
	head -c 67108864 /dev/zero > /tmp/argument
	for _ in 1 2 3 4 5 6; do
		vmrpc call web echo echo --timeout 60 < /tmp/argument > /dev/null &
	done
	wait
	expect_status 0 vmrpc ping web -c 5 -i 0 -t 30
}

test_eight_clients_each_gets_its_answer() {
	local i pids=()
	client() {
		local n
		for n in 1 2 3 4 5 6; do
			[ "$(vmrpc call web echo echo --arg "client $1 call $n")" = "client $1 call $n" ] || return 1
		done
	}
	for i in 1 2 3 4 5 6 7 8; do
		client "$i" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || fail "a client got no answer, or another's"
	done
}

test_eight_pings_at_once_all_answered() {
	local i pids=()
	for i in 1 2 3 4 5 6 7 8; do
		vmrpc ping web -c 50 -i 0 -t 30 &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || fail "a ping lost an answer"
	done
	expect 0 "$(vm_field web calls_in_flight)"
}

test_exit_status_usage() {
	expect_status 2 vmrpc
	expect_status 2 vmrpc no-such-command
	expect_status 2 vmrpc meminfo
	expect_status 2 vmrpc meminfo web --no-such-option
}

test_exit_status_no_such_vm() {
	expect_status 3 vmrpc ping nobody -c 1
	expect_match "nobody: " "$errors"
	expect 1 "$(wc -l <<< "$errors")" "lines on stderr"
}

test_exit_status_other_user() {
	expect_status 4 setpriv --reuid 65534 --regid 65534 --clear-groups vmrpc ping web -c 1
}

test_other_user_sees_no_vm() {
	expect_status 0 setpriv --reuid 65534 --regid 65534 --clear-groups vmrpc list --names
	expect "" "$output"
}

test_exit_status_unknown_module() {
	expect_status 10 vmrpc call web nosuch 0 --arg ''
}

test_exit_status_unknown_procedure() {
	expect_status 10 vmrpc call web echo 9 --arg ''
}

test_exit_status_deadline() {
	vm_pause web
	expect_status 7 vmrpc meminfo web --timeout 0.2
	vm_continue web
	expect_status 0 vmrpc ping web -c 5 -t 30
	expect 0 "$(vm_field web calls_in_flight)"
}

test_pause_longer_than_callers_none_lost_after() {
	local i
	vm_pause web
	for i in 1 2 3 4 5 6; do
		expect_status 7 vmrpc call web echo echo --arg x --timeout 0.05
	done
	vm_continue web
	expect_status 0 vmrpc ping web -c 20 -i 0 -t 30
}

test_exit_status_no_device() {
	expect_status 9 unshare -m sh -c 'mount -t tmpfs none /dev; vmrpc list'
}

test_json_error_is_a_document() {
	expect_status 3 vmrpc meminfo nobody --json
	expect no-such-vm "$(jq -r .error.code <<< "$output")"
	expect 3 "$(jq -r .error.status <<< "$output")"
}

test_monitor_shows_it() {
	expect_match web "$(guest hmp web 'info vmrpc')"
	guest qmp web '{"execute": "query-vmrpc"}' | jq -e .return > /dev/null
}

run_cases "$@"
