#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Every file has its SPDX line near its beginning, but for licence texts, data and pictures.
cd "$(dirname "$0")/../.." || exit 1
git ls-files --cached --others --exclude-standard > /dev/null 2>&1 || { echo "no git repository"; exit 4; }
bad=$(git ls-files --cached --others --exclude-standard |
	grep -vE '^(COPYING|\.gitignore)$|/tests/data/|\.patch$|/series$|/UPSTREAM$|\.svg$' |
	while read -r file; do
		[ ! -f "$file" ] || head -n 20 "$file" | grep -q 'SPDX-License-Identifier:' || echo "$file"
	done)
[ -z "$bad" ] && exit 0
echo "no SPDX line in:"
echo "$bad"
exit 1
