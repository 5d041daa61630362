// SPDX-License-Identifier: GPL-2.0-only
/* bytes.c: hexadecimal arguments of `vmrpc call`. */
#include <string.h>

#include "bytes.h"

static GByteArray *bytes_of(const char *text)
{
	GByteArray *bytes = g_byte_array_new();

	return g_byte_array_append(bytes, (const guint8 *)text, strlen(text));
}

static void assert_bytes(const char *text, const void *expected, gsize size)
{
	g_autoptr(GByteArray) bytes = bytes_of(text);

	g_assert_true(bytes_from_hex(bytes));
	g_assert_cmpmem(bytes->data, bytes->len, expected, size);
}

static void test_from_hex_digits_are_bytes(void)
{
	assert_bytes("00ffAb", "\x00\xff\xab", 3);
	assert_bytes("", "", 0);
}

static void test_from_hex_blanks_are_ignored(void)
{
	assert_bytes(" 01 02\n03\t\n", "\x01\x02\x03", 3);
}

static void test_from_hex_other_text_is_refused(void)
{
	static const char *const broken[] = { "0", "001", "0 1", "0g", "0x01", "-1" };

	for (guint i = 0; i < G_N_ELEMENTS(broken); i++) {
		g_autoptr(GByteArray) bytes = bytes_of(broken[i]);

		g_test_message("\"%s\"", broken[i]);
		g_assert_false(bytes_from_hex(bytes));
	}
}

static void test_to_hex_is_two_digits_a_byte(void)
{
	g_autofree char *text = bytes_to_hex((const guint8 *)"\x00\x0f\xf0", 3);

	g_assert_cmpstr(text, ==, "000ff0");
}

#define ADD(name) g_test_add_func("/bytes/" #name, test_##name)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD(from_hex_digits_are_bytes);
	ADD(from_hex_blanks_are_ignored);
	ADD(from_hex_other_text_is_refused);
	ADD(to_hex_is_two_digits_a_byte);
	return g_test_run();
}
