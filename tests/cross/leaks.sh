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
	local name=bare64x$(($1 % 2 + 1))
	if [ $(($1 % 10)) = 0 ]; then
		name=web
		guest start web --vcpus 2 --mem 192M --append vmrpc.user=test
	else
		bare_start "$name"
	fi
	wait_for 120 vm_ready "$name"
	vmrpc ping "$name" -c 3 -i 0 -t 30
	if [ "$name" = web ]; then
		guest_call web /tmp/park 5 60000
		guest_sleep web
	fi
	vm_pause "$name"
	call_start 1 vmrpc ping "$name" -c 0 --depth 16 --timeout 300
	call_start 2 vmrpc call "$name" echo 0 --arg x --timeout 300
	wait_for 60 vm_in_flight "$name"
	end_by "$1" "$name"
	expect 8 "$(status_of 1)" "exit status of ping"
	expect 8 "$(status_of 2)" "exit status of echo"
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

# What is kept only in case it is needed goes: a module's end frees what vmalloc left lying.
settle() {
	wait
	rmmod vmrpc_test_server
	load_server
	sleep 1
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
