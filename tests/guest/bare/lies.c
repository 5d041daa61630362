// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a guest that lies makes up: numbers, addresses, and what is written behind the host's
 * back while it reads.
 */
#include "attack.h"

/* In one piece where a register holds it; the volatile keeps it where it is. */
static volatile uint64_t *const words = (void *)(uintptr_t)ARENA;

#ifdef __x86_64__
/*
 * Behind all that is mapped: pages of the arena and other things, each with rights of its
 * own, changed at random while the host walks the tables.  We never look there ourselves.
 */
#define WINDOW		(4ull << 30)
#define WINDOW_PAGES	512

#define PTE_PRESENT	1ull
#define PTE_WRITABLE	2ull
#define PTE_RESERVED	(1ull << 51)	/* beyond any physical address here */
#define PTE_ADDRESS	0x000ffffffffff000ull

static volatile uint64_t window_table[WINDOW_PAGES] __aligned(VMRPC_PAGE_SIZE);
static uint64_t window_directory[512] __aligned(VMRPC_PAGE_SIZE);
#endif

static uint64_t random(struct attacker *a)
{
	a->random ^= a->random << 13;
	a->random ^= a->random >> 7;
	a->random ^= a->random << 17;
	return a->random;
}

uint32_t pick(struct attacker *a, uint32_t below)
{
	return (uint32_t)(random(a) >> 32) % below;
}

/* Often the sensible one, sometimes an extreme one, sometimes any. */
uint64_t number(struct attacker *a, uint64_t sensible)
{
	static const uint64_t extremes[] = {
		0, 1, ~0ull, 1ull << 63, 1ull << 32, 0xffffffff, 0x7fffffff, VMRPC_MAX_ARG,
		VMRPC_MAX_ARG + 1, 4095, 4096, 1ull << 47, (1ull << 47) - 8, ~0ull << 47,
		0xfee00000,	/* the local APIC */
		0xfffff000,	/* firmware */
	};

	switch (pick(a, 8)) {
	case 0:
		return extremes[pick(a, sizeof(extremes) / sizeof(extremes[0]))];
	case 1:
		/* Not canonical; and with 32 bits elsewhere than our image. */
		return (random(a) & ~0xf00000ull) | 0x400000 | 1ull << 62;
	default:
		return sensible;
	}
}

/* Of an argument: mostly the CPU's own, over the end of a page, in the window, or anywhere. */
uint64_t address(struct attacker *a)
{
	switch (pick(a, 8)) {
	case 0:
		return number(a, 0);
	case 1:
		return (uintptr_t)a->argument + VMRPC_PAGE_SIZE - 8 - pick(a, 64);
#ifdef __x86_64__
	case 2:
		return WINDOW + pick(a, WINDOW_PAGES * VMRPC_PAGE_SIZE);
#endif
	default:
		return (uintptr_t)a->argument;
	}
}

#ifdef __x86_64__
static void window_change(struct attacker *a)
{
	static const uint64_t others[] = {
		0, 0xfee00000, 0xfffff000, 0x80000000, 1ull << 40,
	};
	uint64_t page = ARENA + pick(a, 2 * ARGUMENT_PAGES) * VMRPC_PAGE_SIZE;

	if (!pick(a, 4))
		page = others[pick(a, sizeof(others) / sizeof(others[0]))];
	if (!pick(a, 8))
		page = (uintptr_t)window_table;		/* and not writable */
	else if (pick(a, 4))
		page |= PTE_WRITABLE;
	if (pick(a, 8))
		page |= PTE_PRESENT;
	if (!pick(a, 16))
		page |= PTE_RESERVED;
	window_table[pick(a, WINDOW_PAGES)] = page;
}

/* Below the table that has the first 4 GiB, where entry.S left room. */
static void window_init(void)
{
	uint64_t *pml4, *pdpt;

	__asm__("mov %%cr3, %0" : "=r"(pml4));
	pdpt = (uint64_t *)(pml4[0] & PTE_ADDRESS);
	window_directory[0] = (uintptr_t)window_table | PTE_PRESENT | PTE_WRITABLE;
	pdpt[WINDOW >> 30] = (uintptr_t)window_directory | PTE_PRESENT | PTE_WRITABLE;
}
#else
static void window_change(struct attacker *a)
{
	(void)a;
}

static void window_init(void)
{
}
#endif

static void scribble_response(struct attacker *a)
{
	struct vmrpc_response *response = channel_response(pick(a, SLOTS));

	switch (pick(a, 4)) {
	case 0:
		response->seq = number(a, channel_request(pick(a, SLOTS))->seq);
		break;
	case 1:
		response->status = number(a, pick(a, 128));
		break;
	case 2:
		response->res_size = number(a, pick(a, VMRPC_SLOT_DATA));
		break;
	default:
		response->reserved[pick(a, 5)] = number(a, 0);
	}
}

/* One thing that the host may be reading. */
void scribble(struct attacker *a)
{
	struct vmrpc_control *control = (void *)channel_page(0);
	struct vmrpc_request *request = channel_request(pick(a, SLOTS));

	switch (pick(a, 8)) {
	case 0:
		control->need_kick = number(a, pick(a, 2));
		break;
	case 1:
		scribble_response(a);
		break;
	case 2:
		((volatile uint64_t *)request)[pick(a, 16)] = number(a, 0);
		break;
	case 3:
	case 4:
		window_change(a);
		break;
	case 5:
		words[pick(a, 2 * ARGUMENT_PAGES * VMRPC_PAGE_SIZE / 8)] = number(a, ARENA);
		break;
	default:
		/* What the other CPU's next argument begins with. */
		words[(!a->cpu * ARGUMENT_PAGES * VMRPC_PAGE_SIZE) / 8 + pick(a, 8)] =
			number(a, pick(a, 256));
	}
}

void lies_init(void)
{
	if (machine_memory() < ARENA + (4 << 20))
		fail("too little memory, bytes", machine_memory());
	if ((uintptr_t)image_end > IMAGE_END)
		fail("the image is too large, ends at", (uintptr_t)image_end);
	window_init();
}
