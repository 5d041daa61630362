// SPDX-License-Identifier: GPL-2.0-only
/*
 * mem_zeros MIB - takes so much memory in huge pages, of each of which it writes one word, says "taken",
 * and when it gets SIGTERM how many words are not what they are to be: all others are zeros.
 * Exit status: 0, 1 there are such words, 2 wrong usage, or no memory.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "wait_for_term.h"

#define HUGE	(2ul << 20)
#define WORDS	(HUGE / sizeof(uint64_t))	/* of a huge page */

int main(int argc, char **argv)
{
	unsigned long words = argc == 2 ? strtoul(argv[1], NULL, 0) / 2 * WORDS : 0, wrong = 0, n;
	uint64_t *memory = aligned_alloc(HUGE, words * sizeof(*memory));

	if (!words || !memory || madvise(memory, words * sizeof(*memory), MADV_HUGEPAGE)) {
		fprintf(stderr, "usage: mem_zeros MIB, with huge pages\n");
		return 2;
	}
	for (n = 0; n < words; n += WORDS)
		memory[n] = n + 1;
	wait_for_term("taken");
	for (n = 0; n < words; n++)
		wrong += memory[n] != (n % WORDS ? 0 : n + 1);
	printf("%lu words wrong\n", wrong);
	return !!wrong;
}
