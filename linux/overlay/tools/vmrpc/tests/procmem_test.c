// SPDX-License-Identifier: GPL-2.0-only
/* procmem.c: on lines as the kernel prints them, and command lines of VMMs. */
#include <string.h>

#include "procmem.h"

#define MIB	(1ull << 20)

static const char rollup[] =
	"55d0c2a00000-7ffd2b1fe000 ---p 00000000 00:00 0                  [rollup]\n"
	"Rss:              302148 kB\n"
	"Pss:              301022 kB\n"
	"KSM:                 412 kB\n"
	"SwapPss:               0 kB\n"
	"Swap:               1024 kB\n"
	"Locked:                0 kB\n";

static const char ksm_stat[] =
	"ksm_rmap_items 65536\n"
	"ksm_zero_pages 3\n"
	"ksm_merging_pages 1204\n"
	"ksm_process_profit -3145728\n";

static void assert_value(const char *text, const char *key, guint64 expected)
{
	guint64 value;

	g_assert_true(procmem_value(text, key, &value));
	g_assert_cmpuint(value, ==, expected);
}

static void test_values_with_and_without_unit(void)
{
	assert_value(rollup, "Rss", 302148 * 1024);
	assert_value(rollup, "Swap", MIB);
	assert_value(rollup, "Locked", 0);
	assert_value(ksm_stat, "ksm_rmap_items", 65536);
	assert_value(ksm_stat, "ksm_merging_pages", 1204);
}

static void test_what_is_not_there_is_not_found(void)
{
	guint64 value;

	g_assert_false(procmem_value(rollup, "Ksm", &value));
	g_assert_false(procmem_value(rollup, "Swa", &value));
	g_assert_false(procmem_value("", "Rss", &value));
	g_assert_false(procmem_value("Rss:", "Rss", &value));
	g_assert_false(procmem_value("Rss: many kB\n", "Rss", &value));
	g_assert_false(procmem_value(ksm_stat, "ksm_process_profit", &value));
}

/* @line has blanks between its arguments. */
static char *cmdline_of(const char *line, gsize *size)
{
	char *cmdline = g_strdup(line);

	*size = strlen(line) + 1;
	return g_strdelimit(cmdline, " ", 0);
}

static void assert_memory(const char *line, guint64 expected)
{
	gsize size;
	g_autofree char *cmdline = cmdline_of(line, &size);
	guint64 bytes = 0;

	g_assert_cmpint(procmem_qemu_memory(cmdline, size, &bytes), ==, !!expected);
	g_assert_cmpuint(bytes, ==, expected);
}

static void test_memory_by_all_forms_of_m(void)
{
	assert_memory("qemu-system-x86_64 -accel kvm -m 512 -smp 2", 512 * MIB);
	assert_memory("/usr/bin/qemu-system-x86_64 -m 2G", 2048 * MIB);
	assert_memory("qemu-kvm --m 1G,slots=4,maxmem=8G", 1024 * MIB);
	assert_memory("qemu-system-x86_64 -m slots=4,size=1536M,maxmem=8G", 1536 * MIB);
	assert_memory("qemu-system-x86_64 -m 1G -m 3G", 3072 * MIB);
	assert_memory("qemu-system-x86_64 -accel kvm", 128 * MIB);
	assert_memory("qemu-system-x86_64 -m slots=4,maxmem=8G", 128 * MIB);
}

static void test_memory_that_is_not_clear(void)
{
	assert_memory("qemu-system-x86_64 -readconfig vm.cfg", 0);
	assert_memory("qemu-system-x86_64 -m lots", 0);
	assert_memory("firecracker -m 512", 0);
	assert_memory("", 0);
}

static void assert_name(const char *line, const char *expected)
{
	gsize size;
	g_autofree char *cmdline = cmdline_of(line, &size);
	g_autofree char *name = procmem_qemu_name(cmdline, size);

	g_assert_cmpstr(name, ==, expected);
}

static void test_name(void)
{
	assert_name("qemu-system-x86_64 -name web -m 1G", "web");
	assert_name("qemu-system-x86_64 -name guest=db,debug-threads=on", "db");
	assert_name("qemu-system-x86_64 -name debug-threads=on,guest=db", "db");
	assert_name("qemu-system-x86_64 -m 1G", NULL);
	assert_name("qemu-system-x86_64 -name", NULL);
	assert_name("other -name web", NULL);
}

/* Of /proc, whose file may be cut anywhere. */
static void test_cut_command_line(void)
{
	const char cut[] = { 'q', 'e', 'm', 'u', '-', 'k', 'v', 'm', 0, '-', 'm', 0, '5', '1' };
	guint64 bytes;

	g_assert_true(procmem_qemu_memory(cut, sizeof(cut), &bytes));
	g_assert_cmpuint(bytes, ==, 128 * MIB);
	g_assert_false(procmem_qemu_memory(cut, 4, &bytes));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/values_with_and_without_unit", test_values_with_and_without_unit);
	g_test_add_func("/what_is_not_there_is_not_found", test_what_is_not_there_is_not_found);
	g_test_add_func("/memory_by_all_forms_of_m", test_memory_by_all_forms_of_m);
	g_test_add_func("/memory_that_is_not_clear", test_memory_that_is_not_clear);
	g_test_add_func("/name", test_name);
	g_test_add_func("/cut_command_line", test_cut_command_line);
	return g_test_run();
}
