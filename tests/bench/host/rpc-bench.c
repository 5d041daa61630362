// SPDX-License-Identifier: GPL-2.0-only
/*
 * rpc-bench peers ROUNDS VM CID QGA-SOCKET SSH-HOST
 * rpc-bench echo ROUNDS VM SERIES
 * rpc-bench busy ROUNDS VM CID
 *
 * Measures calls of a guest, ours and the peers' in turns, and prints every
 * sample as SERIES, round and value, tab-separated; tests/bench/report makes
 * metrics of them.  Latencies are in us, by the host's CLOCK_MONOTONIC.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define CALLS		200	/* of each peer in a round */
#define SSH_CALLS	5
#define BULK_CALLS	20
#define BATCHES		40	/* in a round, of which the exits are counted */
#define BATCH_CALLS	10
#define CLIENTS		8
#define DEPTH		32	/* calls submitted at once */
#define LOAD_NS		500000000ull
#define IDLE_NS		500000000ull

/* Something to measure; one of both says whom to call. */
struct peer {
	const char *series;
	unsigned int calls;
	void (*call)(int fd);
	int fd;
	void (*call_host)(const char *host);
	const char *host;
};

static void sample(const char *series, int round, double value)
{
	printf("%s\t%d\t%.3f\n", series, round, value);
}

static void peer_call(const struct peer *peer)
{
	if (peer->call)
		peer->call(peer->fd);
	else
		peer->call_host(peer->host);
}

/* The first calls after another peer's turn are not counted. */
static void measure_peer(const struct peer *peer, int round)
{
	double us[CALLS];

	for (unsigned int i = 0; i < peer->calls / 20; i++)
		peer_call(peer);
	for (unsigned int i = 0; i < peer->calls; i++) {
		uint64_t start = now_ns();

		peer_call(peer);
		us[i] = (now_ns() - start) / 1e3;
	}
	for (unsigned int i = 0; i < peer->calls; i++)
		sample(peer->series, round, us[i]);
}

struct load {
	pthread_barrier_t start;
	const char *vm;
};

/* Return: the number of calls that one client made. */
static void *load_client(void *data)
{
	struct load *load = data;
	int fd = reverse_attach(load->vm);
	uintptr_t calls = 0;
	uint64_t end;

	pthread_barrier_wait(&load->start);
	end = now_ns() + LOAD_NS;
	do {
		reverse_echo(fd);
		calls++;
	} while (now_ns() < end);
	close(fd);
	return (void *)calls;
}

static void measure_load(const char *series, int round, const char *vm, int clients)
{
	struct load load = { .vm = vm };
	pthread_t threads[CLIENTS];
	uintptr_t total = 0;
	uint64_t start;
	void *calls;

	pthread_barrier_init(&load.start, NULL, clients + 1);
	for (int i = 0; i < clients; i++)
		if (pthread_create(&threads[i], NULL, load_client, &load))
			die("cannot start a thread");
	pthread_barrier_wait(&load.start);
	start = now_ns();
	for (int i = 0; i < clients; i++) {
		pthread_join(threads[i], &calls);
		total += (uintptr_t)calls;
	}
	sample(series, round, total * 1e9 / (now_ns() - start));
	pthread_barrier_destroy(&load.start);
}

/* Calls submitted, so many at a time, by one thread. */
static void measure_async(const char *series, int round, const char *vm, unsigned int depth)
{
	static char res[DEPTH][ECHO_SIZE];
	struct vmrpc_vm_done done[DEPTH];
	uint64_t start, end, calls = 0;
	int fd = reverse_attach(vm);
	unsigned int i, n;

	for (i = 0; i < depth; i++)
		reverse_submit_echo(fd, res[i], i);
	start = now_ns();
	do {
		n = reverse_reap(fd, done, depth);
		for (i = 0; i < n; i++)
			reverse_submit_echo(fd, res[done[i].user_data], done[i].user_data);
		calls += n;
		end = now_ns();
	} while (end - start < LOAD_NS);
	sample(series, round, calls * 1e9 / (end - start));
	for (i = 0; i < depth; i += reverse_reap(fd, done, depth))
		;
	close(fd);
}

/* Counters of KVM, of which all exits are the first, and of VMRPC_VM_INFO. */
static const char *const counter_names[] = {
	"exits", "irq_exits", "halt_exits", "hypercalls", "irq_injections",
	"polls", "parks", "wakes", "interrupts",
};

#define COUNTERS	(sizeof(counter_names) / sizeof(counter_names[0]))
#define KVM_COUNTERS	5

static int kvm_counters;

static void open_counters(int fd)
{
	struct vmrpc_vm_info info;

	reverse_info(fd, &info);
	kvm_counters = kvm_counters_open(info.pid);
}

static void read_info(int fd, double *values)
{
	struct vmrpc_vm_info info;

	reverse_info(fd, &info);
	values[KVM_COUNTERS] = info.polls;
	values[KVM_COUNTERS + 1] = info.parks;
	values[KVM_COUNTERS + 2] = info.wakes;
	values[KVM_COUNTERS + 3] = info.interrupts;
}

/* The exits are read next to what is counted: last before it, first after it. */
static void read_before(int fd, double *values)
{
	read_info(fd, values);
	for (int i = KVM_COUNTERS - 1; i >= 0; i--)
		values[i] = kvm_counter(kvm_counters, counter_names[i]);
}

static void read_after(int fd, double *values)
{
	for (int i = 0; i < KVM_COUNTERS; i++)
		values[i] = kvm_counter(kvm_counters, counter_names[i]);
	read_info(fd, values);
}

static void sample_counters(const char *prefix, int round, const double *before,
			    const double *after, double per)
{
	char series[64];

	for (unsigned int i = 0; i < COUNTERS; i++) {
		snprintf(series, sizeof(series), "%s.%s", prefix, counter_names[i]);
		sample(series, round, (after[i] - before[i]) / per);
	}
}

/*
 * In many short batches: while the machine interrupts us the guest's timer goes
 * on, and its exits are not the call's.  The time tells which batches those are.
 */
static void count_per_call(int round, int fd)
{
	double before[COUNTERS], after[COUNTERS];
	uint64_t start, end;

	for (unsigned int batch = 0; batch < BATCHES; batch++) {
		reverse_echo(fd);
		read_before(fd, before);
		start = now_ns();
		for (unsigned int i = 0; i < BATCH_CALLS; i++)
			reverse_echo(fd);
		end = now_ns();
		read_after(fd, after);
		sample_counters("call", round, before, after, BATCH_CALLS);
		sample("call.us", round, (end - start) / 1e3 / BATCH_CALLS);
	}
}

/* What the guest does by itself, per second. */
static void count_idle(int round, int fd)
{
	struct timespec pause = { .tv_nsec = IDLE_NS };
	double before[COUNTERS], after[COUNTERS];

	read_before(fd, before);
	nanosleep(&pause, NULL);
	read_after(fd, after);
	sample_counters("idle", round, before, after, IDLE_NS / 1e9);
}

/* The exits of the load of eight clients, as well. */
static void measure_c8(int round, const char *vm)
{
	struct vmrpc_vm_info before, after;
	int fd = reverse_attach(vm);
	uint64_t exits;

	reverse_info(fd, &before);
	exits = kvm_counter(kvm_counters, "exits");
	measure_load("echo16_c8", round, vm, CLIENTS);
	exits = kvm_counter(kvm_counters, "exits") - exits;
	reverse_info(fd, &after);
	sample("c8.exits", round, (double)exits / (after.calls - before.calls));
	close(fd);
}

static void bench_peers(int rounds, char **argv)
{
	const char *vm = argv[0];
	int fd = reverse_attach(vm);
	int vsock = vsock_connect(atoi(argv[1]));
	int qga = qga_connect(argv[2]);
	const struct peer peers[] = {
		{ "reverse_echo16", CALLS, .call = reverse_echo, .fd = fd },
		{ "vsock_echo16", CALLS, .call = vsock_echo, .fd = vsock },
		{ "reverse_meminfo", CALLS, .call = reverse_meminfo, .fd = fd },
		{ "vsock_meminfo", CALLS, .call = vsock_meminfo, .fd = vsock },
		{ "qga_ping", CALLS, .call = qga_ping, .fd = qga },
		{ "reverse_bulk1m", BULK_CALLS, .call = reverse_bulk, .fd = fd },
		{ "vsock_bulk1m", BULK_CALLS, .call = vsock_bulk, .fd = vsock },
		{ "ssh_meminfo", SSH_CALLS, .call_host = ssh_meminfo, .host = argv[3] },
	};

	open_counters(fd);
	for (int round = 0; round < rounds; round++) {
		for (unsigned int i = 0; i < sizeof(peers) / sizeof(peers[0]); i++)
			measure_peer(&peers[i], round);
		measure_load("echo16_c1", round, vm, 1);
		measure_c8(round, vm);
		measure_async("async_d1", round, vm, 1);
		measure_async("async_d32", round, vm, DEPTH);
		count_per_call(round, fd);
		count_idle(round, fd);
		fprintf(stderr, "bench: round %d of %d\n", round + 1, rounds);
	}
}

static void bench_echo(int rounds, char **argv)
{
	const struct peer peer = {
		argv[1], CALLS, .call = reverse_echo, .fd = reverse_attach(argv[0]),
	};

	for (int round = 0; round < rounds; round++)
		measure_peer(&peer, round);
}

/* Only the latencies, of us and of vsock in turns: of a guest that has other things to do. */
static void bench_busy(int rounds, char **argv)
{
	const struct peer peers[] = {
		{ "busy_echo16", CALLS, .call = reverse_echo, .fd = reverse_attach(argv[0]) },
		{ "busy_vsock16", CALLS, .call = vsock_echo, .fd = vsock_connect(atoi(argv[1])) },
	};

	for (int round = 0; round < rounds; round++) {
		measure_peer(&peers[0], round);
		measure_peer(&peers[1], round);
	}
}

int main(int argc, char **argv)
{
	int rounds = argc > 2 ? atoi(argv[2]) : 0;

	if (rounds > 0 && argc == 7 && !strcmp(argv[1], "peers"))
		bench_peers(rounds, argv + 3);
	else if (rounds > 0 && argc == 5 && !strcmp(argv[1], "echo"))
		bench_echo(rounds, argv + 3);
	else if (rounds > 0 && argc == 5 && !strcmp(argv[1], "busy"))
		bench_busy(rounds, argv + 3);
	else
		die("usage: rpc-bench peers ROUNDS VM CID QGA-SOCKET SSH-HOST | echo ROUNDS VM SERIES | "
		    "busy ROUNDS VM CID");
	return 0;
}
