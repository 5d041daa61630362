// SPDX-License-Identifier: GPL-2.0-only
/*
 * cpu_loop SLICES PARITY - counts in so many slices of 100 ms, and prints the
 * iterations per millisecond of each.  What a user program gets of a guest's CPU.
 *
 * Each slice starts in a time slot of its own: an even one for parity 0, an odd
 * one for parity 1.  So two guests, whose clocks are the host's, take turns.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CHUNK		5000	/* iterations between two looks at the clock */
#define SLICE_NS	100000000ull
#define SLOT_NS		200000000ull	/* room for a slice that starts late */

static uint64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* Sleeps until a quarter of the next slot of that parity is over. */
static void await_slot(unsigned int parity)
{
	uint64_t slot = now_ns(CLOCK_REALTIME) / SLOT_NS + 1, start;
	struct timespec t;

	start = (slot + ((slot ^ parity) & 1)) * SLOT_NS + SLOT_NS / 4;
	t.tv_sec = start / 1000000000;
	t.tv_nsec = start % 1000000000;
	clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL);
}

static double measure_slice(void)
{
	uint64_t start = now_ns(CLOCK_MONOTONIC), now, chunks = 0;

	do {
		for (volatile int i = 0; i < CHUNK; i++)
			;
		chunks++;
		now = now_ns(CLOCK_MONOTONIC);
	} while (now - start < SLICE_NS);
	return chunks * CHUNK * 1e6 / (now - start);
}

int main(int argc, char **argv)
{
	int slices = argc == 3 ? atoi(argv[1]) : 0;
	int parity = argc == 3 ? atoi(argv[2]) : 2;

	if (slices <= 0 || parity < 0 || parity > 1) {
		fprintf(stderr, "usage: cpu_loop SLICES 0|1\n");
		return 2;
	}
	while (slices--) {
		await_slot(parity);
		printf("%.1f\n", measure_slice());
	}
	return 0;
}
