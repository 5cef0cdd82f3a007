/* Large memory: zero-filled pages from the system, given back at once; what isn't touched costs nothing.
 *
 * A guarded block ends, to the byte, at a page that can't be touched: whoever writes or reads past its end is stopped at
 * once.  (Sanitizers see nothing inside generated code.)  Its start is then aligned no more than its size is. */
#ifndef FTC_BLOCK_H
#define FTC_BLOCK_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    char *data;     /* page-aligned, or flush with the unmapped page behind */
    size_t size;
    void *map;      /* what the system gave; NULL for an empty Block { 0 } */
    size_t map_size;
} Block;

/* Reserves size bytes; false if they can't be had, without a message. */
bool block_reserve(Block *b, size_t size, bool guarded);
void block_free(Block *b); /* leaves it empty */

/* Of these bytes of a block, few will be touched, here and there: each touch costs a small page, not a huge one. */
void block_sparse(void *p, size_t size);

#endif
