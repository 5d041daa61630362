// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the guest does, in order.
 */
#include "bare.h"

#define FEATURES	(VMRPC_F_KERNEL | VMRPC_F_REVERSE)

/* From entry.S, on each CPU's own stack, interrupts disabled for ever. */
void cpu_start(uint32_t number, uint32_t start_info)
{
	if (number) {
		machine_cpu_init();
		say_number("up: CPU", number);
		channel_serve();
	}
	machine_init(start_info);
	say_number("bits", sizeof(long) * 8);
	if ((host_discover() & FEATURES) != FEATURES)
		fail("features are missing of", FEATURES);
	host_self_test();
	machine_start_second_cpu();
	channel_serve();
}
