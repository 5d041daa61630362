// SPDX-License-Identifier: GPL-2.0-only
/* latency.c: percentiles by nearest rank. */
#include "latency.h"

static struct latency summary_of(gint64 count)
{
	g_autoptr(GArray) samples = g_array_new(FALSE, FALSE, sizeof(gint64));

	for (gint64 value = count; value > 0; value--)
		g_array_append_val(samples, value);
	return latency_summary(samples);
}

static void test_none_is_zero(void)
{
	struct latency latency = summary_of(0);

	g_assert_cmpint(latency.min, ==, 0);
	g_assert_cmpint(latency.max, ==, 0);
}

static void test_one_is_all(void)
{
	struct latency latency = summary_of(1);

	g_assert_cmpint(latency.min, ==, 1);
	g_assert_cmpint(latency.p50, ==, 1);
	g_assert_cmpint(latency.p99, ==, 1);
	g_assert_cmpint(latency.max, ==, 1);
}

static void test_hundred_are_their_ranks(void)
{
	struct latency latency = summary_of(100);

	g_assert_cmpint(latency.min, ==, 1);
	g_assert_cmpint(latency.p50, ==, 50);
	g_assert_cmpint(latency.p90, ==, 90);
	g_assert_cmpint(latency.p99, ==, 99);
	g_assert_cmpint(latency.max, ==, 100);
}

static void test_few_round_up(void)
{
	struct latency latency = summary_of(3);

	g_assert_cmpint(latency.p50, ==, 2);
	g_assert_cmpint(latency.p90, ==, 3);
	g_assert_cmpint(latency.p99, ==, 3);
}

#define ADD(name) g_test_add_func("/latency/" #name, test_##name)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD(none_is_zero);
	ADD(one_is_all);
	ADD(hundred_are_their_ranks);
	ADD(few_round_up);
	return g_test_run();
}
