// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's meminfo, cpuinfo and loadavg as JSON.  The type of a cpuinfo value
 * depends on its key alone, never on what a guest's CPU happens to be called.
 */
#include <string.h>

#include "proctext.h"

/* "key : value" in place; FALSE if the line has no colon. */
static gboolean split_line(char *line, char **key, char **value)
{
	char *colon = strchr(line, ':');

	if (!colon)
		return FALSE;
	*colon = '\0';
	*key = g_strstrip(line);
	*value = g_strstrip(colon + 1);
	return TRUE;
}

static JsonNode *node_of_int(gint64 value)
{
	return json_node_init_int(json_node_alloc(), value);
}

static JsonNode *node_of_string(const char *value)
{
	g_autofree char *valid = g_utf8_make_valid(value, -1);

	return json_node_init_string(json_node_alloc(), valid);
}

static void set_member(JsonObject *object, const char *key, JsonNode *value)
{
	g_autofree char *valid = g_utf8_make_valid(key, -1);

	json_object_set_member(object, valid, value);
}

/* "2014168 kB" in bytes, "12" as it is; -1 if it is neither. */
static gint64 meminfo_value(const char *text)
{
	char *unit;
	guint64 value;

	if (!g_ascii_isdigit(*text))
		return -1;
	value = g_ascii_strtoull(text, &unit, 10);
	if (value > G_MAXINT64 / 1024)
		return -1;
	if (!strcmp(unit, " kB"))
		return value * 1024;
	return *unit ? -1 : (gint64)value;
}

static gboolean add_meminfo_line(JsonObject *object, char *line)
{
	char *key, *text;
	gint64 value;

	if (!split_line(line, &key, &text))
		return FALSE;
	value = meminfo_value(text);
	if (value < 0)
		return FALSE;
	set_member(object, key, node_of_int(value));
	return TRUE;
}

JsonNode *proctext_meminfo(const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	g_autoptr(JsonObject) object = json_object_new();

	for (char **line = lines; *line; line++)
		if (**line && !add_meminfo_line(object, *line))
			return NULL;
	if (!json_object_get_size(object))
		return NULL;
	return json_node_init_object(json_node_alloc(), object);
}

static const char *const int_keys[] = {
	"processor", "cpu family", "model", "stepping", "physical id", "siblings",
	"core id", "cpu cores", "apicid", "initial apicid", "cpuid level",
	"clflush size", "cache_alignment", NULL,
};
static const char *const double_keys[] = { "cpu MHz", "bogomips", NULL };
static const char *const bool_keys[] = { "fpu", "fpu_exception", "wp", NULL };
static const char *const list_keys[] = { "flags", "vmx flags", "bugs", NULL };

static JsonNode *node_of_list(const char *text)
{
	g_auto(GStrv) words = g_strsplit(text, " ", -1);
	g_autoptr(JsonArray) array = json_array_new();

	for (char **word = words; *word; word++)
		if (**word)
			json_array_add_element(array, node_of_string(*word));
	return json_node_init_array(json_node_alloc(), array);
}

/* A number that is none (as "unknown") is null: the key keeps its type. */
static JsonNode *node_of_int_text(const char *text)
{
	gint64 value;

	if (!g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64, &value, NULL))
		return json_node_init_null(json_node_alloc());
	return node_of_int(value);
}

static JsonNode *node_of_double_text(const char *text)
{
	char *end;
	double value = g_ascii_strtod(text, &end);

	/* JSON has no infinity and no NaN, which start with letters. */
	if (!g_ascii_isdigit(*text) || *end || value > G_MAXDOUBLE)
		return json_node_init_null(json_node_alloc());
	return json_node_init_double(json_node_alloc(), value);
}

static JsonNode *cpuinfo_value(const char *key, const char *text)
{
	if (g_strv_contains(int_keys, key))
		return node_of_int_text(text);
	if (g_strv_contains(double_keys, key))
		return node_of_double_text(text);
	if (g_strv_contains(bool_keys, key))
		return json_node_init_boolean(json_node_alloc(), !strcmp(text, "yes"));
	if (g_strv_contains(list_keys, key))
		return node_of_list(text);
	return node_of_string(text);
}

static gboolean add_cpuinfo_line(JsonObject *cpu, char *line)
{
	char *key, *text;

	if (!split_line(line, &key, &text))
		return FALSE;
	set_member(cpu, key, cpuinfo_value(key, text));
	return TRUE;
}

/* The lines of one CPU; an empty line follows. */
static gboolean add_cpuinfo_cpu(JsonArray *cpus, const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	g_autoptr(JsonObject) cpu = json_object_new();

	for (char **line = lines; *line; line++)
		if (**line && !add_cpuinfo_line(cpu, *line))
			return FALSE;
	if (json_object_get_size(cpu))
		json_array_add_object_element(cpus, g_steal_pointer(&cpu));
	return TRUE;
}

JsonNode *proctext_cpuinfo(const char *text)
{
	g_auto(GStrv) blocks = g_strsplit(text, "\n\n", -1);
	g_autoptr(JsonArray) cpus = json_array_new();

	for (char **block = blocks; *block; block++)
		if (!add_cpuinfo_cpu(cpus, *block))
			return NULL;
	if (!json_array_get_length(cpus))
		return NULL;
	return json_node_init_array(json_node_alloc(), cpus);
}

/* "0.20 0.18 0.12 1/80 11206" */
#define LOADAVG "^([0-9]+\\.[0-9]+) ([0-9]+\\.[0-9]+) ([0-9]+\\.[0-9]+) " \
		"([0-9]{1,10})/([0-9]{1,10}) ([0-9]{1,10})\n?$"

JsonNode *proctext_loadavg(const char *text)
{
	static const char *const names[] = {
		"load1", "load5", "load15", "running", "total", "last_pid",
	};
	g_autoptr(GRegex) regex = g_regex_new(LOADAVG, G_REGEX_DOLLAR_ENDONLY, 0, NULL);
	g_autoptr(GMatchInfo) match = NULL;
	g_autoptr(JsonObject) object = json_object_new();

	if (!g_utf8_validate(text, -1, NULL) || !g_regex_match(regex, text, 0, &match))
		return NULL;

	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *field = g_match_info_fetch(match, i + 1);

		json_object_set_member(object, names[i],
				       i < 3 ? node_of_double_text(field)
					     : node_of_int_text(field));
	}
	return json_node_init_object(json_node_alloc(), object);
}
