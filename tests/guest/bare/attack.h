/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest that lies: what its CPUs have of their own, and where they do it.
 *
 * Servers write to the addresses that we give them.  So the arena, low memory and all that
 * lies.c makes up are such that neither a value, nor a mixture of two, is an address of our
 * own image, which is between 1 and 2 MiB.
 */
#ifndef ATTACK_H
#define ATTACK_H

#include "bare.h"

#define IMAGE			0x100000u
#define IMAGE_END		0x200000u
#define ARENA			0x02400000u	/* 1 MiB of memory that nobody else uses */
#define ARGUMENT_PAGES		16		/* of each CPU, from the arena's start on */
#define CHANNEL			(ARENA + 2 * ARGUMENT_PAGES * VMRPC_PAGE_SIZE)
#define SLOTS			4		/* of a channel as it ought to be */
#define CHANNEL_PAGES_MAX	(1 + 2 * VMRPC_MAX_SLOTS)
#define BINDINGS		40		/* of each CPU; more than the host lets us have */

struct binding {
	unsigned long handle;		/* 0: none */
	unsigned int server;		/* it is of */
	bool stale;			/* unbound, and used nevertheless */
};

struct attacker {
	uint64_t random;		/* the generator's state */
	unsigned long calls;		/* hypercalls made; written by this CPU only */
	unsigned long transferred;	/* bytes of large arguments and results */
	uint32_t cpu;
	uint8_t *argument;
	uint8_t message[64];		/* what RECV fills, and nobody scribbles on */
	struct binding bindings[BINDINGS];
};

static inline uint8_t *channel_page(unsigned int page)
{
	return (uint8_t *)(uintptr_t)(CHANNEL + page * VMRPC_PAGE_SIZE);
}

static inline struct vmrpc_request *channel_request(unsigned int slot)
{
	return (void *)channel_page(1 + 2 * slot);
}

static inline struct vmrpc_response *channel_response(unsigned int slot)
{
	return (void *)channel_page(2 + 2 * slot);
}

/* lies.c */
void lies_init(void);
uint32_t pick(struct attacker *a, uint32_t below);
uint64_t number(struct attacker *a, uint64_t sensible);
uint64_t address(struct attacker *a);
void scribble(struct attacker *a);

#endif /* ATTACK_H */
