// SPDX-License-Identifier: GPL-2.0-only
/* See table.h. */
#include "table.h"

GPtrArray *table_new(const char *const *header)
{
	GPtrArray *table = g_ptr_array_new_with_free_func((GDestroyNotify)g_strfreev);

	g_ptr_array_add(table, g_strdupv((char **)header));
	return table;
}

static glong *column_widths(const GPtrArray *table)
{
	glong *widths = g_new0(glong, g_strv_length(g_ptr_array_index(table, 0)));

	for (guint row = 0; row < table->len; row++) {
		char **cells = g_ptr_array_index(table, row);

		for (guint i = 0; cells[i]; i++)
			widths[i] = MAX(widths[i], g_utf8_strlen(cells[i], -1));
	}
	return widths;
}

static void append_blanks(GString *out, glong count)
{
	while (count-- > 0)
		g_string_append_c(out, ' ');
}

static void append_cells(GString *out, char **cells, const glong *widths, guint left)
{
	for (guint i = 0; cells[i]; i++) {
		glong blanks = widths[i] - g_utf8_strlen(cells[i], -1);

		if (i)
			g_string_append_c(out, ' ');
		if (i >= left)
			append_blanks(out, blanks);
		g_string_append(out, cells[i]);
		if (i < left)
			append_blanks(out, blanks);
	}
	g_string_append_c(out, '\n');
}

char *table_text(const GPtrArray *table, guint left)
{
	g_autofree glong *widths = column_widths(table);
	GString *out = g_string_new(NULL);

	for (guint row = 0; row < table->len; row++)
		append_cells(out, g_ptr_array_index(table, row), widths, left);
	return g_string_free(out, FALSE);
}
