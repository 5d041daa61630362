#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Our kernel code builds without a warning at W=1, and with sparse where it is installed.
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
status=0
command -v sparse > /dev/null && sparse="C=2 CF=-D__CHECK_ENDIAN__"

# warnings TREE CONFIG OUTPUT TARGET OURS
warnings() {
	[ -f "$2" ] || { echo "no $2: run make all"; exit 4; }
	mkdir -p "$3"
	rm -rf "${3:?}/$4"
	cp "$2" "$3/.config"
	# shellcheck disable=SC2086	# two words, or none
	make -s -C build/src/"$1" O="$top/$3" CC="${CC:-gcc}" olddefconfig > "$3/log" 2>&1 &&
	make -s -C build/src/"$1" O="$top/$3" CC="${CC:-gcc}" -j"$(nproc)" prepare >> "$3/log" 2>&1 &&
	make -s -C build/src/"$1" O="$top/$3" CC="${CC:-gcc}" -j"$(nproc)" W=1 ${sparse:-} "$4" > "$3/warnings" 2>&1 || {
		tail -n 20 "$3/log" "$3/warnings"
		exit 1
	}
	! grep -E "$5.*(warning|error):" "$3/warnings" || status=1
}

warnings linux build/host-kernel/.config build/warnings/host arch/x86/kvm/ vmrpc/
warnings linux-guest build/guest-kernel/.config build/warnings/guest drivers/virt/ virt/vmrpc/
warnings linux-guest build/guest-kernel/.config build/warnings/guest mm/zone_host.o zone_host
warnings linux-guest build/guest-kernel/.config build/warnings/guest mm/zone_host_age.o zone_host
exit $status
