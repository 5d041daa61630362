// SPDX-License-Identifier: GPL-2.0-only
/*
 * mem-bench vmrpc|balloon|virtio-mem|steps VM QMP-SOCKET MIB
 *
 * Gives the guest MIB of the memory that the host can take, or takes back what is more, and
 * waits until the VM has just that.  Prints how long it took in ms and how often the VM's
 * vCPUs left the guest meanwhile, tab-separated.  MIB is of the outsourced memory, of what
 * the balloon leaves, or of the virtio-mem device whose id is "vmem".  "steps" is vmrpc's, that only
 * takes back, 64 MiB at a time, and prints a line for each.
 */
#include <errno.h>
#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <json-glib/json-glib.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "bench.h"

#define MIB		(1ull << 20)
#define STEP		(64 * MIB)
#define POLL_US		2000		/* between two looks at how far a peer is */
#define TIMEOUT_NS	300000000000ull

struct qmp {
	GSocketConnection *connection;
	GDataInputStream *in;
	GOutputStream *out;
};

struct target {
	struct qmp qmp;
	int vm;			/* vmrpc only */
	guint64 size;		/* wanted, bytes */
};

/* The member "return" of QEMU's next answer; its events are nobody's. */
static JsonNode *qmp_answer(struct qmp *qmp)
{
	for (;;) {
		g_autoptr(GError) error = NULL;
		g_autofree char *line = g_data_input_stream_read_line(qmp->in, NULL, NULL, &error);
		g_autoptr(JsonNode) node = line ? json_from_string(line, &error) : NULL;
		JsonObject *object;

		if (!node)
			die("QEMU does not answer: %s", error ? error->message : "it closed the socket");
		object = json_node_get_object(node);
		if (json_object_has_member(object, "error"))
			die("QEMU refuses: %s", line);
		if (json_object_has_member(object, "return"))
			return json_node_copy(json_object_get_member(object, "return"));
	}
}

static JsonNode *qmp_execute(struct qmp *qmp, const char *format, ...)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *command = NULL;
	va_list args;

	va_start(args, format);
	command = g_strdup_vprintf(format, args);
	va_end(args);
	if (!g_output_stream_write_all(qmp->out, command, strlen(command), NULL, NULL, &error))
		die("QEMU's monitor: %s", error->message);
	return qmp_answer(qmp);
}

static void qmp_command(struct qmp *qmp, const char *command)
{
	json_node_unref(qmp_execute(qmp, "%s", command));
}

static void qmp_connect(struct qmp *qmp, const char *path)
{
	g_autoptr(GSocketClient) client = g_socket_client_new();
	g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
	g_autoptr(GError) error = NULL;

	qmp->connection = g_socket_client_connect(client, G_SOCKET_CONNECTABLE(address), NULL, &error);
	if (!qmp->connection)
		die("%s: %s", path, error->message);
	qmp->in = g_data_input_stream_new(g_io_stream_get_input_stream(G_IO_STREAM(qmp->connection)));
	qmp->out = g_io_stream_get_output_stream(G_IO_STREAM(qmp->connection));
	qmp_command(qmp, "{\"execute\": \"qmp_capabilities\"}");
}

/* Returns how much the guest has, used or free, after it was told the limit. */
static guint64 vmrpc_limit(struct target *target)
{
	struct vmrpc_vm_mem_size limit = { .size = target->size };
	struct vmrpc_vm_mem_info info = {};

	if (ioctl(target->vm, VMRPC_VM_MEM_LIMIT, &limit) ||
	    ioctl(target->vm, VMRPC_VM_MEM_INFO, &info))
		die("outsourced memory: %s", strerror(errno));
	return info.max - info.absent;
}

static void vmrpc_reclaim(struct target *target, guint64 size)
{
	struct vmrpc_vm_mem_size reclaim = { .size = size };

	if (ioctl(target->vm, VMRPC_VM_MEM_RECLAIM, &reclaim))
		die("VMRPC_VM_MEM_RECLAIM: %s", strerror(errno));
	if (reclaim.size < size)
		die("the guest had only %llu MiB free", (unsigned long long)reclaim.size / MIB);
}

static void vmrpc_resize(struct target *target)
{
	guint64 has = vmrpc_limit(target);

	if (has > target->size)
		vmrpc_reclaim(target, has - target->size);
}

static guint64 balloon_size(struct target *target)
{
	g_autoptr(JsonNode) answer = qmp_execute(&target->qmp, "{\"execute\": \"query-balloon\"}");

	return json_object_get_int_member(json_node_get_object(answer), "actual");
}

static guint64 virtio_mem_size(struct target *target)
{
	g_autoptr(JsonNode) answer = qmp_execute(&target->qmp,
		"{\"execute\": \"qom-get\", \"arguments\": "
		"{\"path\": \"/machine/peripheral/vmem\", \"property\": \"size\"}}");

	return json_node_get_int(answer);
}

static void wait_for_size(struct target *target, guint64 (*size)(struct target *))
{
	uint64_t start = now_ns();

	while (size(target) != target->size) {
		if (now_ns() - start > TIMEOUT_NS)
			die("the guest has %llu MiB, not %llu", (unsigned long long)size(target) / MIB,
			    (unsigned long long)target->size / MIB);
		g_usleep(POLL_US);
	}
}

static void balloon_resize(struct target *target)
{
	json_node_unref(qmp_execute(&target->qmp, "{\"execute\": \"balloon\", \"arguments\": "
				    "{\"value\": %" G_GUINT64_FORMAT "}}", target->size));
	wait_for_size(target, balloon_size);
}

static void virtio_mem_resize(struct target *target)
{
	json_node_unref(qmp_execute(&target->qmp,
		"{\"execute\": \"qom-set\", \"arguments\": {\"path\": \"/machine/peripheral/vmem\", "
		"\"property\": \"requested-size\", \"value\": %" G_GUINT64_FORMAT "}}", target->size));
	wait_for_size(target, virtio_mem_size);
}

static const struct kind {
	const char *name;
	void (*resize)(struct target *target);
} kinds[] = {
	{ "vmrpc", vmrpc_resize },
	{ "balloon", balloon_resize },
	{ "virtio-mem", virtio_mem_resize },
};

static const struct kind *find_kind(const char *name)
{
	for (unsigned int i = 0; i < G_N_ELEMENTS(kinds); i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	die("%s: vmrpc, balloon, virtio-mem or steps", name);
}

/* Takes as long as @resize does; the exits are read next to it. */
static void measure(struct target *target, int counters, void (*resize)(struct target *target))
{
	uint64_t exits = kvm_counter(counters, "exits"), start = now_ns(), time;

	resize(target);
	time = now_ns() - start;
	printf("%.3f\t%" G_GUINT64_FORMAT "\n", time / 1e6,
	       kvm_counter(counters, "exits") - exits);
}

static void reclaim_step(struct target *target)
{
	vmrpc_reclaim(target, STEP);
}

static void measure_steps(struct target *target, int counters)
{
	guint64 has;

	for (has = vmrpc_limit(target); has >= target->size + STEP; has -= STEP)
		measure(target, counters, reclaim_step);
}

int main(int argc, char **argv)
{
	struct vmrpc_vm_info info;
	struct target target = {};
	int counters;

	if (argc != 5)
		die("usage: mem-bench vmrpc|balloon|virtio-mem|steps VM QMP-SOCKET MIB");
	target.vm = reverse_attach(argv[2]);
	target.size = strtoull(argv[4], NULL, 0) * MIB;
	qmp_connect(&target.qmp, argv[3]);
	reverse_info(target.vm, &info);
	counters = kvm_counters_open(info.pid);
	if (!strcmp(argv[1], "steps"))
		measure_steps(&target, counters);
	else
		measure(&target, counters, find_kind(argv[1])->resize);
	return 0;
}
