// SPDX-License-Identifier: GPL-2.0-only
/* output.c and report.c: what is printed, and which exit status an error has. */
#include <errno.h>

#include "output.h"
#include "report.h"

gboolean option_json;		/* main.c's */

static void assert_escaped(const char *text, const char *expected)
{
	g_autofree char *escaped = escape(text);

	g_assert_cmpstr(escaped, ==, expected);
}

static void test_escape_printable_is_kept(void)
{
	assert_escaped("Linux 6.12 \\ h\xc3\xa9", "Linux 6.12 \\ h\xc3\xa9");
}

static void test_escape_control_is_escaped(void)
{
	assert_escaped("\033[2J\n\x7f", "\\x1b[2J\\x0a\\x7f");
}

static void test_escape_not_utf8_is_escaped(void)
{
	assert_escaped("a\xff\xc3", "a\\xff\\xc3");
}

static void test_escape_direction_override_is_escaped(void)
{
	assert_escaped("\xe2\x80\xae", "\\x202e");
}

static void assert_label(const char *text, const char *expected)
{
	g_autofree char *label = escape_label(text);

	g_assert_cmpstr(label, ==, expected);
}

static void test_label_printable_is_kept(void)
{
	assert_label("web-1 h\xc3\xa9", "web-1 h\xc3\xa9");
}

static void test_label_backslash_quote_newline_are_escaped(void)
{
	assert_label("a\\b\"c\nd", "a\\\\b\\\"c\\nd");
}

static void test_label_control_and_not_utf8_are_printable(void)
{
	assert_label("\033\xff", "\\\\x1b\\\\xff");
}

static void assert_uptime(guint64 milliseconds, const char *expected)
{
	g_autofree char *text = format_uptime(milliseconds);

	g_assert_cmpstr(text, ==, expected);
}

static void test_uptime_is_clock_and_days(void)
{
	assert_uptime(999, "00:00:00");
	assert_uptime(3723000, "01:02:03");
	assert_uptime(G_GUINT64_CONSTANT(86400000), "1 day 00:00:00");
	assert_uptime(G_GUINT64_CONSTANT(183845000), "2 days 03:04:05");
}

static void assert_bytes(guint64 bytes, const char *expected)
{
	g_autofree char *text = format_bytes(bytes);

	g_assert_cmpstr(text, ==, expected);
}

static void test_bytes_are_scaled_by_1024(void)
{
	assert_bytes(0, "0 bytes");
	assert_bytes(512 << 20, "512.0\xc2\xa0MiB");
	assert_bytes(G_MAXUINT64, "16.0\xc2\xa0" "EiB");
}

static void test_status_is_the_documented(void)
{
	static const struct {
		int error;
		enum status status;
	} rows[] = {
		{ VMRPC_ERR_NONE, 0 },		{ VMRPC_ERR_FAILED, 1 },
		{ VMRPC_ERR_NO_VM, 3 },		{ VMRPC_ERR_PERMISSION, 4 },
		{ VMRPC_ERR_NO_SERVER, 5 },	{ VMRPC_ERR_REFUSED, 6 },
		{ VMRPC_ERR_TIMEOUT, 7 },	{ VMRPC_ERR_GONE, 8 },
		{ VMRPC_ERR_RESET, 8 },		{ VMRPC_ERR_NO_DEVICE, 9 },
		{ VMRPC_ERR_NO_MODULE, 10 },	{ VMRPC_ERR_NO_PROCEDURE, 10 },
		{ VMRPC_ERR_BUSY, 1 },		{ VMRPC_ERR_INTERRUPTED, 1 },
		{ VMRPC_ERR_TOO_LARGE, 1 },	{ VMRPC_ERR_PROTOCOL, 1 },
		{ VMRPC_ERR_NO_MEMORY, 1 },	{ VMRPC_ERR_MEM_NONE, 5 },
		{ VMRPC_ERR_MEM_UNUSED, 5 },	{ VMRPC_ERR_MEM_MAX, 6 },
		{ VMRPC_ERR_MEM_PINNED, 6 },
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_test_message("%s", vmrpc_error_name(rows[i].error));
		g_assert_cmpint(status_of(rows[i].error), ==, rows[i].status);
	}
}

/* Each error of the library is named, and no two have the same message. */
static void test_strerror_is_distinct(void)
{
	for (int i = 0; i <= VMRPC_ERR_MEM_PINNED; i++)
		for (int j = 0; j < i; j++) {
			g_assert_cmpstr(vmrpc_strerror(i), !=, vmrpc_strerror(j));
			g_assert_cmpstr(vmrpc_error_name(i), !=, vmrpc_error_name(j));
		}
	g_assert_cmpstr(vmrpc_strerror(-1), ==, "unknown error");
	g_assert_cmpstr(vmrpc_strerror(VMRPC_ERR_MEM_PINNED + 1), ==, "unknown error");
}

static void test_describe_names_vm_and_module(void)
{
	g_autofree char *refused = describe(VMRPC_ERR_REFUSED, 0, "web", "procfs");
	g_autofree char *failed = describe(VMRPC_ERR_FAILED, EIO, "web", NULL);

	g_assert_true(g_str_has_prefix(refused, "web: procfs: the guest does not allow"));
	g_assert_cmpstr(failed, ==, "web: the operation failed: Input/output error");
}

static void test_describe_memory_says_what_to_do(void)
{
	g_autofree char *none = describe(VMRPC_ERR_MEM_NONE, 0, "web", NULL);
	g_autofree char *unused = describe(VMRPC_ERR_MEM_UNUSED, 0, "web", NULL);

	g_assert_cmpstr(none, ==, "web: the VM has no outsourced memory "
			"(start it with -device vmrpc,mem-max=SIZE)");
	g_assert_cmpstr(unused, ==, "web: the guest does not use its outsourced memory "
			"(boot it with vmrpc.outsource=mem and a kernel that has CONFIG_ZONE_HOST)");
}

#define ADD(name) g_test_add_func("/output/" #name, test_##name)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD(escape_printable_is_kept);
	ADD(escape_control_is_escaped);
	ADD(escape_not_utf8_is_escaped);
	ADD(escape_direction_override_is_escaped);
	ADD(label_printable_is_kept);
	ADD(label_backslash_quote_newline_are_escaped);
	ADD(label_control_and_not_utf8_are_printable);
	ADD(uptime_is_clock_and_days);
	ADD(bytes_are_scaled_by_1024);
	ADD(status_is_the_documented);
	ADD(strerror_is_distinct);
	ADD(describe_names_vm_and_module);
	ADD(describe_memory_says_what_to_do);
	return g_test_run();
}
