// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/vmrpc and the VM descriptors.  A VM descriptor keeps the struct vmrpc_vm, not
 * the VM.  The device is open to all; which VMs a process may list and attach to is
 * decided per VM, when it does.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/io_uring/cmd.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/uaccess.h>

#include "internal.h"
#include "trace.h"

struct vmrpc_file {
	struct vmrpc_vm	*vm;
	bool		owner;		/* the VMM's own */
	struct vmrpc_queue *queue;
};

static int vmrpc_entries_read(struct vmrpc_entries *list, const void __user *user)
{
	if (copy_from_user(list, user, sizeof(*list)))
		return -EFAULT;
	return list->reserved ? -EINVAL : 0;
}

/* After the array was filled with @ret. */
static int vmrpc_entries_write(void __user *user, const struct vmrpc_entries *list, int ret)
{
	if (ret)
		return ret;
	return copy_to_user(user, list, sizeof(*list)) ? -EFAULT : 0;
}

static long vmrpc_vm_ioctl_call(struct vmrpc_vm *vm, struct vmrpc_vm_call __user *user)
{
	struct vmrpc_client client;
	struct vmrpc_vm_call call;
	struct rvmrpc_args args;
	long ret;

	if (copy_from_user(&call, user, sizeof(call)))
		return -EFAULT;
	ret = vmrpc_client_init(&client, &args, &call);
	if (ret)
		return ret;
	ret = __rvmrpc_call(vm, &args, call.timeout_ms);
	if (!ret)
		ret = vmrpc_client_result(&client, &args);
	call.res_size = args.res_size;
	call.result = args.result;
	if (!ret && copy_to_user(user, &call, sizeof(call)))
		ret = -EFAULT;
	vmrpc_client_free(&client);
	return ret;
}

static long vmrpc_vm_ioctl_submit(struct file *file, void __user *user)
{
	struct vmrpc_file *vf = file->private_data;
	struct vmrpc_vm_submit arg;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	if (arg.reserved)
		return -EINVAL;
	return vmrpc_queue_submit(vf->vm, vf->queue, &arg, !(file->f_flags & O_NONBLOCK));
}

static long vmrpc_vm_ioctl_reap(struct vmrpc_queue *queue, void __user *user)
{
	struct vmrpc_entries list;
	int ret = vmrpc_entries_read(&list, user);

	if (!ret && !list.count)
		ret = -EINVAL;
	if (!ret)
		ret = vmrpc_queue_reap(queue, &list);
	return vmrpc_entries_write(user, &list, ret);
}

static long vmrpc_vm_ioctl_cancel(struct vmrpc_queue *queue, void __user *user)
{
	struct vmrpc_vm_cancel arg;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	return arg.reserved ? -EINVAL : vmrpc_queue_cancel(queue, arg.user_data);
}

static __poll_t vmrpc_vm_poll(struct file *file, poll_table *wait)
{
	struct vmrpc_file *vf = file->private_data;

	return vmrpc_queue_poll(vf->queue, file, wait);
}

static long vmrpc_vm_ioctl_info(struct vmrpc_vm *vm, void __user *user)
{
	struct vmrpc_vm_info info;

	vmrpc_vm_info(vm, &info);
	return copy_to_user(user, &info, sizeof(info)) ? -EFAULT : 0;
}

static long vmrpc_vm_ioctl_stat(struct vmrpc_vm *vm, void __user *user)
{
	struct vmrpc_entries list;
	int ret = vmrpc_entries_read(&list, user);

	if (!ret)
		ret = vmrpc_vm_stat(vm, &list);
	return vmrpc_entries_write(user, &list, ret);
}

static long vmrpc_vm_ioctl_add_server(struct vmrpc_vm *vm, void __user *user)
{
	struct vmrpc_vm_server arg;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	if (arg.reserved || !vmrpc_name_valid(arg.module, sizeof(arg.module)) ||
	    !vmrpc_name_valid(arg.version, sizeof(arg.version)))
		return -EINVAL;
	return vmrpc_user_add_server(vm, &arg);
}

static long vmrpc_vm_ioctl_user_call(struct vmrpc_vm *vm, void __user *user)
{
	struct vmrpc_vm_user_call arg;
	long ret;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	ret = vmrpc_user_read(vm, &arg);
	if ((!ret || ret == -EMSGSIZE) && copy_to_user(user, &arg, sizeof(arg)))
		ret = -EFAULT;
	return ret;
}

static long vmrpc_vm_ioctl_user_answer(struct vmrpc_vm *vm, void __user *user)
{
	struct vmrpc_vm_user_answer arg;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	return vmrpc_user_answer(vm, &arg);
}

static long vmrpc_vm_ioctl_user_copy(struct vmrpc_vm *vm, void __user *user)
{
	struct vmrpc_vm_user_copy arg;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	return vmrpc_user_copy(vm, &arg);
}

static long vmrpc_vm_ioctl_set_mem(struct vmrpc_vm *vm, void __user *user)
{
	struct vmrpc_vm_set_mem arg;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	return vmrpc_mem_setup(vm, &arg);
}

static long vmrpc_vm_ioctl_mem_info(struct vmrpc_vm *vm, void __user *user)
{
	struct vmrpc_vm_mem_info info;
	long ret = vmrpc_mem_info(vm, &info);

	if (!ret && copy_to_user(user, &info, sizeof(info)))
		ret = -EFAULT;
	return ret;
}

static long vmrpc_vm_ioctl_mem_size(struct vmrpc_vm *vm, unsigned int cmd, void __user *user)
{
	struct vmrpc_vm_mem_size arg;
	long ret;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	if (arg.reserved)
		return -EINVAL;
	if (cmd == VMRPC_VM_MEM_LIMIT)
		return vmrpc_mem_limit(vm, arg.size);
	if (cmd == VMRPC_VM_MEM_LOAD)
		return vmrpc_mem_load(vm, arg.size);
	ret = vmrpc_mem_reclaim(vm, &arg.size);
	if (!ret && copy_to_user(user, &arg, sizeof(arg)))
		ret = -EFAULT;
	return ret;
}

static long vmrpc_vm_ioctl_mem_auto(struct vmrpc_vm *vm, void __user *user)
{
	struct vmrpc_vm_mem_auto arg;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	return vmrpc_mem_set_auto(vm, &arg);
}

static long vmrpc_vm_ioctl_mem_dropped(struct vmrpc_vm *vm, void __user *user)
{
	struct vmrpc_vm_mem_dropped arg;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	return vmrpc_mem_dropped(vm, &arg);
}

/* What only the VMM may do. */
static long vmrpc_vm_ioctl_owner(struct vmrpc_vm *vm, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case VMRPC_VM_RESET:
		return vmrpc_vm_reset(vm);
	case VMRPC_VM_ADD_SERVER:
		return vmrpc_vm_ioctl_add_server(vm, (void __user *)arg);
	case VMRPC_VM_USER_CALL:
		return vmrpc_vm_ioctl_user_call(vm, (void __user *)arg);
	case VMRPC_VM_USER_ANSWER:
		return vmrpc_vm_ioctl_user_answer(vm, (void __user *)arg);
	case VMRPC_VM_USER_COPY:
		return vmrpc_vm_ioctl_user_copy(vm, (void __user *)arg);
	case VMRPC_VM_SET_MEM:
		return vmrpc_vm_ioctl_set_mem(vm, (void __user *)arg);
	case VMRPC_VM_MEM_LOAD:
		return vmrpc_vm_ioctl_mem_size(vm, cmd, (void __user *)arg);
	case VMRPC_VM_MEM_DROPPED:
		return vmrpc_vm_ioctl_mem_dropped(vm, (void __user *)arg);
	case VMRPC_VM_USER_WAKE:
		return arg > U32_MAX ? -EINVAL : vmlp_user_wake(vm, arg);
	default:
		return -ENOTTY;
	}
}

static long vmrpc_vm_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct vmrpc_file *vf = file->private_data;

	switch (cmd) {
	case VMRPC_VM_INFO:
		return vmrpc_vm_ioctl_info(vf->vm, (void __user *)arg);
	case VMRPC_VM_CALL:
		return vmrpc_vm_ioctl_call(vf->vm, (void __user *)arg);
	case VMRPC_VM_SUBMIT:
		return vmrpc_vm_ioctl_submit(file, (void __user *)arg);
	case VMRPC_VM_REAP:
		return vmrpc_vm_ioctl_reap(vf->queue, (void __user *)arg);
	case VMRPC_VM_CANCEL:
		return vmrpc_vm_ioctl_cancel(vf->queue, (void __user *)arg);
	case VMRPC_VM_STAT:
		return vmrpc_vm_ioctl_stat(vf->vm, (void __user *)arg);
	case VMRPC_VM_MEM_INFO:
		return vmrpc_vm_ioctl_mem_info(vf->vm, (void __user *)arg);
	case VMRPC_VM_MEM_LIMIT:
	case VMRPC_VM_MEM_RECLAIM:
		return vmrpc_vm_ioctl_mem_size(vf->vm, cmd, (void __user *)arg);
	case VMRPC_VM_MEM_AUTO:
		return vmrpc_vm_ioctl_mem_auto(vf->vm, (void __user *)arg);
	case VMRPC_VM_RESET:
	case VMRPC_VM_ADD_SERVER:
	case VMRPC_VM_USER_CALL:
	case VMRPC_VM_USER_ANSWER:
	case VMRPC_VM_USER_WAKE:
	case VMRPC_VM_USER_COPY:
	case VMRPC_VM_SET_MEM:
	case VMRPC_VM_MEM_LOAD:
	case VMRPC_VM_MEM_DROPPED:
		return vf->owner ? vmrpc_vm_ioctl_owner(vf->vm, cmd, arg) : -EACCES;
	default:
		return -ENOTTY;
	}
}

static int vmrpc_vm_uring_cmd(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	struct vmrpc_file *vf = cmd->file->private_data;

	return vmrpc_uring_cmd(vf->vm, cmd, issue_flags);
}

static int vmrpc_vm_release(struct inode *inode, struct file *file)
{
	struct vmrpc_file *vf = file->private_data;

	vmrpc_queue_close(vf->queue);
	vmrpc_vm_put(vf->vm);
	kfree(vf);
	return 0;
}

static const struct file_operations vmrpc_vm_fops = {
	.owner		= THIS_MODULE,
	.release	= vmrpc_vm_release,
	.poll		= vmrpc_vm_poll,
	.unlocked_ioctl	= vmrpc_vm_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.uring_cmd	= vmrpc_vm_uring_cmd,
	.llseek		= noop_llseek,
};

/* Returns a new VM file, which takes a reference. */
struct file *vmrpc_vm_file(struct vmrpc_vm *vm, bool owner)
{
	struct vmrpc_file *vf = kzalloc(sizeof(*vf), GFP_KERNEL_ACCOUNT);
	struct file *file;

	if (!vf)
		return ERR_PTR(-ENOMEM);
	vf->vm = vm;
	vf->owner = owner;
	vf->queue = vmrpc_queue_new();
	file = vf->queue ? anon_inode_getfile("vmrpc-vm", &vmrpc_vm_fops, vf, O_RDWR) :
			   ERR_PTR(-ENOMEM);
	if (!IS_ERR(file)) {
		kref_get(&vm->ref);
		return file;
	}
	if (vf->queue)
		vmrpc_queue_close(vf->queue);
	kfree(vf);
	return file;
}

static int vmrpc_attach(struct vmrpc_vm *vm)
{
	struct file *file;
	int fd;

	if (!vmrpc_vm_may_access(vm))
		return -EACCES;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	file = vmrpc_vm_file(vm, false);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	fd_install(fd, file);
	return fd;
}

static long vmrpc_dev_ioctl_attach(void __user *user)
{
	struct vmrpc_dev_attach attach;
	struct vmrpc_vm *vm;
	long ret;

	if (copy_from_user(&attach, user, sizeof(attach)))
		return -EFAULT;
	if (attach.reserved || !vmrpc_name_valid(attach.name, sizeof(attach.name)))
		return -EINVAL;
	vm = vmrpc_vm_get_by_name(attach.name);
	ret = vm ? vmrpc_attach(vm) : -ENOENT;
	if (vm)
		vmrpc_vm_put(vm);
	trace_vmrpc_attach(attach.name, from_kuid(&init_user_ns, current_fsuid()), min(ret, 0l));
	return ret;
}

static long vmrpc_dev_ioctl_list(void __user *user)
{
	struct vmrpc_entries list;
	int ret = vmrpc_entries_read(&list, user);

	if (!ret)
		ret = vmrpc_vm_list(&list);
	return vmrpc_entries_write(user, &list, ret);
}

static long vmrpc_dev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case VMRPC_DEV_LIST:
		return vmrpc_dev_ioctl_list((void __user *)arg);
	case VMRPC_DEV_ATTACH:
		return vmrpc_dev_ioctl_attach((void __user *)arg);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations vmrpc_dev_fops = {
	.owner		= THIS_MODULE,
	.unlocked_ioctl	= vmrpc_dev_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.llseek		= noop_llseek,
};

static struct miscdevice vmrpc_dev = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "vmrpc",
	.mode	= 0666,
	.fops	= &vmrpc_dev_fops,
};

int vmrpc_dev_init(void)
{
	return misc_register(&vmrpc_dev);
}

void vmrpc_dev_exit(void)
{
	misc_deregister(&vmrpc_dev);
}
