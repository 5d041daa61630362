// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMRPC, from the guest to the host: discovery, the hypercall, and the module "print".
 */
#include "bare.h"

#define CPUID_HYPERVISOR_FIRST	0x40000000
#define CPUID_HYPERVISOR_LAST	0x4000ff00
#define CPUID_HYPERVISOR_STEP	0x100

static bool has_vmmcall;

/* Which of the two the CPU's vendor has, the one that every host accepts. */
static bool vendor_is_amd(void)
{
	struct cpuid vendor = cpuid(0);

	return vendor.ebx == 0x68747541 ||	/* "Auth"enticAMD */
	       vendor.ebx == 0x6f677948;	/* "Hygo"nGenuine */
}

/* The feature bits. */
uint32_t host_discover(void)
{
	struct cpuid id;

	has_vmmcall = vendor_is_amd();
	for (uint32_t leaf = CPUID_HYPERVISOR_FIRST; leaf <= CPUID_HYPERVISOR_LAST;
	     leaf += CPUID_HYPERVISOR_STEP) {
		id = cpuid(leaf);
		if (id.ebx != VMRPC_CPUID_SIGNATURE_EBX || id.ecx != VMRPC_CPUID_SIGNATURE_ECX ||
		    id.edx != VMRPC_CPUID_SIGNATURE_EDX || id.eax < leaf + VMRPC_CPUID_FEATURES)
			continue;
		id = cpuid(leaf + VMRPC_CPUID_FEATURES);
		say_number("features", id.eax);
		say_number("largest argument", id.ebx);
		say_number("most slots", id.ecx);
		return id.eax;
	}
	fail("no VMRPC interface, leaves searched up to", CPUID_HYPERVISOR_LAST);
}

/* A GVA is what a pointer holds.  *result is written when the host wrote it. */
long hypercall(unsigned long op, unsigned long rcx, unsigned long rdx, const void *rsi,
	       unsigned long *result)
{
	unsigned long rbx = op;
	long rax = VMRPC_HYPERCALL;

	if (has_vmmcall)
		__asm__ __volatile__("vmmcall" : "+a"(rax), "+b"(rbx)
				     : "c"(rcx), "d"(rdx), "S"(rsi) : "memory");
	else
		__asm__ __volatile__("vmcall" : "+a"(rax), "+b"(rbx)
				     : "c"(rcx), "d"(rdx), "S"(rsi) : "memory");
	if (!rax)
		*result = rbx;
	else if (rbx != op)
		fail("a hypercall that failed changed RBX, status", rax);
	return rax;
}

/* perform - until it is not interrupted any more */
static long perform(unsigned long handle, unsigned long procedure, const void *arg, size_t size,
		    unsigned long *result)
{
	long status;

	do
		status = hypercall(VMRPC_OP_PERFORM | procedure << VMRPC_PROCEDURE_SHIFT, handle,
				   size, arg, result);
	while (status == -VMRPC_EINTR);
	return status;
}

static void expect(const char *what, long wanted, long got)
{
	if (got != wanted)
		fail(what, got);
}

static void print(unsigned long handle, const char *text, size_t length)
{
	struct vmrpc_print arg = { .string = (uintptr_t)text, .length = length };
	unsigned long result = 0;

	expect("PERFORM of print", 0,
	       perform(handle, VMRPC_PRINT_PRINT, &arg, sizeof(arg), &result));
	expect("result of print", length, result);
}

/* Says hello in the host's log, and that what must be refused is refused. */
void host_self_test(void)
{
	static const char hello[] = "hello from bare, no OS at all";
	struct vmrpc_bind bind = { .module = VMRPC_PRINT_MODULE, .version = VMRPC_PRINT_VERSION };
	unsigned long handle = 0, none = 0;

	expect("BIND of print", 0, hypercall(VMRPC_OP_BIND, 0, 0, &bind, &handle));
	expect("PERFORM on handle 0", -VMRPC_EBADF, perform(0, 0, NULL, 0, &none));
	expect("PERFORM of no procedure", -VMRPC_ENOSYS, perform(handle, 99, NULL, 0, &none));
	print(handle, hello, sizeof(hello) - 1);
	expect("UNBIND", 0, hypercall(VMRPC_OP_UNBIND, handle, 0, NULL, &none));
	expect("result of UNBIND", 0, none);
	expect("UNBIND of a stale handle", -VMRPC_ESTALE,
	       hypercall(VMRPC_OP_UNBIND, handle, 0, NULL, &none));
	expect("PERFORM on a stale handle", -VMRPC_ESTALE, perform(handle, 0, NULL, 0, &none));

	bind.version[0]++;
	expect("BIND of another version", -VMRPC_EPROTONOSUPPORT,
	       hypercall(VMRPC_OP_BIND, 0, 0, &bind, &handle));
	bind.flags = 1u << 31;
	expect("BIND with a reserved flag", -VMRPC_EINVAL,
	       hypercall(VMRPC_OP_BIND, 0, 0, &bind, &handle));
	say("print is as it should be");
}
