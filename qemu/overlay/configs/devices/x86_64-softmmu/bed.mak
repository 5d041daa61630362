# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the bed uses, as its emulated machine and in the host there, and not more:
# the build should not take longer than it has to.

CONFIG_I440FX=y
CONFIG_Q35=y
CONFIG_VIRTIO_PCI=y
CONFIG_VIRTIO_BALLOON=y
CONFIG_VIRTIO_BLK=y
CONFIG_VIRTIO_MEM=y
CONFIG_VIRTIO_NET=y
CONFIG_VIRTIO_RNG=y
CONFIG_VIRTIO_SERIAL=y
CONFIG_VHOST_VSOCK=y
CONFIG_VMRPC=y
