// SPDX-License-Identifier: GPL-2.0-only
/* count FILE: loops for ever, and now and then writes to FILE how far it came. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	volatile unsigned long count = 0;
	char text[32];
	int fd, size;

	if (argc != 2) {
		fputs("usage: count FILE\n", stderr);
		return 2;
	}
	fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0) {
		perror(argv[1]);
		return 1;
	}
	for (;;) {
		if (++count % 1000000)
			continue;
		size = snprintf(text, sizeof(text), "%lu\n", count);
		if (pwrite(fd, text, size, 0) != size)
			return 1;
	}
}
