# SPDX-License-Identifier: GPL-2.0-only
#
# Builds the kernel, QEMU, the tools and the bed's images
# into build/, and runs the demonstration and the tests.  See "make help".

MAKEFLAGS += --no-print-directory
SHELL := /bin/bash
.DELETE_ON_ERROR:

HERE := $(CURDIR)
B := $(HERE)/build
JOBS ?= $(shell nproc)

# ccache where it is; paths relative to here, so that every clone shares hits.
# Depend mode spares the preprocessing: a third of the time of a first build.
CCACHE := $(shell command -v ccache)
export CCACHE_DEPEND := 1
export CCACHE_BASEDIR := $(HERE)
export CCACHE_NOHASHDIR := 1
CC := $(if $(CCACHE),ccache )gcc

# In the environment, so that it is the same for whoever builds in these trees.
export KBUILD_BUILD_USER := vmrpc
export KBUILD_BUILD_HOST := vmrpc

# $(call step,WHAT): a progress line.  $(call logged,NAME): runs what follows with its
# output in build/log/NAME.log.
step = @echo "$(1)"
logged = @scripts/logged $(B)/log/$(1).log

# What the first build takes is said beforehand.
first = $(if $(wildcard $(1)),,$(2))

# KCSAN: only what says otherwise is watched, which is our part of KVM.
KERNEL = CC="$(CC)" $(if $(filter kcsan,$(DEBUG_KERNELS)),KCSAN_SANITIZE=n)
QEMU_OPTIONS := --target-list=x86_64-softmmu --prefix=/usr --python=/usr/bin/python3 \
	--without-default-features --without-default-devices --with-devices-x86_64=bed \
	--disable-install-blobs --disable-docs --disable-tools --disable-werror \
	--enable-kvm --enable-tcg --enable-slirp --enable-vhost-kernel --enable-vhost-net

# Two steps at a time: where one has work for a single process the other goes on.
all:
	@$(MAKE) -j$(if $(filter 1,$(JOBS)),1,2) image

help:
	@sed -n 's/^#: //p' Makefile

#: Targets:
#:   all               everything below that is built
#:   host-kernel       the patched kernel, which hosts and guests: build/host-kernel/arch/x86/boot/bzImage
#:   guest-kernel      the same, or that of --guest-linux-src: build/guest-kernel/arch/x86/boot/bzImage
#:   qemu              the patched QEMU: build/qemu/qemu-system-x86_64
#:   tools             the vmrpc command and libvmrpc: build/tools
#:   tests             the test programs: build/tests
#:   image             the bed's host and guest images: build/image
#:   demo              set up, build, and show what it does
#:   shell             the bed with one guest, and a prompt
#:   check             set up, build, and run the tests
#:   check-long        the tests that take longer
#:   check-upstream    upstream's KVM selftests, patched against unpatched
#:   check-patches     the patches are as "make refresh" writes them
#:   check-overlay     no file of an overlay exists upstream
#:   check-abi         the ABI headers compile alone and have the documented layout
#:   check-maintainers MAINTAINERS covers every file
#:   refresh           write the patches anew from build/src
#:   bench             measure: build/bench/results.tsv
#:   clean             remove build/
#: Variables: JOBS=N (default: the number of CPUs), V=1 (show the builds' output),
#:   DEBUG_KERNELS=1 (kernels with KASAN and lockdep), =kcsan; best in a clone of its own

# ---- Sources

SOURCES := $(B)/upstream/linux.version $(B)/upstream/qemu.version
$(SOURCES) &:
	@./configure

# Prepared on every run: cheap when nothing changed.
prepare-linux prepare-linux-guest prepare-qemu: prepare-%: $(SOURCES)
	@scripts/prepare $*

# ---- Kernels

# The configuration is made anew when a fragment, a tree or DEBUG_KERNELS changed.
DEBUG_KERNELS ?= 0
export DEBUG_KERNELS
$(B)/debug-$(DEBUG_KERNELS):
	@mkdir -p $(@D)
	@rm -f $(B)/debug-*
	@touch $@

# What any kernel's configuration is made by, besides its tree.
CONFIGURES := guest-kernel-patches/linux/config/*.config linux/*.config scripts/kernel-config \
	$(B)/debug-$(DEBUG_KERNELS)

$(B)/host-kernel/.configured: linux/config/*.config $(CONFIGURES) $(B)/src/linux.kconfig
	@scripts/kernel-config linux $(@D) $(KERNEL)
	@touch $@
$(B)/src/linux.kconfig: prepare-linux ;

host-kernel: $(B)/host-kernel/.configured
	$(call step,building the kernel$(call first,$(B)/host-kernel/vmlinux, (about 12 minutes the first time)))
	$(call logged,host-kernel) $(MAKE) -C $(B)/src/linux O=$(B)/host-kernel -j$(JOBS) $(KERNEL) bzImage modules

# One kernel is the host's and the guest's, unless the guest's has a source of its own.
ifeq ($(wildcard $(B)/upstream/linux-guest),)
guest-kernel: host-kernel
	@[ -L $(B)/guest-kernel ] || rm -rf $(B)/guest-kernel $(B)/src/linux-guest
	@ln -sfn host-kernel $(B)/guest-kernel
	@ln -sfn linux $(B)/src/linux-guest
else
$(B)/guest-kernel/.configured: $(CONFIGURES) $(B)/src/linux-guest.kconfig
	@scripts/kernel-config linux-guest $(@D) $(KERNEL)
	@touch $@
$(B)/src/linux-guest.kconfig: prepare-linux-guest ;

guest-kernel: $(B)/guest-kernel/.configured
	$(call step,building the guest kernel$(call first,$(B)/guest-kernel/vmlinux, (about 12 minutes the first time)))
	$(call logged,guest-kernel) $(MAKE) -C $(B)/src/linux-guest O=$(B)/guest-kernel -j$(JOBS) $(KERNEL) bzImage modules
endif

# ---- QEMU

$(B)/qemu/build.ninja: Makefile
	@mkdir -p $(@D)
	$(call logged,qemu-configure) sh -c 'cd $(@D) && CC="$(CC)" $(B)/src/qemu/configure $(QEMU_OPTIONS)'

qemu: prepare-qemu
	$(call step,building QEMU$(call first,$(B)/qemu/qemu-system-x86_64, (about 5 minutes the first time)))
	@$(MAKE) -s $(B)/qemu/build.ninja
	$(call logged,qemu) $(MAKE) -C $(B)/qemu -j$(JOBS) qemu-system-x86_64

# ---- Tools, tests, images

tools: prepare-linux
	$(call step,building the tools)
	$(call logged,tools) $(MAKE) -C $(B)/src/linux/tools/vmrpc O=$(B)/tools MAN=$(HERE)/docs/man/vmrpc.1.rst CC="$(CC)"

tests: tools guest-kernel
	$(call step,building the tests)
	$(call logged,tests) $(MAKE) -C tests -j$(JOBS) O=$(B)/tests CC="$(CC)"

# Needs nothing that is built here.
image-base: $(SOURCES)
	@scripts/build-image base

image: image-base host-kernel qemu guest-kernel tools tests
	$(call step,building the images$(call first,$(B)/image/host.img, (about 2 minutes the first time)))
	$(call logged,image) scripts/build-image

# ---- Running

# Root installs what is missing; anyone else is told what it is.
setup:
	@./configure $(if $(filter 0,$(shell id -u)),--install-deps)

demo: setup
	@$(MAKE) all
	$(call step,running the demonstration)
	@scripts/demo

check: setup
	@$(MAKE) all
	$(call step,running the tests)
	@scripts/run-tests

check-long: setup
	@$(MAKE) all
	$(call step,running the long tests)
	@scripts/run-tests --group long

# The host kernel as upstream has it, with the same configuration.
$(B)/host-kernel-upstream/.configured: linux/config/*.config $(CONFIGURES) $(B)/upstream/linux.version
	@scripts/kernel-config linux-upstream $(@D) $(KERNEL)
	@touch $@

host-kernel-upstream: $(B)/host-kernel-upstream/.configured
	@echo "building the unpatched host kernel$(call first,$(B)/host-kernel-upstream/vmlinux, (about 12 minutes the first time))"
	$(call logged,host-kernel-upstream) $(MAKE) -C $(B)/upstream/linux O=$(B)/host-kernel-upstream -j$(JOBS) $(KERNEL) bzImage

upstream-tests: tests
	@echo "building upstream's KVM selftests$(call first,$(B)/tests/upstream, (about 3 minutes the first time))"
	$(call logged,upstream-tests) $(MAKE) -C tests upstream O=$(B)/tests CC="$(CC)" -j$(JOBS)

check-upstream: setup
	@$(MAKE) all upstream-tests host-kernel-upstream
	@$(MAKE) image
	@scripts/check-upstream

shell: all
	@scripts/bed shell

bench: all
	@tests/bench/run

# ---- Checks of the repository itself

refresh: $(SOURCES)
	@scripts/refresh linux
	@[ ! -d $(B)/upstream/linux-guest ] || scripts/refresh linux-guest
	@scripts/refresh qemu

check-patches check-overlay check-abi check-maintainers: $(SOURCES)
	@scripts/$@

clean:
	rm -rf $(B)

.PHONY: all help prepare-linux prepare-linux-guest prepare-qemu host-kernel guest-kernel qemu tools tests image-base image setup demo shell host-kernel-upstream upstream-tests \
	check check-long check-upstream check-patches check-overlay check-abi \
	check-maintainers refresh bench clean
