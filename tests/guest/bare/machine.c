// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine under the guest: memory and options as the PVH loader tells them, the TSC,
 * exceptions (which end everything but the NMI), the second CPU, and a timer for who wants it.
 */
#include "bare.h"

#define PVH_MAGIC		0x336ec578
#define PVH_MEMORY_RAM		1

struct pvh_start_info {
	uint32_t magic, version, flags, modules;
	uint64_t module_list, command_line, rsdp;
	uint64_t memory_map;		/* this and the rest since version 1 */
	uint32_t memory_map_entries, reserved;
};

struct pvh_memory {
	uint64_t address, size;
	uint32_t type, reserved;
};

#define EXCEPTIONS		32
#define EXCEPTION_NMI		2
#define INTERRUPT_TIMER		EXCEPTIONS
#define EXCEPTION_STUB		8		/* bytes, entry.S */
#define INTERRUPT_GATE		0x8e00

struct gate {
	uint16_t offset_low, selector, type, offset_high;
#ifdef __x86_64__
	uint32_t offset_upper, reserved;
#endif
};

#define MSR_APIC_BASE		0x1b
#define APIC_BASE_X2APIC	0x400
#define APIC_SPURIOUS		0xf0
#define APIC_ENABLED		0x100
#define APIC_ICR		0x300
#define APIC_TIMER		0x320
#define APIC_TIMER_PERIODIC	0x20000
#define APIC_LINT0		0x350
#define APIC_MASKED		0x10000
#define APIC_TIMER_COUNT	0x380
#define APIC_TIMER_DIVIDE	0x3e0
#define APIC_DIVIDE_BY_1	0xb
#define APIC_TICKS_PER_US	1000		/* KVM's */
#define ICR_INIT		0x000c4500	/* to all but this CPU */
#define ICR_STARTUP		0x000c4600
#define TRAMPOLINE		0x8000		/* of RAM that nobody else uses */

#define PIC_MASK_1		0x21
#define PIC_MASK_2		0xa1

#define PIT_GATE		0x61
#define PIT_COUNTER_2		0x42
#define PIT_COMMAND		0x43
#define PIT_TICKS_PER_10_MS	11932

#define CPUID_TSC		0x15
#define CPUID_HYPERVISOR	0x40000000
#define CPUID_HYPERVISOR_TSC	0x40000010	/* EAX: kHz */

static struct gate idt[EXCEPTIONS + 1];
static const char *command_line = "";
static uint64_t memory_bytes, tsc_start;
static uint32_t tsc_khz, cpus;

static uint64_t rdtsc(void)
{
	uint32_t low, high;

	__asm__ __volatile__("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

/* A 32-bit compiler would take this from its library. */
static uint64_t divide(uint64_t number, uint32_t by)
{
	uint32_t low = number, high = number >> 32, rest = high % by;

	__asm__("divl %2" : "+a"(low), "+d"(rest) : "r"(by));
	return (uint64_t)(high / by) << 32 | low;
}

static uint32_t tsc_frequency(void)
{
	struct cpuid tsc;

	if (cpuid(CPUID_HYPERVISOR).eax >= CPUID_HYPERVISOR_TSC)
		return cpuid(CPUID_HYPERVISOR_TSC).eax;
	if (cpuid(0).eax < CPUID_TSC)
		return 0;
	tsc = cpuid(CPUID_TSC);
	return tsc.eax ? divide((uint64_t)(tsc.ecx / 1000) * tsc.ebx, tsc.eax) : 0;
}

static void start_info_read(const struct pvh_start_info *info)
{
	const struct pvh_memory *memory = (void *)(uintptr_t)info->memory_map;

	if (info->magic != PVH_MAGIC || info->version < 1)
		fail("no PVH start info with a memory map, version", info->version);
	if (info->command_line)
		command_line = (void *)(uintptr_t)info->command_line;
	for (uint32_t i = 0; i < info->memory_map_entries; i++)
		if (memory[i].type == PVH_MEMORY_RAM)
			memory_bytes += memory[i].size;
}

static void gate_init(struct gate *gate, const uint8_t *code)
{
	__asm__("mov %%cs, %0" : "=r"(gate->selector));
	gate->type = INTERRUPT_GATE;
	gate->offset_low = (uintptr_t)code;
	gate->offset_high = (uintptr_t)code >> 16;	/* we are below 4 GiB */
}

static void exceptions_init(void)
{
	for (unsigned int i = 0; i < EXCEPTIONS; i++)
		gate_init(&idt[i], exception_stubs + i * EXCEPTION_STUB);
	gate_init(&idt[EXCEPTION_NMI], nmi);
	gate_init(&idt[INTERRUPT_TIMER], timer);
}

void exception_fail(long vector)
{
	fail("exception", vector);
}

void machine_cpu_init(void)
{
	struct {
		uint16_t limit;
		uintptr_t base;
	} __packed pointer = { sizeof(idt) - 1, (uintptr_t)idt };

	__asm__ __volatile__("lidt %0" : : "m"(pointer));
	__atomic_fetch_add(&cpus, 1, __ATOMIC_RELAXED);
}

void machine_init(uint32_t start_info)
{
	tsc_start = rdtsc();
	tsc_khz = tsc_frequency();
	exceptions_init();
	machine_cpu_init();
	start_info_read((void *)(uintptr_t)start_info);
}

static void wait_10_ms(void)
{
	outb(PIT_GATE, (inb(PIT_GATE) & ~2) | 1);	/* counter 2 runs, the speaker is off */
	outb(PIT_COMMAND, 0xb0);			/* counter 2, both bytes, one shot */
	outb(PIT_COUNTER_2, PIT_TICKS_PER_10_MS & 0xff);
	outb(PIT_COUNTER_2, PIT_TICKS_PER_10_MS >> 8);
	while (!(inb(PIT_GATE) & 0x20))
		cpu_relax();
}

/* A register of the local APIC. */
static volatile uint32_t *apic(uint32_t offset)
{
	uint32_t base, high;

	__asm__ __volatile__("rdmsr" : "=a"(base), "=d"(high) : "c"(MSR_APIC_BASE));
	if (high || base & APIC_BASE_X2APIC)
		fail("the local APIC is not at an address below 4 GiB", base);
	return (void *)(uintptr_t)((base & ~0xfffu) + offset);
}

/*
 * Sent to all others, it needs no table to say whether there are any.  The CPU goes to
 * cpu_start() when it comes; nobody waits for it.
 */
void machine_start_second_cpu(void)
{
	volatile uint32_t *icr = apic(APIC_ICR);

	memcpy((void *)TRAMPOLINE, trampoline, trampoline_end - trampoline);
	*icr = ICR_INIT;
	wait_10_ms();
	*icr = ICR_STARTUP | TRAMPOLINE >> 12;
	wait_10_ms();
	if (machine_cpus() == 1)			/* the first one may get lost */
		*icr = ICR_STARTUP | TRAMPOLINE >> 12;
}

/* On this CPU, which takes interrupts from now on, but none of the old PIC. */
void machine_start_timer(uint32_t us)
{
	outb(PIC_MASK_1, 0xff);
	outb(PIC_MASK_2, 0xff);
	*apic(APIC_LINT0) = APIC_MASKED;
	*apic(APIC_SPURIOUS) = APIC_ENABLED | INTERRUPT_TIMER;
	*apic(APIC_TIMER) = APIC_TIMER_PERIODIC | INTERRUPT_TIMER;
	*apic(APIC_TIMER_DIVIDE) = APIC_DIVIDE_BY_1;
	*apic(APIC_TIMER_COUNT) = us * APIC_TICKS_PER_US;
	__asm__ __volatile__("sti");
}

static size_t length(const char *text)
{
	size_t n = 0;

	while (text[n])
		n++;
	return n;
}

/* The number after "NAME=" on the kernel's command line. */
unsigned long machine_option(const char *name, unsigned long otherwise)
{
	size_t size = length(name);
	unsigned long value = 0;

	for (const char *at = command_line; *at; at++) {
		if (length(at) <= size || memcmp(at, name, size) || at[size] != '=' ||
		    (at > command_line && at[-1] != ' '))
			continue;
		for (at += size + 1; *at >= '0' && *at <= '9'; at++)
			value = value * 10 + (*at - '0');
		return value;
	}
	return otherwise;
}

/* Another one each time. */
uint32_t machine_random(void)
{
	return rdtsc();
}

uint64_t machine_memory(void)
{
	return memory_bytes;
}

uint64_t machine_uptime_ms(void)
{
	return tsc_khz ? divide(rdtsc() - tsc_start, tsc_khz) : 0;
}

uint32_t machine_cpus(void)
{
	return __atomic_load_n(&cpus, __ATOMIC_RELAXED);
}
