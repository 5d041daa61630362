// SPDX-License-Identifier: GPL-2.0-only
/*
 * `vmrpc ping VM`: module "echo" of the guest, again and again.  A call that the
 * guest does not answer in time is lost, and the next is made; any other error
 * ends it.  Whatever ends it, the summary is printed.  With --depth several calls
 * are under way at once.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "latency.h"
#include "output.h"
#include "report.h"

#define SIZE_DEFAULT	16
#define DEPTH_MAX	64

static int option_count = 100;
static int option_interval = 10;
static int option_size = SIZE_DEFAULT;
static int option_depth = 1;
static gboolean option_verbose;

static const GOptionEntry options[] = {
	{ "count", 'c', 0, G_OPTION_ARG_INT, &option_count,
	  "Calls to make (default 100); 0: until interrupted", "N" },
	{ "depth", 'd', 0, G_OPTION_ARG_INT, &option_depth,
	  "Calls under way at once (default 1, at most 64)", "N" },
	{ "interval", 'i', 0, G_OPTION_ARG_INT, &option_interval,
	  "Wait between calls, in milliseconds (default 10)", "MS" },
	{ "size", 's', 0, G_OPTION_ARG_INT, &option_size,
	  "Bytes to send and get back (default 16, less than 67108864)", "BYTES" },
	{ "verbose", 'v', 0, G_OPTION_ARG_NONE, &option_verbose,
	  "Tell each reply", NULL },
	{}
};

struct ping {
	const char *name;
	struct vmrpc *vm;
	gint64 transmitted;		/* and ended */
	gint64 begun;			/* with --depth */
	gint64 under_way;
	GArray *times;			/* ns, of each reply, in order */
	int error;			/* of the last call that failed */
	int reason;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int signal G_GNUC_UNUSED)
{
	interrupted = 1;
}

/* The call in flight is to end by it, so no SA_RESTART; a second one kills. */
static void catch_signals(void)
{
	struct sigaction action = {
		.sa_handler = on_signal,
		.sa_flags = SA_RESETHAND,
	};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static gint64 now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * G_GINT64_CONSTANT(1000000000) + now.tv_nsec;
}

/* Different in each call, so that an old answer is noticed. */
static void fill_payload(guchar *payload, gint64 sequence)
{
	for (int i = 0; i < option_size; i++)
		payload[i] = (guchar)(sequence * 31 + i);
}

static void tell_reply(const struct ping *ping, gint64 time)
{
	if (option_verbose && !option_json)
		printf("%d bytes from %s: call %" G_GINT64_FORMAT ", %.1f us\n",
		       option_size, ping->name, ping->transmitted, time / 1e3);
}

static void tell_loss(const struct ping *ping)
{
	if (option_verbose && !option_json)
		printf("%s: call %" G_GINT64_FORMAT ": %s\n", ping->name,
		       ping->transmitted, vmrpc_strerror(ping->error));
}

/* A call ended, after @time.  FALSE: the last one. */
static gboolean ping_ended(struct ping *ping, int err, int reason, gint64 time)
{
	if (err == VMRPC_ERR_INTERRUPTED && interrupted)
		return FALSE;			/* neither answered nor lost */

	ping->transmitted++;
	if (!err) {
		g_array_append_val(ping->times, time);
		tell_reply(ping, time);
		return TRUE;
	}
	ping->error = err;
	ping->reason = reason;
	tell_loss(ping);
	return err == VMRPC_ERR_TIMEOUT;
}

static gboolean ping_once(struct ping *ping)
{
	g_autofree guchar *payload = g_malloc(option_size);
	gint64 start;
	int err;

	fill_payload(payload, ping->transmitted);
	start = now_ns();
	err = vmrpc_echo(ping->vm, payload, option_size, option_timeout_ms);
	return ping_ended(ping, err, errno, now_ns() - start);
}

static void pause_ms(int milliseconds)
{
	struct timespec time = {
		.tv_sec = milliseconds / 1000,
		.tv_nsec = milliseconds % 1000 * 1000000L,
	};

	nanosleep(&time, NULL);
}

static void ping_run(struct ping *ping)
{
	while (!interrupted && ping_once(ping)) {
		if (option_count && ping->transmitted >= option_count)
			return;
		if (!interrupted && option_interval)
			pause_ms(option_interval);
	}
}

/* One of several calls under way. */
struct flight {
	gint64 start;
	guchar *payload;
	guchar *answer;
};

static gboolean flight_start(struct ping *ping, struct flight *flights, guint64 number)
{
	struct flight *flight = &flights[number];
	int err;

	fill_payload(flight->payload, ping->begun);
	flight->start = now_ns();
	err = vmrpc_submit(ping->vm, VMRPC_ECHO_MODULE, VMRPC_ECHO_ECHO, flight->payload,
			   option_size, option_timeout_ms, flight->answer, option_size, number);
	if (err)
		return ping_ended(ping, err, errno, 0);
	ping->begun++;
	ping->under_way++;
	return TRUE;
}

static gboolean flight_end(struct ping *ping, const struct flight *flights,
			   const struct vmrpc_reply *reply)
{
	const struct flight *flight = &flights[reply->id];
	gint64 time = now_ns() - flight->start;

	ping->under_way--;
	if (!reply->error && (reply->res_size != (size_t)option_size ||
			      memcmp(flight->answer, flight->payload, option_size)))
		return ping_ended(ping, VMRPC_ERR_PROTOCOL, EPROTO, time);
	return ping_ended(ping, reply->error, reply->reason, time);
}

static gboolean ping_may_begin(const struct ping *ping)
{
	return !interrupted && (!option_count || ping->begun < option_count);
}

/* Reaps what there is, at least one, and starts as many. */
static gboolean ping_turn(struct ping *ping, struct flight *flights)
{
	struct vmrpc_reply replies[DEPTH_MAX];
	size_t count = DEPTH_MAX;
	int err;

	err = vmrpc_reap(ping->vm, replies, &count, -1);
	if (err)
		return ping_ended(ping, err, errno, 0);
	for (size_t i = 0; i < count; i++) {
		if (!flight_end(ping, flights, &replies[i]))
			return FALSE;
		if (!ping_may_begin(ping))
			continue;
		if (option_interval)
			pause_ms(option_interval);
		if (!flight_start(ping, flights, replies[i].id))
			return FALSE;
	}
	return TRUE;
}

static void ping_run_deep(struct ping *ping)
{
	g_autofree struct flight *flights = g_new(struct flight, option_depth);
	g_autofree guchar *bytes = g_malloc_n(2 * option_depth, option_size);

	for (int i = 0; i < option_depth; i++) {
		flights[i].payload = bytes + (gsize)option_size * 2 * i;
		flights[i].answer = flights[i].payload + option_size;
	}
	for (int i = 0; i < option_depth && ping_may_begin(ping); i++)
		if (!flight_start(ping, flights, i))
			return;
	while (!interrupted && ping->under_way && ping_turn(ping, flights))
		;
}

static void build_latency(JsonBuilder *builder, const struct latency *latency)
{
	json_builder_set_member_name(builder, "latency_ns");
	json_builder_begin_object(builder);
	build_int(builder, "min", latency->min);
	build_int(builder, "p50", latency->p50);
	build_int(builder, "p90", latency->p90);
	build_int(builder, "p99", latency->p99);
	build_int(builder, "max", latency->max);
	json_builder_end_object(builder);
}

/* Before the summary, which sorts them. */
static void build_replies(JsonBuilder *builder, const struct ping *ping)
{
	json_builder_set_member_name(builder, "replies_ns");
	json_builder_begin_array(builder);
	for (guint i = 0; i < ping->times->len; i++)
		json_builder_add_int_value(builder, g_array_index(ping->times, gint64, i));
	json_builder_end_array(builder);
}

static void print_summary_json(struct ping *ping)
{
	g_autoptr(JsonBuilder) builder = json_builder_new();
	struct latency latency;

	json_builder_begin_object(builder);
	build_string(builder, "name", ping->name);
	build_int(builder, "size", option_size);
	build_int(builder, "transmitted", ping->transmitted);
	build_int(builder, "received", ping->times->len);
	if (option_verbose)
		build_replies(builder, ping);
	if (ping->times->len) {
		latency = latency_summary(ping->times);
		build_latency(builder, &latency);
	}
	if (ping->error) {
		g_autofree char *message = describe(ping->error, ping->reason, ping->name,
						    VMRPC_ECHO_MODULE);

		json_builder_set_member_name(builder, "error");
		build_error(builder, ping->error, message);
	}
	json_builder_end_object(builder);
	print_json(builder);
}

static void print_summary(struct ping *ping)
{
	struct latency latency;

	printf("%" G_GINT64_FORMAT " transmitted, %u received\n", ping->transmitted,
	       ping->times->len);
	if (!ping->times->len)
		return;
	latency = latency_summary(ping->times);
	printf("min/p50/p90/p99/max = %.1f/%.1f/%.1f/%.1f/%.1f us\n", latency.min / 1e3,
	       latency.p50 / 1e3, latency.p90 / 1e3, latency.p99 / 1e3, latency.max / 1e3);
}

static enum status ping_finish(struct ping *ping)
{
	if (option_json)
		print_summary_json(ping);
	else
		print_summary(ping);
	if (!ping->error)
		return STATUS_OK;

	fflush(stdout);
	return fail_aside(ping->error, ping->reason, ping->name, VMRPC_ECHO_MODULE);
}

static enum status check_options(void)
{
	if (option_count < 0)
		return fail_usage("--count: must not be negative");
	if (option_interval < 0)
		return fail_usage("--interval: must not be negative");
	if (option_depth < 1 || option_depth > DEPTH_MAX)
		return fail_usage("--depth: must be from 1 to %d", DEPTH_MAX);
	if (option_size < 0 || option_size >= (int)VMRPC_MAX_BULK)
		return fail_usage("--size: must be from 0 to %u", VMRPC_MAX_BULK - 1);
	return STATUS_OK;
}

static enum status run(int argc G_GNUC_UNUSED, char **argv)
{
	struct ping ping = { .name = argv[0] };
	enum status status;
	int err;

	status = check_options();
	if (status)
		return status;
	err = vmrpc_open(ping.name, &ping.vm);
	if (err)
		return fail(err, ping.name, NULL);

	ping.times = g_array_new(FALSE, FALSE, sizeof(gint64));
	catch_signals();
	if (option_depth > 1)
		ping_run_deep(&ping);
	else
		ping_run(&ping);
	vmrpc_close(ping.vm);
	status = ping_finish(&ping);
	g_array_unref(ping.times);
	return status;
}

const struct command ping_command = {
	.name = "ping",
	.parameters = "VM",
	.summary = "Measure how long the guest takes to answer",
	.description = "Ctrl-C ends it with the summary. Exit status 0: every call was answered.",
	.options = options,
	.parameters_min = 1,
	.parameters_max = 1,
	.run = run,
};
