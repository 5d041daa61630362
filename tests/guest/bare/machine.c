// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine under the guest: memory as the PVH loader tells it, the TSC, exceptions
 * (which end everything but the NMI), and the second CPU.
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
#define APIC_ICR		0x300
#define ICR_INIT		0x000c4500	/* to all but this CPU */
#define ICR_STARTUP		0x000c4600
#define TRAMPOLINE		0x8000		/* of RAM that nobody else uses */

#define PIT_GATE		0x61
#define PIT_COUNTER_2		0x42
#define PIT_COMMAND		0x43
#define PIT_TICKS_PER_10_MS	11932

#define CPUID_TSC		0x15
#define CPUID_HYPERVISOR	0x40000000
#define CPUID_HYPERVISOR_TSC	0x40000010	/* EAX: kHz */

static struct gate idt[EXCEPTIONS];
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

static void memory_init(const struct pvh_start_info *info)
{
	const struct pvh_memory *memory = (void *)(uintptr_t)info->memory_map;

	if (info->magic != PVH_MAGIC || info->version < 1)
		fail("no PVH start info with a memory map, version", info->version);
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
	memory_init((void *)(uintptr_t)start_info);
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

/*
 * Sent to all others, it needs no table to say whether there are any.  The CPU goes to
 * cpu_start() when it comes; nobody waits for it.
 */
void machine_start_second_cpu(void)
{
	volatile uint32_t *icr;
	uint32_t base, high;

	__asm__ __volatile__("rdmsr" : "=a"(base), "=d"(high) : "c"(MSR_APIC_BASE));
	if (high || base & APIC_BASE_X2APIC)
		fail("the local APIC is not at an address below 4 GiB", base);
	icr = (void *)(uintptr_t)((base & ~0xfffu) + APIC_ICR);
	memcpy((void *)TRAMPOLINE, trampoline, trampoline_end - trampoline);
	*icr = ICR_INIT;
	wait_10_ms();
	*icr = ICR_STARTUP | TRAMPOLINE >> 12;
	wait_10_ms();
	if (machine_cpus() == 1)			/* the first one may get lost */
		*icr = ICR_STARTUP | TRAMPOLINE >> 12;
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
