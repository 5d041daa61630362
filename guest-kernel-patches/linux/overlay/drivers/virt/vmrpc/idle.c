// SPDX-License-Identifier: GPL-2.0-only
/*
 * A cpuidle driver whose only state waits in the host for requests, too, where HLT
 * waits for interrupts only: an idle CPU then learns of a request without one.
 *
 * With a single state no governor is asked, so this changes nothing else in how a
 * CPU idles.  If another driver was first, HLT stays, and requests interrupt.
 */
#define pr_fmt(fmt) "vmrpc: " fmt

#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/cpuidle.h>
#include <linux/percpu.h>
#include <linux/sched/idle.h>
#include <asm/irqflags.h>
#include "internal.h"
#include "trace.h"

static DEFINE_PER_CPU(struct cpuidle_device, vmrpc_idle_dev);
/* The host would not park this CPU: the next idle period is an ordinary one. */
static DEFINE_PER_CPU(bool, vmrpc_idle_refused);

/* After a park, with RCU watching and interrupts off. */
static void vmrpc_idle_woken(int ret)
{
	trace_vmrpc_poll(VMRPC_POLL_PARK, ret);
	if (ret == -ENOTCONN)
		rvmrpc_check();
	else if (rvmrpc_pending())
		rvmrpc_wake();
	if (ret < 0 && ret != -EINTR)
		__this_cpu_write(vmrpc_idle_refused, true);
}

static __cpuidle int vmrpc_idle_enter(struct cpuidle_device *dev,
				      struct cpuidle_driver *drv, int index)
{
	bool park;
	int ret = 0;

	instrumentation_begin();
	park = rvmrpc_may_park() && !__this_cpu_read(vmrpc_idle_refused);
	__this_cpu_write(vmrpc_idle_refused, false);

	ct_cpuidle_enter();
	if (park)
		ret = __vmrpc_poll_park();
	else
		raw_safe_halt();
	raw_local_irq_disable();
	ct_cpuidle_exit();

	if (park)
		vmrpc_idle_woken(ret);
	instrumentation_end();
	return index;
}

static struct cpuidle_driver vmrpc_idle_driver = {
	.name		= "vmrpc",
	.states		= {
		{
			.enter			= vmrpc_idle_enter,
			.exit_latency		= 1,
			.target_residency	= 1,
			.flags			= CPUIDLE_FLAG_RCU_IDLE,
			.name			= "park",
			.desc			= "wait in the host",
		},
	},
	.state_count	= 1,
};

static int vmrpc_idle_online(unsigned int cpu)
{
	struct cpuidle_device *dev = per_cpu_ptr(&vmrpc_idle_dev, cpu);

	dev->cpu = cpu;
	return cpuidle_register_device(dev);
}

static int vmrpc_idle_offline(unsigned int cpu)
{
	cpuidle_unregister_device(per_cpu_ptr(&vmrpc_idle_dev, cpu));
	return 0;
}

void __init vmrpc_idle_init(void)
{
	int ret = -EBUSY;

	if (boot_option_idle_override == IDLE_NO_OVERRIDE)
		ret = cpuidle_register_driver(&vmrpc_idle_driver);
	if (!ret) {
		ret = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "cpuidle/vmrpc:online",
					vmrpc_idle_online, vmrpc_idle_offline);
		if (ret < 0)
			cpuidle_unregister_driver(&vmrpc_idle_driver);
	}
	if (ret < 0)
		pr_info("idle CPUs do not wait for calls, interrupts do: error %d\n", ret);
}
