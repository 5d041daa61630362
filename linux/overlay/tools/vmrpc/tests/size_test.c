// SPDX-License-Identifier: GPL-2.0-only
/* size.c: the sizes of `vmrpc mem`. */
#include "size.h"

static void assert_size(const char *text, guint64 expected)
{
	guint64 size;

	g_test_message("\"%s\"", text);
	g_assert_true(size_parse(text, &size));
	g_assert_cmpuint(size, ==, expected);
}

static void assert_refused(const char *text)
{
	guint64 size;

	g_test_message("\"%s\"", text);
	g_assert_false(size_parse(text, &size));
}

static void test_parse_without_unit_is_bytes(void)
{
	assert_size("0", 0);
	assert_size("536870912", 536870912);
	assert_size("010", 10);
	assert_size("1B", 1);
	assert_size("1b", 1);
	assert_size("1bytes", 1);
}

static void test_parse_binary_units_are_powers_of_1024(void)
{
	assert_size("1K", 1024);
	assert_size("1k", 1024);
	assert_size("1KiB", 1024);
	assert_size("512M", 512 << 20);
	assert_size("512m", 512 << 20);
	assert_size("512MiB", 512 << 20);
	assert_size("3G", G_GUINT64_CONSTANT(3) << 30);
	assert_size("3GiB", G_GUINT64_CONSTANT(3) << 30);
	assert_size("2t", G_GUINT64_CONSTANT(2) << 40);
	assert_size("2TiB", G_GUINT64_CONSTANT(2) << 40);
}

static void test_parse_decimal_units_are_powers_of_1000(void)
{
	assert_size("1KB", 1000);
	assert_size("1kB", 1000);
	assert_size("1MB", 1000000);
	assert_size("1GB", 1000000000);
	assert_size("1TB", G_GUINT64_CONSTANT(1000000000000));
}

static void test_parse_largest_is_64_bits(void)
{
	assert_size("18446744073709551615", G_MAXUINT64);
	assert_refused("18446744073709551616");
	assert_size("16777215T", G_GUINT64_CONSTANT(16777215) << 40);
	assert_refused("16777216T");
	assert_refused("99999999999999999999K");
}

static void test_parse_other_text_is_refused(void)
{
	static const char *const broken[] = {
		"", "M", "-1", "+1", " 1", "1 ", "1 M", "1.5G", "1,5G", "0x10", "1e3", "1KM",
		"1Mi", "1mib", "1mb", "1MiBs", "1BB", "1byte", "1P", "1X",
	};

	for (guint i = 0; i < G_N_ELEMENTS(broken); i++)
		assert_refused(broken[i]);
}

#define ADD(name) g_test_add_func("/size/" #name, test_##name)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD(parse_without_unit_is_bytes);
	ADD(parse_binary_units_are_powers_of_1024);
	ADD(parse_decimal_units_are_powers_of_1000);
	ADD(parse_largest_is_64_bits);
	ADD(parse_other_text_is_refused);
	return g_test_run();
}
