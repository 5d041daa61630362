// SPDX-License-Identifier: GPL-2.0-only
/*
 * libvmrpc: the /dev/vmrpc ioctls as functions, whose errors say what to do.
 * The same errno means different things to different ioctls (ENOENT: no device,
 * no such VM), so each is translated where it comes from.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "vmrpc.h"

#define VMRPC_DEVICE		"/dev/vmrpc"
#define VMRPC_PROC_MAX		(64u << 20)	/* a guest can invent text without end */

struct vmrpc {
	int fd;
};

static const struct {
	const char *name;
	const char *text;
} vmrpc_errors[] = {
	[VMRPC_ERR_NONE]	 = { "none", "success" },
	[VMRPC_ERR_FAILED]	 = { "failed", "the operation failed" },
	[VMRPC_ERR_NO_DEVICE]	 = { "no-device", "the host's kernel has no " VMRPC_DEVICE },
	[VMRPC_ERR_PERMISSION]	 = { "permission-denied", "permission denied" },
	[VMRPC_ERR_NO_VM]	 = { "no-such-vm", "no such VM" },
	[VMRPC_ERR_NO_SERVER]	 = { "no-server", "the guest has no VMRPC server" },
	[VMRPC_ERR_REFUSED]	 = { "module-refused", "the guest does not allow this module" },
	[VMRPC_ERR_NO_MODULE]	 = { "no-such-module", "the guest has no such module" },
	[VMRPC_ERR_NO_PROCEDURE] = { "no-such-procedure", "the module has no such procedure" },
	[VMRPC_ERR_TIMEOUT]	 = { "timeout", "the guest did not answer in time" },
	[VMRPC_ERR_RESET]	 = { "vm-reset", "the guest was reset meanwhile" },
	[VMRPC_ERR_GONE]	 = { "vm-gone", "the VM was destroyed" },
	[VMRPC_ERR_BUSY]	 = { "busy", "too many calls wait for this VM" },
	[VMRPC_ERR_INTERRUPTED]	 = { "interrupted", "interrupted by a signal" },
	[VMRPC_ERR_TOO_LARGE]	 = { "too-large", "argument or result is too large" },
	[VMRPC_ERR_PROTOCOL]	 = { "protocol", "the guest's answer makes no sense" },
	[VMRPC_ERR_NO_MEMORY]	 = { "no-memory", "out of memory" },
	[VMRPC_ERR_MEM_NONE]	 = { "no-outsourced-memory", "the VM has no outsourced memory" },
	[VMRPC_ERR_MEM_UNUSED]	 = { "outsourced-memory-unused",
				     "the guest does not use its outsourced memory" },
	[VMRPC_ERR_MEM_MAX]	 = { "above-mem-max", "the limit is more than the VM's mem-max" },
	[VMRPC_ERR_MEM_PINNED]	 = { "below-pinned",
				     "the limit is less than the guest has pinned" },
};

#define VMRPC_ERRORS		(sizeof(vmrpc_errors) / sizeof(vmrpc_errors[0]))

const char *vmrpc_strerror(int error)
{
	if (error < 0 || (size_t)error >= VMRPC_ERRORS)
		return "unknown error";
	return vmrpc_errors[error].text;
}

const char *vmrpc_error_name(int error)
{
	if (error < 0 || (size_t)error >= VMRPC_ERRORS)
		return "unknown";
	return vmrpc_errors[error].name;
}

static int vmrpc_fail(int error, int reason)
{
	errno = reason;
	return error;
}

static int vmrpc_device_open(int *fd)
{
	*fd = open(VMRPC_DEVICE, O_RDWR | O_CLOEXEC);
	if (*fd >= 0)
		return 0;

	switch (errno) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return VMRPC_ERR_NO_DEVICE;
	case EACCES:
	case EPERM:
		return VMRPC_ERR_PERMISSION;
	default:
		return VMRPC_ERR_FAILED;
	}
}

static void vmrpc_device_close(int fd)
{
	int saved = errno;

	close(fd);
	errno = saved;
}

/*
 * An array that an ioctl fills.  What is in it comes and goes meanwhile: ask again
 * until all of it fits.
 */
static int vmrpc_read_entries(int fd, unsigned long request, size_t size, void **entries, size_t *count)
{
	struct vmrpc_entries list = {};
	void *array = NULL, *larger;
	uint32_t room = 0;

	for (;;) {
		list.entries = (uintptr_t)array;
		list.count = room;
		if (ioctl(fd, request, &list)) {
			free(array);
			return VMRPC_ERR_FAILED;
		}
		if (list.count <= room)
			break;

		room = list.count + 8;
		larger = reallocarray(array, room, size);
		if (!larger) {
			free(array);
			return vmrpc_fail(VMRPC_ERR_NO_MEMORY, ENOMEM);
		}
		array = larger;
	}
	if (!list.count) {
		free(array);
		array = NULL;
	}
	*entries = array;
	*count = list.count;
	return 0;
}

int vmrpc_list(struct vmrpc_vm_info **vms, size_t *count)
{
	void *entries;
	int fd, err;

	err = vmrpc_device_open(&fd);
	if (err)
		return err;
	err = vmrpc_read_entries(fd, VMRPC_DEV_LIST, sizeof(**vms), &entries, count);
	if (!err)
		*vms = entries;
	vmrpc_device_close(fd);
	return err;
}

static int vmrpc_device_attach(int fd, const char *name, int *vm_fd)
{
	struct vmrpc_dev_attach attach = {};

	if (strlen(name) >= sizeof(attach.name))
		return vmrpc_fail(VMRPC_ERR_NO_VM, ENAMETOOLONG);
	memcpy(attach.name, name, strlen(name));

	*vm_fd = ioctl(fd, VMRPC_DEV_ATTACH, &attach);
	if (*vm_fd >= 0)
		return 0;

	switch (errno) {
	case ENOENT:
	case EINVAL:		/* no VM can have such a name */
		return VMRPC_ERR_NO_VM;
	case EACCES:
	case EPERM:
		return VMRPC_ERR_PERMISSION;
	case ESHUTDOWN:
		return VMRPC_ERR_GONE;
	default:
		return VMRPC_ERR_FAILED;
	}
}

int vmrpc_open(const char *name, struct vmrpc **vm)
{
	struct vmrpc *handle;
	int fd, err;

	err = vmrpc_device_open(&fd);
	if (err)
		return err;

	handle = malloc(sizeof(*handle));
	if (handle)
		err = vmrpc_device_attach(fd, name, &handle->fd);
	else
		err = vmrpc_fail(VMRPC_ERR_NO_MEMORY, ENOMEM);
	vmrpc_device_close(fd);
	if (err) {
		free(handle);
		return err;
	}
	*vm = handle;
	return 0;
}

void vmrpc_close(struct vmrpc *vm)
{
	if (!vm)
		return;
	vmrpc_device_close(vm->fd);
	free(vm);
}

int vmrpc_info(struct vmrpc *vm, struct vmrpc_vm_info *info)
{
	struct vmrpc_vm_info answer = {};

	if (ioctl(vm->fd, VMRPC_VM_INFO, &answer))
		return errno == ESHUTDOWN ? VMRPC_ERR_GONE : VMRPC_ERR_FAILED;
	*info = answer;
	return 0;
}

int vmrpc_vm_stat(struct vmrpc *vm, struct vmrpc_vm_stat **stats, size_t *count)
{
	void *entries;
	int err;

	err = vmrpc_read_entries(vm->fd, VMRPC_VM_STAT, sizeof(**stats), &entries, count);
	if (!err)
		*stats = entries;
	return err;
}

static int vmrpc_mem_error(int reason)
{
	switch (reason) {
	case ENODEV:
		return VMRPC_ERR_MEM_NONE;
	case ENOTCONN:
		return VMRPC_ERR_MEM_UNUSED;
	case ERANGE:
		return VMRPC_ERR_MEM_MAX;
	case EBUSY:
		return VMRPC_ERR_MEM_PINNED;
	case ESHUTDOWN:
		return VMRPC_ERR_GONE;
	case EINTR:
		return VMRPC_ERR_INTERRUPTED;
	default:
		return VMRPC_ERR_FAILED;
	}
}

int vmrpc_mem_info(struct vmrpc *vm, struct vmrpc_vm_mem_info *info)
{
	struct vmrpc_vm_mem_info answer = {};

	if (ioctl(vm->fd, VMRPC_VM_MEM_INFO, &answer))
		return vmrpc_mem_error(errno);
	*info = answer;
	return 0;
}

int vmrpc_mem_limit(struct vmrpc *vm, uint64_t size)
{
	struct vmrpc_vm_mem_size limit = { .size = size };

	return ioctl(vm->fd, VMRPC_VM_MEM_LIMIT, &limit) ? vmrpc_mem_error(errno) : 0;
}

int vmrpc_mem_reclaim(struct vmrpc *vm, uint64_t size, uint64_t *taken)
{
	struct vmrpc_vm_mem_size reclaim = { .size = size };

	if (ioctl(vm->fd, VMRPC_VM_MEM_RECLAIM, &reclaim))
		return vmrpc_mem_error(errno);
	*taken = reclaim.size;
	return 0;
}

int vmrpc_mem_auto(struct vmrpc *vm, uint32_t ms, uint32_t idle_ms)
{
	struct vmrpc_vm_mem_auto arg = { .ms = ms, .idle_ms = idle_ms };

	return ioctl(vm->fd, VMRPC_VM_MEM_AUTO, &arg) ? vmrpc_mem_error(errno) : 0;
}

static int vmrpc_call_error(int reason)
{
	switch (reason) {
	case ENOTCONN:
		return VMRPC_ERR_NO_SERVER;
	case ECONNREFUSED:
		return VMRPC_ERR_REFUSED;
	case EPROTONOSUPPORT:
		return VMRPC_ERR_NO_MODULE;
	case ENOSYS:
		return VMRPC_ERR_NO_PROCEDURE;
	case ETIMEDOUT:
		return VMRPC_ERR_TIMEOUT;
	case ECONNRESET:
		return VMRPC_ERR_RESET;
	case ESHUTDOWN:
		return VMRPC_ERR_GONE;
	case EBUSY:
		return VMRPC_ERR_BUSY;
	case EINTR:
		return VMRPC_ERR_INTERRUPTED;
	case E2BIG:
	case EMSGSIZE:
		return VMRPC_ERR_TOO_LARGE;
	case EPROTO:
		return VMRPC_ERR_PROTOCOL;
	default:
		return VMRPC_ERR_FAILED;
	}
}

static int vmrpc_call_init(struct vmrpc_vm_call *call, const char *module, uint32_t procedure,
			   const void *arg, size_t arg_size, unsigned int timeout_ms,
			   void *res, size_t room)
{
	*call = (struct vmrpc_vm_call) {
		.procedure = procedure,
		.timeout_ms = timeout_ms,
		.arg = (uintptr_t)arg,
		.res = (uintptr_t)res,
	};
	if (strlen(module) >= sizeof(call->module))
		return vmrpc_fail(VMRPC_ERR_NO_MODULE, ENAMETOOLONG);
	if (arg_size > VMRPC_MAX_BULK)
		return vmrpc_fail(VMRPC_ERR_TOO_LARGE, E2BIG);
	if (room > VMRPC_MAX_BULK)
		room = VMRPC_MAX_BULK;		/* more room than any answer needs */

	memcpy(call->module, module, strlen(module));
	call->arg_size = arg_size;
	call->res_size = room;
	return 0;
}

int vmrpc_call(struct vmrpc *vm, const char *module, uint32_t procedure,
	       const void *arg, size_t arg_size, unsigned int timeout_ms,
	       void *res, size_t *res_size, int64_t *result)
{
	struct vmrpc_vm_call call;
	int err;

	err = vmrpc_call_init(&call, module, procedure, arg, arg_size, timeout_ms, res,
			      res_size ? *res_size : 0);
	if (err)
		return err;
	if (ioctl(vm->fd, VMRPC_VM_CALL, &call))
		return vmrpc_call_error(errno);

	if (res_size)
		*res_size = call.res_size;
	if (result)
		*result = call.result;
	return 0;
}

int vmrpc_submit(struct vmrpc *vm, const char *module, uint32_t procedure,
		 const void *arg, size_t arg_size, unsigned int timeout_ms,
		 void *res, size_t res_size, uint64_t id)
{
	struct vmrpc_vm_submit submit = { .user_data = id };
	int err;

	err = vmrpc_call_init(&submit.call, module, procedure, arg, arg_size, timeout_ms,
			      res, res_size);
	if (err)
		return err;
	return ioctl(vm->fd, VMRPC_VM_SUBMIT, &submit) ? vmrpc_call_error(errno) : 0;
}

static int vmrpc_await_reply(struct vmrpc *vm, int wait_ms)
{
	struct pollfd replies = { .fd = vm->fd, .events = POLLIN };

	switch (poll(&replies, 1, wait_ms)) {
	case -1:
		return vmrpc_call_error(errno);
	case 0:
		return vmrpc_fail(VMRPC_ERR_TIMEOUT, ETIMEDOUT);
	default:
		return 0;
	}
}

#define VMRPC_REAP	64		/* at once */

int vmrpc_reap(struct vmrpc *vm, struct vmrpc_reply *replies, size_t *count, int wait_ms)
{
	struct vmrpc_vm_done done[VMRPC_REAP];
	struct vmrpc_entries reap = {
		.entries = (uintptr_t)done,
		.count = *count < VMRPC_REAP ? *count : VMRPC_REAP,
	};
	int err;

	/* Another thread may be faster: then there is none again. */
	while (ioctl(vm->fd, VMRPC_VM_REAP, &reap)) {
		if (errno != EAGAIN)
			return vmrpc_call_error(errno);
		err = vmrpc_await_reply(vm, wait_ms);
		if (err)
			return err;
	}
	for (uint32_t i = 0; i < reap.count; i++)
		replies[i] = (struct vmrpc_reply) {
			.id = done[i].user_data,
			.result = done[i].result,
			.res_size = done[i].res_size,
			.error = done[i].status ? vmrpc_call_error(-done[i].status) : 0,
			.reason = -done[i].status,
		};
	*count = reap.count;
	return 0;
}

int vmrpc_cancel(struct vmrpc *vm, uint64_t id)
{
	struct vmrpc_vm_cancel cancel = { .user_data = id };

	return ioctl(vm->fd, VMRPC_VM_CANCEL, &cancel) ? vmrpc_call_error(errno) : 0;
}

int vmrpc_mem_give(struct vmrpc *vm, uint64_t size, unsigned int timeout_ms, uint64_t *given)
{
	struct vmrpc_mem_give arg = {
		.blocks = htole64(size / VMRPC_MEM_BLOCK + !!(size % VMRPC_MEM_BLOCK)),
	};
	int64_t blocks;
	int err;

	err = vmrpc_call(vm, VMRPC_MEM_MODULE, VMRPC_MEM_GIVE, &arg, sizeof(arg), timeout_ms,
			 NULL, NULL, &blocks);
	if (!err && (blocks < 0 || (uint64_t)blocks > VMRPC_MEM_MAX_BLOCKS))
		err = vmrpc_fail(VMRPC_ERR_PROTOCOL, EPROTO);
	if (!err && given)
		*given = blocks * (uint64_t)VMRPC_MEM_BLOCK;
	return err;
}

int vmrpc_fd(const struct vmrpc *vm)
{
	return vm->fd;
}

int vmrpc_echo(struct vmrpc *vm, const void *data, size_t size,
	       unsigned int timeout_ms)
{
	void *answer = malloc(size + 1);	/* one more: an answer that is too long shows */
	size_t answered = size + 1;
	int err;

	if (!answer)
		return vmrpc_fail(VMRPC_ERR_NO_MEMORY, ENOMEM);
	err = vmrpc_call(vm, VMRPC_ECHO_MODULE, VMRPC_ECHO_ECHO, data, size,
			 timeout_ms, answer, &answered, NULL);
	if (!err && (answered != size || (size && memcmp(answer, data, size))))
		err = vmrpc_fail(VMRPC_ERR_PROTOCOL, EPROTO);
	free(answer);
	return err;
}

static uint64_t vmrpc_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A file as far as it has been read. */
struct vmrpc_text {
	char *bytes;
	size_t size;
};

/* Room for one more answer and the NUL at the end. */
static int vmrpc_text_grow(struct vmrpc_text *text)
{
	char *larger;

	if (text->size > VMRPC_PROC_MAX)
		return vmrpc_fail(VMRPC_ERR_TOO_LARGE, EFBIG);
	larger = realloc(text->bytes, text->size + VMRPC_SLOT_DATA + 1);
	if (!larger)
		return vmrpc_fail(VMRPC_ERR_NO_MEMORY, ENOMEM);
	text->bytes = larger;
	return 0;
}

static int vmrpc_text_read(struct vmrpc *vm, uint32_t procedure,
			   uint64_t deadline, struct vmrpc_text *text, bool *end)
{
	struct vmrpc_procfs_read arg = { .offset = htole64(text->size) };
	size_t size = VMRPC_SLOT_DATA;
	uint64_t now = vmrpc_now_ms();
	int err;

	if (now >= deadline)
		return vmrpc_fail(VMRPC_ERR_TIMEOUT, ETIMEDOUT);
	err = vmrpc_text_grow(text);
	if (err)
		return err;
	err = vmrpc_call(vm, VMRPC_PROCFS_MODULE, procedure, &arg, sizeof(arg),
			 deadline - now, text->bytes + text->size, &size, NULL);
	if (err)
		return err;

	text->size += size;
	*end = size < VMRPC_SLOT_DATA;
	return 0;
}

int vmrpc_read_proc(struct vmrpc *vm, uint32_t procedure,
		    unsigned int timeout_ms, char **bytes, size_t *size)
{
	uint64_t deadline = vmrpc_now_ms() + timeout_ms;
	struct vmrpc_text text = {};
	bool end = false;
	int err;

	while (!end) {
		err = vmrpc_text_read(vm, procedure, deadline, &text, &end);
		if (err) {
			free(text.bytes);
			return err;
		}
	}
	text.bytes[text.size] = '\0';
	*bytes = text.bytes;
	if (size)
		*size = text.size;
	return 0;
}

int vmrpc_drop_caches(struct vmrpc *vm, uint32_t what, unsigned int timeout_ms)
{
	struct vmrpc_procfs_drop arg = { .what = htole32(what) };

	return vmrpc_call(vm, VMRPC_PROCFS_MODULE, VMRPC_PROCFS_DROP_CACHES,
			  &arg, sizeof(arg), timeout_ms, NULL, NULL, NULL);
}

static void vmrpc_system_decode(const struct vmrpc_sysinfo *raw,
				struct vmrpc_system *system)
{
	memset(system, 0, sizeof(*system));
	memcpy(system->os_name, raw->os_name, sizeof(system->os_name) - 1);
	memcpy(system->os_release, raw->os_release, sizeof(system->os_release) - 1);
	system->uptime_ms = le64toh(raw->uptime_ms);
	system->mem_total = le64toh(raw->mem_total);
	system->mem_free = le64toh(raw->mem_free);
	system->mem_available = le64toh(raw->mem_available);
	system->mem_cached = le64toh(raw->mem_cached);
	system->cpus_online = le32toh(raw->cpus_online);
	for (int i = 0; i < 3; i++)
		system->load[i] = (double)le32toh(raw->load[i]) /
				  (1u << VMRPC_SYSINFO_LOAD_SHIFT);
}

int vmrpc_sysinfo(struct vmrpc *vm, unsigned int timeout_ms,
		  struct vmrpc_system *system)
{
	struct vmrpc_sysinfo raw;
	size_t size = sizeof(raw);
	int err;

	_Static_assert(sizeof(raw.os_name) == sizeof(system->os_name), "os_name");
	_Static_assert(sizeof(raw.os_release) == sizeof(system->os_release), "os_release");

	err = vmrpc_call(vm, VMRPC_SYSINFO_MODULE, VMRPC_SYSINFO_GET, NULL, 0,
			 timeout_ms, &raw, &size, NULL);
	if (err)
		return err;
	if (size != sizeof(raw))
		return vmrpc_fail(VMRPC_ERR_PROTOCOL, EPROTO);
	vmrpc_system_decode(&raw, system);
	return 0;
}
