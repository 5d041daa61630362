#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# leaks.sh [CYCLES] - VMs that come and go with calls in flight leave nothing in the host's
# kernel: what is counted are the objects of each slab cache, pages, and open files.
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/lib/tap.sh"
. "$here/lib/vm.sh"

cycles=${1:-20}
warm_up=6

# What the memory in whole pages may differ by, in KiB: stacks and page tables of what else
# runs in the host.  And what a cycle may add to it: less than one struct kvm.
pages_noise=1024
pages_cycle=16

setup() {
	load_server
	truncate -s 1M /tmp/disk
}

teardown() {
	guest kill web
	guest kill there
	# What its kernel reported was asked for.
	rm -rf /run/guest/there
}

# web NAME [ARGUMENT...] - a Linux guest, which can start another kernel and be saved
web() {
	local name=$1
	shift
	# shellcheck disable=SC2086	# several words
	TMPDIR=/tmp guest start "$name" --vcpus 2 --mem 384M --append "vmrpc.allow=all vmrpc.user=test" \
		"$@" $kernel_disks $spare_disk
}

# web_calls NAME - under way both ways until something ends them
web_calls() {
	guest_slow "$1"
	guest_call "$1" /tmp/park 5 60000
	call_start 1 vmrpc call "$1" slow 0 --arg '' --timeout 300
	call_start 2 vmrpc ping "$1" -c 0 -i 0 --depth 16 --timeout 300
	wait_for 60 vm_calls_over "$1" "$(($(vm_field "$1" calls) + 100))"
}

# It starts another kernel, goes back to what it was, and is powered off.
web_goes_back() {
	web web --
	web_calls web
	vm_kexec web
	call_lost 1 'was reset'
	call_lost_or_refused 2
	vm_hmp web "savevm before"
	web_calls web
	vm_hmp web "loadvm before"
	call_lost 1 'was reset'
	call_lost_or_refused 2
	wait_for 120 vm_ready web
	web_calls web
	guest_sleep web
	vm_quit web
	calls_destroyed web
}

# It moves to another QEMU, panics there, and is killed.
web_moves() {
	web web --
	web_calls web
	web there --no-wait -- -incoming unix:/tmp/there.sock
	vm_migrate web unix:/tmp/there.sock
	guest kill web
	calls_destroyed web
	wait_for 120 vm_ready there
	guest sh there -- "echo 1 > /sys/module/vmrpc_slow/parameters/end; rmmod vmrpc_slow"
	web_calls there
	guest_sleep there
	vm_panic there 0
	guest kill there
	calls_destroyed there
}

calls_destroyed() {
	call_lost 1 'was destroyed'
	call_lost 2 'was destroyed'
	wait_for 30 vm_gone "$1"
}

# end_by NUMBER NAME - kill, power off, or reset and kill, in turn
end_by() {
	local generation
	case $(($1 % 3)) in
	0)	guest kill "$2" ;;
	1)	vm_quit "$2" ;;
	2)	generation=$(vm_field "$2" generation)
		guest qmp "$2" '{"execute": "system_reset"}'
		vm_continue "$2"
		wait_for 120 vm_generation_over "$2" "$generation"
		guest kill "$2" ;;
	esac
}

# cycle NUMBER - a VM without an OS; each tenth is a Linux guest with calls of its own
cycle() {
	case $(($1 % 20)) in
	0)	web_moves ;;
	10)	web_goes_back ;;
	*)	cycle_bare "$1" "bare64x$(($1 % 2 + 1))" ;;
	esac
}

# cycle_bare NUMBER NAME
cycle_bare() {
	local name=$2 why='was destroyed'
	[ $(($1 % 3)) != 2 ] || why='was reset'
	bare_start "$name"
	wait_for 120 vm_ready "$name"
	vmrpc ping "$name" -c 3 -i 0 -t 30
	vm_pause "$name"
	call_start 1 vmrpc ping "$name" -c 0 --depth 16 --timeout 300
	call_start 2 vmrpc call "$name" echo 0 --arg x --timeout 300
	wait_for 60 vm_in_flight "$name"
	end_by "$1" "$name"
	call_lost 1 "$why"
	call_lost 2 "$why"
	wait_for 30 vm_gone "$name"
}

vm_in_flight() {
	[ "$(vm_field "$1" calls_in_flight)" -ge 4 ]
}

cycle_all() {
	local i
	for ((i = 1; i <= $1; i++)); do
		cycle "$i"
	done
}

# What is kept only in case it is needed goes: a module's end frees what vmalloc left lying; what
# waits for RCU may wait for five seconds (KFREE_DRAIN_JIFFIES).
settle() {
	wait
	rmmod vmrpc_test_server
	load_server
	sleep 6
	sync
	echo 3 > /proc/sys/vm/drop_caches
}

# NAME OBJECTS SPARE of each slab cache that does not empty by itself when memory is wanted.
# A CPU's own slab counts as full, whether it is or not: so many may be too many.
slabs() {
	local cache reclaimable objects spare
	cd /sys/kernel/slab
	for cache in *; do
		read -r reclaimable < "$cache/reclaim_account"
		[ "$reclaimable" = 0 ] || continue
		echo 1 > "$cache/shrink"
		read -r objects _ < "$cache/objects"
		read -r spare < "$cache/objs_per_slab"
		echo "$cache $objects $((spare * $(nproc)))"
	done
}

# KiB that are in use by the kernel, but for what it gives back; a CPU's own list is free.
pages() {
	awk '/^MemTotal:/ { used = $2 }
	     /^(MemFree|Buffers|Cached|AnonPages|SReclaimable):/ { used -= $2 }
	     /^ +count:/ { used -= 4 * $2 }
	     END { print used }' /proc/meminfo /proc/zoneinfo
}

# Mappings of KVM, which are its VMs, and open files.
kvm_areas() {
	grep -cE ' (kvm|vmrpc|rvmrpc)_' /proc/vmallocinfo || true
}

open_files() {
	cut -f 1 /proc/sys/fs/file-nr
}

count() {
	settle
	# The least of a few: who runs meanwhile has a slab again.
	(slabs; slabs; slabs) | sort -k 1,1 -k 2,2n | awk '!seen[$1]++' > "/tmp/slabs.$1"
	pages > "/tmp/pages.$1"
	kvm_areas > "/tmp/areas.$1"
	open_files > "/tmp/files.$1"
}

difference() {
	echo $(($(cat "/tmp/$1.after") - $(cat "/tmp/$1.before")))
}

test_cycles_calls_end() {
	cycle_all $warm_up
	count before
	cycle_all "$cycles"
	count after
}

# slabs_grown FROM TO - one object a cycle, or more: from 4 KiB on 20 cycles tell, from 96 bytes
# on 200 do
slabs_grown() {
	join "/tmp/slabs.$1" "/tmp/slabs.$2" |
		awk -v cycles="$cycles" '$4 - $2 >= cycles && $4 - $2 > $3 {
			print $1 ": " $4 - $2 " objects more" }'
}

# What leaks does so each time; what else runs in the host may need something once.
test_slab_objects_all_freed() {
	local grown
	grown=$(slabs_grown before after)
	[ -n "$grown" ] || return 0
	comment "$grown; are there more each time?"
	cycle_all "$cycles"
	count again
	expect "" "$(join <(printf '%s\n' "$grown") <(slabs_grown after again))" "grown twice"
}

test_pages_all_freed() {
	local grown
	grown=$(difference pages)
	comment "$grown KiB more after $cycles cycles"
	[ "$grown" -lt $((pages_noise + cycles * pages_cycle)) ] || fail "$grown KiB more"
}

test_vms_all_freed() {
	expect 0 "$(difference areas)" "memory areas of KVM"
	expect "" "$(find /sys/kernel/debug/kvm -mindepth 1 -type d)" "VMs in debugfs"
	expect "" "$(vmrpc list --names)"
}

# Each CPU counts up to 32 files by itself.
test_files_all_closed() {
	[ "$(difference files)" -le 64 ] || fail "$(difference files) files more"
}

run_cases
