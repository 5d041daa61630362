// SPDX-License-Identifier: GPL-2.0-only
/* See procmem.h. */
#include <string.h>

#include "procmem.h"
#include "size.h"

#define QEMU		"qemu-"
#define QEMU_DEFAULT	(128ull << 20)

/* The rest of a line, after KEY and an optional colon, or NULL. */
static const char *line_value(const char *line, const char *key)
{
	gsize size = strlen(key);

	if (strncmp(line, key, size))
		return NULL;
	line += size;
	line += *line == ':';
	return *line == ' ' || *line == '\t' ? line : NULL;
}

static gboolean parse_value(const char *text, guint64 *value)
{
	char *end;

	text += strspn(text, " \t");
	if (!g_ascii_isdigit(*text))
		return FALSE;
	*value = g_ascii_strtoull(text, &end, 10);
	if (g_str_has_prefix(end, " kB"))
		*value *= 1024;
	return TRUE;
}

gboolean procmem_value(const char *text, const char *key, guint64 *value)
{
	const char *line, *rest;

	for (line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		rest = line_value(line, key);
		if (rest)
			return parse_value(rest, value);
	}
	return FALSE;
}

/* The argument after @at, or NULL: that was the last one. */
static const char *next_argument(const char *at, const char *end)
{
	at += strnlen(at, end - at) + 1;
	return at < end && memchr(at, 0, end - at) ? at : NULL;
}

static gboolean is_option(const char *argument, const char *name)
{
	/* QEMU takes both. */
	return argument[0] == '-' && !strcmp(argument + 1 + (argument[1] == '-'), name);
}

/* What follows the last option of that name, or NULL. */
static const char *option_value(const char *cmdline, gsize size, const char *name)
{
	const char *end = cmdline + size, *at = cmdline, *value = NULL;

	if (!size || !memchr(cmdline, 0, size))
		return NULL;
	while ((at = next_argument(at, end)))
		if (is_option(at, name))
			value = next_argument(at, end);
	return value;
}

static gboolean is_qemu(const char *cmdline, gsize size)
{
	const char *slash;

	if (!size || !memchr(cmdline, 0, size))
		return FALSE;
	slash = strrchr(cmdline, '/');
	return g_str_has_prefix(slash ? slash + 1 : cmdline, QEMU);
}

/* Of "first,key=value,...", that key's value; the first may come without its key. */
static char *suboption(const char *value, const char *key, gboolean first)
{
	g_auto(GStrv) parts = g_strsplit(value, ",", -1);
	g_autofree char *prefix = g_strconcat(key, "=", NULL);

	for (guint i = 0; parts[i]; i++) {
		if (g_str_has_prefix(parts[i], prefix))
			return g_strdup(parts[i] + strlen(prefix));
		if (first && !i && *parts[i] && !strchr(parts[i], '='))
			return g_strdup(parts[i]);
	}
	return NULL;
}

/* A number without a unit is in MiB. */
static gboolean parse_qemu_size(const char *text, guint64 *bytes)
{
	g_autofree char *with_unit = NULL;

	if (*text && g_ascii_isdigit(text[strlen(text) - 1]))
		with_unit = g_strconcat(text, "M", NULL);
	return size_parse(with_unit ?: text, bytes);
}

gboolean procmem_qemu_memory(const char *cmdline, gsize size, guint64 *bytes)
{
	const char *value = option_value(cmdline, size, "m");
	g_autofree char *text = NULL;

	if (!is_qemu(cmdline, size) || option_value(cmdline, size, "readconfig"))
		return FALSE;
	if (value)
		text = suboption(value, "size", TRUE);
	if (text)
		return parse_qemu_size(text, bytes);
	*bytes = QEMU_DEFAULT;
	return TRUE;
}

char *procmem_qemu_name(const char *cmdline, gsize size)
{
	const char *value = option_value(cmdline, size, "name");

	return value && is_qemu(cmdline, size) ? suboption(value, "guest", TRUE) : NULL;
}
