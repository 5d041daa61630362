/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of VMRPC share.
 *
 * A struct vmrpc_vm lives from KVM_ENABLE_CAP until the last of its users, which
 * may be a client of a VM long gone, drops it.  It does not hold the VM: ->kvm is
 * cleared, under ->lock, before the VM's vCPUs and memory go away, and who needs
 * them longer than ->lock can be held takes a reference with vmrpc_vm_get_kvm().
 *
 * vm->mem.mutex is taken with none of these held, and none of these is taken under it, but for the
 * spinlock of mem_auto.c.
 * Lock order: vmrpc_vms_lock, kvm->srcu, vm->user_mutex, vmrpc_servers_lock, vm->channel_mutex,
 * gpc->refresh_lock, channel->lock, vm->lock or bulk->lock.
 */
#ifndef _KVM_X86_VMRPC_INTERNAL_H
#define _KVM_X86_VMRPC_INTERNAL_H

#include <linux/eventfd.h>
#include <linux/kref.h>
#include <linux/kvm_host.h>
#include <linux/poll.h>
#include <linux/ratelimit.h>
#include <linux/vmrpc_server.h>
#include <linux/wait.h>
#include <linux/xarray.h>

#include "vmrpc.h"

struct io_uring_cmd;
struct rvmrpc_bulk;
struct rvmrpc_channel;

/* Of the kernel, or of a VM's VMM (whose procedures have no call). */
struct vmrpc_server {
	struct list_head		node;
	const struct vmrpc_server_ops	*ops;
	bool				dead;		/* under the vm->lock of who looks */
	atomic_t			bindings;
	wait_queue_head_t		wait;		/* for bindings to become 0 */
};

#define VMRPC_STAT_DIRECTIONS	3
#define VMRPC_STAT_MODULES	64	/* per direction; no less than the VMM's servers */
#define VMRPC_STAT_PROCEDURES	62	/* per module, whose counters then take 2 KiB */

struct vmrpc_counters {
	atomic64_t	calls, errors, arg_bytes, res_bytes;
};

/* One module's counters, in one direction. */
struct vmrpc_stat_module {
	char			name[VMRPC_MODULE_LEN];
	struct vmrpc_counters	procedures[VMRPC_STAT_PROCEDURES + 1];	/* the last: all others */
};

/* One bound module; its users are the handle table and each call under way. */
struct vmrpc_binding {
	struct vmrpc_server		*server;
	const struct vmrpc_server_ops	*ops;	/* the server's */
	void				*priv;
	bool				process;	/* VMRPC_BIND_PROCESS */
	refcount_t			ref;
	u32				handle;		/* that names it, from when it has a row */
	enum vmrpc_stat_direction	direction;
	struct vmrpc_stat_module	*stat;	/* the VM's; NULL: counted with all others */
};

/* A row of the handle table.  Generations only grow: no handle comes back. */
struct vmrpc_handle {
	struct vmrpc_binding	*binding;	/* NULL: free */
	u32			generation;	/* of the last handle given out */
	int			gone;		/* -errno for the holder of that handle */
};

#define VMRPC_ARGUMENT_PAGES	(VMRPC_MAX_ARG / PAGE_SIZE + 1)

/* Where the argument of a call under way is. */
struct vmrpc_argument {
	u32	offset;		/* in the first page */
	u32	size;		/* bytes */
	gpa_t	page[VMRPC_ARGUMENT_PAGES];
};

/* Outsourced memory; all but the table's contents under mutex. */
struct vmrpc_mem {
	struct mutex		mutex;
	struct file		*file;		/* NULL: the VM has none */
	struct kvm		*kvm;		/* who finds the blocks, private memory; NULL: the file has them */
	struct page		**pages;	/* the table's */
	struct vmrpc_mem_table	*table;		/* the guest writes it, too */
	u8			*states;	/* a block's each, after the table */
	u64			gpa;		/* of block 0 */
	u64			nr_blocks;
	u64			limit;		/* blocks */
	u64			reclaimed;	/* blocks, ever */
	unsigned long		*dropped;	/* bitmap of blocks, since the VMM asked */
	bool			attached;	/* the guest knows where it is */
	u8			*ages;		/* scans that found a block FREE; NULL: none is made */
	u32			auto_ms;	/* 0: no scans */
	struct delayed_work	auto_work;	/* the next one */
	u32			idle_ms;	/* 0: page cache of the guest's is its own business */
	struct delayed_work	idle_work;	/* has it drop what it does not use */
	struct vmrpc_mem_entry	*entry;		/* in mem_auto.c's list, while there is a file; or NULL */
	struct work_struct	shrink_work;	/* takes FREE blocks */
	/* Without the mutex: */
	long			shrink_want;	/* pages */
	bool			shrink_busy;	/* it was begun, and did not end */
	unsigned long		shrink_after;	/* jiffies: begun so long before, or there was nothing */
	atomic_long_t		shrunk;		/* pages, ever */
	struct work_struct	ask_work;	/* has the guest make some FREE */
	unsigned long		ask_after;	/* jiffies, likewise */
	struct xarray		pins;		/* struct vmrpc_pin */
	atomic_long_t		pin_pages;	/* of all of them */
	atomic_long_t		pinned;		/* pages that cannot be paged out for them */
	struct mutex		pin_mutex;
	struct xarray		pinned_folios;	/* by PFN: how many pages of pins; under pin_mutex */

	/* With the mutex again: */
	unsigned long		pin_max;	/* pages that the guest may pin; set once */
	u32			*pinned_blocks;	/* how often each is; NULL: none may be */
	u64			nr_pinned;	/* blocks that are */
};

struct vmrpc_stats {
	atomic64_t	polls, parks, refused, calls, errors, calls_refused, wakes, interrupts;
};

struct vmrpc_vm {
	struct kref		ref;
	struct list_head	node;		/* vmrpc_vms, under vmrpc_vms_lock */
	char			name[VMRPC_NAME_LEN];
	struct pid		*pid;		/* of the VMM */
	kuid_t			uid;
	kgid_t			gid;		/* who else may call; INVALID_GID: nobody */
	struct eventfd_ctx	*irq;		/* may be NULL */
	void			(*interrupt)(struct vmrpc_vm *vm);
	struct vmrpc_stats	stats;
	struct ratelimit_state	print_limit;	/* lines that the guest may add to the host's log */

	spinlock_t		lock;		/* the fields down to channel; taken from hard interrupts */
	struct kvm		*kvm;		/* NULL: gone, or loopback */
	bool			gone;
	struct vmrpc_handle	handles[VMRPC_MAX_HANDLES];
	u32			handles_base;	/* generation of handles that were never bound */
	struct rvmrpc_channel	*channel;	/* NULL: none registered */

	struct vmrpc_mem	mem;

	struct mutex		user_mutex;	/* user_calls, and who adds a user server */
	struct xarray		user_calls;	/* by vCPU index: struct vmrpc_user_call */
	struct list_head	user_servers;	/* changes under vmrpc_servers_lock */
	DECLARE_BITMAP(user_woken, KVM_MAX_VCPUS);	/* since their call began */

	struct mutex		channel_mutex;	/* serializes register, unregister, reset, destroy */
	u32			generation;	/* of the last channel registered */
	atomic_t		callers;	/* of rvmrpc_call(), waiting ones included */
	atomic_t		refreshes;	/* of channels' pages, under way in workers */
	wait_queue_head_t	refresh_wait;	/* for one of them to end */
	u64			polled_at;	/* jiffies_64; 0: never */
	atomic_t		kick;		/* enum rvmrpc_kick */
	unsigned long		kicked_at;	/* jiffies */
	DECLARE_BITMAP(pollers, KVM_MAX_VCPUS);	/* vCPUs parked by POLL */

	/* Only grow: a row is filled once, after all rows before it.  See stat.c. */
	struct vmrpc_stat_module *stat[VMRPC_STAT_DIRECTIONS][VMRPC_STAT_MODULES];
	struct vmrpc_counters	stat_other[VMRPC_STAT_DIRECTIONS];
};

/* A page of a channel: a guest's, or (->own) a loopback's. */
struct rvmrpc_page {
	struct gfn_to_pfn_cache	cache;
	void			*own;
	struct rvmrpc_channel	*channel;
};

struct rvmrpc_args {
	const char	*module;
	u32		procedure;
	const void	*arg;
	u32		arg_size;
	void		*res;
	u32		res_size;	/* in: room; out: bytes */
	struct rvmrpc_bulk *bulk;	/* where they are if they do not fit a slot; else NULL */
	s64		result;
	u64		seq;		/* out: of the request that was sent; 0: none was */
	unsigned long	deadline;	/* jiffies; rvmrpc.c's */
};

/* A client's side of a call. */
struct vmrpc_client {
	u8			module[VMRPC_MODULE_LEN];
	void			*data;	/* what fits a slot: the argument, then the result */
	void __user		*res;
	struct rvmrpc_bulk	*bulk;
};

/*
 * A call that no thread waits for.  The submitter fills in the first part; @done is
 * called once, in process context, perhaps with a spinlock held, and before
 * rvmrpc_submit() returns or after.  @release: when nothing refers to the call any more.
 */
struct rvmrpc_async {
	struct rvmrpc_args	args;
	refcount_t		ref;		/* 1, the submitter's */
	void			(*done)(struct rvmrpc_async *async, int ret);
	void			(*release)(struct rvmrpc_async *async);

	struct vmrpc_vm		*vm;		/* rvmrpc.c's from here on */
	struct rvmrpc_channel	*channel;
	struct rvmrpc_slot	*slot;
	bool			submitted;	/* these are there */
	struct delayed_work	deadline;
	bool			expired;	/* under channel->lock */
};

/* core.c: work that may be under way when the last descriptor has gone */
extern struct workqueue_struct *vmrpc_wq;		/* short */
extern struct workqueue_struct *vmrpc_refresh_wq;	/* as long as a VMM's memory takes */

struct kvm *vmrpc_vm_get_kvm(struct vmrpc_vm *vm);
void vmrpc_vm_info(struct vmrpc_vm *vm, struct vmrpc_vm_info *info);
int vmrpc_vm_reset(struct vmrpc_vm *vm);
bool vmrpc_vm_may_access(const struct vmrpc_vm *vm);
int vmrpc_vm_list(struct vmrpc_entries *list);
bool vmrpc_name_valid(const char *name, size_t size);

void vmrpc_hypercall_return(struct kvm_vcpu *vcpu, u32 op, u32 handle, u32 procedure, int ret,
			    u64 result);

/* server.c */
int vmrpc_op_bind(struct kvm_vcpu *vcpu, struct vmrpc_vm *vm, u64 gva, u64 *result);
int vmrpc_op_unbind(struct kvm_vcpu *vcpu, struct vmrpc_vm *vm, u32 handle);
int vmrpc_op_perform(struct kvm_vcpu *vcpu, struct vmrpc_vm *vm, u32 handle, u32 procedure,
		     u32 size, u64 gva, u64 *result);
struct vmrpc_server *vmrpc_server_add(struct list_head *servers,
				      const struct vmrpc_server_ops *ops);
void vmrpc_binding_put(struct vmrpc_binding *binding);
int vmrpc_call_status(int ret);
void vmrpc_handles_init(struct vmrpc_vm *vm);
void vmrpc_handles_renew(struct vmrpc_vm *vm);
void vmrpc_unbind_all(struct vmrpc_vm *vm);
void vmrpc_vm_drop_server(struct vmrpc_vm *vm, struct vmrpc_server *server);
void vmrpc_for_each_vm(void (*fn)(struct vmrpc_vm *vm, struct vmrpc_server *server),
		       struct vmrpc_server *server);

/* gaccess.c: the caller holds kvm->srcu */
int vmrpc_read_guest(struct kvm_vcpu *vcpu, void *to, u64 gva, size_t size);
int vmrpc_write_guest(struct kvm_vcpu *vcpu, u64 gva, const void *from, size_t size);
int vmrpc_map_guest(struct kvm_vcpu *vcpu, u64 gva, bool write, struct kvm_host_map *map);
int vmrpc_argument_translate(struct kvm_vcpu *vcpu, struct vmrpc_argument *argument, u64 gva,
			     size_t size, bool write);
int vmrpc_argument_copy(struct kvm_vcpu *vcpu, const struct vmrpc_argument *argument, void *data,
			bool write);

/* client.c */
int vmrpc_client_init(struct vmrpc_client *client, struct rvmrpc_args *args,
		      const struct vmrpc_vm_call *call);
int vmrpc_client_result(const struct vmrpc_client *client, const struct rvmrpc_args *args);
void vmrpc_client_free(struct vmrpc_client *client);
void vmrpc_client_free_bulk(struct vmrpc_client *client);
void vmrpc_client_free_later(struct vmrpc_client *client);

/* bulk.c */
struct rvmrpc_bulk *rvmrpc_bulk_new(const struct vmrpc_vm_call *call);
void rvmrpc_bulk_get(struct rvmrpc_bulk *bulk);
void rvmrpc_bulk_stop(struct rvmrpc_bulk *bulk);
u64 rvmrpc_bulk_stored(const struct rvmrpc_bulk *bulk);
void rvmrpc_bulk_free(struct rvmrpc_bulk *bulk);
void rvmrpc_bulk_free_later(struct rvmrpc_bulk *bulk);
int rvmrpc_transfer(struct kvm_vcpu *vcpu, struct vmrpc_vm *vm, u64 gva, u64 *result);

/* queue.c */
struct vmrpc_queue *vmrpc_queue_new(void);
int vmrpc_queue_submit(struct vmrpc_vm *vm, struct vmrpc_queue *queue,
		       const struct vmrpc_vm_submit *arg, bool wait);
int vmrpc_queue_cancel(struct vmrpc_queue *queue, u64 user_data);
int vmrpc_queue_reap(struct vmrpc_queue *queue, struct vmrpc_entries *arg);
__poll_t vmrpc_queue_poll(struct vmrpc_queue *queue, struct file *file, poll_table *wait);
void vmrpc_queue_close(struct vmrpc_queue *queue);

/* uring.c */
int vmrpc_uring_cmd(struct vmrpc_vm *vm, struct io_uring_cmd *cmd, unsigned int issue_flags);

/* vmlp.c */
void vmlp_poller_prepare(struct kvm_vcpu *vcpu, struct vmrpc_vm *vm);
int vmlp_halt(struct kvm_vcpu *vcpu, struct vmrpc_vm *vm);
bool vmlp_poller_wake(struct vmrpc_vm *vm, struct kvm *kvm);
void vmlp_reset(struct vmrpc_vm *vm, struct kvm *kvm);

int vmlp_user_park(struct kvm_vcpu *vcpu, struct vmrpc_vm *vm);
int vmlp_user_wake(struct vmrpc_vm *vm, u32 vcpu_idx);

/* user.c */
int vmrpc_user_begin(struct vmrpc_call *call, struct vmrpc_binding *binding,
		     const struct vmrpc_argument *argument, bool out);
int vmrpc_user_complete(struct kvm_vcpu *vcpu);
int vmrpc_user_read(struct vmrpc_vm *vm, struct vmrpc_vm_user_call *arg);
int vmrpc_user_copy(struct vmrpc_vm *vm, const struct vmrpc_vm_user_copy *arg);
int vmrpc_user_answer(struct vmrpc_vm *vm, const struct vmrpc_vm_user_answer *arg);
int vmrpc_user_add_server(struct vmrpc_vm *vm, const struct vmrpc_vm_server *arg);
void vmrpc_user_forget_calls(struct vmrpc_vm *vm);
void vmrpc_user_remove_servers(struct vmrpc_vm *vm);

/* page.c */
void rvmrpc_page_init(struct rvmrpc_page *page, struct kvm *kvm, struct rvmrpc_channel *channel);
void *rvmrpc_page_lock(struct rvmrpc_page *page, long wait, unsigned long *flags);
void rvmrpc_page_unlock(struct rvmrpc_page *page, unsigned long flags);

/* rvmrpc.c */
void rvmrpc_channel_hold(struct rvmrpc_channel *channel);
void rvmrpc_channel_put(struct rvmrpc_channel *channel);
int rvmrpc_register(struct kvm_vcpu *vcpu, struct vmrpc_vm *vm, u64 slots, u64 gfn, u64 flags,
		    u64 *result);
struct rvmrpc_bulk *rvmrpc_slot_bulk(struct vmrpc_vm *vm, u32 n, u64 seq);
int rvmrpc_poll(struct kvm_vcpu *vcpu, struct vmrpc_vm *vm, u64 flags, u64 *result);
int rvmrpc_close(struct vmrpc_vm *vm, int reason);
int __rvmrpc_call(struct vmrpc_vm *vm, struct rvmrpc_args *args, unsigned int timeout_ms);
int rvmrpc_submit(struct vmrpc_vm *vm, struct rvmrpc_async *async, unsigned int timeout_ms,
		  bool wait);
bool rvmrpc_cancel(struct rvmrpc_async *async);
void rvmrpc_async_put(struct rvmrpc_async *async);
void rvmrpc_info(struct vmrpc_vm *vm, struct vmrpc_vm_info *info);

/* loopback.c, a module of its own, uses these of core.c and rvmrpc.c */
struct vmrpc_vm *vmrpc_loopback_create(const char *name, void (*interrupt)(struct vmrpc_vm *vm),
				       void *pages, u32 nr_slots);
void vmrpc_loopback_destroy(struct vmrpc_vm *vm);
int rvmrpc_loopback_register(struct vmrpc_vm *vm, void *pages, u32 nr_slots);
bool rvmrpc_loopback_poll(struct vmrpc_vm *vm);

/* stat.c */
struct vmrpc_stat_module *vmrpc_stat_module(struct vmrpc_vm *vm,
					    enum vmrpc_stat_direction direction, const char *name);
struct vmrpc_counters *vmrpc_stat_perform(struct vmrpc_vm *vm, const struct vmrpc_binding *binding,
					  u32 procedure);
void vmrpc_stat_perform_end(struct vmrpc_counters *counters, int ret);
void vmrpc_stat_call(struct vmrpc_vm *vm, const struct rvmrpc_args *args, int ret);
u64 vmrpc_stat_performs(struct vmrpc_vm *vm);
int vmrpc_vm_stat(struct vmrpc_vm *vm, struct vmrpc_entries *list);
void vmrpc_stat_free(struct vmrpc_vm *vm);

/* mem.c */
void vmrpc_mem_init(struct vmrpc_vm *vm);
int vmrpc_mem_reset(struct vmrpc_vm *vm);
void vmrpc_mem_destroy(struct vmrpc_vm *vm);
int vmrpc_mem_setup(struct vmrpc_vm *vm, const struct vmrpc_vm_set_mem *arg);
int vmrpc_mem_info(struct vmrpc_vm *vm, struct vmrpc_vm_mem_info *info);
int vmrpc_mem_limit(struct vmrpc_vm *vm, u64 size);
int vmrpc_mem_load(struct vmrpc_vm *vm, u64 limit);
int vmrpc_mem_dropped(struct vmrpc_vm *vm, const struct vmrpc_vm_mem_dropped *arg);
int vmrpc_mem_reclaim(struct vmrpc_vm *vm, u64 *size);
int vmrpc_mem_begin(struct vmrpc_vm *vm);
void vmrpc_mem_end(struct vmrpc_vm *vm);
long vmrpc_mem_reclaim_run(struct vmrpc_mem *mem, u64 *block, u64 max, u8 age);
int vmrpc_mem_server_init(void);
void vmrpc_mem_server_exit(void);

/* mem_backing.c */
bool vmrpc_mem_is_hugetlb(const struct vmrpc_mem *mem);
bool vmrpc_mem_is_private(const struct vmrpc_mem *mem);
bool vmrpc_mem_backing_valid(struct file *file, const struct vmrpc_vm_set_mem *arg);
int vmrpc_mem_backing_get(struct vmrpc_mem *mem, struct file *file, struct kvm *kvm);
void vmrpc_mem_backing_put(struct vmrpc_mem *mem);
int vmrpc_mem_backing_drop(struct vmrpc_mem *mem, u64 block, u64 nr, bool wait);
u64 vmrpc_mem_resident(const struct vmrpc_mem *mem);
int vmrpc_mem_backing_count(const struct vmrpc_mem *mem, u64 *block, struct vmrpc_vm_mem_info *info);

/* mem_auto.c */
int vmrpc_mem_set_auto(struct vmrpc_vm *vm, const struct vmrpc_vm_mem_auto *arg);
void vmrpc_mem_auto_init(struct vmrpc_mem *mem);
int vmrpc_mems_add(struct vmrpc_mem *mem);
void vmrpc_mems_del(struct vmrpc_mem *mem);
void vmrpc_mem_auto_cancel(struct vmrpc_mem *mem);
int vmrpc_mem_auto_start(void);
void vmrpc_mem_auto_stop(void);

/* mem_pin.c */
int vmrpc_mem_pin_setup(struct vmrpc_mem *mem, u64 size);
void vmrpc_mem_pin_forget(struct vmrpc_mem *mem);
void vmrpc_mem_pin_init(struct vmrpc_mem *mem);
void vmrpc_mem_unpin_all(struct vmrpc_mem *mem);
u64 vmrpc_mem_pinned(const struct vmrpc_mem *mem);
bool vmrpc_mem_block_pinned(const struct vmrpc_mem *mem, u64 block);
u64 vmrpc_find_memory(struct kvm *kvm, gfn_t gfn, u64 nr, unsigned long *hva);
int vmrpc_mem_pin(struct vmrpc_call *call);
int vmrpc_mem_unpin(struct vmrpc_call *call);

/* dev.c */
int vmrpc_dev_init(void);
void vmrpc_dev_exit(void);
struct file *vmrpc_vm_file(struct vmrpc_vm *vm, bool owner);

/* print.c */
int vmrpc_print_init(void);
void vmrpc_print_exit(void);

#endif /* _KVM_X86_VMRPC_INTERNAL_H */
