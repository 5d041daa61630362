#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The bash completion, with a `vmrpc list` of its own.

. "$S/tests/tap.sh"

# shellcheck disable=SC2016 # for the inner shell to expand
driver='
. "$S/vmrpc.bash"
vmrpc() { printf "%s\n" web db "\$(touch\$IFS$T/expanded)"; }
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_vmrpc
echo "${COMPREPLY[*]}"'

# completes EXPECTED WORD...: the last word is the one to complete.
completes()
{
	expected=$1
	shift
	got=$(bash -c "$driver" bash "$@")
	[ "$got" = "$expected" ] && return
	echo "# $*: \"$got\", expected \"$expected\""
	return 1
}

expands_nothing()
{
	rm -f "$T/expanded"
	bash -c "$driver" bash vmrpc info '$' >"$T/completion" &&
		grep -qF '\$\(touch' "$T/completion" && [ ! -e "$T/expanded" ]
}

if ! command -v bash >/dev/null; then
	echo "1..0 # SKIP no bash"
	exit
fi
plan 14
check command_is_completed completes meminfo vmrpc memi
check vm_is_completed completes web vmrpc meminfo w
check vm_after_options_is_completed completes db vmrpc -j --timeout 3 ping d
check option_of_command_is_completed completes --count vmrpc ping --c
check vm_after_watch_and_its_seconds_is_completed completes db vmrpc stat --watch 2 d
check seconds_of_watch_are_not completes "" vmrpc stat --watch d
check option_of_stat_is_completed completes --prometheus vmrpc stat web --pro
check option_of_mem_is_completed completes --reclaim vmrpc mem web --r
check size_of_limit_is_not completes "" vmrpc mem web --limit ""
check vm_after_limit_and_its_size_is_completed completes db vmrpc mem --limit 1G d
check option_of_other_command_is_not completes "" vmrpc info --c
check procedure_of_module_is_completed completes drop-caches vmrpc call web procfs d
check caches_are_completed completes "1 2 3" vmrpc drop-caches web ""
check hostile_name_is_quoted expands_nothing
finish
