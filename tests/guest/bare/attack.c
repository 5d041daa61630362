// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest that attacks its host: valid sequences of hypercalls, at random, with fields of
 * them changed.  Every CPU does so; the second one also scribbles on what the host reads.
 * The words "calls=N seed=S cpus=2 timer=US transfer=B" of the command line say how many calls,
 * which ones, who makes them, how often a timer interrupts, and how many bytes of large arguments
 * and results it transfers before it ends, which needs a host that makes such calls; without a
 * seed it is another each time.  calls=0 makes none, and burns a CPU.
 *
 * A timer ends the calls that halt.  Those that sleep on the vCPU's thread until another
 * call comes are made only after that one, and never with fields changed.
 */
#include "attack.h"
#include "kvstore.h"
#include "vmrpc_test_server.h"

#define CALLS		30000
#define TIMER_US	2000	/* "timer=": on a slow host less often */
#define RARELY		64	/* one call of so many may wait */
#define REPORTS		20	/* of how far it is */

static struct attacker attackers[2];
static unsigned long last_handle[VMRPC_MAX_HANDLES + 1];	/* of each row of the host's table */
static unsigned long calls_wanted, transfer_wanted, timer_us;
static uint32_t cpus;
static bool go, done;

/* What is asked of a server: fills the argument and returns its size. */

static size_t argument_print(struct attacker *a, unsigned int procedure)
{
	struct vmrpc_print *arg = (void *)a->argument;

	(void)procedure;
	arg->string = number(a, address(a));
	arg->length = number(a, 1 + pick(a, VMRPC_PRINT_MAX));
	arg->reserved = !pick(a, 16);
	return sizeof(*arg);
}

static size_t argument_test(struct attacker *a, unsigned int procedure)
{
	struct vmrpc_test_memory *arg = (void *)a->argument;

	if (procedure == VMRPC_TEST_ECHO)
		return pick(a, pick(a, 8) ? 128 : VMRPC_MAX_ARG + 1);
	if (procedure == VMRPC_TEST_SEND)
		return 1 + pick(a, VMRPC_TEST_MESSAGE_MAX);
	if (procedure == VMRPC_TEST_UP)
		return 0;
	arg->gva = number(a, address(a));
	arg->length = number(a, pick(a, 8192));
	arg->value = pick(a, 256);
	return sizeof(*arg);
}

static size_t argument_kvstore(struct attacker *a, unsigned int procedure)
{
	struct kvstore_memory *memory = (void *)a->argument;
	struct kvstore_arg *arg = (void *)a->argument;

	memset(arg->key, 0, sizeof(arg->key));
	arg->key[0] = 'a' + pick(a, 4);
	if (procedure == KVSTORE_SAVE || procedure == KVSTORE_LOAD) {
		memory->address = number(a, address(a));
		memory->length = number(a, pick(a, KVSTORE_VALUE_LEN));
		memory->reserved = !pick(a, 16);
		return sizeof(*memory);
	}
	arg->version = pick(a, 4);
	arg->length = number(a, pick(a, KVSTORE_VALUE_LEN));
	arg->reserved = !pick(a, 16);
	return sizeof(*arg);
}

enum { SERVER_PRINT, SERVER_TEST, SERVER_KVSTORE, SERVERS };

static const struct server {
	struct vmrpc_bind bind;
	unsigned int procedures;
	size_t (*argument)(struct attacker *a, unsigned int procedure);
} servers[SERVERS] = {
	{ { VMRPC_PRINT_MODULE, VMRPC_PRINT_VERSION, 0, 0 }, 1, argument_print },
	{ { VMRPC_TEST_MODULE, VMRPC_TEST_VERSION, 0, 0 }, VMRPC_TEST_PROCEDURES, argument_test },
	{ { KVSTORE_MODULE, KVSTORE_VERSION, VMRPC_BIND_USER, 0 }, KVSTORE_LOAD + 1,
	  argument_kvstore },
};

/* A handle's row is in its low bits, says the host's source. */
static long call_exactly(struct attacker *a, const unsigned long args[4], unsigned long *result)
{
	long status = hypercall(args[0], args[1], args[2], (void *)args[3], result);

	if (!status && args[0] == VMRPC_OP_BIND && (*result & 0xff) <= VMRPC_MAX_HANDLES)
		last_handle[*result & 0xff] = *result;
	__atomic_store_n(&a->calls, a->calls + 1, __ATOMIC_RELAXED);
	return status;
}

static bool procedure_waits(unsigned long procedure)
{
	return procedure == VMRPC_TEST_SLEEP || procedure == VMRPC_TEST_PARK ||
	       procedure == VMRPC_TEST_RECV || procedure == VMRPC_TEST_DOWN ||
	       procedure == VMRPC_TEST_PARK_WORK;
}

/* One register, or a few of its bits. */
static void change_register(struct attacker *a, unsigned long *reg)
{
	if (pick(a, 2))
		*reg ^= 1ul << pick(a, 8 * sizeof(*reg));
	else
		*reg = number(a, *reg);
}

/* It is to survive what it does: nothing that waits for ever, nothing that writes to its image. */
static void spare_ourselves(unsigned long args[4])
{
	unsigned int op = args[0] & VMRPC_OP_MASK;

	if (op == VMRPC_OP_PERFORM && procedure_waits((uint16_t)(args[0] >> VMRPC_PROCEDURE_SHIFT)))
		args[0] = op;
	if (op == VMRPC_OP_REGISTER && args[2] >= IMAGE / VMRPC_PAGE_SIZE - CHANNEL_PAGES_MAX &&
	    args[2] < IMAGE_END / VMRPC_PAGE_SIZE)
		args[2] = 0;
	if (args[3] >= IMAGE - VMRPC_MAX_ARG && args[3] < IMAGE_END)
		args[3] = ARENA;
}

static long call(struct attacker *a, unsigned long args[4], unsigned long *result)
{
	if (!pick(a, 4)) {
		change_register(a, &args[pick(a, 4)]);
		spare_ourselves(args);
	}
	return call_exactly(a, args, result);
}

/* Perhaps while the other CPU uses it. */
static void unbind_any(struct attacker *a)
{
	unsigned long args[4] = { VMRPC_OP_UNBIND, last_handle[1 + pick(a, VMRPC_MAX_HANDLES)] };
	unsigned long result;

	call_exactly(a, args, &result);
}

static void bind(struct attacker *a, struct binding *binding)
{
	unsigned int server = pick(a, SERVERS);
	unsigned long args[4] = { VMRPC_OP_BIND, 0, 0, (unsigned long)a->argument };
	struct vmrpc_bind *arg = (void *)a->argument;
	unsigned long handle;
	long status;

	memcpy(arg, &servers[server].bind, sizeof(*arg));
	if (!pick(a, 8))
		arg->flags |= VMRPC_BIND_PROCESS;
	if (!pick(a, 4))
		a->argument[pick(a, sizeof(*arg))] ^= 1 << pick(a, 8);
	if (!pick(a, 8))
		args[3] = address(a);
	status = call(a, args, &handle);
	if (status == -VMRPC_EBUSY)
		unbind_any(a);
	if (status)
		return;
	binding->handle = handle;
	binding->server = server;
	binding->stale = false;
}

static void unbind(struct attacker *a, struct binding *binding)
{
	unsigned long args[4] = { VMRPC_OP_UNBIND, binding->handle, 0, 0 };
	unsigned long result;

	binding->stale = call(a, args, &result) != -VMRPC_EINVAL;
}

static long perform_exactly(struct attacker *a, struct binding *binding, unsigned long procedure,
			    const void *arg, size_t size)
{
	unsigned long args[4] = {
		VMRPC_OP_PERFORM | procedure << VMRPC_PROCEDURE_SHIFT, binding->handle, size,
		(unsigned long)arg,
	};
	unsigned long result;

	return call_exactly(a, args, &result);
}

/* By a handle that only this CPU has; whoever else gives something to wait for only adds. */
static void perform_waiting(struct attacker *a, struct binding *binding)
{
	static const struct vmrpc_test_wait waits[] = {
		{ .ms = 0 }, { .ms = 1 }, { .ms = VMRPC_TEST_WAIT_MAX + 1 },
	};
	const struct vmrpc_test_wait *wait = &waits[pick(a, 3)];
	size_t size = 1 + pick(a, sizeof(a->message));

	switch (pick(a, 4)) {
	case 0:
		perform_exactly(a, binding, VMRPC_TEST_SLEEP, wait, sizeof(*wait));
		break;
	case 1:
		perform_exactly(a, binding, VMRPC_TEST_PARK, wait, sizeof(*wait));
		break;
	case 2:
		if (!perform_exactly(a, binding, VMRPC_TEST_SEND, a->message, size))
			perform_exactly(a, binding, VMRPC_TEST_RECV, a->message, size);
		break;
	default:
		if (!perform_exactly(a, binding, VMRPC_TEST_UP, NULL, 0))
			perform_exactly(a, binding, VMRPC_TEST_DOWN, NULL, 0);
	}
}

static void perform(struct attacker *a, struct binding *binding)
{
	const struct server *server = &servers[binding->server];
	unsigned long procedure = pick(a, server->procedures + 1);
	unsigned long args[4] = { VMRPC_OP_PERFORM, binding->handle };
	unsigned long result;

	if (binding->server == SERVER_TEST) {
		if (!pick(a, RARELY)) {
			perform_waiting(a, binding);
			return;
		}
		if (procedure_waits(procedure))
			procedure = VMRPC_TEST_ECHO;
	}
	args[0] |= procedure << VMRPC_PROCEDURE_SHIFT;
	args[2] = server->argument(a, procedure);
	args[3] = address(a);
	call(a, args, &result);
}

/* A module's life goes on where it was left. */
static void call_server(struct attacker *a)
{
	struct binding *binding = &a->bindings[pick(a, BINDINGS)];

	if (!binding->handle)
		bind(a, binding);
	else if (!binding->stale && !pick(a, 8))
		unbind(a, binding);
	else
		perform(a, binding);
	if (binding->stale && pick(a, 2))
		binding->handle = 0;
}

/* From @offset to the argument's end, or to the result's, which is to be as large. */
static long transfer(struct attacker *a, unsigned int slot, uint32_t size, uint32_t offset,
		     uint32_t flags)
{
	unsigned long args[4] = { VMRPC_OP_TRANSFER, 0, 0, (unsigned long)a->argument };
	struct vmrpc_transfer *arg = (void *)a->argument;
	unsigned long copied;
	long status;

	arg->seq = number(a, channel_request(slot)->seq);
	arg->gva = number(a, address(a));
	arg->offset = number(a, offset);
	arg->size = number(a, size - offset);
	arg->slot = number(a, slot);
	arg->flags = pick(a, 8) ? flags : number(a, flags);
	status = call(a, args, &copied);
	if (status)
		return status;
	__atomic_store_n(&a->transferred, a->transferred + copied, __ATOMIC_RELAXED);
	return copied;
}

/* Returns how much of a result there is, without gaps if nothing was changed. */
static uint32_t transfer_both(struct attacker *a, unsigned int slot, uint32_t size)
{
	uint32_t stored = 0;
	long copied = 1;

	transfer(a, slot, size, pick(a, size), 0);
	while (stored < size && copied > 0) {
		copied = transfer(a, slot, size, stored, VMRPC_TRANSFER_RESULT);
		stored += copied > 0 ? copied : 0;
	}
	return stored;
}

/* As it ought to be, but for a field now and then. */
static void answer(struct attacker *a, unsigned int slot)
{
	struct vmrpc_request *request = channel_request(slot);
	struct vmrpc_response *response = channel_response(slot);
	uint32_t size = __atomic_load_n(&request->arg_size, __ATOMIC_RELAXED);

	if (!request->seq || request->seq == response->seq)
		return;
	if (size > VMRPC_SLOT_DATA)
		size = transfer_both(a, slot, size);
	if (size <= VMRPC_SLOT_DATA)
		memcpy(response + 1, request + 1, size);
	memset(response->reserved, 0, sizeof(response->reserved));
	response->result = size;
	response->status = pick(a, 8) ? 0 : pick(a, 128);
	response->res_size = pick(a, 8) ? size : number(a, size);
	if (!pick(a, 16))
		response->reserved[pick(a, 5)] = 1;
	__atomic_signal_fence(__ATOMIC_RELEASE);
	response->seq = pick(a, 8) ? request->seq : number(a, request->seq + 1);
}

static void register_channel(struct attacker *a)
{
	unsigned long args[4] = {
		VMRPC_OP_REGISTER, SLOTS, CHANNEL / VMRPC_PAGE_SIZE,
		pick(a, 8) ? VMRPC_CHANNEL_BULK : 0,
	};
	unsigned long generation;

	if (pick(a, 8))
		memset(channel_page(0), 0, (1 + 2 * SLOTS) * VMRPC_PAGE_SIZE);
	if (!pick(a, 8))
		args[1] = number(a, 1 + pick(a, VMRPC_MAX_SLOTS));
	if (!pick(a, 8))
		args[2] = number(a, 0);
	else if (!pick(a, 8))
		args[2] += pick(a, 8);
	call(a, args, &generation);
}

static void poll(struct attacker *a)
{
	unsigned long args[4] = { VMRPC_OP_POLL, pick(a, RARELY) ? 0 : VMRPC_POLL_PARK };
	unsigned long again;

	for (unsigned int slot = 0; slot < SLOTS; slot++)
		if (pick(a, 8))
			answer(a, slot);
	call(a, args, &again);
}

static void call_channel(struct attacker *a)
{
	unsigned long args[4] = { VMRPC_OP_UNREGISTER };
	unsigned long result;

	switch (pick(a, 32)) {
	case 0:
		call(a, args, &result);
		break;
	case 1:
	case 2:
		register_channel(a);
		break;
	default:
		poll(a);
	}
}

/* All operations there are, and some that there are not, with next to no sense. */
static void call_anything(struct attacker *a)
{
	unsigned long args[4] = {
		number(a, pick(a, VMRPC_OP_POLL + 3)), number(a, 0), number(a, 0), address(a),
	};
	unsigned long result;

	spare_ourselves(args);
	call(a, args, &result);
}

static void step(struct attacker *a)
{
	if (!pick(a, 32))
		call_anything(a);
	else if (pick(a, 4))
		call_server(a);
	else
		call_channel(a);
}

/* For as long as some calls of the other CPU take, or none. */
static void scribble_for_a_while(struct attacker *a)
{
	for (uint32_t n = 1 + pick(a, 16); n; n--) {
		scribble(a);
		for (uint32_t i = pick(a, 1u << pick(a, 14)); i; i--)
			__asm__ __volatile__("");
	}
}

static unsigned long calls_made(void)
{
	return __atomic_load_n(&attackers[0].calls, __ATOMIC_RELAXED) +
	       __atomic_load_n(&attackers[1].calls, __ATOMIC_RELAXED);
}

static unsigned long transferred(void)
{
	return __atomic_load_n(&attackers[0].transferred, __ATOMIC_RELAXED) +
	       __atomic_load_n(&attackers[1].transferred, __ATOMIC_RELAXED);
}

static bool enough(void)
{
	return calls_made() >= calls_wanted && transferred() >= transfer_wanted;
}

/* For whoever waits for a million calls. */
static void report(unsigned long *next)
{
	if (calls_made() < *next)
		return;
	say_numbers("attack: % of % calls", (long[]){ calls_made(), calls_wanted });
	*next += calls_wanted / REPORTS;
}

static void attack(struct attacker *a)
{
	unsigned long next_report = calls_wanted / REPORTS;

	machine_start_timer(timer_us);
	while (!__atomic_load_n(&done, __ATOMIC_RELAXED) && !enough()) {
		if (a->cpu || !pick(a, 4))
			scribble_for_a_while(a);
		step(a);
		if (!a->cpu)
			report(&next_report);
	}
	__asm__ __volatile__("cli");
}

static void __noreturn halt(void)
{
	for (;;)
		__asm__ __volatile__("hlt");
}

static void __noreturn burn(void)
{
	for (;;)
		cpu_relax();
}

static void attackers_init(unsigned long seed)
{
	for (uint32_t i = 0; i < 2; i++) {
		struct attacker *a = &attackers[i];

		a->cpu = i;
		/* Never 0, and not alike. */
		a->random = (seed + 1) * 0x9e3779b97f4a7c15ull + i;
		a->argument = (void *)(uintptr_t)(ARENA + i * ARGUMENT_PAGES * VMRPC_PAGE_SIZE);
		pick(a, 2);
	}
}

/* From entry.S, on each CPU's own stack. */
void cpu_start(uint32_t number, uint32_t start_info)
{
	unsigned long seed;

	if (number) {
		machine_cpu_init();
		while (!__atomic_load_n(&go, __ATOMIC_ACQUIRE))
			cpu_relax();
		attack(&attackers[number]);
		halt();
	}
	machine_init(start_info);
	lies_init();
	host_discover();
	seed = machine_option("seed", machine_random() % 1000000000);
	calls_wanted = machine_option("calls", CALLS);
	transfer_wanted = machine_option("transfer", 0);
	timer_us = machine_option("timer", TIMER_US);
	cpus = machine_option("cpus", 2);
	say_numbers("attack: begins, % calls, seed %", (long[]){ calls_wanted, seed });
	attackers_init(seed);
	if (!calls_wanted)
		burn();
	if (cpus > 1)
		machine_start_second_cpu();
	while (machine_cpus() < cpus)
		cpu_relax();
	__atomic_store_n(&go, true, __ATOMIC_RELEASE);
	attack(&attackers[0]);
	__atomic_store_n(&done, true, __ATOMIC_RELAXED);
	say_numbers("attack: % bytes transferred", (long[]){ transferred() });
	say_numbers("attack: % hypercalls, seed %", (long[]){ calls_made(), seed });
	halt();
}
