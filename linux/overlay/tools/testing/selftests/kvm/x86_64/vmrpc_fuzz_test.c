// SPDX-License-Identifier: GPL-2.0-only
/*
 * vmrpc_fuzz_test [-s SECONDS] [-r SEED]: a guest, its host's clients and its VMM do
 * at random what they may, all at once.  Nothing is expected of the answers: the test
 * is that the host kernel reports nothing, and that all of it ends.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest.h"
#include "vmrpc_util.h"

#define SLOTS		4
#define MEMORY_SLOT	10
#define MEMORY_GPA	(1ull << 32)
#define MEMORY_GVA	0x100000000ull
#define MEMORY_PAGES	(4 + 1 + 2 * SLOTS)	/* arguments, and the channel */
#define RING_BYTES	16384		/* of a vCPU's dirty ring, in every second seed */
#define CALLERS		3
#define TIMEOUT_MS	20
#define USER_MODULE	"fuzz"
#define USER_VERSION	"1"

static struct vmrpc_tvm tvm;
static struct vmrpc_channel channel;
static uint64_t gva;
static uint64_t first_handle;	/* of the VM; those that follow are near it */
static unsigned int seed;
static bool stop;
static uint8_t large[VMRPC_PAGE_SIZE * 4];
static uint64_t hypercalls, calls, memslots;
static uint8_t submitted[VMRPC_PAGE_SIZE * 4];	/* results of calls that were submitted */

struct fuzzer {
	pthread_t thread;
	void (*step)(struct fuzzer *fuzzer);
	struct kvm_vcpu *vcpu;
	unsigned int random;
};

static uint32_t pick(struct fuzzer *fuzzer, uint32_t below)
{
	return rand_r(&fuzzer->random) % below;
}

/* Often a sensible number, sometimes an extreme one, sometimes any. */
static uint64_t number(struct fuzzer *fuzzer, uint64_t sensible)
{
	static const uint64_t extremes[] = {
		0, 1, ~0ull, 1ull << 63, 1ull << 32, 0xffffffff, 0x7fffffff, VMRPC_MAX_ARG,
		VMRPC_MAX_ARG + 1, 4095, 4096, 1ull << 47, (1ull << 47) - 8, ~0ull << 47,
	};

	switch (pick(fuzzer, 8)) {
	case 0:
		return extremes[pick(fuzzer, ARRAY_SIZE(extremes))];
	case 1:
		/* Never an address of this process. */
		return 1ull << 62 | (uint64_t)rand_r(&fuzzer->random) << 31 | rand_r(&fuzzer->random);
	default:
		return sensible;
	}
}

/* Of a request that is there, now and then. */
static void fill_transfer(struct fuzzer *fuzzer)
{
	struct vmrpc_transfer *arg = addr_gva2hva(tvm.vm, gva);
	uint32_t slot = pick(fuzzer, SLOTS);

	arg->seq = number(fuzzer, vmrpc_channel_request(&channel, slot)->seq);
	arg->gva = number(fuzzer, gva + pick(fuzzer, 8192));
	arg->offset = number(fuzzer, pick(fuzzer, 2 * VMRPC_SLOT_DATA));
	arg->size = number(fuzzer, pick(fuzzer, 2 * VMRPC_SLOT_DATA));
	arg->slot = number(fuzzer, slot);
	arg->flags = pick(fuzzer, 3);
}

static void fill_argument(struct fuzzer *fuzzer)
{
	void *page = addr_gva2hva(tvm.vm, gva);
	struct vmrpc_test_memory *memory = page;

	if (pick(fuzzer, 3)) {
		if (pick(fuzzer, 2))
			vmrpc_bind_fill(tvm.vm, gva, VMRPC_TEST_MODULE, VMRPC_TEST_VERSION);
		else
			vmrpc_bind_fill(tvm.vm, gva, USER_MODULE, USER_VERSION)->flags =
				VMRPC_BIND_USER | (pick(fuzzer, 4) ? 0 : VMRPC_BIND_PROCESS);
		((uint8_t *)page)[pick(fuzzer, sizeof(struct vmrpc_bind))] ^= !pick(fuzzer, 4);
	} else {
		memory->gva = number(fuzzer, gva);
		memory->length = number(fuzzer, pick(fuzzer, 8192));
	}
}

/* What a VMM does with a call of its server, and what it had better not. */
static void user_server(struct fuzzer *fuzzer, uint32_t vcpu)
{
	uint8_t data[64];
	struct vmrpc_vm_user_call call = {
		.vcpu = number(fuzzer, vcpu), .size = number(fuzzer, sizeof(data)),
		.data = number(fuzzer, (unsigned long)data),
	};
	struct vmrpc_vm_user_answer answer = {
		.vcpu = number(fuzzer, vcpu), .status = -number(fuzzer, pick(fuzzer, 2)),
		.data = number(fuzzer, (unsigned long)data), .flags = pick(fuzzer, 3),
	};
	struct vmrpc_vm_user_copy copy = {
		.vcpu = number(fuzzer, vcpu), .flags = pick(fuzzer, 3),
		.guest = number(fuzzer, gva + pick(fuzzer, 8192)),
		.data = number(fuzzer, (unsigned long)data), .size = number(fuzzer, sizeof(data)),
	};

	if (call.size > sizeof(data))
		call.data = 0;
	if (copy.size > sizeof(data) && !(copy.flags & VMRPC_COPY_TO_GUEST))
		copy.data = 0;
	if (pick(fuzzer, 2))
		ioctl(tvm.fd, VMRPC_VM_USER_CALL, &call);
	if (pick(fuzzer, 2))
		ioctl(tvm.fd, VMRPC_VM_USER_COPY, &copy);
	if (!pick(fuzzer, 4))
		ioctl(tvm.fd, VMRPC_VM_USER_WAKE, number(fuzzer, vcpu));
	if (pick(fuzzer, 4))
		ioctl(tvm.fd, VMRPC_VM_USER_ANSWER, &answer);
}

static void add_user_server(void)
{
	struct vmrpc_vm_procedure procedures[4] = {
		{ .direction = 1, .max_size = 64 }, { .direction = 2, .max_size = 64 },
		{ .direction = 3, .max_size = 64 }, { .direction = 0, .max_size = 64 },
	};
	struct vmrpc_vm_server server = {
		.module = USER_MODULE, .version = USER_VERSION,
		.procedures = (unsigned long)procedures, .nr_procedures = 4,
	};

	TEST_ASSERT(!ioctl(tvm.fd, VMRPC_VM_ADD_SERVER, &server), "VMRPC_VM_ADD_SERVER failed");
}

/* A wait has at most a few ms: PARK and SLEEP take them from the same place. */
static void hypercall(struct fuzzer *fuzzer)
{
	static const struct vmrpc_test_wait wait = { .ms = 2 };
	uint32_t op = pick(fuzzer, VMRPC_OP_TRANSFER + 2);
	uint32_t procedure = pick(fuzzer, VMRPC_TEST_PROCEDURES + 1);
	uint64_t args[4] = { op };

	fill_argument(fuzzer);
	switch (op) {
	case VMRPC_OP_BIND:
		args[3] = number(fuzzer, gva);
		break;
	case VMRPC_OP_UNBIND:
		args[1] = number(fuzzer, first_handle + pick(fuzzer, 4));
		break;
	case VMRPC_OP_PERFORM:
		if (procedure >= VMRPC_TEST_SLEEP)
			memcpy(addr_gva2hva(tvm.vm, gva), &wait, sizeof(wait));
		args[0] |= procedure << VMRPC_PROCEDURE_SHIFT;
		args[1] = number(fuzzer, first_handle + pick(fuzzer, 4) + 0x100 * pick(fuzzer, 4));
		args[2] = number(fuzzer, procedure < VMRPC_TEST_SLEEP ? 24 : 8);
		args[3] = number(fuzzer, gva);
		break;
	case VMRPC_OP_REGISTER:
		args[1] = number(fuzzer, 1 + pick(fuzzer, SLOTS));
		args[2] = number(fuzzer, channel.gpa / getpagesize());
		args[3] = pick(fuzzer, 2);
		break;
	case VMRPC_OP_POLL:
		args[1] = number(fuzzer, pick(fuzzer, 2));
		break;
	case VMRPC_OP_TRANSFER:
		fill_transfer(fuzzer);
		args[3] = number(fuzzer, gva);
		break;
	}
	if (!pick(fuzzer, 16))
		args[pick(fuzzer, 4)] = number(fuzzer, 0);
	vmrpc_hypercall_begin(fuzzer->vcpu, args[0], args[1], args[2], args[3], 0);
	if (!__vcpu_run(fuzzer->vcpu) && fuzzer->vcpu->run->exit_reason == KVM_EXIT_HYPERCALL) {
		user_server(fuzzer, fuzzer->vcpu->id);
		__vcpu_run(fuzzer->vcpu);
	}
	/* A signal may have ended it: the next one starts afresh. */
	__atomic_add_fetch(&hypercalls, 1, __ATOMIC_RELAXED);
}

/* The guest's other processor: answers, lies, scribbles. */
static void scribble(struct fuzzer *fuzzer)
{
	uint32_t slot = pick(fuzzer, SLOTS);
	uint8_t *page = (uint8_t *)vmrpc_channel_control(&channel);

	switch (pick(fuzzer, 4)) {
	case 0:
		page[pick(fuzzer, (1 + 2 * SLOTS) * 4096)] = pick(fuzzer, 256);
		break;
	case 1:
		vmrpc_channel_control(&channel)->need_kick = pick(fuzzer, 3);
		break;
	default:
		vmrpc_channel_reply(&channel, slot, pick(fuzzer, 4) ? 0 : pick(fuzzer, 200), "x", 1);
		vmrpc_channel_response(&channel, slot)->res_size = number(fuzzer, 8);
	}
	usleep(100);
}

/* As call(), but nobody waits; some are reaped, and some left to the descriptor's end. */
static void submit(struct fuzzer *fuzzer)
{
	int fd = pick(fuzzer, 8) ? tvm.fd : vmrpc_attach(tvm.name);
	struct vmrpc_caller caller;
	struct vmrpc_vm_submit submit = { .reserved = !pick(fuzzer, 64) };
	struct vmrpc_vm_done done[4];
	struct vmrpc_entries reap = {
		.entries = number(fuzzer, (unsigned long)done), .count = pick(fuzzer, 5),
	};

	vmrpc_caller_init(&caller, fd, 1 + pick(fuzzer, TIMEOUT_MS));
	submit.call = caller.call;
	submit.call.arg_size = number(fuzzer, pick(fuzzer, 64));
	submit.call.res_size = pick(fuzzer, pick(fuzzer, 2) ? 64 : sizeof(submitted));
	/* It may be written to when this has long returned. */
	submit.call.res = number(fuzzer, (unsigned long)submitted);
	ioctl(fd, VMRPC_VM_SUBMIT, &submit);
	if (pick(fuzzer, 2))
		ioctl(fd, VMRPC_VM_REAP, &reap);
	if (fd != tvm.fd)
		close(fd);
}

static void call(struct fuzzer *fuzzer)
{
	if (!pick(fuzzer, 2)) {
		submit(fuzzer);
		return;
	}
	struct vmrpc_caller caller;

	vmrpc_caller_init(&caller, tvm.fd, 1 + pick(fuzzer, TIMEOUT_MS));
	caller.call.arg_size = pick(fuzzer, 64);
	caller.call.res_size = pick(fuzzer, 64);
	if (!pick(fuzzer, 4)) {
		caller.call.arg = (unsigned long)large;
		caller.call.arg_size = pick(fuzzer, sizeof(large));
	}
	if (!pick(fuzzer, 8))
		((uint8_t *)&caller.call)[pick(fuzzer, sizeof(caller.call))] ^= 1 << pick(fuzzer, 8);
	/* Not for an hour, and not over memory of ours. */
	caller.call.timeout_ms %= 100;
	caller.call.res = number(fuzzer, (unsigned long)caller.res);
	/* Many fail at once; the guest is to have its turn, too. */
	if (vmrpc_caller_call(&caller))
		usleep(500);
	__atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
}

/* The guest's page tables are elsewhere. */
static void memory_init(void)
{
	vm_userspace_mem_region_add(tvm.vm, VM_MEM_SRC_ANONYMOUS, MEMORY_GPA, MEMORY_SLOT,
				    MEMORY_PAGES, 0);
	virt_map(tvm.vm, MEMORY_GVA, MEMORY_GPA, MEMORY_PAGES);
	gva = MEMORY_GVA;
	channel.vm = tvm.vm;
	channel.slots = SLOTS;
	channel.gpa = MEMORY_GPA + 4 * getpagesize();
}

/* The memslot goes, while others read and write there, and comes back with other rights. */
static void change_memslot(struct fuzzer *fuzzer)
{
	static const uint32_t rights[] = { 0, 0, KVM_MEM_LOG_DIRTY_PAGES, KVM_MEM_READONLY };
	struct kvm_userspace_memory_region2 region =
		memslot2region(tvm.vm, MEMORY_SLOT)->region;
	uint64_t size = region.memory_size;

	region.memory_size = 0;
	vm_ioctl(tvm.vm, KVM_SET_USER_MEMORY_REGION2, &region);
	usleep(pick(fuzzer, 3000));
	region.memory_size = size;
	region.flags = rights[pick(fuzzer, ARRAY_SIZE(rights))];
	vm_ioctl(tvm.vm, KVM_SET_USER_MEMORY_REGION2, &region);
	__atomic_add_fetch(&memslots, 1, __ATOMIC_RELAXED);
}

/* As when it migrates: without this a vCPU whose ring is full makes no more calls. */
static void empty_dirty_rings(void)
{
	uint32_t i, j, entries = tvm.vm->dirty_ring_size / sizeof(struct kvm_dirty_gfn);
	struct kvm_dirty_gfn *ring;

	if (!entries)
		return;
	for (i = 0; i < VMRPC_TEST_VCPUS; i++) {
		ring = vcpu_map_dirty_ring(tvm.vcpus[i]);
		for (j = 0; j < entries; j++)
			if (__atomic_load_n(&ring[j].flags, __ATOMIC_ACQUIRE) ==
			    KVM_DIRTY_GFN_F_DIRTY)
				__atomic_store_n(&ring[j].flags, KVM_DIRTY_GFN_F_RESET,
						 __ATOMIC_RELEASE);
	}
	kvm_vm_reset_dirty_ring(tvm.vm);
}

/* The VMM and its host: resets, other descriptors, memory that goes and comes. */
static void manage(struct fuzzer *fuzzer)
{
	static struct vmrpc_vm_info infos[64];
	uint8_t junk[512];
	uint32_t i;
	int fd;

	switch (pick(fuzzer, 8)) {
	case 0:
		ioctl(tvm.fd, VMRPC_VM_RESET);
		break;
	case 1:
		madvise(vmrpc_channel_control(&channel), (1 + 2 * SLOTS) * 4096, MADV_DONTNEED);
		break;
	case 2:
		fd = vmrpc_attach(tvm.name);
		if (fd >= 0) {
			vmrpc_info(fd);
			vmrpc_stat(fd, VMRPC_STAT_GUEST, VMRPC_ECHO_MODULE, VMRPC_ECHO_ECHO);
			close(fd);
		}
		break;
	case 3:
		user_server(fuzzer, pick(fuzzer, VMRPC_TEST_VCPUS));
		break;
	case 4:
	case 5:
		change_memslot(fuzzer);
		empty_dirty_rings();
		break;
	default:
		for (i = 0; i < sizeof(junk); i++)
			junk[i] = pick(fuzzer, 4) ? 0 : pick(fuzzer, 256);
		((struct vmrpc_entries *)junk)->entries = number(fuzzer, (unsigned long)infos);
		fd = open("/dev/vmrpc", O_RDWR);
		ioctl(fd, pick(fuzzer, 2) ? VMRPC_DEV_LIST : VMRPC_DEV_ATTACH, junk);
		close(fd);
	}
	usleep(2000);
}

static void *fuzz(void *arg)
{
	struct fuzzer *fuzzer = arg;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		fuzzer->step(fuzzer);
	return NULL;
}

static void run(int seconds)
{
	struct fuzzer fuzzers[VMRPC_TEST_VCPUS + CALLERS + 2] = { };
	int i, n = ARRAY_SIZE(fuzzers);
	time_t end = time(NULL) + seconds;

	for (i = 0; i < n; i++) {
		fuzzers[i].step = i < VMRPC_TEST_VCPUS ? hypercall :
				  i < VMRPC_TEST_VCPUS + CALLERS ? call :
				  i == n - 2 ? scribble : manage;
		if (i < VMRPC_TEST_VCPUS)
			fuzzers[i].vcpu = tvm.vcpus[i];
		fuzzers[i].random = seed + i;
		pthread_create(&fuzzers[i].thread, NULL, fuzz, &fuzzers[i]);
	}
	/* What parks or sleeps does so until a signal comes. */
	while (time(NULL) < end) {
		usleep(3000);
		for (i = 0; i < VMRPC_TEST_VCPUS; i++)
			pthread_kill(fuzzers[i].thread, SIGUSR1);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < n; i++) {
		if (i < VMRPC_TEST_VCPUS)
			vmrpc_signal_until_ended(fuzzers[i].thread);
		else
			pthread_join(fuzzers[i].thread, NULL);
	}
}

int main(int argc, char **argv)
{
	int seconds;

	vmrpc_fuzz_options(argc, argv, &seconds, &seed);
	ksft_print_header();
	if (!kvm_has_cap(KVM_CAP_VMRPC))
		ksft_exit_skip("the host kernel has no KVM_CAP_VMRPC\n");
	if (vmrpc_server_load())
		ksft_exit_skip("vmrpc_test_server.ko cannot be loaded\n");
	ksft_set_plan(1);
	ksft_print_msg("seed %u, %d s\n", seed, seconds);
	vmrpc_tvm_create_dirty_ring(&tvm, seed % 2 ? RING_BYTES : 0);
	vmrpc_tvm_enable(&tvm, -1);
	add_user_server();
	memory_init();
	TEST_ASSERT(!vmrpc_bind(tvm.vcpus[0], VMRPC_TEST_MODULE, VMRPC_TEST_VERSION, &first_handle),
		    "BIND failed");
	run(seconds);
	vmrpc_tvm_free(&tvm);
	ksft_print_msg("%lu hypercalls, %lu calls, %lu changes of a memslot\n", hypercalls, calls,
		       memslots);
	ksft_test_result(!vmrpc_server_unload() && !vmrpc_server_load(), "everything_at_random_ends\n");
	ksft_finished();
}
