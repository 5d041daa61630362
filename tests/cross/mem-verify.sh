#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# No data is lost: a guest's programs check what they wrote (tests/guest/mem_verify.c, stress-ng), and
# files that they read through the page cache, while the host takes outsourced memory, limits it, pages it
# out and gives it again, and while the VM moves to another QEMU.
#	VERIFY_SECONDS	for so long (40)
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/lib/tap.sh"
. "$here/lib/vm.sh"

seconds=${VERIFY_SECONDS:-40}
mib=$((1 << 20))
max=1024	# MiB
pattern=350	# MiB, at most, that are written and checked
stress=50	# MiB that stress-ng has
least=450	# MiB that these programs need, with their page cache

vm=verify
other=moved
taker=
backing=	# of the VM's memory: an option of the device's

teardown() {
	guest kill verify
	guest kill moved
	cgroup_end verify
	swap_off
}

# start NAME [ARGUMENT...]
start() {
	in_cgroup verify guest start "$1" --vcpus 2 --mem 256M --no-vmrpc \
		--append vmrpc.outsource=mem --no-wait -- \
		-device "vmrpc,name=$1,mem-max=${max}M$backing" -drive file=/tmp/disk,format=raw,if=virtio \
		-drive file=/tmp/stress.tar,format=raw,if=virtio,readonly=on "${@:2}"
}

# The host gives huge pages to this memory, or pages of 4 KiB only.
shmem_huge() {
	echo "$1" > /sys/kernel/mm/transparent_hugepage/shmem_enabled
}

setup() {
	swap_on 400
	truncate -s 128M /tmp/disk
	# shellcheck disable=SC2046	# no path has a blank
	tar -C / -chf /tmp/stress.tar usr/bin/stress-ng lib64/ld-linux-x86-64.so.2 \
		$(ldd /usr/bin/stress-ng | sed -n 's|.* => /\([^ ]*\) .*|\1|p')
}

begin() {
	trap end EXIT
	start "$vm"
	guest wait "$vm"
	wait_for 120 vm_ready "$vm"
	# Huge pages as well, which a guest of so little memory of its own has not.
	guest sh "$vm" -- "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled
		mke2fs /dev/vda > /dev/null && mkdir /tmp/disk && mount -t ext4 /dev/vda /tmp/disk &&
		dd if=/dev/urandom of=/tmp/disk/file bs=1M count=64 2> /dev/null &&
		tar -xf /dev/vdb -C /tmp/disk && cd /tmp/disk && mkdir proc sys dev tmp &&
		for dir in proc sys dev; do mount --bind /\$dir \$dir; done && sync"
}

# Of a case, however it does.
end() {
	kill "$taker" || true
	guest kill verify || true
	guest kill moved || true
	shmem_huge advise
	echo 0 > /sys/kernel/mm/ksm/run
}

move() {
	start "$other" -incoming unix:/tmp/moved.sock
	vm_migrate_rounds "$vm" unix:/tmp/moved.sock 4
	vm_migrate_end "$vm"
	sent=$((sent + $(vm_sent "$vm")))
	moves=$((moves + 1))
	guest kill "$vm"
	read -r vm other <<< "$other $vm"
	wait_for 90 vm_ready "$vm"
}

# change NUMBER - one thing that a host may do with the memory
change() {
	case $(($1 % 4)) in
	0)	vmrpc mem "$vm" --limit $((least + RANDOM % (max - least)))M --timeout 10 ;;
	1)	vmrpc mem "$vm" --limit ${max}M ;;
	2)	echo 2 > /proc/sys/vm/drop_caches ;;
	*)	echo 32M > $cgroups/verify/memory.reclaim || true ;;
	esac
	sleep 0.2
}

reclaimed() {
	vmrpc mem "$vm" --json | jq '.[0].reclaimed'
}

ended() {
	guest sh "$vm" -- "test -s /tmp/ended && test -s /tmp/stressed"
}

nothing_is_lost() {
	local sum before out taken=0 changes=0 moves=0 sent=0 lines
	begin
	sum=$(guest sh "$vm" -- "sha256sum < /tmp/disk/file")
	before=$(reclaimed)
	out=$(pages_out)
	vmrpc mem "$vm" --auto 0.1 --idle 1
	"$here/lib/mem_take" verify moved &
	taker=$!
	guest sh "$vm" -- "cd /tmp; (
		$GUEST_TESTS/mem_verify $pattern $seconds > pattern 2>&1; echo \$? > ended) > /dev/null 2>&1 &
		(chroot disk stress-ng --vm 1 --vm-bytes ${stress}M --verify --timeout $seconds --temp-path /tmp \
			--metrics-brief > stress 2>&1; echo \$? > stressed) > /dev/null 2>&1 &
		(until test -s ended; do sha256sum < disk/file >> sums; echo 1 > /proc/sys/vm/drop_caches; done) > /dev/null 2>&1 &"
	until ended; do
		change "$changes" > /dev/null
		changes=$((changes + 1))
		if [ $((changes % 12)) = 5 ]; then
			taken=$((taken + $(reclaimed) - before))
			move > /dev/null
			before=$(reclaimed)
		fi
		[ $changes -lt $((seconds * 100)) ] || fail "mem_verify does not end"
	done
	taken=$(((taken + $(reclaimed) - before) / mib))
	out=$((($(pages_out) - out) * 4096 / mib))
	comment "$changes changes, $taken MiB reclaimed, $out MiB paged out, $moves times moved, $((sent / mib)) MiB sent"
	comment "$(guest sh "$vm" -- "cat /tmp/pattern")"
	expect_match ' 0 words wrong' "$(guest sh "$vm" -- "cat /tmp/pattern")"
	expect 0 "$(guest sh "$vm" -- "cat /tmp/ended")" "status of mem_verify"
	comment "$(guest sh "$vm" -- "tail -n 3 /tmp/stress")"
	expect 0 "$(guest sh "$vm" -- "cat /tmp/stressed")" "status of stress-ng"
	expect "$sum" "$(guest sh "$vm" -- "sort -u /tmp/sums")" "sums of the file"
	lines=$(guest sh "$vm" -- "wc -l < /tmp/sums")
	comment "$lines times the file was read"
	[ "$lines" -ge 1 ]
	[ $taken -ge 64 ]
	[ $moves -ge 1 ]
	[ $out -ge 1 ]
}

test_nothing_is_lost() {
	nothing_is_lost
}

merged() {
	[ "$(cat /sys/kernel/mm/ksm/pages_sharing)" -gt 0 ]
}

# And the rest of the VM's memory is merged.
test_nothing_is_lost_in_small_pages() {
	shmem_huge never
	echo 1000 > /sys/kernel/mm/ksm/pages_to_scan
	echo 1 > /sys/kernel/mm/ksm/run
	nothing_is_lost
	wait_for 60 merged
	comment "$(cat /sys/kernel/mm/ksm/pages_sharing) pages merged"
}

# Some of which is merged.
test_nothing_is_lost_in_private_memory() {
	backing=,mem-share=off
	echo 1000 > /sys/kernel/mm/ksm/pages_to_scan
	echo 1 > /sys/kernel/mm/ksm/run
	nothing_is_lost
}

run_cases "$@"
