// SPDX-License-Identifier: GPL-2.0-only
/* See bytes.h. */
#include "bytes.h"

gboolean bytes_from_hex(GByteArray *bytes)
{
	guint in = 0, out = 0;

	while (in < bytes->len) {
		int high, low;

		if (g_ascii_isspace(bytes->data[in])) {
			in++;
			continue;
		}
		if (in + 1 == bytes->len)
			return FALSE;
		high = g_ascii_xdigit_value(bytes->data[in++]);
		low = g_ascii_xdigit_value(bytes->data[in++]);
		if (high < 0 || low < 0)
			return FALSE;
		bytes->data[out++] = high << 4 | low;
	}
	g_byte_array_set_size(bytes, out);
	return TRUE;
}

char *bytes_to_hex(const guint8 *bytes, gsize size)
{
	static const char digits[] = "0123456789abcdef";
	GString *text = g_string_sized_new(2 * size + 1);

	for (gsize i = 0; i < size; i++) {
		g_string_append_c(text, digits[bytes[i] >> 4]);
		g_string_append_c(text, digits[bytes[i] & 15]);
	}
	return g_string_free(text, FALSE);
}
