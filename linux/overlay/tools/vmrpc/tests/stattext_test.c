// SPDX-License-Identifier: GPL-2.0-only
/* stattext.c: tables, rates, JSON and Prometheus's format, of honest and of hostile names. */
#include <string.h>

#include "command.h"
#include "stattext.h"

gboolean option_json;		/* main.c's */

#define HOSTILE		"a\033[2J\"b\\c\nd\xff"

/* A VM with room for rows; add_row() fills them. */
struct vm_rows {
	struct stat_vm vm;
	struct vmrpc_vm_stat rows[4];
};

static void vm_init(struct vm_rows *vm, const char *name)
{
	memset(vm, 0, sizeof(*vm));
	memcpy(vm->vm.info.name, name, strlen(name));
	vm->vm.info.state = VMRPC_VM_READY;
	vm->vm.info.performs = 7;
	vm->vm.info.refused = 3;
	vm->vm.info.calls_refused = 2;
	vm->vm.rows = vm->rows;
}

static void add_row(struct vm_rows *vm, uint32_t direction, const char *module, uint32_t procedure,
		    uint64_t calls)
{
	struct vmrpc_vm_stat *row = &vm->rows[vm->vm.count++];

	memcpy(row->module, module, strlen(module));
	row->direction = direction;
	row->procedure = procedure;
	row->calls = calls;
	row->errors = 1;
	row->arg_bytes = calls * 16;
	row->res_bytes = G_MAXUINT64;
}

static GPtrArray *array_of(struct vm_rows *vm)
{
	GPtrArray *array = g_ptr_array_new();

	g_ptr_array_add(array, &vm->vm);
	return array;
}

static void assert_table(struct vm_rows *vm, const char *expected)
{
	g_autoptr(GPtrArray) vms = array_of(vm);
	g_autofree char *text = stattext_table(vms);

	g_assert_cmpstr(text, ==, expected);
}

static void test_table_has_a_line_a_procedure(void)
{
	struct vm_rows vm;

	vm_init(&vm, "web");
	add_row(&vm, VMRPC_STAT_KERNEL, "print", 0, 1);
	add_row(&vm, VMRPC_STAT_GUEST, "procfs", 12, 12345);
	assert_table(&vm,
		     "VM  DIRECTION       MODULE PROC CALLS ERRORS ARG-BYTES            RES-BYTES\n"
		     "web guest-to-kernel print     0     1      1        16 18446744073709551615\n"
		     "web host-to-guest   procfs   12 12345      1    197520 18446744073709551615\n");
}

static void test_table_without_rows_is_its_heading(void)
{
	struct vm_rows vm;

	vm_init(&vm, "web");
	assert_table(&vm, "VM DIRECTION MODULE PROC CALLS ERRORS ARG-BYTES RES-BYTES\n");
}

static void test_table_others_are_named(void)
{
	struct vm_rows vm;

	vm_init(&vm, "v");
	add_row(&vm, VMRPC_STAT_VMM, "", VMRPC_STAT_OTHER, 1);
	assert_table(&vm,
		     "VM DIRECTION    MODULE   PROC CALLS ERRORS ARG-BYTES            RES-BYTES\n"
		     "v  guest-to-vmm (other) other     1      1        16 18446744073709551615\n");
}

static void assert_printable_lines(const char *text)
{
	g_assert_true(g_utf8_validate(text, -1, NULL));
	for (const char *c = text; *c; c = g_utf8_next_char(c))
		g_assert_true(*c == '\n' || g_unichar_isprint(g_utf8_get_char(c)));
}

static void test_table_hostile_names_are_one_printable_line(void)
{
	g_autoptr(GPtrArray) vms = NULL;
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	struct vm_rows vm;

	vm_init(&vm, HOSTILE);
	add_row(&vm, VMRPC_STAT_GUEST, HOSTILE, 0, 1);
	vms = array_of(&vm);
	text = stattext_table(vms);
	lines = g_strsplit(text, "\n", -1);
	g_assert_cmpint(g_strv_length(lines), ==, 3);	/* the last is empty */
	assert_printable_lines(text);
	g_assert_nonnull(strstr(text, "a\\x1b[2J\"b\\c\\x0ad\\xff"));
}

static char *rates_of(struct vm_rows *now, struct vm_rows *before, double seconds)
{
	g_autoptr(GPtrArray) vms = array_of(now), old = array_of(before);

	return stattext_rates(vms, old, seconds);
}

static void test_rates_are_differences_a_second(void)
{
	g_autofree char *text = NULL;
	struct vm_rows before, now;

	vm_init(&before, "web");
	add_row(&before, VMRPC_STAT_GUEST, "echo", 0, 100);
	vm_init(&now, "web");
	add_row(&now, VMRPC_STAT_KERNEL, "print", 0, 3);
	add_row(&now, VMRPC_STAT_GUEST, "echo", 0, 105);
	text = rates_of(&now, &before, 2);
	g_assert_nonnull(strstr(text, "CALLS/S ERRORS/S ARG-B/S"));
	g_assert_nonnull(strstr(text, "print     0     1.5      0.5    24.0"));
	g_assert_nonnull(strstr(text, "echo      0     2.5      0.0    40.0"));
}

static void test_rates_of_a_new_vm_count_from_zero(void)
{
	g_autofree char *text = NULL;
	struct vm_rows before, now;

	vm_init(&before, "web");
	add_row(&before, VMRPC_STAT_GUEST, "echo", 0, 100);
	vm_init(&now, "web");
	add_row(&now, VMRPC_STAT_GUEST, "echo", 0, 10);
	text = rates_of(&now, &before, 2);
	g_assert_nonnull(strstr(text, "echo      0     5.0      0.0    80.0"));
}

static char *prometheus_of(struct vm_rows *vm)
{
	g_autoptr(GPtrArray) vms = array_of(vm);

	return stattext_prometheus(vms);
}

static void test_prometheus_has_all_metrics(void)
{
	static const char *const lines[] = {
		"\n# TYPE vmrpc_calls_total counter\n",
		"\nvmrpc_calls_total{vm=\"web\",direction=\"guest-to-vmm\",module=\"store\",procedure=\"3\"} 2\n",
		"\nvmrpc_call_errors_total{vm=\"web\",direction=\"guest-to-vmm\",module=\"store\",procedure=\"3\"} 1\n",
		"\nvmrpc_argument_bytes_total{vm=\"web\",direction=\"guest-to-vmm\",module=\"store\",procedure=\"3\"} 32\n",
		"\nvmrpc_result_bytes_total{vm=\"web\",direction=\"guest-to-vmm\",module=\"store\",procedure=\"3\"} 18446744073709551615\n",
		"\n# TYPE vmrpc_vm_state gauge\n",
		"\nvmrpc_vm_state{vm=\"web\",state=\"absent\"} 0\n",
		"\nvmrpc_vm_state{vm=\"web\",state=\"alive\"} 1\n",
		"\nvmrpc_vm_state{vm=\"web\",state=\"busy\"} 0\n",
		"\nvmrpc_vm_state{vm=\"web\",state=\"dead\"} 0\n",
		"\nvmrpc_performs_total{vm=\"web\"} 7\n",
		"\nvmrpc_polls_total{vm=\"web\"} 0\n",
		"\nvmrpc_parks_total{vm=\"web\"} 0\n",
		"\nvmrpc_wakes_total{vm=\"web\"} 0\n",
		"\nvmrpc_interrupts_total{vm=\"web\"} 0\n",
		"\nvmrpc_refused_total{vm=\"web\"} 3\n",
		"\nvmrpc_calls_refused_total{vm=\"web\"} 2\n",
	};
	g_autofree char *text = NULL;
	struct vm_rows vm;

	vm_init(&vm, "web");
	add_row(&vm, VMRPC_STAT_VMM, "store", 3, 2);
	text = prometheus_of(&vm);
	g_assert_true(g_str_has_prefix(text, "# HELP vmrpc_vm_state "));
	for (guint i = 0; i < G_N_ELEMENTS(lines); i++)
		g_assert_nonnull(strstr(text, lines[i]));
}

static void test_prometheus_others_are_distinct(void)
{
	g_autofree char *text = NULL;
	struct vm_rows vm;

	vm_init(&vm, "web");
	add_row(&vm, VMRPC_STAT_GUEST, "", VMRPC_STAT_OTHER, 5);
	text = prometheus_of(&vm);
	g_assert_nonnull(strstr(text, "vmrpc_calls_total{vm=\"web\",direction=\"host-to-guest\","
				      "module=\"\",procedure=\"other\"} 5\n"));
}

/* Every line is of the format's grammar, and of the metric that HELP named last. */
static void assert_grammar(const char *text)
{
	g_autoptr(GRegex) regex = g_regex_new("^(# (HELP|TYPE) )?([a-z_]+)"
					      "(\\{([a-z]+=\"([^\"\\\\\n]|\\\\[\\\\\"n])*\",?)*\\} [0-9]+| .+)$",
					      G_REGEX_DOLLAR_ENDONLY, 0, NULL);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	g_autofree char *metric = NULL;

	for (char **line = lines; line[1]; line++) {
		g_autoptr(GMatchInfo) match = NULL;
		g_autofree char *kind = NULL, *name = NULL;

		g_assert_true(g_regex_match(regex, *line, 0, &match));
		kind = g_match_info_fetch(match, 2);
		name = g_match_info_fetch(match, 3);
		if (!strcmp(kind, "HELP")) {
			g_free(metric);
			metric = g_strdup(name);
		}
		g_assert_cmpstr(name, ==, metric);
	}
}

static void test_prometheus_is_of_its_grammar(void)
{
	g_autofree char *text = NULL;
	struct vm_rows vm;

	vm_init(&vm, "web");
	add_row(&vm, VMRPC_STAT_KERNEL, "print", 0, 1);
	add_row(&vm, VMRPC_STAT_GUEST, "echo", 0, 1);
	text = prometheus_of(&vm);
	assert_grammar(text);
}

static void test_prometheus_hostile_names_are_escaped(void)
{
	g_autofree char *text = NULL;
	struct vm_rows vm;

	vm_init(&vm, HOSTILE);
	add_row(&vm, VMRPC_STAT_GUEST, HOSTILE, 0, 1);
	text = prometheus_of(&vm);
	assert_grammar(text);
	assert_printable_lines(text);
	g_assert_nonnull(strstr(text, "module=\"a\\\\x1b[2J\\\"b\\\\c\\nd\\\\xff\""));
}

static JsonNode *json_of(struct vm_rows *vm)
{
	g_autoptr(JsonBuilder) builder = json_builder_new();

	json_builder_begin_object(builder);
	stattext_build(builder, &vm->vm);
	json_builder_end_object(builder);
	return json_builder_get_root(builder);
}

static void test_json_has_the_counters(void)
{
	g_autoptr(JsonNode) root = NULL;
	JsonArray *rows;
	JsonObject *row;
	struct vm_rows vm;

	vm_init(&vm, "web");
	add_row(&vm, VMRPC_STAT_KERNEL, "print", 0, 2);
	root = json_of(&vm);
	rows = json_object_get_array_member(json_node_get_object(root), "procedures");
	g_assert_cmpint(json_array_get_length(rows), ==, 1);
	row = json_array_get_object_element(rows, 0);
	g_assert_cmpstr(json_object_get_string_member(row, "direction"), ==, "guest-to-kernel");
	g_assert_cmpstr(json_object_get_string_member(row, "module"), ==, "print");
	g_assert_cmpint(json_object_get_int_member(row, "procedure"), ==, 0);
	g_assert_cmpint(json_object_get_int_member(row, "calls"), ==, 2);
	g_assert_cmpint(json_object_get_int_member(row, "errors"), ==, 1);
	g_assert_cmpint(json_object_get_int_member(row, "argument_bytes"), ==, 32);
}

static void test_json_others_are_null(void)
{
	g_autoptr(JsonNode) root = NULL;
	JsonObject *row;
	struct vm_rows vm;

	vm_init(&vm, "web");
	add_row(&vm, VMRPC_STAT_GUEST, "", VMRPC_STAT_OTHER, 2);
	root = json_of(&vm);
	row = json_array_get_object_element(
		json_object_get_array_member(json_node_get_object(root), "procedures"), 0);
	g_assert_true(json_object_get_null_member(row, "module"));
	g_assert_true(json_object_get_null_member(row, "procedure"));
}

static void test_json_hostile_name_is_printable(void)
{
	g_autoptr(JsonNode) root = NULL, parsed = NULL;
	g_autofree char *text = NULL;
	struct vm_rows vm;

	vm_init(&vm, "web");
	add_row(&vm, VMRPC_STAT_GUEST, HOSTILE, 0, 2);
	root = json_of(&vm);
	text = json_to_string(root, TRUE);
	assert_printable_lines(text);
	parsed = json_from_string(text, NULL);
	g_assert_nonnull(parsed);
}

#define ADD(name) g_test_add_func("/stattext/" #name, test_##name)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD(table_has_a_line_a_procedure);
	ADD(table_without_rows_is_its_heading);
	ADD(table_others_are_named);
	ADD(table_hostile_names_are_one_printable_line);
	ADD(rates_are_differences_a_second);
	ADD(rates_of_a_new_vm_count_from_zero);
	ADD(prometheus_has_all_metrics);
	ADD(prometheus_others_are_distinct);
	ADD(prometheus_is_of_its_grammar);
	ADD(prometheus_hostile_names_are_escaped);
	ADD(json_has_the_counters);
	ADD(json_others_are_null);
	ADD(json_hostile_name_is_printable);
	return g_test_run();
}
