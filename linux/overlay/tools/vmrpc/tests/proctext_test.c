// SPDX-License-Identifier: GPL-2.0-only
/* proctext.c, on files that a guest of two CPUs had (data/) and on broken ones. */
#include <string.h>

#include "proctext.h"

static char *data(const char *name)
{
	g_autofree char *path = g_test_build_filename(G_TEST_DIST, "data", name, NULL);
	g_autoptr(GError) error = NULL;
	char *text;

	g_file_get_contents(path, &text, NULL, &error);
	g_assert_no_error(error);
	return text;
}

static void test_meminfo_recorded_is_in_bytes(void)
{
	g_autofree char *text = data("meminfo");
	g_autoptr(JsonNode) node = proctext_meminfo(text);
	JsonObject *object;

	g_assert_nonnull(node);
	object = json_node_get_object(node);
	g_assert_cmpint(json_object_get_int_member(object, "MemTotal"), ==,
			G_GINT64_CONSTANT(24684092) * 1024);
	g_assert_cmpint(json_object_get_int_member(object, "Hugepagesize"), ==, 2048 * 1024);
	g_assert_true(json_object_has_member(object, "Active(anon)"));
}

static void test_meminfo_without_unit_is_as_it_is(void)
{
	g_autoptr(JsonNode) node = proctext_meminfo("HugePages_Total:      12\n");

	g_assert_nonnull(node);
	g_assert_cmpint(json_object_get_int_member(json_node_get_object(node),
						   "HugePages_Total"), ==, 12);
}

static void test_meminfo_broken_is_refused(void)
{
	static const char *const broken[] = {
		"", "\n", "MemTotal", "MemTotal:", "MemTotal: x kB\n", "MemTotal: -1 kB\n",
		"MemTotal: 1 MB\n", "MemTotal: 1 kB x\n", "MemTotal: 18446744073709551615 kB\n",
	};

	for (guint i = 0; i < G_N_ELEMENTS(broken); i++) {
		g_test_message("\"%s\"", broken[i]);
		g_assert_null(proctext_meminfo(broken[i]));
	}
}

static void test_cpuinfo_recorded_is_typed(void)
{
	g_autofree char *text = data("cpuinfo");
	g_autoptr(JsonNode) node = proctext_cpuinfo(text);
	JsonArray *cpus;
	JsonObject *cpu;

	g_assert_nonnull(node);
	cpus = json_node_get_array(node);
	g_assert_cmpuint(json_array_get_length(cpus), ==, 2);
	cpu = json_array_get_object_element(cpus, 1);
	g_assert_cmpint(json_object_get_int_member(cpu, "processor"), ==, 1);
	g_assert_cmpstr(json_object_get_string_member(cpu, "vendor_id"), ==, "AuthenticAMD");
	g_assert_cmpfloat(json_object_get_double_member(cpu, "bogomips"), >, 1);
	g_assert_true(json_object_get_boolean_member(cpu, "fpu"));
	g_assert_cmpuint(json_array_get_length(json_object_get_array_member(cpu, "flags")),
			 ==, 7);
	g_assert_cmpstr(json_object_get_string_member(cpu, "power management"), ==, "");
}

static void test_cpuinfo_number_in_a_name_stays_text(void)
{
	g_autoptr(JsonNode) node = proctext_cpuinfo("model name : 486\nmodel : 8\n\n");
	JsonObject *cpu;

	g_assert_nonnull(node);
	cpu = json_array_get_object_element(json_node_get_array(node), 0);
	g_assert_cmpstr(json_object_get_string_member(cpu, "model name"), ==, "486");
	g_assert_cmpint(json_object_get_int_member(cpu, "model"), ==, 8);
}

static void test_cpuinfo_number_that_is_none_is_null(void)
{
	g_autoptr(JsonNode) node =
		proctext_cpuinfo("stepping : unknown\ncpu MHz : nan\nbogomips : 1e999\n\n");
	JsonObject *cpu;

	g_assert_nonnull(node);
	cpu = json_array_get_object_element(json_node_get_array(node), 0);
	g_assert_true(json_object_get_null_member(cpu, "stepping"));
	g_assert_true(json_object_get_null_member(cpu, "cpu MHz"));
	g_assert_true(json_object_get_null_member(cpu, "bogomips"));
}

static void test_cpuinfo_not_utf8_becomes_utf8(void)
{
	g_autoptr(JsonNode) node = proctext_cpuinfo("model name : a\xff z\n\n");
	JsonObject *cpu;
	const char *name;

	g_assert_nonnull(node);
	cpu = json_array_get_object_element(json_node_get_array(node), 0);
	name = json_object_get_string_member(cpu, "model name");
	g_assert_true(g_utf8_validate(name, -1, NULL));
}

static void test_cpuinfo_broken_is_refused(void)
{
	g_assert_null(proctext_cpuinfo(""));
	g_assert_null(proctext_cpuinfo("\n\n\n"));
	g_assert_null(proctext_cpuinfo("no colon\n"));
}

static void test_loadavg_recorded_is_typed(void)
{
	g_autofree char *text = data("loadavg");
	g_autoptr(JsonNode) node = proctext_loadavg(text);

	g_assert_nonnull(node);
	g_assert_cmpint(json_object_get_int_member(json_node_get_object(node), "total"), >, 0);
}

static void test_loadavg_values(void)
{
	g_autoptr(JsonNode) node = proctext_loadavg("0.25 1.50 12.75 3/80 11206\n");
	JsonObject *object;

	g_assert_nonnull(node);
	object = json_node_get_object(node);
	g_assert_cmpfloat(json_object_get_double_member(object, "load1"), ==, 0.25);
	g_assert_cmpfloat(json_object_get_double_member(object, "load5"), ==, 1.5);
	g_assert_cmpfloat(json_object_get_double_member(object, "load15"), ==, 12.75);
	g_assert_cmpint(json_object_get_int_member(object, "running"), ==, 3);
	g_assert_cmpint(json_object_get_int_member(object, "total"), ==, 80);
	g_assert_cmpint(json_object_get_int_member(object, "last_pid"), ==, 11206);
}

static void test_loadavg_broken_is_refused(void)
{
	static const char *const broken[] = {
		"", "0.25 1.50 12.75 3/80", "0.25 1.50 12.75 380 1", "a b c 3/80 1",
		"0.25 1.50 12.75 3/80 1 1", "0.25 1.50 12.75 3/99999999999 1", "\xff",
	};

	for (guint i = 0; i < G_N_ELEMENTS(broken); i++)
		g_assert_null(proctext_loadavg(broken[i]));
}

#define ADD(name) g_test_add_func("/proctext/" #name, test_##name)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD(meminfo_recorded_is_in_bytes);
	ADD(meminfo_without_unit_is_as_it_is);
	ADD(meminfo_broken_is_refused);
	ADD(cpuinfo_recorded_is_typed);
	ADD(cpuinfo_number_in_a_name_stays_text);
	ADD(cpuinfo_number_that_is_none_is_null);
	ADD(cpuinfo_not_utf8_becomes_utf8);
	ADD(cpuinfo_broken_is_refused);
	ADD(loadavg_recorded_is_typed);
	ADD(loadavg_values);
	ADD(loadavg_broken_is_refused);
	return g_test_run();
}
