// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is behind outsourced memory: a file in memory, of shmem or hugetlbfs, with the table and the blocks,
 * or with the table alone and the blocks in private anonymous memory of the VMM, which KSM can
 * merge.
 *
 * We hold the file, and the pages of the table, until the VM is destroyed; of private memory only what
 * tells whose it was, so that the VMM may exit; and never a page of a block.
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

/* Whether a block is a page of the host's pool of huge pages, which come from there and go back. */
bool vmrpc_mem_is_hugetlb(const struct vmrpc_mem *mem)
{
	return is_file_hugepages(mem->file);
}

static bool vmrpc_mem_is_private(const struct vmrpc_mem *mem)
{
	return mem->mm;
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

/* Private memory: where there is none, there is nothing of it, either. */

/* Returns the memory that the VMM has, locked; or NULL: it exited. */
static struct mm_struct *vmrpc_mem_private_begin(const struct vmrpc_mem *mem)
{
	if (!mmget_not_zero(mem->mm))
		return NULL;
	mmap_read_lock(mem->mm);
	return mem->mm;
}

static void vmrpc_mem_private_end(struct mm_struct *mm)
{
	mmap_read_unlock(mm);
	/* The last one frees all that the VMM had, which may be this VM, too. */
	mmput_async(mm);
}

static int vmrpc_mem_private_drop(const struct vmrpc_mem *mem, u64 block, u64 nr)
{
	unsigned long start = mem->addr + block * VMRPC_MEM_BLOCK, end = start + nr * VMRPC_MEM_BLOCK;
	struct mm_struct *mm = vmrpc_mem_private_begin(mem);
	struct vma_iterator vmas;
	struct vm_area_struct *vma;
	unsigned long from, to;
	int ret = 0;

	if (!mm)
		return 0;
	vma_iter_init(&vmas, mm, start);
	for_each_vma_range(vmas, vma, end) {
		/* The VMM's doing. */
		if (!vma_is_anonymous(vma)) {
			ret = -EFAULT;
			break;
		}
		from = max(start, vma->vm_start);
		to = min(end, vma->vm_end);
		zap_page_range_single(vma, from, to - from, NULL);
	}
	vmrpc_mem_private_end(mm);
	return ret;
}

static void vmrpc_mem_private_count(const struct vmrpc_mem *mem, struct anon_range *range)
{
	struct mm_struct *mm = vmrpc_mem_private_begin(mem);

	if (!mm) {
		*range = (struct anon_range){};
		return;
	}
	anon_range_count(mm, mem->addr, mem->addr + mem->nr_blocks * VMRPC_MEM_BLOCK, range);
	vmrpc_mem_private_end(mm);
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
	return (file->f_mode & FMODE_WRITE) &&
	       (arg->addr ? shmem_mapping(file->f_mapping) : vmrpc_mem_is_in_memory(file)) &&
	       i_size_read(file_inode(file)) >= VMRPC_MEM_BLOCK + (arg->addr ? 0 : arg->size);
}

/* @addr is of block 0 in the caller's memory, or 0: the file has the blocks. */
int vmrpc_mem_backing_get(struct vmrpc_mem *mem, struct file *file, unsigned long addr)
{
	int ret;

	mem->file = file;
	ret = vmrpc_mem_map_table(mem);
	if (ret) {
		mem->file = NULL;
		return ret;
	}
	get_file(file);
	mem->addr = addr;
	if (addr) {
		mem->mm = current->mm;
		mmgrab(mem->mm);
	}
	return 0;
}

void vmrpc_mem_backing_put(struct vmrpc_mem *mem)
{
	vunmap(mem->table);
	vmrpc_mem_put_pages(mem->pages, vmrpc_mem_table_pages(mem->nr_blocks));
	if (mem->mm)
		mmdrop(mem->mm);
	mem->mm = NULL;
	fput(mem->file);
	mem->file = NULL;
}

/* Drops the memory of @nr blocks. */
int vmrpc_mem_backing_drop(struct vmrpc_mem *mem, u64 block, u64 nr)
{
	if (vmrpc_mem_is_private(mem))
		return vmrpc_mem_private_drop(mem, block, nr);
	return vfs_fallocate(mem->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			     (1 + block) * VMRPC_MEM_BLOCK, nr * VMRPC_MEM_BLOCK);
}

/*
 * Bytes that are in memory, or more: other private memory of the VMM's is among them.  Changes at any
 * time; without any lock.
 */
u64 vmrpc_mem_resident(const struct vmrpc_mem *mem)
{
	unsigned long pages = vmrpc_mem_is_private(mem) ? get_mm_counter(mem->mm, MM_ANONPAGES) :
							  READ_ONCE(mem->file->f_mapping->nrpages);

	return (u64)pages << PAGE_SHIFT;
}

/* The table's pages that were never used are not counted. */
void vmrpc_mem_backing_count(const struct vmrpc_mem *mem, struct vmrpc_vm_mem_info *info)
{
	unsigned long resident = READ_ONCE(mem->file->f_mapping->nrpages);
	struct anon_range range = {};

	if (vmrpc_mem_is_private(mem))
		vmrpc_mem_private_count(mem, &range);
	else if (!vmrpc_mem_is_hugetlb(mem))
		range.swapped = READ_ONCE(SHMEM_I(file_inode(mem->file))->swapped);
	info->resident = (u64)(resident + range.resident) << PAGE_SHIFT;
	info->swapped = (u64)range.swapped << PAGE_SHIFT;
}
