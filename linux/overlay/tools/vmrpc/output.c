// SPDX-License-Identifier: GPL-2.0-only
/* See output.h. */
#include <stdio.h>
#include <unistd.h>

#include "output.h"

static void append_escaped(GString *out, const char *character)
{
	gunichar c = g_utf8_get_char(character);

	if (c == '\\' || g_unichar_isprint(c))
		g_string_append_unichar(out, c);
	else
		g_string_append_printf(out, "\\x%02x", c);
}

/* @keep: characters that need no escape. */
static char *escape_except(const char *text, gsize size, const char *keep)
{
	GString *out = g_string_sized_new(size + 1);
	const char *end = text + size;

	while (text < end) {
		gunichar c = g_utf8_get_char_validated(text, end - text);

		if (c == (gunichar)-1 || c == (gunichar)-2) {
			g_string_append_printf(out, "\\x%02x", (guchar)*text++);
			continue;
		}
		if (c && c < 0x80 && strchr(keep, c))
			g_string_append_c(out, c);
		else
			append_escaped(out, text);
		text = c ? g_utf8_next_char(text) : text + 1;
	}
	return g_string_free(out, FALSE);
}

char *escape(const char *text)
{
	return escape_except(text, strlen(text), "");
}

char *escape_label(const char *text)
{
	g_autofree char *printable = escape_except(text, strlen(text), "\n");
	GString *out = g_string_new(NULL);

	for (const char *c = printable; *c; c++) {
		if (*c == '\\' || *c == '"')
			g_string_append_c(out, '\\');
		if (*c == '\n')
			g_string_append(out, "\\n");
		else
			g_string_append_c(out, *c);
	}
	return g_string_free(out, FALSE);
}

void print_guest_bytes(const char *bytes, gsize size)
{
	g_autofree char *safe = NULL;

	if (isatty(STDOUT_FILENO)) {
		safe = escape_except(bytes, size, "\t\n");
		fputs(safe, stdout);
	} else {
		fwrite(bytes, 1, size, stdout);
	}
}

void print_json(JsonBuilder *builder)
{
	g_autoptr(JsonNode) root = json_builder_get_root(builder);
	g_autofree char *text = json_to_string(root, TRUE);

	puts(text);
}

void build_string(JsonBuilder *builder, const char *name, const char *value)
{
	g_autofree char *valid = g_utf8_make_valid(value, -1);

	json_builder_set_member_name(builder, name);
	json_builder_add_string_value(builder, valid);
}

void build_int(JsonBuilder *builder, const char *name, gint64 value)
{
	json_builder_set_member_name(builder, name);
	json_builder_add_int_value(builder, value);
}

void build_double(JsonBuilder *builder, const char *name, double value)
{
	json_builder_set_member_name(builder, name);
	json_builder_add_double_value(builder, value);
}

char *format_bytes(guint64 bytes)
{
	return g_format_size_full(bytes, G_FORMAT_SIZE_IEC_UNITS);
}

char *format_uptime(guint64 milliseconds)
{
	guint64 seconds = milliseconds / 1000, days = seconds / 86400;
	g_autofree char *clock = g_strdup_printf("%02u:%02u:%02u",
						 (guint)(seconds / 3600 % 24),
						 (guint)(seconds / 60 % 60),
						 (guint)(seconds % 60));

	if (!days)
		return g_steal_pointer(&clock);
	return g_strdup_printf("%" G_GUINT64_FORMAT " day%s %s", days,
			       days == 1 ? "" : "s", clock);
}
