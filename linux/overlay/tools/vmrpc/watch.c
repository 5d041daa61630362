// SPDX-License-Identifier: GPL-2.0-only
#include <signal.h>
#include <stdio.h>

#include "watch.h"

#define WATCH_DEFAULT	1	/* seconds */
#define WATCH_MIN	0.1
#define WATCH_MAX	86400

double option_watch;

gboolean watch_parse(const char *option G_GNUC_UNUSED, const char *value,
		     gpointer data G_GNUC_UNUSED, GError **error)
{
	char *end;

	if (!value) {
		option_watch = WATCH_DEFAULT;
		return TRUE;
	}
	option_watch = g_ascii_strtod(value, &end);
	/* Also false for NaN. */
	if (end != value && !*end && option_watch >= WATCH_MIN && option_watch <= WATCH_MAX)
		return TRUE;
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		    "--watch: %s: must be from %g to %d seconds, or nothing; a VM goes before it",
		    value, WATCH_MIN, WATCH_MAX);
	return FALSE;
}

/* They are waited for, so that none is lost between two waits. */
static void block_signals(sigset_t *signals)
{
	sigemptyset(signals);
	sigaddset(signals, SIGINT);
	sigaddset(signals, SIGTERM);
	sigprocmask(SIG_BLOCK, signals, NULL);
}

/* FALSE: a signal ended it. */
static gboolean pause_seconds(const sigset_t *signals, double seconds)
{
	struct timespec time = {
		.tv_sec = (time_t)seconds,
		.tv_nsec = (long)((seconds - (time_t)seconds) * 1e9),
	};

	return sigtimedwait(signals, NULL, &time) < 0;
}

static void print_change(const struct watch *watch, gconstpointer now, gconstpointer before,
			 gint64 microseconds)
{
	watch->print(now, before, MAX(microseconds, 1) / 1e6);
	putchar('\n');
	fflush(stdout);
}

int watch(const struct watch *watch, gconstpointer of)
{
	gint64 time, time_before;
	gpointer now, before;
	sigset_t signals;
	int err;

	block_signals(&signals);
	err = watch->read(of, &before);
	if (err)
		return err;
	time_before = g_get_monotonic_time();
	while (!ferror(stdout) && pause_seconds(&signals, option_watch)) {
		err = watch->read(of, &now);
		if (err)
			break;
		time = g_get_monotonic_time();
		print_change(watch, now, before, time - time_before);
		watch->free(before);
		before = now;
		time_before = time;
	}
	watch->free(before);
	return err;
}
