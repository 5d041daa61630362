// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PCI function of VMRPC: the interrupt for requests that find no CPU parked,
 * and for a host that does not know our channel any more.
 */
#define pr_fmt(fmt) "vmrpc: " fmt

#include <linux/interrupt.h>
#include <linux/pci.h>
#include "internal.h"

static irqreturn_t vmrpc_pci_irq(int irq, void *data)
{
	rvmrpc_kick();
	return IRQ_HANDLED;
}

static int vmrpc_pci_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int ret;

	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	pci_set_master(pdev);	/* a message-signalled interrupt is a write by the device */
	ret = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_MSIX);
	if (ret < 0)
		return dev_err_probe(&pdev->dev, ret, "no MSI-X vector\n");
	ret = request_irq(pci_irq_vector(pdev, 0), vmrpc_pci_irq, 0, "vmrpc", pdev);
	if (ret) {
		pci_free_irq_vectors(pdev);
		return ret;
	}
	/* A request may have come before there was anyone to tell. */
	rvmrpc_kick();
	return 0;
}

static void vmrpc_pci_remove(struct pci_dev *pdev)
{
	free_irq(pci_irq_vector(pdev, 0), pdev);
	pci_free_irq_vectors(pdev);
}

static const struct pci_device_id vmrpc_pci_ids[] = {
	{ PCI_DEVICE(VMRPC_PCI_VENDOR_ID, VMRPC_PCI_DEVICE_ID) },
	{ }
};

static struct pci_driver vmrpc_pci_driver = {
	.name		= "vmrpc",
	.id_table	= vmrpc_pci_ids,
	.probe		= vmrpc_pci_probe,
	.remove		= vmrpc_pci_remove,
	.shutdown	= vmrpc_pci_remove,
};

int __init vmrpc_pci_init(void)
{
	return pci_register_driver(&vmrpc_pci_driver);
}
