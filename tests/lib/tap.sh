# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For tests in shell.  A test file sources this, defines functions test_*, each one
# case, and ends with run_cases.  A case passes when all its commands do ("set -e");
# what it printed is shown when it does not.  "setup" and "teardown" are run around
# the whole file, if defined.

# skip REASON - ends the case
skip() {
	echo "$*" > "$case_skip"
	exit 0
}

# fail TEXT - ends the case
fail() {
	echo "FAILED: $*"
	exit 1
}

# comment TEXT - of the case, shown however it ends
comment() {
	echo "# $*" >> "$case_dir/comments"
}

# tell TEXT - at once, also while the file is set up
tell() {
	echo "# $*" >> /proc/$$/fd/1
}

# expect WANTED GOT [WHAT]
expect() {
	[ "$1" = "$2" ] || fail "${3:-}: wanted '$1', got '$2'"
}

# expect_status STATUS COMMAND... - and keeps what it printed in $output, $errors
expect_status() {
	local wanted=$1 got=0
	shift
	"$@" > "$case_dir/output" 2> "$case_dir/errors" || got=$?
	output=$(cat "$case_dir/output")
	errors=$(cat "$case_dir/errors")
	[ "$got" = "$wanted" ] && return
	printf '%s\n' "$output" "$errors"
	fail "status $got, not $wanted: $*"
}

# expect_match PATTERN TEXT - an extended regular expression
expect_match() {
	printf '%s\n' "$2" | grep -qE -- "$1" || fail "no '$1' in: $2"
}

expect_no_match() {
	! printf '%s\n' "$2" | grep -qE -- "$1" || fail "'$1' in: $2"
}

# Kernels that check themselves (DEBUG_KERNELS=) take longer.
slowness=1
! grep -qE ' (kasan_report|kcsan_report_known_origin)$' /proc/kallsyms || slowness=4

# wait_for SECONDS COMMAND... - until it succeeds; the bound is against a hang only
wait_for() {
	local end=$((SECONDS + $1 * slowness))
	shift
	until "$@" > /dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || fail "in vain waited for: $*"
		sleep 0.05
	done
}

all_cases() {
	sed -n 's/^\(test_[a-z0-9_]*\)() {$/\1/p' "$0"
}

run_case() {
	case_skip=$case_dir/skip
	rm -f "$case_skip"
	: > "$case_dir/comments"
	(set -e; "$1") > "$case_dir/log" 2>&1
	local status=$?
	cat "$case_dir/comments"
	case_number=$((case_number + 1))
	if [ "$status" != 0 ]; then
		sed 's/^/# /' "$case_dir/log"
		echo "not ok $case_number $1"
		case_failed=$((case_failed + 1))
	elif [ -f "$case_skip" ]; then
		echo "ok $case_number $1 # SKIP $(cat "$case_skip")"
	else
		echo "ok $case_number $1"
	fi
}

run_setup() {
	(set -e; setup) > "$case_dir/log" 2>&1
	[ $? != 0 ] || return 0
	sed 's/^/# /' "$case_dir/log"
	echo "Bail out! setup failed"
	exit 1
}

# run_cases [CASE...] - all of the file, or the ones given on its command line
run_cases() {
	local cases=("$@")
	[ $# -gt 0 ] || mapfile -t cases < <(all_cases)
	case_dir=$(mktemp -d)
	case_number=0 case_failed=0
	echo "KTAP version 1"
	echo "1..${#cases[@]}"
	! declare -F setup > /dev/null || run_setup
	for case in "${cases[@]}"; do
		run_case "$case"
	done
	! declare -F teardown > /dev/null || teardown > /dev/null 2>&1
	rm -rf "$case_dir"
	[ "$case_failed" = 0 ]
}
