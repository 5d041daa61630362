/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How CPUs come in: the first by the PVH entry point, in protected mode without paging,
 * the second by SIPI, in real mode.  Both get the segments, in the 64-bit image long
 * mode, and a stack each, and go to cpu_start(number, start info).
 */
#define MAX_CPUS	2
#define STACK_SIZE	8192

#define CODE32		0x08
#define DATA		0x10
#define CODE64		0x18

#define PTE_TABLE	0x03		/* present, writable */
#define PTE_2M		0x83		/* and large */

#define APIC_EOI	0xfee000b0

	/* Xen's note of type 18: the physical address to enter a 32-bit CPU at. */
	.section .note.pvh, "a", @note
	.balign 4
	.long	4, 8, 18
	.asciz	"Xen"
	.long	pvh_start, 0

	.text
	.code32
	.globl	pvh_start
pvh_start:
	cli
	cld
	lgdt	gdt_pointer
	ljmp	$CODE32, $cpu_enter

/* EBX: start info of the first CPU; the others' is never looked at. */
cpu_enter:
	mov	$DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	$1, %esi
	lock xadd %esi, cpus_entered
	cmp	$MAX_CPUS, %esi
	jae	stop
	lea	1(%esi), %esp
	imul	$STACK_SIZE, %esp
	add	$stacks, %esp
#ifdef __x86_64__
	mov	$pml4, %eax
	mov	%eax, %cr3
	mov	%cr4, %eax
	or	$0x20, %eax		/* PAE */
	mov	%eax, %cr4
	mov	$0xc0000080, %ecx	/* EFER */
	rdmsr
	or	$0x100, %eax		/* LME */
	wrmsr
	mov	%cr0, %eax
	or	$0x80000000, %eax	/* PG */
	mov	%eax, %cr0
	ljmp	$CODE64, $cpu_enter_long

	.code64
cpu_enter_long:
	mov	%esi, %edi
	mov	%ebx, %esi
#else
	sub	$8, %esp		/* so that the stack is aligned at the call */
	push	%ebx
	push	%esi
#endif
	call	cpu_start
stop:
	hlt
	jmp	stop

/* A stub of eight bytes a vector: what stopped us is worth a line, and no more. */
	.balign	8
	.globl	exception_stubs
exception_stubs:
	.set	vector, 0
	.rept	32
	.balign	8
	push	$vector
	jmp	exception
	.set	vector, vector + 1
	.endr
exception:
#ifdef __x86_64__
	pop	%rdi
	and	$-16, %rsp
#endif
	call	exception_fail		/* does not return */

/* An NMI only ends a parked poll. */
	.globl	nmi
nmi:
#ifdef __x86_64__
	iretq
#else
	iret
#endif

/* The APIC's timer ends what else would halt for ever. */
	.globl	timer
timer:
#ifdef __x86_64__
	push	%rax
	mov	$APIC_EOI, %eax
	movl	$0, (%rax)
	pop	%rax
	iretq
#else
	push	%eax
	mov	$APIC_EOI, %eax
	movl	$0, (%eax)
	pop	%eax
	iret
#endif

/* Copied to a page below 1 MiB, whose number is the SIPI's vector. */
	.code16
	.globl	trampoline, trampoline_end
trampoline:
	cli
	cld
	lgdtl	%cs:trampoline_gdt - trampoline
	mov	%cr0, %eax
	or	$1, %eax		/* PE */
	mov	%eax, %cr0
	ljmpl	$CODE32, $cpu_enter
trampoline_gdt:				/* real mode cannot reach the other one */
	.word	gdt_end - gdt - 1
	.long	gdt
trampoline_end:

	.data
	.balign	8
gdt:
	.quad	0
	.quad	0x00cf9b000000ffff	/* CODE32: 4 GiB from 0 */
	.quad	0x00cf93000000ffff	/* DATA */
	.quad	0x00af9b000000ffff	/* CODE64 */
gdt_end:
gdt_pointer:
	.word	gdt_end - gdt - 1
	.long	gdt

	.balign	4
cpus_entered:
	.long	0

#ifdef __x86_64__
/* The first 4 GiB, where the memory that we use and the APIC are, each address at itself. */
	.balign	4096
pml4:
	.quad	pdpt + PTE_TABLE
	.fill	511, 8, 0
pdpt:
	.quad	pd + PTE_TABLE, pd + 0x1000 + PTE_TABLE
	.quad	pd + 0x2000 + PTE_TABLE, pd + 0x3000 + PTE_TABLE
	.fill	508, 8, 0
pd:
	.set	address, 0
	.rept	2048
	.quad	address + PTE_2M
	.set	address, address + 0x200000
	.endr
#endif

	.bss
	.balign	16
stacks:
	.skip	MAX_CPUS * STACK_SIZE

	.section .note.GNU-stack, "", @progbits
