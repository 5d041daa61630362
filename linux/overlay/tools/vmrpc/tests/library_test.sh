#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# libvmrpc as a program that uses it meets it: header, symbols, name, pkg-config.

. "$S/tests/tap.sh"

program='#include <vmrpc.h>
int main(void) { struct vmrpc *vm; return vmrpc_open("none", &vm) == 0; }'

# compiles COMPILER... : the header is first, alone, and without a warning.
compiles()
{
	printf '%s\n' "$program" |
		"$@" -Wall -Wextra -pedantic -Werror -I"$O/include" -fsyntax-only -
}

exports_only_the_api()
{
	nm -D --defined-only "$O/libvmrpc.so" | sed -n 's/.* T \(.*\)@@.*/\1/p' |
		sort >"$T/exported"
	sed -n 's/^\t\(vmrpc_[a-z_]*\);$/\1/p' "$S/libvmrpc.map" | sort >"$T/listed"
	[ -s "$T/listed" ] && diff "$T/listed" "$T/exported"
}

has_soname()
{
	objdump -p "$O/libvmrpc.so" | grep -q 'SONAME *libvmrpc\.so\.[0-9]*$'
}

needs_only_libc()
{
	[ "$(objdump -p "$O/libvmrpc.so" | grep -c NEEDED)" -eq 1 ]
}

installs_and_links()
{
	root="$T/root"
	rm -rf "$root"
	make -s -C "$S" O="$O" DESTDIR="$root" prefix=/usr install >/dev/null || return
	# shellcheck disable=SC2046 # flags are words
	printf '%s\n' "$program" | $CC -x c - -o "$root/program" $(
		PKG_CONFIG_LIBDIR="$root/usr/lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$root" \
			pkg-config --cflags --libs libvmrpc) || return
	LD_LIBRARY_PATH="$root/usr/lib" "$root/program"
}

plan 6
# shellcheck disable=SC2086 # CC may hold words, as "ccache gcc"
{
check header_compiles_as_c99 compiles $CC -x c -std=c99
if command -v "${CXX%% *}" >/dev/null; then
	check header_compiles_as_cxx11 compiles $CXX -x c++ -std=c++11
else
	skip header_compiles_as_cxx11 "no C++ compiler"
fi
}
check library_exports_only_its_api exports_only_the_api
check library_has_a_soname has_soname
check library_needs_only_libc needs_only_libc
check library_installs_and_links installs_and_links
finish
