#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Outsourced memory: a guest that has some of the host's, and the host that takes back what
# is free there.
#	MEM_BACKING	more options of the device's, where a case does not say what is behind the memory:
#			",mem-share=off" for private memory
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/lib/tap.sh"
. "$here/lib/vm.sh"

mib=$((1 << 20))
max=$((1024 * mib))
small=$((24 * mib))		# what a guest holds that uses nothing of it: the table, its strays

teardown() {
	guest kill mem
	guest kill other
	guest kill static
	guest kill static2
	cgroup_end mem
	cgroup_end other
	swap_off
}

within=()	# what VMs are started by

# mem_start DEVICE-OPTIONS KERNEL-OPTIONS [ARGUMENT...]
mem_start() {
	local device=$1 append=$2 options=()
	shift 2
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	case $device in
	*mem-hugetlb* | *mem-share*) ;;
	*mem-max*)	device=${MEM_BACKING-}$device ;;
	esac
	guest kill mem 2> /dev/null || true
	"${within[@]}" guest start mem --vcpus 2 --mem 256M --no-vmrpc --append "$append" "${options[@]}" -- \
		-device "vmrpc$device" "${@:2}"
}

# The guest that most cases begin with; an earlier one may have ended it.
mem_up() {
	guest list | grep -qx mem || mem_start ,mem-max=1G vmrpc.outsource=mem
	wait_for 120 vm_ready mem
	vmrpc mem mem --limit 1G
	fill_mount mem
	guest sh mem -- "echo 3 > /proc/sys/vm/drop_caches"
}

# A guest for one case, with a file system on a disk at /tmp/disk.
mem_up_with_disk() {
	truncate -s 300M /tmp/disk
	mem_start ,mem-max=1G vmrpc.outsource=mem -- -drive file=/tmp/disk,format=raw,if=virtio
	mem_up
	guest sh mem -- "mke2fs /dev/vda > /dev/null 2>&1; mkdir /tmp/disk; mount -t ext4 /dev/vda /tmp/disk"
}

# fill_mount NAME - an empty /tmp/fill
fill_mount() {
	guest sh "$1" -- "mkdir -p /tmp/fill; umount /tmp/fill 2> /dev/null
		mount -t tmpfs -o size=90% fill /tmp/fill"
}

# mem_field FIELD [VM] - of "vmrpc mem --json", in bytes
mem_field() {
	vmrpc mem "${2-mem}" --json | jq -r --arg field "$1" '(if type == "array" then .[0] else . end)[$field]'
}

# mem_under FIELD BYTES [VM]
mem_under() {
	[ "$(mem_field "$1" "${3-mem}")" -lt "$2" ]
}

mem_over() {
	[ "$(mem_field "$1" "${3-mem}")" -ge "$2" ]
}

# fill NAME MIB - a file in the guest's memory; its checksum is what it prints
fill() {
	guest sh mem -- "dd if=/dev/urandom of=/tmp/fill/$1 bs=1M count=$2 2> /dev/null &&
		sha256sum < /tmp/fill/$1"
}

checksum() {
	guest sh mem -- "sha256sum < /tmp/fill/$1"
}

test_guest_uses_it() {
	mem_up
	expect_match 'zone +Host' "$(guest sh mem -- cat /proc/zoneinfo)"
	expect "$max" "$(mem_field max)" "mem-max"
	fill one 128
	mem_over used $((128 * mib))
	mem_over resident $((128 * mib))
	expect_match '[1-9]' "$(guest sh mem -- "sed -n 's/^pgalloc_host //p' /proc/vmstat")"
}

test_reclaimed_memory_is_what_was_free() {
	local kept
	mem_up
	kept=$(fill kept 96)
	fill dropped 256
	mem_over resident $((352 * mib))
	guest sh mem -- "rm /tmp/fill/dropped"
	expect_status 0 vmrpc mem mem --reclaim 1G
	expect_match 'took' "$output"
	mem_over resident $((96 * mib))
	mem_under resident $((96 * mib + small + 64 * mib))
	expect "$kept" "$(checksum kept)" "what was not free"
	# And the guest gets it again.
	fill again 128
	expect "$kept" "$(checksum kept)" "what was not free"
}

# No code of the guest's runs for it.
test_reclaimed_while_paused() {
	local before after
	mem_up
	fill dropped 256
	guest sh mem -- "rm /tmp/fill/dropped"
	vm_pause mem
	before=$(mem_field resident)
	vmrpc mem mem --reclaim 128M > /tmp/taken || true
	after=$(mem_field resident)
	vm_continue mem
	expect_match 'took 128' "$(cat /tmp/taken)"
	# Not each page of a block was used.
	comment "the host holds $((before / mib)) MiB, then $((after / mib)) MiB"
	[ "$after" -lt $((before - 96 * mib)) ]
}

# reclaimed_until_ended - some times more
reclaimed_until_ended() {
	for _ in {1..5}; do
		vmrpc mem mem --reclaim 1G
	done
	guest sh mem -- "test -e /tmp/fill/ended"
}

test_reclaimed_while_in_use_nothing_lost() {
	local before
	mem_up
	fill ref 8
	before=$(mem_field reclaimed)
	guest sh mem -- "cd /tmp/fill; (
		for i in 1 2 3 4 5 6 7 8 9 10; do
			for f in 1 2 3 4; do cp ref copy\$f; done
			for f in 1 2 3 4; do cmp ref copy\$f || echo \$i \$f >> lost; done
			rm copy*
		done; echo > ended) > /dev/null 2>&1 &"
	wait_for 300 reclaimed_until_ended
	before=$((($(mem_field reclaimed) - before) / mib))
	comment "reclaimed: $before MiB in all"
	expect_status 1 guest sh mem -- "test -e /tmp/fill/lost"
	[ "$before" -ge 64 ]
}

test_limit_obeyed() {
	mem_up
	vmrpc mem mem --limit 256M
	# More than that and the guest's own memory is not to be had.
	guest sh mem -- "dd if=/dev/zero of=/tmp/fill/much bs=1M count=300 2> /dev/null" || true
	comment "$(($(mem_field used) / mib)) MiB used of 256"
	mem_over used $((200 * mib))
	mem_under used $((256 * mib + small))
	guest sh mem -- "rm /tmp/fill/much"
}

# Large pages of it either.
test_limit_obeyed_by_huge_pages() {
	mem_up
	vmrpc mem mem --limit 128M
	guest sh mem -- "umount /tmp/fill; mount -t tmpfs -o huge=always,size=300M fill /tmp/fill
		dd if=/dev/zero of=/tmp/fill/much bs=2M count=110 2> /dev/null" || true
	mem_over used $((96 * mib))
	mem_under used $((128 * mib + small))
}

# Every second file of many that lie beside each other.
test_limit_lowered_guest_gives() {
	local sums
	mem_up
	guest sh mem -- "cd /tmp/fill && mkdir many && for n in \$(seq 300); do
		dd if=/dev/urandom of=many/\$n bs=512k count=1 2> /dev/null; done"
	sums=$(guest sh mem -- "cd /tmp/fill/many && rm *[02468] && cat * | sha256sum")
	mem_over used $((100 * mib))
	expect_status 0 vmrpc mem mem --limit 90M --timeout 60
	expect "" "$output" "what was told"
	comment "used: $(($(mem_field used) / mib)) MiB of 90, held by the host: $(($(mem_field resident) / mib)) MiB"
	mem_under used $((90 * mib + 1))
	mem_under resident $((90 * mib + small))
	expect "$sums" "$(guest sh mem -- "cat /tmp/fill/many/* | sha256sum")" "what the guest has"
	guest sh mem -- "rm -r /tmp/fill/many"
}

# Page cache goes, memory that is in use does not.
test_limit_below_what_is_needed_told() {
	local kept
	mem_up
	kept=$(fill kept 300)
	expect_status 0 vmrpc mem mem --limit 16M --timeout 60
	expect_match 'still uses' "$output"
	expect_status 0 vmrpc mem mem --limit 16M --timeout 60 --json
	expect true "$(printf '%s' "$output" | jq '.used > .limit')" "JSON"
	expect "$kept" "$(checksum kept)" "what is in use"
	guest sh mem -- "rm /tmp/fill/kept"
}

# qom get|set PROPERTY [VALUE] - of the device, by QMP
qom() {
	guest qmp mem "{\"execute\": \"qom-$1\", \"arguments\": {\"path\": \"/machine/peripheral/vmrpc0\",
		\"property\": \"$2\"${3:+, \"value\": $3}}}"
}

test_monitor_does_the_same() {
	mem_start ,id=vmrpc0,mem-max=1G,mem-auto-ms=5000 vmrpc.outsource=mem
	mem_up
	expect 5000 "$(qom get mem-auto-ms | jq .return)" "mem-auto-ms"
	expect 5000 "$(mem_field auto_ms)" "auto"
	qom set mem-auto-ms 0
	expect_match 'needs mem-auto-ms' "$(qom set mem-idle-ms 2000 || true)"
	qom set mem-auto-ms 1000
	qom set mem-idle-ms 2000
	expect "1000 2000" "$(mem_field auto_ms) $(mem_field idle_ms)" "auto and idle"
	qom set mem-auto-ms 0
	expect "0 0" "$(mem_field auto_ms) $(mem_field idle_ms)" "auto and idle"
	qom set mem-limit $((512 * mib))
	expect $((512 * mib)) "$(mem_field limit)" "limit"
	expect $((512 * mib)) "$(qom get mem-info | jq .return.limit)" "limit in mem-info"
	expect_match '"attached": true' "$(guest hmp mem "qom-get /machine/peripheral/vmrpc0 mem-info")"
	fill dropped 200
	guest sh mem -- "rm /tmp/fill/dropped"
	mem_over resident $((180 * mib))
	qom set mem-reclaim $max
	mem_under resident $((64 * mib))
	expect_match 'at most mem-max' "$(qom set mem-limit $((2 * max)) || true)"
	guest kill mem
}

test_watch_tells_what_was_taken() {
	mem_up
	fill dropped 100
	guest sh mem -- "rm /tmp/fill/dropped"
	vmrpc mem --watch 5 > /tmp/watched &
	wait_for 10 pgrep -f "vmrpc mem --watch"
	sleep 1
	vmrpc mem mem --reclaim 64M
	wait_for 20 grep -q 'mem .* 64.0.MiB' /tmp/watched
	kill $!
	expect_match 'TAKEN +CHANGE' "$(head -n 1 /tmp/watched)"
}

test_auto_takes_what_stays_free() {
	mem_up
	vmrpc mem mem --auto 1
	expect 1000 "$(mem_field auto_ms)" "auto"
	fill dropped 200
	guest sh mem -- "rm /tmp/fill/dropped"
	wait_for 60 mem_under resident $((100 * mib))
	expect_match ' 1s  off$' "$(vmrpc mem mem)"
	vmrpc mem mem --auto off
}

# reads FILE SECONDS - the guest reads it every second for so long
reads() {
	guest sh mem -- "for i in \$(seq $2); do cat /tmp/disk/$1 > /dev/null; sleep 1; done"
}

# not_cached FILE - sectors that the guest reads from its disk when it reads the file
not_cached() {
	guest sh mem -- "cat /sys/block/vda/stat > /tmp/before; cat /tmp/disk/$1 > /dev/null
		awk '{ if (NR == 1) r = \$3; else print \$3 - r }' /tmp/before /sys/block/vda/stat"
}

# Page cache that the guest does not use becomes free; what it uses stays, and what is no page cache does,
# even if the guest could swap it.
test_idle_page_cache_goes() {
	local kept
	mem_up_with_disk
	kept=$(fill kept 64)
	guest sh mem -- "dd if=/dev/urandom of=/tmp/disk/idle bs=1M count=150 2> /dev/null
		dd if=/dev/urandom of=/tmp/disk/used bs=1M count=30 2> /dev/null
		dd if=/dev/zero of=/tmp/disk/swap bs=1M count=80 2> /dev/null; sync
		chmod 600 /tmp/disk/swap; mkswap /tmp/disk/swap > /dev/null; swapon /tmp/disk/swap"
	mem_over resident $((240 * mib))
	vmrpc mem mem --auto 0.5
	reads used $((12 * slowness))
	mem_over resident $((240 * mib))
	expect_status 0 vmrpc mem mem --auto 0.5 --idle $((3 * slowness)) --json
	expect $((3000 * slowness)) "$(printf '%s' "$output" | jq .idle_ms)" "idle"
	reads used $((20 * slowness))
	comment "$(($(mem_field resident) / mib)) MiB held"
	mem_under resident $(((64 + 30 + 64) * mib + small))
	# What shared a block with little else was dropped with that.
	[ "$(not_cached used)" -le 2048 ]
	[ "$(not_cached idle)" -ge $((120 * 2048)) ]
	expect 0 "$(guest sh mem -- "sed -n 's/^pswpout //p' /proc/vmstat")" "pages that the guest swapped"
	expect "$kept" "$(checksum kept)" "what is no page cache"
	guest kill mem
}

# What is free goes first when the host is short of memory: asked for here.
test_host_short_of_memory_takes_what_is_free() {
	local kept
	mem_up
	kept=$(fill kept 64)
	fill dropped 200
	guest sh mem -- "rm /tmp/fill/dropped"
	echo 2 > /proc/sys/vm/drop_caches
	wait_for 30 mem_under resident $((64 * mib + small + 64 * mib))
	expect "$kept" "$(checksum kept)" "what was not free"
}

# Then what guests can do without: page cache, and not what is in use.
test_host_short_of_memory_guest_gives() {
	local kept
	mem_up_with_disk
	kept=$(fill kept 64)
	guest sh mem -- "dd if=/dev/urandom of=/tmp/disk/file bs=1M count=150 2> /dev/null; sync; cat /tmp/disk/file > /dev/null"
	mem_over used $((160 * mib))
	wait_for 90 short_of_memory_until_under $((64 * mib + small + 64 * mib))
	expect "$kept" "$(checksum kept)" "what is in use"
	guest kill mem
}

# short_of_memory_until_under BYTES - that the host holds
short_of_memory_until_under() {
	echo 2 > /proc/sys/vm/drop_caches
	mem_under resident "$1"
}

# short_of_memory CGROUP COMMAND... - until it succeeds.  Whether what is wanted back came is not
# told: what is free does not count there.
short_of_memory() {
	local cgroup=$1
	shift
	echo 64M > "$cgroups/$cgroup/memory.reclaim" || true
	"$@"
}

# other_start [DEVICE-OPTIONS] - a second VM with outsourced memory
other_start() {
	"${within[@]}" guest start other --vcpus 1 --mem 256M --no-vmrpc --append vmrpc.outsource=mem -- \
		-device "vmrpc,name=other,mem-max=1G${1-${MEM_BACKING-}}"
	wait_for 120 vm_ready other
	fill_mount other
}

# fill_and_drop NAME MIB - so much is free in the VM, and the host holds it
fill_and_drop() {
	guest sh "$1" -- "dd if=/dev/urandom of=/tmp/fill/dropped bs=1M count=$2 2> /dev/null && rm /tmp/fill/dropped"
	mem_over resident $(($2 * mib)) "$1"
}

# A cgroup that is short of memory has what is free in its own VMs.
test_memory_cgroup_takes_what_is_free() {
	local kept other
	within=(in_cgroup other)
	other_start
	fill_and_drop other 100
	within=(in_cgroup mem)
	mem_start ,mem-max=1G vmrpc.outsource=mem
	mem_up
	kept=$(fill kept 64)
	fill_and_drop mem 300
	other=$(mem_field reclaimed other)
	wait_for 60 short_of_memory mem mem_under resident $((64 * mib + small + 64 * mib))
	expect "$kept" "$(checksum kept)" "what was not free"
	expect "$other" "$(mem_field reclaimed other)" "reclaimed from the VM of another cgroup"
	guest kill other
	guest kill mem
}

# Two VMs share what is too little for both: what one has free the other gets.
test_vms_trade_memory() {
	local kept name
	within=(in_cgroup mem)
	mem_start ,mem-max=1G vmrpc.outsource=mem
	mem_up
	other_start
	kept=$(fill kept 64)
	fill_and_drop mem 250
	echo $(($(cat $cgroups/mem/memory.current) + 64 * mib)) > $cgroups/mem/memory.max
	for name in other mem other; do
		fill_and_drop $name 200
	done
	comment "reclaimed: $(($(mem_field reclaimed) / mib)) MiB, $(($(mem_field reclaimed other) / mib)) MiB"
	mem_over reclaimed $((200 * mib))
	mem_over reclaimed $((50 * mib)) other
	expect "$kept" "$(checksum kept)" "what was there all the time"
	expect 0 "$(awk '$1 == "oom_kill" { print $2 }' $cgroups/mem/memory.events)" "killed"
	guest kill other
	guest kill mem
	wait_for 30 cgroup_end mem
}

# What is used may be paged out, and is not lost; what is free costs no swap.
test_paged_out_and_in_nothing_lost() {
	local kept
	swap_on 450
	within=(in_cgroup mem)
	mem_start ,mem-max=1G vmrpc.outsource=mem
	mem_up
	kept=$(fill kept 200)
	expect 0 "$(mem_field swapped)" "swapped"
	wait_for 90 short_of_memory mem mem_over swapped $((64 * mib))
	comment "$(($(mem_field swapped) / mib)) MiB swapped, $(($(mem_field resident) / mib)) MiB held"
	expect "$kept" "$(checksum kept)" "what was paged out"
	wait_for 90 short_of_memory mem mem_over swapped $((64 * mib))
	guest sh mem -- "rm /tmp/fill/kept"
	vmrpc mem mem --reclaim 1G
	mem_under swapped $small
	guest kill mem
	swap_off
}

# ram_resident NAME - bytes of the VM's own memory, what is not outsourced, that the host has in memory
ram_resident() {
	local ram
	ram=$(guest qmp "$1" '{"execute": "query-memory-size-summary"}' | jq '.return["base-memory"] / 1024')
	awk -v size="$ram" '/^Size:/ { ram = $2 == size } ram && /^Rss:/ { kib += $2 } END { print kib * 1024 }' \
		"/proc/$(vm_field "$1" pid)/smaps"
}

# page_out NAME UNTIL - prints how many bytes of that are left when the host wants all of it back,
# or less than so many
page_out() {
	local left
	for _ in {1..20}; do
		short_of_memory mem true
		left=$(ram_resident "$1")
		[ "$left" -ge "$2" ] || break
	done
	echo "$left"
}

# What a process of the guest has pinned the host does not page out, wherever the guest runs.
test_pinned_not_paged_out() {
	local pinned=$((48 * mib)) left
	swap_on 450
	within=(in_cgroup mem)
	mem_start ,mem-max=1G,mem-pin-max=256M "vmrpc.outsource=mem vmrpc.user=mem"
	mem_up
	guest sh mem -- "$GUEST_TESTS/vmrpc_pin 48 > /tmp/pin 2>&1 &
		until [ -s /tmp/pin ]; do sleep 0.1; done; cat /tmp/pin"
	# Huge pages of the host's count as a whole.
	mem_over pinned $pinned
	left=$(page_out mem $pinned)
	comment "$((left / mib)) MiB left with $((pinned / mib)) MiB pinned, $(($(mem_field pinned) / mib)) in whole pages"
	[ "$left" -ge $pinned ]
	move ,mem-pin-max=256M
	guest kill mem
	wait_for 30 mem_over pinned $pinned other
	expect_status 0 guest sh other -- "killall vmrpc_pin; sleep 1; cat /tmp/pin"
	expect_match same "$output"
	expect 0 "$(mem_field pinned other)" "pinned then"
	left=$(page_out other $pinned)
	comment "$((left / mib)) MiB left with none"
	[ "$left" -lt $pinned ]
	guest kill other
	swap_off
}

test_pin_of_more_than_allowed_refused() {
	mem_start ,mem-max=1G,mem-pin-max=24M "vmrpc.outsource=mem vmrpc.user=mem"
	mem_up
	expect_status 1 guest sh mem -- "$GUEST_TESTS/vmrpc_pin 48"
	expect_match 'pin: EBUSY' "$output$errors"
	expect 0 "$(mem_field pinned)" "pinned by who was refused"
	guest kill mem
}

test_limit_out_of_range_refused() {
	mem_up
	expect_status 6 vmrpc mem mem --limit 2G
	expect_match 'mem-max' "$errors"
	expect_status 2 vmrpc mem mem --limit much
	expect_status 2 vmrpc mem mem --reclaim 0
	expect "$max" "$(mem_field limit)" "limit"
}

test_reset_gives_all_back() {
	local generation used
	mem_up
	fill one 128
	used=$(mem_field used)
	generation=$(vm_field mem generation)
	guest hmp mem system_reset
	wait_for 120 vm_generation_over mem "$generation"
	guest wait mem
	mem_up
	comment "$((used / mib)) MiB used, then $(($(mem_field used) / mib)) MiB"
	mem_under used $((used - 96 * mib))
	fill two 128
	mem_over used $((128 * mib))
}

# target_start [DEVICE-OPTIONS] - a QEMU for the guest to go on in
target_start() {
	"${within[@]}" guest start other --vcpus 2 --mem 256M --no-vmrpc --append vmrpc.outsource=mem --no-wait -- \
		-device "vmrpc,name=other,mem-max=1G${1-${MEM_BACKING-}}" -incoming unix:/tmp/other.sock
}

target_ready() {
	wait_for 30 vm_runs other
	wait_for 90 vm_ready other
}

# move [DEVICE-OPTIONS]
move() {
	target_start "$@"
	vm_migrate mem unix:/tmp/other.sock
	target_ready
}

# What a VM sends that has as much memory without a host's, and did the same.
sent_by_static() {
	guest start static --vcpus 2 --mem 1280M --no-vmrpc
	fill_mount static
	guest sh static -- "dd if=/dev/urandom of=/tmp/fill/kept bs=1M count=$1 2> /dev/null
		dd if=/dev/urandom of=/tmp/fill/dropped bs=1M count=$2 2> /dev/null; rm /tmp/fill/dropped"
	guest start static2 --vcpus 2 --mem 1280M --no-vmrpc --no-wait -- -incoming unix:/tmp/static.sock
	vm_migrate static unix:/tmp/static.sock > /dev/null
	vm_sent static
	guest kill static
	guest kill static2
}

# What the guest wrote is there, what was free or absent was not sent, and the limit is the same.
test_moved_nothing_lost() {
	local kept sent static
	static=$(sent_by_static 96 200)
	mem_up
	kept=$(fill kept 96)
	fill dropped 200
	guest sh mem -- "rm /tmp/fill/dropped"
	vmrpc mem mem --auto 60 --idle 90
	vmrpc mem mem --limit 512M
	move
	sent=$(vm_sent mem)
	guest kill mem
	comment "$((sent / mib)) MiB sent, $((static / mib)) by a VM without, $(($(mem_field resident other) / mib)) MiB held"
	[ "$sent" -lt $((360 * mib)) ]
	[ "$sent" -lt $((static - 128 * mib)) ]
	mem_under resident $((96 * mib + small + 64 * mib)) other
	expect $((512 * mib)) "$(mem_field limit other)" "limit"
	expect "60000 90000" "$(mem_field auto_ms other) $(mem_field idle_ms other)" "auto and idle"
	expect "$kept" "$(guest sh other -- "sha256sum < /tmp/fill/kept")" "what was not free"
	# And the host here takes and gives, as the other did.
	expect_status 0 guest sh other -- "dd if=/dev/urandom of=/tmp/fill/new bs=1M count=100 && rm /tmp/fill/new"
	mem_over resident $((180 * mib)) other
	expect_status 0 vmrpc mem other --reclaim 1G
	mem_under resident $((96 * mib + small + 64 * mib)) other
	expect "$kept" "$(guest sh other -- "sha256sum < /tmp/fill/kept")" "what was not free"
	guest kill other
}

pool_free() {
	awk '$1 == "HugePages_Free:" { print $2 }' /proc/meminfo
}

pool_over() {
	[ "$(pool_free)" -gt "$1" ]
}

# fill_same NAME - 32 MiB that differ by page, and not by guest
fill_same() {
	guest sh "$1" -- "seq -w 1 5000000 | head -c $((32 * mib)) > /tmp/fill/same; sha256sum < /tmp/fill/same"
}

# blocks_merged NAME - how many pages of the VM's private outsourced memory are merged
blocks_merged() {
	awk -v size=$((max / 1024)) '/^Size:/ { blocks = $2 == size } blocks && /^KSM:/ { kib += $2 } END { print kib / 4 }' \
		"/proc/$(vm_field "$1" pid)/smaps"
}

merged() {
	[ "$(blocks_merged mem)" -ge "$1" ] && [ "$(blocks_merged other)" -ge "$1" ]
}

# What two guests have in common is there once, until one of them gives it back.
test_private_memory_merged() {
	local same pages=$((32 * mib / 4096))
	trap 'guest kill mem || true; guest kill other || true
		echo 2 > /sys/kernel/mm/ksm/run; echo 100 > /sys/kernel/mm/ksm/pages_to_scan' EXIT
	mem_start ,mem-max=1G,mem-share=off vmrpc.outsource=mem
	mem_up
	other_start ,mem-share=off
	same=$(fill_same mem)
	expect "$same" "$(fill_same other)" "what both have"
	echo 5000 > /sys/kernel/mm/ksm/pages_to_scan
	echo 1 > /sys/kernel/mm/ksm/run
	wait_for 120 merged "$pages"
	comment "$pages pages that both have; merged $(blocks_merged mem) and $(blocks_merged other)"
	guest sh mem -- "rm /tmp/fill/same"
	vmrpc mem mem --reclaim 1G
	mem_under resident $small
	expect "$same" "$(guest sh other -- "sha256sum < /tmp/fill/same")" "what the other has"
	fill kept 32 > /tmp/kept
	expect "$(cat /tmp/kept)" "$(checksum kept)" "what is there instead"
}

# To one whose memory is of another kind, and back.
test_moved_to_another_backing() {
	local kept
	mem_start ,mem-max=1G,mem-share=off vmrpc.outsource=mem
	mem_up
	kept=$(fill kept 48)
	fill dropped 96
	guest sh mem -- "rm /tmp/fill/dropped"
	move ,mem-share=on
	guest kill mem
	expect "$kept" "$(guest sh other -- "sha256sum < /tmp/fill/kept")" "what was not free, in a file"
	mem_start ,mem-max=1G,mem-share=off vmrpc.outsource=mem --no-wait -- -incoming unix:/tmp/mem.sock
	vm_migrate other unix:/tmp/mem.sock
	wait_for 30 vm_runs mem
	wait_for 90 vm_ready mem
	expect "$kept" "$(checksum kept)" "what was not free, in private memory"
	vmrpc mem mem --reclaim 1G
	mem_under resident $((48 * mib + small))
	guest kill other
	guest kill mem
}

# In pages of 2 MiB: what the guest uses comes from the pool, what it does not goes back there, also
# of one that moved.
test_huge_pages_of_the_pool() {
	local kept before after all=192
	trap 'guest kill mem || true; guest kill other || true; echo 0 > /proc/sys/vm/nr_hugepages' EXIT
	echo $all > /proc/sys/vm/nr_hugepages
	expect $all "$(pool_free)" "huge pages"
	mem_start ,mem-max=1G,mem-hugetlb=on vmrpc.outsource=mem
	mem_up
	kept=$(fill kept 48)
	before=$(pool_free)
	fill dropped 96
	guest sh mem -- "rm /tmp/fill/dropped"
	after=$(pool_free)
	[ $((before - after)) -ge 44 ]
	vmrpc mem mem --reclaim 1G
	mem_under resident $((48 * mib + small))
	[ "$(pool_free)" -ge $((all - (48 * mib + small) / (2 * mib))) ]
	move ,mem-hugetlb=on
	guest kill mem
	wait_for 10 pool_over $((all - (48 * mib + 2 * small) / (2 * mib)))
	expect "$kept" "$(guest sh other -- "sha256sum < /tmp/fill/kept")" "what was not free"
	comment "of $all huge pages $((all - $(pool_free))) in use for 48 MiB"
	guest kill other
	wait_for 10 pool_over $((all - 1))
}

# zeros_take VM FILE MIB - a process of the guest has so much memory, which is to be zeros
zeros_take() {
	guest sh "$1" -- "$GUEST_TESTS/mem_zeros $3 > $2 2>&1 &"
	wait_for 60 guest sh "$1" -- "grep taken $2"
}

# zeros_end VM FILE...
zeros_end() {
	guest sh "$1" -- "killall mem_zeros; while killall -0 mem_zeros 2> /dev/null; do sleep 0.2; done"
	for file in "${@:2}"; do
		expect_match '^0 words wrong' "$(guest sh "$1" -- "cat $file")"
	done
}

guest_huge_mib() {
	guest sh "$1" -- "awk '\$1 == \"AnonHugePages:\" { print int(\$2 / 1024) }' /proc/meminfo"
}

remaining_over() {
	[ "$(vm_migration_ram "$1" remaining)" -gt "$2" ]
}

# What was sent before the host dropped it: the guest finds zeros in these blocks, in those that it took
# meanwhile, of which it wrote next to nothing, and in those that it takes later.
test_moved_dropped_is_zeros() {
	local rounds
	mem_up
	guest sh mem -- "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled"
	fill stale 256
	target_start
	vm_migrate_rounds mem unix:/tmp/other.sock 2
	# In one round, which has more to send than it can meanwhile.
	guest qmp mem '{"execute": "migrate-set-parameters", "arguments": {"max-bandwidth": 65536}}'
	fill dirty 32
	wait_for 60 remaining_over mem $((16 * mib))
	rounds=$(vm_migration_ram mem dirty-sync-count)
	guest sh mem -- "rm /tmp/fill/stale"
	vmrpc mem mem --reclaim 1G
	zeros_take mem /tmp/before 96
	expect "$rounds" "$(vm_migration_ram mem dirty-sync-count)" "round"
	vm_migrate_end mem
	target_ready
	zeros_take other /tmp/after 96
	[ "$(guest_huge_mib other)" -ge 160 ]
	zeros_end other /tmp/before /tmp/after
	guest kill other
	guest kill mem
}

# capability NAME true|false
capability() {
	guest qmp mem "{\"execute\": \"migrate-set-capabilities\", \"arguments\": {\"capabilities\":
		[{\"capability\": \"$1\", \"state\": $2}]}}"
}

test_postcopy_refused() {
	mem_up
	capability postcopy-ram true
	socat -u UNIX-LISTEN:/tmp/sink.sock /dev/null &
	wait_for 10 test -S /tmp/sink.sock
	guest qmp mem '{"execute": "migrate", "arguments": {"uri": "unix:/tmp/sink.sock"}}'
	wait_for 30 vm_migration_is mem failed
	expect_match 'without postcopy-ram' "$(guest qmp mem '{"execute": "query-migrate"}')"
	capability postcopy-ram false
	wait_for 10 vm_ready mem
}

# Of which QEMU is capable when all other memory is shared.
test_cpr_transfer_refused() {
	local socket='"transport": "socket", "type": "unix", "path"'
	mem_start ,mem-max=1G vmrpc.outsource=mem -- -machine memory-backend=ram,aux-ram-share=on \
		-object memory-backend-memfd,id=ram,size=256M,share=on
	mem_up
	guest qmp mem '{"execute": "migrate-set-parameters", "arguments": {"mode": "cpr-transfer"}}'
	expect_match 'without cpr-transfer' "$(guest qmp mem "{\"execute\": \"migrate\", \"arguments\": {\"channels\": [
		{\"channel-type\": \"main\", \"addr\": {$socket: \"/tmp/sink.sock\"}},
		{\"channel-type\": \"cpr\", \"addr\": {$socket: \"/tmp/cpr.sock\"}}]}}" 2>&1 || true)"
	vm_runs mem
	guest kill mem
}

# A page of each of some blocks is taken out of use: these stay USED, the others come and go.
test_pages_that_fail_stay_out_of_use() {
	local kept first=$((512 << 30))
	mem_up
	kept=$(fill kept 64)
	guest sh mem -- "for n in 1 40 80 120 160 200 240 280 320 360 400 440 480; do
		echo \$(($first + n * $((2 * mib)))) > /sys/devices/system/memory/soft_offline_page; done"
	expect 52 "$(guest sh mem -- "awk '\$1 == \"HardwareCorrupted:\" { print \$2 }' /proc/meminfo")" "kB out of use"
	expect "$kept" "$(checksum kept)" "what was used"
	fill more 600
	guest sh mem -- "rm /tmp/fill/more /tmp/fill/kept"
	vmrpc mem mem --reclaim 1G
	mem_over used $((13 * 2 * mib))
	mem_under used $((13 * 2 * mib + small))
	guest kill mem
}

# In a dump there are zeros for what the guest did not use; the host gives no memory for that.
test_dump_reads_what_was_used() {
	local before found
	# shellcheck disable=SC2086	# several words
	mem_start ,mem-max=1G "vmrpc.outsource=mem crashkernel=128M" --mem 512M -- $kernel_disks
	mem_up
	guest sh mem -- "yes 'what was used' | head -c $((8 * mib)) > /tmp/fill/used"
	fill kept 32
	vmrpc mem mem --reclaim 1G
	guest sh mem -- "kexec -p /dev/vda --initrd=/dev/vdb --reuse-cmdline"
	before=$(mem_field resident)
	vm_panic mem 0
	wait_for 120 vm_generation_over mem 1
	guest wait mem
	found=$(guest sh mem -- "$GUEST_TESTS/find_text 'what was used' < /proc/vmcore")
	comment "the text found $found times"
	[ "$found" -gt 590000 ]
	comment "$((before / mib)) MiB held, after the dump $(($(mem_field resident) / mib)) MiB"
	mem_under resident $((before + 8 * mib))
	guest kill mem
}

# The next kernel does without, and the host has what the one before had.
test_kexec_without_gives_all_back() {
	# shellcheck disable=SC2086	# several words
	mem_start ,mem-max=1G vmrpc.outsource=mem -- $kernel_disks
	mem_up
	fill one 128
	vm_kexec mem vmrpc.outsource=mem
	expect false "$(mem_field attached)" "attached"
	mem_under resident $((4 * mib))
	guest kill mem
}

# It has a disk, which nobody uses: where QEMU puts what it saves.
test_saved_and_loaded_nothing_lost() {
	local kept
	truncate -s 1M /tmp/disk
	# shellcheck disable=SC2086	# several words
	TMPDIR=/tmp mem_start ,mem-max=1G vmrpc.outsource=mem -- $spare_disk
	mem_up
	kept=$(fill kept 64)
	vm_hmp mem "savevm x"
	guest sh mem -- "rm /tmp/fill/kept"
	fill other 128
	expect_status 0 vmrpc mem mem --reclaim 1G
	vm_hmp mem "loadvm x"
	wait_for 90 vm_ready mem
	expect "$kept" "$(checksum kept)" "what was not free"
	fill other 128
	expect_status 0 vmrpc mem mem --reclaim 1G
	expect "$kept" "$(checksum kept)" "what was not free"
	guest kill mem
}

test_no_boot_option_not_used() {
	mem_start ,mem-max=1G ""
	wait_for 120 vm_ready mem
	expect false "$(mem_field attached)" "attached"
	expect_status 5 vmrpc mem mem --limit 512M
	expect_match 'vmrpc.outsource=mem' "$errors"
	expect_status 5 vmrpc mem mem --reclaim 512M
	mem_under resident $((4 * mib))
	move
	guest kill mem
	expect false "$(mem_field attached other)" "attached"
	mem_under resident $((4 * mib)) other
	guest kill other
}

test_what_cannot_be_outsourced_told() {
	mem_start ,mem-max=1G vmrpc.outsource=files
	wait_for 120 vm_ready mem
	expect_match 'there is only' "$(guest sh mem -- dmesg)"
	expect false "$(mem_field attached)" "attached"
	guest kill mem
}

test_no_memory_told() {
	mem_start "" vmrpc.outsource=mem
	wait_for 120 vm_ready mem
	expect_match 'mem-max=' "$(guest sh mem -- dmesg)"
	expect_status 5 vmrpc mem mem
	expect_match 'mem-max=' "$errors"
	guest kill mem
}

# refused OPTIONS PATTERN - QEMU does not start, and says why
refused() {
	expect_status 1 mem_start "$1" "" --no-wait
	expect_match "$2" "$output$errors$(cat /run/guest/mem/qemu.log)"
}

test_sizes_that_make_no_sense_refused() {
	refused ,mem-max=100M 'multiple of 128 MiB'
	refused ,mem-max=1G,mem-limit=2G 'at most mem-max'
	refused ,mem-limit=1G 'need mem-max'
	refused ,mem-auto-ms=1000 'need mem-max'
	refused ,mem-max=1G,mem-auto-ms=5 'give 100 to'
	refused ,mem-max=1G,mem-auto-ms=500,mem-idle-ms=5 'give 1000 to'
	refused ,mem-max=1G,mem-idle-ms=5000 'needs mem-auto-ms'
	refused ,mem-max=4T 'at most'
	refused ,mem-pin-max=64M 'need mem-max'
	refused ,mem-hugetlb=on 'need mem-max'
	refused ,mem-share=off 'need mem-max'
	refused ,mem-max=1G,mem-share=off,mem-hugetlb=on 'without mem-share=off'
	refused ,mem-max=1G,mem-hugetlb=on 'pool of huge pages is empty'
	refused ,mem-max=1G,mem-pin-max=1000 'multiple of 4 KiB'
}

run_cases "$@"
