// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module "procfs": some of this guest's proc files, through a mount of our own,
 * whatever user space has mounted where.  A file is opened at its first use and
 * stays open: most of a small file's reading is opening it.
 */
#define pr_fmt(fmt) "vmrpc: " fmt

#include <linux/err.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/mutex.h>
#include "internal.h"

static const char * const rvmrpc_procfs_paths[] = {
	[VMRPC_PROCFS_MEMINFO]		= "meminfo",
	[VMRPC_PROCFS_CPUINFO]		= "cpuinfo",
	[VMRPC_PROCFS_LOADAVG]		= "loadavg",
	[VMRPC_PROCFS_DROP_CACHES]	= "sys/vm/drop_caches",
};

static struct file *rvmrpc_procfs_files[ARRAY_SIZE(rvmrpc_procfs_paths)];
static struct vfsmount *rvmrpc_procfs_mnt;
static DEFINE_MUTEX(rvmrpc_procfs_lock);	/* for both when they are not set yet */

static struct vfsmount *rvmrpc_procfs_mount(void)
{
	struct file_system_type *type;
	struct vfsmount *mnt;

	if (rvmrpc_procfs_mnt)
		return rvmrpc_procfs_mnt;
	type = get_fs_type("proc");
	if (!type)
		return ERR_PTR(-ENODEV);
	mnt = kern_mount(type);
	put_filesystem(type);
	if (!IS_ERR(mnt))
		rvmrpc_procfs_mnt = mnt;
	return mnt;
}

static struct file *rvmrpc_procfs_open_locked(unsigned int procedure)
{
	int flags = procedure == VMRPC_PROCFS_DROP_CACHES ? O_WRONLY : O_RDONLY;
	struct vfsmount *mnt = rvmrpc_procfs_mount();
	struct file *file;

	if (IS_ERR(mnt))
		return ERR_CAST(mnt);
	file = file_open_root_mnt(mnt, rvmrpc_procfs_paths[procedure], flags, 0);
	if (!IS_ERR(file))
		/* Pairs with the look without the lock. */
		smp_store_release(&rvmrpc_procfs_files[procedure], file);
	return file;
}

static struct file *rvmrpc_procfs_open(unsigned int procedure)
{
	struct file *file;

	/* Pairs with the release under the lock: the file is complete. */
	file = smp_load_acquire(&rvmrpc_procfs_files[procedure]);
	if (file)
		return file;
	mutex_lock(&rvmrpc_procfs_lock);
	file = rvmrpc_procfs_files[procedure];
	if (!file)
		file = rvmrpc_procfs_open_locked(procedure);
	mutex_unlock(&rvmrpc_procfs_lock);
	return file;
}

/* One read() may end before the file does, at the end of what it had buffered. */
static int rvmrpc_procfs_read(struct rvmrpc_call *call, unsigned int procedure)
{
	const struct vmrpc_procfs_read *arg = call->arg;
	struct file *file = rvmrpc_procfs_open(procedure);
	loff_t pos = le64_to_cpu(arg->offset);
	u32 room = min(call->res_max, VMRPC_SLOT_DATA);
	ssize_t n;

	if (IS_ERR(file))
		return PTR_ERR(file);
	if (pos < 0)
		return -EINVAL;
	while (call->res_size < room) {
		n = kernel_read(file, call->res + call->res_size,
				room - call->res_size, &pos);
		if (n < 0)
			return n;
		if (!n)
			break;
		call->res_size += n;
	}
	return 0;
}

static int rvmrpc_procfs_meminfo(struct rvmrpc_call *call)
{
	return rvmrpc_procfs_read(call, VMRPC_PROCFS_MEMINFO);
}

static int rvmrpc_procfs_cpuinfo(struct rvmrpc_call *call)
{
	return rvmrpc_procfs_read(call, VMRPC_PROCFS_CPUINFO);
}

static int rvmrpc_procfs_loadavg(struct rvmrpc_call *call)
{
	return rvmrpc_procfs_read(call, VMRPC_PROCFS_LOADAVG);
}

static int rvmrpc_procfs_drop_caches(struct rvmrpc_call *call)
{
	const struct vmrpc_procfs_drop *arg = call->arg;
	u32 what = le32_to_cpu(arg->what);
	struct file *file;
	loff_t pos = 0;
	char digit;
	ssize_t n;

	if (what < 1 || what > 3 || arg->reserved)
		return -EINVAL;
	file = rvmrpc_procfs_open(VMRPC_PROCFS_DROP_CACHES);
	if (IS_ERR(file))
		return PTR_ERR(file);
	digit = '0' + what;
	n = kernel_write(file, &digit, sizeof(digit), &pos);
	return n < 0 ? n : 0;
}

#define RVMRPC_PROCFS_READ(_name) {					\
	.name		= #_name,					\
	.call		= rvmrpc_procfs_##_name,			\
	.min_size	= sizeof(struct vmrpc_procfs_read),		\
	.max_size	= sizeof(struct vmrpc_procfs_read),		\
}

static const struct rvmrpc_procedure rvmrpc_procfs_procedures[] = {
	[VMRPC_PROCFS_MEMINFO] = RVMRPC_PROCFS_READ(meminfo),
	[VMRPC_PROCFS_CPUINFO] = RVMRPC_PROCFS_READ(cpuinfo),
	[VMRPC_PROCFS_LOADAVG] = RVMRPC_PROCFS_READ(loadavg),
	[VMRPC_PROCFS_DROP_CACHES] = {
		.name		= "drop_caches",
		.call		= rvmrpc_procfs_drop_caches,
		.min_size	= sizeof(struct vmrpc_procfs_drop),
		.max_size	= sizeof(struct vmrpc_procfs_drop),
		.slow		= true,
	},
};

struct rvmrpc_module rvmrpc_procfs = {
	.name		= VMRPC_PROCFS_MODULE,
	.procedures	= rvmrpc_procfs_procedures,
	.nr_procedures	= ARRAY_SIZE(rvmrpc_procfs_procedures),
};
