// SPDX-License-Identifier: GPL-2.0-only
/*
 * The modules that the host may call: who registered them, and which of them this
 * guest allows.  A call holds rvmrpc_srcu from the look-up to its end, so that a
 * module can go away.
 */
#define pr_fmt(fmt) "vmrpc: " fmt

#include <linux/export.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/rculist.h>
#include <linux/srcu.h>
#include <linux/string.h>
#include "internal.h"

#define RVMRPC_ALLOW_LEN	256
#define RVMRPC_PROCEDURES_MAX	64	/* bits of module->allowed */

static LIST_HEAD(rvmrpc_modules);
static DEFINE_MUTEX(rvmrpc_modules_lock);
DEFINE_STATIC_SRCU(rvmrpc_srcu);

static char rvmrpc_allow[RVMRPC_ALLOW_LEN] =
	VMRPC_ECHO_MODULE "," VMRPC_PROCFS_MODULE "," VMRPC_SYSINFO_MODULE "," VMRPC_MEM_MODULE;
static bool rvmrpc_allow_given;		/* by a boot option, or later */

/* Whether @list, names separated by commas, has @name. */
bool vmrpc_list_has(const char *list, const char *name)
{
	size_t len = strlen(name);
	const char *end;

	for (; *list; list = *end ? end + 1 : end) {
		end = strchrnul(list, ',');
		if (end - list == len && !memcmp(list, name, len))
			return true;
	}
	return false;
}

/* Which procedures of @module @list ("all", "none", MODULE or MODULE/PROCEDURE, ...) allows. */
u64 rvmrpc_allowed(const char *list, const struct rvmrpc_module *module)
{
	char name[RVMRPC_ALLOW_LEN];
	unsigned int i;
	u64 allowed = 0;

	if (!strcmp(list, "all") || vmrpc_list_has(list, module->name))
		return GENMASK_ULL(module->nr_procedures - 1, 0);
	for (i = 0; i < module->nr_procedures; i++) {
		snprintf(name, sizeof(name), "%s/%s", module->name, module->procedures[i].name);
		if (vmrpc_list_has(list, name))
			allowed |= BIT_ULL(i);
	}
	return allowed;
}

static bool rvmrpc_lock;

static struct rvmrpc_module *rvmrpc_module_find(const char *name)
{
	struct rvmrpc_module *module;

	list_for_each_entry_srcu(module, &rvmrpc_modules, list,
				 srcu_read_lock_held(&rvmrpc_srcu) ||
				 lockdep_is_held(&rvmrpc_modules_lock))
		if (!strcmp(module->name, name))
			return module;
	return NULL;
}

/* @name: MODULE or MODULE/PROCEDURE; is cut in two. */
static bool rvmrpc_name_known(char *name)
{
	const char *module_name = strsep(&name, "/");
	const struct rvmrpc_module *module = rvmrpc_module_find(module_name);
	unsigned int i;

	for (i = 0; module && name && i < module->nr_procedures; i++)
		if (!strcmp(module->procedures[i].name, name))
			return true;
	return module && !name;
}

/* Names of modules that may be loaded later are fine, but may as well be mistyped. */
static void rvmrpc_allow_warn(const char *list)
{
	char names[RVMRPC_ALLOW_LEN], *next = names, *name;

	if (!strcmp(list, "all") || !strcmp(list, "none"))
		return;
	strscpy(names, list);
	while ((name = strsep(&next, ",")))
		if (*name && !rvmrpc_name_known(name))
			pr_warn("allow: no module or procedure \"%s\" is registered\n", name);
}

/*
 * What the boot option named could only be judged once the modules are there.  Of those allowed
 * by default not every guest has all.
 */
void rvmrpc_allow_check(void)
{
	mutex_lock(&rvmrpc_modules_lock);
	if (rvmrpc_allow_given)
		rvmrpc_allow_warn(rvmrpc_allow);
	mutex_unlock(&rvmrpc_modules_lock);
}

/* Boot options come in any order: what is locked is what they say together. */
static bool rvmrpc_locked(void)
{
	return READ_ONCE(rvmrpc_lock) && system_state >= SYSTEM_RUNNING;
}

static int rvmrpc_lock_set(const char *val, const struct kernel_param *kp)
{
	return rvmrpc_locked() ? -EPERM : param_set_bool(val, kp);
}

static const struct kernel_param_ops rvmrpc_lock_ops = {
	.flags = KERNEL_PARAM_OPS_FL_NOARG,
	.set = rvmrpc_lock_set,
	.get = param_get_bool,
};
module_param_cb(lock, &rvmrpc_lock_ops, &rvmrpc_lock, 0644);
MODULE_PARM_DESC(lock, "do not let vmrpc.allow be changed any more, until the next boot (default off)");

static int rvmrpc_allow_set(const char *val, const struct kernel_param *kp)
{
	char copy[RVMRPC_ALLOW_LEN];
	struct rvmrpc_module *module;
	char *list;

	if (rvmrpc_locked())
		return -EPERM;
	if (strscpy(copy, val) < 0) {
		/* At boot rather nothing than what is allowed by default. */
		if (system_state < SYSTEM_RUNNING)
			strscpy(rvmrpc_allow, "none");
		return -ENOSPC;
	}
	list = strim(copy);
	mutex_lock(&rvmrpc_modules_lock);
	strscpy(rvmrpc_allow, list);
	list_for_each_entry(module, &rvmrpc_modules, list)
		WRITE_ONCE(module->allowed, rvmrpc_allowed(list, module));
	rvmrpc_allow_given = true;
	if (!list_empty(&rvmrpc_modules))
		rvmrpc_allow_warn(list);
	mutex_unlock(&rvmrpc_modules_lock);
	return 0;
}

static int rvmrpc_allow_get(char *buffer, const struct kernel_param *kp)
{
	int len;

	mutex_lock(&rvmrpc_modules_lock);
	len = sysfs_emit(buffer, "%s\n", rvmrpc_allow);
	mutex_unlock(&rvmrpc_modules_lock);
	return len;
}

static const struct kernel_param_ops rvmrpc_allow_ops = {
	.set = rvmrpc_allow_set,
	.get = rvmrpc_allow_get,
};
module_param_cb(allow, &rvmrpc_allow_ops, NULL, 0644);
MODULE_PARM_DESC(allow, "what the host may call: all, none, or a list of MODULE and MODULE/PROCEDURE (default echo,procfs,sysinfo,mem)");

static bool rvmrpc_module_valid(const struct rvmrpc_module *module)
{
	size_t len = strlen(module->name);
	unsigned int i;

	if (!module->nr_procedures || module->nr_procedures > RVMRPC_PROCEDURES_MAX)
		return false;
	for (i = 0; i < module->nr_procedures; i++)
		if (!module->procedures[i].name || !module->procedures[i].call)
			return false;
	return len && len < VMRPC_MODULE_LEN && !strpbrk(module->name, " ,/\n") &&
	       strcmp(module->name, "all") && strcmp(module->name, "none");
}

/**
 * rvmrpc_register_module - let the host call a module
 * @module: stays the caller's until it is unregistered
 *
 * Context: process context.
 * Return: 0, -EINVAL its name is no module's name, it has no procedures or more than 64, or
 * one of them has no name or no call; -EEXIST there is one of this name.
 */
int rvmrpc_register_module(struct rvmrpc_module *module)
{
	int ret = 0;

	if (!rvmrpc_module_valid(module))
		return -EINVAL;
	mutex_lock(&rvmrpc_modules_lock);
	if (rvmrpc_module_find(module->name)) {
		ret = -EEXIST;
	} else {
		module->allowed = rvmrpc_allowed(rvmrpc_allow, module);
		list_add_tail_rcu(&module->list, &rvmrpc_modules);
	}
	mutex_unlock(&rvmrpc_modules_lock);
	return ret;
}
EXPORT_SYMBOL_GPL(rvmrpc_register_module);

/**
 * rvmrpc_unregister_module - take a module away from the host
 * @module: registered; no call of it is under way any more on return
 *
 * Context: process context; sleeps.
 */
void rvmrpc_unregister_module(struct rvmrpc_module *module)
{
	mutex_lock(&rvmrpc_modules_lock);
	list_del_rcu(&module->list);
	mutex_unlock(&rvmrpc_modules_lock);
	synchronize_srcu(&rvmrpc_srcu);
}
EXPORT_SYMBOL_GPL(rvmrpc_unregister_module);

static int rvmrpc_procedure_find(const char *name, u32 procedure, u32 arg_size,
				 const struct rvmrpc_procedure **proc)
{
	const struct rvmrpc_module *module = rvmrpc_module_find(name);
	u64 allowed;

	if (!module)
		return -EPROTONOSUPPORT;
	allowed = READ_ONCE(module->allowed);
	if (!allowed)
		return -ECONNREFUSED;
	if (procedure >= module->nr_procedures)
		return -ENOSYS;
	if (!(allowed & BIT_ULL(procedure)))
		return -ECONNREFUSED;
	*proc = &module->procedures[procedure];
	if (arg_size < (*proc)->min_size || arg_size > (*proc)->max_size)
		return -EINVAL;
	return 0;
}

static int rvmrpc_procedure_call(const struct rvmrpc_procedure *proc, struct rvmrpc_call *call)
{
	int ret = rvmrpc_call_fetch(call);

	if (!ret)
		ret = min(proc->call(call), 0);
	if (!ret && WARN_ON_ONCE(call->res_size > call->res_max))
		ret = -EMSGSIZE;
	return ret ? ret : rvmrpc_call_store(call);
}

/*
 * rvmrpc_call_perform - find and call a procedure
 * @may_block: whether the caller can wait for a slow one
 *
 * Return: 0, a negative errno, or 1: nothing happened, the procedure is slow.
 */
int rvmrpc_call_perform(const char *module, u32 procedure,
			struct rvmrpc_call *call, bool may_block)
{
	const struct rvmrpc_procedure *proc;
	int idx, ret;

	idx = srcu_read_lock(&rvmrpc_srcu);
	ret = rvmrpc_procedure_find(module, procedure, call->arg_size, &proc);
	if (!ret && !may_block && (proc->slow || call->arg_size > VMRPC_SLOT_DATA))
		ret = 1;
	else if (!ret)
		ret = rvmrpc_procedure_call(proc, call);
	srcu_read_unlock(&rvmrpc_srcu, idx);
	return ret;
}

/* The status of a response: only what a host passes on, see docs/abi.rst. */
int rvmrpc_status(int err)
{
	switch (err) {
	case 0:
	case -EINTR:
	case -E2BIG:
	case -ENOMEM:
	case -EFAULT:
	case -EINVAL:
	case -ENOSYS:
	case -EMSGSIZE:
	case -EPROTONOSUPPORT:
	case -ECONNREFUSED:
		return -err;
	default:
		return VMRPC_EFAULT;
	}
}
