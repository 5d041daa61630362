/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a guest kernel's client of host servers, and a module that serves the
 * host, include.  The interface to the host is <uapi/linux/vmrpc.h>.
 */
#ifndef _LINUX_VMRPC_H
#define _LINUX_VMRPC_H

#include <linux/errno.h>
#include <linux/list.h>
#include <linux/types.h>
#include <uapi/linux/vmrpc.h>

/**
 * struct rvmrpc_call - one call of the host under way
 * @arg: the argument: a private copy that the host cannot change any more
 * @arg_size: in bytes, within the procedure's limits
 * @res: where the result's bytes go; has room for VMRPC_SLOT_DATA of them, or what
 *	rvmrpc_call_grow() gave; may be set to @arg
 * @res_max: bytes that the caller can take, at most VMRPC_MAX_BULK
 * @res_size: bytes written to @res, 0 before the call
 * @result: the procedure's own result, 0 before the call
 */
struct rvmrpc_call {
	const void	*arg;
	u32		arg_size;
	void		*res;
	u32		res_max;
	u32		res_size;
	s64		result;
	/* private: */
	u64		seq;		/* of the request */
	u32		slot;
	void		*bulk_arg;	/* kvmalloc'ed, or NULL */
	void		*bulk_res;
};

/**
 * struct rvmrpc_procedure - one procedure of a module
 * @name: for vmrpc.allow=, as MODULE/NAME
 * @call: returns 0, or of -EINTR, -E2BIG, -ENOMEM, -EFAULT, -EINVAL, -ENOSYS and
 *	-EMSGSIZE; any other error reaches the host as VMRPC_EFAULT.  Runs in process
 *	context and may sleep for as long as an allocation takes
 * @min_size: smallest argument in bytes; a smaller one is refused (VMRPC_EINVAL)
 * @max_size: largest argument in bytes, at most VMRPC_MAX_BULK; a larger one is refused
 *	likewise.  With one above VMRPC_SLOT_DATA @call runs as if it were slow
 * @slow: @call may block for longer: it runs on a workqueue, so that other calls
 *	are served meanwhile
 */
struct rvmrpc_procedure {
	const char	*name;
	int		(*call)(struct rvmrpc_call *call);
	u32		min_size;
	u32		max_size;
	bool		slow;
};

/**
 * struct rvmrpc_module - procedures that the host may call
 * @name: shorter than VMRPC_MODULE_LEN; what vmrpc.allow= has to list
 * @procedures: their numbers are their indices
 * @nr_procedures: length of @procedures, 1 to 64
 */
struct rvmrpc_module {
	const char			*name;
	const struct rvmrpc_procedure	*procedures;
	unsigned int			nr_procedures;
	/* private: */
	u64				allowed;	/* procedures, by vmrpc.allow= */
	struct list_head		list;
};

#ifdef CONFIG_VMRPC_GUEST
s64 vmrpc_bind_module_kernel(const char *module, const char *version);
int vmrpc_perform_kernel(u32 handle, unsigned int procedure, void *arg,
			 size_t size, s64 *result);
int vmrpc_unbind_module_kernel(u32 handle);

s64 vmrpc_bind_module(const char *module, const char *version);

int rvmrpc_register_module(struct rvmrpc_module *module);
void rvmrpc_unregister_module(struct rvmrpc_module *module);
int rvmrpc_call_grow(struct rvmrpc_call *call, u32 size);
#else
static inline s64 vmrpc_bind_module_kernel(const char *module,
					   const char *version)
{
	return -ENODEV;
}

static inline int vmrpc_perform_kernel(u32 handle, unsigned int procedure,
				       void *arg, size_t size, s64 *result)
{
	return -ENODEV;
}

static inline int vmrpc_unbind_module_kernel(u32 handle)
{
	return -ENODEV;
}

static inline s64 vmrpc_bind_module(const char *module, const char *version)
{
	return -ENODEV;
}

static inline int rvmrpc_register_module(struct rvmrpc_module *module)
{
	return -ENODEV;
}

static inline void rvmrpc_unregister_module(struct rvmrpc_module *module)
{
}

static inline int rvmrpc_call_grow(struct rvmrpc_call *call, u32 size)
{
	return -ENODEV;
}
#endif

/* A handle knows its server: the same two for one in the VMM. */
static inline int vmrpc_perform(u32 handle, unsigned int procedure, void *arg,
				size_t size, s64 *result)
{
	return vmrpc_perform_kernel(handle, procedure, arg, size, result);
}

static inline int vmrpc_unbind_module(u32 handle)
{
	return vmrpc_unbind_module_kernel(handle);
}

#endif /* _LINUX_VMRPC_H */
