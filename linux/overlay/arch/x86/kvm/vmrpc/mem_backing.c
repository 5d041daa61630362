// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is behind outsourced memory: a file in memory, of shmem or hugetlbfs, with the table and the blocks,
 * or with the table alone and the blocks in private anonymous memory of the VMM, which KSM can
 * merge.
 *
 * We hold the file, and the pages of the table, until the VM is destroyed, and never a page of a block.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/falloc.h>
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "anon_range.h"
#include "internal.h"

#define VMRPC_MEM_COUNT		128ull	/* blocks that are counted at once */

/* Whether a block is a page of the host's pool of huge pages, which come from there and go back. */
bool vmrpc_mem_is_hugetlb(const struct vmrpc_mem *mem)
{
	return is_file_hugepages(mem->file);
}

bool vmrpc_mem_is_private(const struct vmrpc_mem *mem)
{
	return mem->kvm;
}

/* The table */

static u32 vmrpc_mem_table_pages(u64 nr_blocks)
{
	return DIV_ROUND_UP(sizeof(struct vmrpc_mem_table) + nr_blocks, PAGE_SIZE);
}

static void vmrpc_mem_put_pages(struct page **pages, u32 nr)
{
	while (nr--)
		put_page(pages[nr]);
	kvfree(pages);
}

/* With a reference it is neither written out nor moved: so from where it need not be. */
static struct page *vmrpc_mem_get_page(struct address_space *mapping, u32 n)
{
	struct folio *folio;

	if (shmem_mapping(mapping))
		return shmem_read_mapping_page_gfp(mapping, n,
						   mapping_gfp_mask(mapping) & ~__GFP_MOVABLE);
	folio = filemap_get_folio(mapping, 0);
	return IS_ERR(folio) ? ERR_CAST(folio) : folio_page(folio, n);
}

static struct page **vmrpc_mem_get_pages(struct address_space *mapping, u32 nr)
{
	struct page **pages = kvcalloc(nr, sizeof(*pages), GFP_KERNEL_ACCOUNT);
	struct page *page;
	u32 n;

	if (!pages)
		return ERR_PTR(-ENOMEM);
	for (n = 0; n < nr; n++) {
		page = vmrpc_mem_get_page(mapping, n);
		if (IS_ERR(page)) {
			vmrpc_mem_put_pages(pages, n);
			return ERR_CAST(page);
		}
		pages[n] = page;
	}
	return pages;
}

static int vmrpc_mem_map_table(struct vmrpc_mem *mem)
{
	u32 nr = vmrpc_mem_table_pages(mem->nr_blocks);
	struct page **pages;
	int mode = FALLOC_FL_KEEP_SIZE, ret;

	/* Hugetlbfs gives none by reading; shmem refuses so what must not be written. */
	if (!vmrpc_mem_is_hugetlb(mem))
		mode |= FALLOC_FL_PUNCH_HOLE;
	ret = vfs_fallocate(mem->file, mode, 0, VMRPC_MEM_BLOCK);
	if (ret)
		return ret;
	pages = vmrpc_mem_get_pages(mem->file->f_mapping, nr);
	if (IS_ERR(pages))
		return PTR_ERR(pages);
	mem->table = vmap(pages, nr, VM_MAP, PAGE_KERNEL);
	if (!mem->table) {
		vmrpc_mem_put_pages(pages, nr);
		return -ENOMEM;
	}
	mem->pages = pages;
	mem->states = (u8 *)(mem->table + 1);
	return 0;
}

/* Private memory: it is where KVM finds it for the guest, as long as it does. */

/*
 * Of @nr pages from @gfn on, what is side by side: drops it, or adds it to @range if there is one.
 * Returns how many pages, or an error.
 */
static long vmrpc_mem_private_part(struct kvm *kvm, gfn_t gfn, u64 nr, struct anon_range *range, bool wait)
{
	unsigned long start;
	u64 found = vmrpc_find_memory(kvm, gfn, nr, &start);
	int ret;

	if (!found)
		return -EFAULT;
	ret = range ? anon_range_count(kvm->mm, start, start + (found << PAGE_SHIFT), range) :
		      anon_range_drop(kvm->mm, start, start + (found << PAGE_SHIFT), wait);
	return ret ?: found;
}

static int vmrpc_mem_private_parts(const struct vmrpc_mem *mem, u64 block, u64 nr,
				   struct anon_range *range, bool wait)
{
	gfn_t gfn = (mem->gpa + block * VMRPC_MEM_BLOCK) >> PAGE_SHIFT;
	u64 pages = nr * (VMRPC_MEM_BLOCK >> PAGE_SHIFT);
	struct kvm *kvm = mem->kvm;
	long done = 0;
	int idx;

	/* The VMM may have exited. */
	if (!mmget_not_zero(kvm->mm))
		return 0;
	/* The VMM does not get an address back that we use. */
	idx = srcu_read_lock(&kvm->srcu);
	for (; pages; gfn += done, pages -= done) {
		done = vmrpc_mem_private_part(kvm, gfn, pages, range, wait);
		if (done < 0)
			break;
	}
	srcu_read_unlock(&kvm->srcu, idx);
	/* The last one frees all that the VMM had, which may be this VM, too. */
	mmput_async(kvm->mm);
	return min(done, 0l);
}

/* All of it */

static bool vmrpc_mem_is_in_memory(struct file *file)
{
	return shmem_mapping(file->f_mapping) ||
	       (is_file_hugepages(file) && huge_page_size(hstate_file(file)) == VMRPC_MEM_BLOCK);
}

/* @arg was checked, as far as it speaks for itself. */
bool vmrpc_mem_backing_valid(struct file *file, const struct vmrpc_vm_set_mem *arg)
{
	bool private = arg->flags & VMRPC_MEM_PRIVATE;

	return (file->f_mode & FMODE_WRITE) &&
	       (private ? shmem_mapping(file->f_mapping) : vmrpc_mem_is_in_memory(file)) &&
	       i_size_read(file_inode(file)) >= VMRPC_MEM_BLOCK + (private ? 0 : arg->size);
}

/* @kvm has the blocks, or NULL: the file. */
int vmrpc_mem_backing_get(struct vmrpc_mem *mem, struct file *file, struct kvm *kvm)
{
	/* No seal forbids it from now on. */
	int ret = mapping_map_writable(file->f_mapping);

	if (ret)
		return ret;
	mem->file = file;
	ret = vmrpc_mem_map_table(mem);
	if (ret) {
		mem->file = NULL;
		mapping_unmap_writable(file->f_mapping);
		return ret;
	}
	get_file(file);
	mem->kvm = kvm;
	return 0;
}

void vmrpc_mem_backing_put(struct vmrpc_mem *mem)
{
	vunmap(mem->table);
	vmrpc_mem_put_pages(mem->pages, vmrpc_mem_table_pages(mem->nr_blocks));
	mem->kvm = NULL;
	mapping_unmap_writable(mem->file->f_mapping);
	fput(mem->file);
	mem->file = NULL;
}

/*
 * Drops the memory of @nr blocks.  -EAGAIN: of private memory, when whoever changes the VMM's mappings
 * would have to be waited for; blocks that a guest waits for are not to.
 */
int vmrpc_mem_backing_drop(struct vmrpc_mem *mem, u64 block, u64 nr, bool wait)
{
	if (vmrpc_mem_is_private(mem))
		return vmrpc_mem_private_parts(mem, block, nr, NULL, wait);
	return vfs_fallocate(mem->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			     (1 + block) * VMRPC_MEM_BLOCK, nr * VMRPC_MEM_BLOCK);
}

/* Bytes that are in memory, or more, but not more than all.  Changes at any time; without any lock. */
u64 vmrpc_mem_resident(const struct vmrpc_mem *mem)
{
	unsigned long pages = vmrpc_mem_is_private(mem) ? get_mm_counter(mem->kvm->mm, MM_ANONPAGES) :
							  READ_ONCE(mem->file->f_mapping->nrpages);

	/* Other private memory of the VMM's is among them. */
	return min((u64)pages << PAGE_SHIFT, (1 + mem->nr_blocks) * VMRPC_MEM_BLOCK);
}

static void vmrpc_mem_file_count(const struct vmrpc_mem *mem, struct vmrpc_vm_mem_info *info)
{
	info->resident = (u64)READ_ONCE(mem->file->f_mapping->nrpages) << PAGE_SHIFT;
	if (!vmrpc_mem_is_hugetlb(mem))
		info->swapped = (u64)READ_ONCE(SHMEM_I(file_inode(mem->file))->swapped) << PAGE_SHIFT;
}

/*
 * Fills in what is in memory and in swap, or adds that of the next blocks: until *@block is behind the
 * last one.
 */
int vmrpc_mem_backing_count(const struct vmrpc_mem *mem, u64 *block, struct vmrpc_vm_mem_info *info)
{
	u64 nr = mem->nr_blocks - *block;
	struct anon_range range = {};
	int ret = 0;

	if (!*block)
		vmrpc_mem_file_count(mem, info);
	if (vmrpc_mem_is_private(mem)) {
		nr = min(nr, VMRPC_MEM_COUNT);
		ret = vmrpc_mem_private_parts(mem, *block, nr, &range, true);
		info->resident += (u64)range.resident << PAGE_SHIFT;
		info->swapped += (u64)range.swapped << PAGE_SHIFT;
	}
	*block += nr;
	/* The VMM has not given it to the guest yet, or not any more: there is nothing. */
	return ret == -EFAULT ? 0 : ret;
}
