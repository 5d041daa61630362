// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lines on the first serial port, and the functions that the compiler expects to be there.
 */
#include "bare.h"

#define COM1			0x3f8
#define COM_LINE_STATUS		5
#define COM_TRANSMIT_EMPTY	0x20

/* Held for a line, so that two CPUs' are not mixed. */
static bool console_lock;

static void put(char c)
{
	while (!(inb(COM1 + COM_LINE_STATUS) & COM_TRANSMIT_EMPTY))
		cpu_relax();
	outb(COM1, c);
}

static void put_text(const char *text)
{
	while (*text)
		put(*text++);
}

static void put_number(long number)
{
	char digits[sizeof(number) * 3];
	unsigned long rest = number;
	size_t n = 0;

	if (number < 0) {
		put('-');
		rest = -rest;
	}
	do
		digits[n++] = '0' + rest % 10;
	while (rest /= 10);
	while (n)
		put(digits[--n]);
}

static void put_line(const char *prefix, const char *text, const long *number)
{
	spin_lock(&console_lock);
	put_text(prefix);
	put_text(text);
	if (number) {
		put(' ');
		put_number(*number);
	}
	put_text("\r\n");
	spin_unlock(&console_lock);
}

void say(const char *text)
{
	put_line("bare: ", text, NULL);
}

void say_number(const char *what, long number)
{
	put_line("bare: ", what, &number);
}

void say_numbers(const char *text, const long *numbers)
{
	spin_lock(&console_lock);
	for (; *text; text++) {
		if (*text == '%')
			put_number(*numbers++);
		else
			put(*text);
	}
	put_text("\r\n");
	spin_unlock(&console_lock);
}

void fail(const char *what, long number)
{
	put_line("bare: FAILED: ", what, &number);
	for (;;)
		__asm__ __volatile__("cli; hlt");
}

void *memcpy(void *to, const void *from, size_t size)
{
	void *at = to;

	__asm__ __volatile__("rep movsb" : "+D"(at), "+S"(from), "+c"(size) : : "memory");
	return to;
}

void *memset(void *at, int byte, size_t size)
{
	void *to = at;

	__asm__ __volatile__("rep stosb" : "+D"(to), "+c"(size) : "a"(byte) : "memory");
	return at;
}

int memcmp(const void *a, const void *b, size_t size)
{
	const uint8_t *x = a, *y = b;

	for (; size; size--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}
