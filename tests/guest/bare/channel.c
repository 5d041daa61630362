// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reverse VMRPC: the channel, and the loop in which every CPU takes requests, answers them
 * and parks.  No interrupt is ever enabled: a request ends the poll that parked, or an NMI,
 * by which one who migrated the VM can tell it to look for its channel.
 *
 * channel_lock is held to take a request and to register; not while one is answered.
 */
#include "bare.h"

#define SLOTS	4
#define PAGES	(1 + 2 * SLOTS)

static uint8_t channel[PAGES][VMRPC_PAGE_SIZE] __aligned(VMRPC_PAGE_SIZE);
static volatile uint32_t *const need_kick = (void *)channel;

static bool channel_lock;
static uint64_t taken[SLOTS];		/* seq of the last request taken from each slot */
static unsigned int answering;		/* requests taken and not yet answered */
static unsigned int registrations;

static struct vmrpc_request *request(unsigned int slot)
{
	return (void *)channel[1 + 2 * slot];
}

static struct vmrpc_response *response(unsigned int slot)
{
	return (void *)channel[2 + 2 * slot];
}

/*
 * An x86 does not reorder loads, so acquire takes no more than a barrier to the compiler.
 * Where 8 bytes are two loads, the host may write between them; two times the same is
 * what was there.
 */
static uint64_t load_seq(const volatile __le64 *seq)
{
	uint64_t value, before;

	value = *seq;
	if (sizeof(long) < sizeof(value)) {
		do {
			before = value;
			value = *seq;
		} while (value != before);
	}
	__atomic_signal_fence(__ATOMIC_ACQUIRE);
	return value;
}

/* With release, and in one piece: LOCK CMPXCHG8B where a store has four bytes. */
static void store_seq(__le64 *seq, uint64_t value)
{
	__sync_val_compare_and_swap(seq, *seq, value);
}

/*
 * The slot of a request that is this CPU's from now on, with its copy, or -1.  The search
 * goes on where the last one ended, for a busy slot 0 must not keep the others waiting.
 */
static int channel_take(struct vmrpc_request *copy)
{
	static unsigned int next;
	int found = -1;

	spin_lock(&channel_lock);
	for (unsigned int i = 0; i < SLOTS && found < 0; i++) {
		unsigned int slot = next++ % SLOTS;
		uint64_t seq = load_seq(&request(slot)->seq);

		if (seq <= taken[slot])
			continue;
		memcpy(copy, request(slot), sizeof(*copy));
		copy->seq = taken[slot] = seq;
		answering++;
		found = slot;
	}
	spin_unlock(&channel_lock);
	return found;
}

static void channel_answer(unsigned int slot, struct call *call)
{
	struct vmrpc_response *res = response(slot);

	call->arg = (void *)(request(slot) + 1);
	call->res = (void *)(res + 1);
	call->res_size = 0;
	res->result = 0;
	res->status = server_call(call);
	res->res_size = call->res_size;
	store_seq(&res->seq, call->request.seq);
	spin_lock(&channel_lock);
	answering--;
	spin_unlock(&channel_lock);
}

static bool channel_serve_one(void)
{
	struct call call;
	int slot = channel_take(&call.request);

	if (slot < 0)
		return false;
	channel_answer(slot, &call);
	return true;
}

/*
 * Each CPU writes 1 after it wrote 0, and then looks at the slots: so while there is 0
 * somebody is looking and will look again, without counting who does.  Under the lock,
 * because the page is to be zero while it is being registered.
 */
static void channel_set_need_kick(uint32_t value)
{
	spin_lock(&channel_lock);
	*need_kick = value;
	spin_unlock(&channel_lock);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/*
 * Unless another CPU has done so since this one found that there is no channel.  The
 * host's numbers begin anew, and what was taken of the old ones is forgotten.
 */
static void channel_register(unsigned int seen)
{
	unsigned long generation = 0;
	long status;

	spin_lock(&channel_lock);
	while (answering) {
		spin_unlock(&channel_lock);
		cpu_relax();
		spin_lock(&channel_lock);
	}
	if (registrations == seen) {
		memset(channel, 0, sizeof(channel));
		memset(taken, 0, sizeof(taken));
		status = hypercall(VMRPC_OP_REGISTER, SLOTS, (uintptr_t)channel / VMRPC_PAGE_SIZE,
				   NULL, &generation);
		if (status)
			fail("REGISTER", status);
		registrations++;
		say_number("registered, generation", generation);
	}
	spin_unlock(&channel_lock);
}

/*
 * The first poll finds that there is no channel, as the first one after a migration does:
 * there is one way to register.
 */
void channel_serve(void)
{
	for (;;) {
		unsigned int seen = __atomic_load_n(&registrations, __ATOMIC_ACQUIRE);
		unsigned long again = 0;
		long status;

		channel_set_need_kick(0);
		while (channel_serve_one())
			;
		channel_set_need_kick(1);
		if (channel_serve_one())
			continue;
		status = hypercall(VMRPC_OP_POLL, VMRPC_POLL_PARK, 0, NULL, &again);
		if (status == -VMRPC_ENOTCONN)
			channel_register(seen);
		else if (status && status != -VMRPC_EINTR)
			fail("POLL", status);
		else if (again > 1)
			fail("result of POLL", again);
	}
}
