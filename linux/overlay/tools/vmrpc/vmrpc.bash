# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# bash completion of vmrpc(1): commands, options, the VMs that one may call, and
# what the commands know by name.

# The words after "vmrpc" that are no options and no option's value.
_vmrpc_words()
{
	local i word

	words=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		-t | --timeout | -c | --count | -i | --interval | -s | --size | -a | --arg | \
			-l | --limit | -r | --reclaim)
			((i++))
			[[ ${COMP_WORDS[i]} == = ]] && ((i++))
			;;
		-w | --watch)
			[[ ${COMP_WORDS[i + 1]} == = ]] && ((i++))
			[[ ${COMP_WORDS[i + 1]} == [0-9]* ]] && ((i++))
			;;
		-*) ;;
		*) words+=("$word") ;;
		esac
	done
}

_vmrpc_options()
{
	printf '%s\n' --json --timeout --help
	case $1 in
	"") printf '%s\n' --version ;;
	list) printf '%s\n' --names --no-ask ;;
	stat) printf '%s\n' --watch --prometheus ;;
	mem) printf '%s\n' --limit --reclaim --auto --idle --watch ;;
	commit) printf '%s\n' --watch ;;
	ping) printf '%s\n' --count --depth --interval --size --verbose ;;
	call) printf '%s\n' --arg --hex ;;
	esac
}

_vmrpc_procedures()
{
	case $1 in
	echo) printf '%s\n' echo ;;
	procfs) printf '%s\n' meminfo cpuinfo loadavg drop-caches ;;
	sysinfo) printf '%s\n' get ;;
	esac
}

# What may come after the words so far, one a line.
_vmrpc_candidates()
{
	case ${words[0]-}:${#words[@]} in
	:0) printf '%s\n' list info stat mem commit ping meminfo cpuinfo loadavg drop-caches call ;;
	list:1 | commit:1) ;;
	*:1) vmrpc list --names 2>/dev/null ;;
	drop-caches:2) printf '%s\n' 1 2 3 ;;
	call:2) printf '%s\n' echo procfs sysinfo ;;
	call:3) _vmrpc_procedures "${words[2]}" ;;
	esac
}

# Not compgen -W, which expands its words: a VM can be called $(reboot).
_vmrpc_match()
{
	local candidate

	while IFS= read -r candidate; do
		[[ $candidate == "$1"* ]] && COMPREPLY+=("$(printf %q "$candidate")")
	done
}

_vmrpc()
{
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} words

	COMPREPLY=()
	case $previous in
	-t | --timeout | -c | --count | -i | --interval | -s | --size | -a | --arg | -w | --watch | \
		-l | --limit | -r | --reclaim | =)
		return
		;;
	esac
	_vmrpc_words
	if [[ $current == -* ]]; then
		_vmrpc_match "$current" < <(_vmrpc_options "${words[0]-}")
	else
		_vmrpc_match "$current" < <(_vmrpc_candidates)
	fi
}

complete -F _vmrpc vmrpc
