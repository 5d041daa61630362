// SPDX-License-Identifier: GPL-2.0-only
/*
 * `vmrpc commit`: what the VMs of this host were promised, and what they have.  A VM is a process
 * with a descriptor of KVM's; its guest need not know of VMRPC, nor the host's kernel.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "committext.h"
#include "output.h"
#include "procmem.h"
#include "report.h"
#include "vm.h"
#include "watch.h"

#define KVM_VM		"anon_inode:kvm-vm"
#define KSM		"/sys/kernel/mm/ksm/"

static const GOptionEntry options[] = {
	WATCH_OPTION("Tell it again, every so many seconds (default 1)"),
	{}
};

struct sample {
	GArray *vms;		/* struct commit_vm */
	struct commit_host host;
};

/* Of the process, or of the host with pid 0; NULL: it is gone, or not to be read. */
static char *read_proc(int pid, const char *name, gsize *size)
{
	g_autofree char *path = pid ? g_strdup_printf("/proc/%d/%s", pid, name) :
				      g_strdup_printf("/proc/%s", name);
	char *text = NULL;

	return g_file_get_contents(path, &text, size, NULL) ? text : NULL;
}

static guint64 value_in(const char *text, const char *key)
{
	guint64 value;

	return text && procmem_value(text, key, &value) ? value : COMMIT_UNKNOWN;
}

static gboolean is_vm_link(const char *directory, const char *name)
{
	g_autofree char *path = g_build_filename(directory, name, NULL);
	g_autofree char *target = g_file_read_link(path, NULL);

	return !g_strcmp0(target, KVM_VM);
}

static gboolean has_vm(int pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/fd", pid);
	g_autoptr(GDir) directory = g_dir_open(path, 0, NULL);
	const char *name;

	while (directory && (name = g_dir_read_name(directory)))
		if (is_vm_link(path, name))
			return TRUE;
	return FALSE;
}

static void read_ksm_of(struct commit_vm *vm)
{
	g_autofree char *stat = read_proc(vm->pid, "ksm_stat", NULL);
	guint64 pages = value_in(stat, "ksm_merging_pages");

	vm->merged = pages == COMMIT_UNKNOWN ? pages : pages * sysconf(_SC_PAGESIZE);
}

/* What any VM tells. */
static struct commit_vm read_process(int pid)
{
	gsize size = 0;
	g_autofree char *cmdline = read_proc(pid, "cmdline", &size);
	g_autofree char *rollup = read_proc(pid, "smaps_rollup", NULL);
	struct commit_vm vm = {
		.pid = pid,
		.promised = COMMIT_UNKNOWN,
		.limited = COMMIT_UNKNOWN,
		.resident = value_in(rollup, "Rss"),
		.swapped = value_in(rollup, "Swap"),
		.pinned = COMMIT_UNKNOWN,
		.reclaimable = COMMIT_UNKNOWN,
	};

	if (cmdline) {
		vm.name = procmem_qemu_name(cmdline, size);
		if (!procmem_qemu_memory(cmdline, size, &vm.promised))
			vm.promised = COMMIT_UNKNOWN;
	}
	read_ksm_of(&vm);
	return vm;
}

static struct commit_vm *vm_of_pid(const GArray *vms, int pid)
{
	for (guint i = 0; i < vms->len; i++)
		if (g_array_index(vms, struct commit_vm, i).pid == pid)
			return &g_array_index(vms, struct commit_vm, i);
	return NULL;
}

/* What a VM with outsourced memory tells besides; its name is VMRPC's. */
static int add_outsourced(struct vmrpc *rpc, const char *name, gpointer vms)
{
	struct vmrpc_vm_mem_info mem;
	struct vmrpc_vm_info info;
	struct commit_vm *vm;

	if (vmrpc_info(rpc, &info))
		return 0;
	vm = vm_of_pid(vms, info.pid);
	if (!vm)
		return 0;
	g_free(vm->name);
	vm->name = g_strdup(name);
	if (vmrpc_mem_info(rpc, &mem))
		return 0;
	if (vm->promised != COMMIT_UNKNOWN) {
		vm->limited = vm->promised + mem.limit;
		vm->promised += mem.max;
	}
	vm->pinned = mem.pinned;
	if (mem.attached)
		vm->reclaimable = mem.free;
	return 0;
}

static int compare_vms(gconstpointer a, gconstpointer b)
{
	const struct commit_vm *x = a, *y = b;
	int names = g_strcmp0(x->name, y->name);

	return names ? names : x->pid - y->pid;
}

static GArray *read_processes(void)
{
	GArray *vms = g_array_new(FALSE, FALSE, sizeof(struct commit_vm));
	g_autoptr(GDir) directory = g_dir_open("/proc", 0, NULL);
	struct commit_vm vm;
	const char *name;

	while (directory && (name = g_dir_read_name(directory))) {
		if (!g_ascii_isdigit(*name) || !has_vm(atoi(name)))
			continue;
		vm = read_process(atoi(name));
		g_array_append_val(vms, vm);
	}
	return vms;
}

static guint64 read_ksm(const char *name)
{
	g_autofree char *path = g_strconcat(KSM, name, NULL);
	g_autofree char *text = NULL;

	return g_file_get_contents(path, &text, NULL, NULL) ? g_ascii_strtoull(text, NULL, 10) :
							      COMMIT_UNKNOWN;
}

static void read_host(struct commit_host *host)
{
	g_autofree char *meminfo = read_proc(0, "meminfo", NULL);
	guint64 sharing = read_ksm("pages_sharing"), unshared = read_ksm("pages_unshared");
	long page = sysconf(_SC_PAGESIZE);

	*host = (struct commit_host){
		.total = value_in(meminfo, "MemTotal"),
		.available = value_in(meminfo, "MemAvailable"),
		.swap_used = value_in(meminfo, "SwapTotal") - value_in(meminfo, "SwapFree"),
		.ksm_saved = sharing == COMMIT_UNKNOWN ? sharing : sharing * page,
		.ksm_tried = unshared == COMMIT_UNKNOWN ? unshared : unshared * page,
		.ksm_runs = read_ksm("run") == 1,
	};
}

static int read_sample(gconstpointer of G_GNUC_UNUSED, gpointer *data)
{
	struct sample *sample = g_new0(struct sample, 1);

	sample->vms = read_processes();
	read_host(&sample->host);
	/* Where there is no VMRPC nobody has more to tell. */
	read_vms(add_outsourced, sample->vms);
	g_array_sort(sample->vms, compare_vms);
	*data = sample;
	return 0;
}

static void free_sample(gpointer data)
{
	struct sample *sample = data;

	for (guint i = 0; i < sample->vms->len; i++)
		g_free(g_array_index(sample->vms, struct commit_vm, i).name);
	g_array_unref(sample->vms);
	g_free(sample);
}

static void print_sample(const struct sample *sample)
{
	g_autofree char *text = NULL;

	if (option_json) {
		g_autoptr(JsonBuilder) builder = json_builder_new();

		committext_build(builder, sample->vms, &sample->host);
		print_json(builder);
		return;
	}
	text = committext(sample->vms, &sample->host);
	fputs(text, stdout);
}

static void print_again(gconstpointer now, gconstpointer before G_GNUC_UNUSED,
			double seconds G_GNUC_UNUSED)
{
	print_sample(now);
}

static const struct watch commit_watch = {
	.read = read_sample,
	.print = print_again,
	.free = free_sample,
};

static enum status run(int argc G_GNUC_UNUSED, char **argv G_GNUC_UNUSED)
{
	gpointer sample;

	if (option_watch > 0 && option_json)
		return fail_usage("--watch and --json: choose one");
	if (option_watch > 0)
		return watch(&commit_watch, NULL) ? STATUS_FAILED : STATUS_OK;
	read_sample(NULL, &sample);
	print_sample(sample);
	free_sample(sample);
	return STATUS_OK;
}

const struct command commit_command = {
	.name = "commit",
	.parameters = "",
	.summary = "Tell what VMs were promised and have of this host's memory",
	.description = "Of all VMs that you may look at (root: of all), with VMRPC or without: '-' is what a VM,\n"
		       "the host or you cannot tell. RESIDENT, MERGED (by KSM) and SWAPPED are the process's,\n"
		       "PROMISED and LIMITED the guest's.",
	.options = options,
	.run = run,
};
