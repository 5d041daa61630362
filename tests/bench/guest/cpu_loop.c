// SPDX-License-Identifier: GPL-2.0-only
/*
 * cpu_loop MS SLICES - counts for so many slices of so many milliseconds, and
 * prints the iterations per millisecond of each.  What a user program gets of a
 * guest's CPU.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CHUNK	5000	/* iterations between two looks at the clock */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static double measure_slice(uint64_t ns)
{
	uint64_t start = now_ns(), now, chunks = 0;

	do {
		for (volatile int i = 0; i < CHUNK; i++)
			;
		chunks++;
		now = now_ns();
	} while (now - start < ns);
	return chunks * CHUNK * 1e6 / (now - start);
}

int main(int argc, char **argv)
{
	int ms = argc == 3 ? atoi(argv[1]) : 0;
	int slices = argc == 3 ? atoi(argv[2]) : 0;

	if (ms <= 0 || slices <= 0) {
		fprintf(stderr, "usage: cpu_loop MILLISECONDS SLICES\n");
		return 2;
	}
	while (slices--)
		printf("%.1f\n", measure_slice(ms * 1000000ull));
	return 0;
}
