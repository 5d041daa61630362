#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Exit status and messages of the command, as far as they need no VM.

. "$S/tests/tap.sh"

# exits STATUS ARG...: and tells exactly one line, on stderr.
exits()
{
	expected=$1
	shift
	"$O/vmrpc" "$@" </dev/null >"$T/status.out" 2>"$T/status.err"
	status=$?
	[ "$status" -eq "$expected" ] && [ ! -s "$T/status.out" ] &&
		[ "$(wc -l <"$T/status.err")" -eq 1 ] &&
		grep -q '^vmrpc: ' "$T/status.err" && return
	echo "# vmrpc $*: status $status, expected $expected"
	sed 's/^/# /' "$T/status.out" "$T/status.err"
	return 1
}

# tells TEXT ARG...: exits 0 and TEXT is in what it prints.
tells()
{
	text=$1
	shift
	"$O/vmrpc" "$@" >"$T/status.out" 2>&1 && grep -qF -- "$text" "$T/status.out"
}

# json_error STATUS CODE ARG...: stdout is one JSON document with that error.
json_error()
{
	expected=$1 code=$2
	shift 2
	"$O/vmrpc" "$@" </dev/null >"$T/status.out" 2>/dev/null
	[ $? -eq "$expected" ] &&
		grep -q "\"code\" : \"$code\"" "$T/status.out" &&
		grep -q "\"status\" : $expected," "$T/status.out"
}

full_disk_is_a_failure()
{
	! "$O/vmrpc" --version >/dev/full 2>/dev/null
}

without_device()
{
	if [ -e /dev/vmrpc ]; then
		skip "$1" "this host has a /dev/vmrpc"
	else
		check "$@"
	fi
}

plan 74
check no_command_is_usage exits 2
check unknown_command_is_usage exits 2 frob
check unknown_option_is_usage exits 2 list --frob
check unknown_option_before_command_is_usage exits 2 --frob list
check missing_vm_is_usage exits 2 meminfo
check extra_parameter_is_usage exits 2 list web
check timeout_text_is_usage exits 2 --timeout soon list
check timeout_zero_is_usage exits 2 --timeout 0 list
check timeout_negative_is_usage exits 2 list --timeout=-1
check timeout_over_an_hour_is_usage exits 2 list --timeout 3601
check timeout_nan_is_usage exits 2 list --timeout nan
check drop_caches_4_is_usage exits 2 drop-caches web 4
check ping_negative_count_is_usage exits 2 ping web --count=-1
check ping_no_depth_is_usage exits 2 ping web --depth 0
check ping_large_depth_is_usage exits 2 ping web -d 65
check ping_large_size_is_usage exits 2 ping web -s 67108864
check stat_two_vms_is_usage exits 2 stat web db
check stat_watch_zero_is_usage exits 2 stat web --watch 0
check stat_watch_nan_is_usage exits 2 stat web --watch=nan
check stat_watch_text_is_usage exits 2 stat --watch web
check stat_watch_over_a_day_is_usage exits 2 stat --watch 86401 web
check stat_watch_and_prometheus_is_usage exits 2 stat web --watch --prometheus
check mem_watch_and_limit_is_usage exits 2 mem web --watch --limit 1G
check mem_json_and_watch_is_usage json_error 2 usage mem --json --watch
check stat_json_and_prometheus_is_usage json_error 2 usage stat --json --prometheus
check stat_json_and_watch_is_usage json_error 2 usage stat web --json --watch 2
check commit_parameter_is_usage exits 2 commit web
check commit_json_and_watch_is_usage json_error 2 usage commit --json --watch
check commit_tells_the_host_at_least tells "host: " commit
check mem_two_vms_is_usage exits 2 mem web db
check mem_limit_without_vm_is_usage exits 2 mem --limit 1G
check mem_reclaim_without_vm_is_usage exits 2 mem --reclaim 1G
check mem_limit_and_reclaim_is_usage exits 2 mem web --limit 1G --reclaim 1G
check mem_auto_without_vm_is_usage exits 2 mem --auto 5
check mem_auto_and_limit_is_usage exits 2 mem web --auto 5 --limit 1G
check mem_auto_word_is_usage exits 2 mem web --auto on
check mem_auto_unit_is_usage exits 2 mem web --auto 5s
check mem_auto_zero_is_usage exits 2 mem web --auto 0
check mem_auto_too_long_is_usage exits 2 mem web --auto 86401
check mem_auto_not_a_number_is_usage exits 2 mem web --auto nan
check mem_idle_without_auto_is_usage exits 2 mem web --idle 60
check mem_idle_with_auto_off_is_usage exits 2 mem web --auto off --idle 60
check mem_idle_too_short_is_usage exits 2 mem web --auto 1 --idle 0.5
check mem_idle_unit_is_usage exits 2 mem web --auto 1 --idle 5s
check mem_limit_unknown_unit_is_usage exits 2 mem web --limit 1X
check mem_limit_negative_is_usage exits 2 mem web --limit -1
check mem_limit_without_size_is_usage exits 2 mem web --limit
check mem_limit_empty_is_usage exits 2 mem web --limit ''
check mem_limit_over_64_bits_is_usage exits 2 mem web --limit 16777216T
check mem_reclaim_zero_is_usage exits 2 mem web --reclaim 0K
check mem_bad_size_json_is_a_document json_error 2 usage mem web --json --limit frob
check call_bad_hex_is_usage exits 2 call web echo 0 --hex --arg 0g
check call_unknown_procedure_is_unknown exits 10 call web procfs frob
check json_usage_error_is_a_document json_error 2 usage list --frob --json
check json_unknown_command_is_a_document json_error 2 usage frob --json
check help_names_the_commands tells drop-caches --help
check help_of_command_names_its_options tells --interval ping --help
check help_of_stat_names_its_options tells --prometheus stat --help
check help_of_mem_names_its_options tells --reclaim mem --help
check version_is_told tells "vmrpc " --version
check full_disk_is_told full_disk_is_a_failure
without_device no_device_list_is_9 exits 9 list
without_device no_device_stat_is_9 exits 9 stat
without_device no_device_stat_watch_is_9 exits 9 stat --watch 0.1 web
without_device no_device_mem_is_9 exits 9 mem
without_device no_device_mem_vm_is_9 exits 9 mem web
without_device no_device_mem_limit_zero_is_9 exits 9 mem web --limit 0
without_device no_device_mem_auto_is_9 exits 9 mem web --auto 0.5
without_device no_device_mem_auto_off_is_9 exits 9 mem web -a off
without_device no_device_mem_idle_is_9 exits 9 mem web -a 1 -i 60
without_device no_device_mem_reclaim_is_9 exits 9 mem web -r 512MiB
without_device no_device_call_is_9 exits 9 call web echo echo
without_device no_device_fractional_timeout_is_9 exits 9 --timeout 0.25 meminfo web
without_device no_device_json_is_a_document json_error 9 no-device --json info web
finish
