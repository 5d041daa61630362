// SPDX-License-Identifier: GPL-2.0-only
/*
 * mem_touch [-h] MIB - writes to each page of so much new memory, as one who needs it does, and
 * prints how long that took in ms.  -h: by huge pages
 * mem_touch -l MIB - touches huge pages, and prints how long each took in us.
 *
 * It has none of it when it has ended.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define PAGE		4096
#define HUGE_PAGE	(2u << 20)

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static volatile char *map(size_t size)
{
	char *memory = mmap(NULL, size + HUGE_PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED) {
		perror("mem_touch");
		exit(1);
	}
	return (char *)(((uintptr_t)memory + HUGE_PAGE - 1) & -(uintptr_t)HUGE_PAGE);
}

static void want_huge(volatile char *memory, size_t size)
{
	if (madvise((void *)memory, size, MADV_HUGEPAGE)) {
		perror("mem_touch: huge pages");
		exit(1);
	}
}

static void touch_all(volatile char *memory, size_t size)
{
	uint64_t start = now_ns();

	for (size_t at = 0; at < size; at += PAGE)
		memory[at] = 1;
	printf("%.3f\n", (now_ns() - start) / 1e6);
}

static void touch_each(volatile char *memory, size_t size)
{
	for (size_t at = 0; at < size; at += HUGE_PAGE) {
		uint64_t start = now_ns();

		memory[at] = 1;
		printf("%.3f\n", (now_ns() - start) / 1e3);
	}
}

int main(int argc, char **argv)
{
	bool huge = argc == 3 && !strcmp(argv[1], "-h");
	bool each = argc == 3 && !strcmp(argv[1], "-l");
	size_t size = argc == 2 || huge || each ? strtoull(argv[argc - 1], NULL, 0) << 20 : 0;
	volatile char *memory;

	if (!size) {
		fprintf(stderr, "usage: mem_touch [-h|-l] MIB\n");
		return 2;
	}
	memory = map(size);
	if (huge || each)
		want_huge(memory, size);
	if (each)
		touch_each(memory, size);
	else
		touch_all(memory, size);
	return 0;
}
