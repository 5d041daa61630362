// SPDX-License-Identifier: GPL-2.0-only
/* See size.h. */
#include <errno.h>
#include <string.h>

#include "size.h"

/* 0: no such unit. */
static guint64 unit_bytes(const char *unit)
{
	static const char letters[] = "KMGT";
	const char *letter;
	guint64 base, bytes = 1;

	if (!*unit || !g_ascii_strcasecmp(unit, "B") || !strcmp(unit, "bytes"))
		return 1;
	letter = strchr(letters, g_ascii_toupper(*unit));
	if (!letter)
		return 0;
	if (!unit[1] || !strcmp(unit + 1, "iB"))
		base = 1024;
	else if (!strcmp(unit + 1, "B"))
		base = 1000;
	else
		return 0;
	for (; letter >= letters; letter--)
		bytes *= base;
	return bytes;
}

gboolean size_parse(const char *text, guint64 *size)
{
	guint64 number, bytes;
	char *unit;

	if (!g_ascii_isdigit(*text))		/* a blank or a sign, which strtoull() takes */
		return FALSE;
	errno = 0;
	number = g_ascii_strtoull(text, &unit, 10);
	if (errno)
		return FALSE;
	bytes = unit_bytes(unit);
	return bytes && g_uint64_checked_mul(size, number, bytes);
}
