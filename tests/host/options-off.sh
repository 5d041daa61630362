#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# With our options off, KVM, the guest's drivers and its memory management build, and nothing
# of ours is in them.
cd "$(dirname "$0")/../.." || exit 1
top=$PWD

# off TREE CONFIG OUTPUT OPTION TARGET
off() {
	[ -f "$2" ] || { echo "no $2: run make all"; exit 4; }
	mkdir -p "$3"
	cp "$2" "$3/.config"
	build/src/"$1"/scripts/config --file "$3/.config" --disable "$4"
	make -s -C build/src/"$1" O="$top/$3" CC="${CC:-gcc}" olddefconfig > "$3/log" 2>&1 &&
	make -s -C build/src/"$1" O="$top/$3" CC="${CC:-gcc}" -j"$(nproc)" prepare "$5" >> "$3/log" 2>&1 || {
		tail -n 20 "$3/log"
		echo "$1 does not build with $4 off"
		exit 1
	}
	found=$(find "$3/$5" -name '*.o' ! -path '*/.*' -exec nm -A {} + 2> /dev/null | grep -i 'vmrpc\|vmlp\|zone_host' | head -n 5)
	[ -z "$found" ] && return
	echo "$found"
	echo "$1: something of ours is there with $4 off"
	exit 1
}

off linux build/host-kernel/.config build/options-off/host KVM_VMRPC arch/x86/kvm/
off linux-guest build/guest-kernel/.config build/options-off/guest VMRPC_GUEST drivers/virt/
off linux-guest build/guest-kernel/.config build/options-off/zone ZONE_HOST mm/
