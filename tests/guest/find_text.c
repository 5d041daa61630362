// SPDX-License-Identifier: GPL-2.0-only
/*
 * find_text TEXT < FILE - how often the text is there; the file may be larger than memory, and binary.
 * Exit status: 0, 2 wrong usage, or it cannot be read.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char buffer[1 << 20];

static unsigned long count(const char *text, size_t size, size_t have)
{
	const char *at = buffer, *end = buffer + have;
	unsigned long found = 0;

	while ((at = memmem(at, end - at, text, size))) {
		found++;
		at += size;
	}
	return found;
}

int main(int argc, char **argv)
{
	size_t size = argc == 2 ? strlen(argv[1]) : 0, have = 0;
	unsigned long found = 0;
	ssize_t got = 0;

	if (!size || size > sizeof(buffer) / 2) {
		fprintf(stderr, "usage: find_text TEXT < FILE\n");
		return 2;
	}
	while ((got = read(STDIN_FILENO, buffer + have, sizeof(buffer) - have)) > 0) {
		have += got;
		found += count(argv[1], size, have);
		/* What may go on in what comes next is too short to be found by itself. */
		if (have >= size) {
			memmove(buffer, buffer + have - (size - 1), size - 1);
			have = size - 1;
		}
	}
	if (got) {
		perror("find_text: read");
		return 2;
	}
	printf("%lu\n", found);
	return 0;
}
