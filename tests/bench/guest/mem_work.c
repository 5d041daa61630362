// SPDX-License-Identifier: GPL-2.0-only
/*
 * mem_work MIB PASSES - has so much memory, writes to each page of it, and so many times more in an
 * order that no readahead guesses.  Prints how long that took in ms.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define PAGE	4096
#define STRIDE	1000003		/* a prime: every page comes once in a pass */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* No two pages are alike, and none is zero. */
static void fill(uint64_t *memory, size_t pages)
{
	uint64_t x = 88172645463325252ull;

	for (size_t i = 0; i < pages * (PAGE / sizeof(*memory)); i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memory[i] = x;
	}
}

static void touch(uint64_t *memory, size_t pages)
{
	size_t page = 0;

	for (size_t i = 0; i < pages; i++) {
		memory[page * (PAGE / sizeof(*memory))]++;
		page = (page + STRIDE) % pages;
	}
}

int main(int argc, char **argv)
{
	size_t pages = argc == 3 ? strtoul(argv[1], NULL, 0) * 256 : 0;
	uint64_t start = now_ns(), *memory;

	if (!pages || !(pages % STRIDE)) {
		fprintf(stderr, "usage: mem_work MIB PASSES\n");
		return 2;
	}
	memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED) {
		perror("mem_work");
		return 1;
	}
	fill(memory, pages);
	for (unsigned long n = strtoul(argv[2], NULL, 0); n; n--)
		touch(memory, pages);
	printf("%.3f\n", (now_ns() - start) / 1e6);
	return 0;
}
