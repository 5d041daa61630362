// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/vmrpc-guest: processes call servers of the host, see
 * <uapi/linux/vmrpc_guest.h>.  A descriptor is one client, with one handle from bind to
 * release; calls under way hold the file, so none is left then.
 *
 * To the host it is this kernel that calls; VMRPC_BIND_PROCESS tells it not to follow
 * addresses in an argument, which it would do with this kernel's rights.
 */
#include <linux/atomic.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/xarray.h>
#include <uapi/linux/vmrpc_guest.h>
#include "internal.h"

#define VMRPC_SMALL_ARG		64	/* bytes that need no allocation */

static char *vmrpc_user __ro_after_init = "";
module_param_named(user, vmrpc_user, charp, 0444);
MODULE_PARM_DESC(user, "modules of the host that processes may call: a list (default: none)");

/* The kernel's own clients have the rest of the VM's handles. */
static atomic_t vmrpc_guest_handles = ATOMIC_INIT(0);

struct vmrpc_client {
	struct mutex	lock;		/* one bind at a time */
	u32		handle;		/* 0: none yet; written once, under lock */
	struct xarray	pins;		/* struct vmrpc_pin */
};

/* Not empty, terminated within its field, padded with NULs.  The rest is up to the host. */
static bool vmrpc_guest_name_valid(const u8 *name, size_t size)
{
	size_t len = strnlen(name, size);

	return len && len < size && !memchr_inv(name + len, 0, size - len);
}

static int vmrpc_client_bind(struct vmrpc_client *client, const struct vmrpc_bind *bind)
{
	s64 handle;

	lockdep_assert_held(&client->lock);
	if (client->handle)
		return -EBUSY;
	if (!atomic_add_unless(&vmrpc_guest_handles, 1, VMRPC_GUEST_MAX_HANDLES))
		return -ENFILE;
	handle = vmrpc_bind_interruptible(bind);
	if (handle < 0) {
		atomic_dec(&vmrpc_guest_handles);
		return handle;
	}
	WRITE_ONCE(client->handle, handle);
	return 0;
}

static int vmrpc_guest_bind(struct vmrpc_client *client, const void __user *user)
{
	struct vmrpc_bind bind;
	int ret;

	if (copy_from_user(&bind, user, sizeof(bind)))
		return -EFAULT;
	if (bind.flags & ~cpu_to_le32(VMRPC_BIND_USER) || bind.reserved ||
	    !vmrpc_guest_name_valid(bind.module, sizeof(bind.module)) ||
	    !vmrpc_guest_name_valid(bind.version, sizeof(bind.version)))
		return -EINVAL;
	/* No "all": that would open what a host adds later. */
	if (!vmrpc_list_has(vmrpc_user, bind.module))
		return -EACCES;
	bind.flags |= cpu_to_le32(VMRPC_BIND_PROCESS);
	ret = mutex_lock_interruptible(&client->lock);
	if (ret)
		return ret;
	ret = vmrpc_client_bind(client, &bind);
	mutex_unlock(&client->lock);
	return ret;
}

/* One call, with @arg to hold the argument in this kernel's memory. */
static int vmrpc_client_perform(u32 handle, struct vmrpc_guest_perform *perform, void *arg)
{
	void __user *user = u64_to_user_ptr(perform->arg);
	int ret;

	if (copy_from_user(arg, user, perform->size))
		return -EFAULT;
	ret = vmrpc_perform_interruptible(handle, perform->procedure, arg, perform->size,
					  &perform->result);
	if (!ret && copy_to_user(user, arg, perform->size))
		ret = -EFAULT;
	return ret;
}

static int vmrpc_guest_perform(struct vmrpc_client *client, struct vmrpc_guest_perform __user *user)
{
	u8 small[VMRPC_SMALL_ARG] __aligned(8);
	u32 handle = READ_ONCE(client->handle);
	struct vmrpc_guest_perform perform;
	void *arg = small;
	int ret;

	if (!handle)
		return -EBADFD;
	if (copy_from_user(&perform, user, sizeof(perform)))
		return -EFAULT;
	if (perform.reserved)
		return -EINVAL;
	if (perform.size > VMRPC_MAX_ARG)
		return -E2BIG;
	if (perform.size > sizeof(small))
		arg = kvmalloc(perform.size, GFP_KERNEL_ACCOUNT);
	if (!arg)
		return -ENOMEM;
	ret = vmrpc_client_perform(handle, &perform, arg);
	if (arg != small)
		kvfree(arg);
	return ret ? ret : put_user(perform.result, &user->result);
}

static int vmrpc_client_pin(struct vmrpc_client *client, struct vmrpc_guest_pin *arg)
{
	struct vmrpc_pin *pin = vmrpc_pin_begin(arg->address, arg->size);
	u32 number;
	int ret;

	if (IS_ERR(pin))
		return PTR_ERR(pin);
	ret = xa_alloc(&client->pins, &number, pin, XA_LIMIT(1, S32_MAX), GFP_KERNEL_ACCOUNT);
	if (ret)
		vmrpc_pin_end(pin);
	else
		arg->pin = number;
	return ret;
}

static int vmrpc_client_unpin(struct vmrpc_client *client, u64 number)
{
	struct vmrpc_pin *pin = number <= S32_MAX ? xa_erase(&client->pins, number) : NULL;

	if (!pin)
		return -ENOENT;
	vmrpc_pin_end(pin);
	return 0;
}

static int vmrpc_guest_pin(struct vmrpc_client *client, struct vmrpc_guest_pin __user *user)
{
	struct vmrpc_guest_pin arg;
	int ret;

	if (!vmrpc_list_has(vmrpc_user, VMRPC_MEM_MODULE))
		return -EACCES;
	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	if (arg.reserved)
		return -EINVAL;
	ret = vmrpc_client_pin(client, &arg);
	if (ret || !put_user(arg.pin, &user->pin))
		return ret;
	vmrpc_client_unpin(client, arg.pin);
	return -EFAULT;
}

static int vmrpc_guest_unpin(struct vmrpc_client *client, const void __user *user)
{
	struct vmrpc_guest_unpin arg;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	return arg.reserved ? -EINVAL : vmrpc_client_unpin(client, arg.pin);
}

static long vmrpc_guest_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	int ret;

	switch (cmd) {
	case VMRPC_GUEST_BIND:
		ret = vmrpc_guest_bind(file->private_data, (void __user *)arg);
		break;
	case VMRPC_GUEST_PERFORM:
		ret = vmrpc_guest_perform(file->private_data, (void __user *)arg);
		break;
	case VMRPC_GUEST_PIN:
		ret = vmrpc_guest_pin(file->private_data, (void __user *)arg);
		break;
	case VMRPC_GUEST_UNPIN:
		ret = vmrpc_guest_unpin(file->private_data, (void __user *)arg);
		break;
	default:
		ret = -ENOTTY;
	}
	/* A signal came, and nothing was done that cannot be done again. */
	return ret == -EINTR ? -ERESTARTSYS : ret;
}

static int vmrpc_guest_open(struct inode *inode, struct file *file)
{
	struct vmrpc_client *client = kzalloc(sizeof(*client), GFP_KERNEL_ACCOUNT);

	if (!client)
		return -ENOMEM;
	mutex_init(&client->lock);
	xa_init_flags(&client->pins, XA_FLAGS_ALLOC | XA_FLAGS_ACCOUNT);
	file->private_data = client;
	return nonseekable_open(inode, file);
}

static int vmrpc_guest_release(struct inode *inode, struct file *file)
{
	struct vmrpc_client *client = file->private_data;
	struct vmrpc_pin *pin;
	unsigned long number;

	xa_for_each(&client->pins, number, pin)
		vmrpc_pin_end(pin);
	xa_destroy(&client->pins);
	if (client->handle) {
		vmrpc_unbind_module_kernel(client->handle);
		atomic_dec(&vmrpc_guest_handles);
	}
	mutex_destroy(&client->lock);
	kfree(client);
	return 0;
}

static const struct file_operations vmrpc_guest_fops = {
	.open		= vmrpc_guest_open,
	.release	= vmrpc_guest_release,
	.unlocked_ioctl	= vmrpc_guest_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};

static struct miscdevice vmrpc_guest_dev = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "vmrpc-guest",
	.mode	= 0600,
	.fops	= &vmrpc_guest_fops,
};

int __init vmrpc_guest_dev_init(void)
{
	return misc_register(&vmrpc_guest_dev);
}
