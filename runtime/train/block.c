/* Blocks of pages; see block.h. */
#define _GNU_SOURCE
#include "runtime/train/block.h"

#include "runtime/core/mem.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HUGE_PAGE = 2 << 20 };

bool block_reserve(Block *b, size_t size, bool guarded)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    *b = (Block){ 0 };
    if (size > (size_t)PTRDIFF_MAX - 2 * page)
        return false;
    size_t used = (size + page - 1) / page * page;
    size_t total = used + (guarded || used == 0 ? page : 0);
    char *map = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED)
        return false;
    if (guarded && mprotect(map + used, page, PROT_NONE)) {
        munmap(map, total);
        return false;
    }
    if (!guarded && used >= HUGE_PAGE) /* fewer pages to translate; what isn't touched still costs nothing but part of one */
        madvise(map, total, MADV_HUGEPAGE);
    *b = (Block){ .data = guarded ? map + used - size : map, .size = size, .map = map, .map_size = total };
    return true;
}

void block_sparse(void *p, size_t size) { mem_advise(p, size, MADV_NOHUGEPAGE); }

void block_free(Block *b)
{
    if (b->map)
        munmap(b->map, b->map_size);
    *b = (Block){ 0 };
}
