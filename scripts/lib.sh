# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# What the build scripts share: where things are, and one-line messages.
# A script sets "here" to the repository's root and sources this file.

# shellcheck disable=SC2034,SC2154	# they are set, or used, by the script that sources this
build=$here/build
cache=${VMRPC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vmrpc}

say() {
	printf '%s\n' "$*"
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# field FILE KEY - the value of "KEY: value" in an UPSTREAM file
field() {
	sed -n "s/^$2:[[:space:]]*//p" "$1"
}

# version_ge A B - A is B or newer
version_ge() {
	[ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

# tree_version KIND TREE - the upstream version of a linux or qemu tree, or nothing
tree_version() {
	case $1 in
	linux*)	[ -f "$2/Kbuild" ] || return 0
		awk '/^(VERSION|PATCHLEVEL|SUBLEVEL) =/ { v = v sep $3; sep = "." }
		     END { print v }' "$2/Makefile" ;;
	qemu)	[ -f "$2/qemu-options.hx" ] || return 0
		cat "$2/VERSION" ;;
	esac
}

# component NAME - sets kind, ours, upstream, src and parts for linux, linux-guest or
# qemu, or linux-upstream: the kernel without our changes, to compare with.  "parts" is
# what goes into the tree "src": one kernel has the host's part and the guest's, unless
# the guest's has a source of its own.
component() {
	case $1 in
	linux|linux-upstream) kind=linux ours=$here/linux ;;
	linux-guest)	kind=linux ours=$here/guest-kernel-patches/linux ;;
	qemu)		kind=qemu ours=$here/qemu ;;
	*)		die "no component '$1': linux, linux-guest or qemu" ;;
	esac
	upstream=$build/upstream/$1
	[ -d "$upstream" ] || upstream=$build/upstream/$kind
	src=$build/src/$1
	parts=$ours
	if [ "$kind" = linux ] && [ ! -d "$build/upstream/linux-guest" ]; then
		parts="$here/linux $here/guest-kernel-patches/linux"
		src=$build/src/linux
	fi
	[ "$1" != linux-upstream ] || src=$upstream
	[ -d "$upstream" ] || die "no upstream source of $1: run ./configure first"
}

# series_patches - the patches of the component, in order
series_patches() {
	sed -e 's/[[:space:]]*#.*//' -e '/^[[:space:]]*$/d' "$ours/patches/series"
}

# patch_files PATCH - the upstream files that a patch touches, sorted
patch_files() {
	sed -n 's/^+++ b\/\([^[:space:]]*\).*/\1/p' "$1" | LC_ALL=C sort
}

# Paths below a directory, without "./", sorted.
list_files() {
	(cd "$1" && find . -type f) | sed 's/^\.\///' | LC_ALL=C sort
}
