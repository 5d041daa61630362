# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# For the shell tests: plan N, then check "name" COMMAND..., skip "name" "reason".

number=0
failed=0

plan()
{
	echo "1..$1"
}

check()
{
	name=$1
	shift
	number=$((number + 1))
	if "$@"; then
		echo "ok $number $name"
	else
		echo "not ok $number $name"
		failed=$((failed + 1))
	fi
}

skip()
{
	number=$((number + 1))
	echo "ok $number $1 # SKIP $2"
}

finish()
{
	[ "$failed" -eq 0 ]
}
