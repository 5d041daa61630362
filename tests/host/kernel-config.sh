#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Every symbol of the configuration fragments is in the kernels' final configuration.
cd "$(dirname "$0")/../.." || exit 1
status=0

# in_config SYMBOL VALUE CONFIG
in_config() {
	case $2 in
	n)	! grep -q "^$1=" "$3" ;;
	*)	grep -qxF "$1=$2" "$3" ;;
	esac
}

# check CONFIG FRAGMENT...
check() {
	config=$1
	shift
	[ -f "$config" ] || { echo "no $config: run make all"; exit 4; }
	sed -n 's/^\(CONFIG_[A-Za-z0-9_]*\)=\(.*\)$/\1 \2/p' "$@" > "$config.wanted"
	while read -r symbol value; do
		in_config "$symbol" "$value" "$config" || {
			echo "$config: $symbol is not $value"
			status=1
		}
	done < "$config.wanted"
	rm -f "$config.wanted"
}

every=linux/base.config
[ ! -e build/debug-1 ] || every="$every linux/debug.config"
[ ! -e build/debug-kcsan ] || every="$every linux/kcsan.config"
# shellcheck disable=SC2086	# a list
{
	check build/host-kernel/.config linux/config/*.config $every
	check build/guest-kernel/.config guest-kernel-patches/linux/config/*.config $every
}
exit $status
