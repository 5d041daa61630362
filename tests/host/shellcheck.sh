#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Every shell script, with shellcheck: no errors, no warnings.
cd "$(dirname "$0")/../.." || exit 1
command -v shellcheck > /dev/null || { echo "shellcheck is not installed"; exit 4; }
git ls-files --cached --others --exclude-standard > /dev/null 2>&1 || { echo "no git repository"; exit 4; }
git ls-files --cached --others --exclude-standard | while read -r file; do
	[ -f "$file" ] || continue
	case $file in
	*.sh)	echo "$file" ;;
	*.*)	;;
	*)	! head -n 1 "$file" | grep -qE '^#!.*(/| )(sh|bash)$' || echo "$file" ;;
	esac
done | xargs shellcheck --severity=warning --external-sources --source-path=SCRIPTDIR:SCRIPTDIR/.. \
	--exclude=SC1091,SC2154
