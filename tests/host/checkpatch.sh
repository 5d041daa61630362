#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The kernel's checkpatch over our kernel code: no errors, no warnings but those left
# out here, each for a reason.
cd "$(dirname "$0")/../.." || exit 1
checkpatch=build/src/linux/scripts/checkpatch.pl
[ -f "$checkpatch" ] || { echo "no build/src/linux: run make prepare-linux"; exit 4; }
command -v perl > /dev/null || { echo "perl is not installed"; exit 4; }

# FILE_PATH_CHANGES: MAINTAINERS of ours is checked by check-maintainers.
# LONG_LINE*: up to 100, as checkpatch itself has it.  AVOID_EXTERNS, COMPLEX_MACRO,
# VOLATILE, MACRO_ARG_*, LEADING_SPACE (in asm): the selftests' harness and guests are
# made of such things.  ENOSYS: is a number of the ABI.  OPEN_BRACE: checkpatch takes a
# function with a pointer to a function as its parameter for a declaration.
# CONSIDER_COMPLETION: the semaphore is there to show one.
ignored=FILE_PATH_CHANGES,SPDX_LICENSE_TAG,EMBEDDED_FILENAME,ENOSYS,OPEN_BRACE,CONSIDER_COMPLETION
selftests=$ignored,LEADING_SPACE,AVOID_EXTERNS,COMPLEX_MACRO,VOLATILE,MACRO_ARG_UNUSED,MACRO_ARG_REUSE,NEW_TYPEDEFS,STRCPY,STRNCPY,FUNCTION_ARGUMENTS,MULTISTATEMENT_MACRO_USE_DO_WHILE,MACRO_WITH_FLOW_CONTROL

# check IGNORED FILE...
check() {
	types=$1
	shift
	perl "$checkpatch" --no-tree --no-summary --terse --show-types --max-line-length=100 \
		--ignore "$types" -f "$@" > build/log/checkpatch.log 2>&1 && return 0
	cat build/log/checkpatch.log
	status=1
}

mkdir -p build/log
status=0
# shellcheck disable=SC2046	# no path has a blank
check $ignored $(find linux/overlay/arch linux/overlay/include guest-kernel-patches/*/overlay/drivers \
	guest-kernel-patches/*/overlay/include tests/guest-module -name '*.[ch]')
# shellcheck disable=SC2046
check "$selftests" $(find linux/overlay/tools/testing -name '*.[ch]')
exit $status
