// SPDX-License-Identifier: GPL-2.0-only
/*
 * mem_verify MIB SECONDS - writes into memory what tells where and when it was written, some words
 * of each page, or of few pages; reads these, and others, which are to be zeros, again and again; gives
 * some back and takes some anew, for so long.
 * Prints what it did; exit status 1 when it read anything else.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define CHUNK		(4ul << 20)
#define WORDS		(CHUNK / sizeof(uint64_t))
#define STEP		(512 / sizeof(uint64_t))
#define FAR		(64 * 1024 / sizeof(uint64_t))
#define REPORTS		10	/* of wrong words, at most */

struct chunk {
	uint64_t *words;	/* NULL: none now */
	uint64_t seed;
	unsigned long step;	/* words from one that is written to the next: STEP or FAR */
};

static uint64_t random_state = 88172645463325252ull;
static unsigned long filled, verified, wrong;

static uint64_t random64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* Of each word another. */
static uint64_t pattern(const struct chunk *chunk, unsigned long n)
{
	return (chunk->seed + n) * 0x9e3779b97f4a7c15ull;
}

static bool fill(struct chunk *chunk)
{
	void *memory = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return false;
	/* Huge pages and small ones. */
	if (random64() % 2)
		madvise(memory, CHUNK, MADV_HUGEPAGE);
	chunk->words = memory;
	chunk->seed = random64();
	chunk->step = random64() % 4 ? STEP : FAR;
	for (unsigned long n = 0; n < WORDS; n += chunk->step)
		chunk->words[n] = pattern(chunk, n);
	filled++;
	return true;
}

static void expect(const uint64_t *word, uint64_t expected)
{
	if (*word != expected && wrong++ < REPORTS)
		printf("%p: %016lx, not %016lx\n", (const void *)word, *word, expected);
}

static void verify(const struct chunk *chunk)
{
	for (unsigned long n = 0; n < WORDS; n += STEP) {
		expect(&chunk->words[n], n % chunk->step ? 0 : pattern(chunk, n));
		expect(&chunk->words[n + STEP / 2], 0);
	}
	verified++;
}

static void give_back(struct chunk *chunk)
{
	munmap(chunk->words, CHUNK);
	chunk->words = NULL;
}

static void verify_all(const struct chunk *chunks, unsigned long count)
{
	for (unsigned long n = 0; n < count; n++)
		if (chunks[n].words)
			verify(&chunks[n]);
}

/* Many at once: while the host takes what was given back, some of it is wanted again. */
static void renew(struct chunk *chunks, unsigned long count)
{
	unsigned long n;

	verify_all(chunks, count);
	for (n = 0; n < count; n++)
		if (chunks[n].words)
			give_back(&chunks[n]);
	for (n = 0; n < count / 4 && fill(&chunks[n]); n++)
		;
	verify_all(chunks, count);
}

int main(int argc, char **argv)
{
	unsigned long count = argc == 3 ? strtoul(argv[1], NULL, 0) / (CHUNK >> 20) : 0;
	time_t end = argc == 3 ? time(NULL) + strtol(argv[2], NULL, 0) : 0;
	struct chunk *chunks = calloc(count ? count : 1, sizeof(*chunks)), *chunk;

	if (!count || !chunks) {
		fprintf(stderr, "usage: mem_verify MIB SECONDS\n");
		return 2;
	}
	while (time(NULL) < end && !wrong) {
		chunk = &chunks[random64() % count];
		if (!chunk->words && !fill(chunk))
			continue;
		verify(chunk);
		if (random64() % 4 == 0)
			give_back(chunk);
		if (random64() % 16 == 0)
			renew(chunks, count);
	}
	verify_all(chunks, count);
	printf("filled %lu, verified %lu chunks of %lu MiB, %lu words wrong\n", filled, verified,
	       CHUNK >> 20, wrong);
	return wrong ? 1 : 0;
}
