#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Guests that attack the host (tests/guest/bare/attack.c), one of 64 and one of 32 bit, each
# with two vCPUs, while the host's clients call them, their VMM stops them now and then,
# other guests come and go, and one stays that is to notice nothing.  The host's kernel is to
# report nothing, which the bed sees to.
#	ATTACK_CALLS	hypercalls of both (40000), three quarters of them by the one of 64 bit
#	ATTACK_SEED	which ones (others each time)
#	ATTACK_TIMER	microseconds between interrupts of the attackers (2000): on a host that
#			is slow by what it checks these take all of the time
#	ATTACK_PAUSE	seconds that everything else rests between its turns (1): what they do
#			takes far longer than hypercalls, so a run of many has longer ones
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/lib/tap.sh"
. "$here/lib/vm.sh"

images=$here/bare
attackers="attack64 attack32"
calls=${ATTACK_CALLS:-40000}
seed=${ATTACK_SEED:-$RANDOM$RANDOM}
timer=${ATTACK_TIMER:-2000}
pause=${ATTACK_PAUSE:-1}
reports=12				# pauses between two reports of how far they are
of_run=/run/attack			# what was seen: a file each
log_lines=10				# of a guest in the host's log, a second
memory=$((8 << 20))			# of the kernel's, more than a guest that behaves well has

calls_of() {
	[ "$1" = attack64 ] && echo $((calls - calls / 4)) || echo $((calls / 4))
}

# start_in_cgroup NAME [ARGUMENT...] - its kernel memory is accounted apart
start_in_cgroup() {
	in_cgroup "$1" guest start "$1" --mem 128M --no-wait "${@:2}"
}

kernel_memory() {
	awk '$1 == "kernel" { print $2 }' "$cgroups/$1/memory.stat"
}

attack_start() {
	start_in_cgroup "$1" --kernel "$images/$1.elf" --vcpus 2 \
		--append "calls=$(calls_of "$1") seed=$seed cpus=2 timer=$timer transfer=1" \
		-- -object vmrpc-server,id=kv,path="$here/kvstore.so"
}

attack_ended() {
	guest log "$1" | grep -qE 'attack: [0-9]+ hypercalls|FAILED'
}

# The row's own bound ends one that never does.
await_attack() {
	local pauses=0
	until attack_ended "$1"; do
		sleep "$pause"
		pauses=$((pauses + 1))
		[ $((pauses % reports)) != 0 ] ||
			tell "$1: $(guest log "$1" | grep 'attack:' | tail -n 1)"
	done
}

goes_on() {
	[ ! -f $of_run/over ]
}

# count WHAT STATUS - how often it went well, and how often it did not
count() {
	[ "$2" = 0 ] && echo >> "$of_run/$1.good" || echo >> "$of_run/$1.bad"
}

counted() {
	[ ! -f "$of_run/$1" ] || wc -l < "$of_run/$1"
}

call_quiet_guest() {
	local status
	while goes_on; do
		status=0
		vmrpc ping quiet -c 50 -i 20 -t 60 || status=$?
		count quiet "$status"
	done
}

# Nothing is expected of what it answers.  Large calls are so small that no address of theirs
# reaches its own image.
call_attacker() {
	while goes_on; do
		vmrpc ping "$1" -c 50 -i 0 -d 8 -t 1
		vmrpc ping "$1" -c 20 -i 0 -d 4 -s 60000 -t 1
		vmrpc call "$1" echo 0 --arg x --timeout 0.1
		vmrpc stat "$1"
		vmrpc info "$1"
		vmrpc list
		sleep "$pause"
	done
}

call_attackers() {
	local name
	for name in $attackers; do
		call_attacker "$name" &
	done
	wait
}

# What the VMM has to take a vCPU out of a call for.
stop_attackers() {
	local name
	while goes_on; do
		for name in $attackers; do
			vm_pause "$name"
			vm_continue "$name"
		done
		sleep "$pause"
	done
}

visit() {
	guest start visitor --kernel "$images/bare64.elf" --vcpus 1 --mem 128M --no-wait &&
		(wait_for 240 vm_ready visitor) && vmrpc ping visitor -c 5 -i 0 -t 60 &&
		guest kill visitor
}

visitors() {
	local status
	while goes_on; do
		status=0
		visit || status=$?
		count visitors "$status"
		guest kill visitor
		sleep "$pause"
	done
}

watch_memory() {
	local name
	while goes_on; do
		for name in $attackers quiet; do
			kernel_memory "$name" >> "$of_run/$name.memory"
		done
		sleep "$pause"
	done
}

most_memory() {
	sort -n "$of_run/$1.memory" | tail -n 1
}

setup() {
	local name
	rm -rf $of_run
	mkdir -p $of_run
	load_server
	start_in_cgroup quiet --kernel "$images/bare64.elf" --vcpus 1
	wait_for 90 vm_ready quiet
	dmesg -W > $of_run/log &
	echo $! > $of_run/log.pid
	for name in $attackers; do
		attack_start "$name"
	done
	for helper in call_quiet_guest call_attackers stop_attackers visitors watch_memory; do
		(set +e; $helper) > "$of_run/$helper.out" 2>&1 &
		echo $! >> $of_run/helpers
	done
	for name in $attackers; do
		await_attack "$name"
	done
	touch $of_run/over
	# shellcheck disable=SC2046	# numbers
	wait $(cat $of_run/helpers) || true
}

teardown() {
	local name
	touch $of_run/over
	for name in $attackers quiet visitor; do
		guest kill "$name"
		cgroup_end "$name"
	done
	kill "$(cat $of_run/log.pid)"
}

test_attacks_make_all_their_calls() {
	local name made
	for name in $attackers; do
		made=$(guest log "$name" | sed -n 's/^attack: \([0-9]*\) hypercalls.*/\1/p')
		[ "${made:-0}" -ge "$(calls_of "$name")" ] ||
			fail "$name, seed $seed: $(guest log "$name" | tail -n 3)"
		expect 1 "$(guest log "$name" | grep -c 'attack: begins')" "times that $name began"
	done
}

test_clients_called_the_attackers() {
	local name
	for name in $attackers; do
		[ "$(vm_field "$name" calls)" -gt 0 ] || fail "no call of $name was sent"
	done
}

test_attackers_took_large_calls() {
	local name
	for name in $attackers; do
		guest log "$name" | grep -E 'attack: [1-9][0-9]* bytes transferred'
	done
}

test_quiet_guest_answers_meanwhile() {
	expect '' "$(counted quiet.bad)" "failed pings, of which the last said: $(tail -n 3 $of_run/call_quiet_guest.out)"
	[ "$(counted quiet.good)" -gt 0 ] || fail "no ping"
}

test_guests_come_and_go_meanwhile() {
	expect '' "$(counted visitors.bad)" "failed visits: $(tail -n 3 $of_run/visitors.out)"
	[ "$(counted visitors.good)" -gt 0 ] || fail "no visitor"
}

# The most lines that came within a second, of those that carry a time.
lines_in_a_second() {
	sed -n 's/^\[ *\([0-9.]*\)\].*/\1/p' | awk '
		{ at[NR] = $1; while (at[NR] - at[first + 1] >= 1) first++ }
		NR - first > most { most = NR - first }
		END { print most + 0 }'
}

# A second may have parts of three that the host counts: on a busy machine its ticks are late.
test_host_log_within_budget() {
	local name most seconds lines
	for name in $attackers; do
		grep "vmrpc: $name: " $of_run/log > $of_run/log.guest || fail "$name never reached the log"
		most=$(lines_in_a_second < $of_run/log.guest)
		[ "$most" -le $((3 * log_lines)) ] || fail "$most lines of $name within a second"
		seconds=$(sed -n 's/^\[ *\([0-9.]*\)\].*/\1/p' $of_run/log.guest |
			awk 'NR == 1 { first = $1 } END { print int($1 - first) + 1 }')
		lines=$(wc -l < $of_run/log.guest)
		[ "$lines" -le $((log_lines * (seconds + 1))) ] || fail "$lines lines of $name in $seconds s"
	done
}

# Messages without a guest's name: a few, of a busy machine.
test_host_log_has_little_else() {
	local lines
	lines=$(grep -cvE 'vmrpc: (attack64|attack32|visitor|quiet): ' $of_run/log || true)
	[ "$lines" -le $log_lines ] || fail "$lines lines: $(grep -v vmrpc: $of_run/log | tail -n 20)"
}

test_kernel_memory_bounded() {
	local name quiet most
	quiet=$(most_memory quiet)
	for name in $attackers; do
		most=$(most_memory "$name")
		[ "$most" -le $((quiet + memory)) ] || fail "$name: $most bytes, a quiet guest $quiet"
	done
}

test_attackers_end() {
	local name
	for name in $attackers; do
		guest kill "$name"
		wait_for 30 vm_gone "$name"
	done
}

# No binding is left, and no call.
test_server_unloads_afterwards() {
	rmmod vmrpc_test_server
}

# Should the host not survive it.
echo "# seed $seed, $calls calls"
run_cases "$@"
