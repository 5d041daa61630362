/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Included by force into mem.c of the host's kernel by tests/host/mem-broken.sh: the host's claim
 * of a FREE block is a store, some time after its check, instead of a compare-and-swap.
 */
#include <linux/atomic.h>
#include <linux/delay.h>
#include <uapi/linux/vmrpc.h>

#undef cmpxchg
#define cmpxchg(ptr, old, new) ({					\
	typeof(*(ptr)) __was = (old), __is = (new);			\
									\
	if (__is == VMRPC_MEM_BUSY) {					\
		fsleep(2 * USEC_PER_MSEC);				\
		WRITE_ONCE(*(ptr), __is);				\
	} else {							\
		__was = arch_cmpxchg((ptr), __was, __is);		\
	}								\
	__was;								\
})
