# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2154
#
# Applying patches and writing them.  Used after component() of lib.sh; $stage
# is a folder that holds upstream's copies of the files that the patches touch.

# The file that patch(1) was at when it failed.
failed_file() {
	sed -n 's/^\(checking\|patching\) file \(.*\)/\2/p' "$1" | tail -n 1
}

# stage_upstream PATCH - upstream's copy of each file of PATCH that is not there yet
stage_upstream() {
	for f in $(patch_files "$ours/patches/$1"); do
		[ -f "$upstream/$f" ] || die "$1: $kind $version has no $f"
		mkdir -p "$stage/$(dirname "$f")"
		[ -f "$stage/$f" ] || cp -p "$upstream/$f" "$stage/$f"
	done
}

# stage_patch PATCH LOG - applies PATCH in $stage; what patch(1) says is in LOG
stage_patch() {
	[ -f "$ours/patches/$1" ] || die "$1 is in the series but not in $ours/patches"
	stage_upstream "$1"
	(cd "$stage" && patch -p1 -F0 --no-backup-if-mismatch -r - < "$ours/patches/$1") > "$2" 2>&1 ||
		die "$1 does not apply to $(failed_file "$2") of $kind $version: $(grep -v '^patching' "$2" | head -n 1)"
}

# stage_patches LOG - those of all parts of the component
stage_patches() {
	for ours in $parts; do
		for patch in $(series_patches); do
			stage_patch "$patch" "$1"
		done
	done
}

# write_patch PATCH NEW [FILE]... - PATCH's header, and then the differences
# between upstream's and NEW's copies of its files and of FILEs
write_patch() {
	old_patch=$ours/patches/$1
	new_tree=$2
	shift 2
	sed '/^\(diff \|Index: \|--- a\/\)/,$d' "$old_patch"
	{ patch_files "$old_patch"; [ $# = 0 ] || printf '%s\n' "$@"; } | LC_ALL=C sort -u |
	while read -r f; do
		LC_ALL=C diff -up --label "a/$f" --label "b/$f" "$upstream/$f" "$new_tree/$f" || :
	done
}
