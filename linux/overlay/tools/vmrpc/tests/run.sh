#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh TEST...: run TAP programs, and print one KTAP document with each one's
# output nested.  $S and $O are the source and build directories; tests leave their
# files in $T.

export G_TEST_SRCDIR="$S/tests" LC_ALL=C
export T="$O/check"
mkdir -p "$T"
log="$T/log"
number=0
failed=0

run_one()
{
	case $1 in
	*.sh) sh "$1" ;;
	*) "$1" --tap ;;
	esac
}

echo "KTAP version 1"
echo "1..$#"
for test in "$@"; do
	number=$((number + 1))
	name=$(basename "$test" .sh)
	if run_one "$test" >"$log" 2>&1; then
		verdict=ok
	else
		verdict="not ok"
		failed=$((failed + 1))
	fi
	echo "  KTAP version 1"
	# What a test says by the way is of interest only when it fails.
	if [ "$verdict" = ok ]; then
		grep -v -e '^#' -e '^KTAP' "$log"
	else
		grep -v -e '^KTAP' "$log"
	fi | sed 's/^/  /'
	echo "$verdict $number $name$(sed -n 's/^1\.\.0\( # SKIP.*\)/\1/p' "$log")"
done
[ "$failed" -eq 0 ]
