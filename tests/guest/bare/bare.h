/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest without an operating system, written from docs/abi.rst alone.
 */
#ifndef BARE_H
#define BARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/vmrpc.h>

#define __noreturn	__attribute__((noreturn))
#define __packed	__attribute__((packed))
#define __aligned(n)	__attribute__((aligned(n)))

/* Of entry.S and link.ld. */
extern const uint8_t exception_stubs[], nmi[], timer[], trampoline[], trampoline_end[];
extern const uint8_t image_start[], image_end[];

/* Called by entry.S. */
void __noreturn cpu_start(uint32_t number, uint32_t start_info);
void __noreturn exception_fail(long vector);

static inline void cpu_relax(void)
{
	__asm__ __volatile__("pause" : : : "memory");
}

struct cpuid {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(uint32_t leaf)
{
	struct cpuid c;

	__asm__ __volatile__("cpuid" : "=a"(c.eax), "=b"(c.ebx), "=c"(c.ecx), "=d"(c.edx)
			     : "a"(leaf), "c"(0));
	return c;
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t value;

	__asm__ __volatile__("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline void outb(uint16_t port, uint8_t value)
{
	__asm__ __volatile__("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline void spin_lock(bool *lock)
{
	while (__atomic_test_and_set(lock, __ATOMIC_ACQUIRE))
		cpu_relax();
}

static inline void spin_unlock(bool *lock)
{
	__atomic_clear(lock, __ATOMIC_RELEASE);
}

/* console.c: lines on COM1, and what the compiler takes from a C library */
void say(const char *text);
void say_number(const char *what, long number);
void say_numbers(const char *text, const long *numbers);	/* each % is the next one */
void __noreturn fail(const char *what, long number);
void *memcpy(void *to, const void *from, size_t size);
void *memset(void *at, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);

/* machine.c: what a PC has */
void machine_init(uint32_t start_info);
void machine_cpu_init(void);
void machine_start_second_cpu(void);
void machine_start_timer(uint32_t us);
unsigned long machine_option(const char *name, unsigned long otherwise);
uint32_t machine_random(void);
uint64_t machine_memory(void);
uint64_t machine_uptime_ms(void);
uint32_t machine_cpus(void);

/* host.c: calls to the host */
uint32_t host_discover(void);
void host_self_test(void);
long hypercall(unsigned long op, unsigned long rcx, unsigned long rdx, const void *rsi,
	       unsigned long *result);

/* channel.c, server.c: calls from the host */
struct call {
	struct vmrpc_request request;	/* a copy */
	const uint8_t *arg;		/* in the channel, arg_size bytes: read once */
	uint8_t *res;			/* in the channel, res_max bytes */
	uint32_t res_size;
};

void __noreturn channel_serve(void);
uint32_t server_call(struct call *call);

#endif /* BARE_H */
