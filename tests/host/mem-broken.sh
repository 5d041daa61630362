#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mem-verify.sh finds lost data: on a host's kernel whose claim of a block is broken
# (tests/lib/mem-broken.h) it has to read words that nobody wrote.
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
out=build/mem-broken
log=$out.log

[ -f build/host-kernel/.config ] || { echo "no build/host-kernel/.config: run make all"; exit 4; }
rm -rf "$out"
cp -a build/host-kernel "$out"
make -s -C build/src/linux O="$top/$out" CC="${CC:-gcc}" -j"$(nproc)" bzImage \
	"CFLAGS_vmrpc/mem.o=-include $top/tests/lib/mem-broken.h" > "$log" 2>&1 || {
	tail -n 20 "$log"
	echo "the broken kernel does not build"
	exit 1
}
cmp -s "$out/arch/x86/kvm/vmrpc/mem.o" build/host-kernel/arch/x86/kvm/vmrpc/mem.o && {
	echo "the broken kernel is not broken: $out/arch/x86/kvm/vmrpc/mem.o is what it was"
	exit 1
}
scripts/bed run --timeout 300 --kernel "$out/arch/x86/boot/bzImage" -- \
	/usr/lib/vmrpc/tests/cross/mem-verify.sh > "$log" 2>&1
grep -E '[1-9][0-9]* words wrong' "$log" | tail -n 1 && exit 0
tail -n 20 "$log"
echo "data was lost, and nothing noticed"
exit 1
