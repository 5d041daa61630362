// SPDX-License-Identifier: GPL-2.0-only
/* memtext.c: outsourced memory of VMs with and without a guest that uses it. */
#include "memtext.h"

#define NBSP	"\xc2\xa0"

static struct mem_vm vm_of(const char *name, uint32_t attached)
{
	struct mem_vm vm = {
		.info = {
			.max = 4ull << 30, .limit = 1ull << 30, .used = 512 << 20,
			.free = 256 << 20, .absent = 3328ull << 20, .resident = 770 << 20,
			.swapped = 3 << 20, .pinned = 5 << 20, .reclaimed = 6 << 20,
			.attached = attached, .auto_ms = attached * 2500,
			.idle_ms = attached * 60000,
		},
	};

	g_strlcpy(vm.name, name, sizeof(vm.name));
	return vm;
}

static GArray *array_of(const struct mem_vm *vms, guint count)
{
	GArray *array = g_array_new(FALSE, FALSE, sizeof(*vms));

	return g_array_append_vals(array, vms, count);
}

static void assert_table(const struct mem_vm *vms, guint count, const char *expected)
{
	g_autoptr(GArray) array = array_of(vms, count);
	g_autofree char *text = memtext_table(array);

	g_assert_cmpstr(text, ==, expected);
}

static void test_table_has_a_line_a_vm(void)
{
	struct mem_vm vms[] = { vm_of("database", 1), vm_of("web", 0) };

	assert_table(vms, 2,
		     "NAME         MAX   LIMIT      USED      FREE  ABSENT  RESIDENT SWAPPED  PINNED AUTO IDLE\n"
		     "database 4.0" NBSP "GiB 1.0" NBSP "GiB 512.0" NBSP "MiB 256.0" NBSP
		     "MiB 3.2" NBSP "GiB 770.0" NBSP "MiB 3.0" NBSP "MiB 5.0" NBSP
		     "MiB 2.5s  60s\n"
		     "web      4.0" NBSP "GiB 1.0" NBSP "GiB         -         -       - 770.0"
		     NBSP "MiB 3.0" NBSP "MiB 5.0" NBSP "MiB  off  off\n");
}

static void test_changes_are_told(void)
{
	struct mem_vm before[] = { vm_of("a", 1), vm_of("b", 1), vm_of("old", 1) };
	struct mem_vm now[] = { vm_of("a", 1), vm_of("b", 1), vm_of("new", 1) };
	g_autoptr(GArray) array_before = array_of(before, 3), array_now = array_of(now, 3);
	struct mem_vm *a = &g_array_index(array_now, struct mem_vm, 0);
	struct mem_vm *b = &g_array_index(array_now, struct mem_vm, 1);
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;

	a->info.reclaimed += 64 << 20;
	a->info.resident -= 50 << 20;
	b->info.resident += 3 << 20;
	text = memtext_changes(array_now, array_before);
	lines = g_strsplit(text, "\n", -1);
	g_assert_true(g_str_has_suffix(lines[0], "TAKEN    CHANGE"));
	g_assert_nonnull(strstr(lines[1], " 64.0" NBSP "MiB -50.0" NBSP "MiB"));
	g_assert_nonnull(strstr(lines[2], " 0 bytes  +3.0" NBSP "MiB"));
	g_assert_nonnull(strstr(lines[3], " 0 bytes  +0 bytes"));
}

static void test_table_without_vms_is_its_heading(void)
{
	assert_table(NULL, 0, "NAME MAX LIMIT USED FREE ABSENT RESIDENT SWAPPED PINNED AUTO IDLE\n");
}

static void test_table_hostile_name_is_escaped(void)
{
	struct mem_vm vm = vm_of("a\033[2J\n", 0);
	g_autoptr(GArray) array = array_of(&vm, 1);
	g_autofree char *text = memtext_table(array);

	g_assert_nonnull(strstr(text, "\na\\x1b[2J\\x0a "));
}

static JsonObject *object_of(const struct mem_vm *vm)
{
	g_autoptr(JsonBuilder) builder = json_builder_new();
	g_autoptr(JsonNode) root = NULL;

	json_builder_begin_object(builder);
	memtext_build(builder, vm);
	json_builder_end_object(builder);
	root = json_builder_get_root(builder);
	return json_node_dup_object(root);
}

static void test_json_is_exact(void)
{
	struct mem_vm vm = vm_of("web", 1);
	g_autoptr(JsonObject) object = object_of(&vm);

	g_assert_cmpstr(json_object_get_string_member(object, "name"), ==, "web");
	g_assert_true(json_object_get_boolean_member(object, "attached"));
	g_assert_cmpint(json_object_get_int_member(object, "max"), ==, 4ll << 30);
	g_assert_cmpint(json_object_get_int_member(object, "limit"), ==, 1ll << 30);
	g_assert_cmpint(json_object_get_int_member(object, "used"), ==, 512 << 20);
	g_assert_cmpint(json_object_get_int_member(object, "free"), ==, 256 << 20);
	g_assert_cmpint(json_object_get_int_member(object, "absent"), ==, 3328ll << 20);
	g_assert_cmpint(json_object_get_int_member(object, "resident"), ==, 770 << 20);
	g_assert_cmpint(json_object_get_int_member(object, "swapped"), ==, 3 << 20);
	g_assert_cmpint(json_object_get_int_member(object, "pinned"), ==, 5 << 20);
	g_assert_cmpint(json_object_get_int_member(object, "reclaimed"), ==, 6 << 20);
	g_assert_cmpint(json_object_get_int_member(object, "auto_ms"), ==, 2500);
	g_assert_cmpint(json_object_get_int_member(object, "idle_ms"), ==, 60000);
}

static void test_json_without_guest_has_nulls(void)
{
	static const char *const names[] = { "used", "free", "absent" };
	struct mem_vm vm = vm_of("web", 0);
	g_autoptr(JsonObject) object = object_of(&vm);

	g_assert_false(json_object_get_boolean_member(object, "attached"));
	for (guint i = 0; i < G_N_ELEMENTS(names); i++)
		g_assert_true(json_object_get_null_member(object, names[i]));
	g_assert_cmpint(json_object_get_int_member(object, "resident"), ==, 770 << 20);
}

static void assert_taken(guint64 taken, guint64 asked, const char *expected)
{
	g_autofree char *text = memtext_taken(taken, asked);

	g_assert_cmpstr(text, ==, expected);
}

static void test_taken_less_than_asked_is_told(void)
{
	assert_taken(512 << 20, 512 << 20, "took 512.0" NBSP "MiB");
	assert_taken(2 << 20, 1, "took 2.0" NBSP "MiB");	/* whole blocks */
	assert_taken(256 << 20, 512 << 20,
		     "took 256.0" NBSP "MiB of 512.0" NBSP "MiB: no more was free");
	assert_taken(0, 512 << 20, "took 0 bytes of 512.0" NBSP "MiB: no more was free");
}

static void test_over_the_limit_is_told(void)
{
	g_autofree char *unable = memtext_over(512 << 20, 256 << 20, NULL);
	g_autofree char *late = memtext_over(512 << 20, 256 << 20, "no answer");

	g_assert_cmpstr(unable, ==, "the guest still uses 512.0" NBSP "MiB, more than 256.0" NBSP
			"MiB: it cannot free more now");
	g_assert_cmpstr(late, ==, "the guest still uses 512.0" NBSP "MiB, more than 256.0" NBSP
			"MiB: no answer");
	g_assert_null(memtext_over(256 << 20, 256 << 20, "no answer"));
}

#define ADD(name) g_test_add_func("/memtext/" #name, test_##name)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD(table_has_a_line_a_vm);
	ADD(changes_are_told);
	ADD(table_without_vms_is_its_heading);
	ADD(table_hostile_name_is_escaped);
	ADD(json_is_exact);
	ADD(json_without_guest_has_nulls);
	ADD(taken_less_than_asked_is_told);
	ADD(over_the_limit_is_told);
	return g_test_run();
}
