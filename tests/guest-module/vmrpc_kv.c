// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/vmrpc_kv: a line "PROCEDURE KEY VERSION [VALUE]" makes the guest's kernel call
 * the server "kvstore" in QEMU, and tell the log.  Several may do so at once.
 * For SAVE and LOAD the value stays here, and the server gets its address: VERSION says
 * how far that is before the end of a page, behind which there is nothing.
 */
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <linux/vmrpc.h>

#include "kvstore.h"

#define LINE_MAX	255

/* By address, in memory that ends after @before bytes. */
static int kv_perform_memory(u32 handle, unsigned int procedure, struct kvstore_arg *arg,
			     size_t before, s64 *result)
{
	struct kvstore_memory memory = { .length = arg->length };
	u8 *page = vzalloc(PAGE_SIZE), *value;
	int ret;

	if (!page)
		return -ENOMEM;
	before = min_t(size_t, before, sizeof(arg->value));
	value = page + PAGE_SIZE - before;
	memcpy(memory.key, arg->key, sizeof(memory.key));
	memory.address = (unsigned long)value;
	memcpy(value, arg->value, before);
	if (procedure == KVSTORE_LOAD)
		memory.length = KVSTORE_VALUE_LEN;
	ret = vmrpc_perform(handle, procedure, &memory, sizeof(memory), result);
	memset(arg->value, 0, sizeof(arg->value));
	memcpy(arg->value, value, before);
	vfree(page);
	return ret;
}

static void kv_call(unsigned int procedure, struct kvstore_arg *arg)
{
	s64 result = 0, handle = vmrpc_bind_module(KVSTORE_MODULE, KVSTORE_VERSION);
	int ret;

	if (handle < 0) {
		pr_info("vmrpc_kv: bind %lld\n", handle);
		return;
	}
	arg->length = strlen(arg->value);
	if (procedure == KVSTORE_SAVE || procedure == KVSTORE_LOAD)
		ret = kv_perform_memory(handle, procedure, arg, arg->version, &result);
	else
		ret = vmrpc_perform(handle, procedure, arg, sizeof(*arg), &result);
	pr_info("vmrpc_kv: status=%d result=%lld value=%.*s\n", ret, result,
		(int)strnlen(arg->value, sizeof(arg->value)), arg->value);
	vmrpc_unbind_module(handle);
}

static ssize_t kv_write(struct file *file, const char __user *from, size_t size, loff_t *pos)
{
	struct kvstore_arg *arg = kzalloc(sizeof(*arg), GFP_KERNEL);
	char *line = memdup_user_nul(from, min_t(size_t, size, LINE_MAX));
	unsigned int procedure;

	if (arg && !IS_ERR(line) && sscanf(line, "%u %31s %llu %207s", &procedure, arg->key,
					   &arg->version, arg->value) >= 3)
		kv_call(procedure, arg);
	if (!IS_ERR(line))
		kfree(line);
	kfree(arg);
	return size;
}

static const struct proc_ops kv_ops = { .proc_write = kv_write };

static int __init kv_init(void)
{
	return proc_create("vmrpc_kv", 0200, NULL, &kv_ops) ? 0 : -ENOMEM;
}
module_init(kv_init);

static void __exit kv_exit(void)
{
	remove_proc_entry("vmrpc_kv", NULL);
}
module_exit(kv_exit);

MODULE_DESCRIPTION("A guest's calls of a server in QEMU");
MODULE_LICENSE("GPL");
