// SPDX-License-Identifier: GPL-2.0-only
/* committext.c: VMs of all kinds, and a host with and without KSM. */
#include "committext.h"

#define NBSP	"\xc2\xa0"
#define MIB	(1ull << 20)
#define GIB	(1ull << 30)

static const struct commit_host host = {
	.total = 8 * GIB, .available = 2 * GIB, .swap_used = 64 * MIB, .ksm_saved = 100 * MIB,
	.ksm_tried = 700 * MIB, .ksm_runs = TRUE,
};

static const struct commit_vm outsourced = {
	.name = "db", .pid = 812, .promised = 9 * GIB, .limited = 5 * GIB, .resident = 3 * GIB,
	.merged = 40 * MIB, .swapped = 0, .pinned = 16 * MIB, .reclaimable = GIB,
};

static const struct commit_vm plain = {
	.name = "web", .pid = 9, .promised = 3 * GIB, .limited = COMMIT_UNKNOWN, .resident = 2 * GIB,
	.merged = 60 * MIB, .swapped = 64 * MIB, .pinned = COMMIT_UNKNOWN, .reclaimable = COMMIT_UNKNOWN,
};

static const struct commit_vm hidden = {
	.pid = 77, .promised = COMMIT_UNKNOWN, .limited = COMMIT_UNKNOWN, .resident = COMMIT_UNKNOWN,
	.merged = COMMIT_UNKNOWN, .swapped = COMMIT_UNKNOWN, .pinned = COMMIT_UNKNOWN,
	.reclaimable = COMMIT_UNKNOWN,
};

static GArray *all_kinds(void)
{
	GArray *vms = g_array_new(FALSE, FALSE, sizeof(struct commit_vm));

	g_array_append_val(vms, outsourced);
	g_array_append_val(vms, plain);
	g_array_append_val(vms, hidden);
	return vms;
}

static void test_a_line_a_vm_and_their_sum(void)
{
	g_autoptr(GArray) vms = all_kinds();
	g_autofree char *text = committext(vms, &host);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	g_assert_cmpuint(g_strv_length(lines), ==, 9);
	g_assert_cmpstr(lines[0], ==,
			"NAME  PID PROMISED LIMITED RESIDENT    MERGED  SWAPPED   PINNED RECLAIMABLE");
	g_assert_cmpstr(lines[1], ==, "db    812  9.0" NBSP "GiB 5.0" NBSP "GiB  3.0" NBSP "GiB  40.0" NBSP
			"MiB  0 bytes 16.0" NBSP "MiB     1.0" NBSP "GiB");
	g_assert_cmpstr(lines[2], ==, "web     9  3.0" NBSP "GiB       -  2.0" NBSP "GiB  60.0" NBSP
			"MiB 64.0" NBSP "MiB        -           -");
	g_assert_cmpstr(lines[3], ==,
			"-      77        -       -        -         -        -        -           -");
	/* What has no limit of its own is limited by what it was promised. */
	g_assert_cmpstr(lines[4], ==, "total     12.0" NBSP "GiB 8.0" NBSP "GiB  5.0" NBSP "GiB 100.0" NBSP
			"MiB 64.0" NBSP "MiB 16.0" NBSP "MiB     1.0" NBSP "GiB");
	g_assert_cmpstr(lines[6], ==, "host: 8.0" NBSP "GiB, 2.0" NBSP "GiB available, 64.0" NBSP
			"MiB swap used; promised 1.50 times what it has");
	g_assert_cmpstr(lines[7], ==, "KSM: on; saves 100.0" NBSP "MiB, found nothing to merge in 700.0" NBSP
			"MiB");
}

static void test_host_without_ksm(void)
{
	g_autoptr(GArray) vms = g_array_new(FALSE, FALSE, sizeof(struct commit_vm));
	struct commit_host old = host;
	g_autofree char *text = NULL;

	old.ksm_saved = old.ksm_tried = COMMIT_UNKNOWN;
	text = committext(vms, &old);
	g_assert_true(g_str_has_suffix(text, "\nKSM: not in this kernel\n"));
}

static void test_json_has_null_for_what_is_not_known(void)
{
	g_autoptr(JsonBuilder) builder = json_builder_new();
	g_autoptr(GArray) vms = all_kinds();
	g_autoptr(JsonNode) root = NULL;
	JsonObject *object, *vm;

	committext_build(builder, vms, &host);
	root = json_builder_get_root(builder);
	object = json_node_get_object(root);
	vm = json_array_get_object_element(json_object_get_array_member(object, "vms"), 1);
	g_assert_cmpstr(json_object_get_string_member(vm, "name"), ==, "web");
	g_assert_cmpint(json_object_get_int_member(vm, "resident"), ==, 2 * GIB);
	g_assert_true(json_object_get_null_member(vm, "pinned"));
	vm = json_array_get_object_element(json_object_get_array_member(object, "vms"), 2);
	g_assert_true(json_object_get_null_member(vm, "name"));
	g_assert_true(json_object_get_null_member(vm, "merged"));
	g_assert_cmpint(json_object_get_int_member(json_object_get_object_member(object, "total"), "promised"),
			==, 12 * GIB);
	g_assert_true(json_object_get_boolean_member(json_object_get_object_member(object, "host"), "ksm_runs"));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/a_line_a_vm_and_their_sum", test_a_line_a_vm_and_their_sum);
	g_test_add_func("/host_without_ksm", test_host_without_ksm);
	g_test_add_func("/json_has_null_for_what_is_not_known", test_json_has_null_for_what_is_not_known);
	return g_test_run();
}
