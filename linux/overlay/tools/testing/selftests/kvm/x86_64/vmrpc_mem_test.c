// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of outsourced memory: the test is the VMM that gives it, the guest that has it, and
 * the client that takes it back.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vmrpc_util.h"

#define SIZE		((uint64_t)VMRPC_MEM_ALIGN)
#define NR_BLOCKS	(SIZE / VMRPC_MEM_BLOCK)
#define GPA		(1ull << 39)
#define BLOCKS_SLOT	10

FIXTURE(mem)
{
	struct vmrpc_tvm tvm;
	struct kvm_vcpu *vcpu;
	int file;
	struct vmrpc_vm_set_mem set;
	uint64_t file_size;
	uint8_t *memory;		/* the table's block, and all blocks */
	struct vmrpc_mem_table *table;
	uint8_t *states;
	uint64_t handle;
	uint64_t gva;
};

static int set_mem(int fd, const struct vmrpc_vm_set_mem *set)
{
	return ioctl(fd, VMRPC_VM_SET_MEM, set) ? errno : 0;
}

static int mem_size(int fd, unsigned long cmd, uint64_t *size)
{
	struct vmrpc_vm_mem_size arg = { .size = *size };

	if (ioctl(fd, cmd, &arg))
		return errno;
	*size = arg.size;
	return 0;
}

static int limit(int fd, uint64_t size)
{
	return mem_size(fd, VMRPC_VM_MEM_LIMIT, &size);
}

static int reclaim(int fd, uint64_t *size)
{
	return mem_size(fd, VMRPC_VM_MEM_RECLAIM, size);
}

static int info(int fd, struct vmrpc_vm_mem_info *info)
{
	return ioctl(fd, VMRPC_VM_MEM_INFO, info) ? errno : 0;
}

static int set_idle(int fd, uint32_t ms, uint32_t idle_ms)
{
	struct vmrpc_vm_mem_auto arg = { .ms = ms, .idle_ms = idle_ms };

	return ioctl(fd, VMRPC_VM_MEM_AUTO, &arg) ? errno : 0;
}

static int set_auto(int fd, uint32_t ms)
{
	return set_idle(fd, ms, 0);
}

/* Of huge pages, what one line of /proc/meminfo tells. */
static unsigned long pool(const char *format)
{
	FILE *file = fopen("/proc/meminfo", "r");
	unsigned long pages = 0;
	char line[128];

	TEST_ASSERT(file, "fopen(): errno %d", errno);
	while (fgets(line, sizeof(line), file) && sscanf(line, format, &pages) != 1)
		;
	fclose(file);
	return pages;
}

static unsigned long pool_free(void)
{
	return pool("HugePages_Free: %lu");
}

static void pool_set(unsigned long pages)
{
	FILE *file = fopen("/proc/sys/vm/nr_hugepages", "w");

	TEST_ASSERT(file, "fopen(): errno %d", errno);
	fprintf(file, "%lu", pages);
	fclose(file);
}

/* Bytes of @memory that there are, of the table and the blocks. */
static uint64_t resident_bytes(int file, uint8_t *memory, bool private)
{
	static unsigned char pages[SIZE / 4096];
	uint64_t bytes;
	struct stat st;
	size_t n;

	TEST_ASSERT(!fstat(file, &st), "fstat(): errno %d", errno);
	bytes = st.st_blocks * 512ull;
	if (!private)
		return bytes;
	TEST_ASSERT(!mincore(memory + VMRPC_MEM_BLOCK, SIZE, pages), "mincore(): errno %d", errno);
	for (n = 0; n < SIZE / 4096; n++)
		bytes += (pages[n] & 1) * 4096;
	return bytes;
}

static uint8_t *block(uint8_t *memory, uint64_t n)
{
	return memory + (1 + n) * VMRPC_MEM_BLOCK;
}

/* The file, and what is not in it from private memory, side by side. */
static uint8_t *map_all(int file, uint64_t file_size)
{
	uint8_t *memory = mmap(NULL, 2 * VMRPC_MEM_BLOCK + SIZE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	TEST_ASSERT(memory != MAP_FAILED, "mmap(): errno %d", errno);
	memory += -(uintptr_t)memory % VMRPC_MEM_BLOCK;
	TEST_ASSERT(mmap(memory, file_size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED | MAP_NORESERVE, file, 0) == memory,
		    "mmap(): errno %d", errno);
	return memory;
}

#define resident(self)	resident_bytes((self)->file, (self)->memory, (self)->set.flags)

/* Where the blocks are. */
FIXTURE_VARIANT(mem)
{
	bool private;
};

FIXTURE_VARIANT_ADD(mem, file) {};
FIXTURE_VARIANT_ADD(mem, private) { .private = true };

FIXTURE_SETUP(mem)
{
	if (!kvm_has_cap(KVM_CAP_VMRPC))
		SKIP(return, "the host kernel has no KVM_CAP_VMRPC");
	vmrpc_tvm_create(&self->tvm);
	vmrpc_tvm_enable(&self->tvm, -1);
	self->vcpu = self->tvm.vcpus[0];
	self->file = memfd_create("mem", MFD_CLOEXEC);
	ASSERT_LE(0, self->file);
	self->file_size = VMRPC_MEM_BLOCK + (variant->private ? 0 : SIZE);
	ASSERT_EQ(0, ftruncate(self->file, self->file_size));
	self->memory = map_all(self->file, self->file_size);
	self->table = (void *)self->memory;
	self->states = (uint8_t *)(self->table + 1);
	self->set = (struct vmrpc_vm_set_mem){
		.fd = self->file, .gpa = GPA, .size = SIZE, .limit = SIZE,
		.flags = variant->private ? VMRPC_MEM_PRIVATE : 0,
	};
	vm_set_user_memory_region(self->tvm.vm, BLOCKS_SLOT, 0, GPA, SIZE, block(self->memory, 0));
	self->gva = vm_vaddr_alloc_page(self->tvm.vm);
}

FIXTURE_TEARDOWN(mem)
{
	munmap(self->memory, VMRPC_MEM_BLOCK + SIZE);
	close(self->file);
	vmrpc_tvm_free(&self->tvm);
}

/* As a guest's kernel does: the memory is its. */
static int64_t attach(struct kvm_vcpu *vcpu, uint64_t gva, uint64_t *handle)
{
	int64_t ret = vmrpc_bind(vcpu, VMRPC_MEM_MODULE, VMRPC_MEM_VERSION, handle);

	return ret ? ret : vmrpc_perform(vcpu, *handle, VMRPC_MEM_ATTACH, gva,
					 sizeof(struct vmrpc_mem_region), NULL);
}

/* The begin of most cases. */
#define set_and_attach(self)								\
do {											\
	ASSERT_EQ(0, set_mem((self)->tvm.fd, &(self)->set));				\
	ASSERT_EQ(0, attach((self)->vcpu, (self)->gva, &(self)->handle));		\
} while (0)

/* The block was used, and is not any more. */
#define fill_and_free(self, n)								\
do {											\
	memset(block((self)->memory, n), 0xaa, VMRPC_MEM_BLOCK);			\
	(self)->states[n] = VMRPC_MEM_FREE;						\
} while (0)

TEST_F(mem, none_refused)
{
	struct vmrpc_vm_mem_info mem;
	uint64_t size = SIZE;

	ASSERT_EQ(ENODEV, info(self->tvm.fd, &mem));
	ASSERT_EQ(ENODEV, limit(self->tvm.fd, SIZE));
	ASSERT_EQ(ENODEV, reclaim(self->tvm.fd, &size));
	ASSERT_EQ(ENODEV, set_auto(self->tvm.fd, 1000));
	ASSERT_EQ(-VMRPC_ENOENT, attach(self->vcpu, self->gva, &self->handle));
}

TEST_F(mem, attached_region_told)
{
	struct vmrpc_mem_region *region = addr_gva2hva(self->tvm.vm, self->gva);
	struct vmrpc_vm_mem_info mem;

	set_and_attach(self);
	ASSERT_EQ(GPA, region->blocks);
	ASSERT_EQ(GPA - VMRPC_MEM_BLOCK, region->table);
	ASSERT_EQ(NR_BLOCKS, region->nr_blocks);
	ASSERT_EQ(0, region->reserved);
	ASSERT_EQ(NR_BLOCKS, self->table->limit);
	ASSERT_EQ(0, info(self->tvm.fd, &mem));
	ASSERT_EQ(SIZE, mem.max);
	ASSERT_EQ(SIZE, mem.limit);
	ASSERT_EQ(SIZE, mem.absent);
	ASSERT_EQ(1, mem.attached);
}

TEST_F(mem, not_attached_refused)
{
	struct vmrpc_vm_mem_info mem;
	uint64_t size = SIZE;

	ASSERT_EQ(0, set_mem(self->tvm.fd, &self->set));
	ASSERT_EQ(0, info(self->tvm.fd, &mem));
	ASSERT_EQ(0, mem.attached);
	ASSERT_EQ(ENOTCONN, limit(self->tvm.fd, SIZE));
	ASSERT_EQ(ENOTCONN, reclaim(self->tvm.fd, &size));
}

TEST_F(mem, attached_by_a_process_refused)
{
	struct vmrpc_bind *bind = vmrpc_bind_fill(self->tvm.vm, self->gva, VMRPC_MEM_MODULE,
						  VMRPC_MEM_VERSION);

	ASSERT_EQ(0, set_mem(self->tvm.fd, &self->set));
	bind->flags = VMRPC_BIND_PROCESS;
	ASSERT_EQ(0, vmrpc_hypercall(self->vcpu, VMRPC_OP_BIND, 0, 0, self->gva, &self->handle));
	ASSERT_EQ(-VMRPC_EPERM, vmrpc_perform(self->vcpu, self->handle, VMRPC_MEM_ATTACH,
					      self->gva, sizeof(struct vmrpc_mem_region), NULL));
}

TEST_F(mem, set_twice_exists)
{
	ASSERT_EQ(0, set_mem(self->tvm.fd, &self->set));
	ASSERT_EQ(EEXIST, set_mem(self->tvm.fd, &self->set));
}

TEST_F(mem, set_by_a_client_refused)
{
	int fd = vmrpc_attach(self->tvm.name);

	ASSERT_LE(0, fd);
	ASSERT_EQ(EACCES, set_mem(fd, &self->set));
	close(fd);
}

#define TEST_SET_REFUSED(_name, _errno, _change)					\
TEST_F(mem, _name)									\
{											\
	_change;									\
	ASSERT_EQ(_errno, set_mem(self->tvm.fd, &self->set));				\
	ASSERT_EQ(-VMRPC_ENOENT, attach(self->vcpu, self->gva, &self->handle));		\
}

TEST_SET_REFUSED(file_closed_refused, EBADF, self->set.fd = 1000)
TEST_SET_REFUSED(file_of_another_kind_refused, EINVAL, self->set.fd = self->tvm.fd)
TEST_SET_REFUSED(file_too_short_refused, EINVAL,
		 ASSERT_EQ(0, ftruncate(self->file, self->file_size - 4096)))
TEST_SET_REFUSED(flags_set_refused, EINVAL, self->set.flags |= 2)
TEST_SET_REFUSED(reserved_set_refused, EINVAL, self->set.reserved[1] = 1)
TEST_SET_REFUSED(address_zero_refused, EINVAL, self->set.gpa = 0)
TEST_SET_REFUSED(address_not_aligned_refused, EINVAL, self->set.gpa += VMRPC_MEM_BLOCK)
TEST_SET_REFUSED(address_wraps_refused, EINVAL, self->set.gpa = -SIZE)
TEST_SET_REFUSED(size_zero_refused, EINVAL, self->set.size = self->set.limit = 0)
TEST_SET_REFUSED(size_not_aligned_refused, EINVAL, self->set.size -= VMRPC_MEM_BLOCK)
TEST_SET_REFUSED(size_over_most_refused, EINVAL,
		 self->set.size = ((uint64_t)VMRPC_MEM_MAX_BLOCKS + 64) * VMRPC_MEM_BLOCK)
TEST_SET_REFUSED(limit_over_size_refused, EINVAL, self->set.limit += VMRPC_MEM_BLOCK)
TEST_SET_REFUSED(limit_not_aligned_refused, EINVAL, self->set.limit -= 4096)
TEST_SET_REFUSED(pin_max_not_aligned_refused, EINVAL, self->set.pin_max = 4095)

TEST_F(mem, free_taken_others_not)
{
	struct vmrpc_vm_mem_info mem;
	uint64_t before, size = SIZE;
	int n;

	set_and_attach(self);
	for (n = 0; n < 4; n++)
		fill_and_free(self, n);
	self->states[1] = VMRPC_MEM_USED;
	self->states[3] = VMRPC_MEM_BUSY;
	before = resident(self);
	ASSERT_EQ(0, reclaim(self->tvm.fd, &size));
	ASSERT_EQ(2 * VMRPC_MEM_BLOCK, size);
	ASSERT_EQ(before - 2 * VMRPC_MEM_BLOCK, resident(self));
	ASSERT_EQ(VMRPC_MEM_ABSENT, self->states[0]);
	ASSERT_EQ(VMRPC_MEM_USED, self->states[1]);
	ASSERT_EQ(VMRPC_MEM_ABSENT, self->states[2]);
	ASSERT_EQ(VMRPC_MEM_BUSY, self->states[3]);
	ASSERT_EQ(0, block(self->memory, 0)[0]);
	ASSERT_EQ(0xaa, block(self->memory, 1)[0]);
	ASSERT_EQ(0xaa, block(self->memory, 1)[VMRPC_MEM_BLOCK - 1]);
	ASSERT_EQ(0, block(self->memory, 2)[VMRPC_MEM_BLOCK - 1]);
	ASSERT_EQ(0xaa, block(self->memory, 3)[0]);
	ASSERT_EQ(0, info(self->tvm.fd, &mem));
	ASSERT_EQ(2 * VMRPC_MEM_BLOCK, mem.reclaimed);
	ASSERT_EQ(VMRPC_MEM_BLOCK, mem.used);
	ASSERT_EQ(VMRPC_MEM_BLOCK, mem.free);
}

TEST_F(mem, as_much_as_asked_taken)
{
	uint64_t size = 1;

	set_and_attach(self);
	fill_and_free(self, 5);
	fill_and_free(self, NR_BLOCKS - 1);
	ASSERT_EQ(0, reclaim(self->tvm.fd, &size));
	ASSERT_EQ(VMRPC_MEM_BLOCK, size);
	size = 0;
	ASSERT_EQ(0, reclaim(self->tvm.fd, &size));
	ASSERT_EQ(0, size);
	size = -1;
	ASSERT_EQ(0, reclaim(self->tvm.fd, &size));
	ASSERT_EQ(VMRPC_MEM_BLOCK, size);
	ASSERT_EQ(VMRPC_MEM_ABSENT, self->states[NR_BLOCKS - 1]);
}

TEST_F(mem, all_taken_in_runs)
{
	uint64_t size = SIZE;
	unsigned int n;

	set_and_attach(self);
	for (n = 0; n < NR_BLOCKS; n++)
		fill_and_free(self, n);
	ASSERT_EQ(0, reclaim(self->tvm.fd, &size));
	ASSERT_EQ(SIZE, size);
	for (n = 0; n < NR_BLOCKS; n++)
		ASSERT_EQ(VMRPC_MEM_ABSENT, self->states[n]);
	/* The table's own, a huge page at most. */
	ASSERT_GE(VMRPC_MEM_BLOCK, resident(self));
}

TEST_F(mem, states_that_are_none_left_alone)
{
	struct vmrpc_vm_mem_info mem;
	uint64_t size = SIZE;

	set_and_attach(self);
	memset(self->states, 0xff, NR_BLOCKS);
	ASSERT_EQ(0, reclaim(self->tvm.fd, &size));
	ASSERT_EQ(0, size);
	ASSERT_EQ(0, info(self->tvm.fd, &mem));
	ASSERT_EQ(0, mem.used + mem.free + mem.absent);
}

TEST_F(mem, limit_told_to_the_guest)
{
	set_and_attach(self);
	ASSERT_EQ(0, limit(self->tvm.fd, 5 * VMRPC_MEM_BLOCK + 1));
	ASSERT_EQ(5, self->table->limit);
	ASSERT_EQ(ERANGE, limit(self->tvm.fd, SIZE + VMRPC_MEM_BLOCK));
	ASSERT_EQ(5, self->table->limit);
	ASSERT_EQ(0, limit(self->tvm.fd, 0));
	ASSERT_EQ(0, self->table->limit);
}

TEST_F(mem, reserved_of_size_set_refused)
{
	struct vmrpc_vm_mem_size arg = { .size = SIZE, .reserved = 1 };

	set_and_attach(self);
	ASSERT_EQ(-1, ioctl(self->tvm.fd, VMRPC_VM_MEM_LIMIT, &arg));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(-1, ioctl(self->tvm.fd, VMRPC_VM_MEM_RECLAIM, &arg));
	ASSERT_EQ(EINVAL, errno);
}

static void *reclaim_all(void *arg)
{
	uint64_t size = SIZE;

	TEST_ASSERT(!reclaim(*(int *)arg, &size), "Reclaim failed, errno %d", errno);
	return NULL;
}

/* Returns whether block 0 was seen to be BUSY, and waited for. */
static bool reclaim_and_wait(struct kvm_vcpu *vcpu, int fd, uint64_t handle, uint8_t *states)
{
	bool seen = false;
	pthread_t thread;
	uint8_t state;

	TEST_ASSERT(!pthread_create(&thread, NULL, reclaim_all, &fd), "No thread");
	do {
		state = __atomic_load_n(&states[0], __ATOMIC_ACQUIRE);
		seen = state == VMRPC_MEM_BUSY;
	} while (state != VMRPC_MEM_ABSENT && !seen);
	if (seen) {
		TEST_ASSERT(!vmrpc_perform(vcpu, handle, VMRPC_MEM_WAIT, 0, 0, NULL), "WAIT failed");
		state = __atomic_load_n(&states[0], __ATOMIC_ACQUIRE);
		TEST_ASSERT(state == VMRPC_MEM_ABSENT, "State %u after WAIT", state);
	}
	pthread_join(thread, NULL);
	return seen;
}

TEST_F(mem, busy_waited_for)
{
	int n, tries = 100;

	set_and_attach(self);
	do {
		for (n = 0; n < 32; n++)
			fill_and_free(self, n);
	} while (!reclaim_and_wait(self->vcpu, self->tvm.fd, self->handle, self->states) && --tries);
	ASSERT_LT(0, tries);
}

#define AUTO_MS		400

#define state_of(self, n)	__atomic_load_n(&(self)->states[n], __ATOMIC_ACQUIRE)

TEST_F(mem, auto_takes_what_stays_free)
{
	struct vmrpc_vm_mem_info mem;
	struct timespec begin;

	set_and_attach(self);
	fill_and_free(self, 0);
	fill_and_free(self, 1);
	self->states[1] = VMRPC_MEM_USED;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	ASSERT_EQ(0, set_auto(self->tvm.fd, AUTO_MS));
	ASSERT_EQ(0, info(self->tvm.fd, &mem));
	ASSERT_EQ(AUTO_MS, mem.auto_ms);
	VMRPC_WAIT_FOR(state_of(self, 0) == VMRPC_MEM_ABSENT);
	ASSERT_LE(AUTO_MS, timespec_to_ns(timespec_elapsed(begin)) / 1000000);
	ASSERT_EQ(VMRPC_MEM_USED, self->states[1]);
	ASSERT_EQ(0, block(self->memory, 0)[0]);
	ASSERT_EQ(0xaa, block(self->memory, 1)[0]);
	/* It goes on. */
	self->states[1] = VMRPC_MEM_FREE;
	VMRPC_WAIT_FOR(state_of(self, 1) == VMRPC_MEM_ABSENT);
	ASSERT_EQ(0, info(self->tvm.fd, &mem));
	ASSERT_EQ(2 * VMRPC_MEM_BLOCK, mem.reclaimed);
}

/* Seen free more often than it takes, but never so often on end. */
TEST_F(mem, auto_leaves_what_does_not_stay_free)
{
	int n;

	set_and_attach(self);
	fill_and_free(self, 0);
	ASSERT_EQ(0, set_auto(self->tvm.fd, 4000));
	for (n = 0; n < 5; n++) {
		self->states[0] = VMRPC_MEM_FREE;
		usleep(1600000);
		self->states[0] = VMRPC_MEM_USED;
		usleep(1100000);
		ASSERT_EQ(0xaa, block(self->memory, 0)[0]);
	}
}

TEST_F(mem, auto_off_takes_nothing)
{
	struct vmrpc_vm_mem_info mem;

	set_and_attach(self);
	ASSERT_EQ(0, set_auto(self->tvm.fd, VMRPC_MEM_AUTO_MIN_MS));
	ASSERT_EQ(0, set_auto(self->tvm.fd, 0));
	fill_and_free(self, 0);
	usleep(500000);
	ASSERT_EQ(VMRPC_MEM_FREE, state_of(self, 0));
	ASSERT_EQ(0, info(self->tvm.fd, &mem));
	ASSERT_EQ(0, mem.auto_ms);
}

TEST_F(mem, auto_out_of_range_refused)
{
	struct vmrpc_vm_mem_auto arg = { .ms = 1000, .reserved = { 0, 1 } };

	set_and_attach(self);
	ASSERT_EQ(EINVAL, set_auto(self->tvm.fd, VMRPC_MEM_AUTO_MIN_MS - 1));
	ASSERT_EQ(EINVAL, set_auto(self->tvm.fd, VMRPC_MEM_AUTO_MAX_MS + 1));
	ASSERT_EQ(-1, ioctl(self->tvm.fd, VMRPC_VM_MEM_AUTO, &arg));
	ASSERT_EQ(EINVAL, errno);
}

TEST_F(mem, idle_out_of_range_refused)
{
	struct vmrpc_vm_mem_info mem;

	set_and_attach(self);
	ASSERT_EQ(EINVAL, set_idle(self->tvm.fd, 1000, VMRPC_MEM_IDLE_MIN_MS - 1));
	ASSERT_EQ(EINVAL, set_idle(self->tvm.fd, 1000, VMRPC_MEM_AUTO_MAX_MS + 1));
	ASSERT_EQ(EINVAL, set_idle(self->tvm.fd, 0, VMRPC_MEM_IDLE_MIN_MS));
	ASSERT_EQ(0, info(self->tvm.fd, &mem));
	ASSERT_EQ(0, mem.auto_ms);
	ASSERT_EQ(0, mem.idle_ms);
}

/* A guest without a channel cannot be asked: what is FREE is taken all the same. */
TEST_F(mem, idle_of_who_cannot_be_asked)
{
	struct vmrpc_vm_mem_info mem;

	set_and_attach(self);
	ASSERT_EQ(0, set_idle(self->tvm.fd, VMRPC_MEM_AUTO_MIN_MS, VMRPC_MEM_IDLE_MIN_MS));
	ASSERT_EQ(0, info(self->tvm.fd, &mem));
	ASSERT_EQ(VMRPC_MEM_IDLE_MIN_MS, mem.idle_ms);
	usleep(2500000);
	fill_and_free(self, 0);
	VMRPC_WAIT_FOR(state_of(self, 0) == VMRPC_MEM_ABSENT);
	ASSERT_EQ(0, set_auto(self->tvm.fd, VMRPC_MEM_AUTO_MIN_MS));
	ASSERT_EQ(0, info(self->tvm.fd, &mem));
	ASSERT_EQ(0, mem.idle_ms);
}

TEST_F(mem, auto_ends_with_the_vm)
{
	int fd = vmrpc_attach(self->tvm.name);

	ASSERT_LE(0, fd);
	set_and_attach(self);
	ASSERT_EQ(0, set_auto(fd, VMRPC_MEM_AUTO_MIN_MS));
	kvm_vm_free(self->tvm.vm);
	self->tvm.vm = NULL;
	fill_and_free(self, 0);
	usleep(500000);
	ASSERT_EQ(VMRPC_MEM_FREE, state_of(self, 0));
	ASSERT_EQ(ESHUTDOWN, set_auto(fd, VMRPC_MEM_AUTO_MIN_MS));
	close(fd);
}

/* As a host does that is short of memory, for all that has a shrinker. */
static void shrink(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);

	TEST_ASSERT(fd >= 0 && write(fd, "2", 1) == 1, "drop_caches: errno %d", errno);
	close(fd);
}

static unsigned int count_states(const uint8_t *states, uint8_t state)
{
	unsigned int n, count = 0;

	for (n = 0; n < NR_BLOCKS; n++)
		count += __atomic_load_n(&states[n], __ATOMIC_ACQUIRE) == state;
	return count;
}

TEST_F(mem, host_short_of_memory_takes_what_is_free)
{
	uint64_t n;

	set_and_attach(self);
	for (n = 0; n < NR_BLOCKS; n++)
		fill_and_free(self, n);
	self->states[7] = VMRPC_MEM_USED;
	VMRPC_WAIT_FOR((shrink(), count_states(self->states, VMRPC_MEM_ABSENT) == NR_BLOCKS - 1));
	ASSERT_EQ(VMRPC_MEM_USED, self->states[7]);
	ASSERT_EQ(0xaa, block(self->memory, 7)[0]);
	ASSERT_GE(2 * VMRPC_MEM_BLOCK, resident(self));
}

static int64_t shrink_ms(void)
{
	struct timespec begin;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	shrink();
	return timespec_to_ns(timespec_elapsed(begin)) / 1000000;
}

/* A guest that says FREE of what is not there, and has memory elsewhere, has nobody wait. */
TEST_F(mem, host_short_of_memory_believes_no_state)
{
	int64_t ms = 0, without = shrink_ms();
	int n;

	set_and_attach(self);
	memset(block(self->memory, 0), 0xaa, 16 * VMRPC_MEM_BLOCK);
	for (n = 0; n < 5; n++) {
		memset(self->states, VMRPC_MEM_USED, 16);
		memset(self->states + 16, VMRPC_MEM_FREE, NR_BLOCKS - 16);
		ms += shrink_ms();
	}
	ASSERT_GT(2000 + 20 * without, ms);
	ASSERT_EQ(0xaa, block(self->memory, 15)[0]);
}

TEST_F(mem, file_sealed_refused_and_forgotten)
{
	int sealed = memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	ASSERT_LE(0, sealed);
	ASSERT_EQ(0, ftruncate(sealed, VMRPC_MEM_BLOCK + SIZE));
	ASSERT_EQ(0, fcntl(sealed, F_ADD_SEALS, F_SEAL_WRITE));
	self->set.fd = sealed;
	ASSERT_EQ(EPERM, set_mem(self->tvm.fd, &self->set));
	self->set.fd = self->file;
	ASSERT_EQ(0, set_mem(self->tvm.fd, &self->set));
	close(sealed);
}

TEST_F(mem, attached_again_all_absent)
{
	set_and_attach(self);
	memset(block(self->memory, 0), 0xaa, VMRPC_MEM_BLOCK);
	self->states[0] = VMRPC_MEM_USED;
	ASSERT_EQ(0, vmrpc_perform(self->vcpu, self->handle, VMRPC_MEM_ATTACH, self->gva,
				   sizeof(struct vmrpc_mem_region), NULL));
	ASSERT_EQ(VMRPC_MEM_ABSENT, self->states[0]);
	ASSERT_EQ(0, block(self->memory, 0)[0]);
}

TEST_F(mem, reset_detaches_limit_stays)
{
	struct vmrpc_vm_mem_info mem;

	set_and_attach(self);
	ASSERT_EQ(0, limit(self->tvm.fd, 3 * VMRPC_MEM_BLOCK));
	memset(block(self->memory, 0), 0xaa, VMRPC_MEM_BLOCK);
	self->states[0] = VMRPC_MEM_USED;
	ASSERT_EQ(0, ioctl(self->tvm.fd, VMRPC_VM_RESET));
	ASSERT_EQ(0, info(self->tvm.fd, &mem));
	ASSERT_EQ(0, mem.attached);
	ASSERT_GE(VMRPC_MEM_BLOCK, mem.resident);
	ASSERT_EQ(3 * VMRPC_MEM_BLOCK, mem.limit);
	ASSERT_EQ(0, attach(self->vcpu, self->gva, &self->handle));
	ASSERT_EQ(3, self->table->limit);
}

/* What a kernel does that dumps one that crashed. */
TEST_F(mem, where_it_is_told_nothing_changes)
{
	struct vmrpc_mem_region *region;
	uint64_t handle;

	set_and_attach(self);
	fill_and_free(self, 0);
	self->states[0] = VMRPC_MEM_USED;
	ASSERT_EQ(0, vmrpc_bind(self->vcpu, VMRPC_MEM_MODULE, VMRPC_MEM_VERSION, &handle));
	region = addr_gva2hva(self->tvm.vm, self->gva);
	memset(region, 0xff, sizeof(*region));
	ASSERT_EQ(0, vmrpc_perform(self->vcpu, handle, VMRPC_MEM_WHERE, self->gva, sizeof(*region),
				   NULL));
	ASSERT_EQ(GPA - VMRPC_MEM_BLOCK, region->table);
	ASSERT_EQ(GPA, region->blocks);
	ASSERT_EQ(NR_BLOCKS, region->nr_blocks);
	ASSERT_EQ(0, region->reserved);
	ASSERT_EQ(VMRPC_MEM_USED, self->states[0]);
	ASSERT_EQ(0xaa, block(self->memory, 0)[0]);
	ASSERT_EQ(0, vmrpc_perform(self->vcpu, handle, VMRPC_MEM_DETACH, 0, 0, NULL));
	ASSERT_EQ(-VMRPC_ENOTCONN, vmrpc_perform(self->vcpu, handle, VMRPC_MEM_WHERE, self->gva,
						 sizeof(*region), NULL));
}

static int load(int fd, uint64_t size)
{
	return mem_size(fd, VMRPC_VM_MEM_LOAD, &size);
}

/* What a VMM does that loads a snapshot. */
TEST_F(mem, loaded_goes_on)
{
	struct vmrpc_vm_mem_info mem;
	uint64_t size = SIZE;

	ASSERT_EQ(0, set_mem(self->tvm.fd, &self->set));
	fill_and_free(self, 0);
	fill_and_free(self, 1);
	fill_and_free(self, 2);
	self->states[1] = VMRPC_MEM_USED;
	self->states[2] = VMRPC_MEM_BUSY;
	ASSERT_EQ(0, load(self->tvm.fd, SIZE / 2));
	ASSERT_EQ(0, info(self->tvm.fd, &mem));
	ASSERT_EQ(1, mem.attached);
	ASSERT_EQ(SIZE / 2, mem.limit);
	ASSERT_EQ(NR_BLOCKS / 2, self->table->limit);
	/* What was sent of others may be of any time; the host that was at one is not there any more. */
	ASSERT_EQ(VMRPC_MEM_ABSENT, self->states[0]);
	ASSERT_EQ(VMRPC_MEM_USED, self->states[1]);
	ASSERT_EQ(VMRPC_MEM_ABSENT, self->states[2]);
	ASSERT_EQ(0, reclaim(self->tvm.fd, &size));
	ASSERT_EQ(0, size);
	ASSERT_EQ(0, block(self->memory, 0)[0]);
	ASSERT_EQ(0xaa, block(self->memory, 1)[0]);
	ASSERT_EQ(0, block(self->memory, 2)[0]);
}

/* As a guest that takes it for zeros finds it. */
TEST_F(mem, loaded_absent_is_zeros)
{
	ASSERT_EQ(0, set_mem(self->tvm.fd, &self->set));
	fill_and_free(self, 3);
	self->states[3] = VMRPC_MEM_ABSENT;
	ASSERT_EQ(0, load(self->tvm.fd, SIZE));
	ASSERT_EQ(VMRPC_MEM_ABSENT, self->states[3]);
	ASSERT_EQ(0, block(self->memory, 3)[0]);
}

static int dropped(int fd, uint64_t *bitmap)
{
	struct vmrpc_vm_mem_dropped arg = { .bitmap = (uintptr_t)bitmap, .size = NR_BLOCKS / 8 };

	return ioctl(fd, VMRPC_VM_MEM_DROPPED, &arg) ? errno : 0;
}

TEST_F(mem, dropped_is_told_once)
{
	uint64_t size = SIZE, bitmap;

	set_and_attach(self);
	ASSERT_EQ(0, dropped(self->tvm.fd, &bitmap));
	ASSERT_EQ(UINT64_MAX, bitmap);
	fill_and_free(self, 0);
	fill_and_free(self, 5);
	fill_and_free(self, NR_BLOCKS - 1);
	ASSERT_EQ(0, reclaim(self->tvm.fd, &size));
	self->states[5] = VMRPC_MEM_USED;
	ASSERT_EQ(0, dropped(self->tvm.fd, &bitmap));
	ASSERT_EQ(1ull | 1ull << 5 | 1ull << (NR_BLOCKS - 1), bitmap);
	ASSERT_EQ(0, dropped(self->tvm.fd, &bitmap));
	ASSERT_EQ(0, bitmap);
	ASSERT_EQ(0, ioctl(self->tvm.fd, VMRPC_VM_RESET));
	ASSERT_EQ(0, dropped(self->tvm.fd, &bitmap));
	ASSERT_EQ(UINT64_MAX, bitmap);
}

TEST_F(mem, dropped_not_told_to_anyone)
{
	struct vmrpc_vm_mem_dropped arg = { .size = NR_BLOCKS / 8 };
	uint64_t bitmap[2] = { };
	int fd;

	ASSERT_EQ(ENODEV, dropped(self->tvm.fd, bitmap));
	ASSERT_EQ(0, set_mem(self->tvm.fd, &self->set));
	fd = vmrpc_attach(self->tvm.name);
	ASSERT_LE(0, fd);
	ASSERT_EQ(EACCES, dropped(fd, bitmap));
	close(fd);
	ASSERT_EQ(-1, ioctl(self->tvm.fd, VMRPC_VM_MEM_DROPPED, &arg));
	ASSERT_EQ(EFAULT, errno);
	arg.bitmap = (uintptr_t)bitmap;
	for (uint64_t size = 0; size <= sizeof(bitmap); size += 4) {
		arg.size = size == NR_BLOCKS / 8 ? UINT64_MAX : size;
		ASSERT_EQ(-1, ioctl(self->tvm.fd, VMRPC_VM_MEM_DROPPED, &arg));
		ASSERT_EQ(EINVAL, errno);
	}
	ASSERT_EQ(0, bitmap[0] | bitmap[1]);
}

/* The table may be older than what is in the blocks. */
TEST_F(mem, not_taken_while_it_is_loaded)
{
	ASSERT_EQ(0, set_mem(self->tvm.fd, &self->set));
	ASSERT_EQ(0, set_auto(self->tvm.fd, VMRPC_MEM_AUTO_MIN_MS));
	fill_and_free(self, 0);
	usleep(500000);
	ASSERT_EQ(VMRPC_MEM_FREE, state_of(self, 0));
	ASSERT_EQ(0xaa, block(self->memory, 0)[0]);
	ASSERT_EQ(0, load(self->tvm.fd, SIZE));
	VMRPC_WAIT_FOR(state_of(self, 0) == VMRPC_MEM_ABSENT);
}

TEST_F(mem, load_of_no_limit_refused)
{
	struct vmrpc_vm_mem_info mem;

	ASSERT_EQ(ENODEV, load(self->tvm.fd, SIZE));
	ASSERT_EQ(0, set_mem(self->tvm.fd, &self->set));
	ASSERT_EQ(EINVAL, load(self->tvm.fd, SIZE + VMRPC_MEM_BLOCK));
	ASSERT_EQ(EINVAL, load(self->tvm.fd, 4096));
	ASSERT_EQ(0, info(self->tvm.fd, &mem));
	ASSERT_EQ(0, mem.attached);
}

TEST_F(mem, load_by_a_client_refused)
{
	int fd;

	ASSERT_EQ(0, set_mem(self->tvm.fd, &self->set));
	fd = vmrpc_attach(self->tvm.name);
	ASSERT_LE(0, fd);
	ASSERT_EQ(EACCES, load(fd, SIZE));
	close(fd);
}

FIXTURE(private)
{
	struct vmrpc_tvm tvm;
	struct kvm_vcpu *vcpu;
	int file;
	struct vmrpc_vm_set_mem set;
	uint8_t *memory;
	struct vmrpc_mem_table *table;
	uint8_t *states;
	uint64_t handle;
	uint64_t gva;
};

/* The VMM's mistakes, and its other memory, which is not its guest's to lose. */
FIXTURE_SETUP(private)
{
	if (!kvm_has_cap(KVM_CAP_VMRPC))
		SKIP(return, "the host kernel has no KVM_CAP_VMRPC");
	vmrpc_tvm_create(&self->tvm);
	vmrpc_tvm_enable(&self->tvm, -1);
	self->vcpu = self->tvm.vcpus[0];
	self->file = memfd_create("table", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ASSERT_LE(0, self->file);
	ASSERT_EQ(0, ftruncate(self->file, VMRPC_MEM_BLOCK));
	self->memory = map_all(self->file, VMRPC_MEM_BLOCK);
	self->states = self->memory + sizeof(struct vmrpc_mem_table);
	self->set = (struct vmrpc_vm_set_mem){
		.fd = self->file, .flags = VMRPC_MEM_PRIVATE, .gpa = GPA, .size = SIZE, .limit = SIZE,
	};
	self->gva = vm_vaddr_alloc_page(self->tvm.vm);
}

FIXTURE_TEARDOWN(private)
{
	munmap(self->memory, VMRPC_MEM_BLOCK + SIZE);
	close(self->file);
	vmrpc_tvm_free(&self->tvm);
}

#define give_to_guest(self)								\
	vm_set_user_memory_region((self)->tvm.vm, BLOCKS_SLOT, 0, GPA, SIZE, block((self)->memory, 0))

TEST_F(private, not_given_to_the_guest_refused)
{
	struct vmrpc_vm_mem_info mem;

	ASSERT_EQ(0, set_mem(self->tvm.fd, &self->set));
	ASSERT_EQ(0, info(self->tvm.fd, &mem));
	ASSERT_EQ(4096, mem.resident);
	ASSERT_EQ(-VMRPC_EFAULT, attach(self->vcpu, self->gva, &self->handle));
	give_to_guest(self);
	ASSERT_EQ(0, attach(self->vcpu, self->gva, &self->handle));
}

/* What is of another kind, or not there, cannot be made zeros. */
TEST_F(private, memory_of_another_kind_kept)
{
	uint64_t size = SIZE;
	uint8_t *page;

	give_to_guest(self);
	set_and_attach(self);
	fill_and_free(self, 0);
	fill_and_free(self, 1);
	page = block(self->memory, 1) + 4096;
	ASSERT_EQ(page, mmap(page, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, self->file, 0));
	page[0] = 0xbb;
	ASSERT_EQ(EFAULT, reclaim(self->tvm.fd, &size));
	ASSERT_EQ(0xbb, page[0]);
	ASSERT_EQ(VMRPC_MEM_FREE, self->states[0]);
	ASSERT_EQ(0, munmap(page, 4096));
	ASSERT_EQ(EFAULT, reclaim(self->tvm.fd, &size));
	ASSERT_EQ(page, mmap(page, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	ASSERT_EQ(EFAULT, reclaim(self->tvm.fd, &size));
	ASSERT_EQ(0, mprotect(page, 4096, PROT_READ | PROT_WRITE));
	size = SIZE;
	ASSERT_EQ(0, reclaim(self->tvm.fd, &size));
	ASSERT_EQ(2 * VMRPC_MEM_BLOCK, size);
	ASSERT_EQ(VMRPC_MEM_ABSENT, self->states[1]);
	ASSERT_EQ(0, block(self->memory, 1)[0]);
}

/* Memory that the guest does not have any more. */
TEST_F(private, memory_taken_away_kept)
{
	uint64_t size = SIZE;

	give_to_guest(self);
	set_and_attach(self);
	fill_and_free(self, 0);
	vm_set_user_memory_region(self->tvm.vm, BLOCKS_SLOT, 0, GPA, 0, NULL);
	ASSERT_EQ(EFAULT, reclaim(self->tvm.fd, &size));
	ASSERT_EQ(0xaa, block(self->memory, 0)[0]);
}

TEST_F(private, sealed_table_refused)
{
	ASSERT_EQ(0, munmap(self->memory, VMRPC_MEM_BLOCK));
	ASSERT_EQ(0, fcntl(self->file, F_ADD_SEALS, F_SEAL_WRITE));
	ASSERT_EQ(EPERM, set_mem(self->tvm.fd, &self->set));
}

/* Nor is it sealed later, while it is written. */
TEST_F(private, table_not_sealed_later)
{
	ASSERT_EQ(0, munmap(self->memory, VMRPC_MEM_BLOCK));
	ASSERT_EQ(0, set_mem(self->tvm.fd, &self->set));
	ASSERT_EQ(-1, fcntl(self->file, F_ADD_SEALS, F_SEAL_WRITE));
	ASSERT_EQ(EBUSY, errno);
}

struct remap {
	uint8_t *page;
	volatile bool ends;
};

static void *map_and_unmap(void *data)
{
	struct remap *remap = data;

	while (!remap->ends) {
		mmap(remap->page, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		munmap(remap->page, 4096);
	}
	return NULL;
}

/* The VMM's mappings may change all the time, but for these. */
TEST_F(private, taken_while_others_are_mapped)
{
	struct remap remap = { .page = mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) };
	struct vmrpc_vm_mem_info mem;
	pthread_t thread;
	uint64_t size;
	int n;

	give_to_guest(self);
	set_and_attach(self);
	ASSERT_EQ(0, pthread_create(&thread, NULL, map_and_unmap, &remap));
	for (n = 0; n < 200; n++) {
		fill_and_free(self, n % NR_BLOCKS);
		size = SIZE;
		ASSERT_EQ(0, reclaim(self->tvm.fd, &size));
		ASSERT_EQ(VMRPC_MEM_BLOCK, size);
		ASSERT_EQ(0, info(self->tvm.fd, &mem));
		ASSERT_EQ(4096, mem.resident);
	}
	remap.ends = true;
	pthread_join(thread, NULL);
}

TEST_F(mem, resident_told)
{
	struct vmrpc_vm_mem_info mem;
	uint64_t before;

	set_and_attach(self);
	before = resident(self);
	ASSERT_EQ(0, info(self->tvm.fd, &mem));
	ASSERT_EQ(before, mem.resident);
	memset(block(self->memory, 3), 0xaa, VMRPC_MEM_BLOCK);
	block(self->memory, 7)[4096] = 1;
	ASSERT_LE(before + VMRPC_MEM_BLOCK + 4096, resident(self));
	ASSERT_EQ(0, info(self->tvm.fd, &mem));
	ASSERT_EQ(resident(self), mem.resident);
	ASSERT_EQ(0, mem.swapped);
}

/* Of the file's first block only the pages that the table takes. */
TEST_F(mem, table_takes_what_it_needs)
{
	ASSERT_EQ(0, set_mem(self->tvm.fd, &self->set));
	ASSERT_EQ(4096, resident(self));
}

FIXTURE(huge)
{
	struct vmrpc_tvm tvm;
	struct kvm_vcpu *vcpu;
	int file;
	struct vmrpc_vm_set_mem set;
	uint8_t *memory;		/* the file */
	uint8_t *states;
	uint64_t handle;
	uint64_t gva;
};

FIXTURE_SETUP(huge)
{
	if (!kvm_has_cap(KVM_CAP_VMRPC))
		SKIP(return, "the host kernel has no KVM_CAP_VMRPC");
	vmrpc_tvm_create(&self->tvm);
	vmrpc_tvm_enable(&self->tvm, -1);
	self->vcpu = self->tvm.vcpus[0];
	self->file = memfd_create("mem", MFD_CLOEXEC | MFD_HUGETLB | MFD_HUGE_2MB);
	ASSERT_LE(0, self->file);
	ASSERT_EQ(0, ftruncate(self->file, VMRPC_MEM_BLOCK + SIZE));
	self->memory = map_all(self->file, VMRPC_MEM_BLOCK + SIZE);
	self->states = self->memory + sizeof(struct vmrpc_mem_table);
	self->set = (struct vmrpc_vm_set_mem){
		.fd = self->file, .gpa = GPA, .size = SIZE, .limit = SIZE,
	};
	self->gva = vm_vaddr_alloc_page(self->tvm.vm);
}

FIXTURE_TEARDOWN(huge)
{
	munmap(self->memory, VMRPC_MEM_BLOCK + SIZE);
	close(self->file);
	vmrpc_tvm_free(&self->tvm);
}

/* A table alone takes no page of the pool. */
TEST_F(huge, table_refused)
{
	self->set.flags = VMRPC_MEM_PRIVATE;
	ASSERT_EQ(EINVAL, set_mem(self->tvm.fd, &self->set));
}

TEST_F(huge, given_and_taken)
{
	unsigned long before = pool("HugePages_Total: %lu"), all;
	struct vmrpc_vm_mem_info mem;
	uint64_t size = SIZE;

	pool_set(0);
	ASSERT_EQ(ENOSPC, set_mem(self->tvm.fd, &self->set));
	pool_set(before + 8);
	all = pool_free();
	ASSERT_LE(4, all);
	set_and_attach(self);
	fill_and_free(self, 0);
	fill_and_free(self, 1);
	fill_and_free(self, 2);
	self->states[1] = VMRPC_MEM_USED;
	ASSERT_EQ(all - 4, pool_free());
	ASSERT_EQ(0, info(self->tvm.fd, &mem));
	ASSERT_EQ(4 * VMRPC_MEM_BLOCK, mem.resident);
	ASSERT_EQ(0, mem.swapped);
	/* It is no help to who is short of other memory. */
	for (int n = 0; n < 10; n++)
		shrink();
	ASSERT_EQ(VMRPC_MEM_FREE, state_of(self, 0));
	ASSERT_EQ(0, reclaim(self->tvm.fd, &size));
	ASSERT_EQ(2 * VMRPC_MEM_BLOCK, size);
	ASSERT_EQ(all - 2, pool_free());
	ASSERT_EQ(0xaa, block(self->memory, 1)[0]);
	ASSERT_EQ(0, block(self->memory, 0)[0]);
	/* What is in use leaves the pool when it is not any more. */
	pool_set(before);
}

TEST_F(mem, detached_holds_nothing)
{
	struct vmrpc_vm_mem_info mem;

	set_and_attach(self);
	fill_and_free(self, 0);
	self->states[0] = VMRPC_MEM_USED;
	ASSERT_EQ(0, vmrpc_perform(self->vcpu, self->handle, VMRPC_MEM_DETACH, 0, 0, NULL));
	ASSERT_EQ(0, info(self->tvm.fd, &mem));
	ASSERT_EQ(0, mem.attached);
	ASSERT_EQ(SIZE, mem.absent);
	ASSERT_EQ(0, block(self->memory, 0)[0]);
	ASSERT_EQ(ENOTCONN, limit(self->tvm.fd, SIZE));
}

#define PAGE	4096ull

/* The VM, whose process this is, has its memory where tests can pin it, with room for some pages. */
#define set_and_attach_for_pins(self, pages)						\
do {											\
	(self)->set.pin_max = (pages) * PAGE;						\
	set_and_attach(self);								\
} while (0)

static int64_t pin(struct kvm_vcpu *vcpu, uint64_t handle, uint64_t gva,
		   const struct vmrpc_mem_range *ranges, int nr, uint64_t *number)
{
	memcpy(addr_gva2hva(vcpu->vm, gva), ranges, nr * sizeof(*ranges));
	return vmrpc_perform(vcpu, handle, VMRPC_MEM_PIN, gva, nr * sizeof(*ranges), number);
}

static int64_t pin_one(struct kvm_vcpu *vcpu, uint64_t handle, uint64_t gva, uint64_t gpa,
		       uint64_t size, uint64_t *number)
{
	struct vmrpc_mem_range range = { gpa, size };

	return pin(vcpu, handle, gva, &range, 1, number);
}

static int64_t unpin(struct kvm_vcpu *vcpu, uint64_t handle, uint64_t gva, uint64_t number)
{
	struct vmrpc_mem_unpin arg = { .pin = number };

	memcpy(addr_gva2hva(vcpu->vm, gva), &arg, sizeof(arg));
	return vmrpc_perform(vcpu, handle, VMRPC_MEM_UNPIN, gva, sizeof(arg), NULL);
}

#define pinned(self)									\
({											\
	struct vmrpc_vm_mem_info mem;							\
											\
	ASSERT_EQ(0, info((self)->tvm.fd, &mem));					\
	mem.pinned;									\
})

/* Bytes that this process has locked. */
static uint64_t locked(void)
{
	unsigned long long kib = 0;
	char line[128];
	FILE *file = fopen("/proc/self/status", "r");

	TEST_ASSERT(file, "no /proc/self/status: errno %d", errno);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "VmLck: %llu", &kib) == 1)
			break;
	fclose(file);
	return kib << 10;
}

TEST_F(mem, pinned_and_unpinned)
{
	uint64_t before = locked(), own = addr_gva2gpa(self->tvm.vm, self->gva), first, second;
	struct vmrpc_mem_range ranges[] = { { GPA, 2 * PAGE }, { own, PAGE }, { GPA, PAGE } };

	set_and_attach_for_pins(self, 8);
	ASSERT_EQ(0, pin(self->vcpu, self->handle, self->gva, ranges, 3, &first));
	ASSERT_EQ(3 * PAGE, pinned(self));
	ASSERT_EQ(before + 3 * PAGE, locked());
	ASSERT_EQ(0, pin_one(self->vcpu, self->handle, self->gva, GPA, PAGE, &second));
	ASSERT_NE(first, second);
	ASSERT_EQ(0, unpin(self->vcpu, self->handle, self->gva, first));
	ASSERT_EQ(PAGE, pinned(self));
	ASSERT_EQ(-VMRPC_ENOENT, unpin(self->vcpu, self->handle, self->gva, first));
	ASSERT_EQ(0, unpin(self->vcpu, self->handle, self->gva, second));
	ASSERT_EQ(0, pinned(self));
	ASSERT_EQ(before, locked());
}

/* As it cannot be paged out either. */
TEST_F(mem, huge_page_pinned_as_a_whole)
{
	uint64_t size = VMRPC_MEM_BLOCK, number, other;
	uint8_t *memory;

	set_and_attach_for_pins(self, 4 * size / PAGE);
	memory = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, memory);
	memory = (uint8_t *)(((uintptr_t)memory + size - 1) & -size);
	if (madvise(memory, size, MADV_HUGEPAGE))
		SKIP(return, "no huge pages: errno %d", errno);
	memory[0] = 1;
	vm_set_user_memory_region(self->tvm.vm, 11, 0, 1ull << 33, size, memory);
	ASSERT_EQ(0, pin_one(self->vcpu, self->handle, self->gva, (1ull << 33) + PAGE, PAGE, &number));
	ASSERT_EQ(size, pinned(self));
	ASSERT_EQ(0, pin_one(self->vcpu, self->handle, self->gva, (1ull << 33) + 3 * PAGE, PAGE, &other));
	ASSERT_EQ(size, pinned(self));
	ASSERT_EQ(0, unpin(self->vcpu, self->handle, self->gva, number));
	ASSERT_EQ(size, pinned(self));
	ASSERT_EQ(0, unpin(self->vcpu, self->handle, self->gva, other));
	ASSERT_EQ(0, pinned(self));
}

/* Whatever the guest says of it. */
TEST_F(mem, pinned_not_taken)
{
	uint64_t number, size = SIZE;

	set_and_attach_for_pins(self, 2);
	fill_and_free(self, 0);
	fill_and_free(self, 1);
	fill_and_free(self, 2);
	ASSERT_EQ(0, pin_one(self->vcpu, self->handle, self->gva, GPA + 2 * VMRPC_MEM_BLOCK - PAGE,
			     2 * PAGE, &number));
	ASSERT_EQ(0, reclaim(self->tvm.fd, &size));
	ASSERT_EQ(VMRPC_MEM_BLOCK, size);
	ASSERT_EQ(VMRPC_MEM_FREE, self->states[1]);
	ASSERT_EQ(0xaa, block(self->memory, 2)[0]);
	ASSERT_EQ(0, unpin(self->vcpu, self->handle, self->gva, number));
	size = SIZE;
	ASSERT_EQ(0, reclaim(self->tvm.fd, &size));
	ASSERT_EQ(2 * VMRPC_MEM_BLOCK, size);
}

TEST_F(mem, limit_below_pinned_refused)
{
	uint64_t number;

	set_and_attach_for_pins(self, 2);
	ASSERT_EQ(0, pin_one(self->vcpu, self->handle, self->gva, GPA + VMRPC_MEM_BLOCK - PAGE,
			     2 * PAGE, &number));
	ASSERT_EQ(EBUSY, limit(self->tvm.fd, VMRPC_MEM_BLOCK));
	ASSERT_EQ(NR_BLOCKS, self->table->limit);
	ASSERT_EQ(0, limit(self->tvm.fd, 2 * VMRPC_MEM_BLOCK));
}

#define ASSERT_PIN_REFUSED(_error, _gpa, _size)						\
do {											\
	uint64_t _number;								\
											\
	ASSERT_EQ(-(_error), pin_one(self->vcpu, self->handle, self->gva, _gpa, _size, &_number)); \
	ASSERT_EQ(0, pinned(self));							\
	ASSERT_EQ(before, locked());							\
} while (0)

TEST_F(mem, pin_of_what_is_none_refused)
{
	uint64_t before = locked(), number;

	set_and_attach_for_pins(self, 1ull << 20);
	ASSERT_PIN_REFUSED(VMRPC_EINVAL, GPA, 0);
	ASSERT_PIN_REFUSED(VMRPC_EINVAL, GPA + 1, PAGE);
	ASSERT_PIN_REFUSED(VMRPC_EINVAL, GPA, PAGE + 1);
	ASSERT_PIN_REFUSED(VMRPC_EINVAL, -PAGE, 2 * PAGE);
	ASSERT_PIN_REFUSED(VMRPC_EFAULT, GPA + SIZE, PAGE);
	ASSERT_PIN_REFUSED(VMRPC_EFAULT, GPA + SIZE - PAGE, 2 * PAGE);
	ASSERT_PIN_REFUSED(VMRPC_EFAULT, GPA << 4, PAGE);
	ASSERT_PIN_REFUSED(VMRPC_EFAULT, -2 * PAGE, PAGE);
	ASSERT_PIN_REFUSED(VMRPC_E2BIG, GPA, VMRPC_MEM_PIN_MAX + PAGE);
	ASSERT_PIN_REFUSED(VMRPC_E2BIG, GPA, 1ull << 62);
	ASSERT_EQ(-VMRPC_EINVAL, vmrpc_perform(self->vcpu, self->handle, VMRPC_MEM_PIN, self->gva,
					       24, &number));
	ASSERT_EQ(-VMRPC_ENOENT, unpin(self->vcpu, self->handle, self->gva, 0));
	ASSERT_EQ(-VMRPC_ENOENT, unpin(self->vcpu, self->handle, self->gva, 1ull << 32 | 1));
}

TEST_F(mem, pin_of_more_than_the_vm_may_refused)
{
	uint64_t before = locked(), number;

	set_and_attach_for_pins(self, 2);
	ASSERT_PIN_REFUSED(VMRPC_EBUSY, GPA, 3 * PAGE);
	ASSERT_EQ(0, pin_one(self->vcpu, self->handle, self->gva, GPA, 2 * PAGE, &number));
	ASSERT_EQ(-VMRPC_EBUSY, pin_one(self->vcpu, self->handle, self->gva, GPA, PAGE, &number));
	ASSERT_EQ(2 * PAGE, pinned(self));
}

TEST_F(mem, pin_without_pin_max_refused)
{
	uint64_t before = locked();

	set_and_attach_for_pins(self, 0);
	ASSERT_PIN_REFUSED(VMRPC_EBUSY, GPA, PAGE);
}

/* Root may lock what it likes: so as somebody else. */
TEST_F(mem, pin_of_more_than_the_process_may_lock_refused)
{
	struct rlimit few = { 2 * PAGE, RLIM_INFINITY };
	uint64_t before = locked(), number;

	set_and_attach_for_pins(self, 8);
	ASSERT_EQ(0, setrlimit(RLIMIT_MEMLOCK, &few));
	ASSERT_EQ(0, seteuid(65534));
	ASSERT_PIN_REFUSED(VMRPC_ENOMEM, GPA, 3 * PAGE);
	ASSERT_EQ(0, pin_one(self->vcpu, self->handle, self->gva, GPA, 2 * PAGE, &number));
	ASSERT_EQ(-VMRPC_ENOMEM, pin_one(self->vcpu, self->handle, self->gva, GPA + 2 * PAGE, PAGE,
					 &number));
	ASSERT_EQ(0, seteuid(0));
}

TEST_F(mem, pin_for_a_process_refused)
{
	struct vmrpc_bind *bind;
	uint64_t number;

	set_and_attach_for_pins(self, 2);
	bind = vmrpc_bind_fill(self->tvm.vm, self->gva, VMRPC_MEM_MODULE, VMRPC_MEM_VERSION);
	bind->flags = VMRPC_BIND_PROCESS;
	ASSERT_EQ(0, vmrpc_hypercall(self->vcpu, VMRPC_OP_BIND, 0, 0, self->gva, &self->handle));
	ASSERT_EQ(-VMRPC_EPERM, pin_one(self->vcpu, self->handle, self->gva, GPA, PAGE, &number));
	ASSERT_EQ(-VMRPC_EPERM, unpin(self->vcpu, self->handle, self->gva, 1));
}

TEST_F(mem, pins_end_with_attach_detach_reset)
{
	uint64_t before = locked(), number;
	int n;

	set_and_attach_for_pins(self, 2);
	for (n = 0; n < 3; n++) {
		ASSERT_EQ(0, attach(self->vcpu, self->gva, &self->handle));
		ASSERT_EQ(0, pin_one(self->vcpu, self->handle, self->gva, GPA, 2 * PAGE, &number));
		ASSERT_EQ(2 * PAGE, pinned(self));
		ASSERT_EQ(0, n == 0 ? attach(self->vcpu, self->gva, &self->handle) :
			     n == 1 ? vmrpc_perform(self->vcpu, self->handle, VMRPC_MEM_DETACH, 0, 0,
						    NULL) :
				      ioctl(self->tvm.fd, VMRPC_VM_RESET));
		ASSERT_EQ(0, pinned(self));
		ASSERT_EQ(before, locked());
	}
}

TEST_F(mem, pins_end_with_the_vm)
{
	uint64_t before = locked(), number;

	set_and_attach_for_pins(self, 2);
	ASSERT_EQ(0, pin_one(self->vcpu, self->handle, self->gva, GPA, 2 * PAGE, &number));
	kvm_vm_free(self->tvm.vm);
	self->tvm.vm = NULL;
	VMRPC_WAIT_FOR(locked() == before);
}

TEST_F(mem, vm_destroyed_client_keeps_nothing)
{
	int fd = vmrpc_attach(self->tvm.name);
	struct vmrpc_vm_mem_info mem;
	uint64_t size = SIZE;

	ASSERT_LE(0, fd);
	set_and_attach(self);
	kvm_vm_free(self->tvm.vm);
	self->tvm.vm = NULL;
	ASSERT_EQ(ESHUTDOWN, info(fd, &mem));
	ASSERT_EQ(ESHUTDOWN, limit(fd, 0));
	ASSERT_EQ(ESHUTDOWN, reclaim(fd, &size));
	ASSERT_EQ(ESHUTDOWN, set_mem(self->tvm.fd, &self->set));
	close(fd);
}

TEST_HARNESS_MAIN
